"""Texts of plugin files that several tests write into a `plugins/` folder."""

DIMMED = '''\
"""A source that reads files in a way of its own."""

from dataclasses import dataclass

import cv2

from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.plugin import Catalog, Listing, Record, source


@source("dimmed")
@dataclass(frozen=True, kw_only=True)
class Dimmed(Folder):
    """Reads images darker.

    Attributes:
      by: the divisor.
    """

    by: int = 1

    def open(self) -> Catalog:
        return Dark(self)


@dataclass(frozen=True)
class Dark(Catalog):
    source: Dimmed

    def scan(self) -> Listing:
        return Folder(path=self.source.path).open().scan()

    def read(self, record: Record):
        return cv2.imread(str(record.path)) // (self.source.by * FACTOR)
'''

FLAG = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ClassLabel, ImageSignature, Sample, Signature, Synthesizer, synthesizer

@synthesizer("flag")
@dataclass(frozen=True, kw_only=True)
class Flag(Synthesizer):
    """Draws a flag of one color."""

    def output_signature(self, mode):
        image = ImageSignature(height=20, width=24, channels=3)
        return Signature(image=image, targets={"label": ClassLabel(names=("cat", "dog"))})

    def draw(self, rng):
        return {"red": int(rng.integers(256))}

    def render(self, key, params, mode):
        image = np.full((20, 24, 3), params["red"], np.uint8)
        return Sample(key=key, image=image, targets={"label": "dog"})
'''
