"""`dsbuilder synth`: a GAN of a few steps, a bank, and a build from it."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

import numpy as np
from PIL import Image

from dsbuilder.records.bank import open_bank

SHADES = """\
name: shades
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
augment: {copies: 2, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 16]}]
"""


@pytest.fixture
def shades(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with gray noise, dark and light, and a pipeline over it."""
    from dsbuilder.train.gan import judge

    monkeypatch.setattr(judge, "_PASSES", 20)
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 120)):
        (folder / "source" / name).mkdir(parents=True)
        for number in range(30):
            image = rng.integers(low, low + 130, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / "source" / name / f"{number}.png")
    (folder / "shades.yaml").write_text(SHADES)
    return folder


@pytest.mark.slow
def test_a_gan_is_trained_and_its_bank_is_built_from(call, shades: Path) -> None:
    words = "--width 4 --batch-size 8 --epochs 1 --workers 0"
    trained = call(f"synth train shades.yaml --gan cgan {words}")
    assert trained.exit_code == 0, trained.stderr
    assert "training: tensorflow on CPU" in trained.stderr
    assert "epoch   1  train" in trained.stderr
    run = Path("runs/shades-gan-1")
    assert f"next: dsbuilder synth sample {run}" in trained.stdout
    assert (run / "data/shades/1.0.0/metadata.json").is_file()
    assert json.loads((run / "data/shades/1.0.0/metadata.json").read_text())["splits"]["train"][0][
        "samples"
    ] in range(10, 40)  # no copies

    more = call("synth train shades.yaml --resume --epochs 2 --workers 0 --json")
    assert more.exit_code == 0, more.stderr
    found = json.loads(more.stdout)
    assert len(found["epochs"]) == 2
    assert found["class_names"] == ["dark", "light"]
    assert Path(found["sheet"]).is_file()

    passing = "--least-diversity 0 --least-recognition 0"
    drawn = call(f"synth sample {run} --per-class 40 --output bank {passing}")
    assert drawn.exit_code == 0, drawn.stderr
    bank = open_bank(Path("bank"))
    assert bank.note.drawn == 80 == len(bank.note.entries) + len(bank.note.rejected)
    assert bank.seal[:12] in drawn.stdout
    assert call("verify bank").exit_code == 0
    assert call("preview bank --output sheet.png").exit_code == 0
    told = call("info bank")
    assert told.exit_code == 0 and "class of 2" in told.stdout

    again = call(f"synth sample {run} --per-class 40 --output bank")
    assert again.exit_code == 1
    assert "A bank is never changed" in again.stderr
    call(f"synth sample {run} --per-class 40 --output other {passing}")
    assert open_bank(Path("other")).seal == bank.seal  # drawn alike

    pipeline = SHADES.replace("augment", "synthesize: [{use: gan, bank: bank, count: 10}]\naugment")
    (shades / "more.yaml").write_text(pipeline.replace("name: shades", "name: more"))
    built = call("build more.yaml --workers 0 --json")
    assert built.exit_code == 0, built.stderr
    assert f"{len(bank.note.entries)} of 80 images that cgan drew passed the gate" in built.stderr


@pytest.mark.slow
def test_what_fails_the_gate_makes_no_bank(call, shades: Path) -> None:
    words = "--width 4 --batch-size 8 --epochs 1 --workers 0 --run run"
    assert call(f"synth train shades.yaml --gan dcgan {words}").exit_code == 0
    refused = call("synth sample run --count 30 --output bank --least-diversity 1")
    assert refused.exit_code == 1
    assert "found that all of 30 were turned away ('" in refused.stderr
    assert not Path("bank").exists()


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        ("train shades.yaml", "--gan: expected cgan or dcgan", 2),
        ("train shades.yaml --gan cgan --augment colour", "expected parts of color", 2),
        ("train shades.yaml --resume --width 4", "expected no option for a run that is resumed", 2),
        ("train shades.yaml --resume", "there is no run of 'shades-gan' to resume", 1),
        ("sample runs/none --count 2 --output bank", "no such file", 1),
        ("sample runs/none --output bank", "expected either a count or one per class", 2),
        (
            "train shades.yaml --gan cgan --set finish=[]",
            "expected images of one size",
            2,
        ),
    ],
)
def test_what_is_wrong_is_told(call, shades: Path, words: str, message: str, code: int) -> None:
    result = call(f"synth {words}")
    assert result.exit_code == code, result.stderr
    assert message in result.stderr
    assert not Path("runs").exists() or not list(Path("runs").iterdir())
