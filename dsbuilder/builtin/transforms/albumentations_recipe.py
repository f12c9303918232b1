"""Options of a pipeline -> an albumentations object that always applies, seeded for each call.

albumentations warns where an option is unknown and, for some wrong values, warns and takes its
defaults. A pipeline must not build something else than it says, so both are errors here.
"""

import inspect
import os
import random
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import processes
from dsbuilder.builtin.transforms.albumentations_bounded import bounded
from dsbuilder.builtin.transforms.albumentations_drawn import drawn, forget
from dsbuilder.plugin import did_you_mean

_REFUSED = {
    "AtLeastOneBBoxRandomCrop": "it needs boxes",
    "BBoxSafeRandomCrop": "it needs boxes",
    "ConstrainedCoarseDropout": "it needs a mask or boxes",
    "CropNonEmptyMaskIfExists": "it needs a mask",
    "Lambda": "it needs functions, which a pipeline file cannot hold (write a plugin)",
    "MaskDropout": "it needs a mask",
    "Mosaic": "it needs other images with every call",
    "OverlayElements": "it needs images to lay over with every call",
    "RandomCropNearBBox": "it needs a box with every call",
    "RandomSizedBBoxSafeCrop": "it needs boxes",
    "ReplayCompose": "it keeps a record that a pipeline has in its ledger (use A.Compose)",
    "TextImage": "it needs a text with every call",
}
_ABSTRACT = {"BaseCompose", "BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}

NESTING = ("transforms", "first", "second")
_LATER = ("bbox_params", "keypoint_params", "additional_targets")
_REFERENCES = "reference_images"

_INTERPOLATION = {"nearest": 0, "linear": 1, "cubic": 2, "area": 3, "lanczos": 4}
FLAGS: Mapping[str, Mapping[str, int]] = {
    "interpolation": _INTERPOLATION,
    "mask_interpolation": _INTERPOLATION,
    "border_mode": {"constant": 0, "replicate": 1, "reflect": 2, "wrap": 3, "reflect_101": 4},
}


_RGBA = 4


class _Late:
    """A random generator that is made when it is first asked for something.

    Every call brings two, of which most transforms use one or none; making both takes longer than
    many a transform.
    """

    def __init__(self, make: Callable[[int], Any], seed: int) -> None:
        self._make, self._seed = make, seed

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by what copies objects
            raise AttributeError(name)
        # This method is asked only for what is not there yet, `_made` in the first place.
        value = self._make(self._seed) if name == "_made" else getattr(self._made, name)
        setattr(self, name, value)
        return value


@dataclass(frozen=True)
class Recipe:
    """An albumentations object with what every call of it needs.

    Attributes:
      name: how errors call it.
      transform: the object; applies always.
      references: images that `FDA` and its like take with every call, by key.
      notes: sentences that albumentations warned with when the object was made.
      lock: the object keeps its random state, so that one call must end before the next begins.
    """

    name: str
    transform: Any
    references: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Returns the transformed image `(H, W, C)`, contiguous."""
        with self.lock:
            return call(self.transform, image, seed, self.references)

    def explain(self, image: np.ndarray, seed: int) -> dict[str, Any]:
        """Returns what is drawn from a seed for an image, as JSON values."""
        with self.lock:
            forget(self.transform)
            call(self.transform, image, seed, self.references)
            return drawn(self.transform)


def call(transform: Any, image: np.ndarray, seed: int, references: Mapping[str, Any]) -> np.ndarray:
    """Seeds an object and applies it; the same seed gives the same bytes.

    What changes colors alone is given the colors alone: alpha stays as it is.
    """
    if image.shape[2] == _RGBA and _is_of_color(transform):
        color = _call(transform, np.ascontiguousarray(image[..., :3]), seed, references)
        if color.shape[2] == _RGBA - 1 and color.dtype == image.dtype:
            return np.concatenate([color, image[..., 3:]], axis=2)
    return _call(transform, image, seed, references)


def _is_of_color(transform: Any) -> bool:
    if isinstance(transform, library().BaseCompose):
        return all(_is_of_color(child) for child in transform.transforms)
    return isinstance(transform, library().ImageOnlyTransform)


def _call(
    transform: Any, image: np.ndarray, seed: int, references: Mapping[str, Any]
) -> np.ndarray:
    reseed(transform, seed)
    result = transform(image=image, force_apply=True, **references)["image"]
    return np.ascontiguousarray(result if result.ndim == 3 else result[..., None])


def reseed(transform: Any, seed: int) -> None:
    """Gives an object the random state of a seed, for one call."""
    # `Compose(seed=...)` would give every child the same seed: three flips would fire together.
    transform.set_random_state(_Late(np.random.default_rng, seed), _Late(random.Random, seed))


@cache
def library() -> Any:
    """Returns the module albumentations, imported without its look at the network.

    In a process of ours it comes without `huggingface_hub`, too, which it imports where it is
    installed, for uploads: a sixth of a second and 9 MiB; and what it warns of is in `Recipe.notes`
    and in what `signature_after` returns.
    """
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    with processes.hidden("huggingface_hub"):
        import albumentations

    processes.silence("albumentations")
    return albumentations


@cache
def members() -> Mapping[str, Any]:
    """Returns the public transforms and compositions by name, the refused ones included."""
    module = library()
    bases = (module.BasicTransform, module.BaseCompose)
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, bases) and name not in _ABSTRACT
    }


def refusal(member: str) -> str | None:
    """Returns why a member cannot be used in a pipeline; None if it can."""
    if issubclass(members()[member], library().Transform3D):
        return "it works on volumes"
    return _REFUSED.get(member)


def default_p(member: str) -> float:
    """Returns the class's own probability."""
    return float(inspect.signature(members()[member].__init__).parameters["p"].default)


def with_paths(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options in which the reference images, wherever they stand, are paths."""
    return {name: _with_paths(name, value) for name, value in options.items()}


def _with_paths(name: str, value: Any) -> Any:
    if name == _REFERENCES and isinstance(value, (list, tuple)):
        return [Path(entry) if isinstance(entry, str) else entry for entry in value]
    if isinstance(value, Mapping):
        return with_paths(value)
    return [_with_paths("", entry) for entry in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class _Draft:
    """What comes up while an object and its children are made; see `Recipe`."""

    references: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def make(member: str, options: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of the outermost object, whose `p` its stage draws.

    Raises:
      ValueError: no such class or option, a value the class does not take, or a class that needs
        more than an image.
    """
    if member == "OneOrOther":
        raise ValueError(
            "A.OneOrOther: its p chooses between the two, where a stage's p chooses whether it is "
            "applied. Use one_of with weights, or put it into the transforms of an A.Sequential."
        )
    draft = _Draft()
    made = _make(member, options, draft)
    made.p = 1.0
    return Recipe(f"A.{member}", made, draft.references, tuple(dict.fromkeys(draft.notes)))


def _make(member: str, options: Mapping[str, Any], draft: _Draft) -> Any:
    cls = _find(member)
    name = f"A.{member}"
    arguments = {key: _argument(name, key, value) for key, value in options.items()}
    if issubclass(cls, library().BaseCompose):
        arguments = _nest(name, arguments, draft)
    elif "metadata_key" in _options_of(cls):
        arguments |= _refer(name, arguments.pop(_REFERENCES, None), draft)
    inherited = _check_names(name, cls, arguments)
    stated = {key: arguments.pop(key) for key in inherited}
    made = _construct(name, cls, arguments, draft)
    for key, value in stated.items():
        if _plain(getattr(made, key, None)) != _plain(value):
            raise ValueError(f"{name}: unknown option '{key}'. It belongs to a parent class.")
    return made if issubclass(cls, library().BaseCompose) else bounded(made)


def _find(member: str) -> Any:
    if member not in members():
        known = [f"A.{name}" for name in members() if not refusal(name)]
        hint = did_you_mean(f"A.{member}", known)
        raise ValueError(f"unknown transform 'A.{member}' of albumentations.{hint}")
    reason = refusal(member)
    if reason:
        raise ValueError(
            f"A.{member}: expected a transform of an image alone, but {reason}. Remove it."
        )
    return members()[member]


def _argument(name: str, key: str, value: Any) -> Any:
    if key in FLAGS and isinstance(value, str):
        if value not in FLAGS[key]:
            raise ValueError(
                f"{name}: {key}: unknown value '{value}'.{did_you_mean(value, FLAGS[key])}"
            )
        return FLAGS[key][value]
    if key == "interpolation_pair" and isinstance(value, Mapping):
        return {end: _argument(name, "interpolation", flag) for end, flag in value.items()}
    return value if key in NESTING else _tuples(value)


def _tuples(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_tuples(entry) for entry in value)
    if isinstance(value, Mapping):
        return {key: _tuples(entry) for key, entry in value.items()}
    return value


def _nest(name: str, arguments: dict[str, Any], draft: _Draft) -> dict[str, Any]:
    """Makes the children of a composition and drops what only targets in coordinates would need."""
    for key in _LATER:
        if arguments.pop(key, None):
            raise ValueError(
                f"{name}: {key}: what a sample has of masks, boxes and keypoints goes along "
                "without it. Remove it."
            )
    p = arguments.get("p", 1)
    if not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise ValueError(f"{name}: p: expected a probability in [0, 1], found {p!r}.")
    for key in NESTING:
        if arguments.get(key) is not None:
            arguments[key] = _children(name, key, arguments[key], draft)
    if not arguments.get("transforms") and not arguments.get("first"):
        raise ValueError(f"{name}: transforms: at least one is needed. Add one.")
    return arguments


def _children(name: str, key: str, value: Any, draft: _Draft) -> Any:
    if key != "transforms":
        return _child(f"{name}: {key}", value, draft)
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name}: transforms: expected a list, found {value!r}.")
    return [
        _child(f"{name}: transforms[{index}]", entry, draft) for index, entry in enumerate(value)
    ]


def _child(where: str, entry: Any, draft: _Draft) -> Any:
    options = {"use": entry} if isinstance(entry, str) else dict(entry or {})
    pasted = options.pop("__class_fullname__", None)
    word = str(options.pop("use", pasted))
    if pasted is not None:
        word = "A." + str(pasted).rsplit(".", 1)[-1]
    if not word.startswith("A."):
        raise ValueError(
            f"{where}: expected {{use: A.Name, ...}}, found {entry!r}. "
            "Other transforms can be nested in one_of and some_of."
        )
    try:
        return _make(word.removeprefix("A."), options, draft)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _refer(name: str, paths: Any, draft: _Draft) -> dict[str, str]:
    """Reads reference images; returns the option that says under which key a call passes them."""
    from dsbuilder.images.encoding import decode

    if not isinstance(paths, tuple) or not all(
        isinstance(path, Path) and path.is_absolute() and path.is_file() for path in paths
    ):
        shown = [str(path) for path in paths] if isinstance(paths, tuple) else paths
        found = f"expected absolute paths of images, found {shown}"
        raise ValueError(f"{name}: {_REFERENCES}: {found if shown else 'no image is named'}.")
    key = f"references_{len(draft.references)}"
    draft.references[key] = [
        decode(path.read_bytes(), mode="rgb", background=(255, 255, 255)) for path in paths
    ]
    return {"metadata_key": key}


def _check_names(name: str, cls: Any, arguments: Mapping[str, Any]) -> list[str]:
    """Refuses unknown options; returns those that only a parent class knows.

    `A.to_dict` also writes what parent classes take, which the class itself then refuses.
    """
    if "seed" in arguments:
        raise ValueError(f"{name}: seed: the pipeline's seed decides. Remove it.")
    known, all_known = _options_of(cls), known_options(cls)
    inherited = [key for key in arguments if key not in known and key in all_known]
    for key in arguments:
        if key not in all_known:
            hint = did_you_mean(key, known - {"p", "read_fn", "metadata_key"})
            raise ValueError(f"{name}: unknown option '{key}'.{hint or ' It has none.'}")
    return inherited


def known_options(cls: Any) -> set[str]:
    """Returns the names of what a class or one above it takes; see `_check_names`."""
    own = {_REFERENCES} if "metadata_key" in _options_of(cls) else set()
    return own.union(*(_options_of(each) for each in cls.__mro__))


def _options_of(cls: Any) -> set[str]:
    parameters = inspect.signature(cls.__init__).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {each.name for each in parameters if each.kind in named} - {"self", "strict", "seed"}


def _construct(name: str, cls: Any, arguments: dict[str, Any], draft: _Draft) -> Any:
    # `strict` makes an error of albumentations' fallback to defaults; not every class takes it.
    strict = {"strict": True} if "InitSchema" in vars(cls) else {}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = cls(**arguments, **strict)
    except Exception as error:  # a constructor may raise anything on a user's value
        raise ValueError(f"{name}: {'; '.join(_reasons(error))}") from error
    draft.notes.extend(warned(name, caught))
    return made


def warned(name: str, caught: Iterable[warnings.WarningMessage]) -> Iterator[str]:
    """Yields caught warnings as sentences without a full stop, each once."""
    for text in dict.fromkeys(" ".join(str(each.message).split()) for each in caught):
        yield f"{name}: {text.rstrip('.')}"


def _reasons(error: Exception) -> Iterator[str]:
    """Yields what is wrong, an option at a time, of pydantic's report or of any other error."""
    report = getattr(error.__cause__, "errors", None)
    if report is None:
        yield " ".join(str(error).split())
        return
    seen: dict[str, list[dict[str, Any]]] = {}
    for entry in report():
        seen.setdefault(str(entry["loc"][0]) if entry["loc"] else "", []).append(entry)
    for option, entries in seen.items():
        yield _reason(option, entries)


def _reason(option: str, entries: Sequence[Mapping[str, Any]]) -> str:
    first = entries[0]
    if first["type"] == "missing":
        return f"the option '{option}' is missing. Add it."
    texts = dict.fromkeys(str(entry["msg"]).removeprefix("Value error, ") for entry in entries)
    text = " or ".join(list(texts)[:3])
    found = f", found {first['input']!r}." if option and len(entries) == 1 else ""
    return (f"{option}: " if option else "") + text + found


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return value
