"""Names of datasets, versions and shards."""

import pytest

from dsbuilder import names

HOSTILE = ["", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "a\0", "a\n", "A", "a b", "a\x1b", "ä"]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_could_be_a_path_is_no_name(name: str) -> None:
    assert names.dataset_fault(name)
    assert names.version_fault(name)
    assert not names.is_stem(name, name="a", split="train")
    assert not names.is_stem(f"a-train#00000-of-00001{name or '/'}", name="a", split="train")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/a", "a\\b", "a\0"])
def test_a_path_is_no_file_of_a_folder(name: str) -> None:
    assert not names.is_file(name)


def test_what_builds_write_is_taken() -> None:
    assert names.dataset_fault("pets_2") is None
    assert names.version_fault("1.20.3") is None
    stem = names.stem("pets", "train", 3, 128)
    assert stem == "pets-train#00003-of-00128"
    assert names.is_stem(stem, name="pets", split="train")
    assert names.is_stem(names.stem("pets", "test", 123456, 200000), name="pets", split="test")
    assert not names.is_stem(stem, name="pets", split="test")
    assert names.is_file("pets-train.tfrecord-00000-of-00001")
