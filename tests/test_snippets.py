"""Every command and snippet of the documents is run by a test, or says why not.

`RUN_BY` says which test runs which blocks. A block that is new fails here until a test runs it, or
until it bears a mark, and the marks are counted.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest
from snippets import DOCUMENTS, NOT_RUN, ROOT, Block, blocks

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile import load_data
from dsbuilder.pipelinefile.document import parse
from dsbuilder.registry import Registry, discover

README, PLUGINS, REFERENCE = "README.md", "plugins/README.md", "pipelines/README.md"
TASK = r"pipelines/(build_for_a_detector|classify_photos|few_images|read_text|regress|segment)\.md"
HERE = "tests/test_snippets.py::test_every_pipeline_of_the_reference_loads"
GAN = r"synthesize:\n  - \{use: gan"
KIT = "tests/unit/plugins/test_plugins_readme.py"
LOADED = "tests/test_snippets.py::test_every_pipeline_of_the_reference_loads"

RUN_BY: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "tests/e2e/test_documents.py::test_the_commands_of_the_readme_run": [(README, "sh", "")],
    "tests/test_docs.py::test_the_python_of_the_readme_runs_as_it_stands": [
        (README, "yaml", "name: flowers"),
        (README, "python", "import dsbuilder"),
    ],
    "tests/unit/actions/test_load_run.py::test_the_example_of_the_readme_runs": [
        (README, "py", r"model = dsbuilder\.load_run"),
    ],
    "tests/e2e/test_documents.py::test_the_way_from_a_folder_to_a_model_in_the_readme_runs": [
        (README, "sh slow", "dsbuilder init"),
    ],
    "tests/e2e/test_documents.py::test_what_trains_in_the_readme_runs": [
        (README, "sh slow", "dsbuilder check flowers"),
        (README, "py slow", "stream = "),
    ],
    "tests/e2e/test_documents.py::test_the_export_of_a_model_in_the_readme_runs": [
        (README, "console slow", r"\$ dsbuilder export-model"),
    ],
    "tests/e2e/test_documents.py::test_the_plugin_of_the_readme_is_the_one_of_the_folder": [
        (README, "python", r'@transform\("salt_pepper"'),
    ],
    "tests/e2e/test_documents.py::test_the_commands_of_the_plugins_page_run": [(PLUGINS, "sh", "")],
    f"{KIT}::test_every_plugin_of_the_readme_keeps_the_contract": [
        (PLUGINS, "python", "# plugins/"),
        (PLUGINS, "yaml", ""),
    ],
    f"{KIT}::test_the_failure_that_is_shown_is_what_the_kit_says": [
        (PLUGINS, "text", "places: "),
    ],
    f"{KIT}::test_the_check_that_is_shown_runs": [
        (PLUGINS, "py", "from dsbuilder.testing"),
    ],
    "tests/interop/test_published_plugin.py::write_bent": [(PLUGINS, "toml|py", "# ")],
    "tests/e2e/test_detector.py::test_the_detector_of_the_readme_learns": [
        (PLUGINS, "py slow", "import keras"),
    ],
    LOADED: [(REFERENCE, "yaml", f"(?!{GAN})")],
    "tests/unit/builtin/synth/test_gan.py::test_the_example_of_the_reference_builds": [
        (REFERENCE, "yaml", GAN),
    ],
    "tests/cli/test_synth.py::test_a_gan_is_trained_and_its_bank_is_built_from": [
        (REFERENCE, "sh slow", "dsbuilder synth"),
    ],
    "tests/e2e/test_documents.py::test_the_searches_of_the_reference_run": [
        (REFERENCE, "console slow", r"\$ dsbuilder"),
    ],
    "tests/e2e/test_documents.py::test_the_stream_on_the_device_of_the_reference_is_fitted_to": [
        (REFERENCE, "py slow", "train = dataset.stream"),
    ],
    "tests/interop/test_catalogs.py::test_the_example_of_the_reference_iterates_an_export": [
        (REFERENCE, "py", "import mlcroissant"),
    ],
    "tests/e2e/test_pages.py::test_the_pipeline_of_a_page_builds_by_its_commands": [
        (TASK, "yaml", "name: "),
        (TASK, "sh", ""),
    ],
    "tests/e2e/test_pages.py::test_the_training_of_a_page_runs_by_its_commands": [
        (TASK, "sh slow", ""),
    ],
    "tests/e2e/test_pages.py::test_every_pipeline_of_coming_from_builds_and_its_python_runs": [
        ("pipelines/coming_from.md", "yaml|python", ""),
    ],
}
"""A test (or its function) -> patterns of document, info and beginning of blocks that it runs."""

BLOCKS = [each for document in DOCUMENTS for each in blocks(document)]


def runners(block: Block) -> list[str]:
    return [
        test
        for test, patterns in RUN_BY.items()
        for document, info, begins in patterns
        if re.fullmatch(document, block.document) and re.fullmatch(info, block.info)
        if re.match(begins, block.text)
    ]


def is_shown_alone(block: Block) -> bool:
    """Whether a block is no code: a folder as a tree, or what a program prints."""
    return block.info == "text" and not re.search(r"^(\$ |dsbuilder |pip )", block.text, re.M)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda each: f"{each.document}:{each.line}")
def test_a_block_is_run_by_a_test_or_says_why_not(block: Block) -> None:
    run = runners(block)
    if block.mark in NOT_RUN or (is_shown_alone(block) and not run):
        assert not run
        return
    assert len(run) == 1, f"{block.document}:{block.line}: run it in a test, or mark it"
    path, _, name = run[0].partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text
    slow = re.search(rf"@pytest\.mark\.slow\n(?:@.*\n)*def {name}\(", text)
    assert (block.mark == "slow") == bool(slow)


def test_every_test_that_is_named_has_blocks_to_run() -> None:
    assert RUN_BY.keys() == {test for each in BLOCKS for test in runners(each)}


def test_what_no_test_runs_is_counted() -> None:
    marks = Counter(each.mark for each in BLOCKS if each.mark not in ("", "slow"))
    assert marks == {"installs": 2, "keras": 2, "datasets": 1, "augmentor": 1}
    assert marks.keys() == NOT_RUN.keys()


TOY = {"use": "folder", "path": "a"}


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if LOADED in runners(each)],
    ids=lambda each: f"line {each.line}",
)
def test_every_pipeline_of_the_reference_loads(block: Block, tmp_path: Path) -> None:
    data = parse(block.text, origin=REFERENCE, folder=tmp_path).root.plain()
    whole = {"name": "a", **({} if {"source", "synthesize"} & data.keys() else {"source": TOY})}
    if "$size" in block.text and "size" not in data:
        whole["size"] = 64
    if "tune" in data:
        whole["train"] = {"model": "cnn"}
    assert not faults({**whole, **data}, discover([ROOT / "plugins"]), tmp_path)


def faults(data: Mapping[str, object], registry: Registry, folder: Path) -> list[str]:
    """Returns what is wrong with a pipeline, but for files that are not there."""
    try:
        load_data(data, registry, origin="shown", folder=folder)
    except SpecError as error:
        return [each for each in str(error).splitlines() if ": no such " not in each]
    return []


def spans(pattern: str) -> Iterator[tuple[str, str]]:
    """Yields what stands as code within the prose of the documents, with its place."""
    for document in (*DOCUMENTS, "README.zh-CN.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        for each in re.findall(r"`([^`]+)`", prose):
            if re.match(pattern, words := " ".join(each.split())):
                yield document, words


def unknown(words: list[str], command: click.Command) -> list[str]:
    """Returns verbs and options of a command line that there are not."""
    context = click.Context(command)
    known = {
        name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)
    }
    wrong = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    if isinstance(command, click.Group):
        verbs = [word for word in words if not word.startswith("-")]
        verb = command.get_command(context, verbs[0]) if verbs else None
        if verbs and verb is None:
            return [verbs[0]]
        return unknown(words[words.index(verbs[0]) + 1 :], verb) if verb is not None else wrong
    return wrong


def test_every_command_in_the_prose_has_verbs_and_options_that_there_are() -> None:
    found = list(spans("dsbuilder [a-z]"))
    assert len(found) > 100
    wrong = {each: missing for each in found if (missing := unknown(each[1].split()[1:], main))}
    assert not wrong


def test_every_name_of_python_in_the_prose_is_one() -> None:
    found = {
        (document, name)
        for document, each in spans("dsbuilder\\.")
        for name in re.findall(r"^dsbuilder\.([a-z_]+)", each)
    }
    modules = {path.stem for path in (ROOT / "dsbuilder").iterdir()}
    wrong = [
        each
        for each in found
        if each[1] not in modules | {"json"} and not hasattr(dsbuilder, each[1])
    ]
    assert len(found) > 20
    assert not wrong


def test_every_plugin_in_the_prose_takes_the_options_that_it_is_shown_with(tmp_path: Path) -> None:
    registry = discover([ROOT / "plugins"])
    # A bank is asked for when `gan` is bound; dots stand for what is left out.
    found = list(spans(r"\{use: (?!gan\b)[a-z_]+, (?!.*\.\.\.).*\}$"))
    assert len(found) > 5
    wrong = {}
    for document, each in found:
        entry = parse(each, origin=document, folder=tmp_path).root.plain()
        kinds = {plugin.kind for plugin in registry.plugins if plugin.name == entry["use"]}
        told = [faults({"name": "a", **place(kind, entry)}, registry, tmp_path) for kind in kinds]
        if told and all(told):
            wrong[document, each] = told
    assert not wrong


def place(kind: str, entry: object) -> Mapping[str, object]:
    """Returns the sections of a pipeline in which a plugin of a kind stands where one is named."""
    train = {
        "model": {"model": entry},
        "loss": {"model": "cnn", "loss": entry},
        "metric": {"model": "cnn", "metrics": [entry]},
        "schedule": {"model": "cnn", "optimizer": {"schedule": entry}},
    }
    if kind in train:
        return {"source": TOY, "train": train[kind]}
    if kind in ("transform", "mixer"):
        return {"source": TOY, "augment": {"stages": [entry]}}
    return {"source": entry} if kind == "source" else {"synthesize": [{"count": 1, **entry}]}
