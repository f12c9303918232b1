"""Reads pictures of lines with RapidOCR, in an environment of its own, for the proof `ocr`.

`python ocr_reader.py FOLDER FONTS`: prints as JSON what stands on each picture of the folder, outer
blanks stripped, and which texts of a JSON file hold a character that their font's own table (cmap)
lacks. Imports nothing of dsbuilder.
"""

import json
import sys
from functools import cache
from pathlib import Path

import cv2
from fontTools.ttLib import TTFont
from rapidocr_onnxruntime import RapidOCR


@cache
def table(path: str) -> frozenset[int]:
    number = 0 if path.endswith((".ttc", ".otc")) else -1
    return frozenset(TTFont(path, fontNumber=number).getBestCmap())


def main(folder: Path, fonts: Path) -> None:
    reader = RapidOCR()
    read = {}
    for path in sorted(folder.glob("*.png")):
        found, _ = reader(cv2.imread(str(path)), use_det=False, use_cls=False, use_rec=True)
        read[path.name] = found[0][0].strip() if found else ""
    pairs = json.loads(fonts.read_text(encoding="utf-8"))
    without = [
        [font, text]
        for font, text in pairs
        if not {ord(c) for c in text if c != " "} <= table(font)
    ]
    print(json.dumps({"read": read, "without": without}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
