"""Parts of a pipeline that a training can do without, each with what takes it out or puts it in.

A stage is taken out by `p: 0`: so no other stage's draws change, there are as many samples, and an
epoch has as many steps. A preset is one part. A synthesizer is taken out of its list, in which the
others keep their names; what draws them stays the same. What is put in stands behind the others.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from dsbuilder.actions.explain import stage_name
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.tried_pipeline import TriedPipeline
from dsbuilder.errors import Problem, SpecError, option
from dsbuilder.pipelinefile.document import Node, YamlDocument, parse, read
from dsbuilder.pipelinefile.patch import flow_of
from dsbuilder.pipelinefile.preset import overridden, with_presets
from dsbuilder.pipelinefile.schema import Settings
from dsbuilder.pipelinefile.stages import AnyStage

Section = Literal["augment", "stream", "synthesize", "balance"]
SECTIONS: tuple[Section, ...] = ("augment", "stream", "synthesize", "balance")
"""Sections whose parts may be taken out or put in."""

_OF_STAGES = ("augment", "stream")
_SAID = re.compile(rf"\s*({'|'.join(SECTIONS)})\s*=(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class PipelinePart:
    """A part of a pipeline, or what may become one.

    Attributes:
      name: its name, such as `augment/A.HorizontalFlip`, `stream/preset:weather` or `balance`.
      section: section that it stands in.
      places: places of its stages in the list of the section; none of `balance`.
      added: what would be put in; None of what the pipeline has.
    """

    name: str
    section: Section
    places: tuple[int, ...] = ()
    added: Node | None = None


@dataclass(frozen=True, kw_only=True)
class LeftOutPart:
    """A part that is not tried, since the pipeline cannot do without it.

    Attributes:
      name: its name.
      reason: why, in a sentence.
    """

    name: str
    reason: str


def parts_of(tried: TriedPipeline) -> tuple[list[PipelinePart], list[LeftOutPart]]:
    """Returns the parts that can be taken out, and those that cannot, in their order."""
    settings = tried.surveyed.pipeline.settings
    parts: list[PipelinePart] = []
    left: list[LeftOutPart] = []
    for part in _every(tried.document, settings):
        said = assignments_of(tried, [part])
        reason = _idle(part, settings) or tried.fault(*said) or _kept_on(tried, part, said)
        if reason is None:
            parts.append(part)
        else:
            left.append(LeftOutPart(name=part.name, reason=reason))
    return parts, left


def with_stages(opened: OpenedPipeline) -> tuple[OpenedPipeline, YamlDocument]:
    """Returns a pipeline whose paths count the stages of every preset, and its document.

    Those of presets that an assignment brings count only once they are written down.
    """
    brought = overridden(read(opened.pipeline), opened.overrides)
    document = with_presets(brought)
    more = [
        f"{section}.stages={flow_of(Node(stages))}"
        for section in _OF_STAGES
        if (stages := _stages(document, section)) != _stages(brought, section)
    ]
    return replace(opened, overrides=(*opened.overrides, *more)), document


def _kept_on(tried: TriedPipeline, part: PipelinePart, said: Sequence[str]) -> str | None:
    """Returns why a stage would go on with `p: 0`; None if it stops."""
    if part.section not in _OF_STAGES:
        return None
    bound = getattr(tried.spec(*said).settings, part.section).stages
    if any(bound[place].p > 0 for place in part.places):
        return "its p cannot be set from outside. Write the stage as {use: A.Name, p: ...}."
    return None


def _every(document: YamlDocument, settings: Settings) -> Iterator[PipelinePart]:
    stages: Mapping[Section, Sequence[AnyStage]] = {
        "augment": settings.augment.stages,
        "stream": settings.stream.stages,
    }
    taken: set[str] = set()
    for section, bound in stages.items():
        nodes = _stages(document, section)
        for preset, group in groupby(range(len(bound)), key=lambda n, of=nodes: of[n].preset):  # type: ignore[misc]
            places = [place for place in group if bound[place].p > 0]
            if preset is not None and places:
                name = _free(f"{section}/preset:{preset}", taken)
                yield PipelinePart(name=name, section=section, places=tuple(places))
                continue
            for place in places:
                name = _free(bound[place].id, taken)
                yield PipelinePart(name=name, section=section, places=(place,))
    for place, synthesis in enumerate(settings.synthesize):
        yield PipelinePart(name=synthesis.id, section="synthesize", places=(place,))
    if settings.balance is not None:
        yield PipelinePart(name="balance", section="balance")


def _free(name: str, taken: set[str]) -> str:
    """Returns a name that no part has, and takes it."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def _idle(part: PipelinePart, settings: Settings) -> str | None:
    """Returns why a part does nothing as the pipeline stands; None if it may do something."""
    if part.section == "augment" and not settings.makes_variants:
        return "no variant is made by it: augment.copies is 0."
    return None


