"""What a user gets wrong: the whole message on stderr, and the exit code.

`{here}` in a message stands for the current folder. Every case starts from `source/{cat,dog}` with
eight images each.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image


class Case(NamedTuple):
    """A pipeline below `name: pets`, what else is done to the folder, and what is said about it."""

    pipeline: str
    message: str
    code: int
    prepare: Callable[[Path], object] = Path.exists


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
        "error: {here}/nothing: no such folder. Check the path.\n",
        1,
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
    ),
    "a plugin of another kind": Case(
        "source: {use: resize, short: 8}",
        "error: p.yaml:2: source: expected a source, found the transform 'resize'.\n",
        2,
    ),
    "options that are missing": Case(
        "synthesize: [{use: text_line}]",
        "error: p.yaml:2: synthesize[0]: the option 'fonts' is missing. Add it.\n"
        "error: p.yaml:2: synthesize[0].count: the number of samples to make is missing. "
        "Give 1 or more.\n",
        2,
    ),
    "an unknown option": Case(
        "source: {use: folder, path: source, clases: [cat, dog]}",
        "error: p.yaml:2: source.clases: unknown option 'clases'. Did you mean 'classes'?\n",
        2,
    ),
    "an unknown key": Case(
        f"{FOLDER}splitt: {{train: 1}}",
        "error: p.yaml:3: splitt: unknown key 'splitt'. Did you mean 'split'?\n",
        2,
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


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_is_explained(case: Case, pets: Path, call) -> None:
    case.prepare(pets)
    (pets / "p.yaml").write_text(f"name: pets\n{case.pipeline}\n")
    result = call("build p.yaml --workers 0 --quiet")
    assert result.stderr == case.message.format(here=pets)
    assert result.stdout == ""
    assert result.exit_code == case.code


def test_an_unreadable_image_is_set_aside_with_its_reason(pets: Path, call) -> None:
    (pets / "source" / "cat" / "3.png").write_bytes(b"junk")
    result = call("build pets.yaml --workers 0")
    assert result.exit_code == 0
    assert result.stdout.endswith(
        "set aside  2 samples of 1 image, listed in out/pets/1.0.0/quarantine.jsonl\n"
        f"           cat/3.png: source: {NO_IMAGE}\n\n"
        "next: dsbuilder info out/pets/1.0.0\n"
    )


def test_a_missing_pipeline(folder: Path, call) -> None:
    result = call("check none.yaml")
    assert result.stderr == (
        "error: none.yaml: the file cannot be read (No such file or directory). Check the path.\n"
    )
    assert result.exit_code == 2


def test_a_train_section_that_does_not_fit_the_labels(pets: Path, call) -> None:
    with (pets / "pets.yaml").open("a") as file:
        file.write("train:\n  model: {use: unet}\n")
    result = call("check pets.yaml")
    assert result.stderr == (
        "error: pets.yaml:7: train.model: unet: expected a target that every pixel answers, such "
        "as a mask, found 'label' (class). Choose another with train.target, or a model that "
        "learns this one, such as cnn.\n"
    )
    assert result.exit_code == 2


def test_an_output_folder_that_cannot_be_written(pets: Path, call) -> None:
    (pets / "file.txt").touch()
    result = call("build pets.yaml --out file.txt/x --workers 0")
    assert result.stderr == (
        f"error: {pets}/file.txt/x/pets: the output folder cannot be written (Not a directory). "
        "Choose another with --out (in Python `out`).\n"
    )
    assert result.exit_code == 1


def test_a_picture_that_cannot_be_written(pets: Path, call) -> None:
    (pets / "file.txt").touch()
    result = call("preview pets.yaml --output file.txt/x.png")
    assert result.stderr == (
        "error: file.txt/x.png: the picture cannot be written (Not a directory). "
        "Choose another path.\n"
    )
    assert result.exit_code == 1


def test_an_export_that_cannot_be_written(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    (pets / "file.txt").touch()
    result = call("export out/pets --out file.txt/x")
    assert result.stderr == (
        "error: file.txt/x: expected a folder that can be written, found that it fails "
        "(Not a directory). Make room or choose another with --out (in Python `target`).\n"
    )
    assert result.exit_code == 1


@pytest.mark.parametrize("line", ["info out/pets", "export out/pets --out x"])
def test_a_dataset_with_a_missing_shard(line: str, pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    shard = next((pets / "out/pets/1.0.0").resolve().glob("*-train.tfrecord-*"))
    shard.unlink()
    result = call(line)
    assert result.stderr == (
        f"error: {shard}: no such file of the dataset. Build the dataset again.\n"
    )
    assert result.exit_code == 1


def test_a_dataset_with_a_cut_shard(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    shard = next((pets / "out/pets/1.0.0").resolve().glob("*-train.tfrecord-*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-10])
    verified = call("verify out/pets")
    lines = verified.stderr.splitlines()
    assert lines[:2] == [
        f"error: {shard.parent}: expected the dataset as it was built, found 3 problems. "
        "Build the dataset again.",
        f"  {shard.name} differs from its checksum",
    ]
    assert re.fullmatch(rf"  {shard.name}: byte \d+: .* \(the file is cut\)", lines[2])
    assert re.fullmatch(rf"  '.*': {shard.name}: byte \d+: .* \(the file is cut\)", lines[3])
    assert verified.exit_code == 1
    exported = call("export out/pets --out x")
    assert exported.stderr.startswith(f"error: {shard}: byte ")
    assert exported.stderr.endswith("(the file is cut). Build the dataset again.\n")
    assert exported.exit_code == 1
    assert not (pets / "x").exists()


def test_a_folder_that_is_no_dataset(pets: Path, call) -> None:
    result = call("info source")
    assert result.stderr == (
        f"error: {pets}/source: expected a built dataset, found no manifest (metadata.json). "
        "Give the folder of a version, such as out/flowers/1.0.0.\n"
    )
    assert result.exit_code == 1


def test_a_folder_of_plugins_that_is_not_there(pets: Path, call) -> None:
    result = call("check pets.yaml --plugins mine")
    assert result.stderr == (f"error: {pets}/mine: no such folder of plugins. Check the path.\n")
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "seed",
            "--set seed (in Python `overrides`): expected key=value, found no key or no '='. "
            "Write seed=3, say.",
        ),
        (
            "augment.stages[4].p=0",
            "--set augment.stages[4].p=0 (in Python `overrides`): expected a list of more than 4 "
            "entries at [4], found 1. Correct the index.",
        ),
        ("sed=3", "pets.yaml: sed: unknown key 'sed'. Did you mean 'seed'?"),
    ],
)
def test_a_wrong_assignment(assignment: str, message: str, pets: Path, call) -> None:
    result = call("check pets.yaml --set", assignment)
    assert result.stderr == f"error: {message}\n"
    assert result.exit_code == 2
