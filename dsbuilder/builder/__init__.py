"""From a pipeline file to a published dataset.

survey.py      records, targets and splits, before an image is opened
split.py       which split each record belongs to
grouping.py    records that belong together, dealt as one
subset.py      which part of the train split is built
group_evidence.py  when pictures were taken and what they show, read once
inspecting.py  the data inspected, and what a build does about what was found
balance.py     how many samples a class gets more, and what they are made of
plan.py        every output sample, its place and its fingerprint
inventory.py   what of it an earlier build holds
task.py        what crosses a process boundary
shard.py       one shard task: samples made root by root, written in the shard's order
journal.py     samples that wait for the others of their shard, and outlast an interruption
samples.py     a root -> its samples: the one place that makes pixels for the cache
shard_role.py  the role of a worker process that makes shards
originals.py   prepared originals, kept between builds
engines/       run shard tasks: in this process, in a pool of worker processes
publish.py     manifest, checksums, the build's log, the final name; whether a build is whole
up_to_date.py  whether there is anything to do, told from the times of files
build.py       all of it in order

forecast.py    what a build would make, reuse and need, without building
probe.py       a few samples made for real: what one costs

bank.py        images that a generator drew, as a sealed dataset
replay.py      a sample of a built dataset made once more, against the stored one
"""

from dsbuilder.builder.build import Built, build_dataset
from dsbuilder.builder.survey import Survey, load_spec, survey

__all__ = ["Built", "Survey", "build_dataset", "load_spec", "survey"]
