"""`explain` and `replay` as a user sees them."""

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

import dsbuilder
from dsbuilder.report.canvas import PAPER

JITTER = ("--set", "augment.stages=[{use: A.Rotate, p: 1}, {use: A.HorizontalFlip, p: 1}]")


def variant(pets: Path) -> str:
    dataset = dsbuilder.load(pets / "out/pets")
    return next(entry.key for _, entry in dataset.entries("train") if "//" in entry.key)


def test_explain_shows_the_chain_and_what_albumentations_drew(pets: Path, call) -> None:
    call("build pets.yaml --workers 0", *JITTER)
    key = variant(pets)
    result = call(f"explain out/pets {key}")
    assert result.exit_code == 0, result.stderr
    shown = result.stdout
    root = key.partition("//")[0]
    assert shown.startswith(
        f"{key}\nsplit        train\nlabel        {root[:3]}\nmade of      {root} "
    )
    assert re.search(r"^stored in    pets-train\.tfrecord-00000-of-00001$", shown, re.MULTILINE)
    assert re.search(
        r'^augment/A\.Rotate +A\.Rotate +0\.1\.0 +\{"seed": \d+\}$', shown, re.MULTILINE
    )
    assert re.search(r"bbox_matrix|matrix=", shown)
    assert "note:" not in shown
    document = json.loads(call(f"explain out/pets {key} --json").stdout)
    assert [each["stage"] for each in document["stages"]] == [
        "augment/A.Rotate",
        "augment/A.HorizontalFlip",
        "finish/resize",
    ]
    assert document["parents"][0]["key"] == root
    assert document["stages"][0]["drawn"]
    assert set(document["stages"][0]["params"]) == {"seed"}
    record = json.loads(call(f"explain out/pets {root} --json").stdout)
    assert record["derived"] == [f"{root}//copy-1"]


def test_explain_draws_the_way_from_the_source_to_what_is_stored(pets: Path, call) -> None:
    call("build pets.yaml --workers 0", *JITTER)
    result = call(f"explain out/pets {variant(pets)} --output strip.png")
    assert result.stdout.endswith(
        f"drawn in strip.png\n\nnext: dsbuilder replay out/pets {variant(pets)}\n"
    )
    with Image.open(pets / "strip.png") as image:
        strip = np.asarray(image.convert("RGB"))
    columns = (strip[:100] != PAPER).any(axis=(0, 2))
    pictures = int(np.count_nonzero(np.diff(columns.astype(int)) == 1))
    assert pictures == 5  # source, two stages, finish, stored


