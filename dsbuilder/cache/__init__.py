"""The built artefact on disk: codecs, manifest, ledger, fingerprints, and where files lie.

codec.py        what a codec is; tfrecord.py and npy.py are the two
manifest.py     what the dataset is
ledger.py       how each sample came to be
fingerprint.py  the hash of everything that determines a sample's bytes
store.py        names of files and folders, atomic writing, checksums
"""

from collections.abc import Mapping

from dsbuilder.cache.codec import Codec
from dsbuilder.cache.npy import NpyCodec
from dsbuilder.cache.tfrecord import TFRecordCodec

CODECS: Mapping[str, type[Codec]] = {codec.name: codec for codec in (TFRecordCodec, NpyCodec)}

__all__ = ["CODECS", "Codec", "NpyCodec", "TFRecordCodec"]
