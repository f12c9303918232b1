"""What a codec is: it turns samples into bytes and files, and files back into samples.

Every codec stores a sample as one `tf.train.Example`: `image`, `key`, and the features of its
targets. What differs is how a shard's examples become files (`write`) and are found again (`open`).
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from dsbuilder.errors import CacheError, DataError
from dsbuilder.images import encoding as image_format
from dsbuilder.records import example
from dsbuilder.sample import CHANNELS, Mode, Sample, Signature, Target
from dsbuilder.targets.stored import IMAGE, KEY

ImageFormat = Literal["jpeg", "png", "raw"]
_MODES: dict[int, Mode] = {channels: mode for mode, channels in CHANNELS.items()}


class ShardReader(Protocol):
    """An open shard."""

    def read(self, offset: int, length: int) -> bytes:
        """Returns the stored bytes of the sample that the ledger places there."""

    def columns(self, *features: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns of each feature the values of all samples in order, and how many each has.

        Args:
          features: names of those that hold numbers or texts.

        Raises:
          CacheError: a file is damaged.
        """

    def count(self) -> int:
        """Returns how many samples the shard's own files hold.

        Raises:
          CacheError: they are damaged or disagree.
        """


@dataclass(frozen=True, kw_only=True)
class Codec(ABC):
    """Encodes and decodes one shard.

    Attributes:
      signature: signature of every sample.
      image: how pixels are stored.
      quality: quality of JPEG.
    """

    name: ClassVar[str]
    signature: Signature
    image: ImageFormat
    quality: int = 95

    @abstractmethod
    def files(self, stem: str) -> tuple[str, ...]:
        """Returns the names of the files that a shard consists of."""

    @abstractmethod
    def write(self, folder: Path, stem: str, payloads: Iterable[bytes], count: int) -> list[int]:
        """Writes `count` encoded samples in order and returns the offset of each."""

    @abstractmethod
    def open(self, folder: Path, stem: str) -> ShardReader:
        """Returns a reader of a shard.

        Raises:
          CacheError: a file of the shard is missing or is not what it should be.
        """

    def encode(self, sample: Sample) -> bytes:
        """Returns a sample as the bytes of one Example."""
        image = self._encode_image(sample.image)
        return example.encode(
            {IMAGE: image, KEY: sample.key.encode(), **self.encode_targets(sample)}
        )

    def encode_targets(self, sample: Sample) -> dict[str, example.Value]:
        """Returns what is stored of a sample's targets."""
        features: dict[str, example.Value] = {}
        for name, target in self.signature.targets.items():
            features.update(target.encode(name, sample.targets[name]))
        return features

    def _encode_image(self, image: np.ndarray) -> bytes:
        if self.image == "raw":
            return np.ascontiguousarray(image).tobytes()
        return image_format.encode(image, self.image, quality=self.quality)

    def decode(self, payload: bytes) -> Sample:
        """Returns the sample of one Example.

        Raises:
          CacheError: it is none of the signature.
        """
        features = example.decode(payload)
        targets = self.decode_targets(features)
        with decoding():
            image = self.decode_image(features[IMAGE][0])
            key = features[KEY][0].decode()
        return Sample(key=key, image=image, targets=targets, positional=self._positional)

    def sample(self, shard: ShardReader, offset: int, length: int) -> Sample:
        """Returns the sample that the ledger places there, which may lie in the shard's own memory.

        Args:
          shard: as `open` returned it.

        Raises:
          CacheError: there is none, or it is none of the signature.
        """
        return self.decode(shard.read(offset, length))

    def decode_targets(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values of a sample's targets, by name.

        Raises:
          CacheError: they are none of the signature.
        """
        kinds = self.signature.targets
        with decoding():
            return {name: target.decode(name, features) for name, target in kinds.items()}

    @cached_property
    def _positional(self) -> Mapping[str, Target]:
        return self.signature.positional

    def decode_image(self, data: bytes) -> np.ndarray:
        """Returns the pixels of a stored image, `(H, W, C)`."""
        image_signature = self.signature.image
        if self.image == "raw":
            return np.frombuffer(data, image_signature.dtype).reshape(fixed_shape(self.signature))
        return image_format.decode(data, mode=_MODES[image_signature.channels])


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Lets what a stored sample makes fail that is none of its signature be a CacheError."""
    try:
        yield
    except (
        LookupError,
        ValueError,
        TypeError,
        ArithmeticError,
        AttributeError,
        DataError,
    ) as error:
        raise CacheError(
            f"expected a sample as the manifest describes it, found {type(error).__name__}: "
            f"{str(error).rstrip('.')}. Build the dataset again."
        ) from error


def fixed_shape(signature: Signature) -> tuple[int, int, int]:
    """Returns `(H, W, C)` of a signature whose images all have one size."""
    height, width, channels = signature.image.shape
    if height is None or width is None:
        raise CacheError(
            f"expected images of one size, found {signature.image}. "
            "Add {use: resize, size: [height, width]} to finish."
        )
    return (height, width, channels)
