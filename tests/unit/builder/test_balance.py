"""Classes of train come to their quota exactly; the plan says so before, the ledger afterwards."""

import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFont

import dsbuilder
from dsbuilder.actions.check import planned
from dsbuilder.builder import build_dataset
from dsbuilder.builder.forecast import forecast
from dsbuilder.builder.plan import Plan
from dsbuilder.builder.survey import load_spec, survey
from dsbuilder.cli.main import main
from dsbuilder.dataset import StoredDataset, diff
from dsbuilder.dataset.variants import Variants, variants_of
from dsbuilder.errors import DsbuilderError
from dsbuilder.pipeline import positions

COUNTS = {"cat": 24, "dog": 12, "owl": 5}

PIPELINE = """\
name: pets
seed: 5
source: {use: folder, path: source}
split: {train: 0.75, validation: 0.25}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
balance: BALANCE
finish: [{use: resize, size: [12, 16]}]
cache: {image: png, shard_mb: 0.01}
"""

PLAIN = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ClassLabel, ImageSignature, Sample, Signature, Synthesizer, synthesizer

NAMES = ("cat", "dog", "owl")
DRAWN = []

@synthesizer("plain")
@dataclass(frozen=True, kw_only=True)
class Plain(Synthesizer):
    """Draws one color.

    Attributes:
      most: number of classes that it draws.
      tells: whether it tells the class without rendering.
      lies: whether it tells another.
      alike: whether all of a class have one content.
      fails: whether it cannot tell a class.
    """

    most: int = 3
    tells: bool = True
    lies: bool = False
    alike: bool = False
    fails: bool = False

    def output_signature(self, mode):
        image = ImageSignature(height=12, width=16, channels=3)
        return Signature(image=image, targets={"label": ClassLabel(names=NAMES)})

    def draw(self, rng):
        DRAWN.append(None)
        return {"class": int(rng.integers(self.most)), "level": int(rng.integers(256))}

    def class_of(self, params):
        if self.fails:
            raise LookupError("no class")
        return NAMES[(params["class"] + self.lies) % 3] if self.tells else None

    def content(self, params):
        return f"{params['class']}" if self.alike else f"{params['class']} {params['level']}"

    def render(self, key, params, mode):
        image = np.full((12, 16, 3), params["level"], np.uint8)
        return Sample(key=key, image=image, targets={"label": NAMES[params["class"]]})
'''

MERGING = '''
from dataclasses import dataclass
from dsbuilder.plugin import ClassLabel, Transform, transform

