"""What of two pipelines, their plugins and packages differs, and which samples it reaches.

A sample's fingerprint is made of a base that all share, the stages on its way, and its records.
The causes follow these parts one by one, so that each sample gets those that are in its own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dsbuilder.cache.manifest import StageDescription

if TYPE_CHECKING:
    from dsbuilder.dataset.difference import DatasetState

_SECTIONS = {"prepare": "prepare", "augment": "augment.stages", "finish": "finish"}
"""How the id of a section's stages begins -> where the section stands in a pipeline."""

_COUNTED = ("count",)
"""Options of a synthesis that decide which samples there are, not what they are."""

_MISSING = object()


@dataclass(frozen=True)
class Causes:
    """The differences between two sides that are not of single records.

    Attributes:
      before, after: sides of the comparison.
    """

    before: "DatasetState"
    after: "DatasetState"

    def of(self, key: str) -> list[str]:
        """Returns what reaches a sample that both sides have."""
        if key.startswith("/"):
            identity = key[1:].rpartition("/")[0]
            return [*self.base, *self._stage(identity, leave_out=_COUNTED), *self.finish]
        variant = self.augment if "//" in key else []
        return [*self.base, *self.prepare, *variant, *self.finish]

    @cached_property
    def base(self) -> list[str]:
        """What reaches every sample."""
        one, other = self.before, self.after
        return [
            *changed("", one.packages, other.packages),
            *changed("", _pick(one.resolved, "seed"), _pick(other.resolved, "seed")),
            *changed("image.", _image(one), _image(other)),
            *changed("", _targets(one), _targets(other)),
            *_changed_classes(one, other),
            *changed("cache.", one.stored, other.stored),
        ]

    @cached_property
    def split(self) -> list[str]:
        """What deals records to splits."""
        one, other = self.before.resolved, self.after.resolved
        return [
            *changed("", _pick(one, "seed"), _pick(other, "seed")),
            *changed("split.", one.get("split", {}), other.get("split", {})),
        ]

    @cached_property
    def prepare(self) -> list[str]:
        """What reaches every sample of the source."""
        return list(self._section("prepare"))

    @cached_property
    def source(self) -> list[str]:
        """How options of the source changed, but for where it lies."""
        one, other = (_at(each.resolved, "source") or {} for each in self._sides)
        return list(changed("source.", _without(one, ("path",)), _without(other, ("path",))))

    @cached_property
    def augment(self) -> list[str]:
        """What reaches every variant."""
        return list(self._section("augment"))

    @cached_property
    def finish(self) -> list[str]:
        """What reaches every sample, last."""
        return list(self._section("finish"))

    @cached_property
    def balance(self) -> list[str]:
        """What decides how many samples a class is filled up with."""
        one, other = (_at(each.resolved, "balance") for each in self._sides)
        if one is None and other is None:
            return []
        found = [
            *changed("", {"balance": one}, {"balance": other}),
            *self.options("augment", "copies", "original"),
            *self._synthesized,
        ]
        return found or list(self._balanced_records)

    @property
    def _synthesized(self) -> Iterator[str]:
        """Yields how what is synthesized whatever the balance differs in number."""
        was, now = (_entries(each, "synthesize") for each in self._sides)
        for identity in dict.fromkeys((*was, *now)):
            if identity in was and identity in now:
                yield from self.synthesis(identity)
            elif (was | now)[identity].get("count"):
                yield f"{identity} was {'removed' if identity in was else 'added'}"

    @property
    def _balanced_records(self) -> Iterator[str]:
        """Yields how the records of train differ, which a balance counts."""
        was, now = (
            {key for key, split in each.split_of.items() if split == "train"}
            for each in self._sides
        )
        if was != now:
            yield "classes are balanced, and records came or went"
        elif any(self.before.labels(key) != self.after.labels(key) for key in was):
            yield "classes are balanced, and labels changed"

    def stage_added(self, identity: str) -> bool:
        """Whether only the second side has a stage."""
        return identity in self.after.stages and identity not in self.before.stages

    def stage_removed(self, identity: str) -> bool:
        """Whether only the first side has a stage."""
        return identity in self.before.stages and identity not in self.after.stages

    def options(self, path: str, *names: str) -> list[str]:
        """Returns how options at a path of the pipeline changed, such as `augment`, `copies`."""
        one, other = (_at(each.resolved, path) or {} for each in (self.before, self.after))
        return list(changed(f"{path}.", _pick(one, *names), _pick(other, *names)))

    def synthesis(self, identity: str) -> list[str]:
        """Returns how the options of a synthesis that say how many there are changed."""
        one, other = (_entries(each, "synthesize").get(identity, {}) for each in self._sides)
        names = (*_COUNTED, "splits")
        return list(changed(f"{identity}: ", _pick(one, *names), _pick(other, *names)))

    @property
    def _sides(self) -> tuple["DatasetState", "DatasetState"]:
        return self.before, self.after

    def _section(self, section: str) -> Iterator[str]:
        one, other = (list(_entries(each, section)) for each in self._sides)
        for identity in dict.fromkeys((*one, *other)):
            if identity not in other:
                yield f"{identity} was removed"
            elif identity not in one:
                yield f"{identity} was added"
            else:
                yield from self._stage(identity)
        kept = [identity for identity in one if identity in other]
        if kept != [identity for identity in other if identity in one]:
            yield f"the order of {_SECTIONS[section]} changed"

    def _stage(self, identity: str, leave_out: tuple[str, ...] = ()) -> Iterator[str]:
        """Yields how a stage that both sides have differs."""
        was, now = (each.stages.get(identity) for each in self._sides)
        section = identity.partition("/")[0]
        one, other = (_entries(each, section).get(identity, {}) for each in self._sides)
        options = list(
            changed(f"{identity}: ", _without(one, leave_out), _without(other, leave_out))
        )
        yield from options
        if was is None or now is None or was.fingerprint == now.fingerprint:
            return
        found = list(changed_plugins(was, now))
        yield from found
        if not found and not options:
            yield f"{identity}: the files that its options name have changed"


