"""The documents say what the code does: every option is described, every command exists."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from dsbuilder.actions import option_tables
from dsbuilder.cli.main import VERBS
from dsbuilder.pipelinefile import schema, training, tuning
from dsbuilder.pipelinefile.option_tables import sections
from dsbuilder.registry import discover

ROOT = Path(__file__).parent.parent
SECTIONS = [
    value
    for module in (schema, training)
    for value in vars(module).values()
    if is_dataclass(value) and value.__module__ == module.__name__ and value is not schema.Spec
] + [tuning.SearchInterval]


@pytest.mark.parametrize("page", ["pipelines/README.md", "pipelines/plugins.md"])
def test_the_tables_of_options_are_what_the_code_says(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    made = option_tables.renewed(text, discover(), where=page)
    assert text == made, f"{page} tells of other options than the code: run `make reference`"


def test_every_section_and_built_in_plugin_has_its_table() -> None:
    text = (ROOT / "pipelines/README.md").read_text(encoding="utf-8")
    marked = set(re.findall(r"^<!-- options of section (\S+) -->$", text, re.MULTILINE))
    assert marked == set(sections()) - {"split.fold"}  # which `--cross-validate` alone sets
    text = (ROOT / "pipelines/plugins.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    assert sorted(headings) == sorted(plugin.name for plugin in discover().plugins)


def test_every_field_of_a_section_is_in_its_docstring() -> None:
    for section in SECTIONS:
        for each in fields(section):
            assert re.search(rf"\b{each.name}\b", section.__doc__), (
                f"{section.__name__}.{each.name}"
            )


def test_every_plugin_says_what_its_options_are() -> None:
    for plugin in discover([ROOT / "plugins"]).plugins:
        for each in fields(plugin.cls):
            assert re.search(rf"\b{each.name}\b", plugin.cls.__doc__), f"{plugin.name}.{each.name}"


def test_every_source_is_in_the_reference() -> None:
    text = (ROOT / "pipelines/README.md").read_text()
    named = set(re.findall(r"^\| `([a-z_]+)` \| .* \| .* \|$", text, re.MULTILINE))
    assert {plugin.name for plugin in discover().of_kind("source")} <= named


def test_every_finding_is_explained_in_the_reference() -> None:
    text = (ROOT / "pipelines/README.md").read_text(encoding="utf-8")
    for each in discover().of_kind("inspector"):
        what = " ".join(each.cls.__doc__.partition("\n\n")[0].split())
        assert f"| `{each.name}` | {what} | {each.cls.advice} |" in text


def test_every_export_is_in_the_documents() -> None:
    for document in ("README.md", "pipelines/README.md"):
        text = (ROOT / document).read_text()
        names = [plugin.name for plugin in discover().of_kind("exporter")]
        assert not [name for name in names if not re.search(rf"`(--to )?{name}`", text)]


def test_the_readme_names_every_verb_and_no_other() -> None:
    text = (ROOT / "README.md").read_text()
    used = set(re.findall(r"dsbuilder ([a-z]+(?:-[a-z]+)*)", text))
    assert set(VERBS) <= used
    assert used <= set(VERBS) | {"is"}


def test_the_python_of_the_readme_runs_as_it_stands(
    tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text()
    (pipeline,) = re.findall(r"^```yaml\n(name: flowers\n.*?)^```", text, re.DOTALL | re.MULTILINE)
    (code,) = re.findall(r"^```python\n(import dsbuilder\n.*?)^```", text, re.DOTALL | re.MULTILINE)
    make_images("flowers", classes=("rose", "tulip"), count=20, size=(120, 160))
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/flowers.yaml").write_text(pipeline)
    monkeypatch.chdir(tmp_path / "pipelines")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert (tmp_path / "pipelines/flowers.png").is_file()
    assert names["built"].made == 72
    assert names["flowers"].check().samples == {"train": 64, "validation": 4, "test": 4}


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in ROOT.glob("**/*.md"):
        if any(part.startswith(".venv") for part in document.parts):
            continue
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"


def slugs(text: str) -> set[str]:
    """Returns what headings of a document are called in links, as GitHub does."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_links_to_headings_of_the_documents_lead_to_one() -> None:
    for document in ROOT.glob("**/*.md"):
        if any(part.startswith(".venv") for part in document.parts):
            continue
        text = document.read_text(encoding="utf-8")
        for path, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text):
            target = document.parent / path if path else document
            assert heading in slugs(target.read_text(encoding="utf-8")), f"{document}: #{heading}"


def blocks(text: str) -> list[str]:
    """Returns the blocks of code of a document, without comments, which are translated."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [
        kind + "".join(f"\n{re.sub('(^| +)#.*', '', line)}" for line in code.splitlines())
        for kind, code in found
    ]


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def spans(text: str) -> set[str]:
    """Returns what stands as code within the prose of a document."""
    return {" ".join(each.split()) for each in re.findall(r"`([^`]+)`", prose(text))}


def test_the_chinese_readme_says_the_same() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert blocks(chinese) == blocks(english)  # those of README.md are run
    for pattern in (r"^#+(?= )", r"^- ", r"^\|", r"^!\["):  # headings, points, rows, pictures
        found = [re.findall(pattern, prose(text), re.MULTILINE) for text in (english, chinese)]
        assert found[0] == found[1], pattern
    links = [re.findall(r"\]\(([^)]+)\)", prose(text)) for text in (english, chinese)]
    assert set(links[0]) - {"README.zh-CN.md"} == set(links[1]) - {"README.md"}
    assert spans(english) == spans(chinese)
    letters = len(re.findall(r"[\u4e00-\u9fff]", chinese))
    assert letters > 2_000  # it is in Chinese, and whole
