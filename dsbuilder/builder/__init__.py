"""From a pipeline file to a published dataset.

survey.py     records, targets and splits, before an image is opened
inspecting.py the data inspected, and what a build does about what was found
split.py      which split each record belongs to
contents.py   what the records hold, as hashes
plan.py       every output sample, its place and its fingerprint
inventory.py  what of it an earlier build holds
task.py       what crosses a process boundary
shard.py      one shard task: the only place where pixels are made for the cache
originals.py  prepared originals, kept between builds
engines/      run shard tasks: in this process, in a pool of worker processes
publish.py    manifest, checksums, and the switch of the link
journal.py    what a build notes about itself
build.py      all of it in order

forecast.py   what a build would make, reuse and need, without building
planned.py    such a build against the one before, sample by sample
probe.py      a few samples made for real: what one costs

reopen.py     a built dataset's pipeline and source, to make a sample once more
replay.py     such a sample against the stored one
"""

from dsbuilder.builder.build import Built, build_dataset
from dsbuilder.builder.survey import Survey, load_spec, survey

__all__ = ["Built", "Survey", "build_dataset", "load_spec", "survey"]
