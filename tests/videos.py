"""Videos that tests write: each frame has a color of its own, and its number on it."""

from pathlib import Path

import cv2
import numpy as np

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
RATE = 10


def frame(number: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """The frame as it is drawn, RGB."""
    image = np.zeros((*size, 3), np.uint8)
    image[:] = (number * 37 % 200, 200 - number * 37 % 200, 40)
    cv2.putText(image, str(number), (8, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    return image


def write_video(
    path: Path, count: int = 30, *, size: tuple[int, int] = (48, 64), still: bool = False
) -> Path:
    """Writes a video; a still one shows its first frame all the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*CODECS[path.suffix])
    video = cv2.VideoWriter(str(path), codec, RATE, size[::-1])
    assert video.isOpened()
    for number in range(count):
        video.write(frame(0 if still else number, size)[:, :, ::-1])
    video.release()
    return path


def in_order(path: Path) -> list[np.ndarray]:
    """The frames of a video as OpenCV reads them one after the other, RGB."""
    video, found = cv2.VideoCapture(str(path)), []
    while True:
        there, image = video.read()
        if not there:
            return found
        found.append(image[:, :, ::-1])
