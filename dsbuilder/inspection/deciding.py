"""Which records are set aside for what was found: one decision for each group of like pictures.

Several inspectors may find the same copies and each name another one of them: the repetition is the
second by key, the leak the one in the training split. Taken one by one, all would be lost. So
findings are read as what they say of records that show the same (`Finding.same`), and of each group
of those, whoever found it,

- the split that is guarded most keeps its own: test before validation before train,
- of those, the first by key stays that nothing else is held against,
- and only what has a finding of its own, or lies in another split, goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsbuilder.disjoint_sets import DisjointSets
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.plugin import Finding


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Why a record is set aside.

    Attributes:
      inspector: name of the inspector that found it, or found what it repeats.
      text: the finding in words.
    """

    inspector: str
    text: str


def decide(
    findings: Mapping[str, Sequence[Finding]], split_of: Mapping[str, str]
) -> dict[str, Verdict]:
    """Returns the records to set aside by key, in the order of the findings.

    Args:
      findings: by inspector, of those whose records are to be set aside.
      split_of: the split that each record belongs to, by key.
    """
    verdicts: dict[str, Verdict] = {}
    held: set[str] = set()
    for name, found in findings.items():
        for each in found:
            if each.key is not None:
                verdicts.setdefault(each.key, Verdict(inspector=name, text=each.text))
                held |= set() if each.same else {each.key}
    for inspector, group in _groups(findings):
        stays = _kept(group, held, split_of)
        for key in group:
            if key not in verdicts and split_of.get(key) != split_of.get(stays):
                text = f"the same picture as {stays} in {split_of.get(stays)}, which stays"
                verdicts[key] = Verdict(inspector=inspector, text=text)
        if stays not in held:
            verdicts.pop(stays, None)
    return verdicts


def _kept(group: Sequence[str], held: set[str], split_of: Mapping[str, str]) -> str:
    """Returns the record of a group that stays."""
    guarded = {split: rank for rank, split in enumerate(reversed(SPLITS))}
    return min(group, key=lambda key: (key in held, guarded.get(split_of.get(key, ""), 3), key))


def _groups(findings: Mapping[str, Sequence[Finding]]) -> Iterator[tuple[str, list[str]]]:
    """Yields records that show the same, two or more, and the inspector that first said so."""
    sets = DisjointSets[str]()
    said: dict[str, str] = {}
    for name, found in findings.items():
        for each in found:
            for other in each.same if each.key is not None else ():
                sets.join(str(each.key), other)
                said.setdefault(str(each.key), name)
    for keys in sets.groups():
        yield next(said[key] for key in keys if key in said), sorted(keys)
