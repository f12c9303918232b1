"""Which layout a folder has: every source is asked for signs, which are weighed on one scale.

A layout whose own file says what is here, and explains every image, is surer than one of which
files are arranged as it has them, and that one is surer than what may be of any layout:

  declared    0.97    `data.yaml` lists the images, `metadata.jsonl` has a row for each
  arranged    0.85    images lie in class folders
  possible    0.60    shards of Examples, as many write them
  none        0       what must be there is not

What a layout does not explain of the images is taken off as a share, and each thing that speaks
against it leaves two fifths. So whatever is taken unasked is contradicted by nothing, and explains
more than half of the folder; and of two layouts that a folder could have, the surer is the one of
which more is said or explained.
"""

import shlex
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.errors import DataError, did_you_mean, option, printable
from dsbuilder.layouts.glance import glance, remembered
from dsbuilder.paths import near_path
from dsbuilder.plugin import Evidence, Signs
from dsbuilder.registry import Registry

LEAST = 0.5
"""A source that is less certain than this is not taken unasked."""

NEAR = 0.15
"""Certainties that differ by no more than this leave a choice to the user, such as a list that
names all images and the class folders that they lie in."""

_WEIGHTS: Mapping[Evidence | None, float] = {
    "declared": 0.97,
    "arranged": 0.85,
    "possible": 0.6,
    None: 0.0,
}
_CONTRADICTED = 0.4
"""What one thing that speaks against a layout leaves of its certainty: less than `LEAST`."""

_TOLD = 2
"""How many layouts a refusal tells of."""
_USUAL = ("folder", "images", "list")
"""Layouts that are told of where nothing speaks for any."""
_MOST_SHOWN = 3
_MOST_NEIGHBORS = 50
_MOST_OF_NEIGHBOR = 2_000


