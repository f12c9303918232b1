"""Features of frozen layers are computed once, and an epoch on them is an epoch through them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.pipelinefile.training import FineTuneOptions, OptimizerOptions
from dsbuilder.plugin import ModelBuilder, Signature, model

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
features = pytest.importorskip("dsbuilder.train.features")
trainer = pytest.importorskip("dsbuilder.train.trainer")


@model("half_frozen")
@dataclass(frozen=True, kw_only=True)
class HalfFrozen(ModelBuilder):
    """Frozen convolutions in a model of their own, with noise that is silenced, then a head.

    Attributes:
      noise: share that a layer drops between frozen ones.
    """

    noise: float = 0.0

    def build(self, signature: Signature):
        inputs = keras.Input(signature.image.shape)
        x = keras.layers.Conv2D(6, 3, strides=2, activation="relu")(inputs)
        x = keras.layers.BatchNormalization()(x)
        silenced = keras.layers.Dropout(0.5)
        x = keras.layers.Conv2D(8, 3, activation="relu")(silenced(x))
        backbone = keras.Model(inputs, x, name="backbone")
        backbone.trainable = False
        silenced.rate = self.noise
        again = keras.Input(signature.image.shape)
        x = keras.layers.GlobalAveragePooling2D(name="pool")(backbone(again))
        x = keras.layers.Dropout(0.4)(x)
        return keras.Model(again, keras.layers.Dense(3)(x))


@pytest.fixture
def once(options):
    """Options of a training whose features are computed once."""
    return replace(options, model=HalfFrozen(), normalize="scale", epochs=4)


@pytest.fixture
def counted(monkeypatch):
    """Names of the splits of which features were computed."""
    found, real = [], features.kept

    def kept(frozen, splits, *args, **given):
        found.extend(splits)
        return real(frozen, splits, *args, **given)

    monkeypatch.setattr(features, "kept", kept)
    return found


def whole_way(monkeypatch):
    monkeypatch.setattr(features, "cut", lambda network: None)


def assert_alike(run, other):
    for row, same in zip(run.rows(), other.rows(), strict=True):
        assert row.phase == same.phase
        for split in ("train", "validation"):
            found, expected = getattr(row, split), getattr(same, split)
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-5), (row.epoch, split)
    for name in ("best", "last"):
        pair = [archive.load_model(getattr(each, name)).model for each in (run, other)]
        for one, two in zip(*(each.get_weights() for each in pair), strict=True):
            assert np.allclose(one, two, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("codec", ["npy", "tfrecord"])
@pytest.mark.slow
def test_epochs_on_features_are_epochs_through_the_network(
    build_dataset, once, tmp_path, monkeypatch, counted, codec
):
    dataset = build_dataset(codec=codec, augment="augment: {copies: 1, stages: [A.VerticalFlip]}")
    optimizer = replace(OptimizerOptions(learning_rate=0.01), average=0.9, schedule="cosine")
    options = replace(once, optimizer=optimizer, class_weight={"red": 3.0})
    told = []
    shown = {"on_features": lambda done, of: told.append((done, of))}
    run = trainer.train_dataset(dataset, options, run=tmp_path / "features", **shown)
    assert counted == ["train", "validation"]
    count = sum(dataset.num_samples(split) for split in counted)
    assert told[-1] == (count, count) and told == sorted(set(told))
    whole_way(monkeypatch)
    assert_alike(run, trainer.train_dataset(dataset, options, run=tmp_path / "whole", **shown))
    assert counted == ["train", "validation"] and len(told) == len(set(told))


@pytest.mark.slow
def test_fine_tuning_follows_through_the_whole_network(
    dataset, once, tmp_path, monkeypatch, counted
):
    options = replace(once, epochs=2, fine_tune=FineTuneOptions(layers=1, epochs=2))
    run = trainer.train_dataset(dataset, options, run=tmp_path / "features")
    assert counted == ["train", "validation"]
    whole_way(monkeypatch)
    assert_alike(run, trainer.train_dataset(dataset, options, run=tmp_path / "whole"))


@pytest.mark.slow
def test_balanced_epochs_pass_frozen_layers_once_as_well(
    skewed, once, tmp_path, monkeypatch, counted
):
    options = replace(once, sampling="balanced", epochs=2)
    run = trainer.train_dataset(skewed, options, run=tmp_path / "features")
    assert counted == ["train", "validation"]
    whole_way(monkeypatch)
    assert_alike(run, trainer.train_dataset(skewed, options, run=tmp_path / "whole"))


class Killed(Exception):
    """Stands for a killed process."""


@pytest.mark.slow
def test_a_run_on_features_goes_on_where_it_was(dataset, once, tmp_path, monkeypatch):
    once = replace(once, class_weight={"red": 3.0})
    home = tmp_path / "plugins"
    home.mkdir()
    text = Path(__file__).read_text(encoding="utf-8")
    lines = text[text.index("@model") : text.index("@pytest.fixture")]
    head = (
        '"""Half frozen."""\nfrom dataclasses import dataclass\nimport keras\n'
        "from dsbuilder.plugin import ModelBuilder, Signature, model\n"
    )
    (home / "half_frozen.py").write_text(head + lines)
    whole = trainer.train_dataset(dataset, once, run=tmp_path / "whole", plugins=[home])

    def kill(step):
        if (step.epoch, step.step) == (3, 3):
            raise Killed

    every = replace(once, checkpoint_minutes=1e-9)
    with pytest.raises(Killed):
        trainer.train_dataset(dataset, every, run=tmp_path / "run", on_batch=kill, plugins=[home])
    assert (tmp_path / "run" / "checkpoint.keras").exists()
    resumed = trainer.resume_run(tmp_path / "run", dataset=dataset, plugins=[home])
    assert_alike(resumed, whole)


@pytest.mark.slow
def test_features_beyond_memory_lie_in_a_file_that_goes_again(
    dataset, once, tmp_path, monkeypatch, counted
):
    plain = trainer.train_dataset(dataset, once, run=tmp_path / "memory")
    monkeypatch.setattr(features, "IN_MEMORY_BYTES", 0)
    run = trainer.train_dataset(dataset, once, run=tmp_path / "file")
    assert_alike(run, plain)
    assert not list(run.path.glob(".features*"))


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_network_is_cut_only_behind_what_never_changes(noise):
    from dsbuilder.sample import ImageSignature
    from dsbuilder.targets import ClassLabel

    image = ImageSignature(height=16, width=16, channels=3)
    signature = Signature(image=image, targets={"label": ClassLabel(names=("a", "b", "c"))})
    network = HalfFrozen(noise=noise).build(signature)
    parts = features.cut(network)
    assert parts is not None
    pixels = np.random.default_rng(0).random((5, 16, 16, 3), np.float32)
    assert np.allclose(parts.rest(parts.frozen(pixels)), network(pixels), atol=1e-6)
    # Noise between frozen layers leaves those before it alone to be kept.
    assert parts.frozen.output_shape == ((None, 8) if not noise else (None, 7, 7, 6))


def test_what_has_no_frozen_layers_is_not_cut():
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(4)
    trained = keras.Model(inputs, keras.layers.Dense(2)(hidden(inputs)))
    assert features.cut(trained) is None
    hidden.trainable = False
    assert features.cut(trained) is not None
    skipping = keras.layers.Concatenate()([inputs, hidden(inputs)])
    assert features.cut(keras.Model(inputs, keras.layers.Dense(2)(skipping))) is not None
    around = keras.layers.Concatenate()([keras.layers.Dense(3)(inputs), hidden(inputs)])
    assert features.cut(keras.Model(inputs, keras.layers.Dense(2)(around))) is None


@pytest.mark.parametrize("frozen", [True, False])
def test_functions_between_layers_are_passed_as_well(frozen):
    """A mean over channels, as attention takes it, is no layer: it has no weights."""
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, trainable=not frozen)(inputs)
    centered = first - keras.ops.mean(first, axis=-1, keepdims=True)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(centered))
    network = keras.Model(inputs, outputs)
    parts = features.cut(network)
    assert (parts is not None) == frozen
    if parts is not None:
        pixels = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
        assert np.allclose(parts.rest(parts.frozen(pixels)), network(pixels), atol=1e-6)


def test_what_is_trained_keeps_the_order_of_the_network():
    """On JAX states of an optimizer belong to weights by their order, whatever they are called."""
    inputs = keras.Input((8,))
    frozen = keras.layers.Dense(4, trainable=False)(inputs)
    heads = {name: keras.layers.Dense(units)(frozen) for name, units in (("a", 3), ("z", 2))}
    outer = keras.Input((8,))
    built = keras.Model(inputs, heads)(outer)
    finished = keras.layers.Rescaling(2.0)(built["z"])
    network = keras.Model(outer, {"a": built["a"], "z": finished})
    rest = features.cut(network).rest
    found, expected = (list(map(id, each.trainable_variables)) for each in (rest, network))
    assert found == expected


def test_what_is_drawn_anew_is_never_kept(build_dataset, once, tmp_path, counted):
    dataset = build_dataset(stages="[{use: A.HorizontalFlip, p: 0.5}]")
    trainer.train_dataset(dataset, replace(once, epochs=2), run=tmp_path / "run")
    assert counted == []
