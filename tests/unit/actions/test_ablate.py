"""An ablation says which stages help, names what cannot be taken out, and goes on when killed."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.actions.pipeline_parts import (
    added_part,
    assignments_of,
    parts_of,
    with_stages,
)
from dsbuilder.actions.tried_pipeline import TriedPipeline
from dsbuilder.builder.survey import load_spec, survey
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.pipelinefile.document import read
from dsbuilder.pipelinefile.preset import overridden, with_presets

PIPELINE = """\
name: halves
source: {use: folder, path: images}
split: {train: 0.6, validation: 0.2, test: 0.2}
augment:
  copies: 4
  stages:
    - {use: A.HorizontalFlip, p: 0.9}
    - {use: A.GaussNoise, std_range: [0.01, 0.02], p: 0.1}
finish: [{use: resize, size: [6, 6]}]
cache: {codec: npy, image: raw}
train:
  model: {use: mlp, width: 8, depth: 1}
  optimizer: {learning_rate: 0.02}
  batch_size: 8
  normalize: standardize
  epochs: 4
  deterministic: true
"""
PARTS = """\
name: parts
seed: 3
source: {use: folder, path: images}
split: {train: 0.5, validation: 0.5}
augment: {copies: 1, stages: [{preset: weather}, erase, {use: A.Blur, p: 0}, {use: A.Blur}]}
synthesize:
  - {use: shade, count: 3}
  - {use: shade, count: 4}
  - {use: shade, count: 0, name: more}
balance: {to: 70, with: [synthesize], max_synthetic: 0.5}
stream: {stages: [{use: mixup}]}
finish: [{use: resize, size: [6, 6]}]
train: {model: {use: mlp, width: 8, depth: 1}, epochs: 1}
"""
SHADE = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ClassLabel, ImageSignature, Sample, Signature, Synthesizer, synthesizer

@synthesizer("shade")
@dataclass(frozen=True, kw_only=True)
class Shade(Synthesizer):
    """Draws a shade."""

    def output_signature(self, mode):
        image = ImageSignature(height=6, width=6, channels=3)
        return Signature(image=image, targets={"label": ClassLabel(names=("left", "right"))})

    def draw(self, rng):
        return {"class": int(rng.integers(2)), "level": int(rng.integers(256))}

    def class_of(self, params):
        return ("left", "right")[params["class"]]

    def render(self, key, params, mode):
        image = np.full((6, 6, 3), params["level"], np.uint8)
        return Sample(key=key, image=image, targets={"label": self.class_of(params)})
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with images that are light on their left or on their right; flips swap the two."""
    home, rng = tmp_path_factory.mktemp("ablate"), np.random.default_rng(0)
    for number in range(120):
        label = ("left", "right")[number % 2]
        (home / "images" / label).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 140, (6, 6, 3), dtype="u1")
        pixels[:, :3] += np.uint8(60 * (label == "left"))
        pixels[:, 3:] += np.uint8(60 * (label == "right"))
        Image.fromarray(pixels).save(home / "images" / label / f"{number}.png")
    (home / "halves.yaml").write_text(PIPELINE)
    (home / "parts.yaml").write_text(PARTS)
    (home / "plugins").mkdir()
    (home / "plugins/shade.py").write_text(SHADE)
    return home


def tried_of(path, *overrides: str) -> TriedPipeline:
    document = with_presets(overridden(read(path), overrides))
    return TriedPipeline(document=document, surveyed=survey(load_spec(path, overrides)))


def test_every_part_is_named_with_what_takes_it_out(home) -> None:
    tried = tried_of(home / "parts.yaml")
    parts, left = parts_of(tried)
    said = {each.name: assignments_of(tried, [each]) for each in parts}
    assert said.pop("augment/preset:weather") == ("augment.stages[0].p=0",)
    assert said.pop("augment/erase") == ("augment.stages[1].p=0",)
    assert said.pop("augment/A.Blur-2") == ("augment.stages[3].p=0",)
    assert said.pop("stream/mixup") == ("stream.stages[0].p=0",)
    # The second keeps its draws under its name, and what only balances goes with the balance.
    for name, kept in {
        "synthesize/shade": {"synthesize/shade-2": 4, "synthesize/more": 0},
        "synthesize/shade-2": {"synthesize/shade": 3, "synthesize/more": 0},
        "synthesize/more": {"synthesize/shade": 3, "synthesize/shade-2": 4},
        "balance": {"synthesize/shade": 3, "synthesize/shade-2": 4},
    }.items():
        found = tried.spec(*said.pop(name)).settings
        assert {each.id: each.count for each in found.synthesize} == kept
        assert (found.balance is None) == (name == "balance")
    assert (said, left) == ({}, [])


