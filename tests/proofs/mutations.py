"""Files of every layout with random damage: a clear error or a right listing, never a traceback.

A small dataset of every kind of target is built and exported to every layout with an exporter;
the layout's source, with the options that `init` proposes for the whole, then opens copies in
which a few bytes of one file were changed, cut, doubled or removed. What it must do: raise a
DataError with a message, or list records whose labels parse and of which no key is made up twice.
"""

import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from conftest import ALL_KINDS

from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import load
from dsbuilder.errors import DataError
from dsbuilder.images.encoding import decode
from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import Source
from dsbuilder.proposal.recognition import candidates
from dsbuilder.registry import Registry, discover

SOURCE_OF = {"npz": "arrays", "tfds": "tfrecord"}
"""The source of what an exporter writes, where it has another name."""

_LARGE_BYTES = 1 << 16
_PIPELINE = (
    "name: kinds\n"
    "synthesize: [{use: all_kinds, count: 8, splits: {train: 0.5, test: 0.5}}]\n"
    "cache: {image: png}\n"
)


def run(count: int, seed: int) -> list[tuple[str, int]]:
    """Damages `count` copies, dealt evenly over the layouts, and opens each."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        registry = discover()
        originals = exports(Path(temporary), registry)
        names = sorted(originals)
        for name, place in originals.items():
            how = opened(registry, options(name, originals, registry), place, name)
            assert how == "listed and read", f"{name}, undamaged: {how}"
        for number in range(count):
            name = names[number % len(names)]
            place = Path(temporary) / "damaged"
            shutil.copytree(originals[name], place)
            what = damage(place, random.Random(f"{seed}/{name}/{number}"))
            case = f"{name}, seed {seed}, number {number}: {what}"
            found[
                f"{name}: {opened(registry, options(name, originals, registry), place, case)}"
            ] += 1
            shutil.rmtree(place)
    return sorted(found.items())


def exports(folder: Path, registry: Registry) -> dict[str, Path]:
    """Exports a dataset to every layout; returns the folders by the exporter's name."""
    (folder / "plugins").mkdir()
    (folder / "plugins/all_kinds.py").write_text(ALL_KINDS, encoding="utf-8")
    (folder / "pipeline.yaml").write_text(_PIPELINE, encoding="utf-8")
    built = build_dataset(folder / "pipeline.yaml", folder / "out", workers=0)
    made = {plugin.name: folder / plugin.name for plugin in registry.of_kind("exporter")}
    for name, place in made.items():
        export(load(built.path), place, to=name)
    return made


def options(name: str, originals: dict[str, Path], registry: Registry) -> dict[str, object]:
    """Returns what `init` proposes for the whole folder of an exporter."""
    wanted = SOURCE_OF.get(name, name)
    found = next(each for each in candidates(originals[name], registry) if each.source == wanted)
    return {"use": wanted, **found.signs.options}


def damage(folder: Path, chance: random.Random) -> str:
    """Changes one file in a few places; says which and how."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    weights = [1 if path.suffix in (".png", ".jpg") else 5 for path in paths]
    (path,) = chance.choices(paths, weights)
    data, done = bytearray(path.read_bytes()), []
    for _ in range(chance.randint(1, 4)):
        how, at = chance.choice(HOWS), chance.randrange(len(data) + 1)
        if at > _LARGE_BYTES and chance.random() < 0.5:
            at = chance.randrange(_LARGE_BYTES)  # where headers are
        how(data, at, chance)
        done.append(f"{how.__name__} at {at}")
    path.write_bytes(bytes(data))
    return f"{path.relative_to(folder)}: {', '.join(done)}"


def change(data: bytearray, at: int, chance: random.Random) -> None:
    data[at : at + chance.randint(1, 3)] = chance.randbytes(chance.randint(1, 3))


def remove(data: bytearray, at: int, chance: random.Random) -> None:
    del data[at : at + chance.randint(1, 40)]


def double(data: bytearray, at: int, chance: random.Random) -> None:
    end = at + chance.randint(1, 200)
    data[end:end] = data[at:end]


def cut(data: bytearray, at: int, chance: random.Random) -> None:
    if chance.random() < 0.2:
        del data[at:]


def put(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = chance.choice(
        (b'"', b"\n", b",", b"null", b"-1", b"1e999", b"../", b"\0", b"{", b"]")
    )


HOWS = (change, remove, double, cut, put)


def opened(registry: Registry, stage: dict[str, object], folder: Path, case: str) -> str:
    """Lists and reads; returns how it ended."""
    data = {"name": "x", "source": stage}
    source = load_data(data, registry, origin="x", folder=folder).settings.source
    assert isinstance(source, Source)
    try:
        catalog = source.open()
        records = list(catalog.records)
        assert len({each.key for each in records}) == len(records), case
        for record in records:
            if record.error:
                continue  # it is set aside by name, and the others are read
            for name, kind in catalog.targets.items():
                kind.parse(record.targets[name])
            pixels = catalog.read(record)
            if isinstance(pixels, bytes):
                decode(pixels, mode="rgb")
    except DataError as error:
        assert str(error).strip(), case
        return "a clear error"
    except Exception as error:
        raise AssertionError(f"{case}: {type(error).__name__}: {error}") from error
    return "listed and read"
