"""What of a folder a proposed pipeline does not read: images, and files that may label some.

A list may name the images of one folder and a source read one split: that what lies beside it is
left out, nobody may find out from the number of images alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts.glance import glance
from dsbuilder.plugin import Catalog, Record


def unread_images(folder: Path, records: Sequence[Record]) -> str:
    """Returns a sentence, without a full stop, on images that no record reads; empty if all are.

    Args:
      records: those of a source that may read a part of the folder.
    """
    seen, read = glance(folder), _paths(folder, _files(records))
    left = [path for path in seen.images if path not in read]
    if not left:
        return ""
    where = Counter(path.rpartition("/")[0] for path in left)
    shown = [f"{count} in {place or 'its top'}" for place, count in where.most_common(5)]
    more = f" and {len(where) - 5} more folders" if len(where) > 5 else ""
    found = f"{len(left)} of {seen.count(len(seen.images), 'image')}"
    return f"{found} are not read: {', '.join(shown)}{more}"


def unread_files(folder: Path, catalog: Catalog, records: Sequence[Record]) -> str:
    """Returns a sentence on the files that may label images and that nothing reads; empty if none.

    A catalog that does not say what it reads is not asked.
    """
    watched = catalog.watches()
    if watched is None:
        return ""
    read = _paths(folder, [*watched, *_files(records)])
    left = [path for path in glance(folder).label_files if path not in read]
    return f"not read: {shortened(left)}" if left else ""


def _files(records: Sequence[Record]) -> Iterator[Path]:
    for record in records:
        yield from (path for path in (record.path, *record.files) if path is not None)


def _paths(folder: Path, files: Sequence[Path] | Iterator[Path]) -> set[str]:
    """Returns paths below a folder, of which it may be named in two ways, as texts."""
    starts = {f"{folder}/", f"{folder.absolute()}/", f"{folder.resolve()}/"}
    texts = [str(path) for path in files]
    return {text.removeprefix(start) for start in starts for text in texts}
