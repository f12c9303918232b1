"""What of a folder speaks for arrays of numpy, and what against it."""

from pathlib import Path

from dsbuilder.layouts import sidecar
from dsbuilder.layouts.arrays import labels
from dsbuilder.layouts.arrays.format import roles_by_split
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.plugin import DataError, Signs
from dsbuilder.records import arrays


def signs_of(folder: Path) -> Signs:
    """Returns what the names of arrays say in the `.npz` and `.npy` files at the top."""
    seen = glance(folder)
    files = [path for path in seen.files if arrays.is_array_file(path) and "/" not in path]
    if not files:
        return Signs(reason="no .npz or .npy file at the top")
    path = files[0] if len(files) == 1 and files[0].lower().endswith(".npz") else "."
    try:
        return _signs(folder, seen, path, len(files))
    except (DataError, OSError) as error:
        return Signs(reason=str(error).splitlines()[0])


def _signs(folder: Path, seen: Glance, path: str, files: int) -> Signs:
    found = arrays.find(folder / path)
    options: dict[str, object] = {"path": path}
    stated = sidecar.read(folder / path)
    if stated is not None and path != ".":
        shown = ", ".join(stated.targets) or "no targets"
        reason = f"an export of dsbuilder: {len(found)} arrays of {shown}"
        return Signs(reason=reason, evidence="declared", options=options)
    parts = roles_by_split(str(folder), found)
    if not parts:
        return Signs(reason=f"{len(found)} arrays, none called images and labels")
    comments = {}
    kinds = {labels.likely(found[roles["labels"]]) for roles in parts.values()}
    if kinds != {"class"}:
        options["target"] = min(kinds)
        comments["target"] = "as the type and shape of the labels say"
    return Signs(
        reason=f"{len(found)} arrays, images and labels of {', '.join(parts)}",
        evidence="arranged",
        contradictions=seen.loose_images(files),
        options=options,
        comments=comments,
    )
