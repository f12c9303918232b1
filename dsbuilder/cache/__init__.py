"""The built artefact on disk: codecs, manifest, ledger, fingerprints, and where files lie.

codec.py        what a codec is
tfrecord.py     a shard as one TFRecord file, written and read without TensorFlow
npy.py          a shard as one array a feature, for memory mapping
manifest.py     what the dataset is
ledger.py       how each sample came to be
quarantine.py   the samples that were set aside
fingerprint.py  the hash of everything that determines a sample's bytes
index.py        what the records of a source hold, as hashes, and which files need not be read again
store.py        names of files and folders, atomic writing, checksums
leftovers.py    builds that no version stands for
build_log.py    when and how a build ran, and how it left its files
"""

from collections.abc import Mapping

from dsbuilder.cache.codec import Codec
from dsbuilder.cache.npy import NpyCodec
from dsbuilder.cache.tfrecord import TFRecordCodec

CODECS: Mapping[str, type[Codec]] = {codec.name: codec for codec in (TFRecordCodec, NpyCodec)}

__all__ = ["CODECS", "Codec", "NpyCodec", "TFRecordCodec"]
