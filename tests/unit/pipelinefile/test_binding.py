"""Options are bound by the types of dataclass fields; every problem is reported with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile import load
from dsbuilder.pipelinefile.binding import Binder, describe
from dsbuilder.pipelinefile.document import from_data, parse
from dsbuilder.plugin import Range
from dsbuilder.registry import discover


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A nested section."""

    depth: int = 2


@dataclass(frozen=True, kw_only=True)
class Options:
    """One field of every kind that binds."""

    word: str = "a"
    count: int = 1
    share: float = 0.5
    flag: bool = False
    file: Path = Path("x")
    span: Range = Range(0.0, 1.0)
    choice: Literal["area", "linear"] = "area"
    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    either: int | tuple[int, int] = 1
    inner: Inner = Inner()
    tuned: Inner | Literal["auto"] | None = "auto"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.span.check("span", 0.0, 2.0)


def bind(text: str) -> tuple[Any, Any, list[str]]:
    document = parse(text, origin="a.yaml", folder=Path("/data"))
    binder = Binder(document, {})
    value, resolved = binder.bind(Options, document.root, "")
    return value, resolved, [str(problem) for problem in binder.problems]


def test_defaults_fill_what_is_not_said() -> None:
    value, resolved, problems = bind("{}")
    assert (value, problems) == (Options(), [])
    assert resolved["span"] == [0.0, 1.0]
    assert resolved["inner"] == {"depth": 2}


def test_texts_stay_as_they_were_written() -> None:
    value, _, _ = bind("{word: 01, names: [no, 1e3, 1.0, on]}")
    assert (value.word, value.names) == ("01", ("no", "1e3", "1.0", "on"))


def test_paths_are_relative_to_the_file_and_kept_as_written() -> None:
    value, resolved, _ = bind("file: ../fonts/a.ttf")
    assert value.file == Path("/data/../fonts/a.ttf")
    assert resolved["file"] == "../fonts/a.ttf"


@pytest.mark.parametrize(
    ("text", "span"), [("span: 0.5", Range(0.5, 0.5)), ("span: [0, 2]", Range(0.0, 2.0))]
)
def test_a_range_is_a_pair_or_a_number(text: str, span: Range) -> None:
    assert bind(text)[0].span == span


def test_a_union_takes_the_member_of_the_values_shape() -> None:
    assert bind("{size: [3, 4], either: 7}")[0].size == (3, 4)
    assert bind("{size: null, either: [1, 2]}")[0].either == (1, 2)


def test_the_resolved_form_binds_to_an_equal_object() -> None:
    text = "{word: no, share: 1, size: [1, 2], span: 0.25, extra: {a: [1, {b: null}]}, file: b/c}"
    value, resolved, _ = bind(text)
    document = from_data(resolved, origin="again", folder=Path("/data"))
    again, resolved_again = Binder(document, {}).bind(Options, document.root, "")
    assert (again, resolved_again) == (value, resolved)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("count: 1.5", "a.yaml:1: count: expected a whole number, found 1.5."),
        ("count: true", "a.yaml:1: count: expected a whole number, found True."),
        ("share: x", "a.yaml:1: share: expected a number, found 'x'."),
        ("share: .inf", "a.yaml:1: share: expected a number, found inf."),
        ("flag: yes", "a.yaml:1: flag: expected true or false, found 'yes'."),
        ("flag:", "a.yaml:1: flag: expected true or false, found nothing."),
        ("span: [1]", "a.yaml:1: span: expected a number or [low, high], found a list of 1."),
        (
            "span: [2, 1]",
            "a.yaml:1: span: expected [low, high] with low <= high, found [2.0, 1.0].",
        ),
        ("span: [0, 3]", "a.yaml:1: span: expected values in [0, 2], found [0, 3]."),
        (
            "choice: liner",
            "a.yaml:1: choice: expected one of area, linear, found 'liner'. Did you mean 'linear'?",
        ),
        ("names: a", "a.yaml:1: names: expected a list, each entry a text, found 'a'."),
        (
            "size: [1, 2, 3]",
            "a.yaml:1: size: expected a list of 2: [a whole number, a whole number], "
            "found a list of 3.",
        ),
        ("size: [1, x]", "a.yaml:1: size[1]: expected a whole number, found 'x'."),
        ("inner: 3", "a.yaml:1: inner: expected a mapping of options, found 3."),
        (
            "inner: {dept: 1}",
            "a.yaml:1: inner.dept: unknown key 'dept'. Did you mean 'depth'?",
        ),
        (
            "tuned: 2",
            "a.yaml:1: tuned: expected a mapping of options or one of auto or null, found 2.",
        ),
        ("tuned: aut", "a.yaml:1: tuned: expected one of auto, found 'aut'. Did you mean 'auto'?"),
        ("tuned: {dept: 1}", "a.yaml:1: tuned.dept: unknown key 'dept'. Did you mean 'depth'?"),
        ("shares: 1", "a.yaml:1: shares: unknown key 'shares'. Did you mean 'share'?"),
    ],
)
def test_a_wrong_value_is_one_clear_problem(text: str, problem: str) -> None:
    assert bind(text)[2] == [problem]


def test_every_problem_is_reported_at_once() -> None:
    _, _, problems = bind("count: x\nflag: 1\nsize: 3\nwrod: a\n")
    assert [problem.split(":")[1] for problem in sorted(problems)] == ["1", "2", "3", "4"]


def test_a_wrong_name_is_told_with_all_else(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: Toy\nversion: 1.0.00\nseed: x\nsource: {use: folder, path: a, clases: []}\n"
    )
    with pytest.raises(SpecError) as error:
        load(path, discover())
    assert str(error.value).replace(f"{path}:", "") == (
        "1: name: expected small letters, digits and underscores, found 'Toy'.\n"
        "2: version: expected x.y.z, such as 1.0.0, found '1.0.00'.\n"
        "3: seed: expected a whole number, found 'x'.\n"
        "4: source.clases: unknown option 'clases'. Did you mean 'classes'?"
    )


def test_types_are_described_in_words() -> None:
    assert describe(int | tuple[int, int]) == (
        "a whole number or a list of 2: [a whole number, a whole number]"
    )
