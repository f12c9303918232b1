"""What `dsbuilder browse` shows: samples of a dataset page by page, and one with its history.

Every name is escaped by the template; what a page may do is said by `page.html.policy`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode

from dsbuilder.dataset import StoredDataset
from dsbuilder.dataset.browsing import Browsing, Found, PageOfSamples, Question, origin_of
from dsbuilder.dataset.explanation import shown_targets
from dsbuilder.report.page import html
from dsbuilder.report.page.blocks import Picture
from dsbuilder.report.page.pictures import stored_picture
from dsbuilder.targets import ClassLabel

NAME, MARKS = "browse", "marks"
"""The template, and where below the home marks are sent to."""
_MOST_LABELS = 4
_MOST_CLASSES = 200
"""Classes up to which another one can be chosen for a sample."""


class Marked(Protocol):
    """What a person has said of records; see `actions/browse.py`."""

    def is_excluded(self, key: str) -> bool:
        """Whether a record is to be left out."""

    def corrected(self, key: str, target: str) -> str:
        """Returns the class that a record should have, or nothing."""

    @property
    def says(self) -> str:
        """Where marks are written."""


@dataclass(frozen=True, kw_only=True)
class History:
    """How a sample came to be.

    Attributes:
      strip: the sample on its way, from the source to what is stored; None if it cannot be drawn.
      pairs: name and value of what is known of it.
      notes: why there is no strip, say.
    """

    strip: Picture | None
    pairs: Sequence[tuple[str, str]]
    notes: Sequence[str]


class BrowserPages:
    """The pages of one dataset.

    Args:
      home: path that all pages lie below, with a slash at its end.
      note: what a person should know of the samples; it stands on every page.
    """

    def __init__(self, browsing: Browsing, marks: Marked, home: str, *, note: str = "") -> None:
        self._browsing, self._marks, self._home = browsing, marks, home
        self._note = note
        self._choices = {
            "split": browsing.dataset.splits,
            "class_name": browsing.classes,
            "stage": browsing.stages,
            "finding": browsing.findings,
        }

    @property
    def _dataset(self) -> StoredDataset:
        return self._browsing.dataset

    def listing(self, question: Question, page: PageOfSamples, start: int) -> str:
        """Returns the page of some samples."""
        shown = f"{len(page.samples):,} samples on this page"
        if page.following is not None and len(page.samples) == 0:
            shown = f"None among {page.looked_at:,} samples; there may be more"
        elif not page.samples:
            shown = "No more samples fit" if start else "No sample fits"
        section = {
            "note": f"{shown}, from number {start:,} on." if start else f"{shown}.",
            "cards": [self._card(each) for each in page.samples],
            "following": self._link(question, page.following),
        }
        return self._filled("samples of a dataset", [section], asked=question)

    def sample(self, found: Found, related: Sequence[Found], history: History) -> str:
        """Returns the page of one sample, beside the records that it is made of."""
        parents = [each for each in related if each.entry.key in found.entry.parents]
        others = [each for each in related if each not in parents]
        own = self._card(found)
        sections: list[dict[str, Any]] = [
            {"title": "From the source to the dataset", "whole": history.strip}
            if history.strip is not None
            else {"title": "As it is stored", "whole": own["picture"]},
            {"title": "What is known of it", "pairs": history.pairs},
        ]
        sections[0]["note"] = " ".join(history.notes)
        sections[0]["mark"] = own
        for title, samples in (("Records that it is made of", parents), ("Of the same", others)):
            if samples:
                sections.append({"title": title, "cards": [self._card(each) for each in samples]})
        return self._filled("a sample", sections, title=found.entry.key)

    def _filled(
        self,
        kind: str,
        sections: Sequence[Mapping[str, Any]],
        *,
        title: str = "",
        asked: Question | None = None,
    ) -> str:
        blank = dict.fromkeys(("title", "note", "whole", "mark", "pairs", "cards", "following"))
        return html.fill(
            NAME,
            kind=kind,
            title=title or f"{self._dataset.name} {self._dataset.manifest.version}",
            lead=[
                *filter(None, [self._note]),
                f"{len(self._dataset):,} samples. {self._marks.says}",
            ],
            home=self._home,
            marks=f"{self._home}{MARKS}",
            back=self._home,
            asked=asked,
            choices=self._choices,
            sections=[{**blank, **each} for each in sections],
        )

    def _card(self, found: Found) -> dict[str, Any]:
        entry = found.entry
        labels = shown_targets(self._dataset, found.payload)
        said = list(labels.values())[:_MOST_LABELS]
        origin, findings = origin_of(entry), self._browsing.findings_of(entry)
        lines = [*said, f"{found.split}, {origin}", *findings]
        record = entry.parents[0] if entry.parents else ""
        picture = stored_picture(self._dataset.codec, found.payload, alt=entry.key)
        return {
            "place": found.place,
            "key": entry.key,
            "link": f"{self._home}sample/{found.place}",
            "picture": replace(picture, alt=f"{entry.key}: {', '.join(said)}"),
            "lines": lines,
            "record": record,
            "excluded": bool(record) and self._marks.is_excluded(record),
            "corrections": self._corrections(record) if record else [],
        }

    def _corrections(self, record: str) -> list[tuple[str, Sequence[str], str]]:
        return [
            (name, kind.names, self._marks.corrected(record, name))
            for name, kind in correctable(self._dataset).items()
        ]

    def _link(self, question: Question, start: int | None) -> str:
        if start is None:
            return ""
        asked = {name: value for name, value in asdict(question).items() if value}
        return f"{self._home}?{urlencode({**asked, 'from': start})}"


def correctable(dataset: StoredDataset) -> dict[str, ClassLabel]:
    """Returns the targets that another class can be chosen for."""
    return {
        name: kind
        for name, kind in dataset.signature.targets.items()
        if isinstance(kind, ClassLabel) and not kind.soft and len(kind.names) <= _MOST_CLASSES
    }
