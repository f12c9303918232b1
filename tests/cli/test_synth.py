"""`dsbuilder synth`: a GAN of a few steps, a bank, and a build from it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

import numpy as np
from PIL import Image

import dsbuilder
from dsbuilder.records.bank import open_bank

ROOT = Path(__file__).parents[2]
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
    text = (ROOT / "pipelines/README.md").read_text()
    first, second, third = re.findall(
        r"^dsbuilder (synth train .*?|.*? bank)(?: +#.*)?$", text, re.M
    )
    first = first.replace("shirts", "shades").replace("--minutes 7", "--epochs 1")
    trained = call(f"{first} --width 4 --batch-size 8 --workers 0")
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
    drawn = call(f"{second.replace('shirts', 'shades').replace('200', '40')} {passing}")
    assert drawn.exit_code == 0, drawn.stderr
    bank = open_bank(Path("bank"))
    assert bank.note.drawn == 80 == len(bank.note.entries) + len(bank.note.rejected)
    assert bank.seal[:12] in drawn.stdout
    assert call("verify bank").exit_code == 0
    assert call("preview bank --output sheet.png").exit_code == 0
    told = call(third)
    assert told.exit_code == 0 and "class of 2" in told.stdout

    again = call(f"synth sample {run} --per-class 40 --output bank")
    assert again.exit_code == 1
    assert "A bank is never changed" in again.stderr
    call(f"synth sample {run} --per-class 40 --output other {passing}")
    one, other = (list(dsbuilder.load(name).samples("train")) for name in ("bank", "other"))
    assert [each.key for each in one] == [each.key for each in other]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))

    pipeline = SHADES.replace("augment", "synthesize: [{use: gan, bank: bank, count: 10}]\naugment")
    (shades / "more.yaml").write_text(pipeline.replace("name: shades", "name: more"))
    built = call("build more.yaml --workers 0 --json")
    assert built.exit_code == 0, built.stderr
    assert f"{len(bank.note.entries)} of 80 images that cgan drew passed the gate" in built.stderr


@pytest.mark.slow
def test_images_without_labels_are_learnt_drawn_and_built(call, shades: Path) -> None:
    text = SHADES.replace("use: folder", "use: images")
    (shades / "bare.yaml").write_text(text.replace("name: shades", "name: bare"))
    words = "--width 4 --batch-size 8 --epochs 1 --workers 0 --run run"
    trained = call(f"synth train bare.yaml --gan dcgan {words}")
    assert trained.exit_code == 0, trained.stderr
    refused = call("synth sample run --count 30 --output bank --least-diversity 1")
    assert refused.exit_code == 1
    assert "found that all of 30 were turned away ('" in refused.stderr
    assert not Path("bank").exists()

    drawn = call("synth sample run --count 30 --output bank --least-diversity 0 --json")
    assert drawn.exit_code == 0, drawn.stderr
    found = json.loads(drawn.stdout)
    assert found["recognition"] is None
    note = open_bank(Path("bank")).note
    assert (note.target, note.class_names) == (None, ())
    with Path("run/best.keras").open("rb") as file:
        assert note.model == hashlib.file_digest(file, "sha256").hexdigest()
    assert call("verify bank").exit_code == 0
    assert call("info bank").exit_code == 0

    few = call("synth sample run --count 9 --output few")
    assert few.exit_code == 2
    assert "expected 10 images or more of each class" in few.stderr

    more = (shades / "bare.yaml").read_text() + "synthesize: [{use: gan, bank: bank, count: 9}]\n"
    (shades / "more.yaml").write_text(more)
    built = call("build more.yaml --workers 0 --json")
    assert built.exit_code == 0, built.stderr
    refused = call("synth train bare.yaml --gan cgan --workers 0 --run other")
    assert refused.exit_code == 1
    assert "expected one class a sample for cgan, the samples have none" in refused.stderr


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
