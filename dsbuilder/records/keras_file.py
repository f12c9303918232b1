"""What a `.keras` file says of the model in it, read without Keras: its layers and its input.

The file is a zip archive; its member `config.json` nests one mapping for each layer: its class and
its options. A `Lambda` layer holds code instead of options. Keras refuses to run it in its safe
mode, unless the code has a name of Keras' own; here it is refused whatever it holds, and by name,
before any of the file is loaded.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError

_CONFIG = "config.json"
_LARGEST_BYTES = 1 << 26
_CODE = "Lambda"
_LAST = ("Dense", "EinsumDense", "Conv2D")


def read_config(path: Path) -> Mapping[str, Any]:
    """Returns the configuration of a model; no code is in it.

    Raises:
      DataError: there is no such file, it is not one of Keras, or it has a Lambda layer.
    """
    config = _read(path)
    held = [each for each in layers(config) if each.get("class_name") == _CODE]
    if held:
        found = ", ".join(f"'{name_of(each)}'" for each in held)
        raise DataError(
            f"{path}: expected a model of layers alone, found code in the {_CODE} layer {found}. "
            "Build the model with a layer or a function of Keras in its place, and save it again."
        )
    return config


def read_member(path: Path, name: str) -> Any:
    """Returns the JSON value of a member of a `.keras` file; raises whatever zipfile does."""
    with zipfile.ZipFile(path) as file:
        if file.getinfo(name).file_size > _LARGEST_BYTES:
            raise ValueError(f"a {name} of more than {_LARGEST_BYTES} bytes")
        return typed_json.loads(file.read(name))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        config = read_member(path, _CONFIG)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check the path.") from None
    except OSError as error:
        raise DataError(f"{path}: it cannot be read ({error.strerror or error}).") from error
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{path}: expected a model that Keras saved as .keras, found another file ({error}). "
            "Save the model with model.save('name.keras')."
        ) from error
    if not isinstance(config, Mapping):
        raise DataError(f"{path}: expected a model that Keras saved as .keras, found no model.")
    return config


def layers(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yields every layer of a configuration, and whatever else of it is of a class."""
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config
        for each in config.values():
            yield from layers(each)
    elif isinstance(config, list):
        for each in config:
            yield from layers(each)


def name_of(layer: Mapping[str, Any]) -> str:
    """Returns the name of a layer, or of its class where it has none."""
    options = layer.get("config")
    named = options.get("name") if isinstance(options, Mapping) else None
    return str(named or layer.get("name") or layer["class_name"])


def last_features(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """Returns the shape of a sample that the last dense layer or convolution takes; None if untold.

    Layers stand in the order of their calls, each with the shape that it was built for.
    """
    found: tuple[int | None, ...] | None = None
    for each in layers(config):
        built = each.get("build_config")
        shape = built.get("input_shape") if isinstance(built, Mapping) else None
        if each["class_name"] in _LAST and isinstance(shape, list):
            found = tuple(side if isinstance(side, int) else None for side in shape[1:])
    return found


def input_shape(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """Returns the shape of a sample that a model takes; None where the file does not say."""
    for each in layers(config):
        options = each.get("config")
        if each["class_name"] == "InputLayer" and isinstance(options, Mapping):
            shape = options.get("batch_shape", options.get("batch_input_shape"))
            if isinstance(shape, list) and all(isinstance(s, int | None) for s in shape[1:]):
                return tuple(shape[1:])
    return None
