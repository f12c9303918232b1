"""What stages on the device are given of many samples: params and motions as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.plugin.mixers import Mixer
from dsbuilder.plugin.transforms import Transform
from dsbuilder.sample import Motion, Params

_WORDS = ("on", "matrices", "inverses", "weights")


def stacked_params(
    plugin: Transform | Mixer, drawn: Sequence[Params | None]
) -> dict[str, np.ndarray]:
    """Returns the params of many samples as a plugin's `batch_params` say, and `on`.

    Args:
      drawn: None of a sample that the stage leaves as it is, whose numbers are 0.

    Raises:
      PluginError: `to_batch` does not keep to `batch_params`.
    """
    rows = [None if params is None else plugin.to_batch(params) for params in drawn]
    arrays = {"on": np.array([row is not None for row in rows], np.bool_)}
    for name, param in plugin.batch_params.items():
        if name in _WORDS:
            raise PluginError(f"batch_params: expected another name than '{name}', which is taken.")
        array = np.zeros((len(rows), *param.shape), param.dtype)
        for place, row in enumerate(rows):
            if row is not None:
                array[place] = _value(row, name, param.shape)
        arrays[name] = array
    return arrays


def _value(row: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(row.get(name))
    if found.shape != shape or found.dtype == object:
        raise PluginError(
            f"expected from to_batch() numbers of the shape {shape} for '{name}', as batch_params "
            f"says, found {row.get(name)!r}."
        )
    return found


def stacked_motions(motions: Sequence[Motion | None]) -> dict[str, np.ndarray]:
    """Returns motions as `matrices` and `inverses`, float32 `(B, 3, 3)`; None moves nothing."""
    matrices = np.stack([np.eye(3) if each is None else each.matrix for each in motions])
    inverses = np.linalg.inv(matrices)
    return {
        "matrices": matrices.astype(np.float32),
        "inverses": inverses.astype(np.float32),
    }
