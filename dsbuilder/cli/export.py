"""`dsbuilder export`: a dataset in another layout."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, warned

LAYOUTS = (
    "coco",
    "folder",
    "imagefolder",
    "npz",
    "ocr",
    "tfds",
    "voc",
    "webdataset",
    "yolo",
)
"""The names of `dsbuilder.export.EXPORTS`, which `--help` shall not import."""


@click.command()
@options.dataset
@click.option("--to", type=click.Choice(LAYOUTS), default="folder", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to make; one that is there must be empty.",
)
@options.as_json
def export(dataset: Path, to: str, out: Path, *, as_json: bool) -> None:
    """Write a dataset in another layout.

    coco: JSON files of boxes, masks, keypoints and captions, for pycocotools and others.
    folder: files split/class/image, for Hugging Face imagefolder, Keras, torchvision.
    imagefolder: metadata.jsonl beside the images, for Hugging Face imagefolder.
    npz: one file of numpy arrays, x_train, y_train, x_test, y_test and so on.
    ocr: a list of texts beside the images of each split, gt.txt, separated by tabs.
    tfds: a folder name/version of TFRecord files, for TensorFlow Datasets.
    voc: XML files of boxes, palette masks and lists, as Pascal VOC has them.
    webdataset: tar files of samples, for webdataset and Hugging Face.
    yolo: label files of boxes, keypoints or masks and data.yaml, for Ultralytics and others.
    """
    from dsbuilder.dataset import load
    from dsbuilder.export import export as write

    exported = write(load(dataset), out, to=to)
    total = sum(exported.samples.values())
    Screen(as_json=as_json).show(
        {
            "path": str(out.absolute()),
            "to": to,
            "samples": dict(exported.samples),
            "warnings": warned(),
        },
        lambda: line(f"{shown(out)}: {total} images"),
    )
