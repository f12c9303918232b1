"""Classes whose names are one but for how they are written."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import class_counts
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_BETWEEN = re.compile(r"[\W_]+")


@inspector("similar_names")
@dataclass(frozen=True, kw_only=True)
class SimilarNames(Inspector):
    """Finds classes that differ by case, blanks or hyphens alone: `Cat`, `cat` and `CAT `.

    Names of one letter are left in peace, as `A` and `a` are in sets of characters, and names
    without a letter.
    """

    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Rename the folders or labels to one name, if they mean one class."

    def measure(self, view: View) -> class_counts.Present:
        """Returns the classes of a record."""
        return view.once(class_counts.present)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields one finding for each name that is written in several ways."""
        for target, counts in seen.once(class_counts.counted).items():
            written: dict[str, list[str]] = {}
            for name in counts:
                written.setdefault(_bare(name), []).append(name)
            for bare, names in written.items():
                if len(names) > 1 and len(bare) > 1 and any(map(str.isalpha, bare)):
                    shown = " and ".join(f"'{name}' ({counts[name]})" for name in names)
                    text = f"classes of {target} that differ only in how they are written: {shown}"
                    yield Finding(key=None, text=text, value=names)


def _bare(name: str) -> str:
    """Returns a name without case, blanks and hyphens."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", name).casefold())
