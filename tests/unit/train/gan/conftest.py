"""GANs of a few steps on a small real dataset."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dsbuilder
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.run import Run

SMALL: dict[str, Any] = {
    "epochs": 2,
    "epoch_steps": 3,
    "batch_size": 8,
    "width": 4,
    "discriminator_width": 4,
    "latent": 4,
}


@pytest.fixture(scope="session", autouse=True)
def quick_judge() -> Any:
    """Lets judges learn from few batches."""
    pytest.importorskip("tensorflow")
    from dsbuilder.train.gan import judge

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judge, "_PASSES", 60)
        yield


@pytest.fixture(scope="session")
def trained(
    quick_judge: None, dataset: dsbuilder.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run of two epochs of three steps that was never interrupted; no test changes it."""
    from dsbuilder.train.gan.trainer import train_gan

    folder = tmp_path_factory.mktemp("gans") / "whole"
    return train_gan(dataset, GanOptions(gan="cgan", **SMALL), run=Run(path=folder))


@pytest.fixture
def train(trained: Run, dataset: dsbuilder.Dataset, tmp_path: Path) -> Callable[..., Run]:
    """Trains another one in `<tmp>/run`, with the judge of the first."""

    def train(gan: Any = "cgan", **given: Any) -> Run:
        from dsbuilder.train.gan.loop import JUDGE
        from dsbuilder.train.gan.trainer import train_gan

        (tmp_path / "run").mkdir()
        shutil.copy(trained.path / JUDGE, tmp_path / "run")

        told = {name: given.pop(name) for name in [*given] if name.startswith("on_")}
        options = GanOptions(gan=gan, **{**SMALL, **given})
        return train_gan(dataset, options, run=Run(path=tmp_path / "run"), **told)

    return train
