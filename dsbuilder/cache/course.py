"""`log/course.json`: how a build went, and what it was made of: times, counts, sizes, findings;
`log/findings.jsonl`: everything that inspectors found, a line each.

It is what a report tells beside the dataset. Nothing of it decides a byte, most of it differs
between equal builds, and it lies outside `SHA256SUMS`, as `build_log.py` says.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from dsbuilder import typed_json
from dsbuilder.cache import store

_NAME = "course.json"
_FINDINGS = "findings.jsonl"
_KEPT = 50
"""Findings of an inspector that a report can show."""


@dataclass(frozen=True, kw_only=True)
class TimeSpent:
    """How long something took.

    Attributes:
      seconds: time of all of it together, over all processes.
      count: number of times that it was done.
    """

    seconds: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Origins:
    """What a split was to be made of.

    Attributes:
      classes: number of records of each class; empty without classes.
      synthesized: number of synthesized samples of each class.
      records: number of records of the source.
      originals, variants, synthetic: number of samples of each kind that were planned.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    synthesized: Mapping[str, int] = field(default_factory=dict)
    records: int = 0
    originals: int = 0
    variants: int = 0
    synthetic: int = 0


@dataclass(frozen=True, kw_only=True)
class KeyFinding:
    """One finding of an inspector.

    Attributes:
      key: key of the record; empty where the whole set is at fault.
      text: what was found.
    """

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class InspectorFindings:
    """What an inspector found.

    Attributes:
      inspector: name of the inspector.
      action: what the pipeline does about it.
      count: number of findings.
      first: the findings; of a course that was read, the first of them.
    """

    inspector: str
    action: str
    count: int
    first: tuple[KeyFinding, ...]


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a build went.

    Attributes:
      made, reused: number of samples that were made, and that earlier builds had made.
      steps: seconds that each step of the build took, in order.
      paces: time that each stage, reading, decoding and encoding took, in order.
      splits: what each split was to be made of.
      findings: what inspectors found.
      warnings: what a user should know, sentences that say where.
      source_sizes: (height, width) of some records of the source, as their headers say.
    """

    made: int
    reused: int
    steps: Mapping[str, float]
    paces: Mapping[str, TimeSpent]
    splits: Mapping[str, Origins]
    findings: tuple[InspectorFindings, ...] = ()
    warnings: tuple[str, ...] = ()
    source_sizes: tuple[tuple[int, int], ...] = ()


def write(folder: Path, course: Course) -> None:
    """Writes how the build of a dataset went."""
    log = folder / store.LOG
    log.mkdir(exist_ok=True)
    some = [replace(each, first=each.first[:_KEPT]) for each in course.findings]
    document = asdict(replace(course, findings=tuple(some)))
    store.write_text(log / _NAME, json.dumps(document, indent=1) + "\n")
    if course.findings:
        rows = ([of.inspector, each.key, each.text] for of in course.findings for each in of.first)
        lines = (json.dumps(row) + "\n" for row in rows)
        store.write_text(log / _FINDINGS, "".join(lines))


def read(folder: Path) -> Course | None:
    """Returns how the build of a dataset went; None if that was lost, say when it was copied."""
    try:
        row = typed_json.loads((folder / store.LOG / _NAME).read_text(encoding="utf-8"))
        return typed_json.bind(Course, row)
    except (OSError, ValueError):
        return None


def read_findings(folder: Path) -> dict[str, dict[str, str]]:
    """Returns what inspectors found when a dataset was built: texts by inspector and record's key.

    Lines that are none of a build's are passed over. Where the file was lost, or of a build that
    wrote none, they are those of the course.
    """
    path = folder / store.LOG / _FINDINGS
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, ValueError):
        text = None
    if text is None:
        known = read(folder)
        named = known.findings if known is not None else ()
        return {each.inspector: {one.key: one.text for one in each.first} for each in named}
    found: dict[str, dict[str, str]] = {}
    for name, key, told in filter(None, map(_row, text.splitlines())):
        found.setdefault(name, {})[key] = told
    return found


def _row(line: str) -> tuple[str, str, str] | None:
    try:
        return typed_json.bind(tuple[str, str, str], typed_json.loads(line))
    except ValueError:
        return None
