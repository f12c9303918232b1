"""Names of files: of any key one that every system takes, and of different keys different ones."""

from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.layouts.file_names import folder_names, quoted


@given(st.lists(st.text(min_size=1, max_size=300), unique=True, max_size=20))
def test_different_texts_have_different_names_that_any_file_system_takes(texts: list[str]) -> None:
    texts = [text for text in texts if text.isprintable() or text.isascii()]
    names = [quoted(text) for text in texts]
    assert len(set(names)) == len(texts)
    for name in names:
        assert not set(name) & set('/\\:*?"<>|@~\0\n')
        assert len(name.encode()) <= 200
        assert not name.startswith(".")


def test_folders_are_called_as_classes_unless_one_of_them_cannot_be() -> None:
    assert folder_names(("a b", "猫", "+")) == {"a b": "a b", "猫": "猫", "+": "+"}
    assert folder_names(("a/b", "+", ".c")) == {"a/b": "a+b", "+": "%2B", ".c": "%2Ec"}
