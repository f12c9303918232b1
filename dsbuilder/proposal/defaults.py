"""What a person would choose to train with, for `init` and for `train`: model, size, epochs.

The model follows the task and the data; the size follows the model. A network of ImageNet knows
photographs at 224 px: of some hundred small photographs, its features tell 0.86 right at 96 px,
0.91 at 160 and 0.92 at 224.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from dsbuilder.builtin.models.backbones import efficientnet_lite0
from dsbuilder.pipelinefile.binding import to_plain
from dsbuilder.pipelinefile.training import FineTuneOptions, Length
from dsbuilder.plugin import ImageSignature, Signature, Target
from dsbuilder.registry import Registry
from dsbuilder.tasks import can_learn, outputs_of, task_of, tells_apart

MOST_FOR_TRANSFER, LEAST_FOR_TUNING = 10_000, 2_000
_SMALL_SIDE = 48
_PRETRAINED_SIDES = {5_000: 224, MOST_FOR_TRANSFER: 160}
"""Side of an image by the most records for which its cost pays."""
_STEPS, _STEPS_OF_HEAD, _BATCH = 4_000, 1_500, 32
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 60
_FROM_SCRATCH = {1: "cnn", 3: "unet"}
"""Axes of what a target asks a model to yield -> the model that learns it from scratch."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the choice depends on.

    Attributes:
      targets: targets by name.
      samples: number of images to train on, without variants.
      variants: number of stored variants of each.
      gray: whether images are gray.
      short: short side of the images, in pixels, before they are brought to a size.
      validated: whether there is a validation split.
      unlearnable: names of targets that no task learns for what the samples hold of them.
    """

    targets: Mapping[str, Target]
    samples: int
    variants: int = 0
    gray: bool = False
    short: int
    validated: bool = True
    unlearnable: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How to train.

    Attributes:
      section: section `train`; None where no built-in model learns the targets.
      why: reasons for the task, for the model, and for how long; or why there is no model, and what
        to do.
    """

    section: Mapping[str, Any] | None
    why: Sequence[str]


def pretrained_side(case: Case) -> int | None:
    """Returns the side of images for a pretrained network; None where it is not the choice."""
    if not _transfers(case):
        return None
    return next(side for most, side in _PRETRAINED_SIDES.items() if case.samples <= most)


def choose(case: Case, size: tuple[int, int], registry: Registry) -> Choice:
    """Returns how to train on images of a size."""
    target = _target(case)
    name = _from_scratch(case.targets, target, size)
    if name is None or target is None or not registry.plugins.named(name, "model"):
        kinds = {each.kind for each in case.targets.values()}
        why, advice = _unlearnt(kinds)
        return Choice(section=None, why=(why, advice))
    section, why, until = _trained(case, name, size)
    named = {"target": target} if len(case.targets) > 1 else {}
    task = f"task: {case.targets[target].kind} of '{target}', {case.samples} images to train on"
    return Choice(
        section={**named, **section},
        why=(task, f"model: {why}", f"epochs: at most {section['epochs']}, {until}"),
    )


def _unlearnt(kinds: Collection[str]) -> tuple[str, str]:
    """Returns why there is nothing to train of targets of some kinds, and what to do."""
    if not kinds:
        return (
            "the images have no labels that a model could learn",
            "Label them, say by class folders.",
        )
    if kinds == {"class"}:
        return (
            "there is one class alone, where a classifier tells two or more apart",
            "Add images of another class.",
        )
    words = " and ".join(sorted(kinds)).replace("_", "-")
    return f"no built-in model learns {words}", "Add one with a model that does."


def _trained(case: Case, name: str, size: tuple[int, int]) -> tuple[dict[str, Any], str, str]:
    """Returns a train section, why its model is, and why its epochs are."""
    if not _transfers(case):
        model, why = _scratch_model(case, name, size)
        stored = case.samples * (1 + case.variants)
        length, why_so = length_from_scratch(stored, validated=case.validated)
    else:
        model, why = {"use": "transfer"}, _of_transfer(case, size)
        length, why_so = length_of_head(case.samples, validated=case.validated)
    own = {name: value for name, value in to_plain(length).items() if value is not None}
    return {"model": model, **own}, why, why_so["epochs"].partition(", ")[2]


