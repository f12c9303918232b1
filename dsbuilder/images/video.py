"""Frames of a video: which there are, when each is shown, and the pixels of one.

OpenCV decodes through FFmpeg. A frame is known by its number from the first one on, as decoding in
order counts them, and by a digest of its pixels. To jump to a frame is not exact in every file: so
what was jumped to is compared with the digest, and where it is another frame the file is decoded in
order from its start. The pixels are the same whichever way they were reached, or it is an error.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dsbuilder.errors import DataError

VIDEO_EXTENSIONS = ("avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv")
"""Extensions of the files that are read, in small letters."""

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong is told by an error

_NEAR = 64
"""Frames to go on decoding rather than to jump."""
_SIDE = 32
_MISSING = 0.02
_FEW_MISSING = 5


@dataclass(frozen=True, kw_only=True)
class VideoFrame:
    """One frame.

    Attributes:
      number: number of frames before it.
      time_s: seconds after the start of the video at which it is shown.
      digest: digest of its pixels.
    """

    number: int
    time_s: float
    digest: str


@dataclass(frozen=True, kw_only=True)
class FrameChoice:
    """Which frames of a video are taken.

    Attributes:
      every: number of frames from one candidate to the next; None goes by `every_s`.
      every_s: seconds from one candidate to the next.
      change: least mean difference, in levels of gray in [0, 255], of a candidate from the frame
        that was taken last, both averaged to 32 x 32 pixels; 0 takes every candidate.
    """

    every: int | None = None
    every_s: float = 1.0
    change: float = 0.0


def frames(path: Path, choice: FrameChoice) -> list[VideoFrame]:
    """Returns the frames of a video that are taken; decodes it once, in order.

    Raises:
      DataError: it is no video that can be decoded, or ends much earlier than its header states.
    """
    found: list[VideoFrame] = []
    due_s, last = 0.0, None
    count = 0
    with _Opened(path) as video:
        stated = video.stated_count
        while video.grab():
            number, time_s = video.number, video.time_s
            count += 1
            if choice.every is not None:
                if number % choice.every:
                    continue
            elif time_s + 1e-6 < due_s:
                continue
            else:
                due_s = (int((time_s + 1e-6) / choice.every_s) + 1) * choice.every_s
            pixels = video.pixels()
            seen = _small(pixels) if choice.change else None
            if seen is not None and last is not None and _differ(seen, last) < choice.change:
                continue
            last = seen
            found.append(VideoFrame(number=number, time_s=round(time_s, 6), digest=_digest(pixels)))
    if not count:
        raise DataError("there is no frame in it that can be decoded. Replace the file.")
    if count < stated - max(_FEW_MISSING, _MISSING * stated):
        raise DataError(
            f"expected {stated} frames, as the file states, found {count} that can be decoded: it "
            "is cut or damaged. Replace it, or cut it there."
        )
    return found


class FrameReader:
    """Reads frames, the one after the other of one video without decoding any twice."""

    def __init__(self) -> None:
        self._video: _Opened | None = None

    def read(self, path: Path, number: int, digest: str) -> np.ndarray:
        """Returns the pixels of a frame, `(H, W, 3)` uint8 RGB.

        Raises:
          DataError: the file cannot be decoded, or not to the frame that was listed.
        """
        for way in (self._onward, self._jumped, self._from_start):
            pixels = way(path, number)
            if pixels is not None and _digest(pixels) == digest:
                return pixels
        self.close()
        raise DataError(
            f"expected frame {number} as it was listed, found another or none: the file changed, "
            "or does not decode to the same pixels each time. List it again, or replace it."
        )

    def close(self) -> None:
        """Closes the video that was read last."""
        if self._video is not None:
            self._video.close()
            self._video = None

    def _onward(self, path: Path, number: int) -> np.ndarray | None:
        """Goes on where the last frame was; None where that is behind or far away."""
        video = self._video
        if video is None or video.path != path or not 0 < number - video.number <= _NEAR:
            return None
        return _reached(video, number)

    def _jumped(self, path: Path, number: int) -> np.ndarray | None:
        video = self._opened(path)
        if number > _NEAR and not video.jump(number):
            return None
        return _reached(video, number)

    def _from_start(self, path: Path, number: int) -> np.ndarray | None:
        self.close()
        return _reached(self._opened(path), number)

    def _opened(self, path: Path) -> "_Opened":
        if self._video is None or self._video.path != path or self._video.number >= 0:
            self.close()
            self._video = _Opened(path)
        return self._video


def _reached(video: "_Opened", number: int) -> np.ndarray | None:
    while video.number < number:
        if not video.grab():
            return None
    return video.pixels()


class _Opened:
    """A video that is being decoded.

    Attributes:
      path: the file.
      number: number of the frame that was decoded last; -1 before the first.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError("there is no such file. Check the path.")
        # One thread: workers share the cores, and what is damaged decodes alike each time.
        self._capture = cv2.VideoCapture(
            str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1]
        )
        if not self._capture.isOpened():
            raise DataError(
                "expected a video that FFmpeg decodes, found another file, or one that is cut or "
                "damaged. Convert or replace it."
            )
        self.path, self.number = path, -1
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._rate = rate if 0 < rate < 1e6 else 0.0

    @property
    def stated_count(self) -> int:
        """How many frames the file states; 0 where it states none."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return int(count) if 0 < count < 1e12 else 0

    @property
    def time_s(self) -> float:
        """When the frame that was decoded last is shown."""
        stated: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self.number and not stated > 0 and self._rate:
            return self.number / self._rate
        return max(0.0, stated)

    def grab(self) -> bool:
        """Decodes the next frame; False where there is none."""
        if not self._capture.grab():
            return False
        self.number += 1
        return True

    def pixels(self) -> np.ndarray | None:
        """Returns the pixels of the frame that was decoded last; None where it is damaged."""
        _, pixels = self._capture.retrieve()
        if pixels is None or pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
            return None
        if pixels.ndim == 2 or pixels.shape[2] == 1:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
        return np.asarray(cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_BGR2RGB))

    def jump(self, number: int) -> bool:
        """Goes to a frame, as far as the file allows, such that the next one is it."""
        if not self._capture.set(cv2.CAP_PROP_POS_FRAMES, number):
            return False
        self.number = number - 1
        return True

    def close(self) -> None:
        self._capture.release()

    def __enter__(self) -> "_Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(pixels: np.ndarray | None) -> str:
    if pixels is None:
        return ""
    size = f"{pixels.shape[1]}x{pixels.shape[0]} "
    return size + hashlib.blake2b(pixels.tobytes(), digest_size=12).hexdigest()


def _small(pixels: np.ndarray | None) -> np.ndarray | None:
    if pixels is None:
        return None
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _differ(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())
