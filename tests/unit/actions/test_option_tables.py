"""Tables of options in a page are made of the classes; all else of the page stays as it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import dsbuilder
from dsbuilder.actions.option_tables import END, renewed
from dsbuilder.pipelinefile.option_tables import sections, table
from dsbuilder.plugin import Range, Stage
from dsbuilder.registry import discover

LINE = "<!-- options of section {} -->"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Some options.

    Attributes:
      path: file to read, | or folder.
      share: share of 10**6 that is taken, in [0, 1].
      form: form of it.
      sizes: sides, 1 or more.
      stages: what is done.
      seed: number, 0 or more; null for none.
    """

    path: Path
    share: Range = Range(0.0, 0.5)
    form: Literal["a", "b"] | None = None
    sizes: tuple[int, int] = (1, 2)
    stages: tuple[Stage, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        self.share.check("share", 0.0, 1.0)
        if min(self.sizes) < 1 or (self.seed or 0) < 0:
            raise ValueError("sizes")


def test_a_table_says_type_interval_default_and_text_of_every_option() -> None:
    rows = table(Options).splitlines()
    assert rows[:2] == ["| option | type | default | what |", "|---|---|---|---|"]
    assert rows[2:] == [
        r"| `path` | path | required | file to read, \| or folder. |",
        "| `share` | number or [low, high] in [0, 1] | `[0, 0.5]` | share of 10^6 that is taken. |",
        "| `form` | `a`, `b` or `null` | `null` | form of it. |",
        "| `sizes` | list of 2 whole numbers, at least 1 | `[1, 2]` | sides. |",
        "| `stages` | list of stages | `[]` | what is done. |",
        "| `seed` | whole number, at least 0 or `null` | `null` | number; null for none. |",
    ]


def test_a_page_keeps_all_but_its_tables() -> None:
    line = LINE.format("cache")
    page = f"# A\n\n{line}\nold\n{END}\n\n```\n{line}\n```\n<!-- options of model mlp -->\n{END}\n"
    made = renewed(page, discover(), where="a.md")
    head, rest = made.split(END, 1)
    assert head == f"# A\n\n{line}\n{table(sections()['cache'])}"
    assert rest.startswith(f"\n\n```\n{line}\n```\n<!-- options of model mlp -->\n| option |")
    assert rest.endswith(f"|\n{END}\n")
    assert renewed(made, discover(), where="a.md") == made


def test_all_plugins_of_a_kind_are_the_built_in_ones(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        f"<!-- options of every loss -->\n{END}\n<!-- options of every mixer -->\n{END}\n"
    )
    found = dsbuilder.schema(tables=[page], plugins=[Path(__file__).parents[3] / "plugins"])
    assert found.tables == (page,)
    text = page.read_text()
    assert "### `mosaic`" in text
    assert "focal" not in text and "side_by_side" not in text


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# A\n", "a.md: no line says where a table is to stand"),
        (f"a\n{LINE.format('cache')}\n", "a.md:2: there is no line `<!-- end of options -->`"),
        (f"{LINE.format('cache')}\n{LINE.format('split')}\n{END}\n", "a.md:1: there is no line"),
        (f"{LINE.format('cach')}\n{END}\n", "unknown section 'cach'. Did you mean 'cache'"),
        (f"<!-- options of modle cnn -->\n{END}\n", "unknown kind of plugin 'modle'. Did you mean"),
        (f"<!-- options of model cnnn -->\n{END}\n", "a.md:1: unknown model 'cnnn'. Did you mean"),
    ],
)
def test_a_line_that_names_nothing_is_told_with_its_place(
    page: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.md").write_text(page)
    with pytest.raises(dsbuilder.DataError) as raised:
        dsbuilder.schema(tables=["a.md"])
    assert said in str(raised.value)
    assert Path("a.md").read_text() == page


def test_a_page_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(dsbuilder.DataError, match="the page cannot be read"):
        dsbuilder.schema(tables=[tmp_path / "none.md"])
