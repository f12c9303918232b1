"""`dsbuilder export`: a dataset in another layout."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dsbuilder.actions.plugins import registry_here

    folders = options.folders(ctx.params.get("plugin_folders") or ())
    found = registry_here(folders).of_kind("exporter")
    return [
        CompletionItem(each.name, help=each.summary)
        for each in found
        if each.name.startswith(incomplete)
    ]


@click.command()
@options.dataset
@click.option(
    "--to",
    default="folder",
    show_default=True,
    metavar="NAME",
    shell_complete=_complete,
    help="The layout: one of those above, or an exporter of a plugin.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to make; one that is there must be empty.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the exporter. May be repeated.",
)
@click.option(
    "--card",
    is_flag=True,
    help="Write a card, all samples as lines and Croissant metadata into it: of folder, "
    "imagefolder and webdataset.",
)
@options.plugins
@options.as_json
def export(
    dataset: Path,
    to: str,
    out: Path,
    assignments: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    card: bool,
    as_json: bool,
) -> None:
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
    from dsbuilder.actions.export import export as run
    from dsbuilder.dataset import load

    screen = Screen(as_json=as_json)
    with progress.samples(screen, before="opening the dataset") as report:
        found = run(
            load(dataset),
            out,
            to=to,
            options=assignments,
            plugins=options.folders(plugin_folders),
            on_progress=report,
            card=card,
        )
    total = sum(found.samples.values())

    def draw() -> None:
        line(f"{shown(out)}: {total} images")
        follow(("init", out))

    screen.show(found, draw)
