"""What a GAN draws after 7 minutes on Fashion-MNIST, and whether a skewed set gains by it.

fashion   a cgan on 57,000 images, killed half way and resumed; a classifier that real images
          taught is asked what it draws, and one that its images alone taught what real ones are;
          copies of train are planted among what it draws, and the gate is to turn them away
skewed    five classes of 360 images and five of 18; a cnn is trained on them as they are, with the
          rare ones filled up by repetition, and with half of each from a bank; and the latter two
          where stages vary every image. All see as many samples, and are asked of 2,000 other
          images, 200 of each class. It fails where a bank brings nothing to the set as it is

`ONLY=skewed make proof NAME=gan COUNT=5` chooses; COUNT are the seeds of `skewed`. Minutes are of a
machine that does nothing else: `MINUTES=20` gives a busy one as many steps.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dsbuilder
from dsbuilder.records.bank import open_bank
from dsbuilder.tasks import intervals
from proofs import accuracy_data

MINUTES = float(os.environ.get("MINUTES", "7"))
DRAWN, TAUGHT, PLANTED = 1000, 5000, 5
RECOGNIZED, DIVERSE, TAUGHT_BY_FAKES = 0.75, 0.6, 0.6
FASHION = """
name: {name}
seed: {seed}
image: {{mode: gray}}
source: {source}
split: {{method: layout, validation: 0.05}}
{more}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: npy}}
stream: {{batch_size: 64}}
train:
  model: {{use: cnn, width: {width}, depth: 3, convolutions: 1}}
  optimizer: {{learning_rate: 2e-3, schedule: cosine}}
  epochs: {epochs}
