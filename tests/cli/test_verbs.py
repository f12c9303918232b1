"""What each verb prints and leaves behind, on a real folder of images."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.report.canvas import PAPER

PLUGIN = '''
from dataclasses import dataclass
from dsbuilder.plugin import Sample, Transform, transform

@transform("invert", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Invert(Transform):
    """Turns every value over.

    Attributes:
      keep: the value that stays.
    """

    keep: int | None = None

    def apply(self, sample, params):
        return sample.replace(image=255 - sample.image)
'''


def test_check_says_what_would_be_built_and_opens_no_image(pets: Path, call) -> None:
    for path in (pets / "source").rglob("*.png"):
        path.write_bytes(b"no image at all")
    result = call("check pets.yaml")
    assert result.exit_code == 0
    assert result.stdout == (
        "pets 1.0.0\n"
        "signature       image 16x20x3 uint8; label: class of 2\n"
        "augment.stages  A.HorizontalFlip\n"
        "finish          resize size=[16, 20]\n"
        "\n"
        "8 variants, of which no stage touches about 4\n"
        "\n"
        "                 train  validation  test  all\n"
        "cat                  4           2     2    8\n"
        "dog                  4           2     2    8\n"
        "records              8           4     4   16\n"
        "samples to make     16           4     4   24\n"
        "\n"
        "The pipeline is right: 24 samples in 3 shards.\n"
        "next: dsbuilder build pets.yaml\n"
    )


def test_check_as_json(pets: Path, call) -> None:
    document = json.loads(call("check pets.yaml --json").stdout)
    assert document["samples"] == {"train": 16, "validation": 4, "test": 4}
    assert document["classes"]["train"] == {"cat": 4, "dog": 4}
    assert document["signature"]["image"]["height"] == 16
    assert document["stages"]["augment.stages"] == [
        {"id": "augment/A.HorizontalFlip", "use": "A.HorizontalFlip", "options": {}}
    ]
    assert document["warnings"] == []


def test_check_warns_on_stderr(pets: Path, call) -> None:
    (pets / "source" / "notes.txt").touch()
    result = call("check pets.yaml")
    assert result.stderr == f"warning: {pets}/source: 1 file was skipped: 1 .txt.\n"
    assert result.exit_code == 0


def test_what_albumentations_warns_of_is_said_once(pets: Path, call) -> None:
    with (pets / "pets.yaml").open("a") as file:
        file.write("prepare: [{use: A.ToRGB, p: 1}]\nstream: {stages: [{use: A.ToRGB}]}\n")
    lines = (pets / "pets.yaml").read_text().splitlines()
    expected = [
        f"pets.yaml:{len(lines) - 1}: prepare[0]: A.ToRGB: The image is already an RGB.",
        f"pets.yaml:{len(lines)}: stream.stages[0]: A.ToRGB: The image is already an RGB.",
    ]
    for verb in ("check", "plan --workers 1", "build --workers 1", "build --workers 1 --quiet"):
        result = call(f"{verb} pets.yaml")
        said = [line for line in result.stderr.splitlines() if "samples" not in line]  # progress
        assert said == [f"warning: {each}" for each in expected], verb
    assert json.loads(call("check pets.yaml --json").stdout)["warnings"] == expected


def test_a_class_does_not_control_the_terminal(pets: Path, call) -> None:
    (pets / "source/cat").rename(pets / "source/c\x1b[31mat")
    result = call("check pets.yaml")
    assert "\x1b" not in result.stdout
    assert r"c\x1b[31mat" in result.stdout


def test_build_says_what_was_made_and_what_to_do_next(pets: Path, call) -> None:
    first = call("build pets.yaml --workers 0")
    assert first.exit_code == 0
    assert first.stdout == (
        "         train  validation  test  all\n"
        "cat          8           2     2   12\n"
        "dog          8           2     2   12\n"
        "samples     16           4     4   24\n"
        "\n"
        "dataset  out/pets/1.0.0\n"
        "samples  24 made, 0 reused\n"
        "report   out/pets/1.0.0/report.html\n"
        "\n"
        "next: dsbuilder preview out/pets/1.0.0\n"
        "      dsbuilder train pets.yaml\n"
    )
    assert "samples  0 made, 24 reused\n" in call("build pets.yaml --workers 0").stdout
    assert dsbuilder.load(pets / "out/pets/1.0.0").num_samples("train") == 16


def test_build_as_json_prints_one_document(pets: Path, call) -> None:
    result = call("build pets.yaml --workers 0 --json --out there")
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document["path"] == str(pets / "there/pets/1.0.0")
    assert (document["made"], document["reused"], document["quarantined"]) == (24, 0, [])
    assert document["splits"]["test"] == {"samples": 4, "classes": {"cat": 2, "dog": 2}}


def test_a_quiet_build_says_nothing(pets: Path, call) -> None:
    result = call("build pets.yaml --workers 0 --quiet")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)


def test_assignments_change_what_is_built(pets: Path, call) -> None:
    result = call("build pets.yaml --workers 0 --set augment.copies=0 --set name=few --json")
    document = json.loads(result.stdout)
    assert document["made"] == 16
    assert document["name"] == "few"


def test_plugins_beside_the_pipeline_are_found_and_others_can_be_given(pets: Path, call) -> None:
    (pets / "mine").mkdir()
    (pets / "mine" / "invert.py").write_text(PLUGIN)
    change = ("--set", "augment.stages[0]={use: invert}")
    assert call("check pets.yaml", *change).exit_code == 2
    assert call("check pets.yaml --plugins mine", *change).exit_code == 0
    (pets / "mine").rename(pets / "plugins")
    assert call("check pets.yaml", *change).exit_code == 0


@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_a_pipe_does_not(pets: Path) -> None:
    command = [sys.executable, "-m", "dsbuilder", "build", "pets.yaml", "--workers", "1"]
    began = time.monotonic()
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    # A busy machine may take long enough for a line, which there is one of every five seconds.
    lines = piped.stderr.splitlines()
    assert len(lines) <= (time.monotonic() - began) // 5
    plain = re.compile(r"\d+ of 24 samples, \d+/s(, \d+ s left)?")
    assert all(map(plain.fullmatch, lines))
    reader, writer = os.openpty()
    with subprocess.Popen(
        [*command, "--out", "again"], stdout=subprocess.DEVNULL, stderr=writer
    ) as process:
        os.close(writer)
        shown = b"".join(chunks(reader)).decode()
    assert process.returncode == 0
    assert "24/24" in shown
    assert re.search(r"\d+/s", shown)


def chunks(terminal: int) -> Iterator[bytes]:
    """Yields what is written to a terminal until the last writer has closed it."""
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 4096):
            yield chunk
    os.close(terminal)


def test_info_says_what_a_dataset_is(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    call("build pets.yaml --workers 0 --set version=1.10.0")
    shown = call("info out/pets/1.0.0").stdout
    assert shown.startswith("pets 1.0.0\nfolder       out/pets/1.0.0\nversions     1.0.0, 1.10.0\n")
    assert "signature    image 16x20x3 uint8; label: class of 2\n" in shown
    assert "stored as    tfrecord, images as jpeg of quality 95\n" in shown
    assert re.search(r"^size         \d+\.\d kB in 3 shards$", shown, re.MULTILINE)
    assert re.search(r"^cat          8           2     2   12  █{24}$", shown, re.MULTILINE)
    document = json.loads(call("info out/pets/1.10.0 --json").stdout)
    assert document["class_names"] == ["cat", "dog"]
    assert document["splits"]["validation"]["samples"] == 4
    assert document["size_bytes"] > 1000


def test_a_terminal_of_few_letters_shows_plain_bars(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    command = [sys.executable, "-m", "dsbuilder", "info", "out/pets"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f" {'#' * 24}\n" in shown.stdout


def test_a_dataset_with_one_version_is_found_by_its_name(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    assert call("info out/pets").stdout == call("info out/pets/1.0.0").stdout


def test_a_copied_dataset_is_still_understood(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    copy = pets / "copy"
    subprocess.run(["cp", "-rL", pets / "out/pets/1.0.0", copy], check=True)
    shown = call("info copy").stdout
    assert shown.startswith("pets 1.0.0\nfolder       copy\nversions     1.0.0\n")
    assert call("verify copy").exit_code == 0


def test_verify_counts_what_it_compared(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    files = json.loads(call("verify out/pets --json").stdout)["files"]
    assert call("verify out/pets").stdout == (
        f"out/pets: all {len(files)} files and 24 samples are as they were built.\n"
        "next: dsbuilder train out/pets\n"
    )
    assert "pets-test.tfrecord-00000-of-00001" in files


def test_export_writes_class_folders(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    shown = call("export out/pets --to folder --out folder").stdout
    assert shown == "folder: 24 images\nnext: dsbuilder init folder\n"
    assert len(list((pets / "folder").rglob("*.*g"))) == 24
    again = call("export out/pets --to folder --out other --json")
    assert json.loads(again.stdout)["samples"] == {"train": 16, "validation": 4, "test": 4}


def test_preview_shows_the_pixels_that_a_build_makes(pets: Path, call) -> None:
    (pets / "raw.yaml").write_text(
        (pets / "pets.yaml").read_text().replace("[16, 20]", "[64, 64]") + "cache: {image: png}\n"
    )
    call("build raw.yaml --workers 0")
    result = call("preview raw.yaml --count 3 --json")
    assert result.exit_code == 0
    keys = json.loads(result.stdout)["originals"]
    assert len(keys) == 3
    assert {key.partition("/")[0] for key in keys} == {"cat", "dog"}
    with Image.open(pets / "preview.png") as image:
        sheet = np.asarray(image.convert("RGB"))
    stored = {s.key: s.image for s in dsbuilder.load(pets / "out/pets").samples("train")}
    for key in (keys[0], f"{keys[0]}//copy-1"):
        assert contains(sheet, np.kron(stored[key], np.ones((3, 3, 1), np.uint8)))


def contains(sheet: np.ndarray, image: np.ndarray) -> bool:
    """Whether an image stands somewhere on a sheet, pixel for pixel."""
    height, width, _ = image.shape
    corner = np.argwhere((sheet == image[0, 0]).all(axis=2))
    return any(
        np.array_equal(sheet[y : y + height, x : x + width], image)
        for y, x in corner
        if y + height <= sheet.shape[0] and x + width <= sheet.shape[1]
    )


def test_preview_shows_as_many_variants_as_asked_for(pets: Path, call) -> None:
    call("preview pets.yaml --count 2 --copies 5 --output many.png")
    call("preview pets.yaml --count 2 --output few.png")
    with Image.open(pets / "many.png") as many, Image.open(pets / "few.png") as few:
        assert many.width > few.width
        assert few.getpixel((0, 0)) == PAPER


def test_preview_overwrites_no_picture_that_it_was_not_told_to(pets: Path, call) -> None:
    (pets / "preview.png").write_bytes(b"mine")
    assert call("preview pets.yaml").stdout.startswith("preview-2.png: ")
    assert call("preview pets.yaml").stdout.startswith("preview-3.png: ")
    assert (pets / "preview.png").read_bytes() == b"mine"
    assert call("preview pets.yaml --output preview.png").stdout.startswith("preview.png: ")
    assert (pets / "preview.png").read_bytes() != b"mine"


def test_preview_shows_no_variant_of_what_is_not_in_train(pets: Path, call) -> None:
    stream = "--set 'stream.stages=[A.HorizontalFlip]'"
    call(f"preview pets.yaml --count 3 --output train.png {stream}")
    result = call(
        f"preview pets.yaml --count 3 --output test.png {stream} --set 'split={{test: 1}}'"
    )
    assert result.stdout.startswith("test.png: 3 originals\nnext: dsbuilder build pets.yaml --set ")
    assert "warning: no record is in train, and nothing varies those of test.\n" in result.stderr
    with Image.open(pets / "train.png") as train, Image.open(pets / "test.png") as test:
        assert test.width < train.width


def test_another_seed_shows_other_originals(pets: Path, call) -> None:
    shown = [
        json.loads(call(f"preview pets.yaml --count 2 --seed {seed} --json").stdout)["originals"]
        for seed in (0, 0, 1, 2, 3)
    ]
    assert shown[0] == shown[1]
    assert len({tuple(keys) for keys in shown}) > 1


def test_preview_marks_an_image_that_cannot_be_read(pets: Path, call) -> None:
    for path in (pets / "source" / "cat").iterdir():
        path.write_bytes(b"junk")
    result = call("preview pets.yaml --count 4")
    assert result.stdout == (
        "preview.png: 4 originals with their variants\nnext: dsbuilder build pets.yaml\n"
    )
    assert re.fullmatch(r"(warning: cat/\d\.png: expected an image .*\n){2}", result.stderr)
    with Image.open(pets / "preview.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert ((pixels[:, :, 0] - pixels[:, :, 1]) > 100).any()


def test_preview_shows_mixes_streams_and_what_is_synthesized(pets: Path, call) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins" / "flag.py").write_text(FLAG)
    (pets / "pets.yaml").write_text(
        (pets / "pets.yaml").read_text().replace("A.HorizontalFlip", "mixup")
        + "synthesize: [{use: flag, count: 7}]\n"
        + "stream: {stages: [{use: A.HorizontalFlip}], finish: [{use: resize, size: [8, 8]}]}\n"
    )
    result = call("preview pets.yaml --count 4 --json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["originals"]) == 4
    assert len(document["synthesized"]) == 4
    assert {key.rpartition("/")[0] for key in document["synthesized"]} == {"/synthesize/flag"}


FLAG = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import ClassLabel, ImageSignature, Sample, Signature, Synthesizer, synthesizer

@synthesizer("flag")
@dataclass(frozen=True, kw_only=True)
class Flag(Synthesizer):
    """Draws a flag of one color."""

    def output_signature(self, mode):
        image = ImageSignature(height=16, width=20, channels=3)
        return Signature(image=image, targets={"label": ClassLabel(names=("cat", "dog"))})

    def draw(self, rng):
        return {"red": int(rng.integers(256))}

    def render(self, key, params, mode):
        image = np.full((16, 20, 3), params["red"], np.uint8)
        return Sample(key=key, image=image, targets={"label": "dog"})
'''


def test_plugins_list_shows_every_plugin_and_what_is_broken(pets: Path, call) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins" / "invert.py").write_text(PLUGIN)
    (pets / "plugins" / "broken.py").write_text("import nothing_of_the_kind\n")
    result = call("plugins list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    invert = next(line for line in lines if line.startswith("invert "))
    assert re.split(" {2,}", invert) == [
        "invert",
        "transform",
        "plugins/invert.py",
        "Turns every value over.",
    ]
    assert f"cannot be imported: {pets}/plugins/broken.py" in lines
    assert lines[-1] == "ModuleNotFoundError: No module named 'nothing_of_the_kind'"


def test_plugins_list_takes_a_kind(folder: Path, call) -> None:
    listed = json.loads(call("plugins list --kind source --json").stdout)["plugins"]
    assert {each["kind"] for each in listed} == {"source"}
    assert {"folder", "list"} <= {each["name"] for each in listed}


def test_plugins_show_says_what_can_be_set(pets: Path, call) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins" / "invert.py").write_text(PLUGIN)
    assert call("plugins show invert").stdout == (
        "invert (transform)\n"
        "\n"
        "Turns every value over.\n"
        "\n"
        "Attributes:\n"
        "  keep: the value that stays.\n"
        "\n"
        "option  type                    default\n"
        "keep    a whole number or null  null\n"
        "\n"
        "geometry  fixed\n"
        "origin    plugins/invert.py\n"
        "file      plugins/invert.py\n"
        "api       1\n"
    )


def test_every_plugin_can_be_shown(folder: Path, call) -> None:
    names = [each["name"] for each in json.loads(call("plugins list --json").stdout)["plugins"]]
    for name in names:
        shown = json.loads(call(f"plugins show {name} --json").stdout)["plugins"]
        assert {each["name"] for each in shown} == {name}
        assert all(each["text"] for each in shown)


def test_a_layout_that_is_read_and_written_shows_both_its_plugins(folder: Path, call) -> None:
    shown = json.loads(call("plugins show coco --json").stdout)["plugins"]
    assert {each["kind"] for each in shown} == {"source", "exporter"}
    assert "coco (source)" in call("plugins show coco").stdout
    one = json.loads(call("plugins show coco --kind exporter --json").stdout)["plugins"]
    assert [each["kind"] for each in one] == ["exporter"]
    assert (
        "unknown kind 'sorce'. Did you mean 'source'?" in call("plugins list --kind sorce").stderr
    )


def test_a_member_of_a_family_shows_its_own_options(folder: Path, call) -> None:
    (document,) = json.loads(call("plugins show A.RandomResizedCrop --json").stdout)["plugins"]
    options = {each["name"]: each for each in document["options"]}
    assert options["size"]["required"]
    assert options["scale"]["default"] == [0.08, 1.0]
    assert document["text"].startswith("Crop a random part")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mixupp", "unknown plugin 'mixupp'. Did you mean 'mixup'?"),
        (
            "A.HorizontlFlip",
            "unknown transform 'A.HorizontlFlip'. Did you mean 'A.HorizontalFlip'?",
        ),
        (
            "A.Mosaic",
            "A.Mosaic: expected one that takes an image alone, but it needs other images "
            "with every call.",
        ),
    ],
)
def test_a_plugin_that_is_not_there_is_explained(
    name: str, message: str, folder: Path, call
) -> None:
    result = call(f"plugins show {name}")
    assert (result.stderr, result.exit_code) == (f"error: {message}\n", 1)


LINES = (
    "check pets.yaml",
    "preview pets.yaml",
    "build pets.yaml --workers 2",
    "info out/pets",
    "plan pets.yaml",
    "verify out/pets",
    "explain out/pets cat/0.png --output x.png",
    "replay out/pets cat/0.png",
    "diff out/pets out/pets",
    "clean out",
    "export out/pets --out x",
    "plugins list",
    "plugins show resize",
    "completion bash",
)


def test_no_verb_but_those_that_train_imports_tensorflow(pets: Path) -> None:
    code = (
        "import sys\nfrom dsbuilder.cli.main import main\n"
        f"for line in {LINES}:\n"
        "    try:\n        main(line.split())\n"
        "    except SystemExit as end:\n        assert not end.code, (line, end.code)\n"
        "    found = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)\n"
        "    assert not found, (line, found)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


SLEEPS = '''
"""Takes its time at one sample."""
import time
from dataclasses import dataclass
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("sleeps", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Sleeps(Transform):
    """Sleeps for long where the key ends as it is told."""

    end: str

    def apply(self, sample: Sample, params: Params) -> Sample:
        if sample.key.endswith(self.end):
            time.sleep(1000)
        return sample
'''


@pytest.mark.slow
def test_a_sample_that_takes_too_long_is_set_aside_and_named(pets: Path, call) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins" / "sleeps.py").write_text(SLEEPS)
    line = (
        "build pets.yaml --workers 1 --sample-timeout 1 --json --set build.max_quarantined=9 --set"
    )
    result = call(line, "prepare=[{use: sleeps, end: cat/0.png}]")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["quarantined"]
    assert rows
    assert all(row["exception"] == "TimeoutError: took more than 1 s" for row in rows)


def test_a_patch_comes_before_set(pets: Path, call) -> None:
    (pets / "tuned.yaml").write_text("name: dogs\nversion: 2.0.0\n")
    found = json.loads(call("check pets.yaml --patch tuned.yaml --set name=owls --json").stdout)
    assert (found["name"], found["version"]) == ("owls", "2.0.0")
    assert call("build pets.yaml --patch none.yaml").stderr.startswith("error: none.yaml: ")
