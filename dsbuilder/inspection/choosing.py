"""Which inspectors look at the data: those a pipeline names, or all there are."""

from collections.abc import Mapping
from dataclasses import MISSING, fields

from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.inspections import Inspection
from dsbuilder.plugin import Inspector
from dsbuilder.registry import Plugin

Inspections = Mapping[str, Inspection]


def chosen(spec: Spec) -> Inspections:
    """Returns the inspectors that a pipeline names, by name, without those it ignores."""
    stated = spec.settings.inspect
    return {name: each for name, each in sorted(stated.items()) if each.action != "ignore"}


def every(spec: Spec) -> Inspections:
    """Returns all inspectors there are, by name; those the pipeline names with its options.

    One that needs options takes part only where the pipeline states them.
    """
    stated = spec.settings.inspect
    found = {plugin.name: plugin for plugin in spec.registry.of_kind("inspector")}
    free = {name: Inspection(plugin=each.cls()) for name, each in found.items() if _is_free(each)}
    both = {**free, **stated}
    return {name: each for name, each in sorted(both.items()) if each.action != "ignore"}


def bound(spec: Spec, names: tuple[str, ...]) -> Mapping[str, Inspector]:
    """Returns inspectors by name, as `chosen` or `every` returned them in another process."""
    known = every(spec)
    return {name: known[name].plugin for name in names}


def _is_free(plugin: Plugin) -> bool:
    """Whether a plugin can do without options."""
    return not plugin.mark.is_family and all(
        each.default is not MISSING or each.default_factory is not MISSING or not each.init
        for each in fields(plugin.cls)
    )
