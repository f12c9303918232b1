"""Fingerprints: the hash of everything that determines a sample's bytes.

That is: the content of its source files, its key and labels, the options of every stage (a `Path`
option by what the file holds), the code of every plugin (its file and what that imports below
`plugins/`, of an installed plugin within its distribution; a built-in one by version), what a
plugin's `inputs()` adds, and the versions of the libraries that decode, transform and encode. Equal
fingerprints, equal bytes.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsbuilder.cache.manifest import StageDescription
from dsbuilder.plugin import Catalog, Range, Source, defines
from dsbuilder.plugin.decorators import CLASS_WORDS
from dsbuilder.plugin_code import Place, source_files
from dsbuilder.registry import Origin, Registry

LIBRARIES = ("dsbuilder", "numpy", "opencv-python-headless", "pillow", "simplejpeg")
"""Packages whose version may change the bytes of any sample; plugins name theirs in `inputs()`."""

# Made once: `json.dumps` would make an encoder for each of a million samples.
_to_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def digest(*parts: Any) -> str:
    """Returns the hash of JSON values as 32 hexadecimal digits."""
    text = _to_json(parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


_CHUNK_BYTES = 1 << 20


def of_file(path: Path) -> str:
    """Returns the content hash of a file: half of its SHA-256, which processors compute fastest."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):  # most files are one: what hashlib brings is slower
            digest.update(chunk)
    return digest.hexdigest()[:32]


@lru_cache(maxsize=1)
def packages() -> Mapping[str, str]:
    """Returns the versions of the libraries that any sample's bytes depend on."""
    versions = {"python": platform.python_version()}
    return {**versions, **{name: importlib.metadata.version(name) for name in LIBRARIES}}


def of_plugin(plugin: Any, registry: Registry) -> str:
    """Returns the fingerprint of a bound plugin: its code, its options, and its inputs."""
    known = registry.plugin_of(type(plugin))
    options = {each.name: _option(getattr(plugin, each.name), registry) for each in _fields(plugin)}
    inputs = plugin.inputs() if hasattr(plugin, "inputs") else {}
    return digest(known.name, of_code(known.origin), options, dict(inputs))


def of_reading(source: Source | None, registry: Registry) -> list[Any]:
    """Returns what decides how a source makes pixels of files; nothing where it just reads them.

    That is the code of every plugin whose catalog has a `read()` of its own, and its options: a
    file among them by its content, a folder not at all, since it holds the files. Where the catalog
    has an `identity()` too, that speaks for the options.
    """
    sources = [each for each in nested(source) if isinstance(each, Source)]
    return [
        [
            name_of(each, registry),
            of_code(registry.plugin_of(type(each)).origin),
            _said(each, catalog, registry),
        ]
        for each, catalog in ((each, each.open()) for each in sources)
        if defines(catalog, "read")
    ]


def _said(source: Source, catalog: Catalog, registry: Registry) -> dict[str, Any]:
    if defines(catalog, "identity"):
        return {}
    return {
        each.name: _option(getattr(source, each.name), registry, in_folders=False)
        for each in _fields(source)
    }


def of_stage(stage: Any, registry: Registry) -> str:
    """Returns the fingerprint of a stage: its plugin's, its id, probability and classes."""
    classes = [list(getattr(stage, word, ())) for word in CLASS_WORDS]
    limited = classes if any(classes) else []
    return digest(stage.id, getattr(stage, "p", 1.0), of_plugin(stage.plugin, registry), *limited)


def describe(stage: Any, registry: Registry) -> StageDescription:
    """Returns what a stage's fingerprint is made of, as far as the pipeline does not say it."""
    plugins = list(nested(stage.plugin))
    return StageDescription(
        plugin=name_of(stage.plugin, registry),
        version=registry.plugin_of(type(stage.plugin)).origin.version,
        code={
            name_of(each, registry): of_code(registry.plugin_of(type(each)).origin)
            for each in plugins
        },
        inputs={
            name_of(each, registry): dict(each.inputs())
            for each in plugins
            if hasattr(each, "inputs") and each.inputs()
        },
        fingerprint=of_stage(stage, registry),
    )


def name_of(plugin: Any, registry: Registry) -> str:
    """Returns how a pipeline calls a bound plugin; of a family, the member."""
    known = registry.plugin_of(type(plugin))
    if not known.mark.is_family:
        return known.name
    return f"{known.name.removesuffix('*')}{plugin.member}"


def nested(value: Any) -> Iterator[Any]:
    """Yields a plugin and, in turn, those among its options, in stages or by themselves."""
    for leaf in _leaves(value):
        if hasattr(type(leaf), "__dsbuilder__"):
            yield leaf
            for each in _fields(leaf):
                yield from nested(getattr(leaf, each.name))
        elif hasattr(leaf, "plugin"):
            yield from nested(leaf.plugin)


def paths_of(plugin: Any) -> Iterator[Path]:
    """Yields every `Path` option of a bound plugin and of those it nests."""
    for each in nested(plugin):
        for option in _fields(each):
            leaves = _leaves(getattr(each, option.name))
            yield from (leaf for leaf in leaves if isinstance(leaf, Path))


def _leaves(value: Any) -> Iterator[Any]:
    """Yields what an option's value holds, however deep in mappings and lists."""
    if isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, (tuple, list)):
        for child in value:
            yield from _leaves(child)
    else:
        yield value


def of_code(origin: Origin) -> str:
    """Returns the fingerprint of a plugin's code; of an installed one it begins with the package.

    That is the name and the version; of a built-in plugin there is no more.
    """
    if origin.folder is None:
        code = "" if origin.code is None else f" {origin.code.digest}"
        return f"{origin.distribution} {origin.version}{code}"
    files = source_files(origin.location, Place.of_folder(origin.folder))
    return digest(*[of_file(path) for path in sorted(files)])


def _fields(plugin: Any) -> Iterator[dataclasses.Field[Any]]:
    return (each for each in dataclasses.fields(plugin) if each.init)


def _option(value: Any, registry: Registry, *, in_folders: bool = True) -> Any:
    if isinstance(value, Path):
        return _of_path(value) if in_folders or not value.is_dir() else None
    if isinstance(value, Range):
        return [value.low, value.high]
    if isinstance(value, Source):
        return None  # `nested` meets it by itself
    if hasattr(value, "plugin"):
        return of_stage(value, registry)
    if isinstance(value, Mapping):
        children = value.items()
        return {str(k): _option(child, registry, in_folders=in_folders) for k, child in children}
    if isinstance(value, (tuple, list)):
        return [_option(child, registry, in_folders=in_folders) for child in value]
    return value


def _of_path(path: Path) -> Any:
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        return {str(each.relative_to(path)): of_file(each) for each in files}
    return of_file(path) if path.is_file() else None
