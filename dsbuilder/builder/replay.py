"""One stored sample against the same sample made again from its recorded params, byte for byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.builder.reopen import Reopened, reopen
from dsbuilder.cache import ledger
from dsbuilder.dataset import StoredDataset, explain
from dsbuilder.dataset.explanation import stored
from dsbuilder.sample import Sample

_UNEXPLAINED = (
    "nothing that is recorded differs: the shard was altered, or a stage is not a pure function of "
    "the sample and its params"
)


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay came to.

    Attributes:
      entry: the sample's line of the ledger.
      sample: the sample as it was made again.
      is_equal: whether its bytes are those that are stored.
      differences: what is not here as it was when it was built, in words; where bytes differ,
        there is at least one.
      largest_difference: between two pixel values of the images as they are stored; None if they
        differ in size.
    """

    entry: ledger.Entry
    sample: Sample
    is_equal: bool
    differences: Sequence[str]
    largest_difference: float | None


def replay_sample(
    dataset: StoredDataset,
    key: str,
    *,
    source: Path | None = None,
    plugins: Sequence[Path] | None = None,
) -> Replayed:
    """Makes a sample again from its recorded params and compares it with what is stored.

    Args:
      source: where the source's files lie now; None takes where they lay when it was built.
      plugins: folders of plugins; None takes those of the build.

    Raises:
      DataError: there is no such sample, or its record is gone or cannot be read.
      PluginError: a stage raised something.
      CacheError: the shard is damaged, or no one knows where the source lies.
      SpecError: the pipeline cannot be bound here.
    """
    explained = explain(dataset, key)
    reopened = reopen(dataset, source=source, plugins=plugins)
    return compare(reopened, explained.entry, stored(dataset, explained.shard, explained.entry))


def compare(reopened: Reopened, entry: ledger.Entry, payload: bytes) -> Replayed:
    """Makes the sample of an entry again and compares it with its stored bytes."""
    remade = reopened.remake(entry)
    is_equal = remade.payload == payload
    differences = list(reopened.differences(entry))
    return Replayed(
        entry=entry,
        sample=remade.sample,
        is_equal=is_equal,
        differences=differences if differences or is_equal else [_UNEXPLAINED],
        largest_difference=_largest(reopened.dataset, payload, remade.payload),
    )


def _largest(dataset: StoredDataset, one: bytes, other: bytes) -> float | None:
    first, second = dataset.codec.decode(one).image, dataset.codec.decode(other).image
    if first.shape != second.shape:
        return None
    return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))
