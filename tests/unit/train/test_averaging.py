"""Averages stand in for the weights where a model is measured, and nowhere else."""

import numpy as np
import pytest

from dsbuilder.pipelinefile.training import OptimizerOptions
from dsbuilder.train.lookup import KerasClass

keras = pytest.importorskip("keras")
averaging = pytest.importorskip("dsbuilder.train.averaging")
optimizer = pytest.importorskip("dsbuilder.train.optimizer")

SGD = KerasClass(role="optimizer", use="sgd", place="train.optimizer")


def compiled(*, scaled=False, **options):
    inputs = keras.Input((2,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Model(inputs, dense(inputs))
    made = optimizer.make_optimizer(
        SGD, OptimizerOptions(**options), learning_rate=0.1, scaled=scaled
    )
    model.compile(made, "mse", run_eagerly=False)
    return model


def weights_by_step(model, steps, *, size=2):
    """Trains on batches of noise; returns the weights after every step."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(steps * size, 2)).astype("float32")
    found = []

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(self.model.get_weights()[0].copy())

    truth = np.zeros(steps * size, "float32")
    callbacks = [averaging.Averaging(), Read()]
    model.fit(images, truth, batch_size=size, shuffle=False, verbose=0, callbacks=callbacks)
    return images, found


def moving_average(values, share):
    average = values[0]
    for value in values[1:]:
        average = share * average + (1 - share) * value
    return average


@pytest.mark.parametrize("scaled", [False, True])
def test_averages_are_those_of_the_formula_and_leave_the_weights_alone(scaled):
    model = compiled(average=0.8, scaled=scaled)
    _, steps = weights_by_step(model, 6)
    assert np.array_equal(model.get_weights()[0], steps[-1])  # Keras would have the average here
    with averaging.averaged(model):
        found = model.get_weights()[0].copy()
    assert found == pytest.approx(moving_average(steps, 0.8), rel=1e-5)
    assert np.array_equal(model.get_weights()[0], steps[-1])


def test_batches_that_only_add_up_are_not_averaged_again():
    model = compiled(average=0.8, accumulate=3)
    _, steps = weights_by_step(model, 12)
    # An update counts in the average in full only when all batches up to the next are through.
    changed = [steps[2], steps[5], steps[8]]
    with averaging.averaged(model):
        found = model.get_weights()[0].copy()
    expected = moving_average(changed, 0.8)
    expected = 0.8 ** (1 / 3) * expected + (1 - 0.8 ** (1 / 3)) * steps[11]
    assert found == pytest.approx(expected, rel=1e-5)


def test_without_averages_nothing_changes():
    model = compiled()
    before = model.get_weights()[0]
    with averaging.averaged(model):
        assert np.array_equal(model.get_weights()[0], before)


def test_gradients_add_up_over_batches_that_do_not_divide_the_epoch():
    model = compiled(accumulate=2)
    images, steps = weights_by_step(model, 5)
    weight = np.ones((2, 1), "float32")
    for update in range(2):
        batches = [images[4 * update + i : 4 * update + i + 2] for i in (0, 2)]
        gradients = [2 * batch.T @ (batch @ weight) / len(batch) for batch in batches]
        weight = weight - 0.1 * np.mean(gradients, axis=0)
        assert steps[2 * update + 1] == pytest.approx(weight, rel=1e-4)
    assert np.array_equal(steps[4], steps[3])  # the fifth batch waits for the next epoch's first


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"clip_norm": 0.01}, lambda g: g * min(1, 0.01 / np.linalg.norm(g))),
        ({"global_clip_norm": 0.01}, lambda g: g * min(1, 0.01 / np.linalg.norm(g))),
        ({"clip_value": 0.01}, lambda g: np.clip(g, -0.01, 0.01)),
    ],
)
def test_gradients_are_clipped_as_their_formulas_say(options, most):
    images, steps = weights_by_step(compiled(**options), 1)
    start = np.ones((2, 1), "float32")
    gradient = 2 * images.T @ (images @ start) / len(images)
    assert steps[0] == pytest.approx(start - 0.1 * most(gradient), rel=1e-4)
