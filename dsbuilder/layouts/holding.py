"""What of a dataset a layout can hold: targets that it has a place for, and notes on the rest."""

from collections.abc import Collection

from dsbuilder.errors import DataError, instead, shortened
from dsbuilder.plugin import Exportable, Target


def check_images(dataset: Exportable) -> None:
    """Raises a DataError if images are of a type that no image file holds."""
    if dataset.signature.image.dtype != "uint8":
        raise DataError(
            f"{dataset.where}: expected uint8 images to write as files, found "
            f"{dataset.signature.image}. Build it without the stage that changes the type."
        )


def held(dataset: Exportable, *kinds: type[Target]) -> dict[str, Target]:
    """Returns all targets of kinds that a layout can hold, by name.

    Raises:
      DataError: there is none.
    """
    targets = dataset.signature.targets
    found = {name: target for name, target in targets.items() if type(target) in kinds}
    if not found and not targets:
        raise DataError(
            f"{dataset.where}: expected labels to write, found images without any, which this "
            "layout would take for images that show nothing. Export to another, such as folder or "
            "imagefolder."
        )
    if not found:
        wanted = f"target of kind {' or '.join(kind.kind for kind in kinds)} to write"
        raise DataError(
            f"{dataset.where}: {instead(f'a {wanted}', shortened(targets), missing=wanted)}. "
            "Export to another layout, such as imagefolder."
        )
    return found


def held_if_any(dataset: Exportable, *kinds: type[Target]) -> dict[str, Target]:
    """Returns what `held` does; nothing of images without labels, which the layout can hold."""
    return held(dataset, *kinds) if dataset.signature.targets else {}


def chosen(dataset: Exportable, *kinds: type[Target]) -> dict[type[Target], str]:
    """Returns the name of the first target of each kind that a layout can hold.

    Raises:
      DataError: there is none.
    """
    names: dict[type[Target], str] = {}
    for name, target in held(dataset, *kinds).items():
        names.setdefault(type(target), name)
    return {kind: names[kind] for kind in kinds if kind in names}


def left_out(dataset: Exportable, written: Collection[str]) -> list[str]:
    """Returns a note on the targets that were not written; none where all were."""
    left = [name for name in dataset.signature.targets if name not in written]
    return [f"left out: {shortened(left)}"] if left else []
