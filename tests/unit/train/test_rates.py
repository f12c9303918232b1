"""The learning rate of every step."""

import numpy as np
import pytest

from dsbuilder.plugin import Moment, Schedule
from dsbuilder.train.lookup import KerasClass
from dsbuilder.train.phases import Phase

keras = pytest.importorskip("keras")
rates = pytest.importorskip("dsbuilder.train.rates")

OF_KERAS = {
    "exponential_decay": {"decay_steps": 10, "decay_rate": 0.5, "staircase": True},
    "piecewise_constant_decay": {"boundaries": [5, 1500], "values": [1.0, 0.5, 0.1]},
    "polynomial_decay": {"decay_steps": 900, "cycle": True},
    "inverse_time_decay": {"decay_steps": 10, "decay_rate": 0.5},
    "cosine_decay": {"decay_steps": 900, "warmup_steps": 10, "warmup_target": 1.0},
    "cosine_decay_restarts": {"first_decay_steps": 90},
}


@pytest.mark.parametrize("name", OF_KERAS)
def test_a_schedule_of_keras_counts_steps_as_keras_does(name):
    options = OF_KERAS[name]
    chosen = KerasClass(role="schedule", use=name, options=options, place="train")
    schedule, plain = rates.make_schedule(chosen), chosen.make(initial_learning_rate=1.0)
    for step in (0, 1, 5, 6, 89, 1023, 1024, 1501, 3):
        moment = Moment(step=step, steps_per_epoch=7, epochs=300)
        assert schedule.share(moment) == pytest.approx(float(plain(step)), abs=1e-6)


class ByStep(Schedule):
    """A share that says which step it is of, and what came of the epochs before."""

    def share(self, moment):
        return (moment.step + 1) / 10 + 100 * len(moment.monitored)


def test_every_step_is_trained_at_its_own_rate_and_goes_on_where_an_epoch_ended():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.compile("sgd", "mse")
    phase = Phase(name="train", epochs=2, learning_rate=2.0, schedule_epochs=2)
    past, found = [], []

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(float(self.model.optimizer.learning_rate))

        def on_epoch_end(self, epoch, logs=None):
            past.append(0.5)

    setting = rates.LearningRate(phase, ByStep(), steps=3, monitored=lambda: past)
    zeros = np.zeros((6, 2), "float32"), np.zeros(6, "float32")
    model.fit(*zeros, batch_size=2, epochs=2, verbose=0, callbacks=[setting, Read()])
    assert found == pytest.approx([0.2, 0.4, 0.6, 200.8, 201.0, 201.2])
