"""What is searched is known to be possible before anything is trained, and named with its line."""

import pytest

import dsbuilder
from dsbuilder.actions.search_space import search_space
from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile.tuning import Choices, SearchInterval
from dsbuilder.train.options import options_of

PIPELINE = """\
name: pets
source: {use: folder, path: source}
size: 16
finish: [{use: resize, size: $size}]
stream: {stages: [{use: A.RandomBrightnessContrast, p: 0.5}]}
train: {model: cnn, optimizer: {use: momentum}}
tune:
"""
OPTIONS = """\
  train.optimizer.learning_rate: {low: 1e-4, high: 1e-1, scale: log}
  train.model.width: {low: 4, high: 16}
  train.model.activation: [relu, swish]
  stream.stages[0].p: {low: 0, high: 1}
  size: [16, 24]
"""


@pytest.fixture
def check(make_images, write_pipeline):
    """Checks the pipeline with a section, and says what is wrong as `line: message`."""
    make_images()

    def check(section):
        path = write_pipeline(PIPELINE + section)
        try:
            return dsbuilder.open(path).check()
        except SpecError as error:
            return [str(each).removeprefix(f"{path}:") for each in error.problems]

    return check


def test_intervals_and_choices_are_taken_as_they_are_written(check):
    assert check(OPTIONS).tune == {
        "train.optimizer.learning_rate": SearchInterval(low=1e-4, high=0.1, scale="log"),
        "train.model.width": SearchInterval(low=4, high=16),
        "train.model.activation": Choices(("relu", "swish")),
        "stream.stages[0].p": SearchInterval(low=0, high=1),
        "size": Choices((16, 24)),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train.model.wdith: {low: 1, high: 2}", "unknown option 'wdith'. Did you mean 'width'?"),
        ("train.optimiser.use: [sgd, adam]", "unknown key 'optimiser'. Did you mean 'optimizer'?"),
        ("stream.stages[1].p: {low: 0, high: 1}", "expected a list of more than 1 entries at [1]"),
        ("train.model.width: {low: 0, high: 8}", "with 0: width: expected 1 or more, found 0."),
        ("train.model.dropout: {low: 0.5, high: 1}", "with 1.0: dropout: expected a share in"),
        ("train.model.activation: [relu, swich]", 'with "swich": expected one of relu,'),
        ("train.model.depth: {low: 3, high: 9}", "with 9: cnn: expected images of at least 512"),
        ("finish[0].size: [[8, 8], [0, 8]]", "with [0, 8]: "),
        ("train.model.width: {low: 8, high: 4}", "expected low < high, found 8 and 4."),
        ("train.model.l2: {low: 0, high: 1, scale: log}", "low: expected more than 0 with scale"),
        ("train.model.l2: {low: 0, high: 1, scale: lin}", "expected one of linear, log, found"),
        ("train.model.l2: 3", "expected {low: ..., high: ...} or a list of choices, found 3."),
        ("train.model.pooling: [max]", "expected two choices or more, each once, found ['max']."),
        ("train.epochs: [1, 2]", "expected an option that is chosen, found 'train.epochs': every"),
        ("split.train: [0.5, 0.8]", "expected an option of size, image, prepare, augment, synth"),
    ],
)
def test_what_cannot_be_tried_is_told_with_its_line(check, line, message):
    (found,) = check(f"  {line}\n")
    place = line.partition(": ")[0]
    start = len(PIPELINE.splitlines()) + 1
    assert found.partition(f" tune.{place}")[0] == f"{start}:"
    assert message in found


def test_every_problem_is_told_at_once(check):
    wrong = "  train.model.width: {low: 0, high: -1}\n  train.seed: [1, 2]\n  seed: [1, 2]\n"
    assert len(check(wrong)) == 3
    wrong = "  train.model.wdith: [1, 2]\n  train.model.depth: [0, 2]\n  augment.copys: [0, 1]\n"
    assert len(check(wrong)) == 3


@pytest.fixture
def space(check, tmp_path):
    """The space of a pipeline with a section, by path."""

    def space(text):
        (tmp_path / "pipeline.yaml").write_text(text)
        opened = dsbuilder.open(tmp_path / "pipeline.yaml")
        found = search_space(opened, opened.survey())
        return found.declared, {each.path: each for each in found.options}

    return space


def test_an_option_behind_a_preset_is_varied_around_its_own_value(space):
    behind = PIPELINE.replace("[{use: A.Random", "[{preset: document}, {use: A.Random")
    _, found = space(f"{behind}  stream.stages[5].p: {{low: 0, high: 1}}\n")
    assert found["stream.stages[5].p"].own == 0.5


def test_an_option_of_whole_numbers_is_told_by_what_it_takes(space):
    declared, found = space(PIPELINE + OPTIONS)
    assert declared
    assert [each.whole for each in found.values()] == [False, True, False, False, False]
    assert [each.own for each in found.values()] == [1e-3, 32, None, 0.5, 16]


def test_where_nothing_is_said_options_of_the_model_in_use_are_searched(space):
    declared, found = space(PIPELINE.replace("tune:\n", ""))
    assert not declared
    assert {path: str(each.searched) for path, each in found.items()} == {
        "train.optimizer.learning_rate": "0.001 to 0.3 (log)",
        "train.model.width": "16 to 64 (log)",
        "train.model.dropout": "0 to 0.5",
        "train.optimizer.options.weight_decay": "1e-05 to 0.1 (log)",
    }
    lenet = "train: {model: lenet, optimizer: {use: lamb, learning_rate: 0.5}}"
    _, found = space(PIPELINE[: PIPELINE.index("train:")] + lenet)
    assert {path: str(each.searched) for path, each in found.items()} == {
        "train.optimizer.learning_rate": "0.05 to 5 (log)",
        "train.model.dropout": "0 to 0.5",
    }


def test_no_dataset_depends_on_what_is_searched(check, tmp_path):
    check(OPTIONS)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace("tune:\n", ""))
    opened = dsbuilder.open(tmp_path / "pipeline.yaml")
    plain = opened.build(tmp_path / "out", workers=0)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE + OPTIONS)
    assert opened.build(tmp_path / "out", workers=0).path.resolve() == plain.path.resolve()
    given = {"overrides": ["train.epochs=2", "tune={train.model.width: [4, 8]}"]}
    assert options_of(dsbuilder.load(plain.path), **given).epochs == 2


def test_a_patch_says_what_assignments_say(check, tmp_path):
    check(OPTIONS)
    patch = tmp_path / "tuned.yaml"
    patch.write_text(
        "train.model.width: 8  # not 32\n"
        "stream.stages[0].p: 1e-1\n"
        "train.model.activation: swish\n"
        "train.model.dense: [16, 8]\n"
        "train.optimizer.options: {momentum: 0.8, nesterov: true}\n"
        "version: 2.0.1\n"
        "tune: {size: [16, 24]}\n"
    )
    given = {"patches": [patch], "overrides": ["train.model.width=4"]}
    settings = dsbuilder.open(tmp_path / "pipeline.yaml", **given).spec().settings
    train = settings.train
    assert (train.model.width, train.model.activation, train.model.dense) == (4, "swish", (16, 8))
    assert train.optimizer.options == {"momentum": 0.8, "nesterov": True}
    assert settings.stream.stages[0].p == 0.1
    assert settings.tune == {"size": Choices((16, 24))}
    patch.write_text("- 1\n")
    with pytest.raises(SpecError, match=r"tuned\.yaml:1: expected path: value on each line"):
        dsbuilder.open(tmp_path / "pipeline.yaml", patches=[patch])
