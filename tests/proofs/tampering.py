"""Built datasets, runs and models that somebody tampered with: a clear error or an answer.

A dataset of every kind of label, stored by each codec, one with findings, and a run are copied; one
file of the copy is damaged (a few bytes, or a value of its JSON is replaced by a hostile one), and
a few verbs are asked about it, the next build among them. What must hold of each: it answers or
raises a DsbuilderError, within ten seconds of the processor; it writes nothing but where the caller
said, and runs no code that the data names. What was built again verifies.
"""

import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from conftest import ALL_KINDS
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DsbuilderError
from proofs.mutations import damage

MEMBER = "model.json"
CODECS = ("tfrecord", "npy")
LONGEST_S = 10.0
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod")
_RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
_QUIET = ("/dev/", "/proc/")

_KINDS = """
name: kinds
synthesize: [{use: all_kinds, count: 8, splits: {train: 0.5, test: 0.5}}]
cache: {codec: CODEC, image: IMAGE}
"""

_FOUND = """
name: found
source: {use: folder, path: pictures}
finish: [{use: resize, size: [8, 8]}]
inspect: {exact_duplicate: warn}
"""

_PETS = """
name: pets
source: {use: folder, path: pictures}
finish: [{use: resize, size: [8, 8]}]
train: {model: {use: cnn, width: 4}, epochs: 1}
"""


class Watch:
    """Notes what this process writes outside of a folder, or runs, from when it is armed."""

    def __init__(self) -> None:
        self.inside: str | None = None
        self.found: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event in _RUNS:
            self.found.append(f"{event} {args[:2]!r}")
        elif event in _CHANGES or (event == "open" and _writes(args)):
            for path in _places(event, args):
                real = os.path.realpath(path)
                if not real.startswith((self.inside + os.sep, *_QUIET)) and real != self.inside:
                    self.found.append(f"{event} {path}")


def _places(event: str, args: tuple[Any, ...]) -> Iterator[str]:
    """Yields the paths that an event changes; one that is relative to an open folder whole."""
    if event == "open":
        folders, paths = [-1], args[:1]
    elif event in ("os.rename", "os.link"):
        folders, paths = list(args[2:4]), args[:2]
    else:
        folders, paths = [args[-1]] * 2, args[:2]
    named = [
        str(Path(_folder(folder), os.fsdecode(path)))
        for folder, path in zip(folders, paths, strict=True)
        if _is_path(path)
    ]
    yield from named[1:] if event == "os.symlink" else named  # where it lies, not where it leads


def _folder(descriptor: Any) -> Path:
    is_open = isinstance(descriptor, int) and descriptor >= 0
    return Path(f"/proc/self/fd/{descriptor}").readlink() if is_open else Path()


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


def _writes(args: tuple[Any, ...]) -> bool:
    return isinstance(args[2], int) and bool(args[2] & _WRITING)


WATCH = Watch()  # an audit hook stays for good


