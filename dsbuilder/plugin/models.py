"""What a model builder is: it builds a Keras model for a signature."""

from abc import ABC, abstractmethod
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

    def check(self, signature: Signature) -> None:  # noqa: B027 - one that serves all checks nothing
        """Checks that `build` can serve a signature; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it cannot: another kind of target, images that are too small, ...
        """

    @abstractmethod
    def build(self, signature: Signature) -> "keras.Model":
        """Returns an uncompiled model.

        Its input is a float32 batch `(N, H, W, C)`: pixel values 0..255 where `preprocesses`, else
        normalized. Its output is what the task of the target asks for, which
        `dsbuilder.tasks.outputs_of(spec)` says by target: class and multi-label -> logits
        `(N, num_classes)`, value -> numbers `(N, size)`, mask -> logits `(N, H, W, num_classes)`.
        Of several targets it is a mapping by name.
        """