@transform("merging", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Merging(Transform):
    """Calls dogs cats."""

    def output_signature(self, signature):
        return signature.replace(targets={"label": ClassLabel(names=("cat", "owl"))})

    def apply(self, sample, params):
        return sample.replace(targets={"label": (0, 0, 1)[sample.targets["label"]]})
'''


@pytest.fixture
def pipeline(tmp_path: Path, make_images, write_pipeline):
    """Writes the pipeline with a section `balance`, and what else is appended."""
    for label, count in COUNTS.items():
        make_images(classes=(label,), count=count, size=(12, 16))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/plain.py").write_text(PLAIN)

    def write(balance: str, more: str = "") -> Path:
        return write_pipeline(PIPELINE.replace("BALANCE", balance) + more)

    return write


def plan_of(pipeline: Path, *overrides: str) -> Plan:
    return planned(survey(load_spec(pipeline, overrides)))


def prints(plan: Plan) -> dict[str, str]:
    """Fingerprints of the samples of train by their keys."""
    tasks = [task for task in plan.shards if task.split == "train"]
    roots = [root for task in tasks for root in task.contents().roots]
    return {output.key: output.fingerprint for root in roots for output in root.outputs}


SYNTHESIZE = "synthesize: [{use: plain, count: 20, splits: {train: 0.5, validation: 0.5}}]\n"
ALONE = "synthesize: [{use: plain, count: 0}]\n"


def kinds_of(entries) -> dict[str, Counter[str]]:
    """Counts what a ledger holds, by class."""
    found = {name: Counter() for name in COUNTS}
    for _, entry in entries:
        if entry.synthetic:
            label, kind = list(COUNTS)[entry.stages[0].params["class"]], "synthesized"
        else:
            label = entry.parents[0].partition("/")[0]
            kind = "variants" if "//" in entry.key else "originals"
        found[label][kind] += 1
    return found


@pytest.mark.parametrize(
    ("balance", "more", "quota"),
    [
        ("{}", "", 36),
        ("{to: median}", "", 18),
        ("{to: 41, with: [synthesize, augment], max_synthetic: 0.25}", SYNTHESIZE, 41),
        ("{to: 50, with: [synthesize], max_synthetic: 1}", ALONE, 50),
    ],
)
def test_the_quota_is_reached_exactly_and_the_plan_says_so(
    pipeline, tmp_path: Path, balance: str, more: str, quota: int
) -> None:
    path = pipeline(balance, more)
    expected = forecast(path, tmp_path / "out", workers=0)
    built = build_dataset(path, tmp_path / "out", workers=0)
    assert not built.warnings
    assert expected.samples == {s: built.manifest.num_samples(s) for s in built.manifest.splits}
    assert expected.classes["train"] == built.manifest.class_counts("train")
    assert expected.plan.balance.quota == quota
    counts = expected.classes["train"]
    assert (counts["dog"], counts["owl"], counts["cat"]) == (quota, quota, max(36, quota))
    dataset = StoredDataset(path=built.path, manifest=built.manifest)
    held = kinds_of(dataset.entries("train"))
    for name, share in expected.plan.balance.classes.items():
        parts = {"originals": share.originals, "variants": share.variants}
        assert +held[name] == +Counter({**parts, "synthesized": share.synthesized}), name
        if "0.25" in balance:
            assert share.synthesized <= 0.25 * quota or not share.more_synthesized
    assert variants_of(dataset) == Variants(
        originals=sum(each["originals"] + each["synthesized"] for each in held.values()),
        copies=1,
        varied=True,
    )
    assert built.manifest.num_samples("validation") == 10 + 10 * (more == SYNTHESIZE)


def test_variants_are_dealt_evenly_and_synthesizers_take_turns(pipeline) -> None:
    more = "synthesize: [{use: plain, count: 0}, {use: plain, name: other, most: 2, count: 0}]\n"
    options = "{to: 50, with: [augment, synthesize], max_synthetic: 0.3}"
    keys = prints(plan_of(pipeline(options, more)))
    copies = Counter(key.partition("//")[0] for key in keys if "//copy" in key)
    for name in COUNTS:
        own = [count for key, count in copies.items() if key.startswith(f"{name}/")]
        assert max(own) - min(own) <= 1, name
    made = Counter(key.rpartition("-")[0] for key in keys if key.startswith("/"))
    # Cats are 36 already, so 14 are missing; the second synthesizer makes no owls.
    assert made == {
        **dict.fromkeys(["/synthesize/plain/cat", "/synthesize/other/cat"], 7),
        "/synthesize/plain/dog": 8,
        "/synthesize/other/dog": 7,
        "/synthesize/plain/owl": 15,
    }


@pytest.mark.parametrize("label", ["owl", "cat"])
def test_one_file_more_changes_no_sample_and_moves_few(
    pipeline, tmp_path: Path, label: str
) -> None:
    path = pipeline("{to: max, with: [augment, synthesize], max_synthetic: 0.4}", SYNTHESIZE)
    before = prints(plan_of(path))
    shutil.copy(tmp_path / "source/dog/1.png", tmp_path / f"source/{label}/new.png")
    after = prints(plan_of(path))
    assert all(after[key] == before[key] for key in before.keys() & after.keys())
    new = sum(key.startswith(f"{label}/new.png") for key in after)
    moved = len(before.keys() ^ after.keys()) - new
    # One more of the largest class adds 2 to each of the others, besides those of the record of it
    # that joins train.
    assert moved <= (new if label == "owl" else 6)


def test_what_is_added_says_why(pipeline, tmp_path: Path) -> None:
    build_dataset(pipeline("null", ALONE.replace("0", "2")), tmp_path / "one", workers=0)
    path = pipeline("{to: 40, with: [augment, synthesize]}", ALONE.replace("0", "2"))
    build_dataset(path, tmp_path / "two", workers=0)
    one, two = (dsbuilder.load(tmp_path / name / "pets/1.0.0") for name in ("one", "two"))
    found = diff(one, two)
    assert {change.kind for change in found.changes} == {"added"}
    reasons = {reason for change in found.changes for reason in change.reasons}
    assert reasons == {"balance null -> {to: 40, with: [augment, synthesize], max_synthetic: 0.6}"}


def test_the_table_of_the_plan_tells_what_is_added(pipeline, tmp_path: Path) -> None:
    path = pipeline("{to: 40, with: [augment, synthesize]}", ALONE)
    result = CliRunner().invoke(main, ["plan", str(path), "--out", str(tmp_path), "--workers", "0"])
    assert "train, balanced to 40 samples of each class:" in result.output
    assert re.search(r"owl +4 +12 \(\+8\) +24 \(\+24\) +40", result.output), result.output


@pytest.mark.parametrize(
    ("balance", "more", "message"),
    [
        ("{to: 0}", "", "to: expected 1 or more, found 0"),
        ("{to: most}", "", "expected one of max, median or a whole number, found 'most'"),
        ("{with: []}", "", "with: expected augment, synthesize or both, found []"),
        ("{with: [augment, augment]}", "", "found [augment, augment]"),
        ("{max_synthetic: 2}", "", "expected a share in [0, 1], found 2"),
        ("{with: [synthesize]}", "", "expected something to synthesize with"),
        ("{}", ALONE, "expected how many samples to make, 1 or more, found 0"),
        ("{to: 1000000}", "build: {max_outputs: 200}\n", "expected at most 200 samples"),
        (
            "{to: 50, with: [synthesize]}",
            ALONE,
            "a way to 50 samples of the class 'dog', found 18 and at most 30 more to synthesize",
        ),
        (
            "{with: [augment, synthesize]}",
            SYNTHESIZE.replace("plain,", "plain, tells: false,"),
            "class_of() tells a class, found synthesize/plain, whose tells None",
        ),
    ],
)
def test_what_cannot_be_balanced_is_refused(
    pipeline, balance: str, more: str, message: str
) -> None:
    path = pipeline(balance, more)
    with pytest.raises(DsbuilderError, match=re.escape(message)):
        plan_of(path)


def test_classes_that_are_mixed_or_several_are_refused(pipeline, tmp_path: Path) -> None:
    path = pipeline("{}")
    mixed = "augment.stages=[{use: mixup}]"
    with pytest.raises(DsbuilderError, match="what is mixed has several"):
        plan_of(path, mixed)
    (tmp_path / "list.csv").write_text(
        "file_name,text\ncat/1.png,one\ncat/2.png,two\ncat/3.png,six\n"
    )
    several = (
        "source={use: list, path: source, list: list.csv, label_column: null, text_column: text}"
    )
    with pytest.raises(
        DsbuilderError, match=r"one class each, found '\w+' \(.*\). Take balance out"
    ):
        plan_of(path, several)


@pytest.mark.parametrize("section", ["prepare", "finish"])
def test_a_stage_that_changes_classes_is_refused(pipeline, tmp_path: Path, section: str) -> None:
    (tmp_path / "plugins/merging.py").write_text(MERGING)
    stage = f"{section}=[{{use: merging}}, {{use: resize, size: [12, 16]}}]"
    with pytest.raises(
        DsbuilderError, match=r"found dog/\d\.png of 'dog' and samples of 'cat', 'owl'"
    ):
        plan_of(pipeline("{}"), stage)


def test_one_row_of_draws_tells_which_classes_a_synthesizer_makes(pipeline, monkeypatch) -> None:
    monkeypatch.setattr(positions, "_LABEL_ATTEMPTS", 500)
    found = survey(
        load_spec(
            pipeline("{with: [augment, synthesize]}", ALONE.replace("plain", "plain, most: 1"))
        )
    )
    plugin = found.pipeline.settings.synthesize[0].plugin
    drawn = sys.modules[type(plugin).__module__].DRAWN
    drawn.clear()
    balance = planned(found).balance
    assert {name: share.more_synthesized for name, share in balance.classes.items()} == {
        "cat": 0,
        "dog": 0,
        "owl": 0,
    }
    assert len(drawn) == 500


def test_a_class_that_belongs_to_other_splits_alone_is_told(pipeline) -> None:
    path = pipeline(
        "{to: 50, with: [augment, synthesize]}",
        SYNTHESIZE.replace("plain,", "plain, alike: true,").replace("20", "0"),
    )
    with pytest.raises(
        DsbuilderError, match=r"all which synthesize/plain draws of it belongs to oth"
    ):
        plan_of(path)


@pytest.mark.parametrize(
    ("count", "key"), [(20, "/synthesize/plain/0"), (0, "/synthesize/plain/cl")]
)
def test_a_synthesizer_that_fails_is_named_with_its_sample(pipeline, count: int, key: str) -> None:
    more = ALONE.replace("plain, count: 0", f"plain, fails: true, count: {count}")
    with pytest.raises(LookupError, match="no class") as raised:
        plan_of(pipeline("{with: [augment, synthesize]}", more))
    stage, sample = raised.value.__notes__
    assert stage == "stage: synthesize/plain"
    assert sample.startswith(f"sample: {key}")


def test_a_class_without_records_needs_a_synthesizer(pipeline, tmp_path: Path) -> None:
    (tmp_path / "source/owl").rename(tmp_path / "aside")
    path = pipeline("{}")
    classes = "source={use: folder, path: source, classes: [cat, dog, owl]}"
    with pytest.raises(DsbuilderError, match="no record in train to make variants of"):
        plan_of(path, classes)
    filled = plan_of(pipeline("{with: [synthesize], max_synthetic: 1}", ALONE), classes)
    assert filled.balance.classes["owl"].synthesized == 36


def test_a_synthesizer_that_tells_another_class_is_caught(pipeline, tmp_path: Path) -> None:
    more = ALONE.replace("plain,", "plain, lies: true,") + "build: {on_error: stop}\n"
    path = pipeline("{to: 40, with: [augment, synthesize]}", more)
    with pytest.raises(DsbuilderError, match=r"as class_of\(\) says of these params, found"):
        build_dataset(path, tmp_path / "out", workers=0)


def test_what_could_not_be_made_is_told(pipeline, tmp_path: Path) -> None:
    path = pipeline("{to: 36}")
    broken = next(key for key in prints(plan_of(path)) if key.startswith("owl/"))
    (tmp_path / "source" / broken).write_bytes(b"junk")
    (warning,) = build_dataset(path, tmp_path / "out", workers=0).warnings
    assert "balance: expected 36 samples of 'owl' in train, found 27: some could" in warning


DIGITS = Path(__file__).parents[3] / "samples" / "digits"
SKEWED = """\
name: skewed
image: {mode: gray}
source: {use: list, lists: {train: [IMAGES, train.txt], test: [IMAGES, test.txt]}}
split: {method: layout}
augment: {copies: 1, stages: [{use: A.Affine, rotate: [-15, 15]}]}
synthesize:
  - {use: text_line, fonts: [font.ttf], charset: digits, length: [1, 1], label: class, count: 0,
     width: 28, height: 28}
balance: {to: max, with: [synthesize, augment], max_synthetic: 0.4}
finish: [{use: resize, size: [28, 28]}]
cache: {codec: npy}
"""


def test_a_real_set_that_is_skewed_is_balanced_and_the_ledger_tells_real_from_synthetic(
    tmp_path: Path, write_pipeline
) -> None:
    """Handwritten digits, of which there are 60 nines, 41 eights, and so on down to 2 zeros."""
    real = {str(digit): round(60 * 0.69 ** (9 - digit)) for digit in range(10)}
    rows = [line.split() for line in (DIGITS / "train.txt").read_text().splitlines()]
    of_class = {digit: [name for name, label in rows if label == digit] for digit in real}
    lines = [f"{name} {digit}\n" for digit in real for name in of_class[digit][: real[digit]]]
    (tmp_path / "train.txt").write_text("".join(lines))
    shutil.copy(DIGITS / "test.txt", tmp_path)
    (tmp_path / "font.ttf").write_bytes(ImageFont.load_default(16).font_bytes)
    path = write_pipeline(SKEWED.replace("IMAGES", str(DIGITS / "images")))
    built = build_dataset(path, tmp_path / "out", workers=0)

    quota, most = 2 * max(real.values()), int(0.4 * 2 * max(real.values()))
    assert built.manifest.class_counts("train") == dict.fromkeys(real, quota)
    assert built.manifest.class_counts("test") == dict.fromkeys(real, 40)
    dataset = StoredDataset(path=built.path, manifest=built.manifest)
    told = {entry.key: entry for _, entry in dataset.entries("train")}
    held = {digit: Counter[str]() for digit in real}
    for sample in dataset.samples("train"):
        entry, digit = told.pop(sample.key), str(sample.targets["label"])
        if entry.synthetic:
            assert (entry.parents, entry.stages[0].params["text"]) == ((), digit)
        else:
            assert list(entry.parents) == [sample.key.partition("//")[0]]
            assert entry.parents[0] in of_class[digit]
        if sample.key in of_class[digit]:
            drawn = np.asarray(Image.open(DIGITS / "images" / sample.key))
            assert np.abs(sample.image[..., 0].astype(int) - drawn).max() <= 1
        original = "original" if sample.key in of_class[digit] else "variant"
        held[digit]["synthetic" if entry.synthetic else original] += 1
    assert not told, "the ledger tells of samples that are not there"
    for digit, count in real.items():
        synthetic = min(most, quota - 2 * count)
        expected = {"original": count, "synthetic": synthetic}
        expected["variant"] = quota - count - synthetic
        assert held[digit] == Counter(expected), digit


@pytest.mark.slow
def test_workers_make_the_same_bytes(pipeline, tmp_path: Path) -> None:
    path = pipeline("{to: 60, with: [augment, synthesize]}", SYNTHESIZE)
    sums = {
        (build_dataset(path, tmp_path / str(count), workers=count).path / "SHA256SUMS").read_bytes()
        for count in (0, 2)
    }
    assert len(sums) == 1
