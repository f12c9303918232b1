"""The type of an option -> JSON Schema (draft 07), by the rules by which `binding.py` binds it.

A schema never refuses what binds: where a rule cannot be said in it, it is left out. So a text may
be written as a number (`01`), and where stages may name the size of the pipeline, a number as
`$height*1.25`.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dsbuilder.pipelinefile import described, named_size
from dsbuilder.pipelinefile.binding import key_of, to_plain
from dsbuilder.plugin import Range

Schema = dict[str, Any]

TEXT: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}
"""A text, which stands as it was written: `01` and `true` are texts, too."""

_NAMED_SIZE = {"pattern": f"^{named_size.PATTERN}$"}


@dataclass(frozen=True)
class Types:
    """What turns types into schemas.

    Attributes:
      places: schema of each type that is bound in a way of its own, such as a stage.
      sized: whether a number may be written as `$size` and its like.
    """

    places: Mapping[Any, Schema] = field(default_factory=dict)
    sized: bool = False

    def of(self, hint: Any, bounds: described.Bounds | None = None) -> Schema:
        """Returns the schema of a type.

        Args:
          bounds: bounds of the numbers in it, also of those in a list.
        """
        if hint in self.places:
            return dict(self.places[hint])
        origin, args = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return any_of([self.of(each, bounds) for each in args])
        if origin is Literal:
            return {"enum": list(args)}
        if origin is tuple:
            return self._tuple(args, bounds)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(args[1])}
        if hint is Range:
            pair = self._numbers("number", bounds)
            return self._or_size({"type": ["number", "array"], **_pair(pair), **(bounds or {})})
        if is_dataclass(hint):
            return self.options(hint)
        return self._scalar(hint, bounds)

    def _scalar(self, hint: Any, bounds: described.Bounds | None) -> Schema:
        if hint in (int, float):
            return self._numbers("integer" if hint is int else "number", bounds)
        plain: Mapping[Any, Schema] = {
            str: dict(TEXT),
            Path: {**TEXT, "minLength": 1},
            bool: {"type": "boolean"},
            type(None): {"type": "null"},
        }
        return plain.get(hint, {})

    def _numbers(self, word: str, bounds: described.Bounds | None) -> Schema:
        return self._or_size({"type": word, **(bounds or {})})

    def _or_size(self, schema: Schema) -> Schema:
        if not self.sized:
            return schema
        return {**schema, "type": [*_types(schema), "string"], **_NAMED_SIZE}

    def _tuple(self, args: Sequence[Any], bounds: described.Bounds | None) -> Schema:
        if len(args) == 2 and args[1] is Ellipsis:
            listed: Schema = {"type": "array", "items": self.of(args[0], bounds)}
        else:
            entries = [self.of(each, bounds) for each in args]
            listed = {"type": "array", "items": entries}
            listed |= {"minItems": len(args), "maxItems": len(args)}
        return self._or_size(listed)

    def options(self, cls: Any, words: Mapping[str, Schema] | None = None) -> Schema:
        """Returns the schema of a mapping that binds to a dataclass.

        Args:
          words: schemas of further keys that the mapping may have.
        """
        hints, said = get_type_hints(cls), described.attributes(cls)
        properties = dict(words or {})
        required = []
        for each in (each for each in fields(cls) if each.init):
            text = said.get(each.name, "")
            kept = described.bounds(cls, each.name, text)
            properties[key_of(each)] = {
                **self.of(hints[each.name], kept),
                **({"description": text} if text else {}),
                **_default(each),
            }
            if each.default is MISSING and each.default_factory is MISSING:
                required.append(key_of(each))
        schema: Schema = {"type": "object", "description": described.summary(cls)}
        schema |= {"properties": properties, "additionalProperties": False}
        return {**schema, "required": required} if required else schema


def any_of(members: Sequence[Schema]) -> Schema:
    """Returns the schema of what one of several takes, as one where they tell types apart.

    An editor says of one what is wrong; of several, that none fits.
    """
    if all(list(each) == ["enum"] or each == {"type": "null"} for each in members):
        return {"enum": [value for each in members for value in each.get("enum", [None])]}
    if not all("type" in each and not each.keys() & {"anyOf", "enum", "if"} for each in members):
        return {"anyOf": list(members)}
    for index, each in enumerate(members):
        for other in members[index + 1 :]:
            shared = {*_types(each)} & {*_types(other)}
            if shared - {"string"} or (shared and each.get("pattern") != other.get("pattern")):
                return {"anyOf": list(members)}
    words = list(dict.fromkeys(word for each in members for word in _types(each)))
    return {**{k: v for each in members for k, v in each.items()}, "type": words}


def _types(schema: Schema) -> list[str]:
    word = schema["type"]
    return [word] if isinstance(word, str) else list(word)


def _pair(entry: Schema) -> Schema:
    return {"items": [entry, entry], "minItems": 2, "maxItems": 2}


def _default(each: Field[Any]) -> Schema:
    """Returns the default of an option; that of a section is the defaults of its options."""
    if each.default is MISSING:
        return {}
    value = to_plain(each.default)
    return {} if isinstance(value, Mapping) else {"default": value}


def leaves(schema: Any, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yields the schemas of all options of a mapping, with their paths."""
    for name, each in schema.get("properties", {}).items():
        yield f"{path}{name}", each
        yield from leaves(each, f"{path}{name}.")
