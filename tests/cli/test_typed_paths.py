"""What is printed calls a build by the version that stands for it, wherever the message is from."""

from pathlib import Path

from dsbuilder.cli.screen import shown
from dsbuilder.cli.typed_paths import as_typed


def test_a_build_in_a_message_is_the_version_that_stands_for_it(pets: Path, call) -> None:
    call("build pets.yaml --out 'an out' --workers 0")
    first = (pets / "an out/pets/1.0.0").resolve()
    text = f"{first}/a.tfrecord: cut, as '{first}' says ({first})"
    link = "an out/pets/1.0.0"
    assert as_typed(text, shown) == f"{link}/a.tfrecord: cut, as '{link}' says ({link})"
    assert as_typed(text).count(f"{pets}/an out/pets/1.0.0") == 3
    call("build pets.yaml --out 'an out' --workers 0 --set seed=9")
    assert as_typed(f"{first}: gone", shown) == (
        "an out/pets (a build that no version stands for): gone"
    )


def test_other_texts_stay(folder: Path) -> None:
    for text in ("a/.builds/prepared: no", f"{'0' * 32}", "/nowhere/.builds/lock", "no path"):
        assert as_typed(text) == text
    hashed = f"/nowhere/.builds/{'0' * 32}"
    assert "0000" not in as_typed(f"{hashed}: no such folder")
