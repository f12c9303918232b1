"""What a user gets wrong: the whole message on stderr, and the exit code."""

import re
import shutil
from pathlib import Path

import pytest
from bad_pipelines import CASES, NO_IMAGE, Case


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
        f"           cat/3.png: source: {NO_IMAGE}\n"
        "report     out/pets/1.0.0/report.html\n\n"
        "next: dsbuilder preview out/pets/1.0.0\n      dsbuilder train pets.yaml\n"
    )


def test_a_missing_pipeline(folder: Path, call) -> None:
    result = call("check none.yaml")
    assert result.stderr == ("error: none.yaml: no such file. Check the path.\n")
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
        f"error: out/pets/1.0.0/{shard.name}: no such file of the dataset. "
        "Build the dataset again.\n"
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
        "error: out/pets/1.0.0: expected the dataset as it was built, found 3 problems. "
        "Build the dataset again.",
        f"  {shard.name} differs from its checksum",
    ]
    assert re.fullmatch(rf"  {shard.name}: byte \d+: .* \(the file is cut\)", lines[2])
    assert re.fullmatch(rf"  '.*': {shard.name}: byte \d+: .* \(the file is cut\)", lines[3])
    assert verified.exit_code == 1
    exported = call("export out/pets --out x")
    assert exported.stderr.startswith(f"error: out/pets/1.0.0/{shard.name}: byte ")
    assert exported.stderr.endswith("(the file is cut). Build the dataset again.\n")
    assert exported.exit_code == 1
    assert not (pets / "x").exists()


def test_a_folder_that_is_no_dataset(pets: Path, call) -> None:
    result = call("info source")
    assert result.stderr == (
        "error: source: expected a built dataset, found no manifest (metadata.json). "
        "Give the folder of a version, such as out/flowers/1.0.0. "
        "`dsbuilder init source` writes a pipeline, if these are images to build.\n"
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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "init pets.zip",
            "pets.zip: expected a folder of images, found a packed one. Unpack it with `python3 -m "
            "zipfile -e pets.zip pets`, and give pets.",
        ),
        (
            "train pets.zip",
            "pets.zip: expected a pipeline, found a file that is no text. Give a file in YAML "
            "(UTF-8).",
        ),
        (
            "evaluate pets.yaml",
            "pets.yaml: expected a run, found a pipeline. `dsbuilder train pets.yaml` makes one, "
            "and says where it lies.",
        ),
        (
            "predict pets.yaml source",
            "pets.yaml: expected a run, found a pipeline. `dsbuilder train pets.yaml` makes one, "
            "and says where it lies.",
        ),
        ("evaluate runs/pets-2", "runs/pets-2: no such run. Did you mean 'runs/pets-1'?"),
        ("predict runs/pet-1 source", "runs/pet-1: no such run. Did you mean 'runs/pets-1'?"),
        (
            "report runs/pets-1 none",
            "none: no such run. Give the folder of a run, such as runs/emoji-1.",
        ),
    ],
)
def test_a_wrong_turn_is_told_with_the_right_one(pets: Path, call, line: str, said: str) -> None:
    (pets / "runs/pets-1").mkdir(parents=True)
    shutil.make_archive("pets", "zip", pets, "source")
    result = call(line)
    assert result.stderr == f"error: {said}\n"
    assert result.exit_code in (1, 2)


def test_one_class_alone_is_told_before_a_training_is_begun(pets: Path, call) -> None:
    shutil.rmtree(pets / "source/dog")
    result = call("init source --output one.yaml")
    assert (
        "source: there is one class alone, where a classifier tells two or more apart, so no "
        in (result.stderr)
    )
    built = call("build one.yaml --workers 0")
    assert built.exit_code == 0
    assert built.stdout.endswith("next: dsbuilder preview out/source/1.0.0\n")
