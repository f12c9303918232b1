"""A network that reads texts: convolutions, then recurrent layers from left to right."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dsbuilder.builtin.models import blocks, heads
from dsbuilder.builtin.models.recurrent import Cell, recurrent
from dsbuilder.builtin.models.scratch import FromScratch
from dsbuilder.plugin import Signature, Text, TrainError, model

if TYPE_CHECKING:
    import keras

_STEPS = (4, 2, 1)


@model("crnn")
@dataclass(frozen=True, kw_only=True)
class Crnn(FromScratch):
    """Reads a line of text (Shi et al. 2017): a row of outputs for each step to the right.

    Blocks of convolutions halve the height of the image; the first of them also its width, which
    is kept as time. Recurrent layers go over the columns that are left, and a dense layer says of
    each which character stands there, or none (CTC, Graves et al. 2006). Targets that a row answers
    are learnt from the mean over all steps.

    Attributes:
      width: filters of the first block, 1 or more; each further block has twice as many as the one
        before.
      depth: number of blocks, 1 or more; the image must be 2**depth pixels high.
      convolutions: number of convolutions in each block, 1 or more.
      step: pixels to the right for each step. By default the most, up to 4, for which there are
        twice as many steps as the longest text needs, and one: 2 and then 1 for dense writing.
      cell: `simple_rnn`, `gru` or `lstm`.
      units: units of each recurrent layer, in each direction, 1 or more.
      layers: number of recurrent layers, 1 or more.
      bidirectional: whether columns are also read from right to left.
      activation: after each convolution; relu unless another is given. Cells have tanh.
      initializer: initializer of kernels; by default the one that goes with the activation.
      bias_initializer: initializer of biases.
      l1, l2: weights of the penalties on kernels' absolute and squared values, each 0 or more.
      dropout: share of values dropped after each recurrent layer, in [0, 1).
      batch_norm: whether to normalize batches after each convolution, which then has no bias.
      most_weights: weights that one layer may have, 1 or more; a wider network is refused.
    """

    counts: ClassVar[tuple[str, ...]] = ("width", "depth", "convolutions", "units", "layers")
    serves: ClassVar[heads.Serves] = heads.STEPS

    width: int = 32
    depth: int = 3
    convolutions: int = 1
    step: Literal[1, 2, 4, 8] | None = None
    cell: Cell = "lstm"
    units: int = 64
    layers: int = 1
    bidirectional: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is not None and self.step > 2**self.depth:
            raise ValueError(
                f"step: expected {2**self.depth} pixels or fewer for depth {self.depth}, "
                f"found {self.step}."
            )

    def check_image(self, signature: Signature) -> None:
        """Refuses images that are too low, or too narrow for the longest text.

        Raises:
          TrainError: they are.
        """
        image = signature.image
        if image.height is None or image.height < 2**self.depth:
            raise TrainError(
                f"crnn: expected images of one height, at least {2**self.depth} pixels for depth "
                f"{self.depth}, found {image}. Resize them in finish, or lower depth."
            )
        step, longest = self._pixels(signature), _longest(signature)
        if image.width is not None and image.width // step < max(1, longest):
            raise TrainError(
                f"crnn: expected images of at least {max(1, longest) * step} pixels in width for "
                f"texts of {longest} steps, found {image}: a step is {step} pixels. "
                "Resize to more in finish" + (", or lower step." if step > 1 else ".")
            )

    def warnings(self, signature: Signature) -> tuple[str, ...]:
        """Says where few steps are left for each character."""
        said = super().warnings(signature)
        step, longest, width = self._pixels(signature), _longest(signature), signature.image.width
        if width is None or width // step >= 2 * longest + 1:
            return said
        return (
            *said,
            f"crnn: images of {signature.image} give {width // step} steps to the right, the "
            f"longest text needs {longest}: expected {2 * longest + 1} for one that can be learnt "
            "well. Resize to more in finish.",
        )

    def build(self, signature: Signature) -> "keras.Model":
        """Returns the network for a signature; raises as `check` does."""
        import keras

        inputs = self.image(signature)
        sequence = recurrent(
            self,
            self._columns(inputs, self._pixels(signature)),
            cell=self.cell,
            units=self.units,
            layers=self.layers,
            bidirectional=self.bidirectional,
            whole=True,
            after=self.dropped,
        )
        texts = heads.steps(sequence, signature, self.kernel_options)
        rows: dict[str, Any] = {}
        if heads.sized(signature, 1):
            mean = keras.layers.GlobalAveragePooling1D(name="mean")(sequence)
            rows = heads.rows(mean, signature, self.kernel_options)
        return self.model(inputs, heads.outputs(signature, texts, rows))

    def _columns(self, x: Any, step: int) -> Any:
        """Makes `(N, W / step, features)` of images `(N, H, W, C)`."""
        import keras

        for block in range(self.depth):
            name, pool = f"block{block}", (2, 2 if 2**block < step else 1)
            x = blocks.stack(self, x, self.width * 2**block, name, count=self.convolutions)
            x = keras.layers.MaxPooling2D(pool, name=f"{name}_pool")(x)
        _, height, width, filters = x.shape
        x = keras.layers.Permute((2, 1, 3), name="columns_first")(x)
        steps = -1 if width is None else width
        return keras.layers.Reshape((steps, height * filters), name="columns")(x)

    def _pixels(self, signature: Signature) -> int:
        """Returns the pixels to the right for each step."""
        if self.step is not None:
            return self.step
        allowed = [each for each in _STEPS if each <= 2**self.depth]
        width, wanted = signature.image.width, 2 * _longest(signature) + 1
        return next((each for each in allowed if width is None or width // each >= wanted), 1)


def _longest(signature: Signature) -> int:
    """Returns how many steps the longest text needs, as far as that is known."""
    texts = [each for each in signature.targets.values() if isinstance(each, Text)]
    return max((each.longest for each in texts), default=0)
