"""The laws of a build: same inputs, same bytes; whole or not at all; nothing made twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plugin_files import DIMMED

import dsbuilder
from dsbuilder.builder import Built, build_dataset
from dsbuilder.cache.index import content_hashes
from dsbuilder.dataset.variants import variants_of
from dsbuilder.errors import CacheError, DataError

PIPELINE = """
name: toy
seed: 3
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
augment:
  copies: 2
  stages:
    - {use: A.RandomResizedCrop, size: [32, 32]}
    - {use: A.HorizontalFlip}
    - {use: A.ColorJitter, p: 0.5}
finish: [{use: resize, size: [32, 32]}]
cache: {shard_mb: 0.01}
"""


def sums(built: Built) -> str:
    return (built.path / "SHA256SUMS").read_text()


@pytest.fixture
def pipeline(make_images, write_pipeline) -> Path:
    make_images()
    return write_pipeline(PIPELINE)


@pytest.mark.parametrize(
    "workers", [3, *(pytest.param(number, marks=pytest.mark.slow) for number in (2, 7))]
)
def test_any_number_of_workers_gives_the_same_bytes(pipeline, tmp_path, workers) -> None:
    alone = build_dataset(pipeline, tmp_path / "one", workers=0)
    several = build_dataset(pipeline, tmp_path / "several", workers=workers)
    assert len(alone.manifest.splits["train"]) > 2  # there was something to share out
    assert sums(several) == sums(alone)


def test_a_part_of_train_is_copied_from_the_whole_and_leaves_other_splits_alone(
    pipeline, tmp_path
) -> None:
    whole = build_dataset(pipeline, tmp_path / "out", workers=0)
    keys = keys_by_split(whole)
    part = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["split.subset=0.5"])
    alone = build_dataset(pipeline, tmp_path / "b", workers=0, overrides=["split.subset=0.5"])
    assert part.made == 0 and sums(part) == sums(alone)
    found = keys_by_split(part)
    assert found["train"] < keys["train"] and 0.4 < len(found["train"]) / len(keys["train"]) < 0.6
    assert {**found, "train": keys["train"]} == keys


def keys_by_split(built: Built) -> dict[str, set[str]]:
    dataset = dsbuilder.load(built.path)
    return {each: {entry.key for _, entry in dataset.entries(each)} for each in dataset.splits}


def test_two_builds_in_a_row_are_equal_and_the_second_makes_nothing(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    before = sums(first)
    second = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert (second.made, second.reused) == (0, first.made)
    assert sums(second) == before


def test_the_order_in_which_files_were_made_does_not_matter(
    pipeline, tmp_path, write_pipeline
) -> None:
    files = sorted((tmp_path / "source").rglob("*.png"), reverse=True)
    for path in files:
        copy = tmp_path / "other" / path.relative_to(tmp_path / "source")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    other = write_pipeline(PIPELINE.replace("path: source", "path: other"), "other_order")
    one = build_dataset(pipeline, tmp_path / "a", workers=0)
    two = build_dataset(other, tmp_path / "b", workers=0, overrides=["source.path=source"])
    assert sums(one) == sums(two)


def test_only_training_samples_have_variants(pipeline, tmp_path) -> None:
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    assert dataset.num_samples("train") == 18 * 3
    assert dataset.num_samples("validation") == dataset.num_samples("test") == 6
    for split in ("validation", "test"):
        assert all("//" not in sample.key for sample in dataset.samples(split))


def test_the_original_can_be_left_out(pipeline, tmp_path) -> None:
    overrides = ["augment.original=false"]
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    keys = [sample.key for sample in dsbuilder.load(built.path).samples("train")]
    assert len(keys) == 36
    assert all("//copy-" in key for key in keys)


def test_all_that_derives_from_one_image_lies_in_one_shard(pipeline, tmp_path) -> None:
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    home: dict[str, str] = {}
    for shard, entry in dataset.entries("train"):
        root = entry.key.partition("//")[0]
        assert home.setdefault(root, shard.stem) == shard.stem
        assert entry.parents == (root,)


def test_a_stage_put_in_between_reseeds_no_other(pipeline, tmp_path) -> None:
    more = ["augment.stages[2]={use: A.RandomGamma, p: 1}"]

    def flips(overrides: list[str], out: str) -> dict[str, object]:
        built = build_dataset(pipeline, tmp_path / out, workers=0, overrides=overrides)
        return {
            entry.key: applied.params
            for _, entry in dsbuilder.load(built.path).entries("train")
            for applied in entry.stages
            if applied.plugin == "A.HorizontalFlip"
        }

    assert flips([], "a") == flips(more, "b")


def test_changing_one_image_leaves_other_shards_as_they_are(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    inodes = {path.name: path.stat().st_ino for path in first.path.glob("*.tfrecord-*")}
    victim = tmp_path / "source/cat/0.png"
    victim.write_bytes((tmp_path / "source/dog/0.png").read_bytes())
    second = build_dataset(pipeline, tmp_path / "out", workers=2)
    assert second.made in (1, 3)  # the image itself, and its variants if it is in train
    kept = [p for p in second.path.glob("*.tfrecord-*") if p.stat().st_ino == inodes[p.name]]
    assert len(kept) == len(inodes) - 1
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0)
    assert sums(second) == sums(fresh)


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
@pytest.mark.slow
def test_samples_are_copied_when_shards_are_cut_otherwise(pipeline, tmp_path, codec) -> None:
    build_dataset(pipeline, tmp_path / "out", workers=0, overrides=[f"cache.codec={codec}"])
    for shard_mb in (0.003, 10):
        overrides = [f"cache.shard_mb={shard_mb}", f"cache.codec={codec}"]
        again = build_dataset(pipeline, tmp_path / "out", workers=2, overrides=overrides)
        assert (again.made, again.reused) == (0, 66)
        fresh = build_dataset(
            pipeline, tmp_path / f"fresh{shard_mb}", workers=0, overrides=overrides
        )
        assert sums(again) == sums(fresh)


def test_a_damaged_earlier_shard_is_not_copied(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    for shard in first.path.glob("*.tfrecord-*"):
        data = bytearray(shard.read_bytes())
        data[len(data) // 2] ^= 0xFF
        shard.write_bytes(data)
    overrides = ["cache.shard_mb=10"]
    again = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    assert again.made == 66  # every shard was damaged: nothing of it is trusted
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=overrides)
    assert sums(again) == sums(fresh)


def test_a_changed_file_of_equal_size_and_time_is_noticed(pipeline, tmp_path) -> None:
    victim = tmp_path / "source/cat/0.png"
    os.utime(victim, ns=(10**18, 10**18))
    before = content_hashes(tmp_path / "index.json", [str(victim)])[str(victim)]
    data = bytearray(victim.read_bytes())
    data[-20] ^= 1
    victim.write_bytes(bytes(data))
    os.utime(victim, ns=(10**18, 10**18))
    assert content_hashes(tmp_path / "index.json", [str(victim)])[str(victim)] != before


def test_a_settled_file_is_not_read_again(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    index = tmp_path / "index.json"
    content_hashes(index, [str(path)])
    assert not index.exists()  # too young to be trusted
    later = time.time_ns() + 3 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    content_hashes(index, [str(path)])
    known = json.loads(index.read_text())
    known[str(path)][0] = "from the index"
    index.write_text(json.dumps(known))
    assert content_hashes(index, [str(path)])[str(path)] == "from the index"
    assert content_hashes(index, [str(path)], rehash=True)[str(path)] != "from the index"


def test_a_lost_shard_is_made_again(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    before = sums(first)
    lost = sorted(first.path.glob("*.tfrecord-*"))[0]
    lost.unlink()
    second = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert lost.is_file()
    assert sums(second) == before
    dsbuilder.load(second.path).verify()


def test_a_version_stands_for_its_last_build_and_what_is_open_stays(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    opened = dsbuilder.load(first.path)
    second = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["seed=4"])
    assert first.path == second.path == tmp_path / "out/toy/1.0.0"
    assert opened.manifest.seed == 3
    opened.verify()
    assert dsbuilder.load(second.path).manifest.seed == 4
    assert second.path.is_symlink()
    assert not second.path.readlink().is_absolute()


def test_an_unreadable_image_is_set_aside_and_named(pipeline, tmp_path) -> None:
    for path in ("cat/0.png", "cat/1.png"):
        (tmp_path / "source" / path).write_bytes(b"not an image")
    built = build_dataset(pipeline, tmp_path / "out", workers=2)
    roots = {row["key"].partition("//")[0] for row in built.quarantined}
    assert roots == {"cat/0.png", "cat/1.png"}
    assert {row["stage"] for row in built.quarantined} == {"source"}
    lines = (built.path / "quarantine.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [set(row) for row in rows] == [{"key", "stage", "exception"}] * len(rows)
    assert str(tmp_path) not in (built.path / "quarantine.jsonl").read_text()
    assert "Traceback" in (built.path / "log/tracebacks.txt").read_text()
    dataset = dsbuilder.load(built.path)
    assert built.manifest.quarantined == len(rows)
    assert not {s.key.partition("//")[0] for s in dataset.samples("train")} & roots
    again = build_dataset(pipeline, tmp_path / "alone", workers=0)
    assert sums(again) == sums(built)


def test_too_many_unreadable_images_stop_the_build(pipeline, tmp_path) -> None:
    for index in range(4):
        (tmp_path / f"source/cat/{index}.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"^4 of 30 records cannot be made: expected at most 0\.1"):
        build_dataset(pipeline, tmp_path / "out", workers=0)
    assert not (tmp_path / "out/toy/1.0.0").exists()


def test_on_error_stop_names_the_first_and_publishes_nothing(pipeline, tmp_path) -> None:
    (tmp_path / "source/cat/0.png").write_bytes(b"not an image")
    for workers in (0, 2):
        out = tmp_path / f"out{workers}"
        with pytest.raises(DataError, match=r"^cat/0\.png: expected a sample, found an error at"):
            build_dataset(pipeline, out, workers=workers, overrides=["build.on_error=stop"])
        assert not (out / "toy/1.0.0").exists()


def test_what_was_set_aside_before_stops_a_build_that_shall_stop(pipeline, tmp_path) -> None:
    (tmp_path / "source/cat/0.png").write_bytes(b"not an image")
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    again = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert again.reused == first.made
    with pytest.raises(DataError) as error:
        build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["build.on_error=stop"])
    assert str(error.value).startswith("cat/0.png: expected a sample, found that it cannot be made")


def test_an_unreadable_partner_of_a_mix_is_named(pipeline, tmp_path) -> None:
    overrides = [
        "prepare=[{use: resize, size: [32, 32]}]",
        "augment.stages=[{use: mixup}]",
        "split={train: 1.0}",
    ]
    (tmp_path / "source/cat/0.png").write_bytes(b"not an image")
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    mixed = [row for row in built.quarantined if not row["key"].startswith("cat/0.png")]
    assert mixed
    assert all("the partner 'cat/0.png': " in row["exception"] for row in mixed)


def test_what_is_said_of_training_does_not_change_the_content(pipeline, tmp_path) -> None:
    one = build_dataset(pipeline, tmp_path / "out", workers=0)
    two = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["train={model: cnn}"])
    assert two.made == 0
    assert one.manifest.content == two.manifest.content
    assert one.manifest.fingerprint != two.manifest.fingerprint


CRASHING = '''
"""Dies once."""
import os
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("die_once", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class DieOnce(Transform):
    """Ends its process the first time it meets the marker's absence."""

    marker: str

    def apply(self, sample: Sample, params: Params) -> Sample:
        if not Path(self.marker).exists():
            Path(self.marker).touch()
            os._exit(9)
        return sample