def run(count: int, seed: int, *, models: bool = True) -> list[tuple[str, int]]:
    """Tampers with `count` copies; of a run and its models with every fourth, if `models`."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary).resolve()
        made = Originals(home, models=models)
        for number in range(count):
            chance = random.Random(f"{seed}/{number}")
            is_run = models and number % 4 == 3
            found.update(_case(made, number, chance, is_run=is_run, seed=seed))
    return sorted(found.items())


class Originals:
    """What is copied: a dataset a codec, and a run."""

    def __init__(self, home: Path, *, models: bool) -> None:
        self.home = home
        (home / "plugins").mkdir()
        (home / "plugins/all_kinds.py").write_text(ALL_KINDS, encoding="utf-8")
        self.marker = home / "victim/was_run"
        self.victim = home / "victim"
        (self.victim / "evil").mkdir(parents=True)
        (self.victim / "evil/mine.py").write_text(f"open({str(self.marker)!r}, 'w').close()\n")
        (self.victim / "precious.txt").write_text("precious")
        self.before = _sums(self.victim)
        self.datasets = [self._built(codec) for codec in CODECS]
        for place in range(8):
            path = home / f"pictures/{'ab'[place % 2]}/{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(place).integers(0, 255, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        (home / "pictures/b/again.png").write_bytes((home / "pictures/a/0.png").read_bytes())
        (home / "found.yaml").write_text(_FOUND, encoding="utf-8")
        self.datasets.append(build_dataset(home / "found.yaml", home / "found", workers=0).path)
        if models:
            (home / "pets.yaml").write_text(_PETS, encoding="utf-8")
            built = build_dataset(home / "pets.yaml", home / "out", workers=0)
            self.trained_on = dsbuilder.load(built.path)
            self.trained_on.train(run=home / "run")

    def _built(self, codec: str) -> Path:
        path = self.home / f"{codec}.yaml"
        image = "png" if codec == "tfrecord" else "raw"
        text = _KINDS.replace("CODEC", codec).replace("IMAGE", image)
        path.write_text(text, encoding="utf-8")
        return build_dataset(path, self.home / codec, workers=0).path


def _case(
    made: Originals, number: int, chance: random.Random, *, is_run: bool, seed: int
) -> Iterator[str]:
    """Tampers with one copy and asks verbs about it; yields how each ended."""
    case = made.home / "case"
    (case / "temporary").mkdir(parents=True)
    original = made.home / "run" if is_run else chance.choice(made.datasets)
    copy = _copied(original, case, made.home)
    what = f"seed {seed}, number {number}: {tampered(copy, chance, made.victim)}"
    verbs = _of_run(made, copy, case) if is_run else _of_dataset(copy, case, made.home)
    for name in chance.sample(sorted(verbs), 2 if is_run else 4):
        how = _asked(made, verbs[name], case, f"{name}: {what}")
        yield f"{name.partition(' ')[0]}: {how}"
    shutil.rmtree(case)


def _copied(original: Path, case: Path, home: Path) -> Path:
    """Copies a run, or the folder that a dataset was built into; returns the copy of the first."""
    top = home / original.relative_to(home).parts[0]
    shutil.copytree(top, case / top.name, symlinks=True)
    return (case / original.relative_to(home)).resolve()


def _asked(made: Originals, verb: Callable[[], Any], case: Path, what: str) -> str:
    began_s, how = time.process_time(), "an answer"
    WATCH.found.clear()
    before, tempfile.tempdir = tempfile.tempdir, str(case / "temporary")
    compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # of modules of our own
    WATCH.inside = str(case)
    try:
        verb()
    except DsbuilderError as error:
        how = "a clear error"
        assert str(error).strip(), what
    except BaseException as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    finally:
        WATCH.inside, tempfile.tempdir = None, before
        sys.dont_write_bytecode = compiled
    took_s = time.process_time() - began_s
    assert took_s < LONGEST_S, f"{what}: took {took_s:.1f} s"
    assert not WATCH.found, f"{what}: {WATCH.found}"
    assert _sums(made.victim) == made.before, f"{what}: the victim was changed"
    return how


def _of_dataset(copy: Path, case: Path, home: Path) -> dict[str, Callable[[], Any]]:
    """The verbs about a dataset, by name."""
    codec, plugins = copy.relative_to(case).parts[0], [home / "plugins"]

    def key() -> str:
        return next(entry.key for _, entry in dsbuilder.load(copy).entries("train"))

    def verify() -> None:
        dsbuilder.load(copy).verify()

    def build() -> None:
        built = build_dataset(home / f"{codec}.yaml", case / codec, workers=0)
        try:
            dsbuilder.load(built.path).verify()
        except DsbuilderError as error:
            raise AssertionError(f"the next build published what is not sound: {error}") from error

    def browse() -> None:
        marks = {"exclude": case / "exclude.txt", "corrections": case / "wrong.csv"}
        with contextlib.closing(dsbuilder.load(copy).browse(**marks, plugins=plugins)) as server:
            server.page(server.home)
            server.page(f"{server.home}sample/0")
            if codec == "found":
                server.page(f"{server.home}?finding=exact_duplicate")

    verbs: dict[str, Callable[[], Any]] = {
        "browse": browse,
        "build": build,
        "info": lambda: dsbuilder.load(copy).info(),
        "verify": verify,
        "report": lambda: dsbuilder.load(copy).report(case / "report.html"),
        "explain": lambda: dsbuilder.load(copy).explain(
            key(), output=case / "explained.png", plugins=plugins
        ),
        "replay": lambda: dsbuilder.load(copy).replay(key(), plugins=plugins),
        "diff": lambda: dsbuilder.load(copy).diff(dsbuilder.load(copy)),
        "samples": lambda: [list(dsbuilder.load(copy).samples(each)) for each in ("train", "test")],
    }
    for exporter in dsbuilder.plugins(kind="exporter").plugins:
        out, name = case / f"exported-{exporter.name}", exporter.name
        verbs[f"export {name}"] = lambda out=out, name=name: dsbuilder.load(copy).export(
            out, to=name
        )
    return verbs


def _of_run(made: Originals, copy: Path, case: Path) -> dict[str, Callable[[], Any]]:
    """The verbs about a run and its models, by name."""
    return {
        "runs": lambda: dsbuilder.runs(case),
        "report": lambda: dsbuilder.report_runs(copy, output=case / "run.html"),
        "evaluate": lambda: made.trained_on.evaluate(copy),
        "predict": lambda: dsbuilder.predict(copy, [made.home / "pictures"]),
        "resume": lambda: made.trained_on.train(run=copy, resume=True),
    }


def tampered(folder: Path, chance: random.Random, victim: Path) -> str:
    """Damages one file of a folder, or replaces one value of its JSON; says which and how."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [path for path in paths if path.suffix in (".json", ".jsonl")]
    models = [path for path in paths if path.suffix == ".keras"]
    if models and chance.random() < 0.5:
        return _in_model(chance.choice(models), chance, victim)
    if chance.random() < 0.3:
        return damage(folder, chance)
    path = chance.choice(texts)
    lines = path.read_text(encoding="utf-8").splitlines() or ["{}"]
    place = chance.randrange(len(lines)) if path.suffix == ".jsonl" else 0
    text = lines[place] if path.suffix == ".jsonl" else "\n".join(lines)
    changed, what = _replaced(text, chance, victim)
    if path.suffix == ".jsonl":
        changed = "\n".join([*lines[:place], changed, *lines[place + 1 :]]) + "\n"
    path.write_text(changed, encoding="utf-8")
    return f"{path.relative_to(folder)}: {what}"