def added_part(tried: TriedPipeline, said: str, names: Sequence[str]) -> PipelinePart:
    """Returns the part that a text would put in: `{use: mixup}`, or `synthesize={use: ...}`.

    Args:
      said: the part as YAML, and before it the section, where it is not the one that varies images.
      names: names of other parts.

    Raises:
      SpecError: the pipeline refuses it, or it would do nothing.
    """
    settings = tried.surveyed.pipeline.settings
    where = option(f"add {said}", "add")
    match = _SAID.fullmatch(said)
    varies: Section = "augment" if settings.makes_variants else "stream"
    section: Section = match[1] if match else varies  # type: ignore[assignment]
    node = parse(match[2] if match else said, origin=where, folder=tried.document.folder).root
    if node.text is not None and section != "balance":  # `mixup` is short for {use: mixup}
        node = Node({"use": node})
    part = PipelinePart(name=_name(node, section), section=section, added=node)
    taken = set(names)
    part = replace(part, name=_free(part.name, taken))
    problem = _idle(part, settings)
    if section == "balance" and settings.balance is not None:
        problem = "the pipeline has a section balance. Take it out, or do not add one."
    problem = problem or tried.fault(*assignments_of(tried, [part]))
    if problem is not None:
        raise SpecError([Problem(where, problem)])
    return part


def _name(node: Node, section: Section) -> str:
    if section == "balance":
        return section
    said = node.value if isinstance(node.value, dict) else {}
    for word in ("name", "use", "preset"):
        if word in said:
            return f"{section}/{'preset:' if word == 'preset' else ''}{said[word].text}"
    return f"{section}/?"  # binding refuses it


def assignments_of(tried: TriedPipeline, parts: Sequence[PipelinePart]) -> tuple[str, ...]:
    """Returns assignments that take parts out and put others in, all together."""
    return tuple(_assignments(tried, parts))


def _assignments(tried: TriedPipeline, parts: Sequence[PipelinePart]) -> Iterator[str]:
    document, settings = tried.document, tried.surveyed.pipeline.settings
    for section in _OF_STAGES:
        own = [part for part in parts if part.section == section]
        added = [part.added for part in own if part.added is not None]
        if added:
            listed = Node((*_stages(document, section), *added))
            yield f"{section}.stages={flow_of(listed)}"
        yield from (f"{section}.stages[{place}].p=0" for part in own for place in part.places)
    balance = [part for part in parts if part.section == "balance"]
    synthesize = [part for part in parts if part.section == "synthesize"]
    gone = {place for part in synthesize for place in part.places}
    if any(part.added is None for part in balance):
        yield "balance=null"
        # What only balances has nothing to make then.
        idle = (place for place, each in enumerate(settings.synthesize) if not each.count)
        gone.update(idle)
    yield from (f"balance={flow_of(each.added)}" for each in balance if each.added is not None)
    added = [part.added for part in synthesize if part.added is not None]
    if gone or added:
        kept = _kept(document, settings, gone)
        yield f"synthesize={flow_of(Node((*kept, *added)))}"


def _kept(document: YamlDocument, settings: Settings, gone: set[int]) -> Iterator[Node]:
    """Yields the synthesizers that stay, each under the name that it has now."""
    nodes = _listed(document, "synthesize")
    for place, (node, synthesis) in enumerate(zip(nodes, settings.synthesize, strict=True)):
        if place in gone:
            continue
        name = stage_name(synthesis.id)
        if "name" not in node.value and re.search(r"-\d+$", name):
            node = replace(node, value={**node.value, "name": Node(name, name)})
        yield node


def _stages(document: YamlDocument, section: str) -> tuple[Node, ...]:
    return _listed(document, section, "stages")


def _listed(document: YamlDocument, *steps: str) -> tuple[Node, ...]:
    """Returns the entries of a list in a pipeline; none where it is not there."""
    node: Node | None = document.root
    for step in steps:
        node = node.value.get(step) if node is not None and isinstance(node.value, dict) else None
    return node.value if node is not None and isinstance(node.value, tuple) else ()
