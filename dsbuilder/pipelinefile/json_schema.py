"""The JSON Schema of a pipeline file (draft 07, which editors know), of the plugins of a registry.

    use: resize          # one of the names that there are; its options are those of the plugin

An entry is judged by the plugin that it names (`if` / `then`), so that an editor tells of the one
option that is wrong and completes the others. A schema says what is wrong in form: an unknown key
or plugin, a type, an interval, an option that is missing. It refuses nothing that `load` takes.
What hangs on several options at once, on files, images or another line is for `dsbuilder check`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from dsbuilder import names
from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile import described, named_size, preset, stages, tuning
from dsbuilder.pipelinefile.json_types import Schema, Types, any_of
from dsbuilder.pipelinefile.schema import AugmentOptions, Settings, StreamOptions
from dsbuilder.plugin import KINDS, Source, Stage
from dsbuilder.plugin.decorators import CLASS_WORDS, PLACE_WORD
from dsbuilder.plugin.transforms import Place
from dsbuilder.registry import Plugin, Registry

DRAFT = "http://json-schema.org/draft-07/schema#"
MARK = "made by `dsbuilder schema`, which makes it anew"
"""Stands in every schema of ours, by which a file is known to be one."""

Members = Callable[[Plugin], Mapping[str, Schema]]
"""Returns the members of a family of plugins by their whole names, each with its options."""


def no_members(plugin: Plugin) -> Mapping[str, Schema]:
    """Returns no member of a family: any may be named, with any options."""
    return {}


def pipeline_schema(registry: Registry, members: Members = no_members) -> Schema:
    """Returns the schema of a pipeline file that names plugins of a registry."""
    places = _Places(registry, members)
    general = Types(places=places.refs())
    sized = Types(places=places.refs(), sized=True)
    whole = general.options(Settings)
    by_section = sized.options(Settings)["properties"]
    whole["properties"] |= {name: by_section[name] for name in named_size.SECTIONS}
    for name, cls in (("augment", AugmentOptions), ("stream", StreamOptions)):
        stage = _ref("streamed_stage" if name == "stream" else "varying_stage")
        varying = Types(places={**places.refs(), stages.AnyStage: stage}, sized=True)
        whole["properties"][name] |= varying.options(cls)
    whole["properties"]["name"] |= {"type": "string", "pattern": f"^{names.DATASET}$"}
    whole["properties"]["version"] |= {"type": "string", "pattern": f"^{names.VERSION}$"}
    for name in stages.SPLITS:  # of which a class can say nothing one by one: they sum to 1
        whole["properties"]["split"]["properties"][name] |= {"minimum": 0, "maximum": 1}
    whole["properties"]["inspect"] |= places.inspections()
    whole["properties"]["tune"]["propertyNames"] = {"pattern": _tuned()}
    return {
        "$schema": DRAFT,
        "$comment": MARK,
        "title": "A pipeline of dsbuilder",
        **whole,
        "anyOf": [{"required": ["source"]}, {"required": ["synthesize"]}],
        "definitions": places.definitions(),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _tuned() -> str:
    """Returns the pattern of paths whose options may be tuned."""
    fixed = "|".join(re.escape(each) for each in tuning.FIXED)
    splits = r"synthesize\[\d+\]\.splits"
    return rf"^(?!({fixed}|{splits})$)({'|'.join(tuning.TUNED)})([.\[].*)?$"


@dataclass(frozen=True)
class _Entry:
    """What a place may name: the names of one plugin, and the schema of the rest of the mapping.

    Attributes:
      names: its names, with and without its package.
      schema: schema of the whole mapping, `use` included.
    """

    names: Sequence[str]
    schema: Schema


@dataclass(frozen=True)
class _Places:
    """The places of a pipeline that name a plugin."""

    registry: Registry
    members: Members

    def refs(self) -> dict[Any, Schema]:
        """Returns what stands for each type that names plugins; see `stages.py`."""
        of_kinds = {kind.base: _ref(name) for name, kind in KINDS.items()}
        own = {
            Source: _ref("source"),
            Stage: _ref("stage"),
            stages.AnyStage: _ref("nested_stage"),
            stages.Synthesis: _ref("synthesis"),
            stages.Inspection: {},
            tuning.Searched: _ref("searched"),
        }
        return {**of_kinds, **own}

    def definitions(self) -> Schema:
        """Returns the definitions that `refs` name."""
        found: Schema = {"any_stage": self._any_stage()}
        mixers = [name for each in self._entries(("mixer",), {}) for name in each.names]
        everywhere = dict.fromkeys((*CLASS_WORDS, PLACE_WORD), False)
        found["nested_stage"] = {"allOf": [_ref("any_stage")], "properties": everywhere}
        unmixed = {**everywhere, "use": {"not": _among(mixers)}}
        found["stage"] = {
            "allOf": [_ref("any_stage")],
            "not": _among(mixers),
            "properties": unmixed,
        }
        found["varying_stage"] = _or_preset(
            {"allOf": [_ref("any_stage")], "properties": {PLACE_WORD: False}}
        )
        found["streamed_stage"] = _or_preset(_ref("any_stage"))
        words = {"name": _NAME, "count": _COUNT, "splits": _SPLITS}
        found["synthesis"] = _place(self._entries(("synthesizer",), words), must=("count",))
        corrections = {"corrections": Types().of(Path | None)}
        found["source"] = _place(self._entries(("source",), corrections))
        for kind in KINDS.keys() - {"source", "exporter", "inspector"}:
            found[kind] = _place(self._entries((kind,), {}))
        found["searched"] = {
            "anyOf": [Types().of(tuning.SearchInterval), {"type": "array", "minItems": 2}]
        }
        return dict(sorted(found.items()))

    def _any_stage(self) -> Schema:
        classes = {word: Types().of(tuple[str, ...]) for word in CLASS_WORDS}
        place: Schema = {
            "enum": list(get_args(Place)),
            "description": "where a stage of a stream is applied",
        }
        named = {"name": _NAME, "p": _PROBABILITY, PLACE_WORD: place}
        entries = [
            *self._entries(("transform",), {**named, **classes}),
            *self._entries(("mixer",), named),
        ]
        pasted = [{"required": ["__class_fullname__"]}, {"required": ["__version__", "transform"]}]
        is_pasted = {"type": "object", "anyOf": pasted}
        return {"if": is_pasted, "then": {}, "else": _place(entries)}

    def inspections(self) -> Schema:
        """Returns the schema of the section `inspect`, which has inspectors by name."""
        action: Schema = {
            "enum": list(get_args(stages.Action)),
            "description": "what a build does with a finding",
        }
        properties: Schema = {}
        for plugin in self.registry.of_kind("inspector"):
            options = Types(places=self.refs()).options(plugin.cls, {"action": action})
            only = [] if options.get("required") else [action]
            text = described.summary(plugin.cls)
            for name in self._names(plugin):
                properties[name] = {"description": text, "anyOf": [*only, options]}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _names(self, plugin: Plugin) -> list[str]:
        """Returns the names by which a place finds a plugin."""
        return [name for name in (plugin.name, plugin.full_name) if self._is_found(name, plugin)]

    def _is_found(self, name: str, plugin: Plugin) -> bool:
        place = KINDS[plugin.kind].place
        try:
            kinds = [kind for kind, each in KINDS.items() if each.place == place]
            return self.registry.get(name, *kinds) is plugin
        except PluginError:
            return False  # several packages have one of that name

    def _entries(self, kinds: Iterable[str], words: Mapping[str, Schema]) -> list[_Entry]:
        return [
            entry
            for plugin in self.registry.of_kind(*kinds)
            for entry in (
                self._family(plugin, words)
                if plugin.mark.is_family
                else [_Entry(self._names(plugin), self._one(plugin, words))]
            )
            if entry.names
        ]

    def _one(self, plugin: Plugin, words: Mapping[str, Schema]) -> Schema:
        stated = getattr(plugin.cls, "default_p", None)
        if "p" in words and isinstance(stated, float):
            words = {**words, "p": {**words["p"], "default": stated}}
        sized = plugin.kind in ("transform", "mixer", "synthesizer")
        return Types(places=self.refs(), sized=sized).options(plugin.cls, {"use": {}, **words})

    def _family(self, plugin: Plugin, words: Mapping[str, Schema]) -> Iterator[_Entry]:
        for name, schema in self.members(plugin).items():
            own = schema.get("properties", {})
            said = {word: {**each, **own.get(word, {})} for word, each in words.items()}
            properties = {**own, "use": {}, **said}
            yield _Entry(
                [name, f"{plugin.origin.package}:{name}"], {**schema, "properties": properties}
            )


def _place(entries: Sequence[_Entry], *, must: Sequence[str] = ()) -> Schema:
    """Returns the schema of a place: a mapping with `use`, or a name alone that needs no more."""
    alone = [
        name for each in entries for name in each.names if not (must or each.schema.get("required"))
    ]
    mapping: Schema = {
        "type": "object",
        "required": ["use", *must],
        "properties": {"use": _named([name for each in entries for name in each.names])},
    }
    if entries:
        mapping["allOf"] = [
            {
                "if": {"properties": {"use": _among(each.names)}, "required": ["use"]},
                "then": each.schema,
            }
            for each in entries
        ]
    return {"if": {"type": "string"}, "then": _named(alone), "else": mapping}


def _among(found: Sequence[str]) -> Schema:
    """Returns the schema of one of some names; of none, nothing: an editor takes no empty list."""
    return {"enum": list(found)} if found else {"not": {}}


def _named(found: Sequence[str]) -> Schema:
    """Returns the schema of names, of which an editor proposes those without a package."""
    bare = [name for name in found if ":" not in name]
    others = "|".join(re.escape(name) for name in found if ":" in name)
    return any_of([_among(bare), {"type": "string", "pattern": f"^({others})$"}])


def _or_preset(stage: Schema) -> Schema:
    """Returns the schema of a stage, or of what names a list of them; see `preset.py`."""
    named = {"type": "object", "properties": {"preset": {"enum": list(preset.names())}}}
    is_preset = {"type": "object", "required": ["preset"]}
    return {"if": is_preset, "then": {**named, "additionalProperties": False}, "else": stage}


_NAME: Schema = {
    "type": ["string", "number", "boolean"],
    "pattern": r"^[^/\s][^/]*$",
    "description": "name of the stage, which its seed hangs on; else plugin and occurrence",
}
_PROBABILITY: Schema = {
    "description": "probability that the stage is applied to a sample, in [0, 1]",
    **Types(sized=True).of(float, {"minimum": 0, "maximum": 1}),
}
_COUNT: Schema = {
    "description": "number of samples that it makes; 0 of one that only balances classes",
    **Types(sized=True).of(int, {"minimum": 0}),
}
_SHARES: Schema = {"type": "number", "minimum": 0}
_SPLITS: Schema = {
    "description": "split that the samples are for, or shares of splits that sum to 1",
    "default": "train",
    "anyOf": [
        {"enum": list(stages.SPLITS)},
        {
            "type": "object",
            "properties": dict.fromkeys(stages.SPLITS, _SHARES),
            "additionalProperties": False,
        },
    ],
}
