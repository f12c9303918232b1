"""A sample that shows its targets: boxes and dots, each of its own color, and a mask."""

import numpy as np

from dsbuilder.plugin import Boxes, BoxSet, Keypoints, Mask, PointSet, Sample

HEIGHT, WIDTH = 96, 128
IGNORED = 255
KINDS = {
    "mask": Mask(names=("none", "box", "dot"), ignore=IGNORED),
    "objects": Boxes(names=("a", "b", "c"), attributes=(("number", "int64"), ("word", "string"))),
    "keypoints": Keypoints(names=("left", "nose", "right"), swaps=(("left", "right"),)),
}
RADIUS = 4


def color(code: int, green: int) -> tuple[int, int, int]:
    """A color that keeps its code where it is blended half and half at most."""
    return (255 * (code & 1), green, 255 * (code >> 1))


def codes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which code each pixel has, and whether it is a dot's."""
    return (image[..., 0] > 127) + 2 * (image[..., 2] > 127).astype(int), image[..., 1] > 127


def painted() -> Sample:
    """Three boxes and three dots on black, each of its own color, and as a mask."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    boxes = np.array([[10, 8, 50, 40], [70, 20, 110, 60], [20, 56, 60, 88]], np.float32)
    points = np.array([[30.0, 24.0], [90.0, 40.0], [40.0, 72.0]])
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        image[top:bottom, left:right] = color(number + 1, 0)
        mask[top:bottom, left:right] = 1
    for number, (x, y) in enumerate(points):
        dot = (rows - y) ** 2 + (columns - x) ** 2 <= RADIUS**2
        image[dot] = color(number, 255)
        mask[dot] = 2
    corners = boxes / np.array([WIDTH, HEIGHT] * 2, np.float32)
    shares = (points / (WIDTH, HEIGHT))[None].astype(np.float32)
    image.flags.writeable = False
    return Sample(
        key="painted",
        image=image,
        targets={
            "mask": mask,
            "objects": BoxSet(
                corners=corners,
                classes=np.array([0, 1, 2]),
                attributes={
                    "number": np.array([10, 11, 12]),
                    "word": np.array(["x", "y", "z"], object),
                },
            ),
            "keypoints": PointSet(points=shares, visibility=np.array([[2, 1, 2]])),
        },
        positional=KINDS,
    )


def check_mask(sample: Sample, least: float = 0.97) -> None:
    """Pixels show what the mask says, but at the edges of things."""
    mask, image = sample.targets["mask"], sample.image
    assert mask.shape == image.shape[:2]
    assert set(np.unique(mask)) <= {0, 1, 2, IGNORED}
    code, dot = codes(image)
    shown = np.where(dot, 2, code > 0)
    known = mask != IGNORED
    assert (shown == mask)[known].mean() > least
    # What comes in from outside is ignored; it shows nothing.
    assert known.all() or (shown[~known] > 0).mean() < 0.03


def check_boxes(sample: Sample, reach: float = 1.6) -> None:
    """The pixels of a box lie in the box; what was dropped is hardly seen."""
    height, width = sample.image.shape[:2]
    value: BoxSet = sample.targets["objects"]
    assert value.attributes["number"].tolist() == (10 + value.classes).tolist()
    assert value.attributes["word"].tolist() == [("x", "y", "z")[i] for i in value.classes]
    assert ((value.corners >= 0) & (value.corners <= 1)).all()
    rows, columns = np.mgrid[:height, :width] + 0.5
    code, dot = codes(sample.image)
    for number in range(3):
        seen = (code == number + 1) & ~dot
        if number not in value.classes:
            assert seen.sum() < 0.12 * 40 * 32, f"box {number} was dropped"
            continue
        left, top, right, bottom = value.corners[value.classes == number][0] * ([width, height] * 2)
        inside = (columns > left - reach) & (columns < right + reach)
        inside &= (rows > top - reach) & (rows < bottom + reach)
        assert (inside & seen).sum() >= 0.97 * seen.sum(), f"box {number}"


def check_points(sample: Sample, order: tuple[int, ...] = (0, 1, 2), reach: float = 2.0) -> None:
    """A dot's middle is its point, whichever name it has now."""
    height, width = sample.image.shape[:2]
    value: PointSet = sample.targets["keypoints"]
    rows, columns = np.mgrid[:height, :width] + 0.5
    code, dot = codes(sample.image)
    for place, number in enumerate(order):
        seen = dot & (code == number)
        x, y = value.points[0, place] * (width, height)
        if value.visibility[0, place]:
            assert value.visibility[0, place] == (2, 1, 2)[number]
            margin = 2 * RADIUS
            if seen.any() and margin < x < width - margin and margin < y < height - margin:
                assert abs(np.median(columns[seen]) - x) < reach
                assert abs(np.median(rows[seen]) - y) < reach


def dot_at(sample: Sample, place: int) -> int | None:
    """Which dot is seen at a keypoint; None where none is."""
    height, width = sample.image.shape[:2]
    points: PointSet = sample.targets["keypoints"]
    x, y = (points.points[0, place] * (width, height)).astype(int).clip(0, (width - 1, height - 1))
    code, dot = codes(sample.image)
    return int(code[y, x]) if points.visibility[0, place] and dot[y, x] else None