'''


def test_a_worker_that_dies_costs_its_shard_and_no_more(pipeline, tmp_path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/die.py").write_text(CRASHING)
    marker = tmp_path / "marker"
    stage = [f"prepare=[{{use: die_once, marker: '{marker}'}}]"]
    built = build_dataset(pipeline, tmp_path / "out", workers=2, overrides=stage)
    assert marker.exists()
    unharmed = build_dataset(pipeline, tmp_path / "again", workers=0, overrides=stage)
    assert sums(built) == sums(unharmed)
    assert not built.quarantined


POISONED = '''
"""Ends or stops its process at one sample."""
import os
import time
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("poisoned", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Poisoned(Transform):
    """Crashes or hangs at samples of one key."""

    key: str
    hang: bool = False

    def apply(self, sample: Sample, params: Params) -> Sample:
        if sample.key == self.key:
            time.sleep(1000) if self.hang else os._exit(9)
        return sample
'''


@pytest.mark.parametrize("hang", ["false", "true"])
@pytest.mark.parametrize(
    ("place", "key", "lost"),
    [
        pytest.param(
            "prepare",
            "{root}",
            {"{root}", "{root}//copy-1", "{root}//copy-2"},
            marks=pytest.mark.slow,
        ),
        ("augment.stages[0]", "{root}//copy-2", {"{root}//copy-2"}),
    ],
)
def test_a_sample_that_kills_or_stops_workers_is_set_aside(
    pipeline, tmp_path, place, key, lost, hang
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/poisoned.py").write_text(POISONED)
    plain = dsbuilder.load(build_dataset(pipeline, tmp_path / "plain", workers=0).path)
    root = sorted(sample.key for sample in plain.samples("train"))[0]
    stage = f"{{use: poisoned, key: '{key.format(root=root)}', hang: {hang}}}"
    overrides = [f"{place}={stage}" if "[" in place else f"{place}=[{stage}]"]
    built = build_dataset(
        pipeline, tmp_path / "out", workers=2, overrides=overrides, sample_timeout_s=1.0
    )
    reason = {
        "true": "TimeoutError: took more than 1 s",
        "false": "2 workers died over it, one after the other",
    }[hang]
    rows = [(row["key"], row["stage"], row["exception"]) for row in built.quarantined]
    assert sorted(rows) == sorted((each.format(root=root), "worker", reason) for each in lost)
    assert not built.manifest.reproducible
    assert built.manifest.num_samples("train") == 54 - len(lost)


def test_a_plugin_that_always_crashes_ends_the_build(pipeline, tmp_path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/die.py").write_text(CRASHING.replace(".touch()", ".exists()"))
    stage = ["prepare=[{use: die_once, marker: /nowhere/at/all}]", "cache.shard_mb=10"]
    with pytest.raises(DataError) as error:
        build_dataset(pipeline, tmp_path / "out", workers=2, overrides=stage)
    assert "expected at most 0.1 (build.max_quarantined)" in str(error.value)
    assert "worker: 2 workers died over it, one after the other." in str(error.value)


UNGUARDED = """
import sys
import tensorflow as tf
import dsbuilder
built = dsbuilder.open({pipeline!r}).build({out!r}, workers=2)
assert not built.quarantined, built.quarantined[0]
print("BUILT", built.made)
"""

NO_TENSORFLOW = '''
"""Refuses to work beside TensorFlow."""
import sys
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("no_tensorflow", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NoTensorFlow(Transform):
    """Fails in a process that has imported TensorFlow."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        assert "tensorflow" not in sys.modules
        assert "keras" not in sys.modules
        return sample
'''


@pytest.mark.slow
def test_an_unguarded_script_that_imports_tensorflow_can_build(
    pipeline, tmp_path, write_pipeline
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/no_tensorflow.py").write_text(NO_TENSORFLOW)
    watched = write_pipeline(PIPELINE + "prepare: [no_tensorflow]\n", "watched")
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(pipeline=str(watched), out=str(tmp_path / "script_out")))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.count("BUILT 66") == 1
    built = build_dataset(
        watched, tmp_path / "out", workers=1
    )  # other tests import TensorFlow here
    assert sums(built) == (tmp_path / "script_out/toy/1.0.0/SHA256SUMS").read_text()


SLOW = '''
"""Takes its time."""
import time
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("slow", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Slow(Transform):
    """Sleeps for a while."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        time.sleep(0.03)
        return sample
'''


@pytest.mark.slow
def test_a_killed_build_goes_on_where_it_stopped(pipeline, tmp_path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/slow.py").write_text(SLOW)
    call = (
        "from dsbuilder.builder import build_dataset;"
        f"b = build_dataset({str(pipeline)!r}, {str(tmp_path / 'out')!r}, workers=2,"
        " overrides=['prepare=[slow]']); print(b.made, b.reused)"
    )
    process = subprocess.Popen([sys.executable, "-c", call])
    builds = tmp_path / "out/toy/.builds"
    deadline = time.monotonic() + 60
    while not list(builds.glob("*.partial/*.done.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = len(list(builds.glob("*.partial/*.done.json")))
    assert finished
    assert not (tmp_path / "out/toy/1.0.0").exists()
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    made, reused = map(int, done.stdout.split())
    assert reused > 0
    assert made + reused == 66
    overrides = ["prepare=[slow]"]
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=overrides)
    assert (tmp_path / "out/toy/1.0.0/SHA256SUMS").read_text() == sums(fresh)
    assert not list(builds.glob("*.partial"))


def test_a_second_build_into_the_same_output_says_so(pipeline, tmp_path) -> None:
    from dsbuilder.cache.store import Store

    with Store(tmp_path / "out/toy").locked(), pytest.raises(CacheError) as error:
        build_dataset(pipeline, tmp_path / "out", workers=0)
    assert str(error.value) == (
        f"{tmp_path}/out/toy: expected no other build at work, found one that holds the lock. "
        "Wait until it has ended."
    )


def test_an_output_that_cannot_be_written_is_a_clear_error(pipeline, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError) as error:
        build_dataset(pipeline, tmp_path / "file", workers=0)
    assert str(error.value) == (
        f"{tmp_path}/file/toy: the output folder cannot be written (Not a directory). "
        "Choose another with --out (in Python `out`)."
    )


def test_mixing_stores_soft_labels_in_every_split(pipeline, tmp_path) -> None:
    stages = [
        "augment.stages=[{use: mixup, alpha: 0.4, p: 0.7}]",
        "prepare=[{use: resize, size: [32, 32]}]",
    ]
    for codec in ("tfrecord", "npy"):
        out = tmp_path / codec
        overrides = [*stages, f"cache.codec={codec}"]
        dataset = dsbuilder.load(build_dataset(pipeline, out, workers=0, overrides=overrides).path)
        for split in dataset.splits:
            for sample in dataset.samples(split):
                weights = sample.targets["label"]
                assert weights.shape == (3,)
                assert abs(weights.sum() - 1) < 1e-5
                assert "//" in sample.key or set(weights) == {0.0, 1.0}
        mixed = [e for _, e in dataset.entries("train") if len(e.parents) == 2]
        varied = [e for _, e in dataset.entries("train") if "//" in e.key]
        assert 0.4 < len(mixed) / len(varied) < 0.95
        train = {e.key.partition("//")[0] for _, e in dataset.entries("train")}
        assert {e.parents[1] for e in mixed} <= train
        assert all(e.parents[0] != e.parents[1] for e in mixed)


WORDS = '''
"""Draws one of a few words as a gray level."""
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ImageSignature, Mode, Params, Sample, Signature
from dsbuilder.plugin import Synthesizer, Text, synthesizer


@synthesizer("words")
@dataclass(frozen=True, kw_only=True)
class Words(Synthesizer):
    """Makes gray squares called after their number."""

    many: int = 40

    def output_signature(self, mode: Mode) -> Signature:
        image = ImageSignature(height=8, width=8, channels=3)
        return Signature(image=image, targets={"text": Text()})

    def draw(self, rng: np.random.Generator) -> Params:
        return {"number": int(rng.integers(self.many))}

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        image = np.full((8, 8, 3), params["number"], np.uint8)
        return Sample(key=key, image=image, targets={"text": f"n{params['number']}"})

    def content(self, params: Params) -> str:
        return str(params["number"])
'''


def test_a_pipeline_without_a_source_shares_no_content_between_splits(
    tmp_path, write_pipeline
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/words.py").write_text(WORDS)
    pipeline = write_pipeline(
        "name: synthetic\n"
        "synthesize: [{use: words, count: 103, splits: {train: 0.7, test: 0.3}}]\n"
        "cache: {image: png}\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    texts = {split: [s.targets["text"] for s in dataset.samples(split)] for split in dataset.splits}
    assert {split: len(each) for split, each in texts.items()} == {"train": 72, "test": 31}
    assert not set(texts["train"]) & set(texts["test"])
    assert all(entry.synthetic and not entry.parents for _, entry in dataset.entries("train"))


def test_too_few_contents_for_a_split_is_a_clear_error(tmp_path, write_pipeline) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/words.py").write_text(WORDS)
    pipeline = write_pipeline(
        "name: synthetic\n"
        "build: {on_error: stop}\n"
        "synthesize: [{use: words, many: 1, count: 9, splits: {train: 0.5, test: 0.5}}]\n"
    )
    with pytest.raises(DataError, match="expected something to synthesize that belongs to '"):
        build_dataset(pipeline, tmp_path / "out", workers=0)


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_a_harmed_shard_is_neither_kept_nor_copied_from(pipeline, tmp_path, codec, harm) -> None:
    overrides = [f"cache.codec={codec}"]
    first = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    shards = dsbuilder.load(first.path).shards("train")
    stem = max(shards, key=lambda shard: shard.samples).stem
    victim = first.path / dsbuilder.load(first.path).codec.files(stem)[0]
    data = bytearray(victim.read_bytes())
    if harm == "flip":
        data[-200] ^= 0xFF
        # Nothing to do: no shard is read. One more image: what is linked or copied is.
        (tmp_path / "source/cat/more.png").write_bytes((tmp_path / "source/cat/1.png").read_bytes())
    victim.write_bytes(data if harm == "flip" else data[:-50])
    again = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    dsbuilder.load(again.path).verify()
    fresh = build_dataset(pipeline, tmp_path / "fresh", workers=0, overrides=overrides)
    assert sums(again) == sums(fresh)


NUMPY_PARAMS = '''
"""Draws a numpy number."""
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("numpy_params", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NumpyParams(Transform):
    """Forgets that params are JSON values."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"shift": [rng.integers(0, 10)]}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample
'''


@pytest.mark.parametrize("workers", [0, 2])
def test_params_that_are_not_json_are_laid_to_their_stage(pipeline, tmp_path, workers) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/numpy_params.py").write_text(NUMPY_PARAMS)
    with pytest.raises(DataError) as error:
        build_dataset(
            pipeline, tmp_path / "out", workers=workers, overrides=["augment.stages=[numpy_params]"]
        )
    assert "augment/numpy_params: PluginError: expected JSON values from draw(), found " in str(
        error.value
    )


def test_a_changed_plugin_of_equal_size_and_time_is_noticed(pipeline, tmp_path) -> None:
    (tmp_path / "plugins").mkdir()
    plugin = tmp_path / "plugins/no_tensorflow.py"
    plugin.write_text(
        NO_TENSORFLOW.replace("return sample", "return sample.replace(image=sample.image // 2)")
    )
    os.utime(plugin, ns=(10**18, 10**18))
    overrides = ["augment.stages=[no_tensorflow]", "cache.image=png"]
    first = sums(build_dataset(pipeline, tmp_path / "out", workers=1, overrides=overrides))
    plugin.write_text(plugin.read_text().replace("// 2", "// 3"))
    os.utime(plugin, ns=(10**18, 10**18))
    second = build_dataset(pipeline, tmp_path / "out", workers=1, overrides=overrides)
    assert first != sums(second)
    means = {
        sample.key: sample.image.mean() for sample in dsbuilder.load(second.path).samples("train")
    }
    for key, mean in means.items():
        if "//" in key:
            assert mean == pytest.approx(means[key.partition("//")[0]] / 3, abs=1)
    assert not list((tmp_path / "plugins").rglob("*.pyc"))


def test_how_a_source_reads_its_files_decides_all_samples(pipeline, tmp_path) -> None:
    (tmp_path / "plugins").mkdir()
    plugin = tmp_path / "plugins/dimmed.py"

    def built(factor: int, by: int, out: str = "out") -> tuple[int, str]:
        plugin.write_text(DIMMED.replace("FACTOR", str(factor)))
        overrides = ["source.use=dimmed", f"source.by={by}"]
        made = build_dataset(pipeline, tmp_path / out, workers=0, overrides=overrides)
        return made.made, sums(made)

    count, first = built(1, 1)
    assert built(1, 1) == (0, first)
    again, dimmer = built(1, 2)
    assert again == count
    assert dimmer != first
    again, other = built(3, 2)
    assert again == count
    assert built(3, 2, "fresh") == (count, other)


def test_two_synthesizers_share_no_content_between_splits(tmp_path, write_pipeline) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/words.py").write_text(WORDS)
    pipeline = write_pipeline(
        "name: synthetic\n"
        "synthesize:\n"
        "  - {use: words, count: 40, splits: train}\n"
        "  - {use: words, count: 20, splits: test}\n"
        "cache: {image: png}\n"
    )
    whole = build_dataset(pipeline, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(whole.path)
    texts = {split: {s.targets["text"] for s in dataset.samples(split)} for split in dataset.splits}
    assert not texts["train"] & texts["test"]
    of_all = keys_by_split(whole)
    part = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["split.subset=0.25"])
    found = keys_by_split(part)
    assert len(found["train"]) == 10 and found["train"] < of_all["train"]
    assert found["test"] == of_all["test"] and part.made == 0
    assert variants_of(dsbuilder.load(part.path)).originals == 10


def test_a_new_version_reuses_what_the_one_before_holds(pipeline, tmp_path) -> None:
    first = build_dataset(pipeline, tmp_path / "out", workers=0)
    second = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=["version=1.1.0"])
    assert (second.made, second.reused) == (0, first.made)
    assert (first.path.name, second.path.name) == ("1.0.0", "1.1.0")


def test_there_are_never_many_more_shards_than_samples(pipeline, tmp_path) -> None:
    overrides = ["cache.shard_mb=0.0000001"]
    built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
    assert len(built.manifest.splits["train"]) <= 64


def test_a_build_of_nothing_is_refused(pipeline, tmp_path) -> None:
    for path in (tmp_path / "source").rglob("*.png"):
        path.write_bytes(b"not an image")
    with pytest.raises(DataError, match="no sample can be made"):
        build_dataset(
            pipeline, tmp_path / "out", workers=0, overrides=["build.max_quarantined=100"]
        )
