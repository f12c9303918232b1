"""What a schedule is: the learning rate of each epoch."""

from abc import ABC, abstractmethod


class Schedule(ABC):
    """Says what share of its learning rate a phase of a training has in each of its epochs."""

    @abstractmethod
    def share(self, epoch: int, epochs: int) -> float:
        """Returns the share, 0 or more; a function of the place alone, so that runs can be resumed.

        Args:
          epoch: counted from 0 within the phase.
          epochs: number of epochs that the phase has at most.
        """
