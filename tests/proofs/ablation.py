"""`ablate` finds a stage that harms and one that helps, planted; on digits of `samples/`.

Classes are six digits, and two of them mirrored, each as a class of its own. So a horizontal flip
turns labels of these into others: it harms. What is asked of is shifted and turned, what is
learnt from stands upright in the middle: a stage that shifts and turns helps.

Each seed draws other images to learn from and perturbs those to ask of otherwise; within it
`ablate` trains by five seeds of its own. The proof fails where one of the two is not found, or
where what is said is not what the scores say.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import albumentations as A
import numpy as np
from PIL import Image

import dsbuilder
from dsbuilder.actions.ablate import AblateDocument
from dsbuilder.actions.ablated import in_words

DIGITS = Path(__file__).parents[2] / "samples" / "digits"
MIRRORED, PLAIN = "27", "0136"
"""Digits that have a class for their mirrored images, and those that have none."""
LEARNT, ASKED = 24, 40
"""Images of each class to learn from, and to ask of."""
HARMFUL, USEFUL = "augment/A.HorizontalFlip", "augment/A.Affine"
PIPELINE = """
name: mirrored
seed: {seed}
image: {{mode: gray}}
source:
  use: list
  lists: {{train: [{home}, {home}/train.txt], validation: [{home}, {home}/validation.txt]}}
split: {{method: layout}}
augment:
  copies: 4
  original: false
  stages:
    - {{use: A.HorizontalFlip, p: 0.5}}
    - {{use: A.Affine, rotate: [-45, 45], translate_percent: [-0.15, 0.15], p: 0.9}}
finish: [{{use: resize, size: [28, 28]}}]
cache: {{codec: npy}}
train:
  model: {{use: cnn, width: 8, depth: 3}}
  optimizer: {{learning_rate: 3e-3}}
  epochs: 6
"""


def run(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Ablates for `count` seeds, yields what was said; raises where a planted stage is missed."""
    for number in range(seed, seed + count):
        with tempfile.TemporaryDirectory() as temporary:
            home = Path(temporary)
            write(home, number)
            (home / "mirrored.yaml").write_text(PIPELINE.format(seed=number, home=home))
            found = dsbuilder.open(home / "mirrored.yaml").ablate(run=home / "ablation")
        for each in found.parts:
            assert each.validation is not None
            told = f"{' -> '.join(in_words(each.validation)[:2])}, {in_words(each.validation)[2]}"
            print(f"  seed {number}, {each.name}: {told}: {each.verdict}", flush=True)
            yield f"seed {number}, {each.name}", f"{told}: {each.verdict}"
        check(found)


def check(found: AblateDocument) -> None:
    """Raises unless both planted stages are found, and the patch takes out the harmful one."""
    said = {each.name: each.verdict for each in found.parts}
    assert said[HARMFUL] == "harms", found.verdict
    assert said[USEFUL] == "helps", found.verdict
    assert found.changes[0] == HARMFUL
    assert found.together is not None
    assert found.together.mean > 0
    for each in found.parts:
        assert each.validation is not None
        differences = np.subtract(each.validation.best, each.validation.own)
        assert abs(each.validation.mean - differences.mean()) < 1e-9


def write(home: Path, seed: int) -> None:
    """Writes images and two lists of them with their labels."""
    rng = np.random.default_rng(seed)
    perturbed = A.Compose(
        [A.Affine(rotate=(-45, 45), translate_percent=(-0.15, 0.15), p=1)], seed=seed
    )
    for split, source, most in (("train", "train", LEARNT), ("validation", "test", ASKED)):
        listed = (DIGITS / f"{source}.txt").read_text().splitlines()
        said = [line.split() for line in listed]
        rows = []
        for digit in MIRRORED + PLAIN:
            names = rng.permutation([name for name, label in said if label == digit])
            for flip in (False, True)[: 1 + (digit in MIRRORED)]:
                own = names[most:][:most] if flip and split == "train" else names[:most]
                for name in own:
                    pixels = np.asarray(Image.open(DIGITS / "images" / name))
                    shown = np.ascontiguousarray(pixels[:, ::-1] if flip else pixels)
                    if split == "validation":
                        shown = perturbed(image=shown)["image"]
                    file = f"{split}-{flip}-{Path(name).name}.png"
                    Image.fromarray(shown).save(home / file)
                    rows.append(f"{file} {digit}{'-mirrored' * flip}\n")
        (home / f"{split}.txt").write_text("".join(rows))
