"""What of a folder speaks for TFRecord files, and what against it."""

from pathlib import Path

from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.tfrecord import tfds
from dsbuilder.layouts.tfrecord.format import is_record_file
from dsbuilder.plugin import DataError, Signs


def signs_of(folder: Path) -> Signs:
    """Returns what the files that describe a dataset say, else the names of files."""
    homes = tfds.find(folder)
    if homes:
        return _described(folder, homes)
    seen = glance(folder)
    files = [path for path in seen.files if is_record_file(path.rpartition("/")[2])]
    if not files:
        return Signs(reason="neither dataset_info.json nor TFRecord files")
    places = {path.rpartition("/")[0] for path in files}
    return Signs(
        reason=seen.count(len(files), "TFRecord file"),
        evidence="possible",
        contradictions=seen.loose_images(len(files)),
        options={"path": places.pop() or "." if len(places) == 1 else "."},
    )


def _described(folder: Path, homes: list[Path]) -> Signs:
    try:
        info = tfds.read_info(tfds.only(folder, homes))
    except DataError as error:
        return Signs(reason=str(error).splitlines()[0])
    count = sum(shard.count for shards in info.splits.values() for shard in shards)
    splits = ", ".join(info.splits)
    return Signs(
        reason=f"TensorFlow Datasets: {info.name} {info.version}, {count} records in {splits}",
        evidence="declared",
        options={"path": "."},
    )