def length_from_scratch(samples: int, *, validated: bool) -> tuple[Length, dict[str, str]]:
    """Returns how long a network is trained from scratch, and why by the option.

    Args:
      samples: number of samples of an epoch.
      validated: whether there is a validation split, which may end it early.
    """
    steps, epochs = _epochs(samples, _STEPS)
    length = Length(epochs=epochs, patience=max(5, epochs // 3) if validated else None)
    until = ", fewer if validation gets no better" if validated else ""
    if epochs == _FEWEST_EPOCHS:
        until = f"as few as an epoch of {samples:,} samples needs{until}"
    else:
        until = f"about {steps * epochs:,} batches of {_BATCH}{until}"
    return length, {"epochs": f"epochs: at most {epochs}, {until}"}


def _epochs(samples: int, steps: int) -> tuple[int, int]:
    """Returns how many batches an epoch has, and how many epochs come to a number of steps."""
    batches = max(1, -(-samples // _BATCH))
    return batches, min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, steps // batches))


def length_of_head(samples: int, *, validated: bool) -> tuple[Length, dict[str, str]]:
    """Returns how long a new head on frozen features is trained, and why by the option.

    Args:
      samples: number of images to train on, without variants.
      validated: whether there is a validation split, which says when it is enough.
    """
    many = f"{LEAST_FOR_TUNING:,} images"
    tuning, tuned = None, f"none, a new head alone, as there are fewer than {many}"
    if samples >= LEAST_FOR_TUNING:
        tuning = FineTuneOptions(layers=20, epochs=3, learning_rate=1e-5)
        tuned = f"the last {tuning.layers} layers for {tuning.epochs} epochs, of {many} or more"
    if validated:
        length = Length(epochs=200, patience=10, fine_tune=tuning)
        until = "until validation gets no better for 10: kept features cost little"
    else:
        length = Length(epochs=_epochs(samples, _STEPS_OF_HEAD)[1], fine_tune=tuning)
        until = "as no validation split says when it is enough"
    why = {"epochs": f"at most {length.epochs}, {until}", "fine_tune": tuned}
    return length, {name: f"{name}: {each}" for name, each in why.items()}


def _target(case: Case) -> str | None:
    """Returns the target that is learnt: the first class, else the first that can be learnt."""
    able = {
        name: each for name, each in case.targets.items() if can_learn(each) and tells_apart(each)
    }
    known = {name: each for name, each in able.items() if name not in case.unlearnable}
    classes = [name for name, each in known.items() if each.kind == "class"]
    return next(iter((*classes, *known)), None)


def _from_scratch(
    targets: Mapping[str, Target], target: str | None, size: tuple[int, int]
) -> str | None:
    """Returns the model that yields what the target asks for; None if there is none."""
    if target is None:
        return None
    image = ImageSignature(height=size[0], width=size[1], channels=3)
    signature = Signature(image=image, targets={target: targets[target]})
    shape = outputs_of(signature)[target]
    return None if shape is None else _FROM_SCRATCH.get(len(shape))


def _scratch_model(case: Case, name: str, size: tuple[int, int]) -> tuple[dict[str, Any], str]:
    if name == "unet":
        return {"use": name}, "from scratch; says a class for every pixel"
    why = "a small network from scratch"
    if _suits_transfer(case) and not is_installed() and case.short > _SMALL_SIDE:
        why += f"; with few photographs transfer is better: {efficientnet_lite0.INSTALL}"
    return {"use": name, "depth": 2 if min(size) < 32 else 3, "dropout": 0.1}, why


def _of_transfer(case: Case, size: tuple[int, int]) -> str:
    sides = f"{size[0]}x{size[1]}"
    if case.samples < LEAST_FOR_TUNING:
        return (
            f"transfer on {sides}: a new head alone, as there are fewer than {LEAST_FOR_TUNING:,}"
        )
    return (
        f"transfer on {sides}: a new head, then features too: {LEAST_FOR_TUNING:,} images or more"
    )


def _suits_transfer(case: Case) -> bool:
    target = _target(case)
    return target is not None and task_of(case.targets[target].kind).suits_transfer


def _transfers(case: Case) -> bool:
    """Whether features that know photographs are the choice."""
    photographs = not case.gray and case.short > _SMALL_SIDE
    few = case.samples <= MOST_FOR_TRANSFER
    return photographs and few and _suits_transfer(case) and is_installed()


def is_installed() -> bool:
    """Whether the package with the weights of `transfer` is there."""
    try:
        metadata.distribution(efficientnet_lite0.PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True
