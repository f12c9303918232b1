"""What is known of a folder once its layout is: records, targets, and how its images look.

Sizes and colors are those of a sample of the images, from their headers alone.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dsbuilder.builtin.inspectors import bursts, scenes
from dsbuilder.builtin.inspectors.bursts import Proposal
from dsbuilder.builtin.inspectors.scenes import Scenes
from dsbuilder.errors import DataError
from dsbuilder.images import encoding as images
from dsbuilder.layouts.captured import captured
from dsbuilder.plugin import Catalog, Record, Target, View

MOST = 100
"""How many images are looked at."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Headers of images, spread over all records in the order of their keys.

    Attributes:
      headers: headers of those that can be read; at least one.
      unreadable: key -> why, of those that cannot.
      num_even: number of those whose edge is of one color, as far as pixels were looked at.
    """

    headers: tuple[images.Header, ...]
    unreadable: dict[str, str]
    num_even: int = 0

    @property
    def short(self) -> int:
        """The median of the short sides, in pixels."""
        return int(statistics.median_low(min(each.size) for each in self.headers))

    @property
    def aspect(self) -> float:
        """The median of width / height."""
        return statistics.median(width / height for height, width in self._sizes)

    @property
    def widest(self) -> float:
        """The width / height that nine in ten do not exceed."""
        ordered = sorted(width / height for height, width in self._sizes)
        return ordered[(len(ordered) - 1) * 9 // 10]

    @property
    def only_size(self) -> tuple[int, int] | None:
        """The (height, width) of all; None if they differ."""
        return self._sizes[0] if len(set(self._sizes)) == 1 else None

    @property
    def gray(self) -> bool:
        """Whether all are gray."""
        return all(each.gray for each in self.headers)

    @property
    def num_alpha(self) -> int:
        """How many may be transparent."""
        return sum(each.alpha for each in self.headers)

    @property
    def lossy(self) -> bool:
        """Whether most are JPEGs."""
        return sum(each.lossy for each in self.headers) * 2 > len(self.headers)

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        return [each.size for each in self.headers]

    def describe(self) -> str:
        """Returns the sizes in words: `28 x 28`, or from the least to the greatest."""
        if self.only_size is not None:
            height, width = self.only_size
            return f"all {len(self.headers)} looked at are {width} x {height}"
        heights, widths = zip(*self._sizes, strict=True)
        return (
            f"{len(self.headers)} looked at: {min(widths)} to {max(widths)} wide, "
            f"{min(heights)} to {max(heights)} high"
        )


def look(catalog: Catalog, records: Sequence[Record], *, most: int = MOST) -> Appearance:
    """Returns what some images of a catalog are like.

    Raises:
      DataError: not one of them can be read.
    """
    headers: list[images.Header] = []
    unreadable: dict[str, str] = {}
    for record in _spread(records, most):
        try:
            headers.append(_header(catalog.read(record)))
        except (DataError, OSError) as error:
            unreadable[record.key] = str(error)
    if not headers:
        key, why = next(iter(unreadable.items()))
        raise DataError(
            f"expected images, found none that can be read among {len(unreadable)} looked at, "
            f"such as '{key}': {why}"
        )
    even = [
        _has_even_edge(_decoded(catalog, each))
        for each in _spread(records, _MOST_DECODED)
        if each.key not in unreadable
    ]
    share = sum(even) / max(1, len(even))
    return Appearance(
        headers=tuple(headers), unreadable=unreadable, num_even=round(share * len(headers))
    )


def _decoded(catalog: Catalog, record: Record) -> np.ndarray | None:
    try:
        return _pixels(catalog.read(record))
    except (DataError, OSError):
        return None


def _has_even_edge(pixels: np.ndarray | None) -> bool:
    """Whether nearly all of the outermost pixels are of one color, as around a cut-out."""
    if pixels is None or min(pixels.shape[:2]) <= _SMALL_SIDE:
        return False
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.int16)
    off = np.abs(edge - np.median(edge, axis=0)).max(axis=1)
    return bool((off <= _EVEN).mean() >= _MOST_EVEN)


def _header(pixels: bytes | np.ndarray) -> images.Header:
    if isinstance(pixels, bytes):
        return images.header(pixels)
    height, width, channels = pixels.shape
    return images.Header(size=(height, width), gray=channels == 1, alpha=channels == 4, lossy=False)


def _spread(records: Sequence[Record], most: int) -> list[Record]:
    """Returns records from the first to the last, evenly."""
    last = len(records) - 1
    places = Counter(last * step // max(1, most - 1) for step in range(most))
    return [records[place] for place in sorted(places)]


def belonging(catalog: Catalog, records: Sequence[Record]) -> Proposal | None:
    """Returns the rule by which records belong together that may get into several splits.

    Where images looked at say when they were taken, the first thousand are asked. Where neither
    that nor names tell anything, the first two hundred are compared, if the features are installed.

    Args:
      records: sorted by key; their labels need not be right.
    """
    dated = any(captured(catalog, each) for each in _spread(records, _MOST_ASKED))
    asked = {each.key: captured(catalog, each) for each in records[: _MOST_DATED * dated]}
    captures = {key: taken for key, taken in asked.items() if taken is not None}
    held = {each.key: each.group or each.split or each.key for each in records}
    classes = {each.key: _classes(each, catalog.targets) for each in records}

    def crossing(shown: Scenes) -> Proposal | None:
        found = bursts.proposals(classes, captures, shown)
        return next((each for each in found if _is_cut(each, held)), None)

    return crossing({}) or crossing(_shown(catalog, records[:_MOST_COMPARED]))


def _is_cut(found: Proposal, held: Mapping[str, str]) -> bool:
    return any(len({held[key] for key in keys}) > 1 for keys in found.groups)


def _shown(catalog: Catalog, records: Sequence[Record]) -> Scenes:
    """Returns what pictures show; nothing where the features are not installed."""
    if not scenes.is_installed():
        return {}
    views = (
        View(
            record=each,
            kinds={},
            read=partial(catalog.read, each),
            decode=_pixels,
        )
        for each in records
    )
    described = ((each.record.key, scenes.describe(each)) for each in views)
    return {key: shows for key, shows in described if shows is not None}


def _pixels(stored: bytes | np.ndarray) -> np.ndarray:
    return images.decode(stored, mode="rgb") if isinstance(stored, bytes) else stored


def _classes(record: Record, targets: Mapping[str, Target]) -> list[str]:
    """Returns the classes of a record; none of a label that is wrong."""
    found: set[str] = set()
    for name, target in targets.items():
        try:
            found.update(target.stated(record.targets[name]) if target.class_names else ())
        except (DataError, KeyError):
            continue
    return sorted(found)


_MOST_DECODED, _EVEN, _MOST_EVEN = 16, 12, 0.9
_MOST_ASKED, _MOST_DATED, _MOST_COMPARED = 20, 1_000, 200
_DIGITS = frozenset(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)
_SMALL_SIDE = 48


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What advice is given on.

    Attributes:
      records: records, at least one.
      targets: what the source says they are labeled with.
      appearance: appearance of some of the images.
      together: the rule by which some of them belong together and would be in several splits;
        None without strong evidence.
    """

    records: Sequence[Record]
    targets: Mapping[str, Target]
    appearance: Appearance
    together: Proposal | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of the targets."""
        return frozenset(target.kind for target in self.targets.values())

    @property
    def positional(self) -> bool:
        """Whether a target lies in the image, such as a box."""
        return any(target.positional for target in self.targets.values())

    @property
    def is_small(self) -> bool:
        """Whether images are icons, digits and the like rather than photographs."""
        return self.appearance.short <= _SMALL_SIDE

    @property
    def counts(self) -> Mapping[str, int]:
        """Records of each class, the rarest first; empty without a target of one class."""
        name = next((name for name, each in self.targets.items() if each.kind == "class"), None)
        if name is None:
            return {}
        counted = Counter(str(record.targets[name]) for record in self.records)
        return dict(reversed(counted.most_common()))

    @property
    def is_of_characters(self) -> bool:
        """Whether classes are letters or digits, which a mirror turns into others."""
        names = [name.lower() for name in self.counts]
        alone = all(len(name) == 1 or (len(name) < 3 and name.isdigit()) for name in names)
        return bool(names) and (alone or set(names) <= _DIGITS)

    @property
    def stated(self) -> Mapping[str | None, int]:
        """Records of each split that the layout states; None counts those that it leaves open."""
        return Counter(record.split for record in self.records)
