"""What of a dataset's train split is original and what a variant, as its pipeline says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsbuilder import typed_json
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class Variants:
    """How the samples of a train split vary.

    Attributes:
      originals: number of samples without variants, those that are synthesized among them; as far
        as none was set aside.
      copies: number of stored variants of each record, without those that balance classes.
      varied: whether a stage makes anything else of an image, stored or in every epoch.
    """

    originals: int
    copies: int
    varied: bool


@dataclass(frozen=True, kw_only=True)
class _Augment:
    copies: int
    original: bool
    stages: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class _Synthesis:
    count: int
    splits: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class _Stream:
    stages: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class _Subset:
    share: float


@dataclass(frozen=True, kw_only=True)
class _Split:
    subset: _Subset | float | None = None


@dataclass(frozen=True, kw_only=True)
class _Sections:
    split: _Split = _Split()
    augment: _Augment
    synthesize: tuple[_Synthesis, ...]
    balance: Any = None
    stream: _Stream


def variants_of(dataset: StoredDataset) -> Variants:
    """Returns how the samples of a dataset's train split vary.

    Raises:
      CacheError: the pipeline of the dataset is damaged.
      DataError: there is no train split.
    """
    plain = dataset.pipeline
    try:
        said = typed_json.bind(_Sections, plain.sections, partly=True)
    except ValueError as error:
        raise CacheError(
            f"{plain.origin}: expected the pipeline of a dataset, found another ({error}). "
            "Build the dataset again."
        ) from None
    fills = "augment" in (said.balance or {}).get("with", ())
    varied = bool(said.stream.stages or (said.augment.stages and (said.augment.copies or fills)))
    if said.balance:  # each record has another number of variants
        entries = (entry for _, entry in dataset.entries("train"))
        roots = {entry.parents[0] if entry.parents else entry.key for entry in entries}
        return Variants(originals=len(roots), copies=said.augment.copies, varied=varied)
    stored = dataset.num_samples("train")
    part = said.split.subset
    share = part.share if isinstance(part, _Subset) else part or 1.0
    planned = sum(each.count * each.splits.get("train", 0.0) for each in said.synthesize)
    made = round(planned * share)
    of_each = max(1, said.augment.copies + said.augment.original)
    return Variants(
        originals=min(stored, made + round(max(0, stored - made) / of_each)),
        copies=said.augment.copies,
        varied=varied,
    )