def test_what_cannot_be_taken_out_says_why(home) -> None:
    stages = (
        "[{use: A.Resize, height: 8, width: 8}, {use: A.RandomCrop, height: 6, width: 6, p: 1}]"
    )
    said = ("prepare=[{use: resize, size: [6, 6]}]", f"augment.stages={stages}", "finish=[]")
    parts, left = parts_of(tried_of(home / "halves.yaml", *said))
    assert [each.name for each in parts] == ["augment/A.Resize"]
    (crop,) = left
    assert crop.name == "augment/A.RandomCrop"
    assert "expected every branch to end in one signature" in crop.reason
    pasted = '{__version__: "2", transform: {__class_fullname__: Blur, p: 0.5}}'
    told = parts_of(tried_of(home / "halves.yaml", f"augment.stages=[{pasted}]"))[1]
    assert [(each.name, each.reason[:19]) for each in told] == [
        ("augment/A.Blur", "its p cannot be set")
    ]
    idle = parts_of(tried_of(home / "halves.yaml", "augment.copies=0"))
    assert idle[0] == []
    assert {each.reason for each in idle[1]} == {"no variant is made by it: augment.copies is 0."}


def test_a_preset_that_an_assignment_brings_is_taken_out_as_one(home) -> None:
    brought = "augment.stages=[{preset: document}, {use: erase}]"
    opened, document = with_stages(dsbuilder.open(home / "parts.yaml", overrides=[brought]))
    tried = TriedPipeline(document=document, surveyed=opened.survey())
    preset, erase = (each for each in parts_of(tried)[0] if each.section == "augment")
    assert (preset.name, preset.places) == ("augment/preset:document", (0, 1, 2, 3, 4))
    for part, on in ((preset, [0.0] * 5 + [1.0]), (erase, [0.7, 0.3, 0.3, 0.4, 0.6, 0.0])):
        stages = opened.spec(*assignments_of(tried, [part])).settings.augment.stages
        assert [each.p for each in stages] == on


def test_what_is_added_stands_behind_the_others(home) -> None:
    tried = tried_of(home / "parts.yaml")
    preset = added_part(tried, "stream={preset: weather}", [])
    known = ["augment/erase"]
    erase = added_part(tried, "erase", known)
    assert (preset.name, erase.name) == ("stream/preset:weather", "augment/erase-2")
    mixup, weather, *_ = tried.spec(*assignments_of(tried, [preset, erase])).settings.stream.stages
    assert (mixup.id, weather.id) == ("stream/mixup", "stream/weather")
    both = tried.spec(*assignments_of(tried, [preset, erase])).settings.augment.stages
    assert [each.id for each in both][-1] == "augment/erase-2"
    for said, message in (
        ("{use: erase, p: 2}", r"--add \{use: erase, p: 2\}.*expected a probability"),
        ("augment={use: ersae}", "unknown transform or mixer 'ersae'. Did you mean 'erase'"),
        ("balance={to: max}", "the pipeline has a section balance"),
        ("stream={use: A.Normalize, p: 0.5}", "applied or not"),
    ):
        with pytest.raises(SpecError, match=message):
            added_part(tried, said, [])


@pytest.fixture(scope="module")
def found(home):
    """What an ablation came to that nobody interrupted."""
    opened = dsbuilder.open(home / "halves.yaml")
    added = ["augment={use: A.VerticalFlip, p: 0.1}"]
    return opened.ablate(add=added, seeds=4, run=home / "whole", workers=0)


@pytest.mark.slow
def test_a_stage_that_turns_labels_into_others_harms(home, found) -> None:
    said = {each.name: each for each in found.parts}
    flip = said["augment/A.HorizontalFlip"]
    assert flip.verdict == "harms", found.verdict
    assert np.mean(flip.validation.best) < np.mean(flip.validation.own) - 0.2
    assert flip.validation.mean == pytest.approx(
        np.mean(flip.validation.best) - np.mean(flip.validation.own)
    )
    assert flip.test.split == "test"
    assert said["augment/A.GaussNoise"].verdict == "no difference seen"
    assert said["augment/A.VerticalFlip"].added
    assert found.changes == ("augment/A.HorizontalFlip",)
    assert found.together.mean == pytest.approx(-flip.validation.mean)
    assert flip.samples == flip.changed_samples


