"""Which `plugins/` folder is taken unasked."""

import os
from pathlib import Path

import pytest

from dsbuilder.errors import PluginError
from dsbuilder.registry import discover
from dsbuilder.trust import nearest_folder, noted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project/pipelines").mkdir(parents=True)
    return tmp_path / "project"


def made(*folders: Path) -> None:
    for each in folders:
        each.mkdir()


def test_the_nearest_folder_is_beside_the_pipeline(project: Path) -> None:
    assert nearest_folder(project / "pipelines/a.yaml").folder is None
    made(project / "plugins", project / "pipelines/plugins")
    found = nearest_folder(project / "pipelines/a.yaml")
    assert found.folder == project / "pipelines/plugins"
    assert found.folders == (found.folder,)


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_else_it_is_at_the_root_of_the_project(project: Path, mark: str) -> None:
    made(project / "plugins", project / "pipelines/deep", project / mark)
    assert nearest_folder(project / "pipelines/deep/a.yaml").folder == project / "plugins"


def test_a_folder_above_that_is_no_project_is_not_looked_into(project: Path) -> None:
    made(project / "plugins", project.parent / ".git", project.parent / "plugins")
    found = nearest_folder(project / "pipelines/a.yaml")
    assert found.folder == project.parent / "plugins"  # of the nearest root, whatever lies between
    (project.parent / ".git").rmdir()
    assert nearest_folder(project / "pipelines/a.yaml").folder is None


@pytest.mark.parametrize("place", ["", "plugins"])
def test_a_folder_that_anybody_may_write_to_is_passed_over_and_told_of(
    project: Path, place: str
) -> None:
    made(project / "plugins", project / ".git")
    (project / place).chmod(0o1777)
    found = nearest_folder(project / "pipelines/a.yaml")
    assert found.folder is None
    (project / place).chmod(0o755)
    expected = f"{project}/plugins was passed over: anybody may write to {project / place}."
    assert found.hint.startswith(expected)
    with pytest.raises(PluginError, match=r"unknown transform 'mine'.*anybody may write to"):
        discover(found.folders, hint=found.hint).get("mine", "transform")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_a_folder_of_another_user_is_passed_over_but_beside_a_pipeline_of_the_same(
    project: Path,
) -> None:
    made(project / "plugins")
    os.chown(project / "plugins", 12345, 12345)
    pipeline = project / "a.yaml"
    assert "belongs to another user" in nearest_folder(pipeline).hint
    pipeline.write_text("name: a")
    assert nearest_folder(pipeline).folder is None
    os.chown(pipeline, 12345, 12345)
    assert nearest_folder(pipeline).folder == project / "plugins"


def test_what_lies_in_a_dataset_or_run_is_not_taken_from_there(project: Path) -> None:
    made(project / "plugins", project / "data", project / "data/plugins")
    inside = project / "data/pipeline.yaml"
    assert nearest_folder(inside, outside=project / "data").folder is None
    assert nearest_folder(inside).folder == project / "data/plugins"
    assert nearest_folder(project / "a.yaml", outside=project / "data").folder is not None


def test_noted_folders_are_named_in_one_line() -> None:
    assert noted([]) == ""
    assert r"'a\x1b[2J'" in noted(["a\x1b[2J"])
