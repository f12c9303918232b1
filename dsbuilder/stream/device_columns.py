"""What a batch holds for the stages on the device: their params, where pixels go, and partners.

Columns are called `device/N/NAME`, N being the place of a stage among those on the device:

* `on` bool `(B,)`: which samples it is applied to;
* each of the plugin's `batch_params`;
* `matrices`, `inverses` float32 `(B, 3, 3)` where targets are moved;
* of a mixer `weights` float32 `(B, 1 + n)`, and `partner` int32 `(B, n)`, places of its partners in
  the batch, where samples are handed over as they are stored; else the partners themselves,
  `partner/I/image` and the columns of their targets, `partner/I/COLUMN`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dsbuilder.images.scale import fit
from dsbuilder.pipeline.on_device import Drawn, OnDevice
from dsbuilder.pipelinefile.stages import MixStage
from dsbuilder.plugin.batching import stacked_motions, stacked_params
from dsbuilder.sample import Sample, Signature
from dsbuilder.stream.columns import Column, columns_of

PREFIX = "device/"

Spec = tuple[str, tuple[int | None, ...]]
"""Dtype and shape of a column, without the axis of samples."""


def device_columns(
    device: OnDevice,
    drawn: Sequence[Sequence[Drawn]],
    chosen: Sequence[Sequence[int]],
    stored: Sequence[Sample],
) -> dict[str, np.ndarray]:
    """Returns the columns of a batch.

    Args:
      drawn: of each sample, what every stage on the device drew.
      chosen: places of each sample's partners.
      stored: the samples of the batch as they are stored.
    """
    found: dict[str, np.ndarray] = {}
    for number, stage in enumerate(device.stages):
        own = [each[number] for each in drawn]
        columns = stacked_params(stage.plugin, [each.params for each in own])
        if device.moving[number]:
            columns |= stacked_motions([each.motion for each in own])
        if isinstance(stage, MixStage):
            columns["weights"] = _weights(stage, own)
            columns |= _partners(device, number, chosen, stored)
        found |= {f"{PREFIX}{number}/{name}": array for name, array in columns.items()}
    return found


def _weights(stage: MixStage, drawn: Sequence[Drawn]) -> np.ndarray:
    alone = (1.0, *(0.0 for _ in range(stage.plugin.partners)))
    rows = [alone if e.params is None else stage.plugin.weights(e.params) for e in drawn]
    return np.array(rows, np.float32)


def _partners(
    device: OnDevice, number: int, chosen: Sequence[Sequence[int]], stored: Sequence[Sample]
) -> dict[str, np.ndarray]:
    if device.from_cache:
        return {"partner": np.array(chosen, np.int32)}
    before = device.signatures[number]
    size = (before.image.height or 0, before.image.width or 0)
    varies = len({each.image.shape for each in stored}) > 1 or _is_varied(device)
    found = {}
    for place in range(len(chosen[0])):
        others = [stored[each[place]] for each in chosen]
        images = [fit(e.image, size, fit="crop") if varies else e.image for e in others]
        found[f"partner/{place}/image"] = np.stack(images)
        for column in _stored_columns(device.cached):
            kind = device.cached.targets[column.target]
            found[f"partner/{place}/{column.name}"] = column.stack(others, kind)
    return found


def _is_varied(device: OnDevice) -> bool:
    return device.cached.image.height is None or device.cached.image.width is None


def _stored_columns(signature: Signature) -> Iterator[Column]:
    for name, kind in signature.targets.items():
        yield from columns_of(name, kind)


def device_specs(device: OnDevice) -> dict[str, Spec]:
    """Returns what `device_columns` returns, by name."""
    found: dict[str, Spec] = {}
    for number, stage in enumerate(device.stages):
        own: dict[str, Spec] = {"on": ("bool", ())}
        own |= {name: (each.dtype, each.shape) for name, each in stage.plugin.batch_params.items()}
        if device.moving[number]:
            own |= dict.fromkeys(("matrices", "inverses"), ("float32", (3, 3)))
        if isinstance(stage, MixStage):
            count = stage.plugin.partners
            own["weights"] = ("float32", (1 + count,))
            own |= _partner_specs(device, number, count)
        found |= {f"{PREFIX}{number}/{name}": spec for name, spec in own.items()}
    return found


def _partner_specs(device: OnDevice, number: int, count: int) -> dict[str, Spec]:
    if device.from_cache:
        return {"partner": ("int32", (count,))}
    image = (device.signatures[number] if _is_varied(device) else device.cached).image
    found: dict[str, Spec] = {}
    for place in range(count):
        found[f"partner/{place}/image"] = (image.dtype, image.shape)
        for column in _stored_columns(device.cached):
            shape = column.shape(image.shape)
            found[f"partner/{place}/{column.name}"] = (column.feature.dtype, shape)
    return found


def restricted(device: OnDevice, names: Mapping[str, Any]) -> OnDevice:
    """Returns the same for some targets alone."""

    def of(signature: Signature) -> Signature:
        kept = {name: kind for name, kind in signature.targets.items() if name in names}
        return signature.replace(targets=kept)

    return replace(device, signatures=tuple(map(of, device.signatures)), cached=of(device.cached))