def test_explain_says_what_it_cannot_show_without_the_source(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    key = variant(pets)
    (pets / "source").rename(pets / "there")
    result = call(f"explain out/pets {key} --output strip.png")
    assert result.exit_code == 0
    assert "note: the stages cannot be applied again: " in result.stdout
    assert (pets / "strip.png").is_file()
    assert "note:" not in call(f"explain out/pets {key} --source there").stdout


def test_explain_knows_a_mistyped_key(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    result = call("explain out/pets cat/77.png")
    assert result.exit_code == 1
    assert re.search(r"no sample 'cat/77\.png'\. Did you mean 'cat/7\.png", result.stderr)


def test_replay_compares_bytes_and_writes_the_picture(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    key = variant(pets)
    result = call(f"replay out/pets {key} --write again.png")
    assert result.exit_code == 0, result.stderr
    assert re.fullmatch(
        rf"{key}: made again, \d+ bytes, all equal\.\nwritten to again\.png\n", result.stdout
    )
    with Image.open(pets / "again.png") as image:
        assert image.size == (20, 16)


def test_replay_fails_and_names_the_cause_where_bytes_differ(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    key = variant(pets)
    root = key.partition("//")[0]
    other = "source/cat/0.png" if root != "cat/0.png" else "source/cat/1.png"
    (pets / "source" / root).write_bytes((pets / other).read_bytes())
    result = call(f"replay out/pets {key}")
    assert result.exit_code == 1
    assert re.search(
        rf"^{key}: made again, and its bytes differ, pixels by up to \d", result.stdout
    )
    assert f"\n  the content of {root} changed\n" in result.stdout
    document = json.loads(call(f"replay out/pets {key} --json").stdout)
    assert document["equal"] is False
    assert len(document["differences"]) == 1


def test_diff_names_what_changed_and_why(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    (pets / "source/cat/1.png").write_bytes((pets / "source/dog/1.png").read_bytes())
    call("build pets.yaml --workers 0 --set version=1.1.0")
    result = call("diff out/pets/1.0.0 out/pets/1.1.0")
    assert result.exit_code == 0, result.stderr
    count = len(
        [line for line in result.stdout.splitlines() if line.startswith("changed  cat/1.png")]
    )
    assert count in (1, 2)  # the image, and its variant if it is in train
    assert result.stdout.startswith(
        f"out/pets/1.0.0 -> out/pets/1.1.0: {24 - count} samples are the same\n"
    )
    assert f"changed        {count}  the content of cat/1.png changed\n" in result.stdout
    assert re.search(
        r"note: version 1.0.0 -> 1.1.0\n\nnext: dsbuilder explain out/pets/1.1.0 cat/1.png\S*\n$",
        result.stdout,
    )
    document = json.loads(call("diff out/pets/1.0.0 out/pets/1.1.0 --json").stdout)
    assert document["unchanged"] == 24 - count
    assert {each["key"].partition("//")[0] for each in document["changes"]} == {"cat/1.png"}
    assert document["reasons"] == [
        {"kind": "changed", "reason": "the content of cat/1.png changed", "samples": count}
    ]


def test_diff_of_equal_datasets_is_one_line(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    assert call("diff out/pets out/pets").stdout == (
        "out/pets -> out/pets: 24 samples are the same\n"
    )


def test_plan_says_what_a_build_would_do_and_why(pets: Path, call) -> None:
    first = call("plan pets.yaml --workers 1")
    assert first.exit_code == 0, first.stderr
    assert not (pets / "out").exists()
    assert re.search(r"^to make  24 of 24 samples$", first.stdout, re.MULTILINE)
    assert re.search(r"^time     about \d+ s with 1 worker \(", first.stdout, re.MULTILINE)
    call("build pets.yaml --workers 0")
    again = call("plan pets.yaml").stdout
    assert "to make  0 of 24 samples\n" in again
    assert "shards   3 reused\n" in again
    (pets / "source/cat/1.png").write_bytes((pets / "source/dog/1.png").read_bytes())
    changed = call("plan pets.yaml").stdout
    assert "the content of cat/1.png changed" in changed
    assert "shards   2 reused, 1 rewritten with what is kept\n" in changed
    (pets / "source/owl").mkdir()
    (pets / "source/owl/1.png").write_bytes((pets / "source/dog/1.png").read_bytes())
    document = json.loads(call("plan pets.yaml --json").stdout)
    assert document["before"]["train"]["classes"] == {"cat": 8, "dog": 8}
    assert "owl" in json.dumps(document["splits"])
    reasons = [each["reason"] for shard in document["shards"] for each in shard["reasons"]]
    assert "the class 'owl' of label was added" in reasons
    assert re.search(r"^owl +0 -> \d", call("plan pets.yaml").stdout, re.MULTILINE)


def test_clean_says_what_it_removed(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    old = (pets / "out/pets/1.0.0").resolve()
    call("build pets.yaml --workers 0 --set seed=8")
    kept = (pets / "out/pets/1.0.0").resolve()
    dry = call("clean out --dry-run")
    assert re.fullmatch(
        rf"old build  out/pets/\.builds/{old.name}\n1 old build would be removed; "
        r"frees \d+\.\d kB\nnext: dsbuilder clean out\n",
        dry.stdout,
    )
    assert old.is_dir()
    document = json.loads(call("clean out/pets/1.0.0 --json").stdout)
    assert document["removed"] == [{"path": str(old), "kind": "build"}]
    assert document["freed_bytes"] > 1000
    assert not old.exists()
    assert kept.is_dir()
    assert call("clean out").stdout == "out: nothing to remove.\n"
    missing = call("clean nowhere")
    assert missing.exit_code == 1
    assert missing.stderr.startswith("error: nowhere: expected an output folder or a dataset")


def test_verify_names_all_problems(pets: Path, call) -> None:
    call("build pets.yaml --workers 0")
    folder = (pets / "out/pets/1.0.0").resolve()
    next(folder.glob("*-train.tfrecord-*")).unlink()
    (folder / "stray").touch()
    result = call("verify out/pets")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: out/pets/1.0.0: expected the dataset as it was built, found 2 problems. "
        "Build the dataset again.\n"
        "  pets-train.tfrecord-00000-of-00001 is missing\n"
        "  stray is no file of the dataset\n"
    )
    document = json.loads(call("verify out/pets --json").stdout)
    assert (document["intact"], len(document["problems"])) == (False, 2)