"""
IDX = f"{{use: idx, path: {accuracy_data.FASHION}}}"

FREQUENT, RARE, ASKED = 400, 20, 200
STAGES = (
    "augment: {copies: COPIES, stages: [{use: A.HorizontalFlip, p: 0.5}, "
    "{use: A.Affine, rotate: [-8, 8], translate_percent: [-0.08, 0.08], scale: [0.9, 1.1]}]}"
)
REPEATED = "balance: {to: max, with: [augment]}"
BANK = (
    "balance: {to: max, with: [augment, synthesize], max_synthetic: 0.5}\n"
    "synthesize: [{use: gan, bank: BANK, count: 0}]"
)
VARIED = STAGES.replace("COPIES", "2")
ARMS = {
    "as it is": ("augment: {copies: 0}", 15),
    "repeated": (f"augment: {{copies: 0}}\n{REPEATED}", 8),
    "bank": (f"augment: {{copies: 0}}\n{BANK}", 8),
    "varied": (f"{VARIED}\n{REPEATED}", 3),
    "varied, bank": (f"{VARIED}\n{BANK}", 3),
}
"""What a pipeline says more, and for how many epochs: of 1,900 samples, 3,600, or 10,800."""
PAIRS = (("bank", "as it is"), ("bank", "repeated"), ("varied, bank", "varied"))


def pipeline(path: Path, text: str = FASHION, **said: Any) -> Path:
    path.write_text(text.format(**said), encoding="utf-8")
    return path


def accuracy(opened: dsbuilder.Session, run: Path) -> float:
    return float(opened.train(run=run).evaluation["accuracy"])


def killed_and_resumed(path: Path, run: Path) -> dsbuilder.Session:
    """Trains for all minutes, of which a process killed with signal 9 trains the first half."""
    command = [sys.executable, "-m", "dsbuilder", "synth", "train", str(path), "--run", str(run)]
    first = subprocess.Popen(
        [*command, "--gan", "cgan", "--minutes", str(MINUTES)], stderr=subprocess.DEVNULL
    )
    began = time.monotonic()
    while not (run / "last.keras").exists() or time.monotonic() - began < MINUTES * 30:
        assert first.poll() is None, "it ended before it was killed"
        time.sleep(1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = len((run / "results.csv").read_text().splitlines()) - 1
    resumed = dsbuilder.open(path).synth_train(run=run, resume=True)
    assert len(resumed.epochs) > done > 0, "it did not go on"
    return resumed


def fashion(count: int, seed: int) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        said = {"source": IDX, "more": "", "width": 16, "seed": seed}
        whole = pipeline(home / "fashion.yaml", name="fashion", epochs=2, **said)
        run = home / "gan"
        found = killed_and_resumed(whole, run)
        spent = sum(float(each["seconds"]) for each in found.epochs)
        yield "epochs, and their seconds", f"{len(found.epochs)}, {spent:.0f}"
        yield "best epoch, by validation", f"{found.best_epoch}: {found.best}"
        knows = dsbuilder.open(whole, out=home / "out")
        yield "accuracy of what real images taught", f"{accuracy(knows, home / 'real'):.3f}"
        yield from _drawn(home, run)
        yield from _taught(home, run, said)


def _drawn(home: Path, run: Path) -> Iterator[tuple[str, str]]:
    """Asks what a classifier of real images says of what is drawn, and plants copies."""
    from dsbuilder.train.archive import load_model
    from dsbuilder.train.gan import drawing, reference, snapshots

    generator = snapshots.load_generator(run / "best.keras")
    numbers = drawing.numbered(10, DRAWN)
    images = drawing.draw(generator, numbers, seed=11, what="proof")
    labels = np.array([each for each, _ in numbers])
    said = load_model(home / "real").model.predict(images, verbose=0).argmax(axis=1)
    recognized = float((said == labels).mean())
    yield "recognized by what real images taught", f"{recognized:.3f}"
    assert recognized >= RECOGNIZED, recognized
    dataset = dsbuilder.load(run / "data" / "fashion")
    real, of_real = _arrays(dataset, "test", 4000)
    apart = (reference.spreads(images, labels), reference.spreads(real, of_real))
    shares = [apart[0][each] / apart[1][each] for each in range(10)]
    yield (
        "within-class distance, of real: mean, least",
        (f"{np.mean(shares):.3f}, {min(shares):.3f}"),
    )
    assert min(shares) >= DIVERSE, shares
    train, of_train = _arrays(dataset, "train", 2000)
    original, places = drawing.draw, np.arange(PLANTED) * 17 + 3

    def planting(*given: Any, **further: Any) -> np.ndarray:
        made = original(*given, **further)
        if further["what"] == "bank":
            for place in places:
                (own, *_) = np.flatnonzero(of_train == place % 10)
                made[place] = train[own]
        return made

    drawing.draw = planting
    try:
        dsbuilder.synth_sample(run, home / "planted", count=DRAWN)
    finally:
        drawing.draw = original
    away = {int(each["number"]): each for each in open_bank(home / "planted").note.rejected}
    caught = [place for place in places if away.get(int(place), {}).get("reason") == "copy"]
    copies = sum(each["reason"] == "copy" for each in away.values())
    yield (
        "planted copies caught, and others called copies",
        (f"{len(caught)} of {PLANTED}, {copies - len(caught)} of {DRAWN - PLANTED}"),
    )
    assert len(caught) == PLANTED, caught


def _arrays(dataset: dsbuilder.Dataset, split: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    from dsbuilder.train.gan.judge import real_images

    parts = list(real_images(dataset, split, "label", most=most))
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return images, labels


def _taught(home: Path, run: Path, said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Trains a classifier on a bank alone, and on as many real images."""
    bank = dsbuilder.synth_sample(run, home / "bank", count=TAUGHT)
    yield "passed the gate", f"{bank.passed} of {bank.drawn}; {dict(bank.turned_away)}"
    dsbuilder.load(home / "bank").verify()
    fakes = list(dsbuilder.load(home / "bank").samples("train"))
    dataset = dsbuilder.load(run / "data" / "fashion")
    real, of_real = _arrays(dataset, "train", len(fakes))
    test = _arrays(dataset, "test", 10_000)
    sets = {
        "fakes": (
            np.stack([each.image for each in fakes]),
            np.array([each.targets["label"] for each in fakes]),
        ),
        "real": (real, of_real),
    }
    for name, (images, labels) in sets.items():
        data = home / f"{name}.npz"
        _save(data, images, labels, *test)
        path = pipeline(
            home / f"{name}.yaml",
            name=f"by_{name}",
            epochs=8,
            **{**said, "source": f"{{use: arrays, path: {data}}}"},
        )
        opened = dsbuilder.open(path, out=home / "out")
        right = accuracy(opened, home / f"by-{name}")
        yield f"accuracy on real test images, taught by {len(images)} {name}", f"{right:.3f}"
        assert name == "real" or right >= TAUGHT_BY_FAKES, right


