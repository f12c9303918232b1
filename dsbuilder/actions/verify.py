"""Whether everything of a dataset is as it was built."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.document import Document
from dsbuilder.cache import build_log, store
from dsbuilder.dataset import StoredDataset, examine
from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class VerifyDocument(Document):
    """What verifying a dataset came to.

    Attributes:
      path: folder of the dataset, as it was given.
      intact: whether nothing is wrong.
      problems: everything that is wrong, in words.
      files: files that were compared with their checksums; empty if something is wrong.
      samples: number of samples that the dataset says it has.
    """

    path: Path
    intact: bool
    problems: tuple[str, ...]
    files: tuple[str, ...]
    samples: int

    def raise_if_damaged(self) -> None:
        """Does nothing if the dataset is intact.

        Raises:
          CacheError: it is not; names all problems, one a line.
        """
        if self.intact:
            return
        count = len(self.problems)
        lines = "".join(f"\n  {each}" for each in self.problems)
        raise CacheError(
            f"{self.path}: expected the dataset as it was built, found {count} "
            f"problem{'s' * (count != 1)}. Build the dataset again.{lines}"
        )


def verify(dataset: StoredDataset, *, on_progress: Progress = ignore) -> VerifyDocument:
    """Compares every checksum, count, key and label of a dataset, of which files may be missing.

    What is wrong is noted in its `log` folder, so that the next build makes it again.

    Args:
      on_progress: called with samples looked at so far, and samples in all.
    """
    problems = examine(dataset, on_progress)
    with contextlib.suppress(OSError):  # who may only read it cannot build it either
        build_log.blame(dataset.path, {name for each in problems for name in each.files})
    return VerifyDocument(
        path=dataset.where,
        intact=not problems,
        problems=tuple(each.text for each in problems),
        files=() if problems else tuple(sorted(store.read_sums(dataset.path))),
        samples=sum(dataset.num_samples(split) for split in dataset.splits),
    )
