"""What of a machine can be used is what its packages, drivers and backends say."""

import importlib.metadata
import json
import sys

import pytest
from click.testing import CliRunner

import dsbuilder
from dsbuilder.actions import doctor as doctor_module
from dsbuilder.actions.doctor import doctor
from dsbuilder.cli.main import main


@pytest.fixture(scope="module")
def found():
    return {each.subject: each for each in doctor().facts}


@pytest.mark.slow
def test_installed_packages_are_told_with_their_versions(found):
    for name in ("numpy", "pillow", "keras", "albumentations"):
        assert (found[name].state, found[name].found) == ("ok", importlib.metadata.version(name))


@pytest.mark.slow
def test_backends_say_themselves_which_cards_they_see(found):
    tf = pytest.importorskip("tensorflow")
    seen = tf.config.list_physical_devices("GPU")
    assert (found["tensorflow on a GPU"].state == "ok") == bool(seen)


def a_card(tmp_path, monkeypatch, text):
    """Puts a program in the place of NVIDIA's that answers as one with a card does."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\necho '{text}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def test_a_card_that_no_backend_sees_is_told_with_a_command(tmp_path, monkeypatch):
    a_card(tmp_path, monkeypatch, "Test card, 8192 MiB, 550.1")
    seen = {"tensorflow": {"devices": [], "cuda": None}}
    found = {each.subject: each for each in doctor_module._gpu(seen)}
    assert found["NVIDIA driver"].found == "Test card, 8192 MiB, 550.1"
    advice = found["tensorflow on a GPU"].advice
    assert advice == f'`{sys.executable} -m pip install "tensorflow[and-cuda]"`.'


@pytest.mark.parametrize(
    ("capability", "told"),
    [([9, 0], "mixed_bfloat16"), ("7.5", "mixed_float16"), ([6, 1], "float32 alone")],
)
def test_a_card_is_told_with_the_precision_that_it_gains_from(capability, told):
    seen = {"devices": [["Test card", capability]], "cuda": "12"}
    found = doctor_module._backend("tensorflow", seen, has_cards=True)
    assert found.state == "ok" and found.found.endswith(told)


def test_several_cards_are_told_with_what_a_training_does_with_them():
    seen = {"devices": [["Test card", [9, 0]], ["Other card", [9, 0]]], "cuda": "12"}
    found = doctor_module._backend("tensorflow", seen, has_cards=True).found
    assert found.startswith("2 that `train` shares every batch among: Test card, ")
    assert "Other card" in found


def test_a_backend_that_breaks_is_told_and_takes_nothing_along(monkeypatch):
    monkeypatch.setattr(doctor_module, "_LOOK_JAX", "import os; os.abort()")
    seen = doctor_module._seen_by("jax")
    found = doctor_module._backend("jax", seen, has_cards=False)
    assert found.state == "missing" and "exit code -6" in found.found and found.advice


def test_what_is_missing_is_an_exit_code(monkeypatch):
    monkeypatch.setattr(doctor_module, "_BACKENDS", ())
    monkeypatch.setattr(doctor_module, "_NEEDED", ("numpy", "no-such-package"))
    shown = CliRunner().invoke(main, ["doctor"])
    assert shown.exit_code == 1
    assert "pip install no-such-package" in shown.output
    told = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
    assert {each["state"] for each in told["facts"]} >= {"ok", "missing"}


def test_it_is_there_from_python():
    assert dsbuilder.doctor is doctor
