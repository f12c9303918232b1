"""What a verb says comes next: it can be copied, and it runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dsbuilder.cli.main import VERBS, main


def following(result: Result) -> list[list[str]]:
    """Returns the words of the commands that a verb ended with."""
    assert result.exit_code == 0, result.stderr
    _, found, told = result.stdout.rpartition("next: ")
    assert found, result.stdout
    return [shlex.split(each) for each in told.splitlines()]


def run(words: list[str]) -> Result:
    assert words[0] == "dsbuilder" and words[1] in VERBS
    return CliRunner().invoke(main, words[1:])


def test_what_comes_next_can_be_typed_from_the_folder_to_the_training(pets: Path, call) -> None:
    shutil.move(pets / "source", pets / "my pets")
    step = following(call("init", "my pets", "--output", "it's mine.yaml"))
    assert [words[1] for words in step] == ["inspect", "preview", "build"]
    assert all(words[2] == "it's mine.yaml" for words in step)
    inspected, past = following(run(step[0]))
    assert past == step[2]
    (built,) = following(run(step[1]))
    assert built == step[2]
    shown, trained = following(run(built))
    assert shown == ["dsbuilder", "preview", "out/my_pets/1.0.0"]
    assert trained == ["dsbuilder", "train", "it's mine.yaml"]
    assert following(run(shown)) == [["dsbuilder", "train", "out/my_pets/1.0.0"]]
    assert run([*inspected]).exit_code == 0


def test_what_a_pipeline_was_asked_with_is_said_again(pets: Path, call) -> None:
    (pets / "more").mkdir()
    (pets / "patch.yaml").write_text("augment.copies: 2\n")
    given = ["--set", "name=two", "--patch", "patch.yaml", "--plugins", "more"]
    (built,) = following(call("plan pets.yaml --out there", *given))
    assert built[:3] == ["dsbuilder", "build", "pets.yaml"]
    assert built[3:] == [
        *("--set", "name=two", "--patch", "patch.yaml", "--plugins", "more", "--out", "there"),
    ]
    shown, trained = following(run(built))
    assert shown[2] == "there/two/1.0.0"
    assert trained[2:] == built[2:]


def test_a_dataset_leads_from_one_verb_to_the_next(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    assert following(call("info out/pets")) == [
        ["dsbuilder", "preview", "out/pets/1.0.0"],
        ["dsbuilder", "train", "out/pets/1.0.0"],
    ]
    call("build pets.yaml --workers 0 --set version=1.1.0 --set augment.copies=2")
    (explained,) = following(call("diff out/pets/1.0.0 out/pets/1.1.0"))
    (again,) = following(run(explained))
    assert again[1] == "replay"
    assert "all equal" in run(again).stdout


@pytest.mark.parametrize("verb", ["check", "plan", "preview", "build"])
def test_json_says_no_more_than_the_document(pets: Path, call, verb: str) -> None:
    assert not re.search("next:", call(f"{verb} pets.yaml --json").stdout)


EXPORTERS = ("coco", "folder", "imagefolder", "npz", "ocr", "tfds", "voc", "webdataset", "yolo")


def test_an_export_is_what_init_reads_and_a_sound_dataset_is_trained(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    assert following(call("verify out/pets")) == [["dsbuilder", "train", "out/pets"]]
    read = []
    for layout in EXPORTERS:
        exported = call(f"export out/pets/1.0.0 --to {layout} --out there-{layout}")
        if exported.exit_code:
            assert "expected" in exported.stderr  # a class is no text, say, nor a box
            continue
        (step,) = following(exported)
        assert step == ["dsbuilder", "init", f"there-{layout}"]
        assert run(step).exit_code == 0, run(step).stderr
        read.append(layout)
    assert {"folder", "imagefolder", "npz", "tfds", "webdataset"} <= set(read)


def test_a_machine_that_has_everything_leads_to_a_folder(call) -> None:
    assert following(call("doctor")) == [["dsbuilder", "init", "FOLDER"]]