def _in_model(path: Path, chance: random.Random, victim: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([MEMBER, MEMBER, *(each for each in members if each.endswith(".json"))])
    changed, what = _replaced(members[name].decode(), chance, victim)
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in {**members, name: changed.encode()}.items():
            archive.writestr(each, data)
    return f"{path.name}: {name}: {what}"


def _replaced(text: str, chance: random.Random, victim: Path) -> tuple[str, str]:
    """Replaces, removes or renames one value of a JSON text; or it is nested without end."""
    if chance.random() < 0.02:
        return "[" * 100_000 + "]" * 100_000, "nested without end"
    data = json.loads(text)
    steps: list[Any] = []
    value = data
    while isinstance(value, (dict, list)) and value and (not steps or chance.random() < 0.85):
        names = list(value) if isinstance(value, dict) else list(range(len(value)))
        steps.append(chance.choice(names))
        value = value[steps[-1]]
    hostile = chance.choice(hostiles(victim))
    if not steps:
        return json.dumps(hostile), f"all is {str(hostile)[:40]!r}"
    above = data
    for step in steps[:-1]:
        above = above[step]
    how = chance.choice(("value", "value", "value", "remove", "rename"))
    if how == "value" or isinstance(above, list):
        above[steps[-1]] = hostile
    else:
        was = above.pop(steps[-1])
        if how == "rename":
            above[str(hostile)[:200]] = was
    return json.dumps(data), f"{how} {steps} {str(hostile)[:40]!r}"


def hostiles(victim: Path) -> tuple[Any, ...]:
    """What a value is replaced by."""
    return (
        *(str(victim / "name"), "../../../victim/name", "/dev/zero", "..", "", ".", "a/b", "\\"),
        *("\x1b[2J\x1b]0;x\x07", "\u202egnp.exe", "a\nb", "\0", "x" * 100_000, "\udc80"),
        *(0, -1, 1, 2**31, 2**63, 10**30, 1e308, float("inf"), float("nan"), 0.5),
        *(None, True, False, [], {}, [[]], {"": ""}, [str(victim / "evil")], {"use": "resize"}),
        {"kind": "class", "names": ["a"], "soft": True},
        *("train", "test", "raw", "npy", "tfrecord", "uint8", "all_kinds", "mine"),
    )


def _sums(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
