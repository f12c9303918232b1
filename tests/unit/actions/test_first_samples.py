"""Build and preview say of the first samples which plugin breaks its word, and at which sample."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dsbuilder
from dsbuilder.pipeline.first_samples import FirstSamples

SOURCE = '''
import random
from dataclasses import dataclass

import numpy as np

from dsbuilder.plugin import ClassLabel, ImageSignature, Params, Sample, Signature
from dsbuilder.plugin import Synthesizer, Transform, synthesizer, transform

CALLS = []


@transform("odd", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Odd(Transform):
    """Breaks what plugins promise.

    Attributes:
      fault: how.
    """

    fault: str = ""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        if self.fault == "draws":
            return {"value": random.random()}
        return {"value": float("nan") if self.fault == "nan" else float(rng.random())}

    def apply(self, sample: Sample, params: Params) -> Sample:
        CALLS.append(sample.key)
        if self.fault == "writes":
            sample.targets["label"] = 1 - sample.targets["label"]
        if self.fault == "params":
            params["value"] = 7
        if self.fault == "crashes":
            raise IndexError("no such row")
        image = sample.image // 2
        if self.fault == "counts":
            image = image + np.uint8(len(CALLS))
        return sample.replace(image=image, key="other" if self.fault == "key" else sample.key)


@synthesizer("odd_made")
@dataclass(frozen=True, kw_only=True)
class OddMade(Synthesizer):
    """Draws past its generator."""

    def output_signature(self, mode):
        image = ImageSignature(height=8, width=8, channels=3)
        return Signature(image=image, targets={"label": ClassLabel(names=("cat", "dog", "owl"))})

    def draw(self, rng):
        return {"value": random.random()}

    def render(self, key, params, mode):
        return Sample(key=key, image=np.zeros((8, 8, 3), np.uint8), targets={"label": "cat"})
'''
PIPELINE = """
name: toy
source: {{use: folder, path: source}}
augment: {{copies: 2, stages: [{{use: odd, fault: "{fault}"}}]}}
finish: [{{use: resize, size: [8, 8]}}]
build: {{on_error: {on_error}, max_quarantined: 99}}
"""
SAID = [
    ("draws", "expected draw() to use its generator alone, found"),
    ("nan", "expected JSON values from draw(), found nan"),
    ("writes", "expected what it is given left alone, found different 'label'"),
    ("params", "expected its params left alone"),
    ("counts", "expected the same from the same params, found different images"),
    ("key", "expected the sample's key, found 'other'"),
]


@pytest.fixture
def pipeline(make_images: Callable[..., Path], tmp_path: Path) -> Callable[..., dsbuilder.Session]:
    make_images(count=3)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "odd.py").write_text(SOURCE)

    def opened(fault: str, on_error: str = "quarantine") -> dsbuilder.Session:
        text = PIPELINE.format(fault=fault, on_error=on_error)
        (tmp_path / "toy.yaml").write_text(text)
        return dsbuilder.open(tmp_path / "toy.yaml", out=tmp_path / "out")

    return opened


@pytest.mark.parametrize(("fault", "text"), SAID)
def test_a_build_stops_at_the_first_sample_of_a_plugin_that_breaks_its_word(
    pipeline, fault: str, text: str
) -> None:
    with pytest.raises(dsbuilder.PluginError, match=re.escape(text)) as error:
        pipeline(fault).build(workers=0)
    assert re.match(
        r"stage 'augment/odd', sample '\w+/\d\.png//copy-\d': expected ", str(error.value)
    )
    assert str(error.value).endswith("`dsbuilder plugins test FILE` tries all of it.")


def test_a_preview_names_samples_and_draws_the_others(pipeline, tmp_path: Path) -> None:
    for fault, text in (
        ("writes", SAID[2][1]),
        ("crashes", "at stage: augment/odd: IndexError: no such"),
    ):
        found = pipeline(fault).preview(tmp_path / f"{fault}.png")
        assert found.output.is_file()
        assert any(text in each and "copy-" in each for each in found.warnings)


@pytest.mark.slow
def test_workers_say_it_as_well(pipeline) -> None:
    with pytest.raises(
        dsbuilder.PluginError, match=r"stage 'augment/odd', sample '.*': expected draw"
    ):
        pipeline("draws").build(workers=2)


def test_what_is_right_is_made_as_before(pipeline) -> None:
    built = pipeline("").build(workers=0)
    assert built.made == 21
    with pytest.raises(dsbuilder.DataError, match=r"found an error at augment/odd: IndexError: no"):
        pipeline("crashes", "stop").build(workers=0)


def test_a_synthesizer_is_asked_twice_as_well(pipeline, tmp_path: Path) -> None:
    opened = pipeline("")
    with (tmp_path / "toy.yaml").open("a") as file:
        file.write("synthesize: [{use: odd_made, count: 2}]\n")
    with pytest.raises(dsbuilder.PluginError, match=r"'synthesize/odd_made', .* alone"):
        opened.build(workers=0)


def test_samples_that_a_stage_leaves_out_are_not_counted() -> None:
    first = FirstSamples()
    for params in (None, {}, None, None):
        assert first.wants("erase")
        first.draw("erase", "a.png", lambda params=params: params)
    first.draw("erase", "a.png", dict)
    assert not first.wants("erase")
    assert first.wants("blur")


def test_params_that_are_no_json_are_named_before_they_are_compared() -> None:
    with pytest.raises(dsbuilder.PluginError, match=r"expected JSON values .*, found ndarray"):
        FirstSamples().draw("erase", "a.png", lambda: {"places": np.arange(3)})
