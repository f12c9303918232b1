"""Recurrent layers over a sequence, of three kinds of cell."""

from collections.abc import Callable
from typing import Any, Literal

from dsbuilder.builtin.models.initializers import Activation, initializer_of, paired
from dsbuilder.builtin.models.scratch import FromScratch

Cell = Literal["simple_rnn", "gru", "lstm"]
_LAYERS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}
_GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}


def recurrent(
    of: FromScratch,
    x: Any,
    *,
    cell: Cell,
    units: int,
    layers: int,
    bidirectional: bool,
    whole: bool,
    activation: Activation = "tanh",
    after: Callable[[Any, str], Any],
) -> Any:
    """Adds recurrent layers to a sequence `(N, steps, features)`.

    Recurrent kernels begin orthogonal, as Keras has them. With tanh a layer runs on the fast
    kernels that an accelerator has for it.

    Args:
      cell: `simple_rnn`; `gru` (Cho et al. 2014); `lstm` (Hochreiter and Schmidhuber 1997).
      units: units of each layer and direction.
      layers: number of layers, 1 or more.
      bidirectional: whether each layer also reads from the end, its outputs side by side.
      whole: whether the last layer yields all steps, and not only what is known at the end.
      activation: activation of the cells' states; gates have sigmoid. A network's initializer is
        for its own activation, and cells of another one have the initializer that goes with it.
      after: adds to the outputs of each layer what shall stand there, by the layer's name.
    """
    import keras

    for index in range(layers):
        name = f"recurrent{index}"
        of.check_weights(_GATES[cell] * units * (x.shape[-1] + units), name)
        options = of.kernel_options()
        if activation != of.function:
            options["kernel_initializer"] = initializer_of(paired(activation))
        layer = getattr(keras.layers, _LAYERS[cell])(
            units,
            activation=activation,
            return_sequences=whole or index < layers - 1,
            name=f"{name}_{cell}",
            **options,
        )
        if bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"{name}_both_ways")
        x = after(layer(x), name)
    return x
