"""What a dataset is: splits, classes, signature, size, versions."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.document import Document
from dsbuilder.actions.losses import StageLoss, losses
from dsbuilder.cache import store
from dsbuilder.dataset import StoredDataset
from dsbuilder.sample import Signature


@dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """One split of a dataset.

    Attributes:
      samples: number of samples.
      classes: number of samples of each class.
      shards: number of shards.
    """

    samples: int
    classes: Mapping[str, int]
    shards: int


@dataclass(frozen=True, kw_only=True)
class InfoDocument(Document):
    """A dataset; its warnings are those of its build.

    Attributes:
      path: folder of the dataset, behind the link of its version.
      link: link of its version, else its folder.
      name, version: name and version, as the pipeline says.
      versions: versions beside it, its own among them.
      signature: shape and targets of every sample.
      class_names: names of the first target with classes, in id order.
      splits: splits by name.
      codec, image, quality: options of how samples are stored; quality is None but of JPEG.
      size_bytes: size of all its files.
      seed: root of all randomness.
      quarantined: number of samples that could not be made.
      corrected: number of labels that the pipeline's corrections gave.
      lost: what stages lost of targets, such as boxes that a crop left outside.
      reproducible: whether another build would give the same bytes.
      fingerprint: hash of everything that determines its bytes.
      packages: versions of the packages that built it.
      machine: architecture of the processor that built it.
    """

    path: Path
    link: Path
    name: str
    version: str
    versions: tuple[str, ...]
    signature: Signature
    class_names: tuple[str, ...]
    splits: Mapping[str, SplitInfo]
    codec: str
    image: str
    quality: int | None
    size_bytes: int
    seed: int
    quarantined: int
    corrected: int
    lost: tuple[StageLoss, ...]
    reproducible: bool
    fingerprint: str
    packages: Mapping[str, str]
    machine: str


def info(dataset: StoredDataset) -> InfoDocument:
    """Says what a dataset is."""
    known, beside = dataset.manifest, versions(dataset)
    return InfoDocument(
        path=dataset.path,
        link=beside.get(known.version, dataset.path),
        name=known.name,
        version=known.version,
        versions=tuple(beside),
        signature=known.signature,
        class_names=dataset.class_names,
        splits={
            split: SplitInfo(
                samples=known.num_samples(split),
                classes=known.class_counts(split),
                shards=len(shards),
            )
            for split, shards in known.splits.items()
        },
        codec=known.codec,
        image=known.image,
        quality=known.quality if known.image == "jpeg" else None,
        size_bytes=sum(each.stat().st_size for each in dataset.path.rglob("*") if each.is_file()),
        seed=known.seed,
        quarantined=known.quarantined,
        corrected=known.corrected,
        lost=losses(known.all_shards, known.signature.targets),
        reproducible=known.reproducible,
        fingerprint=known.fingerprint,
        packages=known.packages,
        machine=known.machine,
        warnings=tuple(known.warnings),
    )


def versions(dataset: StoredDataset) -> dict[str, Path]:
    """Returns the versions beside a dataset, its own among them, each with its link."""
    root = dataset.path.parent.parent
    # A neighbor that may not be looked into is no version.
    links = [each for each in root.iterdir() if os.path.isfile(each / store.MANIFEST)]  # noqa: PTH113
    found = {link.name: link for link in sorted(links, key=lambda link: _numbers(link.name))}
    # A copied dataset has other neighbors than the versions it was built beside.
    is_own = dataset.path in (link.resolve() for link in links)
    return found if is_own else {dataset.manifest.version: dataset.path}


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
