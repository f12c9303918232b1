"""An independent reader of text, RapidOCR, reads what `text_line` writes, by the whole road.

Digits, English words and Chinese lines (4 to 12 of the 500 commonest characters), each on plain
ground, on photographs, and once more as Pillow draws the same strings in the same fonts and sizes,
black on white; three fonts a script. Every set is a pipeline that is built, and is read from its
shards. Nothing is augmented. Read is what is read exactly, outer blanks stripped.

The Chinese pipelines are given a font without Chinese besides, which must never be used. fontTools,
which reads the tables of fonts, is asked for every line whether its font has the glyphs.

The reader brings another OpenCV and so lives in an environment of its own. It is made once, below
`.tools/proof/ocr`, as

    python -m venv .tools/proof/ocr
    .tools/proof/ocr/bin/pip install rapidocr-onnxruntime fonttools pylopdf-fonts-zh-cn

(the last has two of the Chinese fonts), or `OCR_ENV=FOLDER make proof NAME=ocr` names one that
stands. `COUNT` is the number of lines of each set. A goal that is missed fails the proof.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dsbuilder import load
from dsbuilder.builder import build_dataset
from dsbuilder.cache import ledger
from proofs import pictures
from proofs.accuracy_data import FETCHED, FONTS

PACKAGES = ("rapidocr-onnxruntime==1.4.4", "fonttools>=4.50", "pylopdf-fonts-zh-cn==0.1.1")
READER = Path(__file__).parent / "ocr_reader.py"
PHOTOGRAPHS = ("chelsea", "china", "coffee", "astronaut", "flower", "rocket")
LEAST = {"plain": 0.95, "photo": 0.90}
LEAST_OF_PILLOW = 0.97

WORDS = """
about above across again against almost alone along already although always among animal another
answer anything around because become before began behind being believe below between black
bring brought build building business called cannot center certain change children church cities
clear close cold color come common company complete could country course current daughter
decided development different difficult doctor door during early earth eight either energy
English enough entire especially even evening every example experience family farmer father
feeling field figure finally first follow food foreign forest form forward found friend front
garden general girl given government great ground group growth half happened happy heart heavy
help herself high history hold home horse hospital hour house however human hundred husband idea
important increase indeed industry inside interest island itself keep kind king kitchen knew
knowledge known labor land language large later laugh learn leave letter level life light line
list listen little local long machine making manner market material matter mean measure meeting
member method middle might million mind minute modern moment money month moral morning mother
motion mountain move music must myself name national nature near necessary never night nothing
number object offer office often once open order other outside over page paper parent party past
pattern peace people perhaps period person picture piece place plan plant play point policy
political position possible power present president pressure probably problem process produce
program provide public question quick quite rather reach ready real reason receive record
remember report rest result return right river road room round running school science season
second section sense sentence service seven several shall short should side simple since single
sister situation small social society something sound south special spring stand start state
station still stood story street strong student study subject such suddenly summer sun support
sure surface system table taken taught teacher thing think third those though thought thousand
three through time today together took toward town travel tree trouble true trying turn under
understand union united until upon usually value various village voice walk wall want watch
water week weight went west whether which while white whole whose wife wind window winter within
without woman wonder word work world write written wrong year young
"""

CHINESE = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过"
    "发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本"
    "前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很"
    "最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度"
    "门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电"
    "数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马"
    "科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万"
    "取拉格望觉术领共确传师观清今切院让识候带导争运笔红亲快越写备每存众委际流布造调况失早步影城图"
    "食飞团省装火器转石花九往酒八六七百千元风服费林农村黑河青周吃床车找言息坐船病药研试语连站验议"
    "房离似功单怎谁杀华呢收笑兵台满音速虽落参层积算足亚历阿持响请随乎派轻技适章维护球底势故根深商"
    "续念妈育专局晚严轮双米爱苦父母牛羊鱼鸟春夏秋冬茶菜饭肉蛋衣鞋帽左右窗桌画诗歌江湖"
)
"""500 of the commonest characters."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A set of lines.

    Attributes:
      options: what is written, as YAML.
      fonts: three files or more that have the glyphs.
      lacking: files that are given besides, and lack them.
    """

    options: str
    fonts: tuple[Path, ...]
    lacking: tuple[Path, ...] = ()


def scripts(environment: Path) -> dict[str, Script]:
    packed = next(environment.glob("lib/*/site-packages/pylopdf_fonts_zh_cn"))
    dejavu = FONTS / "dejavu"
    latin = tuple(
        dejavu / f"{name}.ttf" for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono")
    )
    noto = [packed / f"Noto{name}SC-Regular.otf" for name in ("Sans", "Serif")]
    chinese = (FONTS / "wqy" / "wqy-microhei.ttc", *noto)
    assert len(set(CHINESE)) == 500
    return {
        "digits": Script(options="charset: digits, length: [4, 10]", fonts=latin),
        "words": Script(options=f"words: [{', '.join(WORDS.split())}]", fonts=latin),
        "Chinese": Script(
            options=f"charset: {CHINESE}, length: [4, 12]", fonts=chinese, lacking=latin[:1]
        ),
    }


PIPELINE = """
name: lines
seed: {seed}
synthesize:
  - {{use: text_line, count: {count}, {options}, fonts: [{fonts}], size: [26, 40], height: null,
      padding: 8, {ground}}}
