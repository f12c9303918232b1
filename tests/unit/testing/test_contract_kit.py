"""The contract kit finds what is broken: each law with a plugin that breaks it alone."""

import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsbuilder.images.scale import resize
from dsbuilder.plugin import (
    CHANNELS,
    Catalog,
    ClassLabel,
    ImageSignature,
    Listing,
    Mixer,
    Mode,
    ModelBuilder,
    Motion,
    Params,
    PluginError,
    Record,
    Sample,
    Signature,
    Source,
    Synthesizer,
    TrainError,
    Transform,
    mixer,
    model,
    source,
    synthesizer,
    transform,
)
from dsbuilder.tasks import outputs_of
from dsbuilder.testing import ContractError, check_learning, check_plugin
from dsbuilder.testing.models import taken_signatures


@transform("good", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Good(Transform):
    """Adds a drawn number.

    Attributes:
      most: the largest number.
    """

    most: int = 5

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": int(rng.integers(self.most + 1))}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image + np.uint8(params["value"]))


def broken(**methods: Any) -> Transform:
    """Returns a `Good` with some methods replaced."""
    namespace = {"__doc__": Good.__doc__, "__module__": __name__, **methods}
    cls = dataclass(frozen=True, kw_only=True)(type("Broken", (Good,), namespace))
    return transform("broken", geometry="fixed")(cls)()


def doubled(sample: Sample) -> Sample:
    return sample.replace(image=np.repeat(sample.image, 2, axis=0))


STATE: list[int] = []
NOWHERE = Motion(matrix=np.eye(3), before=(1, 1), after=(1, 1))


def test_a_good_plugin_passes() -> None:
    check_plugin(Good(most=9))


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (
            {"__doc__": "Adds.\n\n    Attributes:\n      least: the smallest."},
            "found nothing on most",
        ),
        (
            {"draw": lambda self, sample, rng: {"value": random.randrange(200)}},
            "expected draw to use its generator alone",
        ),
        ({"draw": lambda self, sample, rng: {"value": (1, 2)}}, "params that JSON keeps"),
        ({"draw": lambda self, sample, rng: {1: 2}}, "params that JSON keeps"),
        ({"draw": lambda self, sample, rng: {"value": np.int64(3)}}, "params of JSON values"),
        ({"draw": lambda self, sample, rng: {"value": float("nan")}}, "params of JSON values"),
        (
            {
                "apply": lambda self, sample, params: sample.replace(
                    image=sample.image + np.uint8(np.random.randint(256))
                )
            },
            "expected the same bytes from the same params",
        ),
        (
            {"apply": lambda self, sample, params: params.update(value=1) or sample},
            "expected its params left alone",
        ),
        (
            {"apply": lambda self, sample, params: sample.targets.update(label=7) or sample},
            "expected its input targets left alone",
        ),
        (
            {"apply": lambda self, sample, params: doubled(sample)},
            "expected an image as its output_signature says, 32x48x1 uint8, found 64x48x1 uint8",
        ),
        (
            {"apply": lambda self, sample, params: sample.replace(key="other")},
            "expected the sample's key",
        ),
        (
            {"apply": lambda self, sample, params: sample.replace(targets={})},
            r"expected the targets \[.*'label'.*\], found \[\]",
        ),
        (
            {
                "output_signature": lambda self, signature: signature.resized(64, 48),
                "apply": lambda self, sample, params: doubled(sample),
            },
            "expected geometry 'fixed' to keep",
        ),
        (
            {
                "output_signature": lambda self, signature: signature.resized(
                    signature.image.height, 7
                )
            },
            "expected geometry 'fixed' to keep",
        ),
        (
            {"output_signature": lambda self, signature: (_ for _ in ()).throw(ValueError("no"))},
            "found it refuses all",
        ),
        (
            {"output_signature": lambda self, signature: (_ for _ in ()).throw(ValueError)},
            "there is no reason for refusing",
        ),
        (
            {"motion": lambda self, sample, params: NOWHERE},
            "expected no motion of geometry 'fixed'",
        ),
        (
            {
                "geometry": property(lambda self: "moves"),
                "motion": lambda self, sample, params: NOWHERE,
            },
            "expected a motion between images of",
        ),
        (
            {
                "apply": lambda self, sample, params: (
                    STATE.append(1)
                    or sample.replace(image=sample.image + np.uint8(len(STATE) // 2))
                )
            },
            "repeats, .*expected the same bytes|state, .*after another sample",
        ),
    ],
)
def test_a_broken_transform_is_found(methods: Mapping[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_plugin(broken(**methods))


def moving(**methods: Any) -> Transform:
    """Returns a transform that mirrors left and right, with some methods replaced."""
    mirrored: dict[str, Any] = {
        "draw": lambda self, sample, rng: {"flip": bool(rng.random() < 0.5)},
        "apply": lambda self, sample, params: sample.replace(
            image=sample.image[:, ::-1].copy() if params["flip"] else sample.image
        ),
        "motion": lambda self, sample, params: mirror(sample, params, sign=-1),
    }
    namespace = {"__doc__": Good.__doc__, "__module__": __name__, **mirrored, **methods}
    cls = dataclass(frozen=True, kw_only=True)(type("Moving", (Good,), namespace))
    return transform("moving", geometry=methods.get("says", "moves"))(cls)()


def mirror(sample: Sample, params: Params, *, sign: int) -> Motion:
    height, width = sample.image.shape[:2]
    matrix = np.diag([sign, 1.0, 1.0]) if params["flip"] else np.eye(3)
    matrix[0, 2] = width if params["flip"] else 0
    return Motion(matrix=matrix, before=(height, width), after=(height, width))


def crash(sample: Sample, params: Params, *, least: int) -> Sample:
    if sample.image.shape[0] < least:
        raise IndexError("no such row")
    return moving().apply.__func__(None, sample, params)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (
            {"says": "fixed", "motion": lambda self, sample, params: None},
            r"expected geometry 'fixed' to leave what is seen where it is, found that a dot at",
        ),
        (
            {"motion": lambda self, sample, params: None},
            "expected targets to go where the pixels go",
        ),
        (
            {"motion": lambda self, sample, params: mirror(sample, params, sign=1)},
            "expected targets to go where the pixels go.* and its boxes target is gone",
        ),
        (
            {"apply": lambda self, sample, params: crash(sample, params, least=2)},
            r"small, a gray image of 1x1 pixels with .* no boxes and .*: expected no error, found "
            r"IndexError: no such row \(test_contract_kit.py",
        ),
    ],
)
def test_targets_that_are_left_behind_are_found(methods: Mapping[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_plugin(moving(**methods))


@pytest.mark.parametrize("side", [16, 480])
def test_a_wrong_motion_is_found_in_images_of_any_size(side: int) -> None:
    def apply(self: Transform, sample: Sample, params: Params) -> Sample:
        resized = resize(sample.image, (side, side))
        return sample.replace(image=np.ascontiguousarray(resized[:, ::-1]))

    def motion(self: Transform, sample: Sample, params: Params) -> Motion:
        size = (sample.image.shape[0], sample.image.shape[1])
        return Motion.of_box(size, (0, 0, *size), (0, 0, side, side), (side, side))

    plugin = moving(
        apply=apply,
        motion=motion,
        output_signature=lambda self, signature: signature.resized(side, side),
    )
    with pytest.raises(AssertionError, match="expected targets to go where the pixels go"):
        check_plugin(plugin)


def test_boxes_that_a_transform_forgets_to_be_none_are_found() -> None:
    def apply(self: Transform, sample: Sample, params: Params) -> Sample:
        for kind in ("boxes",) if "boxes" in sample.targets else ():
            assert np.isfinite(sample.targets[kind].corners.min())
        return moving().apply.__func__(None, sample, params)

    with pytest.raises(ContractError, match=r"empty, a gray image of 32x48 pixels .* and no boxes"):
        check_plugin(moving(apply=apply))


def test_a_transform_that_writes_to_its_input_is_stopped() -> None:
    def apply(self: Transform, sample: Sample, params: Params) -> Sample:
        sample.image[:] = 0
        return sample

    with pytest.raises(ContractError, match=r"inputs, .*expected its input image left alone"):
        check_plugin(broken(apply=apply))


def test_options_that_cannot_be_written_down_are_refused_by_the_decorator() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Odd(Good):
        """Adds.

        Attributes:
          most: the largest.
          kept: no option that YAML can say.
        """

        kept: complex = field(default=1j)

    with pytest.raises(PluginError, match="option 'kept': expected a type that YAML can set"):
        transform("odd", geometry="fixed")(Odd)


def test_an_undecorated_class_is_found() -> None:
    class Bare(Good):
        """Without a mark of its own."""

    with pytest.raises(AssertionError, match="Bare: expected a decorator"):
        check_plugin(Bare())
    with pytest.raises(AssertionError, match="expected an object of a plugin's class, found str"):
        check_plugin("good")


@mixer("halves")
@dataclass(frozen=True, kw_only=True)
class Halves(Mixer):
    """Takes the mean.

    Attributes:
      share: of the sample in the label, in [0, 1].
    """

    share: float = 0.5

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        return {}

    def weights(self, params: Params) -> tuple[float, ...]:
        return (self.share, 0.5)

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        partner = partners[0].image
        if partner.shape != sample.image.shape:
            partner = sample.image
        return sample.replace(image=sample.image // 2 + partner // 2)


def test_a_mixer_is_checked_with_its_labels() -> None:
    check_plugin(Halves())
    with pytest.raises(
        AssertionError, match=r"expected 2 weights that sum to 1, found \(0\.7, 0\.5\)"
    ):
        check_plugin(Halves(share=0.7))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_weights_that_are_not_those_of_the_pixels_are_found(share: float) -> None:
    methods = {
        "__doc__": "Mixes.",
        "__module__": __name__,
        "draw": lambda self, sample, partners, rng: {},
        "weights": lambda self, params: (share, 1 - share),
        "apply": lambda self, sample, partners, params: sample.replace(
            image=sample.image // 2 + partners[0].image[:1, :1] // 2
        ),
    }
    cls = dataclass(frozen=True, kw_only=True)(type("Unjust", (Mixer,), methods))
    with pytest.raises(AssertionError, match="expected as much of a sample as weights"):
        check_plugin(mixer("unjust")(cls)())


@synthesizer("dots")
@dataclass(frozen=True, kw_only=True)
class Dots(Synthesizer):
    """Makes a plain image.

    Attributes:
      by_key: whether the key decides.
      label: the raw label.
    """

    by_key: bool = False
    label: str = "a"

    def output_signature(self, mode: Mode) -> Signature:
        image = ImageSignature(height=4, width=4, channels=CHANNELS[mode])
        return Signature(image=image, targets={"label": ClassLabel(names=("a", "b"))})

    def draw(self, rng: np.random.Generator) -> Params:
        return {"value": int(rng.integers(256))}

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        value = len(key) + ord(key[0]) if self.by_key else params["value"]
        image = np.full((4, 4, CHANNELS[mode]), value, np.uint8)
        return Sample(key=key, image=image, targets={"label": self.label})


def test_a_synthesizer_draws_from_its_params_alone() -> None:
    check_plugin(Dots())
    with pytest.raises(AssertionError, match="found one that depends on the key"):
        check_plugin(Dots(by_key=True))
    with pytest.raises(Exception, match="expected one of the 2 classes, found 'c'"):
        check_plugin(Dots(label="c"))


@source("made")
@dataclass(frozen=True, kw_only=True)
class MadeUp(Source):
    """Makes its arrays itself.

    Attributes:
      keys: of the records.
      identified: whether it says what stands for the pixels.
      target: name of the target.
      note: what is noted.
      place: where each record lies.
      lists_alike: whether it lists the same every time.
      remembers: whether reading needs what listing found.
    """

    keys: tuple[str, ...] = ("a", "b")
    identified: bool = True
    target: str = "label"
    note: str = "nothing was skipped"
    place: str = "a text"
    lists_alike: bool = True
    remembers: bool = False

    def open(self) -> Catalog:
        return Opened(self)


LISTED: list[int] = []


class Opened(Catalog):
    def __init__(self, source: MadeUp) -> None:
        self.source = source
        self.found: list[Record] = []

    def scan(self) -> Listing:
        LISTED.append(len(LISTED))
        source = self.source
        place = {"at": {"a text": "1", "a path": Path("1"), "a tuple": (1, 2)}[source.place]}
        self.found = [
            Record(
                key=key,
                targets={source.target: key},
                place=place if source.lists_alike else {"at": LISTED[-1]},
            )
            for key in source.keys
        ]
        kinds = {source.target: ClassLabel(names=("a", "b"))}
        return Listing(records=self.found, targets=kinds, notes=[source.note])

    def read(self, record: Record) -> np.ndarray:
        if self.source.remembers:
            self.found.index(record)
        return np.zeros((4, 4, 3), np.uint8)

    def identity(self, record: Record) -> str | None:
        return "zeros" if self.source.identified else None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keys": ()}, "the source lists no records"),
        ({"keys": ("a", "a")}, "expected each key once"),
        ({"keys": ("a//b",)}, "expected keys that a dataset can hold, found {'a//b'"),
        ({"identified": False}, r"expected a path, or identity\(\)"),
        ({"target": "image"}, "target 'image': expected a name under which nothing else is stored"),
        ({"target": "a/b"}, "target 'a/b': expected a name of .* without slashes, found a slash"),
        ({"note": "A sentence."}, "expected notes without a full stop, found 'A sentence.'"),
        ({"place": "a path"}, "expected place of JSON values"),
        ({"place": "a tuple"}, "expected place of JSON values"),
        ({"lists_alike": False}, "expected the same listing every time it is opened"),
        ({"remembers": True}, "a catalog which never listed reads a record by its path and place"),
    ],
)
def test_a_source_that_breaks_its_word_is_found(options: dict[str, Any], message: str) -> None:
    check_plugin(MadeUp())
    with pytest.raises(AssertionError, match=message):
        check_plugin(MadeUp(**options))


def test_a_source_with_a_method_of_a_catalog_is_refused() -> None:
    namespace = {"__doc__": MadeUp.__doc__, "read": lambda self, record: b""}
    cls = dataclass(frozen=True, kw_only=True)(type("Old", (MadeUp,), namespace))
    with pytest.raises(
        PluginError, match=r"expected read\(\) of the catalog that open\(\) returns"
    ):
        source("old")(cls)


@model("plain")
@dataclass(frozen=True, kw_only=True)
class Plain(ModelBuilder):
    """A dense layer for each target that a row answers, and faults to find.

    Attributes:
      more: how many outputs there are too many.
      compiled: whether it comes compiled.
      by_name: whether outputs are a mapping where there is one target, too.
      takes: whether it takes anything.
      learns: whether a loss can become smaller.
    """

    more: int = 0
    compiled: bool = False
    by_name: bool = False
    takes: bool = True
    learns: bool = True

    def check(self, signature: Signature) -> None:
        if not self.takes or {len(shape or ()) for shape in outputs_of(signature).values()} != {1}:
            raise TrainError("expected rows.")

    def build(self, signature: Signature) -> Any:
        import keras

        image = keras.Input(signature.image.shape)
        x = keras.layers.Flatten()(image) * (1.0 if self.learns else 0.0)
        outputs = {
            name: keras.layers.Dense(shape[0] + self.more, use_bias=False)(x)
            for name, shape in outputs_of(signature).items()
            if shape is not None and shape[0] is not None
        }
        several = len(outputs) > 1 or self.by_name
        built = keras.Model(image, outputs if several else next(iter(outputs.values())))
        if self.compiled:
            built.compile(loss="mse")
        return built


def test_a_model_yields_what_each_task_asks_for_alone_and_together() -> None:
    check_plugin(Plain())
    found = taken_signatures(Plain(), ImageSignature(height=8, width=8, channels=1))
    alone = ["label", "whether", "tags", "numbers"]
    together = [*alone, "points"]
    assert [list(each.targets) for each in found] == [*([each] for each in alone), together]
    with pytest.raises(AssertionError, match=r"outputs of shape \(4, 3\), found \(4, 4\)"):
        check_plugin(Plain(more=1))
    with pytest.raises(AssertionError, match="expected an uncompiled model"):
        check_plugin(Plain(compiled=True))
    with pytest.raises(AssertionError, match="expected a tensor for one target, found a mapping"):
        check_plugin(Plain(by_name=True))
    with pytest.raises(AssertionError, match="found it refuses all"):
        check_plugin(Plain(takes=False))


def test_a_model_that_does_not_learn_is_found() -> None:
    image = ImageSignature(height=8, width=8, channels=1)
    check_learning(Plain(), image=image)
    with pytest.raises(AssertionError, match="expected a loss that 8 steps make smaller"):
        check_learning(Plain(learns=False), image=image)


def test_the_kit_needs_no_test_framework() -> None:
    code = (
        "import sys, dsbuilder.testing;"
        "assert not {'pytest', 'tensorflow', 'keras', 'albumentations'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
