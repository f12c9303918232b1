"""Members of a family of plugins, such as `A.HorizontalFlip` of `A.*`: their texts and options."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dsbuilder.errors import PluginError, did_you_mean
from dsbuilder.registry import Plugin


class Member(NamedTuple):
    """A member of a family: its class, and why a pipeline cannot use it, or None if it can."""

    cls: Any
    refusal: str | None


def _albumentations() -> dict[str, Member]:
    from dsbuilder.builtin.transforms.albumentations_recipe import members, refusal

    return {name: Member(cls, refusal(name)) for name, cls in members().items()}


_FAMILIES: Mapping[str, Callable[[], dict[str, Member]]] = {"A.*": _albumentations}
"""Name of a family -> what returns its members by name."""


def members(plugin: Plugin) -> list[str]:
    """Returns the names that a pipeline can use of a family; none of one that is not known here."""
    return [
        f"{_prefix(plugin)}{name}"
        for name, member in _members(plugin).items()
        if member.refusal is None
    ]


def describe_member(plugin: Plugin, name: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text and the options of a member of a family.

    Raises:
      PluginError: the family has no such member, or a pipeline cannot use it.
    """
    member = _members(plugin).get(name.removeprefix(_prefix(plugin)))
    if member is None:
        raise PluginError(f"unknown {plugin.kind} '{name}'.{did_you_mean(name, members(plugin))}")
    if member.refusal is not None:
        raise PluginError(f"{name}: expected one that takes an image alone, but {member.refusal}.")
    text, _, _ = inspect.cleandoc(member.cls.__doc__ or "").partition("\nExamples:")
    return text.rstrip(), _options(member.cls)


def _members(plugin: Plugin) -> dict[str, Member]:
    find = _FAMILIES.get(plugin.name)
    return {} if find is None else find()


def _prefix(plugin: Plugin) -> str:
    return plugin.name.removesuffix("*")


def _options(member: Any) -> list[dict[str, Any]]:
    parameters = inspect.signature(member.__init__).parameters.values()
    return [_option(each) for each in parameters if each.name not in ("self", "strict", "seed")]


def _option(parameter: inspect.Parameter) -> dict[str, Any]:
    required = parameter.default is inspect.Parameter.empty
    described = {"name": parameter.name, "type": _in_words(parameter), "required": required}
    return described if required else {**described, "default": _plain(parameter.default)}


def _in_words(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return "anything"
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
