"""What of a folder speaks for IDX files, and what against it."""

from pathlib import Path

from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.idx.format import ROLES, pairs_of, parse_name, word
from dsbuilder.plugin import Signs


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for pairs of images and labels, in the folder or the one below it."""
    seen = glance(folder)
    files = [path for path in seen.files if parse_name(path.rpartition("/")[2]) is not None]
    places = {path.rpartition("/")[0] for path in files}
    if len(places) != 1:
        return Signs(reason=f"IDX files in {len(places)} folders" if places else "no IDX file")
    return _signs(seen, places.pop() or ".", [path.rpartition("/")[2] for path in files])


def _signs(seen: Glance, place: str, names: list[str]) -> Signs:
    pairs = pairs_of(names)
    whole = [each for each, roles in pairs.items() if len(roles) == len(ROLES)]
    if not whole:
        return Signs(reason=f"{len(names)} IDX files, but no images with their labels")
    prefixes = sorted({prefix for prefix, _ in whole})
    options: dict[str, object] = {"path": place}
    comments: dict[str, str] = {}
    if len(prefixes) > 1:
        options["prefix"] = prefixes[0]
        comments["prefix"] = f"one of {', '.join(prefixes)}"
    if any("emnist" in prefix.lower() for prefix in prefixes):
        options["transposed"] = True
        comments["transposed"] = "the files of EMNIST hold columns where others hold rows"
    parts = ", ".join(sorted(word(each) for each in whole))
    return Signs(
        reason=f"{len(names)} IDX files, images and labels of {parts}",
        evidence="arranged",
        explained=len(whole) / len(pairs),
        contradictions=seen.loose_images(len(names)),
        options=options,
        comments=comments,
    )
