"""What `init` writes for a folder builds as it stands, for every layout that a source reads."""

import gzip
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from videos import write_video

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.layouts.webdataset.writer import write_shard
from dsbuilder.proposal.recognition import LEAST
from dsbuilder.registry import discover


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def picture(path: Path, *, size: tuple[int, int] = (40, 50), mode: str = "RGB") -> str:
    """Writes smooth random colors of (height, width) and returns the file's name."""
    seed = sum(path.name.encode()) + len(str(path))
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 4), dtype=np.uint8)
    image = Image.fromarray(small, "RGBA").resize((size[1], size[0]), Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(path)
    return path.name


def photographs(root: Path) -> None:
    """Class folders of JPEGs of several sizes, a hidden file, a note, and names with spaces."""
    for label in ("rose", "tulip", "向日葵"):
        for index in range(12):
            picture(root / label / f"a {index}.jpg", size=(200 + index, 260))
    (root / ".DS_Store").touch()
    (root / "readme.txt").write_text("Flowers.")


def tiny_classes(root: Path) -> None:
    for label, count in {"a long name": 1, "b": 2, "c": 5, "no": 30}.items():
        for index in range(count):
            picture(root / label / f"{index}.png", size=(30, 90))


def one_class(root: Path) -> None:
    for index in range(12):
        picture(root / "rose" / f"{index}.jpg", size=(80, 100))
    (root / "readme.txt").write_text("Roses.")


def no_labels(root: Path) -> None:
    for index in range(12):
        picture(root / f"{index}.jpg", size=(80, 100))
    (root / "readme.txt").write_text("Roses.")


def split_folders(root: Path) -> None:
    for split in ("train", "val"):
        for label in ("cat", "dog"):
            for index in range(6):
                picture(root / split / label / f"{index}.png")


def transparent_art(root: Path) -> None:
    for label in ("sun", "moon"):
        for index in range(10):
            picture(root / label / f"{index}.png", size=(72, 72), mode="RGBA")


def digits(root: Path) -> None:
    names = [picture(root / f"images/{n}.png", size=(28, 28), mode="L") for n in range(40)]
    for split, part in {"train": names[:30], "test": names[30:]}.items():
        (root / f"{split}.txt").write_text("".join(f"{n} {len(n) % 2}\n" for n in part))


def table(root: Path) -> None:
    lines = ["file,species,patient\r\n"]
    for index in range(24):
        name = picture(root / f"scans/{index}, left.png", size=(64, 48), mode="L")
        lines.append(f'"scans/{name}",{"ab"[index % 2]},{index // 3}\r\n')
    (root / "labels.csv").write_text("\ufeff" + "".join(lines), newline="")


def numbers(root: Path) -> None:
    lines = ["file_name,age"]
    for index in range(20):
        name = picture(root / f"faces/{index}.jpg", size=(80, 64))
        lines.append(f"{name},{20 + index * 1.5}")
    (root / "ages.csv").write_text("\n".join(lines))


def tags(root: Path) -> None:
    lines = ["file_name,tags"]
    for index in range(20):
        name = picture(root / f"{index}.png")
        lines.append(f"{name},{('sky|sea', 'sea', 'sky|tree|sea')[index % 3]}")
    (root / "tags.csv").write_text("\n".join(lines))


def flags(root: Path) -> None:
    """A table of 0 and 1 in the folder of each split, as Roboflow exports."""
    for split, count in {"train": 16, "valid": 6}.items():
        names = [picture(root / split / f"{split}{index}.jpg") for index in range(count)]
        lines = [f"{name}, {index % 2}, {index % 3 % 2}" for index, name in enumerate(names)]
        (root / split / "_classes.csv").write_text("\n".join(["filename, cat, dog", *lines]))


def boxes(root: Path) -> None:
    """Ids without endings, and rows of boxes."""
    lines = ["image_id,bbox,kind"]
    for index in range(16):
        picture(root / f"train/{index:03}.jpg", size=(120, 160))
        lines += [
            f'{index:03},"[60, {9 * row}, 30, 8]",{"ab"[row % 2]}' for row in range(index % 4)
        ]
    (root / "train.csv").write_text("\n".join(lines))


def mnist(root: Path) -> None:
    """Pairs of IDX files, packed, as their authors ship them."""
    root.mkdir()
    for part, count in {"train": 60, "t10k": 20}.items():
        pixels = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, magic, values in (("images-idx3", 2051, pixels), ("labels-idx1", 2049, labels)):
            head = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
            packed = gzip.compress(head + values.tobytes())
            (root / f"{part}-{name}-ubyte.gz").write_bytes(packed)


def npz(root: Path) -> None:
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez(root / "cifar.npz", x_train=pixels, y_train=np.arange(40)[:, None] % 4)


def pixel_table(root: Path) -> None:
    root.mkdir()
    lines = ["label," + ",".join(f"pixel{n}" for n in range(64))]
    lines += [
        f"{row % 3}," + ",".join(str((row * n) % 256) for n in range(64)) for row in range(30)
    ]
    (root / "train.csv").write_text("\n".join(lines))


def captions(root: Path) -> None:
    """Hugging Face imagefolder: a table with a label and a text beside the images."""
    for split, count in {"train": 20, "test": 8}.items():
        names = [picture(root / split / f"{index}.jpg", size=(90, 120)) for index in range(count)]
        rows = [{"file_name": name, "label": "ab"[index % 2]} for index, name in enumerate(names)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / split / "metadata.jsonl").write_text(text)


def words(root: Path) -> None:
    """SynthTIGER: `gt.txt` with a tab between path and text."""
    names = [picture(root / f"images/0/{n}.jpg", size=(40, 100 + n), mode="L") for n in range(30)]
    lines = [f"images/0/{name}\tWord {index} ü\n" for index, name in enumerate(names)]
    (root / "gt.txt").write_text("".join(lines))


def yolo(root: Path) -> None:
    """Ultralytics: `data.yaml`, images and labels; one image is background."""
    for split, count in {"train": 12, "val": 4}.items():
        for index in range(count):
            picture(root / f"images/{split}/{index}.jpg", size=(120, 160))
            label = root / f"labels/{split}/{index}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            if index:
                label.write_text(f"{index % 2} 0.5 0.5 0.25 0.5\n1 0.2 0.2 0.1 0.1\n")
    (root / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nnames: {0: person, 1: car}\n"
    )


def relabeled(root: Path, line: str, more: str = "") -> None:
    """The same with another line in every label file, and further keys in `data.yaml`."""
    yolo(root)
    for label in root.rglob("labels/*/*.txt"):
        label.write_text(line)
    data = root / "data.yaml"
    data.write_text(data.read_text() + more)


def polygons(root: Path) -> None:
    relabeled(root, "0 0.1 0.1 0.9 0.1 0.5 0.8\n1 0.4 0.2 0.6 0.2 0.6 0.4 0.4 0.4\n")


def poses(root: Path) -> None:
    shape = "kpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\n"
    relabeled(root, "0 0.5 0.5 0.5 0.5 0.5 0.4 2 0.3 0.6 1 0 0 0\n", shape)


def coco(root: Path) -> None:
    """Instances with gaps between the ids of categories, and an image without any."""
    images, annotations = [], []
    for index in range(16):
        name = picture(root / f"images/{index:03}.jpg", size=(120, 160))
        images.append({"id": 100 + index, "file_name": name, "height": 120, "width": 160})
        if index:
            box = [10.0 * (index % 4), 20.0, 60.0, 40.5]
            entry = {"id": index, "image_id": 100 + index, "bbox": box, "area": 2430.0}
            annotations.append({**entry, "category_id": 3 + 4 * (index % 2), "iscrowd": 0})
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir()
    (root / "annotations/instances_default.json").write_text(json.dumps(document))


def keypoints(root: Path) -> None:
    images, annotations = [], []
    names = ["nose", "left_eye", "right_eye"]
    for index in range(12):
        name = picture(root / f"images/{index:03}.jpg", size=(120, 160))
        images.append({"id": index, "file_name": name, "height": 120, "width": 160})
        points = [80, 60, 2, 70, 50, 2, 90, 50, 1]
        entry = {"id": index, "image_id": index, "bbox": [60, 40, 40, 40], "area": 1600.0}
        annotations.append(
            {**entry, "category_id": 1, "iscrowd": 0, "keypoints": points, "num_keypoints": 3}
        )
    categories = [{"id": 1, "name": "person", "keypoints": names, "skeleton": [[1, 2], [1, 3]]}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir()
    (root / "annotations/person_keypoints_train.json").write_text(json.dumps(document))


def objects(root: Path) -> None:
    """Hugging Face imagefolder with boxes."""
    rows = []
    for index in range(12):
        name = picture(root / f"{index}.jpg", size=(120, 160))
        found = {"bbox": [[10, 20, 30.5, 40]], "categories": [index % 2]}
        rows.append(json.dumps({"file_name": name, "objects": found}))
    (root / "metadata.jsonl").write_text("\n".join(rows))


def masks(root: Path) -> None:
    for index in range(14):
        name = picture(root / f"images/{index}.jpg", size=(96, 128))
        pixels = np.zeros((96, 128), np.uint8)
        pixels[10 : 50 + index, 20:80] = 1 + index % 2
        (root / "masks").mkdir(exist_ok=True)
        Image.fromarray(pixels).save((root / "masks" / name).with_suffix(".png"))


def voc(root: Path) -> None:
    for index in range(16):
        name = picture(root / f"JPEGImages/2007_{index:06}.jpg", size=(100, 150))
        box = "<xmin>11</xmin><ymin>21</ymin><xmax>80</xmax><ymax>90</ymax>"
        text = (
            f"<annotation><filename>{name}</filename>"
            "<size><width>150</width><height>100</height><depth>3</depth></size>"
            f"<object><name>{('cat', 'dog')[index % 2]}</name><difficult>0</difficult>"
            f"<truncated>0</truncated><bndbox>{box}</bndbox></object></annotation>"
        )
        (root / "Annotations").mkdir(exist_ok=True)
        (root / f"Annotations/2007_{index:06}.xml").write_text(text)
    lists = root / "ImageSets/Main"
    lists.mkdir(parents=True)
    for split, part in {"train": range(12), "val": range(12, 16)}.items():
        (lists / f"{split}.txt").write_text("".join(f"2007_{index:06}\n" for index in part))


def voc_with_masks(root: Path) -> None:
    voc(root)
    (root / "SegmentationClass").mkdir()
    for index in range(16):
        ids = np.zeros((100, 150), np.uint8)
        ids[10:40, 10:60] = 8 + 4 * (index % 2)
        mask = Image.fromarray(ids)
        mask.putpalette(bytes(range(256)) * 3)
        mask.save(root / f"SegmentationClass/2007_{index:06}.png")


def clips(root: Path) -> None:
    for number in range(6):
        write_video(root / f"{number}.mp4", 40)
        (root / f"{number}.csv").write_text("start,end,label\n0,2,walk\n2,5,run\n")
        (root / f"{number}.srt").touch()


def built(root: Path) -> None:
    """A dataset of ours, which is one of TensorFlow Datasets."""
    made = root.parent / "made"
    split_folders(made / "pets")
    (made / "pets.yaml").write_text("name: pets\nsource: {use: folder, path: pets}\n")
    call("build", made / "pets.yaml", "--out", made / "out", "--workers", 0, "--quiet")
    shutil.copytree(made / "out/pets/1.0.0", root)


def tars(root: Path) -> None:
    """Tar files as webdataset packs them, with captions in JSON."""
    for split, count in {"train": 24, "val": 8}.items():
        samples = []
        for index in range(count):
            photograph = root.parent / "loose" / f"{split}{index}.jpg"
            picture(photograph, size=(90, 60))
            described = json.dumps({"caption": f"picture {index}", "class": "ab"[index % 2]})
            parts = {"jpg": photograph.read_bytes(), "json": described.encode()}
            samples.append((f"{split}{index:06d}", parts))
        root.mkdir(exist_ok=True)
        write_shard(root / f"{split}-000000.tar", samples)


def exported(root: Path) -> None:
    """Tar files that were exported, with what describes them."""
    built(root.parent / "built")
    call("export", root.parent / "built", "--to", "webdataset", "--out", root)


LAYOUTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "photographs": ("folder", photographs),
    "tiny classes": ("folder", tiny_classes),
    "split folders": ("folder", split_folders),
    "transparent art": ("folder", transparent_art),
    "one class": ("folder", one_class),
    "no labels": ("images", no_labels),
    "lists for splits": ("list", digits),
    "a table": ("list", table),
    "numbers": ("list", numbers),
    "tags": ("list", tags),
    "flags for splits": ("list", flags),
    "boxes in a table": ("list", boxes),
    "mnist": ("idx", mnist),
    "npz": ("arrays", npz),
    "pixels in a table": ("pixel_csv", pixel_table),
    "imagefolder": ("imagefolder", captions),
    "words": ("ocr", words),
    "yolo": ("yolo", yolo),
    "polygons of yolo": ("yolo", polygons),
    "keypoints of yolo": ("yolo", poses),
    "coco": ("coco", coco),
    "keypoints": ("coco", keypoints),
    "objects in a table": ("imagefolder", objects),
    "masks": ("image_mask", masks),
    "voc": ("voc", voc),
    "voc with masks": ("voc", voc_with_masks),
    "a built dataset": ("tfrecord", built),
    "tar files": ("webdataset", tars),
    "exported tar files": ("webdataset", exported),
    "videos": ("video", clips),
}


def test_every_layout_is_tried() -> None:
    known = {plugin.name for plugin in discover().of_kind("source") if plugin.cls.of_folder}
    assert {source for source, _ in LAYOUTS.values()} == known


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_init_writes_builds_as_it_stands(layout: str, tmp_path: Path) -> None:
    source, make = LAYOUTS[layout]
    make(tmp_path / "some data")
    pipeline = tmp_path / "pipeline.yaml"
    told = json.loads(call("init", tmp_path / "some data", "--output", pipeline, "--json").stdout)
    sure = [each["source"] for each in told["recognized"] if each["certainty"] >= LEAST]
    assert sure == [told["source"]["use"]] == [source]
    call("build", pipeline, "--out", tmp_path / "out", "--workers", 0, "--quiet")
    dataset = dsbuilder.load(tmp_path / "out/some_data/1.0.0")
    made = {split: dataset.num_samples(split) for split in told["check"]["samples"]}
    assert made == told["check"]["samples"]
    assert made["train"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["lists for splits", "photographs"])
def test_what_init_writes_trains_as_it_stands(layout: str, tmp_path: Path) -> None:
    LAYOUTS[layout][1](tmp_path / "data")
    call("init", tmp_path / "data", "--output", tmp_path / "data.yaml")
    out = ("--out", tmp_path / "out", "--run", tmp_path / "run")
    call("train", tmp_path / "data.yaml", *out, "--epochs", 1, "--quiet")
    assert (tmp_path / "run/best.keras").is_file()
