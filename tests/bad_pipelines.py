"""Pipelines that users get wrong, each with the whole message; what a schema can say of them.

`{here}` in a message stands for the current folder. Every case starts from `source/{cat,dog}` with
eight images each.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image


class Case(NamedTuple):
    """A pipeline below `name: pets`, what else is done to the folder, and what is said about it.

    `of_form` says that the mistake can be seen in the text alone, value by value: an editor does.
    """

    pipeline: str
    message: str
    code: int
    prepare: Callable[[Path], object] = Path.exists
    of_form: bool = False


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_text(text)


def an_outsider(here: Path) -> None:
    Image.new("RGB", (9, 9)).save(here / "outside.png")
    (here / "list.txt").write_text("cat/0.png cat\n../outside.png dog\n")


def a_link_out(here: Path) -> None:
    Image.new("RGB", (9, 9)).save(here / "outside.png")
    (here / "source" / "cat" / "link.png").symlink_to(here / "outside.png")
    (here / "list.txt").write_text("cat/link.png cat\ndog/0.png dog\n")


def all_broken(here: Path) -> None:
    for path in (here / "source" / "cat").iterdir():
        path.write_bytes(b"junk")


NO_IMAGE = (
    "DataError: expected an image (PNG, JPEG, WebP, BMP, GIF, TIFF), found 4 bytes that start with "
    "b'junk': another format, or a header that is cut. Convert or replace the file."
)
FOLDER = "source: {use: folder, path: source}\n"
LIST = "source: {use: list, path: source, list: list.txt}\n"

CASES = {
    "a missing folder": Case(
        "source: {use: folder, path: nothing}",
        "error: p.yaml:2: source.path: there is no file or folder 'nothing', seen from {here}. "
        "Check the path.\n",
        2,
    ),
    "a missing folder that is called nearly so, and what else is wrong": Case(
        "source: {use: folder, path: sorce}\nfinsh: []\ntrain: {model: cnn, epochs: 0}",
        "error: p.yaml:2: source.path: there is no file or folder 'sorce', seen from {here}. "
        "Did you mean 'source'?\n"
        "error: p.yaml:3: finsh: unknown key 'finsh'. Did you mean 'finish'?\n"
        "error: p.yaml:4: train: epochs: expected 1 or more, found 0.\n",
        2,
        of_form=True,
    ),
    "one of several sources that is missing": Case(
        "source:\n  use: several\n  sources:\n    one: {use: folder, path: source}\n"
        "    two: {use: folder, path: ../elsewhere}",
        "error: p.yaml:6: source.sources.two.path: there is no file or folder '../elsewhere', seen "
        "from {here}. Check the path.\n",
        2,
    ),
    "an empty folder": Case(
        "source: {use: folder, path: empty}",
        "error: {here}/empty: there are no images as class/image or split/class/image. "
        "Images end in png, jpg, jpeg, webp, bmp, gif, tif, tiff.\n",
        1,
        lambda here: (here / "empty").mkdir(),
    ),
    "a list line naming a file that is not there": Case(
        LIST,
        "error: {here}/list.txt:2: expected a file below {here}/source, found no 'cat/none.png'. "
        "Correct the line.\n",
        1,
        write("list.txt", "cat/0.png cat\ncat/none.png dog\n"),
    ),
    "a list line naming a file outside of the source": Case(
        LIST,
        "error: {here}/list.txt:2: expected a path without '..', found '../outside.png'. "
        "Correct the line.\n",
        1,
        an_outsider,
    ),
    "a list line naming a link that leads outside of the source": Case(
        LIST,
        "error: {here}/list.txt:1: expected a file below {here}/source, found 'cat/link.png', "
        "which links to {here}/outside.png. Correct the line.\n",
        1,
        a_link_out,
    ),
    "a label that classes does not name": Case(
        "source: {use: list, path: source, list: list.txt, classes: [cat, dog]}",
        "error: {here}/list.txt:2: expected one of the 2 classes, found 'dgo'. Did you mean 'dog'? "
        "Correct the line or add it to `classes`.\n",
        1,
        write("list.txt", "cat/0.png cat\ndog/0.png dgo\n"),
    ),
    "a duplicate key": Case(
        LIST,
        "error: {here}/list.txt:3: expected every image once, found 'cat/0.png' again, which "
        "{here}/list.txt:1 lists. Remove one of the lines.\n",
        1,
        write("list.txt", "cat/0.png cat\ndog/0.png dog\ncat/0.png cat\n"),
    ),
    "more unreadable images than are allowed": Case(
        f"{FOLDER}split: {{train: 1}}",
        "error: 8 of 16 records cannot be made: expected at most 0.1 (build.max_quarantined), "
        f"found the first: cat/0.png: source: {NO_IMAGE} Repair them or allow more.\n",
        1,
        all_broken,
    ),
    "an unreadable image where the pipeline says to stop": Case(
        f"{FOLDER}split: {{train: 1}}\nbuild: {{on_error: stop}}",
        f"error: cat/0.png: expected a sample, found an error at source: {NO_IMAGE} "
        "Repair or remove the file, or set build.on_error to quarantine.\n",
        1,
        all_broken,
    ),
    "an unknown plugin": Case(
        "source: {use: foldr, path: source}",
        "error: p.yaml:2: source: unknown source 'foldr'. Did you mean 'folder'?\n",
        2,
        of_form=True,
    ),
    "a plugin of another kind": Case(
        "source: {use: resize, short: 8}",
        "error: p.yaml:2: source: expected a source, found the transform 'resize'.\n",
        2,
        of_form=True,
    ),
    "options that are missing": Case(
        "synthesize: [{use: text_line}]",
        "error: p.yaml:2: synthesize[0]: the option 'fonts' is missing. Add it.\n"
        "error: p.yaml:2: synthesize[0].count: the number of samples to make is missing. "
        "Give 1 or more.\n",
        2,
        of_form=True,
    ),
    "an unknown option": Case(
        "source: {use: folder, path: source, clases: [cat, dog]}",
        "error: p.yaml:2: source.clases: unknown option 'clases'. Did you mean 'classes'?\n",
        2,
        of_form=True,
    ),
    "an unknown key": Case(
        f"{FOLDER}splitt: {{train: 1}}",
        "error: p.yaml:3: splitt: unknown key 'splitt'. Did you mean 'split'?\n",
        2,
        of_form=True,
    ),
    "a duplicate YAML key": Case(
        f"{FOLDER}name: cats",
        "error: p.yaml:3: expected each key once, found 'name' again (first at line 1). "
        "Remove one of them.\n",
        2,
    ),
    "wrong types, all at once": Case(
        "seed: many\nsource: {use: folder, path: source, follow_links: 3}\n"
        "augment: {copies: 1.5}\ncache: {codec: zip}",
        "error: p.yaml:2: seed: expected a whole number, found 'many'.\n"
        "error: p.yaml:3: source.follow_links: expected true or false, found 3.\n"
        "error: p.yaml:4: augment.copies: expected a whole number, found 1.5.\n"
        "error: p.yaml:5: cache.codec: expected one of tfrecord, npy, found 'zip'.\n",
        2,
        of_form=True,
    ),
    "shares that do not sum to 1": Case(
        f"{FOLDER}split: {{train: 0.8, test: 0.3}}",
        "error: p.yaml:3: split: expected shares that sum to 1, found 0.8 + 0.3 = 1.1.\n",
        2,
    ),
    "branches that end in different signatures": Case(
        f"{FOLDER}prepare: [{{use: resize, size: [16, 16]}}]\n"
        "augment: {stages: [{use: resize, size: [8, 8]}]}",
        "error: p.yaml:1: expected every branch to end in one signature, found image 16x16x3 "
        "uint8; label: class of 2 from the original and image 8x8x3 uint8; label: class of 2 "
        "from its variants. Let finish bring them together, say with "
        "{{use: resize, size: [96, 96]}}.\n",
        2,
    ),
    "what is not YAML": Case(
        "source: [",
        "error: p.yaml:3: expected YAML, found what cannot be parsed: expected the node content, "
        "but found '<stream end>'. Correct this line.\n",
        2,
    ),
}
