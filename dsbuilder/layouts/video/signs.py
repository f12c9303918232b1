"""What of a folder speaks for videos, and which files beside them say more."""

from pathlib import Path, PurePosixPath

from dsbuilder.images.video import VIDEO_EXTENSIONS
from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.tables import read_text
from dsbuilder.layouts.video import format as video
from dsbuilder.plugin import DataError, Signs

_MOST_IMAGES = 10


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for frames of videos, by names and the first line of a table."""
    seen = glance(folder)
    videos = seen.ending(*VIDEO_EXTENSIONS)
    if not videos:
        return Signs(reason="no video lies in it")
    stems = {str(PurePosixPath(each).with_suffix("")) for each in videos}
    beside = {
        path: str(PurePosixPath(path).with_suffix(""))
        for path in seen.ending(*video.SUBTITLES, "csv")
    }
    said = [p for p, stem in beside.items() if stem in stems and not p.lower().endswith("csv")]
    tables = [path for path in seen.ending("csv") if _has_intervals(folder / path)]
    options: dict[str, object] = {"path": ".", "every_s": 1, "time": False}
    comments = {
        "path": seen.count(len(videos), "video"),
        "every_s": "seconds from a frame to the next; or every: N frames",
        "time": "true makes the second of a frame a number that goes with it",
    }
    if said:
        options["subtitles"] = True
        comments["subtitles"] = f"beside {len(said)} of them: what is said is the text of a frame"
    own = [path for path in tables if beside.get(path) in stems]
    if own:
        options["intervals"] = "beside"
        comments["intervals"] = f"tables of start, end and label beside {len(own)} of them"
    elif tables:
        options["intervals"] = tables[0]
        comments["intervals"] = "start, end and label of each interval, by file"
    found = [seen.count(len(videos), "video")]
    found += [f"{len(said)} with subtitles"] if said else []
    found += [f"{len(own or tables)} tables of intervals"] if tables else []
    return Signs(
        reason=", ".join(found),
        evidence="declared" if tables else "arranged",
        contradictions=seen.loose_images(max(_MOST_IMAGES, 2 * len(videos))),
        options=options,
        comments=comments,
    )


def _has_intervals(path: Path) -> bool:
    try:
        first = read_text(path).partition("\n")[0].strip().lower()
    except (DataError, OSError):
        return False
    names = [each.strip().strip('"') for each in first.split(",")]
    return all(each in names for each in video.COLUMNS)