@pytest.mark.slow
def test_what_was_found_is_written_and_can_be_trained_with(home, found) -> None:
    opened = dsbuilder.open(home / "halves.yaml", patches=[found.patch])
    assert [each.p for each in opened.spec().settings.augment.stages] == [0, 0.1]
    page = found.page.read_text()
    assert found.verdict in page
    assert re.search(
        r"^\| `augment/A.HorizontalFlip` \| .* \| \*\*harms\*\* \|", page, re.MULTILINE
    )
    assert "charts/parts.svg" in page
    assert ">augment/A.HorizontalFlip<" in found.chart.read_text()
    with (found.folder / "parts.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * len(found.parts)
    assert json.loads((found.folder / "ablation.json").read_text()) == json.loads(
        json.dumps(found.to_json())
    )


@pytest.mark.slow
def test_a_person_reads_what_was_found(home, found) -> None:
    words = ["ablate", home / "halves.yaml", "--add", "augment={use: A.VerticalFlip, p: 0.1}"]
    words += ["--seeds", 4, "--run", home / "whole", "--workers", 0]
    shown = CliRunner().invoke(main, list(map(str, words)))
    assert shown.exit_code == 0, shown.stderr
    assert "training 1" not in shown.stderr  # all of them are done
    assert re.search(r"augment/A.HorizontalFlip .* harms", shown.stdout)
    assert f"next: dsbuilder train {home / 'halves.yaml'} --patch {found.patch}" in shown.stdout
    told = json.loads(CliRunner().invoke(main, [*map(str, words), "--json"]).stdout)
    # Of a training that is done nothing is warned again.
    assert {**told, "warnings": None} == json.loads(
        json.dumps({**found.to_json(), "warnings": None})
    )


KILL = """
import os, signal, sys
from pathlib import Path
import dsbuilder

home = Path(sys.argv[1])

def kill(step):
    if len(list((home / "killed").glob("*/*/*/evaluation.json"))) >= 3:
        os.kill(os.getpid(), signal.SIGKILL)

opened = dsbuilder.open(home / "halves.yaml")
opened.ablate(
    add=["augment={use: A.VerticalFlip, p: 0.1}"], seeds=4, run=home / "killed", workers=0,
    on_batch=kill,
)
"""


@pytest.mark.slow
def test_one_that_is_killed_goes_on_to_the_same_end(home, found) -> None:
    killed = subprocess.run([sys.executable, "-c", KILL, str(home)], check=False)
    assert killed.returncode == -signal.SIGKILL
    opened, added = dsbuilder.open(home / "halves.yaml"), ["augment={use: A.VerticalFlip, p: 0.1}"]
    told: list[tuple[int, int, str]] = []
    again = opened.ablate(
        add=added, seeds=4, run=home / "killed", workers=0, on_run=lambda *each: told.append(each)
    )
    assert 1 < len(told) < 16
    assert told[-1][:2] == (16, 16)
    assert (again.parts, again.verdict) == (found.parts, found.verdict)
    other = dsbuilder.open(home / "halves.yaml", overrides=["train.optimizer.learning_rate=0.01"])
    with pytest.raises(TrainError, match="found one of another section 'train'"):
        other.ablate(seeds=2, run=home / "killed", workers=0)
    with pytest.raises(TrainError, match="found one of another section 'train'"):
        opened.ablate(seeds=2, epochs=2, run=home / "killed", workers=0)
    shutil.rmtree(home / "killed")


def test_what_cannot_be_ablated_is_refused(home) -> None:
    opened = dsbuilder.open(home / "halves.yaml")
    with pytest.raises(SpecError, match="expected 2 to 20 seeds, found 1"):
        opened.ablate(seeds=1)
    with pytest.raises(SpecError, match=r"found 'augment/A.Flip'.* Did you mean"):
        opened.ablate(only=["augment/A.Flip"])
    with pytest.raises(SpecError, match="found nothing to try"):
        dsbuilder.open(home / "halves.yaml", overrides=["augment={}"]).ablate()
    with pytest.raises(TrainError, match="there is no validation split"):
        dsbuilder.open(home / "halves.yaml", overrides=["split={train: 0.8, test: 0.2}"]).ablate()