cache: {{image: png}}
"""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A line as its dataset holds it.

    Attributes:
      image: `(H, W, 3)` uint8.
      text: its label.
      font: the file that it was drawn with.
      size: size of the font, in pixels.
    """

    image: np.ndarray
    text: str
    font: Path
    size: int


def lines_in(
    root: Path, folder: Path, script: Script, ground: str, count: int, seed: int
) -> Iterator[Drawn]:
    """Builds a pipeline and yields what its shards hold."""
    fonts = (*script.lacking, *script.fonts)
    grounds = {"plain": "", "photo": f"ground: [photo], photos: {root / 'photos'}, contrast: 4.5"}
    text = PIPELINE.format(
        seed=seed,
        count=count,
        options=script.options,
        fonts=", ".join(map(str, fonts)),
        ground=grounds[ground],
    )
    (folder / "pipeline.yaml").write_text(text.replace(", }", "}"), encoding="utf-8")
    built = build_dataset(folder / "pipeline.yaml", out=folder / f"{ground}-built")
    dataset = load(built.path)
    entries = [
        entry
        for shard in dataset.shards("train")
        for entry in ledger.read(dataset.path / ledger.file_name(shard.stem))
    ]
    for entry, sample in zip(entries, dataset.samples("train"), strict=True):
        params = entry.stages[0].params
        assert sample.targets["text"] == params["text"]
        font = fonts[params["font"]]
        yield Drawn(image=sample.image, text=params["text"], font=font, size=params["size"])


def by_pillow(line: Drawn) -> np.ndarray:
    """The same string in black on white, as anybody draws it."""
    font = ImageFont.truetype(str(line.font), line.size)
    left, top, right, bottom = font.getbbox(line.text)
    canvas = Image.new("RGB", (round(right - left) + 16, round(bottom - top) + 16), "white")
    ImageDraw.Draw(canvas).text((8 - left, 8 - top), line.text, fill="black", font=font)
    return np.asarray(canvas)


def environment() -> Path:
    """The environment that the reader runs in; makes it where there is none."""
    if stated := os.environ.get("OCR_ENV"):
        return Path(stated)
    place = FETCHED / "ocr"
    if not (place / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
        (place / "made").touch()
    return place


def read(place: Path, folder: Path, pairs: list[tuple[str, str]]) -> Mapping[str, Any]:
    (folder / "fonts.json").write_text(json.dumps(pairs), encoding="utf-8")
    command = [place / "bin" / "python", READER, folder, folder / "fonts.json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run(count: int, seed: int) -> list[tuple[str, object]]:
    place, rows, missed = environment(), [], []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "photos").mkdir()
        for name in PHOTOGRAPHS:
            Image.fromarray(pictures.photograph(name)).save(root / "photos" / f"{name}.png")
        for name, script in scripts(place).items():
            for what, share, least in _script(place, root, name, script, count, seed):
                rows.append((f"{name}: {what}", f"{share:.3f} (at least {least:g})"))
                missed += [f"{name}: {what} {share:.3f}"] if share < least else []
    assert not missed, f"{rows}\nmissed: {missed}"
    return rows


def _script(
    place: Path, root: Path, name: str, script: Script, count: int, seed: int
) -> Iterator[tuple[str, float, float]]:
    """Yields what is measured of one script, the share, and the least that it may be."""
    for ground in ("plain", "photo"):
        folder = root / f"{name}-{ground}"
        folder.mkdir()
        drawn = list(lines_in(root, folder, script, ground, count, seed))
        for number, line in enumerate(drawn):
            Image.fromarray(line.image).save(folder / f"ours-{number:04}.png")
            Image.fromarray(by_pillow(line)).save(folder / f"pillow-{number:04}.png")
        found = read(place, folder, [(str(line.font), line.text) for line in drawn])
        assert not found["without"], f"{name}: fonts without glyphs were used: {found['without']}"
        assert {line.font for line in drawn} == set(script.fonts)
        right = {
            kind: [
                found["read"][f"{kind}-{number:04}.png"] == line.text.strip()
                for number, line in enumerate(drawn)
            ]
            for kind in ("ours", "pillow")
        }
        if os.environ.get("OCR_SHOW"):
            show(found["read"], drawn)
        yield f"exact on {ground} ground", sum(right["ours"]) / len(drawn), LEAST[ground]
        if ground == "plain":
            both = [own for own, other in zip(right["ours"], right["pillow"], strict=True) if other]
            what = f"read of what is read of Pillow's ({len(both)} lines)"
            yield what, sum(both) / len(both), LEAST_OF_PILLOW


def show(found: Mapping[str, str], drawn: list[Drawn]) -> None:
    for number, line in enumerate(drawn):
        ours, plain = (found[f"{kind}-{number:04}.png"] for kind in ("ours", "pillow"))
        if ours != line.text:
            print(number, line.font.stem, line.size, line.text, "->", ours, "| Pillow:", plain)