def weighed(signs: Signs) -> float:
    """Returns how certain signs make a layout, in [0, 1]; see above."""
    explained = min(1.0, max(0.0, signs.explained))
    return _WEIGHTS[signs.evidence] * explained * _CONTRADICTED ** len(signs.contradictions)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A source and what it says of a folder.

    Attributes:
      source: name of the source.
      signs: what speaks for its layout and against it.
      certainty: how sure that makes it, in [0, 1].
    """

    source: str
    signs: Signs
    certainty: float

    @property
    def reason(self) -> str:
        """Why, or why not."""
        against = "".join(f"; but {each}" for each in self.signs.contradictions)
        return f"{self.signs.reason}{against}"


def candidates(folder: Path, registry: Registry) -> tuple[Candidate, ...]:
    """Returns what every source of folders says of one, the surest first, then by name.

    The folder is walked once, whatever number of sources asks, and not beyond a number of names.
    """
    with remembered():
        return _candidates(folder, registry)


def _candidates(folder: Path, registry: Registry) -> tuple[Candidate, ...]:
    found = [
        _asked(plugin.name, plugin.cls, folder)
        for plugin in registry.of_kind("source")
        if plugin.cls.of_folder  # type: ignore[attr-defined]
    ]
    return tuple(sorted(found, key=lambda each: -each.certainty))


def _asked(source: str, cls: type, folder: Path) -> Candidate:
    try:
        signs: Signs = cls.signs(folder)  # type: ignore[attr-defined]
        return Candidate(source=source, signs=signs, certainty=weighed(signs))
    except Exception as error:  # noqa: BLE001 - a stranger's code; told as the reason
        name = type(error).__name__
        failed = Signs(reason=f"it failed to look: {name}: {error}")
        return Candidate(source=source, signs=failed, certainty=0)


def check_extent(folder: Path) -> None:
    """Raises a DataError if a folder holds so much that is no image that no one can mean it all.

    A disk or a home folder may hold data sets by the dozen, and to read one as it stands would be
    to walk them all.
    """
    seen = glance(folder)
    if seen.cut and 2 * len(seen.images) < len(seen.files):
        raise DataError(
            f"{folder}: expected a folder of images, found one of which the first "
            f"{len(seen.files) + len(seen.folders)} names are those of {len(seen.images)} images "
            "and much else. Give the folder that the images lie in; or say with "
            f"{option('use')} what this is."
        )


def choose(
    folder: Path, found: Sequence[Candidate], registry: Registry, *, use: str | None = None
) -> tuple[Candidate, Sequence[Candidate]]:
    """Returns the candidate to take, and those that are nearly as certain.

    Args:
      use: the source that the user wants, however certain it is.

    Raises:
      DataError: there is no folder, no source is certain enough, or the one that the user wants
        does not know how to read it.
    """
    if folder.is_file():
        raise DataError(f"{folder}: expected a folder of images, found {_file_found(folder)}")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder.{near_path(folder) or ' Check the path.'}")
    if use is not None:
        return _wanted(folder, found, use), ()
    best = found[0]
    if best.certainty < LEAST:
        raise DataError(_none_found(folder, found, registry))
    near = [each for each in found[1:] if each.certainty >= max(LEAST, best.certainty - NEAR)]
    return best, near


def _file_found(path: Path) -> str:
    """Says of a file in place of a folder what may be done."""
    if zipfile.is_zipfile(path):
        packed, unpacked = shlex.quote(str(path)), shlex.quote(str(path.with_suffix("")))
        return (
            f"a packed one. Unpack it with `python3 -m zipfile -e {packed} {unpacked}`, and give "
            f"{unpacked}."
        )
    return "a file. Give the folder that it lies in."


def _wanted(folder: Path, found: Sequence[Candidate], use: str) -> Candidate:
    chosen = next((each for each in found if each.source == use), None)
    if chosen is None:
        hint = did_you_mean(use, [each.source for each in found])
        raise DataError(f"{option(f'use {use}')}: no source has this name.{hint}")
    if not chosen.signs.options:
        raise DataError(
            f"{folder}: expected the layout of '{use}', found another: {chosen.reason}. "
            f"`dsbuilder plugins show {use}` says what it reads."
        )
    return chosen


def _none_found(folder: Path, found: Sequence[Candidate], registry: Registry) -> str:
    """Names the two likeliest layouts with what is missing, and two lines that lead out."""
    likeliest = sorted(found, key=_unlikely)[:_TOLD]
    return "\n".join(
        [
            f"{folder}: expected a layout that a source reads, found none that is plain. "
            "The likeliest:",
            *(f"  {each.source}: {each.reason}" for each in likeliest),
            *_ways_out(folder, likeliest, registry),
        ]
    )


def _unlikely(candidate: Candidate) -> tuple[float, bool, int]:
    """Orders candidates: by certainty, then those of which a part was seen, then the usual ones."""
    usual = _USUAL.index(candidate.source) if candidate.source in _USUAL else len(_USUAL)
    return -candidate.certainty, candidate.signs.reason.startswith(("no ", "0 ", "neither ")), usual


def _ways_out(folder: Path, likeliest: Sequence[Candidate], registry: Registry) -> Iterator[str]:
    """Yields two lines: what to type as it is, and how to arrange images so that it is plain."""
    first, name = likeliest[0], printable(str(folder))
    inside = list(_recognized_within(folder, registry))
    if inside:
        shown = " or ".join(f"{path} ({source})" for path, source in inside[:_MOST_SHOWN])
        yield f"Did you mean {shown}?"
    elif first.signs.options:
        yield f"If it is '{first.source}' all the same, {option(f'use {first.source}')} takes it."
    else:
        yield "`dsbuilder plugins show NAME` says what a layout needs, `--use NAME` takes it."
    yield (
        f"Else give each class a folder ({name}/CLASS/1.jpg), or write {name}/labels.csv with the "
        "columns image and label; then try again."
    )


def _recognized_within(folder: Path, registry: Registry) -> Iterator[tuple[Path, str]]:
    """Yields the folders in this one that a source recognizes.

    A folder that datasets were built in is passed over: nobody looks for the source there.
    """
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    inside = [path for path in inside if not any(path.glob("*/.builds"))]
    for path in inside[:_MOST_NEIGHBORS]:
        with remembered(most=_MOST_OF_NEIGHBOR):
            best = _candidates(path, registry)[0]
        if best.certainty > _WEIGHTS["possible"]:  # any flat folder may be images without labels
            yield path, best.source
