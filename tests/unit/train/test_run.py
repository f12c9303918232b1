"""The run folder keeps what it is given, and says what it is missing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import TrainError
from dsbuilder.train.run import Row, Run, new_run

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = st.fixed_dictionaries({"loss": FLOATS, "accuracy": FLOATS})


@st.composite
def histories(draw):
    validated = draw(st.booleans())
    return [
        Row(
            epoch=epoch + 1,
            phase=draw(st.sampled_from(["train", "fine_tune"])),
            learning_rate=draw(st.floats(1e-9, 1.0)),
            train=draw(VALUES),
            validation=draw(VALUES) if validated else {},
            seconds=draw(st.integers(0, 10**6)) / 1000,
        )
        for epoch in range(draw(st.integers(1, 5)))
    ]


@given(rows=histories())
def test_reading_results_gives_back_what_was_written(tmp_path_factory, rows):
    run = Run(path=tmp_path_factory.mktemp("run"))
    run.write_rows(rows)
    assert run.rows() == rows
    assert [Row.from_flat(json.loads(json.dumps(row.flat()))) for row in rows] == rows


def test_results_have_a_line_an_epoch_under_named_columns(tmp_path):
    run = Run(path=tmp_path)
    row = Row(
        epoch=1,
        phase="train",
        learning_rate=0.001,
        train={"loss": 1.5, "accuracy": 0.5},
        validation={"loss": 2.0, "accuracy": 0.25},
        seconds=1.25,
    )
    run.write_rows([row])
    assert (tmp_path / "results.csv").read_text() == (
        "epoch,phase,learning_rate,train_loss,train_accuracy,validation_loss,"
        "validation_accuracy,seconds\n"
        "1,train,0.001,1.5,0.5,2.0,0.25,1.25\n"
    )


def test_a_run_without_a_whole_epoch_has_no_rows(tmp_path):
    assert Run(path=tmp_path).rows() == []


def test_new_runs_are_numbered_upwards_and_never_shared(tmp_path):
    folders = [new_run(tmp_path / "runs", "emoji").path.name for _ in range(3)]
    assert folders == ["emoji-1", "emoji-2", "emoji-3"]
    assert new_run(tmp_path / "runs", "digits").path.name == "digits-1"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError) as error:
        new_run(tmp_path / "file" / "runs", "emoji")
    assert str(error.value) == (
        f"{tmp_path}/file/runs: the folder for runs cannot be written (Not a directory). "
        "Choose another."
    )


def test_a_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(TrainError) as error:
        Run(path=tmp_path).config()
    assert str(error.value) == (
        f"{tmp_path}/config.json: no such file. Give the folder of a run, such as runs/emoji-1."
    )


@pytest.mark.parametrize(
    "text", ["{", '{"kind": "class", "intervals": 7}', '{"kind": "class", "intervals": {"f1": 7}}']
)
def test_a_broken_file_is_an_error(tmp_path, text):
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(TrainError, match=r"the file cannot be read|expected what a run writes"):
        Run(path=tmp_path).evaluation()


def test_files_are_replaced_whole_and_leave_nothing_behind(tmp_path):
    run = Run(path=tmp_path)
    for _ in range(2):
        run.write_json("config.json", {"a": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": 1}
