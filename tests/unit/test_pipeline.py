"""A wrong pipeline is found before an image is opened; every branch ends in one signature."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dsbuilder.errors import SpecError
from dsbuilder.pipeline import Pipeline, resolve, split_of_content
from dsbuilder.pipelinefile import load, load_data
from dsbuilder.registry import discover
from dsbuilder.sample import Feature, Target
from dsbuilder.targets import ClassLabel, Value

LABELS = {"label": ClassLabel(names=("cat", "dog"))}

PLUGINS = '''
"""Transforms with every geometry."""
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Signature, Transform, transform


@transform("tears", geometry="breaks")
@dataclass(frozen=True, kw_only=True)
class Tears(Transform):
    """Loses positions."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample


@transform("carries", geometry="moves", moves=("dots",))
@dataclass(frozen=True, kw_only=True)
class Carries(Transform):
    """Moves dots along."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample


@transform("turns", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class Turns(Transform):
    """Moves nothing along."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample


@transform("small_only", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class SmallOnly(Transform):
    """Takes images of 8 x 8."""

    def output_signature(self, signature: Signature) -> Signature:
        if signature.image.shape[:2] != (8, 8):
            raise ValueError("expected 8 x 8.")
        return signature

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample
'''


@dataclass(frozen=True, kw_only=True)
class Dots(Target):
    """A positional target that exists only here."""

    kind: ClassVar[str] = "dots"
    positional: ClassVar[bool] = True

    def parse(self, raw: Any) -> Any:
        return raw

    def raw(self, value: Any) -> Any:
        return value

    def features(self, name: str) -> dict[str, Feature]:
        return {name: Feature(kind="tensor", dtype="float32", shape=(2,))}

    def encode(self, name: str, value: Any) -> dict[str, Any]:
        return {name: value}

    def decode(self, name: str, features: Any) -> Any:
        return features[name]

    def streamed(self, name: str) -> str:
        return name

    def show(self, value: Any) -> str:
        return str(value)


@pytest.fixture
def resolved(tmp_path: Path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/geometry.py").write_text(PLUGINS)
    registry = discover([tmp_path / "plugins"])

    def make(text: str, targets: Any = LABELS) -> Pipeline:
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "a.yaml").write_text(f"name: toy\nsource: {{use: folder, path: x}}\n{text}")
        return resolve(load(tmp_path / "a.yaml", registry), targets)

    return make


def problems(resolved: Any, text: str, targets: Any = LABELS) -> list[str]:
    with pytest.raises(SpecError) as error:
        resolved(text, targets)
    return [str(problem).partition("a.yaml:")[2] for problem in error.value.problems]


def test_the_size_follows_from_the_stages(resolved) -> None:
    pipeline = resolved("finish: [{use: resize, size: [8, 12]}]\n")
    assert pipeline.signature.image.shape == (8, 12, 3)
    assert resolved("image: {mode: gray}\n").signature.image.shape == (None, None, 1)


def test_the_stream_has_a_signature_of_its_own(resolved) -> None:
    pipeline = resolved(
        "finish: [{use: resize, size: [8, 8]}]\n"
        "stream: {stages: [mixup], finish: [{use: resize, size: [4, 4]}]}\n"
    )
    assert pipeline.signature.targets == LABELS
    assert pipeline.streamed.image.shape == (4, 4, 3)
    assert pipeline.streamed.targets["label"].soft


def test_to_say_the_package_of_a_plugin_reseeds_nothing(resolved) -> None:
    said = resolved("finish: [{use: dsbuilder:resize, size: [8, 8]}]\n")
    left = resolved("finish: [{use: resize, size: [8, 8]}]\n")
    assert [stage.id for stage in said.stages] == [stage.id for stage in left.stages]
    assert said.settings.finish == left.settings.finish
    member = resolved("augment: {copies: 1, stages: [{use: 'dsbuilder:A.HorizontalFlip'}]}\n")
    assert member.settings.augment.stages[0].plugin.member == "HorizontalFlip"


def test_branches_that_end_in_different_signatures_are_refused(resolved) -> None:
    text = "augment: {copies: 1, stages: [{use: resize, size: [8, 8]}]}\n"
    assert problems(resolved, text) == [
        "1: expected every branch to end in one signature, found image ?x?x3 uint8; "
        "label: class of 2 from the original and image 8x8x3 uint8; label: class of 2 from its "
        "variants. Let finish bring them together, say with {use: resize, size: [96, 96]}."
    ]


def test_a_mixer_makes_the_target_of_every_branch_soft(resolved) -> None:
    text = "prepare: [{use: resize, size: [8, 8]}]\naugment: {copies: 1, stages: [mixup]}\n"
    pipeline = resolved(text)
    assert pipeline.signature.targets["label"].soft
    assert not pipeline.prepared.targets["label"].soft


@pytest.mark.parametrize("name", ["image", "key", "a/b", ""])
def test_a_target_of_a_taken_or_illegal_name_is_refused(resolved, name) -> None:
    [problem] = problems(resolved, "", {name: LABELS["label"]})
    assert problem.startswith(f"2: source: target '{name}': expected a name ")


def test_what_a_mixer_stores_beside_a_class_is_taken(resolved) -> None:
    targets = {**LABELS, "label_weights": Value()}
    assert set(resolved("", targets).signature.targets) == set(targets)
    text = "augment: {copies: 1, stages: [mixup]}\n"
    assert problems(resolved, f"prepare: [{{use: resize, size: [8, 8]}}]\n{text}", targets) == [
        "1: target 'label_weights': expected a name under which nothing else is stored, found that "
        "the target 'label' stores 'label_weights'. Rename it: the column or the option of the "
        "source that it is called after."
    ]


def test_two_mixers_are_refused(resolved) -> None:
    text = "augment: {copies: 1, stages: [mixup, mixup]}\n"
    assert problems(resolved, text) == [
        "3: augment: stages: expected at most one mixer, found several. Keep one."
    ]


def test_a_stage_that_cannot_take_the_signature_is_named(resolved) -> None:
    text = "prepare:\n  - {use: resize, short: 9}\n  - small_only\n"
    assert problems(resolved, text) == [
        "5: prepare[1]: cannot take image ?x?x3 uint8; label: class of 2: expected 8 x 8."
    ]


def test_randomness_is_refused_where_nothing_is_drawn(resolved) -> None:
    text = "prepare: [{use: A.HorizontalFlip, p: 0.5}]\n"
    assert problems(resolved, text) == [
        "3: prepare[0]: expected no randomness here, found p: 0.5. Set p: 1."
    ]


def test_a_stage_that_draws_has_no_place_where_nothing_is_drawn(resolved) -> None:
    text = (
        "prepare: [{use: A.RandomBrightnessContrast, p: 1}]\n"
        "finish: [{use: A.CenterCrop, height: 8, width: 8}]\n"
    )
    assert problems(resolved, text) == [
        "3: prepare[0]: expected no randomness here, found a stage that draws. "
        "Put it into augment.stages or stream.stages."
    ]


def test_a_mixer_in_augment_and_one_in_stream_are_refused(resolved) -> None:
    text = "augment: {copies: 1, stages: [mixup]}\nstream: {stages: [mixup]}\n"
    assert problems(resolved, text) == [
        "1: expected at most one mixer on a sample's way, found one in augment and one in stream. "
        "Keep one."
    ]


def test_a_change_of_dtype_is_not_left_to_chance(resolved) -> None:
    assert problems(resolved, "augment: {copies: 1, stages: [{use: A.ToFloat, p: 0.5}]}\n")[0] == (
        "3: augment.stages[0]: expected one signature whether the stage is applied or not, found "
        "?x?x3 uint8 without it and ?x?x3 float32 with it. Set p: 1."
    )


@pytest.mark.parametrize("stage", ["tears", "turns"])
def test_a_stage_that_would_leave_positions_behind_is_refused(resolved, stage) -> None:
    geometry = {"tears": "breaks", "turns": "moves"}[stage]
    text = f"augment: {{copies: 1, stages: [carries, {stage}]}}\n"
    assert problems(resolved, text, {"point": Dots()}) == [
        "3: augment.stages[1]: expected a stage that moves the target 'point' (dots) along, found "
        f"one whose geometry '{geometry}' does not. Use another transform."
    ]
    resolved(text)  # without positions it may do as it likes


def test_raw_pixels_need_one_size(resolved) -> None:
    assert problems(resolved, "cache: {codec: npy}\n") == [
        "3: cache: expected images of one size for raw pixels, found ?x?x3 uint8. "
        "Add {use: resize, size: [height, width]} to finish, or store jpeg or png."
    ]


def test_jpeg_refuses_alpha(resolved) -> None:
    assert problems(resolved, "image: {mode: rgba}\ncache: {image: jpeg}\n") == [
        "4: cache.image: expected png or raw for an image ?x?x4 uint8, found jpeg. Change it."
    ]


def test_names_of_stages_stand_once(resolved) -> None:
    text = (
        "augment:\n  stages:\n    - {use: A.Blur, name: soft}\n    - {use: A.Sharpen, name: soft}\n"
    )
    assert problems(resolved, text) == [
        "6: augment.stages[1].name: expected each name once, found 'soft' at augment.stages[0] "
        "as well. Rename it."
    ]


def test_a_stage_is_called_by_plugin_and_occurrence(resolved) -> None:
    text = (
        "augment: {copies: 1, stages: [A.Blur, {use: A.Sharpen, name: edge}, A.Blur]}\n"
        "stream: {stages: [A.Blur]}\n"
    )
    settings = resolved(text).settings
    assert [stage.id for stage in settings.augment.stages] == [
        "augment/A.Blur",
        "augment/edge",
        "augment/A.Blur-2",
    ]
    assert settings.stream.stages[0].id == "stream/A.Blur"


def test_contents_are_dealt_by_their_shares() -> None:
    shares = {"train": 0.7, "test": 0.3}
    dealt = [split_of_content(shares, 1, str(i)) for i in range(4000)]
    assert 0.67 < dealt.count("train") / len(dealt) < 0.73


NOTING = '''
"""A transform with something to say."""
from dataclasses import dataclass
from dsbuilder.plugin import Sample, Signature, Transform, transform


@transform("noting", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Noting(Transform):
    """Says how many channels there are."""

    def notes(self, signature: Signature) -> list[str]:
        return [f"found {signature.image.channels} channels"]

    def apply(self, sample: Sample, params: dict) -> Sample:
        return sample
'''

NOTED = """\
name: a
source: {use: folder, path: x}
finish: [{use: noting}, {use: resize, size: [8, 8]}]
augment:
  copies: 1
  stages:
    - use: one_of
      stages: [{use: resize, size: [8, 8]}, {use: noting, p: 0}, {use: noting}]
      weights: [0, 1, 1]
    - {use: some_of, pick: 1, stages: [{use: noting}]}
    - {use: noting, p: 0}
stream: {stages: [{use: noting}]}
"""


def test_what_stages_have_to_say_is_told_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    (tmp_path / "a.yaml").write_text(NOTED)
    spec = load(tmp_path / "a.yaml", discover([tmp_path]))
    where = f"{tmp_path}/a.yaml"
    assert resolve(spec, LABELS).warnings == (
        f"{where}:3: finish[0]: found 3 channels.",
        f"{where}:7: augment.stages[0]: stages[2] (noting-2): found 3 channels.",
        f"{where}:10: augment.stages[1]: stages[0] (noting): found 3 channels.",
        f"{where}:12: stream.stages[0]: found 3 channels.",
    )


def test_an_error_carries_what_stages_had_to_say(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    (tmp_path / "a.yaml").write_text(
        NOTED.replace("{use: resize, size: [8, 8]}]", "{use: noting, p: 0.5}]")
    )
    spec = load(tmp_path / "a.yaml", discover([tmp_path]))
    with pytest.raises(SpecError, match="expected no randomness") as caught:
        resolve(spec, LABELS)
    assert f"{tmp_path}/a.yaml:3: finish[0]: found 3 channels." in caught.value.warnings


SIZED = """size: {size}
prepare: [{{use: resize, short: $short*1.25}}]
augment:
  copies: 2
  stages:
    - {{use: A.RandomResizedCrop, size: $size, p: 1}}
finish: [{{use: resize, size: [$height, $width]}}]
"""


@pytest.mark.parametrize(
    ("size", "sides", "short"), [("[64, 96]", (64, 96), 80), ("50", (50, 50), 62)]
)
def test_the_size_stands_once_and_stages_name_it(resolved, size, sides, short) -> None:
    pipeline = resolved(SIZED.format(size=size))
    settings = pipeline.settings
    assert pipeline.signature.image.shape[:2] == sides
    assert settings.prepare[0].plugin.short == short
    assert settings.augment.stages[0].plugin.options["size"] == list(sides)
    assert not pipeline.warnings


def test_what_is_resolved_holds_numbers_alone(resolved) -> None:
    pipeline = resolved(SIZED.format(size="[64, 96]"))
    assert "$" not in str(pipeline.spec.resolved)
    again = load_data(pipeline.spec.resolved, pipeline.spec.registry, origin="again", folder=Path())
    assert again.resolved == pipeline.spec.resolved


def test_one_assignment_changes_every_size(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"name: toy\nsource: {{use: folder, path: x}}\n{SIZED.format(size=64)}")
    spec = load(path, discover([]), ["size=32"])
    assert resolve(spec, LABELS).signature.image.shape == (32, 32, 3)
    assert spec.settings.prepare[0].plugin.short == 40


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ("", "3: finish[0].size: '$size' stands for no size. Add size: [height, width] to the"),
        ("size: [1, 2, 3]\n", "3: size: expected [height, width] in pixels, or one number for a"),
        ("size: big\n", "3: size: expected [height, width] in pixels, or one number for a"),
        ("size: [0, 8]\n", "3: size: expected [height, width] in pixels, or one number for a"),
    ],
)
def test_a_size_that_is_none_is_named(resolved, size, problem) -> None:
    (found,) = problems(resolved, f"{size}finish: [{{use: resize, size: $size}}]\n")
    assert found.startswith(problem)


LETTERBOX = (
    "finish:\n"
    "  - {{use: A.LongestMaxSize, max_size: {most}}}\n"
    "  - {{use: A.PadIfNeeded, min_height: {least}, min_width: {least}}}\n"
)


@pytest.mark.parametrize(
    ("most", "least", "sides"),
    [(160, 160, (160, 160)), (224, 224, (224, 224)), (160, 200, (200, 200)), (224, 160, None)],
)
def test_a_letterbox_ends_in_one_size(resolved, most, least, sides) -> None:
    shape = resolved(LETTERBOX.format(most=most, least=least)).signature.image
    assert shape.shape[:2] == (sides or (None, None))
    assert shape.within is None


def test_a_letterbox_may_be_of_two_sections_with_colors_between(resolved) -> None:
    pipeline = resolved(
        "prepare: [{use: A.LongestMaxSize, max_size: 64}]\n"
        "augment: {copies: 1, stages: [{use: A.RandomBrightnessContrast, p: 1}]}\n"
        "finish: [{use: A.PadIfNeeded, min_height: 64, min_width: 64}]\n"
    )
    assert pipeline.signature.image.shape == (64, 64, 3)


def test_padding_alone_gives_no_one_size(resolved) -> None:
    pipeline = resolved("finish: [{use: A.PadIfNeeded, min_height: 224, min_width: 224}]\n")
    assert pipeline.signature.image.shape == (None, None, 3)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "augment: {copies: 1, stages: [{use: A.RandomResizedCrop, size: [96, 96], p: 1}]}\n"
            "finish: [{use: resize, size: [224, 224]}]\n",
            "finish[0]: images that augment.stages[0] makes 96x96 are scaled up to 224x224,",
        ),
        (
            "prepare: [{use: resize, short: 96}]\nfinish: [{use: resize, size: [224, 224]}]\n",
            "finish[0]: images that prepare[0] makes 96x144 are scaled up to 224x224,",
        ),
        (
            "finish: [{use: resize, size: [64, 64]}]\n"
            "stream: {stages: [{use: A.RandomCrop, height: 32, width: 32, p: 1}], "
            "finish: [{use: resize, size: [64, 64]}]}\n",
            "stream.finish[0]: images that stream.stages[0] makes 32x32 are scaled up to 64x64,",
        ),
    ],
)
def test_what_was_made_small_and_is_scaled_up_is_told(resolved, text, place) -> None:
    (warning,) = resolved(text).warnings
    assert place in warning


def test_filling_a_frame_and_making_smaller_are_no_scaling_up(resolved) -> None:
    for text in (
        "prepare: [{use: resize, short: 96}]\nfinish: [{use: resize, size: [96, 96]}]\n",
        LETTERBOX.format(most=64, least=96),
        "finish: [{use: resize, size: [5000, 7000]}]\n",
    ):
        assert not resolved(text).warnings


def test_variants_that_no_stage_touches_are_told(resolved) -> None:
    flip = "{use: A.HorizontalFlip, p: 0.5}"
    text = "augment: {{copies: {}, stages: [{}]}}\n"
    (warning,) = resolved(text.format(2, "{use: A.HorizontalFlip, p: 0.25}")).warnings
    assert "3: augment: no stage touches 75% of the variants" in warning
    assert not resolved(text.format(2, flip)).warnings
    assert not resolved(text.format(0, flip)).warnings


def test_a_stage_for_some_classes_touches_these_alone(resolved) -> None:
    text = "augment: {{stages: [{{use: A.HorizontalFlip, p: 0.9, {}: [cat]}}]}}\n"
    for word in ("only_classes", "except_classes"):
        (warning,) = resolved(text.format(word)).warnings
        assert "no stage touches 55% of the variants" in warning


def test_variants_that_balance_alone_makes_are_told_as_well(resolved) -> None:
    text = "augment: {copies: 0, stages: [{use: A.HorizontalFlip, p: 0.25}]}\n"
    assert not resolved(text).warnings
    (warning,) = resolved(f"{text}balance: {{to: max}}\n").warnings
    assert "no stage touches 75% of the variants" in warning
