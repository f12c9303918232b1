"""Verifying finds whatever is not as it was built, and all of it at once."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dsbuilder import Dataset
from dsbuilder.cache import store
from dsbuilder.dataset import find_problems, load
from dsbuilder.errors import CacheError
from dsbuilder.records import example, tfrecord


@pytest.fixture(params=["tfrecord", "npy"])
def codec(request: pytest.FixtureRequest) -> str:
    """Both: what can be wrong with a shard is a matter of how it is stored."""
    return request.param


def test_what_was_built_has_no_problem(build) -> None:
    dataset = build()
    assert find_problems(dataset) == []
    dataset.verify()


def test_a_copy_has_none_either(build, tmp_path: Path) -> None:
    dataset = build()
    for path in list(dataset.path.iterdir()):
        if path.is_file():
            (tmp_path / "copy").mkdir(exist_ok=True)
            os.link(path, tmp_path / "copy" / path.name)
    assert find_problems(load(tmp_path / "copy")) == []


def train_files(dataset: Dataset) -> list[Path]:
    shard = dataset.shards("train")[0]
    return [dataset.path / name for name in dataset.codec.files(shard.stem)]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"x")
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def test_every_file_counts(build) -> None:
    dataset = build()
    for name in store.read_sums(dataset.path):
        path = dataset.path / name
        whole = path.read_bytes()
        flip(path)
        found = opened_problems(dataset.path)
        assert any(name in each for each in found), name
        path.write_bytes(whole)
    assert find_problems(dataset) == []


def opened_problems(path: Path) -> list[str]:
    try:
        return find_problems(load(path, whole=False))
    except CacheError as error:
        return [str(error)]


def test_all_problems_are_named_at_once(build) -> None:
    dataset = build()
    (dataset.path / "pipeline.json").unlink()
    (dataset.path / "stray.txt").touch()
    flip(train_files(dataset)[0])
    with pytest.raises(CacheError) as error:
        dataset.verify()
    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"{dataset.where}: expected the dataset as it was built, found ")
    assert "  pipeline.json is missing" in lines
    assert "  stray.txt is no file of the dataset" in lines
    assert f"  {train_files(dataset)[0].name} differs from its checksum" in lines


def resum(dataset: Dataset) -> None:
    """Writes checksums anew, as who alters a dataset on purpose would."""
    sums = {name: store.sha256(dataset.path / name) for name in store.read_sums(dataset.path)}
    store.write_sums(dataset.path, sums)


def alter_ledger(dataset: Dataset, alter: Callable[[list[dict]], None]) -> None:
    shard = dataset.shards("train")[0]
    path = dataset.path / f"{shard.stem.replace('#', '-')}.ledger.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    alter(rows)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    resum(dataset)


def test_a_ledger_that_lost_a_line_is_noticed(build) -> None:
    dataset = build()
    alter_ledger(dataset, lambda rows: rows.pop())
    found = "\n".join(find_problems(dataset))
    count = dataset.shards("train")[0].samples
    assert f"the ledger has {count - 1} samples, the manifest {count}" in found
    assert f"the shard holds {count} samples, the ledger {count - 1}" in found


def test_two_samples_that_changed_places_are_noticed(build) -> None:
    dataset = build()

    def swap(rows: list[dict]) -> None:
        rows[0]["key"], rows[1]["key"] = rows[1]["key"], rows[0]["key"]

    alter_ledger(dataset, swap)
    found = find_problems(dataset)
    assert len(found) >= 2
    assert all("expected its" in each for each in found)


def test_a_key_that_is_there_twice_is_noticed(build) -> None:
    dataset = build()
    alter_ledger(dataset, lambda rows: rows[0].update(key=rows[1]["key"]))
    assert any(" lies in " in each and " and again in " in each for each in find_problems(dataset))


def test_a_record_used_in_two_splits_is_noticed(build) -> None:
    dataset = build()
    leak = next(entry for _, entry in dataset.entries("test") if entry.parents).parents[0]

    def use(rows: list[dict]) -> None:
        row = next(row for row in rows if row["parents"])
        row["parents"].append(leak)
        row["source"].append("0")

    alter_ledger(dataset, use)
    assert any(f"is made of '{leak}' of " in each for each in find_problems(dataset))


def test_a_class_out_of_range_is_noticed(build, codec: str) -> None:
    dataset = build()
    shard = dataset.shards("train")[0]
    entry = next(entry for each, entry in dataset.entries("train") if each.stem == shard.stem)
    if codec == "npy":
        path = next(path for path in train_files(dataset) if path.name.endswith(".label.npy"))
        labels = np.load(path)
        labels[entry.offset] = 7
        np.save(path, labels)
    else:
        (path,) = train_files(dataset)
        payloads = [data for _, _, data in tfrecord.read(path)]
        features = example.decode(payloads[0])
        features["label"] = np.array([7])
        payloads[0] = example.encode(features)
        path.write_bytes(b"".join(map(tfrecord.frame, payloads)))
    resum(dataset)
    found = find_problems(dataset)
    assert f"'{entry.key}': label: expected a class in [0, 2), found 7" in found
    assert any("the shard holds the classes" in each for each in found)


def test_counts_of_the_manifest_are_compared(build) -> None:
    dataset = build()
    path = dataset.path / "metadata.json"
    data = json.loads(path.read_text())
    shard = data["splits"]["train"][0]
    shard["samples"] += 1
    shard["size_bytes"] += 1
    shard["classes"]["cat"] = 99
    data["quarantined"] = 3
    path.write_text(json.dumps(data))
    resum(dataset)
    found = "\n".join(find_problems(load(dataset.path, whole=False)))
    assert f"samples, the manifest {shard['samples']}" in found
    assert f"bytes, the manifest {shard['size_bytes']}" in found
    assert "'cat': 99" in found
    assert "quarantine.jsonl holds 0 samples, the manifest says 3" in found


def test_many_problems_of_one_shard_are_counted(build) -> None:
    dataset = build("out", "cache.shard_mb=10")

    def shift(rows: list[dict]) -> None:
        for row in rows:
            row["key"] += "?"

    alter_ledger(dataset, shift)
    found = find_problems(dataset)
    assert 10 < len(found) < 13
    assert any("more of its samples have a problem" in each for each in found)


def test_a_file_without_a_checksum_is_noticed(build) -> None:
    dataset = build()
    sums = store.read_sums(dataset.path)
    del sums["pipeline.json"]
    store.write_sums(dataset.path, sums)
    assert find_problems(dataset) == [
        "pipeline.json has no checksum in SHA256SUMS",
        "pipeline.json is no file of the dataset",
    ]


def test_logs_and_reports_may_come_and_go(build) -> None:
    dataset = build()
    (dataset.path / "report.html").touch()
    (dataset.path / "log/more.txt").touch()
    assert find_problems(dataset) == []
