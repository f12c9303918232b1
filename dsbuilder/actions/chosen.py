"""A training of what says nothing of training: a folder of images, or a pipeline without `train`.

What is chosen is said in three lines and written into the run, so that it can be copied.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.survey import Survey, find_plugins
from dsbuilder.cache import store
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.document import override, read
from dsbuilder.proposal import candidates, check_extent, draft
from dsbuilder.proposal import choose as choose_layout
from dsbuilder.proposal.defaults import Case, Choice, choose
from dsbuilder.proposal.drafting import section_text


@dataclass(frozen=True, kw_only=True)
class ChosenTraining:
    """What was chosen for a person who said nothing of it.

    Attributes:
      why: reasons for task, model and epochs.
      text: text of a pipeline that says the same.
      warnings: what a person should know of the images.
    """

    why: tuple[str, ...]
    text: str
    warnings: tuple[str, ...] = ()


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds a built dataset, or versions of one."""
    within = folder.iterdir() if folder.is_dir() else ()
    return any((each / store.MANIFEST).is_file() for each in (folder, *within))


def drafted(folder: Path, home: Path, plugins: Sequence[Path] | None) -> ChosenTraining:
    """Returns a pipeline with a train section for a folder of images; its paths are absolute.

    Args:
      home: the folder in which it will lie.

    Raises:
      DataError: no layout is known, or the folder cannot be read so.
    """
    registry = find_plugins(home / "pipeline.yaml", plugins)
    check_extent(folder)
    layout, _ = choose_layout(folder, candidates(folder, registry), registry)
    found = draft(folder, layout, registry, output=None)
    return ChosenTraining(why=found.why, text=found.text, warnings=tuple(found.warnings))


def completed(opened: OpenedPipeline) -> tuple[OpenedPipeline, ChosenTraining | None]:
    """Returns a pipeline with a model to train, and what was chosen if it names none itself.

    Raises:
      SpecError, DataError: the pipeline or its source is wrong.
      TrainError: no built-in model learns what its samples are labeled with.
    """
    root = override(read(opened.pipeline), opened.overrides).root.value
    node = root.get("train") if isinstance(root, dict) else None
    written = node.plain() if node is not None else None
    if written and (not isinstance(written, dict) or "model" in written):
        return opened, None
    others = tuple(each for each in opened.overrides if not is_of_train(each))
    choice = _choice(replace(opened, overrides=(*others, "train=null")).survey())
    if choice.section is None:
        raise TrainError(
            f"{opened.pipeline}: there is no train section, and {choice.why[0]}. "
            "Add one with a model that does."
        )
    choice = replace(choice, section={**choice.section, **(written or {})})
    section = f"train={json.dumps(choice.section)}"
    found = ChosenTraining(why=tuple(choice.why), text=_copy(opened, others, choice))
    return replace(opened, overrides=(*others, section)), found


def is_of_train(assignment: str) -> bool:
    """Whether an assignment such as `train.epochs=3` is to the train section."""
    return assignment.partition("=")[0].partition(".")[0] == "train"


def _choice(surveyed: Survey) -> Choice:
    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    image = pipeline.streamed.image
    size = (image.height or 1, image.width or 1)  # what has none is refused where it is trained
    synthesized = sum(each.count * each.splits.get("train", 0.0) for each in settings.synthesize)
    records = sum(split == "train" for split in surveyed.split.split_of.values())
    case = Case(
        targets=pipeline.streamed.targets,
        samples=records + round(synthesized),
        variants=settings.augment.copies,
        gray=image.channels == 1,
        short=min(size),
    )
    return choose(case, size, pipeline.spec.registry)


def _copy(opened: OpenedPipeline, overrides: Sequence[str], choice: Choice) -> str:
    """Returns the text of the pipeline with the section that was chosen."""
    text = opened.pipeline.read_text(encoding="utf-8-sig")
    document = read(opened.pipeline).root.value
    began = isinstance(document, dict) and "train" in document
    given = "".join(f" --set {each}" for each in overrides)
    head = [
        f"# {opened.pipeline} with the train section that was chosen. Put it beside that file: its",
        "# paths are relative to it." + (f" It was called with{given}." if given else ""),
    ]
    if began:  # a key stands but once
        head = [f"# The train section that was chosen for {opened.pipeline}, instead of its own."]
        text = ""
    return "\n".join([*head, text.rstrip(), section_text(choice)])
