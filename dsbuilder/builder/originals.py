"""Prepared originals that are kept between builds, so that a change of `augment` decodes no source.

    <out>/<name>/.builds/prepared/<how they are prepared>/<2 digits>/<30 digits>

A file's name is the hash of what its pixels depend on: the content of the source file, key and
labels of the record, the decoder's options, the stages of `prepare`, the versions of the libraries.
So nothing in it is ever out of date. It holds the pixels as they are, `height * width * channels`
bytes, what the stages drew, and labels that a stage changed or moved, as one TFRecord frame, whose
checksum tells a whole file from one that a crash or a disk left damaged; that one is made again.
PNG would take a third of the room, and as long to decode as the JPEG it stands for.

A file appears whole or not at all. What the latest build does not use is removed.

With 600 photographs of about 256 x 350 (160 MB), making the shards took 2.3 s of one core without
originals, 3.0 s while they were written, most of it the kernel's for new pages, and 1.3 s when
`augment` had changed.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.builder.task import Located, ShardTask
from dsbuilder.cache import fingerprint, folders
from dsbuilder.errors import CacheError
from dsbuilder.pipeline import AppliedStage, Pipeline, Trace
from dsbuilder.records import example, tfrecord
from dsbuilder.sample import Sample, Target

_OURS = re.compile(rf"[0-9a-f]{{2}}|[0-9a-f]{{32}}({re.escape(folders.REMOVED)})?")
_RELABELED = "relabeled"
_LABELS = "label/"

_Applied = Sequence[AppliedStage]


@dataclass(frozen=True)
class Originals:
    """The kept originals of one pipeline.

    Attributes:
      folder: folder of the originals of all pipelines of a dataset.
      pipeline: the pipeline that prepares these.
      warn: called with a sentence on an original that is damaged or cannot be kept.
    """

    folder: Path
    pipeline: Pipeline
    warn: Callable[[str], None] = lambda text: None

    @cached_property
    def own(self) -> Path:
        """Where originals lie that were prepared as this pipeline does."""
        settings, registry = self.pipeline.settings, self.pipeline.spec.registry
        stages = [fingerprint.of_stage(stage, registry) for stage in settings.prepare]
        reading = fingerprint.of_reading(settings.source, registry)
        how = [dict(fingerprint.packages()), asdict(settings.image), stages, reading]
        return self.folder / fingerprint.digest(how)

    def path(self, located: Located) -> Path:
        """Returns where the original of a record lies, if it is kept."""
        record = located.record
        labels = self.pipeline.label_identity(record)
        name = fingerprint.digest(located.source, record.key, labels)
        return self.own / name[:2] / name[2:]

    def take(self, located: Located, trace: Trace) -> Sample | None:
        """Returns the kept original of a record; None if there is none, or a damaged one."""
        path = self.path(located)
        try:
            with path.open("rb", buffering=0) as file:
                features = example.decode(tfrecord.read_at(file, 0))
            image, applied = _decode(features)
            labels = self._labels(features)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, CacheError, ValueError, KeyError, TypeError) as error:
            self.warn(f"{path}: a damaged original is made again: {error}")
            return None
        trace.applied.extend(applied)
        sample = self.pipeline.kept(located.record, image)
        return sample if labels is None else sample.replace(targets=labels)

    def _labels(self, features: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns the labels that a file holds; None where they are those of the record."""
        if _RELABELED not in features:
            return None
        own = {n.removeprefix(_LABELS): v for n, v in features.items() if n.startswith(_LABELS)}
        return {name: kind.decode(name, own) for name, kind in self._kinds.items()}

    @cached_property
    def _kinds(self) -> Mapping[str, Target]:
        prepared = self.pipeline.prepared
        return {} if prepared is None else prepared.targets

    def keep(self, located: Located, sample: Sample, trace: Trace, *, relabeled: bool) -> bool:
        """Keeps the original of a record; says whether it could, since a build can do without.

        Args:
          relabeled: whether its labels are no longer those of the record.
        """
        labels: dict[str, example.Value] = {_RELABELED: 1} if relabeled else {}
        for name, kind in self._kinds.items() if relabeled else ():
            stored = kind.encode(name, sample.targets[name])
            labels.update({f"{_LABELS}{feature}": value for feature, value in stored.items()})
        path = self.path(located)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        framed = tfrecord.frame(_encode(sample.image, trace.applied, labels))
        try:
            if not path.parent.is_dir():
                folders.make(self.own)
                path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(framed)
            temporary.replace(path)
        except (OSError, CacheError) as error:
            self.warn(f"{path}: an original cannot be kept: {error}")
            with contextlib.suppress(OSError):
                temporary.unlink()
            return False
        return True

    def sweep(self, wanted: Collection[Located]) -> None:
        """Removes what none of the wanted records needs, and what was left half written."""
        for other in _folders(self.folder):
            if other != self.own:
                folders.remove(other)
        parts = list(_folders(self.own)) if folders.is_marked(self.own) else []
        count = sum(1 for part in parts for _ in part.iterdir())
        if count <= len(wanted) and not any(each for part in parts for each in part.glob("*.tmp")):
            return
        used: dict[Path, set[str]] = {part: set() for part in parts}
        for path in map(self.path, wanted):
            used.setdefault(path.parent, set()).add(path.name)
        for part in parts:
            folders.sweep(part, keep=used[part])


def tidy(folder: Path, pipeline: Pipeline, shards: Sequence[ShardTask]) -> None:
    """Removes what the latest build does not use: all of it, if it keeps no originals."""
    if pipeline.settings.build.keep_prepared:
        wanted = {key: each for shard in shards for key, each in shard.contents().records.items()}
        Originals(folder, pipeline).sweep(list(wanted.values()))
        return
    for own in _folders(folder):
        folders.remove(own)
    with contextlib.suppress(OSError):  # a link to a folder on another disk, or not ours alone
        folder.rmdir()


def _folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder that have names as we give them."""
    found = folder.iterdir() if folder.is_dir() else ()
    return [each for each in found if _OURS.fullmatch(each.name) and not each.is_symlink()]


def _encode(image: np.ndarray, applied: _Applied, labels: Mapping[str, example.Value]) -> bytes:
    plain = [AppliedStage(each.stage, each.params, dict(each.lost)) for each in applied]
    return example.encode(
        {
            "applied": json.dumps([each if each.lost else each[:2] for each in plain]).encode(),
            "dtype": str(image.dtype).encode(),
            "image": np.ascontiguousarray(image).tobytes(),
            "shape": list(image.shape),
            **labels,
        }
    )


def _decode(features: Mapping[str, Any]) -> tuple[np.ndarray, _Applied]:
    [applied], [dtype], [pixels] = features["applied"], features["dtype"], features["image"]
    image = np.frombuffer(pixels, dtype.decode()).reshape(tuple(features["shape"]))
    return image, [AppliedStage(*each) for each in json.loads(applied)]
