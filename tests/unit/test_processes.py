"""What a process of ours leaves out, and what a caller's own process keeps."""

import importlib.util
import subprocess
import sys

import pytest

LOOK = "import sys; print('huggingface_hub' in sys.modules, end='')"
LIBRARY = "from dsbuilder.builtin.transforms.albumentations_recipe import library; library();"
CLAIM = "from dsbuilder import processes; processes.claim();"


def printed(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="huggingface_hub is not installed"
)
def test_a_callers_process_keeps_what_albumentations_takes_along() -> None:
    assert printed(f"{LIBRARY} {LOOK}") == "True"


def test_a_process_of_ours_imports_albumentations_without_its_hub() -> None:
    assert printed(f"{CLAIM} {LIBRARY} {LOOK}") == "False"


def test_what_was_hidden_can_be_imported_later() -> None:
    hide = "with processes.hidden('colorsys'):\n  try: import colorsys\n  except ImportError: "
    code = f"{CLAIM.rstrip(';')}\n{hide}print('hidden', end=' ')\nimport colorsys; print('there')"
    assert printed(code) == "hidden there\n"


def test_what_is_imported_already_is_not_hidden() -> None:
    code = f"{CLAIM} import colorsys\nwith processes.hidden('colorsys'):\n  import colorsys"
    assert printed(code) == ""