def changed_plugins(was: StageDescription, now: StageDescription) -> Iterator[str]:
    """Yields how a stage's plugins differ in code and inputs, in words."""
    for name, code in was.code.items():
        found = now.code.get(name, code)
        if found != code:
            # That of an installed plugin is package, version and hash, that of a file a hash.
            old, new = (" ".join(each.split()[:2]) for each in (code, found))
            versions = f": {old} -> {new}" if " " in old and " " in new and old != new else ""
            yield f"the code of the plugin '{name}' changed{versions}"
    for name, inputs in was.inputs.items():
        yield from changed(f"{name}: ", inputs, now.inputs.get(name, {}))


def changed(where: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yields `where name: old -> new` for every value that differs."""
    for name in dict.fromkeys((*was, *now)):
        one, other = was.get(name, _MISSING), now.get(name, _MISSING)
        if one != other:
            yield f"{where}{name} {_shown(one)} -> {_shown(other)}"


def _image(side: "DatasetState") -> dict[str, Any]:
    """Returns how images are decoded; what it may take of a machine decides no pixel."""
    return _without(side.resolved.get("image", {}), ("memory_mb", "stage_megapixels"))


def _shown(value: Any) -> str:
    """Returns a value as a pipeline would write it."""
    if value is _MISSING:
        return "nothing"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_shown(each)}' for name, each in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_shown(each) for each in value)}]"
    return value if isinstance(value, str) else json.dumps(value)


def _changed_classes(one: "DatasetState", other: "DatasetState") -> Iterator[str]:
    """Yields classes that came and went: they may shift the ids of all others."""
    for name in one.signature.targets:
        was = getattr(one.signature.targets[name], "names", ())
        now = getattr(other.signature.targets.get(name), "names", ())
        for each in now:
            if each not in was:
                yield f"the class '{each}' of {name} was added"
        for each in was:
            if each not in now:
                yield f"the class '{each}' of {name} was removed"
        if sorted(was) == sorted(now) and was != now:
            yield f"the order of the classes of {name} changed"


def _targets(side: "DatasetState") -> dict[str, str]:
    return {name: str(target) for name, target in side.signature.targets.items()}


def _entries(side: "DatasetState", section: str) -> dict[str, Mapping[str, Any]]:
    """Returns the stages of a section as the pipeline says them, by id and in order."""
    identities = [each for each in side.stages if each.startswith(f"{section}/")]
    written = _at(side.resolved, _SECTIONS.get(section, section)) or []
    return dict(zip(identities, written, strict=False))


def _at(resolved: Mapping[str, Any], path: str) -> Any:
    value: Any = resolved
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _pick(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def _without(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}
