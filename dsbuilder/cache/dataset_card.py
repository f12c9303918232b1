"""A dataset as a Hugging Face dataset card: `README.md`, with a YAML head that the Hub reads.

All of it follows from the manifest, so equal builds have equal cards. It lies beside the files that
have a checksum: whoever publishes a dataset writes into it what no program knows (where the images
are from, who may use them), and the dataset stays what was built.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dsbuilder.cache.manifest import Manifest
from dsbuilder.errors import printable

TASKS = {
    "class": "image-classification",
    "multi_label": "image-classification",
    "boxes": "object-detection",
    "instances": "image-segmentation",
    "mask": "image-segmentation",
    "keypoints": "keypoint-detection",
    "text": "image-to-text",
}
"""Kind of target -> the category of tasks by which the Hub finds datasets."""

_SIZES = ((1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10**7, "10M"))
_MOST_CLASSES = 100


def card(manifest: Manifest, *, layout: str | None = None) -> str:
    """Returns the text of the card; equal manifests give equal texts.

    Args:
      layout: layout of the folder that the card is for, of an export; None for the dataset's own.
    """
    opening = _opening(manifest) if layout is None else _opening_export(layout)
    sections = (*(each(manifest) for each in (_about, _splits, _classes, _making)), opening)
    body = "\n\n".join("\n".join(each) for each in sections)
    return f"{head(_head(manifest))}\n{body}\n"


def sentence(manifest: Manifest) -> str:
    """Returns what a dataset is, in a sentence."""
    counts = ", ".join(f"{split} {manifest.num_samples(split)}" for split in manifest.splits)
    return f"Images with {_labels(manifest)}, made by dsbuilder: {counts}."


def _labels(manifest: Manifest) -> str:
    kinds = manifest.signature.targets.items()
    return ", ".join(f"{name} ({kind})" for name, kind in kinds) or "no labels"


def head(values: Mapping[str, Any]) -> str:
    """Returns the YAML head of a card; JSON is YAML, a value a line."""
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    return f"---\n{''.join(lines)}---\n"


def cell(text: object) -> str:
    """Returns a text for a table of Markdown: a name of a class or file does no harm there."""
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(printable(str(text)), quote=False))


_MARKDOWN = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")
"""What Markdown takes for a mark; not a line below between letters."""


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yields the lines of a table of Markdown."""
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield f"| {' | '.join(cell(each) for each in row)} |"


def _head(manifest: Manifest) -> dict[str, Any]:
    tasks = (TASKS.get(kind.kind) for kind in manifest.signature.targets.values())
    total = sum(manifest.num_samples(split) for split in manifest.splits)
    return {
        "pretty_name": manifest.name,
        "license": "unknown",
        "task_categories": list(dict.fromkeys(task for task in tasks if task is not None)),
        "size_categories": [_size(total)],
        "tags": ["dsbuilder", "image"],
    }


def _size(total: int) -> str:
    below = "n<1K"
    for (least, word), (_, most) in zip(_SIZES, (*_SIZES[1:], (0, "100M")), strict=True):
        below = f"{word}<n<{most}" if total >= least else below
    return below


def _about(manifest: Manifest) -> Iterator[str]:
    signature = manifest.signature
    yield f"# {cell(manifest.name)} {manifest.version}"
    yield ""
    labels = "these labels:" if signature.targets else "no labels."
    yield f"Every sample has an image, {signature.image}, stored as {manifest.image}, and {labels}"
    yield ""
    for name, kind in signature.targets.items():
        yield f"- {cell(name)}: {cell(kind)}"


def _splits(manifest: Manifest) -> Iterator[str]:
    yield "## Splits"
    yield ""
    rows = (
        (split, manifest.num_samples(split), len(shards), sum(each.size_bytes for each in shards))
        for split, shards in manifest.splits.items()
    )
    yield from table(("split", "samples", "shards", "bytes"), rows)
    if manifest.quarantined:
        yield ""
        yield f"{manifest.quarantined} samples could not be made; `quarantine.jsonl` says why."


def _classes(manifest: Manifest) -> Iterator[str]:
    counts = {split: manifest.class_counts(split) for split in manifest.splits}
    known = [name for kind in manifest.signature.targets.values() for name in kind.class_names]
    names = list(dict.fromkeys((*known, *(name for each in counts.values() for name in each))))
    yield "## Classes"
    yield ""
    if not names:
        yield "There are none."
        return
    rows = [(name, *(each.get(name, 0) for each in counts.values())) for name in names]
    yield from table(("class", *counts), rows[:_MOST_CLASSES])
    if len(rows) > _MOST_CLASSES:
        yield ""
        yield f"{len(rows) - _MOST_CLASSES} more are in `metadata.json`."


def _making(manifest: Manifest) -> Iterator[str]:
    yield "## How it was made"
    yield ""
    yield (
        "By dsbuilder, from the pipeline in `pipeline.json`, to the byte: the same source and the "
        "same versions give the same files. The ledgers (`*.ledger.jsonl`) say of every sample "
        "which record it was made of, and what each stage drew."
    )
    yield ""
    yield from table(
        ("", ""),
        (
            ("seed", manifest.seed),
            ("fingerprint", manifest.fingerprint),
            ("reproducible", "yes" if manifest.reproducible else "no: a sample was lost to chance"),
            ("built on", manifest.machine),
            *manifest.packages.items(),
        ),
    )
    if manifest.stages:
        yield ""
        yield from table(
            ("stage", "plugin", "version"),
            ((name, each.plugin, each.version) for name, each in manifest.stages.items()),
        )
    for warning in manifest.warnings:
        yield ""
        yield f"- {cell(warning)}"


def _opening_export(layout: str) -> Iterator[str]:
    yield "## How to open it"
    yield ""
    yield "```python"
    yield "from datasets import load_dataset"
    yield ""
    word = "webdataset" if layout == "webdataset" else "imagefolder"
    yield f'dataset = load_dataset("{word}", data_dir=".")  # this folder'
    yield "```"


def _opening(manifest: Manifest) -> Iterator[str]:
    split = next(iter(manifest.splits), "train")
    yield "## How to open it"
    yield ""
    yield "```python"
    yield "import dsbuilder"
    yield ""
    yield 'dataset = dsbuilder.load(".")  # this folder'
    yield f'for sample in dataset.samples("{split}"):'
    yield "    print(sample.key, sample.image.shape, sample.targets)"
    yield f'stream = dataset.stream("{split}", batch_size=32)  # a tf.data.Dataset'
    yield "```"
    if manifest.codec == "tfrecord":
        yield ""
        yield "```python"
        yield "import tensorflow_datasets as tfds"
        yield ""
        yield 'dataset = tfds.builder_from_directory(".").as_dataset()'
        yield "```"
    yield ""
    yield (
        "`dsbuilder export --to imagefolder` writes it for `datasets.load_dataset`, "
        "`dsbuilder card` writes Croissant metadata beside it."
    )
