"""Which phase comes next is a function of the epochs so far."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import FineTuneOptions, TrainOptions
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import (
    best_row,
    extended,
    is_over,
    leaves,
    next_phase,
    phases_of,
    unfreeze,
)
from dsbuilder.train.run import Row

keras = pytest.importorskip("keras")

LOSS = Monitor()


def row(epoch, phase="train", loss=1.0, validation=True):
    group = {"loss": loss}
    return Row(
        epoch=epoch,
        phase=phase,
        learning_rate=0.1,
        train={"loss": 9.0} if validation else group,
        validation=group if validation else {},
    )


def options(**given):
    return TrainOptions(model=Cnn(), **given)


TWO_PHASES = st.builds(
    options,
    epochs=st.integers(1, 6),
    patience=st.none() | st.integers(1, 3),
    fine_tune=st.none() | st.builds(FineTuneOptions, epochs=st.integers(1, 4)),
)


@given(TWO_PHASES, st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_a_training_goes_through_its_phases_in_order_and_ends(chosen, losses):
    rows = []
    while (following := next_phase(chosen, rows)) is not None:
        rows.append(row(len(rows) + 1, following[0].name, losses[len(rows)]))
    names = [each.phase for each in rows]
    assert names == sorted(names, key=["train", "fine_tune"].index)
    for phase in phases_of(chosen):
        assert 1 <= names.count(phase.name) <= phase.epochs


@given(TWO_PHASES, st.lists(st.floats(0, 10), min_size=20, max_size=20), st.integers(0, 12))
def test_a_training_that_is_left_has_gone_through_what_the_whole_one_begins_with(
    chosen, losses, stop_after
):
    def epochs(**stop):
        rows = []
        while (following := next_phase(chosen, rows, **stop)) is not None:
            phase, left = following
            assert left >= 1
            assert len(rows) + left <= stop.get("stop_after", 20)
            rows.append(row(len(rows) + 1, phase.name, losses[len(rows)]))
        return rows

    assert epochs(stop_after=stop_after) == epochs()[:stop_after]


@given(TWO_PHASES, st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_a_phase_is_cut_short_only_by_patience(chosen, losses):
    rows = []
    while (following := next_phase(chosen, rows)) is not None:
        rows.append(row(len(rows) + 1, following[0].name, losses[len(rows)]))
    for phase in phases_of(chosen):
        if sum(each.phase == phase.name for each in rows) < phase.epochs:
            end = max(each.epoch for each in rows if each.phase == phase.name)
            assert is_over(rows[:end], phase.name, chosen.patience, LOSS)


def test_patience_counts_epochs_since_the_best_one():
    rows = [row(1, loss=3.0), row(2, loss=1.0), row(3, loss=2.0), row(4, loss=1.5)]
    assert not is_over(rows[:3], "train", 2, LOSS)
    assert is_over(rows, "train", 2, LOSS)
    assert not is_over(rows, "train", None, LOSS)


def test_fine_tuning_counts_only_its_own_epochs():
    rows = [row(1, loss=1.0), row(2, loss=2.0), row(3, "fine_tune", loss=2.0)]
    assert not is_over(rows, "fine_tune", 2, LOSS)


def test_the_best_row_is_of_the_lowest_validation_loss_and_the_first_of_equals():
    rows = [row(1, loss=2.0), row(2, loss=1.0), row(3, loss=1.0)]
    assert best_row(rows, LOSS) is rows[1]
    assert best_row([], LOSS) is None


def test_without_validation_the_loss_on_train_decides():
    rows = [row(1, loss=2.0, validation=False), row(2, loss=1.0, validation=False)]
    assert best_row(rows, LOSS) is rows[1]


def test_a_loss_that_is_not_a_number_is_never_the_best():
    rows = [row(1, loss=float("nan")), row(2, loss=5.0)]
    assert best_row(rows, LOSS) is rows[1]


def test_the_greatest_may_be_the_best():
    rows = [row(1, loss=1.0), row(2, loss=3.0), row(3, loss=2.0)]
    assert best_row(rows, Monitor(greatest=True)) is rows[1]
    assert is_over(rows, "train", 1, Monitor(greatest=True))
    assert best_row(rows, Monitor(name="unknown")) is rows[0]


def test_more_epochs_let_a_finished_training_go_on():
    rows = [row(1), row(2)]
    assert next_phase(options(epochs=2), rows) is None
    following = next_phase(options(epochs=5), rows)
    assert following is not None
    assert (following[0].name, following[1]) == ("train", 3)


def test_a_schedule_stays_laid_over_the_epochs_that_a_run_began_with():
    begun = options(epochs=4)
    assert phases_of(begun)[0].schedule_epochs == 4
    longer = extended(begun, epochs=7, schedule_epochs=None)
    assert (longer.epochs, phases_of(longer)[0].schedule_epochs) == (7, 4)
    again = extended(longer, epochs=9, schedule_epochs=None)
    assert (again.epochs, phases_of(again)[0].schedule_epochs) == (9, 4)
    stretched = extended(longer, epochs=9, schedule_epochs=9)
    assert phases_of(stretched)[0].schedule_epochs == 9
    assert extended(begun, epochs=None, schedule_epochs=None) == begun


def test_each_phase_has_its_own_learning_rate():
    chosen = options(fine_tune=FineTuneOptions(layers=4, learning_rate=1e-5))
    first, second = phases_of(chosen)
    assert (first.learning_rate, first.unfreeze) == (1e-3, 0)
    assert (second.learning_rate, second.unfreeze) == (1e-5, 4)


def frozen_model():
    inputs = keras.Input((8, 8, 3))
    x = inputs
    for index in range(3):
        x = keras.layers.Conv2D(2, 3, padding="same", name=f"conv{index}")(x)
        x = keras.layers.BatchNormalization(name=f"bn{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    features = keras.Model(inputs, x, name="features")
    features.trainable = False
    outer = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(features(outer))
    return keras.Model(outer, keras.layers.Dense(2, name="logits")(pooled))


def trained(model):
    return [layer.name for layer in leaves(model) if layer.trainable and layer.weights]


def test_the_last_frozen_layers_are_unfrozen_but_never_batch_normalization():
    model = frozen_model()
    assert trained(model) == ["logits"]
    unfreeze(model, 2)
    assert trained(model) == ["conv1", "conv2", "logits"]


def test_unfreezing_more_than_there_is_unfreezes_all():
    model = frozen_model()
    unfreeze(model, 100)
    assert trained(model) == ["conv0", "conv1", "conv2", "logits"]


def test_unfrozen_layers_learn_and_batch_normalization_stands_still():
    model = frozen_model()
    unfreeze(model, 1)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    features = model.get_layer("features")
    names = ("conv1", "conv2", "bn2")
    before = {name: features.get_layer(name).get_weights() for name in names}
    images = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")
    model.fit(images, np.arange(16) % 2, verbose=0)

    def moved(name):
        now = features.get_layer(name).get_weights()
        return any(not np.array_equal(a, b) for a, b in zip(now, before[name], strict=True))

    assert [moved(name) for name in names] == [False, True, False]


def test_unfreezing_a_model_without_frozen_layers_is_an_error():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(TrainError) as error:
        unfreeze(model, 3)
    assert str(error.value) == (
        "train.fine_tune: the model has no frozen layers. "
        "Remove fine_tune, or let the model freeze what it has loaded."
    )