def _save(path: Path, images: Any, labels: Any, test_images: Any, test_labels: Any) -> None:
    np.savez(
        path, x_train=images[..., 0], y_train=labels, x_test=test_images[..., 0], y_test=test_labels
    )


def skewed(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields the accuracies of each arm and what the bank gains."""
    found: dict[str, list[float]] = {name: [] for name in ARMS}
    for number in range(seed + 1, seed + 1 + count):
        with tempfile.TemporaryDirectory() as folder:
            row = _skewed(Path(folder), number)
        for name, value in row.items():
            found[name].append(value)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in row.items())
        print(f"  skewed, seed {number}: {shown}", flush=True)
        yield f"skewed, seed {number}", shown
    for one, other in PAIRS:
        gains = [a - b for a, b in zip(found[one], found[other], strict=True)]
        known = intervals.student(gains)
        low, high = (known.low, known.high) if known else (gains[0], gains[0])
        yield f"gain of {one} over {other}", f"{np.mean(gains):+.3f} [{low:+.3f}, {high:+.3f}]"
        if other == "as it is" and low <= 0:
            raise SystemExit(f"skewed: expected a gain, found {gains}.")


def _skewed(home: Path, seed: int) -> dict[str, float]:
    whole = dsbuilder.open(
        pipeline(home / "whole.yaml", name="whole", source=IDX, more="", width=8, epochs=1, seed=0),
        out=home / "whole",
    )
    dataset = dsbuilder.load(whole.build().path)
    rng = np.random.default_rng(seed)
    images, labels = _arrays(dataset, "train", 20_000)
    test, of_test = _arrays(dataset, "test", 10_000)
    kept = [
        rng.permutation(np.flatnonzero(labels == each))[: RARE if each % 2 else FREQUENT]
        for each in range(10)
    ]
    asked = [np.flatnonzero(of_test == each)[:ASKED] for each in range(10)]
    own, others = np.concatenate(kept), np.concatenate(asked)
    data = home / "skewed.npz"
    _save(data, images[own], labels[own], test[others], of_test[others])
    said = {"source": f"{{use: arrays, path: {data}}}", "seed": seed, "width": 8}
    text = FASHION.replace("validation: 0.05", "validation: 0.1")
    plain = pipeline(home / "plain.yaml", text, name="plain", more="", epochs=1, **said)
    opened = dsbuilder.open(plain, out=home / "out")
    opened.synth_train(
        "cgan", run=home / "gan", epochs=6, epoch_steps=200, sampling="balanced", seed=seed
    )
    bank = dsbuilder.synth_sample(home / "gan", home / "bank", per_class=300)
    print(f"  seed {seed}: {bank.passed} of {bank.drawn} passed, {dict(bank.turned_away)}")
    for name, each in bank.classes.items():
        print(f"    {name}: {each}", flush=True)
    found = {}
    for place, (name, (more, epochs)) in enumerate(ARMS.items()):
        more = more.replace("BANK", str(home / "bank"))
        path = pipeline(
            home / f"{place}.yaml", text, name=f"arm{place}", more=more, epochs=epochs, **said
        )
        found[name] = accuracy(dsbuilder.open(path, out=home / "out"), home / f"run-{place}")
    return found


def run(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields what each case comes to; raises where a goal is missed."""
    cases = {"fashion": fashion, "skewed": skewed}
    for name in os.environ.get("ONLY", ",".join(cases)).split(","):
        for what, number in cases[name](count, seed):
            print(f"  {what}: {number}", flush=True)
            yield what, number
