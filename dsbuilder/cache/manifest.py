"""The manifest: what a dataset is, in `metadata.json`, where TensorFlow Datasets shows it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self, get_args

from dsbuilder import names, typed_json
from dsbuilder.cache import CODECS, ledger, store
from dsbuilder.cache.codec import Codec, ImageFormat
from dsbuilder.errors import CacheError, DataError
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.sample import Signature
from dsbuilder.targets import Text, signature_from_json, signature_to_json
from dsbuilder.targets.stored import name_faults
from dsbuilder.targets.text import alphabet_of
from dsbuilder.typed_json import shown

FORMAT = 1
_BY_TARGET = ("lost", "held", "alphabets", "longest")
_HEXADECIMAL = re.compile("[0-9a-f]+")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One shard of a split.

    Attributes:
      stem: what its files are named after.
      samples: number of samples it holds.
      size_bytes: size of its encoded samples together.
      fingerprint: fingerprint of the samples that were planned for it.
      classes: samples of each class, by class name.
      sizes: bytes of each of its files, by file name.
      lost: what stages lost of targets, by stage and target; see `Target.loses`.
      held: what is left of these targets in all samples, by target.
      alphabets: characters of the samples' texts, in order of code points, by target.
      longest: most time steps that CTC needs for one of these texts, by target.
    """

    stem: str
    samples: int
    size_bytes: int
    fingerprint: str
    classes: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    alphabets: Mapping[str, str] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns the shard as JSON values, without what its targets do not have."""
        empty = [name for name in _BY_TARGET if not getattr(self, name)]
        return {name: value for name, value in asdict(self).items() if name not in empty}


@dataclass(frozen=True, kw_only=True)
class StageDescription:
    """What a stage's fingerprint is made of, as far as the pipeline does not say it.

    Attributes:
      plugin, version: name and version of its plugin.
      code, inputs: hash of the code, and what else decides, by plugin: its own and those it nests.
      fingerprint: what these and its options come to.
    """

    plugin: str
    version: str
    code: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, Any]]
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a dataset is: equal for equal builds, so no time and no host stand here.

    Attributes:
      name, version, seed: name, version and seed as the pipeline says.
      fingerprint: fingerprint of the whole build, the pipeline's words about training included.
      content: fingerprint of the samples alone; equal contents train alike.
      signature: signature of every sample.
      codec, image, quality: how samples are stored.
      splits: shards by split.
      quarantined: samples that could not be made; they are listed in `quarantine.jsonl`.
      corrected: labels that the pipeline's corrections gave.
      reproducible: whether another build would be byte-equal; not if a sample was lost to a dead
        worker or to time.
      stages: what each stage's fingerprint is made of, by its id.
      packages, machine: what the bytes depend on beside the pipeline.
      warnings: what a user should know about the data.
    """

    name: str
    version: str
    seed: int
    fingerprint: str
    content: str
    signature: Signature
    codec: str
    image: str
    quality: int
    splits: Mapping[str, tuple[Shard, ...]]
    quarantined: int = 0
    corrected: int = 0
    reproducible: bool = True
    stages: Mapping[str, StageDescription] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    warnings: tuple[str, ...] = ()

    def num_samples(self, split: str) -> int:
        """Returns how many samples a split holds."""
        return sum(shard.samples for shard in self.splits[split])

    @property
    def all_shards(self) -> list[Shard]:
        """The shards of all splits."""
        return [shard for shards in self.splits.values() for shard in shards]

    def class_counts(self, split: str) -> dict[str, int]:
        """Returns how many samples of each class a split holds."""
        counts: dict[str, int] = {}
        for shard in self.splits[split]:
            for name, count in shard.classes.items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def alphabet(self, target: str, split: str) -> str:
        """Returns the characters of a split's texts, in order of code points."""
        return alphabet_of(shard.alphabets.get(target, "") for shard in self.splits.get(split, ()))

    def learnt(self, signature: Signature) -> Signature:
        """Returns a signature whose texts know the characters of the train split."""
        texts = {
            name: replace(
                kind,
                alphabet=self.alphabet(name, "train"),
                longest=max((each.longest.get(name, 0) for each in self.all_shards), default=0),
            )
            for name, kind in signature.targets.items()
            if isinstance(kind, Text)
        }
        return signature.replace(targets={**signature.targets, **texts})

    def make_codec(self) -> Codec:
        """Returns the codec that wrote the shards."""
        return CODECS[self.codec](
            signature=self.signature,
            image=self.image,  # type: ignore[arg-type]  # checked when it was read
            quality=self.quality,
        )

    def files(self) -> tuple[str, ...]:
        """Returns the names of the files that the dataset cannot do without, shards and ledgers."""
        codec = self.make_codec()
        shards = (shard.stem for own in self.splits.values() for shard in own)
        own = (name for stem in shards for name in (*codec.files(stem), ledger.file_name(stem)))
        return (store.MANIFEST, store.PIPELINE, store.QUARANTINE, *own)

    def to_json(self) -> dict[str, Any]:
        """Returns the manifest as JSON values."""
        data = {each: getattr(self, each) for each in self.__dataclass_fields__}
        splits = {
            split: [shard.to_json() for shard in shards] for split, shards in self.splits.items()
        }
        return {
            "format": FORMAT,
            **data,
            "signature": signature_to_json(self.signature),
            "splits": splits,
            "stages": {identity: asdict(stage) for identity, stage in self.stages.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the manifest that `to_json` described, whoever wrote it.

        Raises:
          ValueError: it is none.
          DataError: its signature is none.
        """
        rest = {name: value for name, value in data.items() if name != "format"}
        signature = signature_from_json(rest.pop("signature", None))
        made = typed_json.bind(_Described, {**rest, "signature": {}})
        values = {each: getattr(made, each) for each in cls.__dataclass_fields__}
        found = cls(**{**values, "signature": signature})
        wrong = next(_faults(found), None)
        if wrong is not None:
            raise ValueError(wrong)
        return found


@dataclass(frozen=True, kw_only=True)
class _Described(Manifest):
    """A manifest as JSON has it: its signature is read by itself."""

    signature: Mapping[str, Any]  # type: ignore[assignment]


def _faults(found: Manifest) -> Iterator[str]:
    """Yields what is wrong with a manifest: its names become names of files."""
    yield from filter(None, (names.dataset_fault(found.name), names.version_fault(found.version)))
    yield from name_faults(found.signature.targets)
    if found.codec not in CODECS or found.image not in get_args(ImageFormat):
        stored = [found.codec, found.image]
        yield f"expected a codec and how images are stored, found {shown(stored)}"
    seen: set[str] = set()
    for split, shards in found.splits.items():
        if split not in SPLITS:
            yield f"expected a split of {', '.join(SPLITS)}, found {shown(split)}"
        for shard in shards:
            yield from _shard_faults(shard, found.name, split)
            if shard.stem in seen:
                yield f"expected each shard once, found {shown(shard.stem)} again"
            seen.add(shard.stem)
    prints = (found.fingerprint, found.content, *(s.fingerprint for s in _all(found)))
    for each in prints:
        if not _HEXADECIMAL.fullmatch(each):
            yield f"expected a fingerprint, found {shown(each)}"


def _shard_faults(shard: Shard, name: str, split: str) -> Iterator[str]:
    counts = (shard.classes, shard.sizes, shard.longest)
    if not names.is_stem(shard.stem, name=name, split=split):
        yield f"expected a shard of {name} {split}, found {shown(shard.stem)}"
    if min(shard.samples, shard.size_bytes, *(n for each in counts for n in each.values())) < 0:
        yield f"{shard.stem}: expected numbers of 0 or more, found one below"
    for file in shard.sizes:
        if not names.is_file(file):
            yield f"{shard.stem}: expected names of files, found {shown(file)}"


def _all(found: Manifest) -> Iterator[Shard]:
    yield from (shard for shards in found.splits.values() for shard in shards)


def write(folder: Path, manifest: Manifest) -> None:
    """Writes a dataset's manifest; equal manifests give equal bytes."""
    text = json.dumps(manifest.to_json(), indent=1, ensure_ascii=False)
    store.write_text(folder / store.MANIFEST, text + "\n")


def read(folder: Path, *, where: Path | None = None) -> Manifest:
    """Returns the manifest of a dataset.

    Args:
      where: how errors call the folder; None calls it by its path.

    Raises:
      CacheError: the folder is not a dataset, or one of a newer format.
    """
    called = (where or folder) / store.MANIFEST
    try:
        data = typed_json.loads((folder / store.MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CacheError(
            f"{called.parent}: expected a built dataset, found no manifest ({store.MANIFEST}). "
            "Give the folder of a version, such as out/flowers/1.0.0."
        ) from None
    if (wrong := typed_json.wrong_format(data, FORMAT)) is not None:
        raise CacheError(f"{called}: {wrong}. Build it again.")
    try:
        return Manifest.from_json(data)
    except (ValueError, DataError) as error:
        reason = str(error).rstrip(".")
        raise CacheError(
            f"{called}: expected a manifest, found a damaged one ({reason}). "
            "Build the dataset again."
        ) from None
