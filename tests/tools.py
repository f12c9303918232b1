"""What tests need that no Python package brings: `make tools` puts it below `.tools`.

A test that is marked `tool(path, package)` is skipped where there is none, and fails in CI, where
`.ci/run` has made them all. The path is the one that the Debian package gives it.
"""

import importlib
import os
import platform
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[1] / ".tools"
DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
AXE = "/axe-core/axe.min.js"
LIBFUSE = f"/lib/{platform.machine()}-linux-gnu/libfuse.so.2"

needs_dejavu = pytest.mark.tool(DEJAVU, "fonts-dejavu-core")
needs_libfuse = pytest.mark.tool(LIBFUSE, "libfuse2")
needs_chromium = pytest.mark.tool(CHROMIUM, "chromium-headless-shell")
needs_axe = pytest.mark.tool(AXE, "axe-core")
needs_fashion_mnist = pytest.mark.tool(FASHION_MNIST, "dataset-fashion-mnist")


def place(path: str) -> Path:
    """Returns where a file of a package lies: installed, or else below `.tools`."""
    return Path(path) if Path(path).exists() else HERE / path.removeprefix("/")


def check(path: str, package: str) -> None:
    """Skips the test that needs a file of a package, or lets it fail in CI, if there is none."""
    if place(path).exists():
        return
    reason = f"needs {path} of the package {package}: `make tools` brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def module(name: str) -> Any:
    """Returns a package that `make interop` installs; skips the tests without it, fails in CI."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = f"needs {name}, which `make interop` installs ({error})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    return pytest.skip(reason, allow_module_level=True)
