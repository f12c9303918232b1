"""The decorators that mark a class as a plugin, after checking that it can be one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from inspect import isfunction
from typing import Protocol, TypeVar, get_type_hints

from dsbuilder.errors import PluginError
from dsbuilder.option import unsettable
from dsbuilder.plugin.kinds import KINDS
from dsbuilder.plugin.marks import API, UNSTATED_API, Geometry, Mark
from dsbuilder.plugin.models import ModelBuilder
from dsbuilder.plugin.ranges import Range
from dsbuilder.plugin.sources import Catalog, Source
from dsbuilder.plugin.transforms import Stage, Transform
from dsbuilder.targets import Boxes, Instances, Keypoints, Mask

_OF_CATALOG = tuple(name for name in vars(Catalog) if not name.startswith("_"))

CLASS_WORDS = ("only_classes", "except_classes")
"""Options of a stage that say for which samples it is."""

PLACE_WORD = "on"
"""Option of a stage of a stream that says where it is applied."""

RESERVED = frozenset(
    {"use", "p", "name", "splits", "count", "action", "corrections", PLACE_WORD, *CLASS_WORDS}
)
"""Words of a pipeline's stage that a plugin cannot take as the name of an option."""

POSITIONAL = tuple(kind.kind for kind in (Mask, Instances, Boxes, Keypoints))
"""The kinds of target that lie in pixel coordinates."""

Plugin = TypeVar("Plugin", bound=type)


def transform(
    name: str, *, geometry: Geometry, moves: Sequence[str] = (), api: int = UNSTATED_API
) -> Callable[[Plugin], Plugin]:
    """Marks a class as the transform `name`, with its declared geometry.

    Args:
      moves: kinds of positional target that `apply` moves along; all, where `motion` says how.
      api: version of `dsbuilder.plugin` that the plugin was written for.
    """
    if geometry not in ("fixed", "moves", "breaks"):
        raise PluginError(
            f"transform '{name}': expected geometry 'fixed', 'moves' or 'breaks', "
            f"found {geometry!r}."
        )

    def apply(cls: Plugin) -> Plugin:
        says = geometry == "moves" and getattr(cls, "motion", None) is not Transform.motion
        along = POSITIONAL if says else tuple(moves)
        mark = Mark(kind="transform", name=name, geometry=geometry, moves=along, api=api)
        return _marker(mark)(cls)

    return apply


class Decorator(Protocol):
    """What marks a class as a plugin of one kind."""

    def __call__(self, name: str, *, api: int = UNSTATED_API) -> Callable[[Plugin], Plugin]:
        """Marks a class as the plugin `name`, written for version `api` of `dsbuilder.plugin`."""


def _decorator(kind: str) -> Decorator:
    """Returns the decorator that marks a class as the plugin `name` of a kind."""

    def decorator(name: str, *, api: int = UNSTATED_API) -> Callable[[Plugin], Plugin]:
        return _marker(Mark(kind=kind, name=name, api=api))

    return decorator


source = _decorator("source")
exporter = _decorator("exporter")
mixer = _decorator("mixer")
synthesizer = _decorator("synthesizer")
model = _decorator("model")
inspector = _decorator("inspector")
loss = _decorator("loss")
metric = _decorator("metric")
schedule = _decorator("schedule")


def _marker(mark: Mark) -> Callable[[Plugin], Plugin]:
    def apply(cls: Plugin) -> Plugin:
        # What is built in is for the version that it comes with.
        own = replace(mark, api=API) if cls.__module__.startswith("dsbuilder.") else mark
        _check_class(cls, KINDS[mark.kind].base, own)
        cls.__dsbuilder__ = own  # type: ignore[attr-defined]
        return cls

    return apply


def _check_class(cls: type, base: type, mark: Mark) -> None:
    where = f"{mark.kind} '{mark.name}' ({cls.__name__})"
    _check_mark(mark, where)
    if not issubclass(cls, base):
        raise PluginError(f"{where}: expected a subclass of {base.__name__}.")
    parameters = cls.__dict__.get("__dataclass_params__")
    if not is_dataclass(cls) or parameters is None or not parameters.frozen:
        raise PluginError(
            f"{where}: expected a frozen dataclass. "
            "Put @dataclass(frozen=True, kw_only=True) below the decorator."
        )
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{where}: the method {missing[0]}() is missing. Define it.")
    taken = [field.name for field in fields(cls) if field.name in RESERVED]
    if taken:
        raise PluginError(f"{where}: option '{taken[0]}' is a reserved word. Rename the field.")
    if not cls.__doc__ or cls.__doc__.startswith(f"{cls.__name__}("):
        raise PluginError(f"{where}: expected a docstring; it is the plugin's help text.")
    if issubclass(cls, Source):
        _check_source(cls, where)
    _check_options(cls, where)


def _check_mark(mark: Mark, where: str) -> None:
    """Raises a PluginError for a version of the vocabulary or a name that is not to be had."""
    if mark.api != API:
        older = "Install a newer dsbuilder" if mark.api > API else "Update the plugin"
        raise PluginError(
            f"{where}: expected a plugin for version {API} of dsbuilder.plugin, found one for "
            f"version {mark.api}. {older}."
        )
    if not re.fullmatch(r"[^\s:/]+", mark.name):
        raise PluginError(
            f"{where}: expected a name without spaces, colons and slashes, found '{mark.name}'. "
            "Rename it."
        )


def _check_source(cls: type, where: str) -> None:
    """Raises a PluginError for a method of a catalog: of a source it would never be called."""
    found = [name for name in _OF_CATALOG if isfunction(cls.__dict__.get(name))]
    if found:
        raise PluginError(
            f"{where}: expected {found[0]}() of the catalog that open() returns, found it of the "
            "source, where nothing calls it. Move it there."
        )


def _check_options(cls: type, where: str) -> None:
    """Raises a PluginError for an option that no pipeline can set."""
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise PluginError(
            f"{where}: no type '{error.name}' is defined above the class. Import it, or move it up."
        ) from error
    for each in fields(cls):
        wrong = unsettable(hints[each.name], (Range, Stage, Source, ModelBuilder))
        if each.init and wrong is not None:
            raise PluginError(
                f"{where}: option '{each.name}': expected a type that YAML can set, found "
                f"{wrong}. Take str, int, float, bool, Path, Range, Literal, tuple, Mapping of "
                "str, a dataclass, Stage, or a union of these."
            )
