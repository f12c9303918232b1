"""Which inspectors look at the data: those a pipeline names, or all there are."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields

from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.stages import Inspection
from dsbuilder.plugin import Inspector
from dsbuilder.registry import Plugin, Registry

Inspections = Mapping[str, Inspection]


def chosen(spec: Spec) -> Inspections:
    """Returns the inspectors that a pipeline names, by name, without those it ignores."""
    stated = spec.settings.inspect
    return {name: each for name, each in sorted(stated.items()) if each.action != "ignore"}


def every(spec: Spec) -> Inspections:
    """Returns all inspectors there are, by name; those the pipeline names with its options.

    One that needs options takes part only where the pipeline states them.
    """
    both = {**_free(spec.registry), **spec.settings.inspect}
    return {name: each for name, each in sorted(both.items()) if each.action != "ignore"}


def bound(stated: Inspections, registry: Registry, names: Sequence[str]) -> Mapping[str, Inspector]:
    """Returns inspectors by name, as `chosen` or `every` returned them in another process.

    Args:
      stated: the section `inspect`, bound here.
    """
    known = {**_free(registry), **stated}
    return {name: known[name].plugin for name in names}


def _free(registry: Registry) -> Inspections:
    """Returns the inspectors that can do without options."""
    found = registry.of_kind("inspector")
    return {each.name: Inspection(plugin=each.cls()) for each in found if _is_free(each)}


def _is_free(plugin: Plugin) -> bool:
    """Whether a plugin can do without options."""
    return not plugin.mark.is_family and all(
        each.default is not MISSING or each.default_factory is not MISSING or not each.init
        for each in fields(plugin.cls)
    )
