"""Banks that no GAN drew: shapes of gray, sealed as `dsbuilder synth sample` seals them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dsbuilder.builder.bank import DrawnImage, write_bank
from dsbuilder.plugin import ClassLabel, ImageSignature, Signature
from dsbuilder.records.bank import BankNote

SECTIONS = {"stream": {"batch_size": 32, "stages": [], "finish": []}}


def image(number: int, side: int = 16, channels: int = 3) -> np.ndarray:
    """A square that says which image it is."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, channels), dtype=np.uint8)
    pixels[:4, :4] = number
    return pixels


def write(
    folder: Path,
    labels: Sequence[str],
    *,
    names: Sequence[str] = ("cat", "dog", "owl"),
    channels: int = 3,
    rejected: int = 2,
) -> str:
    """Writes a bank with an image of each label; without names, one without classes."""
    target = "label" if names else None
    note = BankNote(
        gan="cgan" if names else "dcgan",
        model="00" * 32,
        dataset="pets 1.0.0",
        fingerprint="ab" * 16,
        seed=0,
        drawn=len(labels) + rejected,
        target=target,
        class_names=tuple(names),
        image=(16, 16, channels),
        gate={},
        rejected=tuple(
            {"number": len(labels) + each, "label": None, "reason": "copy"}
            for each in range(rejected)
        ),
        entries=(),
    )
    drawn = [
        DrawnImage(
            number=number,
            image=image(number, channels=channels),
            label=names.index(label) if names else None,
            drawn={"seed": 0, "class": label, "number": number},
        )
        for number, label in enumerate(labels)
    ]
    targets = {"label": ClassLabel(names=tuple(names))} if names else {}
    size = ImageSignature(height=16, width=16, channels=channels)
    return write_bank(
        folder,
        drawn,
        name="bank",
        note=note,
        signature=Signature(image=size, targets=targets),
        sections=SECTIONS,
        warnings=[],
    )
