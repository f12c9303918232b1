"""Presets stand for the stages that are printed; stages may be for some classes alone."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

import dsbuilder
from dsbuilder.actions.check import planned
from dsbuilder.builder import build_dataset
from dsbuilder.builder.survey import load_spec, survey
from dsbuilder.cache import fingerprint
from dsbuilder.cli.main import main
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import SpecError
from dsbuilder.pipelinefile import preset

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 1}
augment:
  copies: 2
  stages:
STAGES
finish: [{use: resize, size: [24, 32]}]
cache: {image: png}
"""


@pytest.fixture
def pipeline(make_images, write_pipeline):
    make_images(count=4, size=(24, 32))

    def write(stages: str) -> Path:
        lines = "\n".join(f"    {line}" for line in stages.splitlines())
        return write_pipeline(PIPELINE.replace("STAGES", lines))

    return write


@pytest.mark.parametrize("name", preset.names())
def test_a_preset_is_the_stages_that_are_printed(pipeline, tmp_path: Path, name: str) -> None:
    printed = CliRunner().invoke(main, ["plugins", "preset", name])
    assert printed.exit_code == 0
    named = load_spec(pipeline(f"- {{preset: {name}}}\n- {{use: A.HorizontalFlip}}"))
    pasted = load_spec(pipeline(f"{printed.stdout}- {{use: A.HorizontalFlip}}"))
    assert named.resolved == pasted.resolved
    path = pipeline(f"- {{preset: {name}}}")
    built = build_dataset(path, tmp_path / "out", workers=0)
    assert not built.quarantined
    assert built.manifest.num_samples("train") == 36
    assert printed.stdout.startswith(f"# {dsbuilder.presets(name).presets[0].summary}")


def test_presets_are_listed_and_unknown_ones_told() -> None:
    listed = CliRunner().invoke(main, ["plugins", "preset"])
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == list(preset.names())
    with pytest.raises(SpecError, match=r"there is no preset 'wether'\. Did you mean 'weather'"):
        dsbuilder.presets("wether")


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("- {preset: wether}", r":7: augment.stages\[0\]: there is no preset 'wether'"),
        (
            "- {preset: weather}\n- {preset: weather}",
            r"^[^\n]*:8: augment.stages\[1\]: .* 'weather' again. [^\n]*$",
        ),
        ("- {preset: weather, p: 0.5}", r":7: augment.stages\[0\]: expected a preset alone"),
        ("- {use: A.HorizontalFlip, only_classes: [cta]}", "no class 'cta'. Did you mean 'cat'"),
        (
            "- {use: one_of, stages: [{use: A.Blur, only_classes: [cat]}]}",
            "only a transform of augment.stages or stream.stages may be for some classes",
        ),
        ("- {use: mixup, except_classes: [cat]}", "found a mixer, or a stage elsewhere"),
        ("- {use: A.Normalize, p: 1, only_classes: [cat]}", "whether the stage is applied or not"),
    ],
)
def test_what_is_wrong_is_told(pipeline, stages: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        planned(survey(load_spec(pipeline(stages))))


def test_a_path_counts_the_stages_of_a_preset_wherever_it_stands(pipeline) -> None:
    path = pipeline("- {preset: document}\n- {use: erase, p: 1.5}")
    with pytest.raises(SpecError, match=r":8: augment\.stages\[5\]"):
        load_spec(path)
    spec = load_spec(path, ["augment.stages[5].p=0.25", "augment.stages[1].p=0.75"])
    stages = spec.settings.augment.stages
    assert [(each.id, each.p) for each in (stages[1], stages[5])] == [
        ("augment/paper_fold", 0.75),
        ("augment/erase", 0.25),
    ]
    brought = load_spec(path, ["augment.stages=[{preset: weather}, {use: erase}]"])
    assert [each.id for each in brought.settings.augment.stages] == [
        "augment/weather",
        "augment/erase",
    ]
    with pytest.raises(SpecError, match=r"augment.stages\[5\].* 'document' again. Remove one"):
        load_spec(path, ["augment.stages[5]={preset: document}"])


def test_a_stage_is_for_the_classes_that_it_names(pipeline, tmp_path: Path) -> None:
    path = pipeline(
        "- {use: A.HorizontalFlip, p: 1, only_classes: [cat, owl]}\n"
        "- {use: A.VerticalFlip, p: 1, except_classes: [owl]}"
    )
    built = build_dataset(path, tmp_path / "out", workers=0)
    dataset = StoredDataset(path=built.path, manifest=built.manifest)
    met = Counter(
        (entry.key.partition("/")[0], each.stage.removeprefix("augment/A."))
        for _, entry in dataset.entries("train")
        for each in entry.stages
        if each.stage.startswith("augment/")
    )
    flips = ("HorizontalFlip", "VerticalFlip")
    assert met == {("cat", flips[0]): 8, ("cat", flips[1]): 8, ("dog", flips[1]): 8} | {
        ("owl", flips[0]): 8
    }


def test_classes_of_a_stage_are_in_its_fingerprint_and_nothing_else_changed(pipeline) -> None:
    prints = []
    for more in ("", ", only_classes: [cat]", ", except_classes: [cat]"):
        spec = load_spec(pipeline(f"- {{use: A.HorizontalFlip{more}}}"))
        (stage,) = spec.settings.augment.stages
        prints.append(fingerprint.of_stage(stage, spec.registry))
        said = [key for key in spec.resolved["augment"]["stages"][0] if key.endswith("_classes")]
        assert len(said) == bool(more)
    assert len(set(prints)) == 3
    plain = fingerprint.digest(
        stage.id, stage.p, fingerprint.of_plugin(stage.plugin, spec.registry)
    )
    assert prints[0] == plain
