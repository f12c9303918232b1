"""What a model builder is: it builds a Keras model for a signature."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from dsbuilder.sample import Signature

if TYPE_CHECKING:
    import keras


class ModelBuilder(ABC):
    """Builds a Keras model for a signature.

    Keras is imported in the body of `build`, never at the top of the file: no other verb pays for
    it.
    """

    preprocesses: ClassVar[bool] = False
    """Whether the model scales its input itself; else the trainer normalizes before it."""

    @property
    def freezes(self) -> bool:
        """Whether what was learnt before stays as it is until fine-tuning, under a new head."""
        return False

    def check(self, signature: Signature) -> None:  # noqa: B027 - one that serves all checks nothing
        """Checks that `build` can serve a signature; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it cannot: another kind of target, images that are too small, ...
        """

    def warnings(self, signature: Signature) -> Sequence[str]:
        """Returns what a person should know before a training, each a sentence or more.

        `dsbuilder check` and `train` show it: options that do not go together, little room for what
        is to be learnt, what is loaded from afar. Asked without Keras, of what `check` lets pass.
        """
        return ()

    @abstractmethod
    def build(self, signature: Signature) -> "keras.Model":
        """Returns an uncompiled model.

        Its input is a float32 batch `(N, H, W, C)`: pixel values 0..255 where `preprocesses`, else
        normalized. Its output is what the task of the target asks for, which
        `dsbuilder.tasks.outputs_of(signature)` says by target: class and multi-label -> logits
        `(N, num_classes)`, of two classes one logit `(N, 1)`, value -> numbers `(N, size)`, mask ->
        logits `(N, H, W, num_classes)`, text -> logits `(N, time steps, characters + 1)`, the first
        of them of CTC's blank. Of several targets it is a mapping by name.
        """
