"""A pipeline as plain data binds to what it was, in another process, of a file, or in part."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dsbuilder.binding import PlainPipeline, resolved_from_json, resolved_to_json
from dsbuilder.builder import build_dataset, load_spec, survey
from dsbuilder.errors import CacheError, SpecError
from dsbuilder.pipelinefile.schema import ImageOptions, StreamOptions
from dsbuilder.plugin import Source

PIPELINE = """
name: toy
source: {use: folder, path: source}
augment: {copies: 1, stages: [counted]}
finish: [{use: resize, size: [16, 16]}]
stream: {batch_size: 4, stages: [{use: counted, p: 0.5}]}
train: {model: {use: cnn, width: 4, depth: 1}, epochs: 1}
inspect: {corrupt: warn}
"""

PLUGIN = '''
"""A stage whose file notes every execution."""
import os
from dataclasses import dataclass
from pathlib import Path
from dsbuilder.plugin import Params, Sample, Transform, transform

with Path(__file__).parent.with_name("executions.txt").open("a") as file:
    file.write(f"{os.getpid()}\\n")


@transform("counted", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Counted(Transform):
    """Does nothing."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample
'''


@pytest.fixture
def pipeline(make_images, write_pipeline, tmp_path: Path) -> Path:
    make_images(count=30)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/counted.py").write_text(PLUGIN)
    return write_pipeline(PIPELINE)


@pytest.fixture
def executions(tmp_path: Path):
    """Returns how often each process that used the plugin executed its file."""

    def count() -> list[int]:
        pids = (tmp_path / "executions.txt").read_text().split()
        return sorted(Counter(pids).values())

    return count


def run(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "dsbuilder", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def test_a_build_executes_a_plugin_file_once_in_each_process(
    pipeline, tmp_path, executions
) -> None:
    run("build", pipeline, "--out", tmp_path / "out", "--workers", "2")
    # The command's own process, and those that workers which measure and make are forked from.
    assert executions() == [1, 1, 1]


@pytest.mark.slow
def test_a_training_executes_a_plugin_file_once_in_each_process(
    pipeline, tmp_path, executions
) -> None:
    run("train", pipeline, "--out", tmp_path / "out", "--run", tmp_path / "run")
    assert executions() == [1, 1, 1]


def test_a_pipeline_that_crossed_is_the_one_that_was_resolved_here(pipeline) -> None:
    here = survey(load_spec(pipeline)).pipeline
    there = resolved_from_json(json.loads(json.dumps(resolved_to_json(here))))
    assert there.settings == here.settings
    assert there.spec.resolved == here.spec.resolved
    assert (there.prepared, there.signature) == (here.prepared, here.signature)
    assert there.streamed == here.streamed


def test_a_dataset_keeps_its_pipeline_as_it_was_written(pipeline, tmp_path) -> None:
    spec = load_spec(pipeline)
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    kept = PlainPipeline.read(built.path / "pipeline.json")
    assert kept.sections == spec.resolved
    assert kept.text() == PlainPipeline.of(spec).text()
    assert (built.path / "pipeline.json").read_text() == kept.text()


def test_a_section_is_bound_without_the_others(pipeline, tmp_path) -> None:
    plain = PlainPipeline.of(load_spec(pipeline)).only("source", "image", "stream")
    (tmp_path / "plugins/counted.py").unlink()
    bound = plain.bind({"source": Source, "image": ImageOptions})
    assert bound["source"].path == tmp_path / "source"
    with pytest.raises(
        SpecError, match=r"stream\.stages\[0\]: unknown transform or mixer 'counted'"
    ):
        plain.bind({"stream": StreamOptions})


def test_overrides_reach_a_section(pipeline) -> None:
    plain = PlainPipeline.of(load_spec(pipeline)).without("augment", "train")
    assert "augment" not in plain.sections
    bound = plain.bind({"stream": StreamOptions}, ["stream.batch_size=7"])
    assert bound["stream"].batch_size == 7
    assert bound["stream"].stages[0].id == "stream/counted"


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_pipeline_that_cannot_be_read_says_so(tmp_path, text: str | None) -> None:
    path = tmp_path / "pipeline.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CacheError, match="the pipeline of the dataset cannot be read"):
        PlainPipeline.read(path)
