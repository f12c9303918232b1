"""The built artefact on disk: codecs, manifest, ledger, fingerprints, and where files lie.

codec.py        what a codec is
tfrecord.py     a shard as one TFRecord file, written and read without TensorFlow
npy.py          a shard as one array a feature, for memory mapping
npy_joined.py   an array of several shards, mapped as one
manifest.py     what the dataset is
dataset_card.py  the same as a Hugging Face dataset card
ledger.py       how each sample came to be
quarantine.py   the samples that were set aside
fingerprint.py  the hash of everything that determines a sample's bytes
index.py        what the records of a source hold, as hashes, and which files need not be read again
store.py        names of files and folders, atomic writing, checksums
folders.py      folders of our own: marked, removed without following links, made to last
integrity.py    whether the files of a dataset are still what they were written as
temporary.py    a folder beside a target, in which an export becomes whole before it is moved there
leftovers.py    builds that no version stands for
build_log.py    when and how a build ran, how it left its files, and which `verify` blames
course.py       how a build went, which a report tells: times, counts, findings
"""

from collections.abc import Mapping

from dsbuilder.cache.codec import Codec
from dsbuilder.cache.npy import NpyCodec
from dsbuilder.cache.tfrecord import TFRecordCodec

CODECS: Mapping[str, type[Codec]] = {codec.name: codec for codec in (TFRecordCodec, NpyCodec)}

__all__ = ["CODECS", "Codec", "NpyCodec", "TFRecordCodec"]
