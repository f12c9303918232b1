"""What is written of suspect labels is read again: corrections of every kind, keys to leave out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.actions import suspects
from dsbuilder.actions.suspects import SuspectLabel, SuspectsDocument, SuspectTarget
from dsbuilder.inspection import exclusion

GIVEN = {"mood": "good", "tags": ["a", "b"], "size": 1.5, "word": "x"}
SUGGESTED = {"mood": "bad, or so", "tags": [], "size": 2.25, "word": ' "y"'}
KINDS = {"mood": "class", "tags": "classes", "size": "value", "word": "text"}
KEYS = ("a.png", "b,#.png", "#c.png")
PIPELINE = """
name: moods
source:
  use: list
  path: images
  list: list.csv
  label_column: null
  target_columns: {mood: class, tags: classes, size: value, word: text}
finish: [{use: resize, size: [4, 4]}]
"""


@pytest.fixture
def opened(tmp_path):
    (tmp_path / "images").mkdir()
    lines = ["file_name,mood,tags,size,word"]
    for key in (*KEYS, "d.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "images" / key)
        lines.append(f'"{key}","{"bad, or so" if key == "d.png" else "good"}","a,b",1.5,x')
    (tmp_path / "list.csv").write_text("\n".join(lines))
    (tmp_path / "moods.yaml").write_text(PIPELINE)
    return dsbuilder.open(tmp_path / "moods.yaml")


def found_of(folder: Path) -> SuspectsDocument:
    """A document in which each target of the first keys is suspect."""

    def label(key: str, name: str) -> SuspectLabel:
        remark = f"taken for {SUGGESTED[name]}"
        told = {"given": GIVEN[name], "suggested": SUGGESTED[name], "remark": remark}
        return SuspectLabel(key=key, sureness=0.9, score=1.0, **told)

    targets = {
        name: SuspectTarget(
            kind=kind,
            expected=None,
            classes=(),
            suspects=tuple(label(key, name) for key in KEYS),
        )
        for name, kind in KINDS.items()
    }
    return SuspectsDocument(folder=folder, records=4, untested=0, targets=targets)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_corrections_of_every_kind_are_read_as_they_were_suggested(opened, tmp_path, ending):
    path = tmp_path / f"corrections.{ending}"
    suspects.write_corrections(path, found_of(tmp_path))
    mended = dsbuilder.open(opened.pipeline, overrides=[f"source.corrections={path}"])
    found = {each.key: (each.error, dict(each.targets)) for each in mended.survey().records}
    assert {key: found[key] for key in KEYS} == dict.fromkeys(KEYS, (None, SUGGESTED))
    assert found["d.png"][1] == {**GIVEN, "mood": "bad, or so"}


def test_a_person_may_delete_lines_of_either(opened, tmp_path):
    document = found_of(tmp_path)
    path = tmp_path / "exclude.txt"
    exclusion.write(path, suspects.exclusion_of(document))
    assert exclusion.read(path) == set(KEYS)
    assert "# good: taken for bad, or so" in path.read_text().splitlines()
    assert path.read_text().splitlines().count("b,#.png") == 1
    lines = [each for each in path.read_text().splitlines() if "b,#" not in each]
    path.write_text("\n".join(lines))
    assert exclusion.read(path) == {"a.png", "#c.png"}
    table = tmp_path / "corrections.csv"
    suspects.write_corrections(table, document)
    kept = [
        line for line in table.read_text().splitlines() if line.startswith(("key", "a.png,mood"))
    ]
    table.write_text("\n".join(kept))
    mended = dsbuilder.open(opened.pipeline, overrides=[f"source.corrections={table}"])
    found = {each.key: dict(each.targets) for each in mended.survey().records}
    assert found["a.png"] == {**GIVEN, "mood": "bad, or so"} and found["#c.png"] == GIVEN
