"""Every source is asked, the surest is taken, and a folder beside the right one is told of."""

from pathlib import Path

import pytest

from dsbuilder.errors import DataError
from dsbuilder.layouts.glance import remembered
from dsbuilder.plugin import Evidence, Signs
from dsbuilder.proposal.recognition import (
    LEAST,
    NEAR,
    Candidate,
    candidates,
    check_extent,
    choose,
    weighed,
)
from dsbuilder.registry import Registry, discover

SOURCE = """
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Catalog, Signs, Source, source

@source("{name}")
@dataclass(frozen=True, kw_only=True)
class Mine(Source):
    '''A source of a test.

    Attributes:
      path: the folder.
    '''

    path: Path

    @classmethod
    def signs(cls, folder):
        {body}

    def open(self):
        return Catalog()
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover()


def candidate(name: str, certainty: float) -> Candidate:
    signs = Signs(reason="so", options={"path": "."})
    return Candidate(source=name, signs=signs, certainty=certainty)


def test_every_source_is_asked_and_the_surest_comes_first(make_images, registry) -> None:
    found = candidates(make_images(), registry)
    of_folders = {each.name for each in registry.of_kind("source") if each.cls.of_folder}
    assert {each.source for each in found} == of_folders
    assert "several" not in of_folders
    assert found[0].source == "folder"
    assert [each.certainty for each in found] == sorted((e.certainty for e in found), reverse=True)
    assert all(each.reason for each in found)


def test_a_plugin_that_fails_to_look_stops_nothing(tmp_path: Path, make_images) -> None:
    (tmp_path / "plugins").mkdir()
    body = "raise ZeroDivisionError('oh')"
    (tmp_path / "plugins/mine.py").write_text(SOURCE.format(name="mine", body=body))
    found = candidates(make_images(), discover([tmp_path / "plugins"]))
    mine = next(each for each in found if each.source == "mine")
    assert (mine.certainty, mine.reason) == (0, "it failed to look: ZeroDivisionError: oh")


def test_a_plugin_may_recognize_a_folder(tmp_path: Path, registry) -> None:
    (tmp_path / "plugins").mkdir()
    body = "return Signs(evidence='declared', reason='mine', options={'path': '.'})"
    (tmp_path / "plugins/mine.py").write_text(SOURCE.format(name="mine", body=body))
    registry = discover([tmp_path / "plugins"])
    chosen, near = choose(tmp_path, candidates(tmp_path, registry), registry)
    assert (chosen.source, near) == ("mine", [])


EVIDENCE: tuple[Evidence | None, ...] = (None, "possible", "arranged", "declared")


def certainty(evidence: Evidence | None, explained: float = 1.0, against: int = 0) -> float:
    contradictions = ("x",) * against
    signs = Signs(
        reason="so", evidence=evidence, explained=explained, contradictions=contradictions
    )
    return weighed(signs)


def test_more_evidence_is_surer_and_what_is_whole_is_taken_unasked() -> None:
    none, *others = (certainty(each) for each in EVIDENCE)
    assert none == 0
    assert sorted(others) == others
    assert all(LEAST <= each < 1 for each in others)


def test_a_user_is_told_of_an_arrangement_beside_a_declaration_of_what_is_possible_not() -> None:
    assert certainty("declared") - certainty("arranged") <= NEAR
    assert certainty("arranged") - certainty("possible") > NEAR


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_whatever_is_contradicted_or_explains_half_alone_is_never_taken_unasked(evidence) -> None:
    assert certainty(evidence, against=1) < LEAST
    assert certainty(evidence, 0.5) < LEAST
    assert certainty(evidence, against=2) <= certainty(evidence, against=1)
    assert certainty(evidence, 0.2) <= certainty(evidence, 0.3)


def test_a_share_beyond_all_counts_as_all_and_none_as_none() -> None:
    assert certainty("declared", 3) == certainty("declared")
    assert certainty("declared", -1) == 0


def test_a_reason_ends_in_what_speaks_against_it() -> None:
    signs = Signs(reason="6 images", evidence="arranged", contradictions=("x is y", "z"))
    found = Candidate(source="a", signs=signs, certainty=weighed(signs))
    assert found.reason == "6 images; but x is y; but z"


def test_what_is_nearly_as_certain_is_told(tmp_path: Path, registry) -> None:
    found = [candidate("a", 0.9), candidate("b", 0.8), candidate("c", 0.7)]
    chosen, near = choose(tmp_path, found, registry)
    assert (chosen.source, [each.source for each in near]) == ("a", ["b"])
    chosen, near = choose(tmp_path, found, registry, use="c")
    assert (chosen.source, near) == ("c", ())


def refusal(folder: Path, registry: Registry, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        choose(folder, candidates(folder, registry), registry, **options)
    return str(caught.value)


def test_a_folder_too_high_leads_to_the_right_one_and_none_to_one_above(
    make_images, registry
) -> None:
    pets = make_images("data/pets")
    (pets.parent / "readme.txt").write_text("Pets.")
    assert f"\nDid you mean {pets} (folder)?\n" in refusal(pets.parent, registry)
    (pets / "cat/notes.txt").touch()
    told = refusal(pets / "cat", registry)
    assert str(pets) not in told.replace(f"{pets}/cat", "")
    assert "If it is 'images' all the same, --use images (in Python `use`) takes it.\n" in told


def test_a_flat_folder_is_images_without_labels_with_a_word_on_those_beside_it(
    make_images, registry
) -> None:
    cats = make_images("data/pets") / "cat"
    chosen, near = choose(cats, candidates(cats, registry), registry)
    assert (chosen.source, list(near)) == ("images", [])
    assert chosen.signs.comments["path"].startswith("no labels; if it and 'dog'")


def test_what_was_built_from_a_folder_is_not_held_for_its_source(tmp_path, make_images, registry):
    out = make_images("data/out")
    assert f"Did you mean {out} (folder)?" in refusal(tmp_path / "data", registry)
    (out / "cat" / ".builds").mkdir()
    assert "Did you mean" not in refusal(tmp_path / "data", registry)


def test_a_refusal_names_two_layouts_and_two_lines_that_lead_out(tmp_path: Path, registry) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert refusal(folder, registry).splitlines() == [
        f"{folder}: expected a layout that a source reads, found none that is plain. "
        "The likeliest:",
        "  folder: no image lies in it",
        "  images: no image lies in it",
        "`dsbuilder plugins show NAME` says what a layout needs, `--use NAME` takes it.",
        f"Else give each class a folder ({folder}/CLASS/1.jpg), or write {folder}/labels.csv with "
        "the columns image and label; then try again.",
    ]


def test_a_layout_of_which_a_part_is_there_is_likelier_than_one_of_which_nothing_is(
    tmp_path: Path, registry
) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    likeliest = refusal(tmp_path, registry).splitlines()[1]
    assert likeliest == "  idx: 1 IDX files, but no images with their labels"


def test_a_stray_image_is_named(make_images, registry) -> None:
    pets = make_images()
    (pets / "cat/0.png").rename(pets / "logo.png")
    assert "folder: 1 of 30 images in no class folder, such as 'logo.png'" in refusal(
        pets, registry
    )


def test_what_the_user_wants_must_be_a_source_that_knows_how(make_images, registry) -> None:
    pets = make_images()
    assert "--use fodler (in Python `use`): no source has this name. Did you mean 'folder'?" in (
        refusal(pets, registry, use="fodler")
    )
    assert "expected the layout of 'list', found another: no list" in refusal(
        pets, registry, use="list"
    )


def test_a_missing_folder_and_a_file_are_named(tmp_path: Path, registry) -> None:
    (tmp_path / "file").touch()
    assert "expected a folder of images, found a file" in refusal(tmp_path / "file", registry)
    assert "no such folder. Check the path." in refusal(tmp_path / "none", registry)


def test_an_unsure_layout_is_taken_only_when_asked_for(
    tmp_path: Path, make_images, registry
) -> None:
    root = make_images(count=1)
    assert "If it is 'folder' all the same, --use folder (in Python `use`) takes it." in refusal(
        root, registry
    )
    chosen, _ = choose(root, candidates(root, registry), registry, use="folder")
    assert chosen.source == "folder"


@pytest.mark.parametrize(("ending", "is_refused"), [("png", False), ("txt", True)])
def test_a_folder_of_much_else_than_images_is_not_walked_whole(
    tmp_path: Path, ending: str, *, is_refused: bool
) -> None:
    for number in range(30):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / f"a.{ending}").touch()
    check_extent(tmp_path)
    with remembered(most=40):
        if is_refused:
            with pytest.raises(DataError, match="the first 40 names are those of 0 images and mu"):
                check_extent(tmp_path)
        else:
            check_extent(tmp_path)
