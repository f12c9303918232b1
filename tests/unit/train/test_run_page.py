"""Pages of runs: what they tell stands in the files of the run, and nothing of it is markup."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeImages, WritePipeline
from reports import Html, check_harmless
from runs import make_run

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import TrainError
from dsbuilder.report.page import html
from dsbuilder.report.strip import Cell
from dsbuilder.train import single_mistakes
from dsbuilder.train.comparison_page import comparison_page
from dsbuilder.train.run import EVALUATION, PREDICTIONS, Run
from dsbuilder.train.run_page import run_page, write_run_page

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def dataset(
    make_images: MakeImages, write_pipeline: WritePipeline, tmp_path: Path
) -> dsbuilder.Dataset:
    make_images(classes=("cat", "dog", HOSTILE), count=8)
    pipeline = write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\nsplit: {train: 0.5, test: 0.5}\n"
        "finish: [{use: resize, size: [16, 16]}]\n"
    )
    return dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)


def page_of(run: Run) -> Html:
    return check_harmless(html.render(run_page(run)))


def cells(page: Html) -> set[str]:
    return {*page.texts["td"], *page.texts["th"]}


def test_a_page_tells_what_a_run_came_to(dataset: dsbuilder.Dataset, tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs/pets-1", dataset)
    page = page_of(run)
    told = " ".join(page.texts["dd"])
    assert f"{run.evaluation()['accuracy']:.3f}" in told
    assert "1,234" in told
    assert dataset.manifest.fingerprint in told
    assert HOSTILE in page.texts["th"], "scores by class"
    assert "Loss by epoch" in page.texts["text"]
    assert "Confusion matrix" in page.texts["text"]
    assert "Confusion matrix, most errors first" in page.texts["text"]
    assert any("ROC" in text for text in page.texts["text"])
    assert any("model:" in text for text in page.texts["code"])


def test_the_worst_mistakes_are_shown_the_surest_first(
    dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", dataset)
    alts = [attributes["alt"] for tag, attributes in page_of(run).tags if tag == "img"]
    keys = [sample.key for sample in dataset.samples("test")]
    assert [alt.partition(": ")[0] for alt in alts] == keys[::3]
    (run.path / PREDICTIONS).unlink()
    assert "img" not in {tag for tag, _ in page_of(run).tags}


def test_each_pair_of_classes_leads_to_its_worst_mistakes(
    make_images: MakeImages, write_pipeline: WritePipeline, tmp_path: Path
) -> None:
    make_images(classes=("cat", "dog", HOSTILE), count=80)
    pipeline = write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\nsplit: {train: 0.5, test: 0.5}\n"
        "finish: [{use: resize, size: [16, 16]}]\n"
    )
    built = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    run = make_run(tmp_path / "run", built, wrong_every=2)
    page = page_of(run)
    links = [each for tag, each in page.tags if tag == "a" and each.get("class") == "pick"]
    strips = [each for tag, each in page.tags if tag == "div" and "data-pair" in each]
    assert len(links) == 3
    assert len(strips) > 24 == sum("data-spare" not in each for each in strips)
    for link in links:
        assert sum(each["data-pair"] == link["data-pair"] for each in strips) >= 9


def test_masks_and_points_have_a_picture_of_each_mistake(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    made = [Cell(image=image + n, name=f"{n}{HOSTILE}") for n in range(5)]
    folder = tmp_path / "charts/mistakes"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("stays")
    single_mistakes.write(folder, [*made, made[0], None, None])
    single_mistakes.write(folder, [*made[:3], made[3]])
    names = sorted(path.name for path in folder.iterdir())
    shown = [f"0{n}-{what}.png" for n in (1, 2) for what in ("answer", "truth")]
    assert names == [*shown, "mine.txt", "mistakes.json"]
    found = list(single_mistakes.read(folder))
    assert [(each.key, each.told) for each, _ in found] == [
        (f"0{HOSTILE}", f"1{HOSTILE}"),
        (f"2{HOSTILE}", f"3{HOSTILE}"),
    ]
    assert [[picture.lines for picture in each] for _, each in found] == [
        [["truth"], ["answer"]]
    ] * 2
    (folder / "01-truth.png").write_bytes(b"no picture")
    assert len(list(single_mistakes.read(folder))) == 1
    (folder / "mistakes.json").write_text('[{"key": 1}]')
    assert not list(single_mistakes.read(folder))
    single_mistakes.remove(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_without_its_dataset_a_run_has_a_page_that_says_so(
    dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", dataset)
    shutil.rmtree(tmp_path / "out")
    page = page_of(run)
    assert any("not there any more" in text for text in page.texts["dd"])
    assert "img" not in {tag for tag, _ in page.tags}


def test_a_run_that_has_not_ended_has_a_page(dataset: dsbuilder.Dataset, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", dataset)
    for name in (EVALUATION, "curves.json", PREDICTIONS):
        (run.path / name).unlink()
    page = page_of(run)
    assert any("not come to its end" in text for text in page.texts["p"])
    assert "Loss by epoch" in page.texts["text"]
    (run.path / "results.csv").unlink()
    assert "0" in page_of(run).texts["dd"], "epochs"


def test_what_no_run_writes_is_an_error_and_no_page(
    dataset: dsbuilder.Dataset, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", dataset)
    run.write_json(EVALUATION, {"kind": "class", "split": "test"})
    with pytest.raises(TrainError, match="expected what a run writes"):
        run_page(run)
    (warning,) = write_run_page(run)
    assert "the report is not written" in warning
    assert not (run.path / "report.html").exists()


def test_runs_side_by_side_tell_what_differs(dataset: dsbuilder.Dataset, tmp_path: Path) -> None:
    one = make_run(tmp_path / "a/pets-1", dataset, width=8)
    other = make_run(tmp_path / "b/pets-1", dataset, width=16, wrong_every=5, epochs=5)
    page = check_harmless(html.render(comparison_page([one, other])))
    assert {"a/pets-1", "b/pets-1"} <= cells(page), "told apart by the folders above"
    assert "train.model.width" in page.texts["th"]
    assert {"8", "16"} <= set(page.texts["td"])
    assert "train.monitor" not in page.texts["th"], "it is the same"
    assert "Loss on validation by epoch" in page.texts["text"]
    assert any(text.startswith("F1 by class") for text in page.texts["caption"])
    assert not any("not the same" in text for text in page.texts["p"])
    again = check_harmless(html.render(comparison_page([one, one])))
    assert any("configurations are the same" in text for text in again.texts["p"])


def test_a_thousand_classes_are_told_within_the_limit(
    make_images: MakeImages, write_pipeline: WritePipeline, tmp_path: Path
) -> None:
    """Scores and confusions of a thousand classes, all of them confused."""
    names = [f"class {number:04d}" for number in range(1000)]
    scores = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "roc_area": 0.5, "average_precision": 0.5}
    make_images(count=4)
    pipeline = write_pipeline("name: pets\nsource: {use: folder, path: source}\n")
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    run = make_run(tmp_path / "run", dataset, wrong_every=2)
    found = run.evaluation()
    found["classes"] = [{"name": n, "samples": 18_290, **scores, "intervals": {}} for n in names]
    found["confusion"] = [
        [true, (true + step) % 1000, 1000 - step * 9] for true in range(1000) for step in range(20)
    ]
    run.write_json(EVALUATION, found)
    text = html.render(run_page(run))
    assert len(text.encode()) < html.MOST_BYTES / 4
    page = check_harmless(text)
    assert sum(cell == "class 0999" for cell in page.texts["th"]) >= 1


def test_a_report_loads_no_model(dataset: dsbuilder.Dataset, tmp_path: Path) -> None:
    runs = [str(make_run(tmp_path / name, dataset).path) for name in ("one", "two")]
    code = (
        "import sys, dsbuilder\n"
        f"print(dsbuilder.report_runs({runs[0]!r}).output)\n"
        f"print(dsbuilder.report_runs(*{runs!r}).output)\n"
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        str(tmp_path / "one/report.html"),
        str(tmp_path / "comparison.html"),
    ]
