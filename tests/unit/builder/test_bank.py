"""A bank is a dataset that verifies, and is sealed last."""

from pathlib import Path

import banks
import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.errors import CacheError
from dsbuilder.records.bank import digest_of, open_bank

LABELS = ("cat", "dog", "cat", "owl")


def test_a_bank_is_a_dataset_like_any_other(tmp_path: Path) -> None:
    seal = banks.write(tmp_path / "bank", LABELS)
    dataset = dsbuilder.load(tmp_path / "bank")
    dataset.verify()
    assert dataset.info().splits["train"].classes == {"cat": 2, "dog": 1, "owl": 1}
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]
    for number, sample in enumerate(dataset.samples("train")):
        assert np.array_equal(sample.image, banks.image(number))
        assert dataset.class_names[sample.targets["label"]] == LABELS[number]
    assert (tmp_path / "bank/SEAL").read_text() == f"{seal}\n"
    assert digest_of(tmp_path / "bank") == seal


def test_its_ledger_says_what_drew_each_image(tmp_path: Path) -> None:
    banks.write(tmp_path / "bank", LABELS)
    entries = [entry for _, entry in dsbuilder.load(tmp_path / "bank").entries("train")]
    assert all(each.synthetic and not each.parents for each in entries)
    assert entries[3].stages[0].params == {"seed": 0, "class": "owl", "number": 3}
    assert len({each.fingerprint for each in entries}) == len(LABELS)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    seal = banks.write(tmp_path / "bank", LABELS)
    bank = open_bank(tmp_path / "bank")
    assert bank.seal == seal
    assert [each.label for each in bank.note.entries] == list(LABELS)
    assert bank.by_class == {"cat": (0, 2), "dog": (1,), "owl": (3,)}
    assert bank.note.turned_away == "2 copy"


def test_a_bank_is_never_written_over(tmp_path: Path) -> None:
    banks.write(tmp_path / "bank", LABELS)
    with pytest.raises(CacheError, match="A bank is never changed"):
        banks.write(tmp_path / "bank", LABELS)


def test_equal_images_give_equal_banks_and_others_another_seal(tmp_path: Path) -> None:
    seals = [banks.write(tmp_path / name, LABELS) for name in ("one", "two")]
    other = banks.write(tmp_path / "three", LABELS[:3])
    assert seals[0] == seals[1] != other


def test_a_large_bank_has_several_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsbuilder.builder.bank._SHARD_BYTES", 2000)
    banks.write(tmp_path / "bank", LABELS * 3)
    dataset = dsbuilder.load(tmp_path / "bank")
    assert len(dataset.shards("train")) > 2
    dataset.verify()
    assert len({each.file for each in open_bank(tmp_path / "bank").note.entries}) > 2


def test_its_images_are_previewed(tmp_path: Path) -> None:
    banks.write(tmp_path / "bank", LABELS * 10)
    dataset = dsbuilder.load(tmp_path / "bank")
    found = dataset.preview(tmp_path / "sheet.png", count=2)
    with Image.open(found.output) as sheet:
        assert sheet.width > 6 * 168
    (keys,) = found.shown.values()
    assert len(set(keys)) == 12 and all(key.startswith("drawn/") for key in keys)
    assert dataset.preview(tmp_path / "sheet.png", count=2, seed=1).shown != found.shown
