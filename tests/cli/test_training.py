"""train, evaluate and predict, on a tiny network."""

import csv
import io
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import dsbuilder
from dsbuilder.cli.main import main

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
finish: [{use: resize, size: [16, 16]}]
stream: {batch_size: 8}
train: {model: {use: cnn, width: 4, depth: 1, convolutions: 1}, epochs: 2}
"""

PLUGINS = '''\
"""A stage of the stream and a loss."""
from dataclasses import dataclass
from dsbuilder.plugin import Loss, Params, Sample, Transform, loss, transform

@transform("dim", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Dim(Transform):
    """Halves every value."""

    def params(self, rng, sample: Sample) -> Params:
        return {}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image // 2)

@loss("squared")
@dataclass(frozen=True, kw_only=True)
class Squared(Loss):
    """The square of the difference to the class's own output, 1."""

    def compute(self, truth, outputs):
        import keras

        wanted = keras.ops.one_hot(truth, outputs.shape[-1])
        return keras.ops.mean((wanted - outputs) ** 2, axis=-1)
'''


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in args])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a pipeline, and a run `first` of two epochs."""
    home = tmp_path_factory.mktemp("training")
    for number, label in enumerate(("cat", "dog")):
        (home / "source" / label).mkdir(parents=True)
        for index in range(12):
            shade = (60 + 100 * number, 5 * index, 90)
            Image.new("RGB", (20, 20), shade).save(home / "source" / label / f"{index}.png")
    (home / "pets.yaml").write_text(PIPELINE)
    first = run("train", home / "pets.yaml", "--out", home / "out", "--run", home / "first")
    assert first.exit_code == 0, first.stderr
    (home / "first.txt").write_text(first.stdout)
    (home / "first.err").write_text(first.stderr)
    return home


def test_a_training_that_cannot_start_leaves_no_run_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = ("--out", home / "out", "--set", "train.optimizer.use=adan")
    failed = run("train", home / "pets.yaml", *wrong)
    assert failed.exit_code == 2
    assert "train.optimizer.use: unknown optimizer 'adan'. Did you mean 'adam'?" in failed.stderr
    assert not (tmp_path / "runs").exists()
    wrong = ("--out", home / "out", "--set", "train.optimizer.options={beta: 1}")
    failed = run("train", home / "pets.yaml", *wrong)
    assert failed.exit_code == 1
    assert "unknown option 'beta' of adam" in failed.stderr
    assert not list((tmp_path / "runs").iterdir())


def test_what_cannot_be_learnt_is_told_before_anything_is_built(home: Path, tmp_path: Path) -> None:
    failed = run(
        *("train", home / "pets.yaml", "--out", tmp_path / "out"),
        *("--set", "train.target=lable"),
    )
    assert failed.stderr == (
        f"error: {home / 'pets.yaml'}: train.target: unknown target 'lable'. "
        "Did you mean 'label'?\n"
    )
    assert failed.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_train_shows_every_epoch_and_where_files_lie(home: Path) -> None:
    computing, *epochs, small = (home / "first.err").read_text().splitlines()
    assert re.fullmatch(r"training: \w+ on .+, float32, (without|compiled by) XLA", computing)
    assert len(epochs) == 2
    assert small.startswith(
        "warning: pets 1.0.0, test: expected enough samples to judge a model by, found 6: its accu"
    )
    for number, line in enumerate(epochs, 1):
        assert re.fullmatch(
            rf"epoch   {number}  train  loss \d+\.\d{{4}} accuracy \d\.\d{{4}}  "
            r"validation loss \d+\.\d{4} accuracy \d\.\d{4}  \d+\.\d s",
            line,
        )
    shown = (home / "first.txt").read_text()
    assert re.search(
        r"^pets 1\.0\.0, test: accuracy [\d.]+ \[[\d.]+, [\d.]+\] of 6 samples", shown, re.MULTILINE
    )
    for name in ("best.keras", "results.csv", "charts", "report.html"):
        assert str(home / "first" / name) in shown
        assert (home / "first" / name).exists()
    run = home / "first"
    assert shown.endswith(
        f"next: dsbuilder evaluate {run} --mistakes {run / 'mistakes'}\n"
        f"      dsbuilder predict {run} IMAGE\n"
    )


def test_a_dataset_is_trained_on_as_its_pipeline_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("train", home / "out" / "pets", "--epochs", 1, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["run"] == str(tmp_path / "runs" / "pets-1")
    assert [row["epoch"] for row in document["epochs"]] == [1]
    assert document["evaluation"]["split"] == "test"
    interval = document["evaluation"]["intervals"]["accuracy"]
    assert interval["low"] <= document["evaluation"]["accuracy"] <= interval["high"]
    (told,) = document["warnings"]
    assert result.stderr == f"warning: {told}\n"


@pytest.mark.slow
def test_a_run_is_resumed_with_more_epochs(home: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = ("train", home / "pets.yaml", "--out", home / "out", "--json")
    assert run(*line, "--epochs", 1).exit_code == 0
    resumed = json.loads(run(*line, "--resume", "--epochs", 2).stdout)
    assert resumed["run"] == str(tmp_path / "runs" / "pets-1")
    assert [row["epoch"] for row in resumed["epochs"]] == [1, 2]


def test_evaluate_finds_the_dataset_of_the_run(home: Path) -> None:
    scores = json.loads((home / "first" / "evaluation.json").read_text())
    found = json.loads(run("evaluate", home / "first", "--json").stdout)
    assert found["accuracy"] == scores["accuracy"]
    listed = home / "again.csv"
    run("evaluate", home / "first", "--predictions", listed)
    assert listed.read_bytes() == (home / "first" / "predictions.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(listed.read_text(), newline="")))
    assert sum(row["right"] == "true" for row in rows) == round(6 * scores["accuracy"])
    shown = run("evaluate", home / "first" / "best.keras", home / "out/pets", "--split", "train")
    assert "pets 1.0.0, train: accuracy" in shown.stdout
    assert shown.exit_code == 0


def test_runs_lists_what_each_run_reached(home: Path) -> None:
    scores = json.loads((home / "first" / "evaluation.json").read_text())
    listed = json.loads(run("runs", home, "--json").stdout)["runs"]
    assert [Path(each["run"]).name for each in listed] == ["first"]
    assert "pets 1.0.0" in run("runs", home).stdout
    assert f"{scores['accuracy']:.3f}" in run("runs", home).stdout


def test_a_folder_without_runs_is_explained(home: Path) -> None:
    result = run("runs", home / "source")
    assert result.stderr == (
        f"error: {home}/source: there are no runs. Train one with dsbuilder train PIPELINE.\n"
    )
    assert result.exit_code == 1


def test_predict_names_classes_of_images_and_folders(home: Path) -> None:
    one = home / "source" / "cat" / "0.png"
    shown = run("predict", home / "first", one, "--top", 1).stdout.splitlines()
    assert shown[0].split() == ["image", "class"]
    assert re.fullmatch(rf"{re.escape(str(one))}  (cat|dog) [01]\.\d{{3}}", shown[1])
    found = json.loads(run("predict", home / "first", home / "source", "--json").stdout)
    assert len(found["predictions"]) == 24
    for prediction in found["predictions"]:
        assert {each["name"] for each in prediction["classes"]} == {"cat", "dog"}
        assert sum(each["probability"] for each in prediction["classes"]) == pytest.approx(1)


def test_answers_are_built_as_labels_the_least_confident_first(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "source", tmp_path / "photos")
    (tmp_path / "photos" / "cat" / "broken.png").write_bytes(b"no image")
    images = tmp_path / "photos" / "dog" / "0.png", tmp_path / "photos"
    named = json.loads(run("predict", home / "first", *images, "--json").stdout)["predictions"]
    dog = sorted(
        one["probability"] for each in named for one in each["classes"] if one["name"] == "dog"
    )
    middle = ("--threshold", (dog[10] + dog[12]) / 2)  # so that both classes are said
    listed = tmp_path / "labels.csv"
    asked = run("predict", home / "first", *images, "--labels", listed, *middle, "--json")
    assert asked.exit_code == 1  # one of them is broken
    found = json.loads(asked.stdout)
    said = {each["path"]: each["classes"][0] for each in found["predictions"]}
    assert {each["name"] for each in said.values()} == {"cat", "dog"}
    stages = [{"use": "resize", "size": [8, 8]}]
    pipeline = {"name": "labeled", "source": found["source"], "finish": stages}
    (tmp_path / "labeled.yaml").write_text(json.dumps(pipeline))
    built = dsbuilder.open(tmp_path / "labeled.yaml").build(tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    truth = {
        str(tmp_path / "photos" / each.key): dataset.class_names[each.targets["label"]]
        for split in dataset.splits
        for each in dataset.samples(split)
    }
    assert truth == {path: each["name"] for path, each in said.items()}
    rows = list(csv.DictReader(io.StringIO(listed.read_text(), newline="")))
    sure = [said[str(tmp_path / "photos" / row["file_name"])]["probability"] for row in rows]
    assert sure == sorted(sure) == pytest.approx([float(row["confidence"]) for row in rows], 1e-4)


def test_a_list_of_labels_says_how_it_is_read(home: Path, tmp_path: Path) -> None:
    wrong = run("predict", home / "first", home / "source", "--labels", tmp_path / "labels.xlsx")
    assert wrong.exit_code == 1 and "ends in one of .csv, .tsv, .jsonl" in wrong.stderr
    shown = run("predict", home / "first", home / "source", "--labels", tmp_path / "labels.csv")
    assert f'source: {{use: "list", path: "{home / "source"}", list: "{tmp_path}' in shown.stdout


def test_predict_reads_images_of_other_sizes_and_modes(home: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (50, 31), (9, 8, 7, 128)).save(tmp_path / "odd.png")
    assert run("predict", home / "first", tmp_path / "odd.png").exit_code == 0


@pytest.mark.slow
def test_a_pipeline_without_a_train_section_gets_one_that_can_be_copied(home: Path) -> None:
    pipeline = home / "bare.yaml"
    pipeline.write_text(PIPELINE.partition("train: {model")[0])
    line = ("train", pipeline, "--out", home / "out", "--run", home / "bare", "--epochs", 1)
    result = run(*line)
    assert result.exit_code == 0, result.output
    assert "task: class of 'label'" in result.stderr
    assert "\ntrain:\n" in (home / "bare" / "pipeline.yaml").read_text()


def test_a_run_that_is_there_is_not_trained_over(home: Path) -> None:
    result = run("train", home / "pets.yaml", "--out", home / "out", "--run", home / "first")
    assert result.stderr == (
        f"error: {home}/first: expected a folder for a new run, found a run. "
        "Resume it, or choose another folder.\n"
    )
    assert result.exit_code == 1


def test_flags_stand_for_assignments(home: Path) -> None:
    flags = {"--optimizer": "adan", "--learning-rate": -1, "--schedule": "cosin", "--patience": 0}
    flags |= {"--sampling": "even"}
    for flag, value in flags.items():
        key = {"--learning-rate": "optimizer", "--patience": "patience"}.get(flag, flag[2:])
        result = run("train", home / "pets.yaml", flag, value, "--run", home / "never")
        assert result.exit_code == 2, flag
        assert key in result.stderr, flag
    resumed = run("train", home / "pets.yaml", "--resume", "--optimizer", "sgd")
    assert (
        resumed.exit_code == 2 and "expected no assignment to the train section" in resumed.stderr
    )


def test_what_comes_next_of_a_model_can_be_typed(home: Path) -> None:
    model, image = home / "first", home / "source/cat/0.png"
    step, seen = ["predict", str(model), "IMAGE"], []
    while step[0] not in seen:
        seen.append(step[0])
        result = run(*(str(image) if each == "IMAGE" else each for each in step))
        assert result.exit_code == 0, result.stderr
        words = shlex.split(result.stdout.rpartition("next: ")[2].splitlines()[0])
        assert words[0] == "dsbuilder" and words[2] == str(model)
        step = words[1:]
    assert seen == ["predict", "export-model"]
    assert run("params", model).stdout.endswith(f"next: dsbuilder evaluate {model}\n")
    measured = run("bench", home / "out/pets", "--no-model", "--seconds", "0.05")
    assert measured.stdout.endswith(f"next: dsbuilder train {home}/out/pets\n")
    assert "next:" not in run("predict", model, image, "--format", "csv").stdout


@pytest.mark.slow
def test_a_learning_rate_is_proposed_and_no_run_is_written(
    home: Path, monkeypatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ("train", home / "pets.yaml", "--out", home / "out", "--find-lr")
    found = json.loads(run(*line, "--json").stdout)
    assert found["steps"][0].keys() == {"rate", "loss", "smoothed"}
    assert not list(tmp_path.iterdir())
    shown = run(*line, "--chart", tmp_path / "rates.svg").stdout
    assert f"--learning-rate {found['proposed']:g}" in shown and "rates.svg" in shown
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["rates.csv", "rates.svg"]
    assert f"proposed {found['proposed']:g}" in (tmp_path / "rates.svg").read_text()


@pytest.mark.slow
def test_mistakes_of_any_split_are_drawn(home: Path, tmp_path: Path) -> None:
    line = ("evaluate", home / "first", "--split", "train", "--mistakes", tmp_path / "wrong")
    found = json.loads(run(*line, "--json").stdout)
    drawn = [path.name for path in tmp_path.rglob("*.png")]
    assert drawn == ["mistakes.png"] * (found["accuracy"] < 1)


def test_a_chart_is_of_learning_rates_alone(home: Path, tmp_path: Path) -> None:
    result = run("train", home / "pets.yaml", "--chart", tmp_path / "rates.svg")
    assert result.exit_code == 2 and "expected --find-lr" in result.stderr


@pytest.mark.parametrize("flags", [["--find-lr"], ["--resume"], ["--schedule-epochs", "3"]])
def test_a_cross_validation_passes_over_no_flag(home: Path, flags: list[str]) -> None:
    result = run("train", home / "pets.yaml", "--cross-validate", "3", *flags)
    assert result.exit_code == 2 and f"expected no {flags[0]} beside it" in result.stderr
    if flags == ["--schedule-epochs", "3"]:  # the others are of one model, whatever it says
        said = ("--set", "train.cross_validate=3")
        result = run("train", home / "pets.yaml", *said, *flags)
        assert result.exit_code == 2 and f"expected no {flags[0]} beside it" in result.stderr


def test_nothing_to_resume_is_explained(home: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("train", home / "pets.yaml", "--out", home / "out", "--resume")
    assert result.stderr == ("error: runs: there is no run of 'pets' to resume. Give its folder.\n")
    assert result.exit_code == 1


def test_a_resumed_run_cannot_be_trained_otherwise(home: Path) -> None:
    result = run("train", home / "pets.yaml", "--resume", "--set", "train.patience=3")
    assert result.stderr == (
        "error: expected no assignment to the train section for a run that is resumed: it goes on "
        "as it began. Its epochs, schedule_epochs, devices, workers and log may be given.\n"
    )
    assert result.exit_code == 2


def test_weights_that_do_not_fit(home: Path, tmp_path: Path) -> None:
    weights = home / "first" / "best.keras"
    model = f"{{use: transfer, backbone: efficientnet_lite0, weights: {weights}}}"
    result = run(
        *("train", home / "pets.yaml", "--out", home / "out", "--run", tmp_path / "run"),
        *("--set", f"train.model={model}", "--set", "train.fine_tune=null"),
    )
    assert result.stderr == (
        f"error: {weights}: expected the weights of efficientnet_lite0, found that layer "
        "'stem_conv' needs (3, 3, 3, 32) and the file's layer 'block0_0_conv' has (3, 3, 3, 4). "
        "Give a file of the same network.\n"
    )
    assert result.exit_code == 1


def test_weights_that_are_not_there(home: Path, tmp_path: Path) -> None:
    result = run(
        *("train", home / "pets.yaml", "--out", home / "out", "--run", tmp_path / "run"),
        *("--set", "train.model={use: transfer, weights: /none.weights.h5}"),
    )
    assert result.stderr == (
        f"error: {home / 'pets.yaml'}: train.model: /none.weights.h5: no such file of weights. "
        "Check the path.\n"
    )
    assert result.exit_code == 2


def test_a_folder_that_is_no_run(home: Path) -> None:
    predicted, evaluated = run("predict", home / "source", home), run("evaluate", home / "source")
    assert predicted.stderr == (
        f"error: {home}/source/best.keras: there is no trained model. "
        "Give a run folder, or its best.keras.\n"
    )
    assert evaluated.stderr == (
        f"error: {home}/source/config.json: no such file. "
        "Give the folder of a run, such as runs/emoji-1.\n"
    )
    assert (predicted.exit_code, evaluated.exit_code) == (1, 1)


def test_an_image_that_cannot_be_read_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"junk")
    result = run("predict", home / "first", tmp_path / "bad.png")
    assert result.stderr == (
        f"error: {tmp_path}/bad.png: expected an image (PNG, JPEG, WebP, BMP, GIF, TIFF), found 4 "
        "bytes that start with b'junk': another format, or a header that is cut. Convert or "
        "replace the file.\n"
    )
    assert result.exit_code == 1


def test_a_damaged_image_among_others_silences_none(home: Path, tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        shutil.copytree(home / "source" / label, tmp_path / label)
    damaged = tmp_path / "cat" / '1,"\n.png'
    damaged.write_bytes(b"junk")
    asked = ("predict", home / "first", tmp_path)
    shown = {each: run(*asked, "--format", each) for each in ("table", "csv", "jsonl", "json")}
    assert {each.exit_code for each in shown.values()} == {1}
    document = json.loads(shown["json"].stdout)
    assert len(document["predictions"]) == 24 and shown["json"].stderr == ""
    (failure,) = document["failures"]
    assert failure["path"] == str(damaged) and "found 4 bytes" in failure["error"]

    lines = list(map(json.loads, shown["jsonl"].stdout.splitlines()))
    assert [each for each in lines if "error" not in each] == document["predictions"]
    assert [each["path"] for each in lines] == sorted(map(str, tmp_path.rglob("*.png")))
    assert [each for each in lines if "error" in each] == [failure]

    rows = list(csv.DictReader(io.StringIO(shown["csv"].stdout)))
    assert [row["path"] for row in rows] == [each["path"] for each in document["predictions"]]
    for row, each in zip(rows, document["predictions"], strict=True):
        first, second = each["classes"]
        assert row["answer"] == row["class_1"] == each["value"] == first["name"]
        assert float(row["probability_2"]) == second["probability"]

    table = shown["table"].stdout.splitlines()
    assert len(table) == 25
    for each in (shown["table"], shown["csv"]):
        first, last = each.stderr.splitlines()
        assert 'cat/1,"\\n.png: expected an image' in first
        assert last == "1 of 25 images are not answered."


def test_a_split_that_is_not_there(home: Path) -> None:
    result = run("evaluate", home / "first", "--split", "tset")
    assert result.stderr.endswith("unknown split 'tset'. Did you mean 'test'?\n")
    assert result.exit_code == 1


@pytest.mark.slow
def test_what_was_trained_with_plugins_is_measured_with_those_that_are_given(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(PLUGINS)
    text = PIPELINE.replace("path: source", f"path: {home / 'source'}").replace(
        "epochs: 2", "epochs: 1"
    )
    text = text.replace("batch_size: 8", "batch_size: 8, stages: [{use: dim}]")
    (tmp_path / "pets.yaml").write_text(text.replace("epochs: 1", "epochs: 1, loss: squared"))
    mine = tmp_path / "mine"
    trained = run("train", tmp_path / "pets.yaml", "--out", tmp_path / "out", "--run", mine)
    assert trained.exit_code == 0, trained.stderr
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    folder = tmp_path / "plugins"
    measured = run("evaluate", mine, "--json", "--plugins", folder)
    assert measured.exit_code == 0, measured.stderr
    found = json.loads(measured.stdout)
    assert found["loss"] == json.loads((mine / "evaluation.json").read_text())["loss"]
    dataset = dsbuilder.load(tmp_path / "out" / "pets" / "1.0.0")
    assert dataset.evaluate(mine, plugins=[folder]).to_json()["loss"] == found["loss"]
    (folder / "mine.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'was_run')!r}).touch()\n{PLUGINS}"
    )
    missed = run("evaluate", mine)  # what the run notes of its plugins is a hint, no more
    assert not (tmp_path / "was_run").exists()
    assert missed.exit_code == 2
    assert "unknown transform or mixer 'dim'." in missed.stderr
    assert missed.stderr.endswith(" Give the folder of its plugins.\n")
    monkeypatch.chdir(tmp_path)
    again = json.loads(run("evaluate", mine, "--json").stdout)
    assert {**again, "cost": None} == {**found, "cost": None}  # which is wall time
    assert (tmp_path / "was_run").exists()
