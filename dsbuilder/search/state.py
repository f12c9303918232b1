"""What a search has decided so far, in `search.json`, which is whole at any time.

What trials came to stands in the folders of their runs and is read from there. Here stands what no
run says: what is tried, how many trials there is time for, who failed, and who was let into a rung.
A search that was killed goes on by it as if nothing had happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from dsbuilder import typed_json
from dsbuilder.cache import store
from dsbuilder.errors import TrainError

STATE = "search.json"


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """One trial.

    Attributes:
      number: its number, from 1, which is the pipeline as it is.
      values: what it says of options, by their paths.
      seconds: time that it took so far.
      whole: whether it was trained to its end.
      failed: why it cannot go on; None if it can.
    """

    number: int
    values: Mapping[str, Any]
    seconds: float = 0.0
    whole: bool = False
    failed: str | None = None


@dataclass(frozen=True, kw_only=True)
class SearchState:
    """How far a search is.

    Attributes:
      asked: fingerprint of what is searched: the pipeline, the options, the seed.
      trials: trials that were begun, in their order.
      planned: number of trials that the search has; None while that is not known.
      epochs: epochs of each rung, the last of which are all; empty while these are not known.
      rungs: numbers of the trials that were let into each rung but the first.
      spent_s: time that the search took so far.
    """

    asked: str
    trials: tuple[SearchTrial, ...] = ()
    planned: int | None = None
    epochs: tuple[int, ...] = ()
    rungs: tuple[tuple[int, ...], ...] = ()
    spent_s: float = 0.0

    @classmethod
    def read(cls, folder: Path, asked: str) -> Self:
        """Returns the state of a search in a folder, or that of a new one.

        Raises:
          TrainError: the file is damaged, or something else was searched there.
        """
        path = folder / STATE
        if not path.is_file():
            return cls(asked=asked)
        try:
            found = typed_json.bind(cls, typed_json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise TrainError(
                f"{path}: expected what a search writes, found another ({error}). "
                "Choose another folder."
            ) from None
        if found.asked != asked:
            raise TrainError(
                f"{path}: expected the search that is asked for, found one of another pipeline, "
                "other options, or another seed or number of trials. Choose another folder, or "
                "ask as it was begun."
            )
        return found

    def write(self, folder: Path) -> None:
        """Writes the state into the folder of its search."""
        folder.mkdir(parents=True, exist_ok=True)
        store.write_text(folder / STATE, typed_json.dumps(asdict(self), indent=1) + "\n")

    def with_trial(self, trial: SearchTrial) -> Self:
        """Returns the state with a trial as it is now."""
        others = tuple(each for each in self.trials if each.number < trial.number)
        later = tuple(each for each in self.trials if each.number > trial.number)
        return replace(self, trials=(*others, trial, *later))

    def members(self, rung: int) -> Sequence[int]:
        """Returns the numbers of the trials of a rung."""
        if rung:
            return self.rungs[rung - 1]
        return [each.number for each in self.trials]
