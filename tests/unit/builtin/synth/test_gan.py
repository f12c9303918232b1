"""The synthesizer `gan`: images of a sealed bank, and nothing of one that was changed."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import banks
import numpy as np
import pytest

import dsbuilder
from dsbuilder.builtin.synth.gan import BankImages
from dsbuilder.errors import DataError, SpecError
from dsbuilder.seeding import generator

LABELS = ("cat",) * 6 + ("dog",) * 2
ROOT = Path(__file__).parents[4]
PIPELINE = """
name: pets
source: {use: folder, path: source}
split: {train: 0.5, test: 0.5}
synthesize: [{use: gan, bank: bank, count: 12}]
finish: [{use: resize, size: [16, 16]}]
cache: {codec: npy}
"""


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    banks.write(tmp_path / "bank", LABELS)
    return tmp_path / "bank"


def test_classes_come_equally_often_with_their_own_images(bank: Path) -> None:
    plugin = BankImages(bank=bank)
    drawn = [plugin.draw(generator("draw", number)) for number in range(400)]
    counts = Counter(plugin.class_of(each) for each in drawn)
    assert set(counts) == {"cat", "dog"}
    assert 150 < counts["dog"] < 250
    for params in drawn[:20]:
        sample = plugin.render("a", params, "rgb")
        assert sample.targets == {"label": LABELS[params["entry"]]}
        assert np.array_equal(sample.image, banks.image(params["entry"]))


def test_only_the_classes_that_are_named_are_taken(bank: Path) -> None:
    plugin = BankImages(bank=bank, classes=("dog",))
    names = {plugin.class_of(plugin.draw(generator("draw", number))) for number in range(50)}
    assert names == {"dog"}
    with pytest.raises(ValueError, match="the bank has no image of 'owl'"):
        BankImages(bank=bank, classes=("owl",))


def test_each_image_is_a_content_of_one_split(bank: Path) -> None:
    plugin = BankImages(bank=bank)
    contents = {plugin.content({"entry": number}) for number in range(len(LABELS))}
    assert len(contents) == len(LABELS)


def test_images_come_in_the_mode_of_the_pipeline(bank: Path) -> None:
    plugin = BankImages(bank=bank)
    assert plugin.render("a", {"entry": 0}, "gray").image.shape == (16, 16, 1)
    assert plugin.output_signature("gray").image.channels == 1


def test_a_bank_without_classes_has_images_alone_or_those_of_one_class(tmp_path: Path) -> None:
    banks.write(tmp_path / "bare", ("", "", ""), names=())
    plain = BankImages(bank=tmp_path / "bare")
    assert plain.output_signature("rgb").targets == {}
    assert plain.render("a", {"entry": 1}, "rgb").targets == {}
    named = BankImages(bank=tmp_path / "bare", label="dog", names=("cat", "dog"))
    assert named.output_signature("rgb").targets["label"].class_names == ("cat", "dog")
    assert named.render("a", {"entry": 1}, "rgb").targets == {"label": "dog"}


def tampered_image(bank: Path) -> None:
    (shard,) = bank.glob("*.tfrecord-*")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))


def tampered_note(bank: Path) -> None:
    note = json.loads((bank / "bank.json").read_text())
    note["rejected"] = []
    (bank / "bank.json").write_text(json.dumps(note))


def summed_anew(bank: Path) -> None:
    tampered_note(bank)
    names = [line.split("  ")[1] for line in (bank / "SHA256SUMS").read_text().splitlines()]
    summed = subprocess.run(
        ["sha256sum", *names], cwd=bank, capture_output=True, text=True, check=True
    )
    (bank / "SHA256SUMS").write_text(summed.stdout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (tampered_image, r"found that \S*tfrecord\S* was changed"),
        (tampered_note, r"found that bank\.json was changed"),
        (summed_anew, "found that SHA256SUMS was changed"),
        (lambda bank: (bank / "SEAL").unlink(), "expected a sealed bank, found no SEAL"),
        (lambda bank: (bank / "bank.json").unlink(), "there is no bank"),
    ],
)
def test_a_bank_that_is_not_as_it_was_sealed_is_refused(
    bank: Path, change: Callable[[Path], None], message: str
) -> None:
    change(bank)
    with pytest.raises(DataError, match=message):
        BankImages(bank=bank)


def test_a_build_takes_its_images_says_what_was_turned_away_and_follows_the_seal(
    bank: Path, make_images, tmp_path: Path
) -> None:
    make_images(count=4)
    path = tmp_path / "pets.yaml"
    path.write_text(PIPELINE)
    opened = dsbuilder.open(path, out=tmp_path / "out")
    built = opened.build(workers=0)
    dataset = dsbuilder.load(built.path)
    found = [each for each in dataset.samples("train") if "/gan/" in each.key]
    known = [banks.image(number).tobytes() for number in range(len(LABELS))]
    assert len(found) == 12
    assert all(each.image.tobytes() in known for each in found)
    (told,) = [each for each in built.warnings if "passed the gate" in each]
    assert "8 of 10 images that cgan drew passed the gate; turned away: 2 copy" in told
    seal = open_seal(bank)
    (stage,) = [each for each in dataset.manifest.stages.values() if each.plugin.endswith("gan")]
    assert seal in str(stage.inputs)
    again = opened.build(workers=1)
    assert again.made == 0
    for each in bank.iterdir():
        each.unlink()
    banks.write(bank, (*LABELS, "dog"))
    assert opened.build(workers=0).made == 12
    tampered_image(bank)
    with pytest.raises(SpecError, match="was changed"):
        opened.build(workers=0)


def open_seal(bank: Path) -> str:
    return (bank / "SEAL").read_text().strip()


def test_building_from_a_bank_imports_no_tensorflow(
    bank: Path, make_images, tmp_path: Path
) -> None:
    make_images(count=4)
    (tmp_path / "pets.yaml").write_text(PIPELINE)
    code = (
        "import sys, dsbuilder\n"
        "dsbuilder.open('pets.yaml').build(workers=0)\n"
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_classes_are_filled_up_from_a_bank(bank: Path, make_images, tmp_path: Path) -> None:
    source = make_images(count=12)
    for number in range(2, 12):
        (source / "dog" / f"{number}.png").unlink()
    balanced = PIPELINE.replace("count: 12", "count: 0") + (
        "balance: {to: 4, with: [synthesize], max_synthetic: 0.9}\n"
    )
    (tmp_path / "pets.yaml").write_text(balanced)
    built = dsbuilder.open(tmp_path / "pets.yaml", out=tmp_path / "out").build(workers=0)
    counts = dsbuilder.load(built.path).info().splits["train"].classes
    assert counts["dog"] == 4


def test_the_example_of_the_reference_builds(make_images, tmp_path: Path) -> None:
    text = (ROOT / "pipelines/README.md").read_text(encoding="utf-8")
    section = text.partition("#### Images that a GAN draws")[2]
    (example,) = re.findall(r"```yaml\n(synthesize:.*?)```", section, re.DOTALL)
    make_images(classes=("cat", "rare"), count=4)
    banks.write(tmp_path / "bank", ("cat", "rare", "rare"), names=("cat", "rare"))
    own = re.sub(r"synthesize: .*\n", example, PIPELINE)
    (tmp_path / "pets.yaml").write_text(own)
    built = dsbuilder.open(tmp_path / "pets.yaml", out=tmp_path / "out").build(workers=0)
    counts = dsbuilder.load(built.path).info().splits["train"].classes
    assert sum(counts.values()) == 4 + 500 + 200
    assert counts["rare"] > 350
