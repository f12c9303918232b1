"""A training of what says nothing of it: a folder of images, a pipeline or dataset without `train`.

What is chosen is said in three lines and written into the run, so that it can be copied. Stages
that vary an image are chosen for a folder alone: a dataset has those that it was built with.
"""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.survey import Survey, find_plugins
from dsbuilder.cache import store
from dsbuilder.dataset import StoredDataset
from dsbuilder.dataset.variants import variants_of
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.document import YamlDocument, from_data, override, read
from dsbuilder.pipelinefile.preset import overridden
from dsbuilder.pipelinefile.training import Length
from dsbuilder.proposal import candidates, check_extent, draft
from dsbuilder.proposal import choose as choose_layout
from dsbuilder.proposal.defaults import Case, Choice, choose
from dsbuilder.proposal.drafting import section_text
from dsbuilder.registry import discover
from dsbuilder.sample import Signature
from dsbuilder.stream.reading import plan
from dsbuilder.tasks import without_one_object
from dsbuilder.train.options import is_of_train


@dataclass(frozen=True, kw_only=True)
class ChosenTraining:
    """What was chosen for a person who said nothing of it.

    Attributes:
      why: reasons for task, model and epochs, as far as these were not said.
      text: text of a pipeline that says the same; empty where a model was named.
      warnings: what a person should know of the images.
    """

    why: tuple[str, ...]
    text: str = ""
    warnings: tuple[str, ...] = ()


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds a built dataset, or versions of one."""
    within = folder.iterdir() if folder.is_dir() else ()
    return any((each / store.MANIFEST).is_file() for each in (folder, *within))


def drafted(
    folder: Path, home: Path, plugins: Sequence[Path] | None, overrides: Sequence[str]
) -> ChosenTraining:
    """Returns a pipeline with a train section for a folder of images; its paths are absolute.

    Args:
      home: the folder in which it will lie.
      overrides: `key=value` assignments that it will be opened with; for what they say there is no
        reason, and the text names them.

    Raises:
      DataError: no layout is known, or the folder cannot be read so.
      TrainError: no built-in model learns what its images are labeled with.
    """
    registry = find_plugins(home / "pipeline.yaml", plugins)
    check_extent(folder)
    layout, _ = choose_layout(folder, candidates(folder, registry), registry)
    found = draft(folder, layout, registry, output=None)
    if found.unlearnt and not any(is_of_train(each) for each in overrides):
        raise TrainError(f"{folder}: {found.unlearnt}")
    said = {each.partition("=")[0].strip().removeprefix("train.") for each in overrides}
    return ChosenTraining(
        why=tuple(each for each in found.why if each.partition(":")[0] not in said),
        text=(f"# It was called with{_given(overrides)}.\n" if overrides else "") + found.text,
        warnings=tuple(found.warnings),
    )


def completed(
    opened: OpenedPipeline, *, settles_length: bool = True
) -> tuple[OpenedPipeline, ChosenTraining | None]:
    """Returns a pipeline with a model to train, and what was chosen if it names none itself.

    Args:
      settles_length: whether it is chosen how long is trained, too; else that is left to each
        dataset that comes of the pipeline.

    Raises:
      SpecError, DataError: the pipeline or its source is wrong.
      TrainError: no built-in model learns what its samples are labeled with.
    """
    written = _written(overridden(read(opened.pipeline), opened.overrides))
    if _names_model(written):
        return opened, None
    others = tuple(each for each in opened.overrides if not is_of_train(each))
    surveyed = replace(opened, overrides=(*others, "train=null")).survey()
    free = _choice(surveyed, written)
    if not settles_length and free.section is not None:
        by_data = Length.__dataclass_fields__
        section = {name: each for name, each in free.section.items() if name not in by_data}
        why = [each for each in free.why if not each.startswith("epochs:")]
        free = replace(free, section=section, why=why)
    choice = _filled(free, written, str(opened.pipeline))
    settings = surveyed.pipeline.settings
    augment, fresh = settings.augment, settings.stream.stages
    varies = bool(fresh or (settings.makes_variants and augment.stages))
    found = ChosenTraining(
        why=tuple(choice.why),
        text=_copy(opened, others, choice),
        warnings=() if varies else (_unvaried(str(opened.pipeline)),),
    )
    return replace(opened, overrides=(*others, _assignment(choice))), found


def completed_dataset(
    dataset: StoredDataset, overrides: Sequence[str], plugins: Sequence[Path]
) -> tuple[tuple[str, ...], ChosenTraining | None]:
    """Returns assignments that name a model to train on a dataset, and what was chosen for it.

    Args:
      overrides: `train.key=value` assignments, to what the dataset's pipeline says.

    Returns:
      Those to another section as they are.

    Raises:
      SpecError: an assignment is wrong.
      DataError: the dataset has no train split, or its images are not of one size.
      TrainError: no built-in model learns what its samples are labeled with.
    """
    plain = dataset.pipeline.only("train")
    document = from_data(plain.sections, origin=plain.origin, folder=plain.folder)
    written = _written(override(document, overrides))
    if _names_model(written):
        return tuple(overrides), None
    made = variants_of(dataset)
    signature = plan(dataset, "train", plugins=plugins).signature
    case, size = _case(
        signature,
        written,
        samples=made.originals,
        variants=made.copies,
        validated=dataset.has_samples("validation"),
    )
    choice = _filled(choose(case, size, discover(plugins)), written, str(dataset.where))
    head = f"# The train section that was chosen for {dataset.where}, to put into its pipeline.\n"
    found = ChosenTraining(
        why=tuple(choice.why),
        text=head + section_text(choice),
        warnings=() if made.varied else (_unvaried(str(dataset.where)),),
    )
    others = (each for each in overrides if not is_of_train(each))
    return (*others, _assignment(choice)), found


def _written(document: YamlDocument) -> Any:
    """Returns what a pipeline says of a training, as plain data; None for nothing."""
    root = document.root.value
    node = root.get("train") if isinstance(root, dict) else None
    return node.plain() if node is not None else None


def _names_model(written: Any) -> bool:
    return bool(written) and (not isinstance(written, dict) or "model" in written)


def _filled(choice: Choice, written: Any, origin: str) -> Choice:
    """Returns a choice with all that is said already, without the reasons for what that is."""
    if choice.section is None:
        raise TrainError(
            f"{origin}: there is no train section, and {choice.why[0]}. {choice.why[1]}"
        )
    said = dict(written or {})
    instead = {"target", "task"} - said.keys() if said.get("heads") else set()
    filled = {**choice.section, **said}
    section = {name: each for name, each in filled.items() if name not in instead}
    why = [each for each in choice.why if each.partition(":")[0] not in said.keys() | instead]
    return replace(choice, section=section, why=why)


def _given(overrides: Sequence[str]) -> str:
    return "".join(f" --set {shlex.quote(each)}" for each in overrides)


def _assignment(choice: Choice) -> str:
    return f"train={json.dumps(choice.section)}"


def _unvaried(origin: str) -> str:
    return (
        f"{origin}: no stage of augment or stream varies an image, so every epoch sees the same. "
        "Stages are chosen for a folder of images alone: add some to the pipeline."
    )


def _choice(surveyed: Survey, written: Any) -> Choice:
    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    synthesized = sum(each.count * each.splits.get("train", 0.0) for each in settings.synthesize)
    if (part := settings.split.part) is not None:
        synthesized *= part.share
    splits = Counter(surveyed.split.split_of[each.key] for each in surveyed.records)
    case, size = _case(
        pipeline.streamed,
        written,
        samples=splits["train"] + round(synthesized),
        variants=settings.augment.copies,
        validated=splits["validation"] > 0,
        unlearnable=without_one_object(surveyed.targets or {}, surveyed.records),
    )
    return choose(case, size, pipeline.spec.registry)


def _case(signature: Signature, written: Any, **known: Any) -> tuple[Case, tuple[int, int]]:
    """Returns what the choice depends on, and the size of images as they are trained on.

    Args:
      written: what is said of the training; targets that it names are those to choose for.
      known: attributes of a `Case` that the signature does not tell.
    """
    image, said = signature.image, written or {}
    size = (image.height or 1, image.width or 1)  # what has none is refused where it is trained
    heads = said.get("heads")
    named = heads if isinstance(heads, dict) and heads else [said.get("target")]
    targets = {name: kind for name, kind in signature.targets.items() if name in named}
    given = {"targets": targets or signature.targets, "gray": image.channels == 1, **known}
    return Case(short=min(size), **given), size


def _copy(opened: OpenedPipeline, overrides: Sequence[str], choice: Choice) -> str:
    """Returns the text of the pipeline with the section that was chosen."""
    text = opened.pipeline.read_text(encoding="utf-8-sig")
    document = read(opened.pipeline).root.value
    began = isinstance(document, dict) and "train" in document
    called = f" It was called with{_given(overrides)}." if overrides else ""
    head = [
        f"# {opened.pipeline} with the train section that was chosen. Put it beside that file: its",
        f"# paths are relative to it.{called}",
    ]
    if began:  # a key stands but once
        head = [f"# The train section that was chosen for {opened.pipeline}, instead of its own."]
        text = ""
    return "\n".join([*head, text.rstrip(), section_text(choice)])
