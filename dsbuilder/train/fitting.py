"""Whether a train section fits what it is to learn from: told before an image is opened.

Nothing here needs Keras, so `check` asks it of a pipeline and a training of a dataset.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dsbuilder import tasks
from dsbuilder.errors import DsbuilderError, Problem, SpecError, did_you_mean, shortened
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.plugin import Loss
from dsbuilder.registry import Registry
from dsbuilder.sample import Signature, Target
from dsbuilder.stream import sampling
from dsbuilder.targets import Boxes, Instances, Text
from dsbuilder.targets.text import alphabet_of
from dsbuilder.tasks.keras_losses import IDS
from dsbuilder.train import class_weights, logs
from dsbuilder.train.lookup import KerasClass, choose
from dsbuilder.train.monitor import fault, watched_of


def check_fit(
    options: TrainOptions,
    signature: Signature,
    registry: Registry,
    *,
    where: Callable[[str], str] = str,
) -> Signature:
    """Returns the signature of what is learnt: that of a stream, with the targets of its heads.

    Texts in it have the alphabet that the section states, where it states one.

    Args:
      signature: of what the dataset streams.
      registry: plugins that the section may name.
      where: says for a place such as `train.target` how an error begins.

    Raises:
      SpecError: there is no such target or no task for its kind, the model does not learn it,
        images are not what a training takes, or something that is named is not there.
    """
    names = learnt_targets(options, signature, where=where)
    found = {name: signature.targets[name] for name in names}
    problems = [
        Problem(where(place), message)
        for name, target in found.items()
        for place, message in (
            *_of_alphabet(options, name, target),
            *_of_sampling(options, name, target),
        )
    ]
    learnt = signature.replace(targets={n: _stated(options, n, t) for n, t in found.items()})
    problems += [
        Problem(where(place), message)
        for place, message in (
            *_of_classes(learnt),
            *_of_images(options, learnt),
            *_of_model(options, learnt),
        )
    ]
    for name, target in found.items():
        weights = options.head(name).class_weight
        if weights is not None and (wrong := class_weights.fault(weights, target)):
            problems.append(Problem(where(options.place(name, "class_weight")), wrong))
    heads = tasks.heads_of(learnt)
    if options.calibrate is not None and not any(task.calibrates for task in heads.values()):
        found_kinds = ", ".join(target.kind for target in learnt.targets.values())
        wrong = f"expected a target of classes, whose probabilities it mends, found {found_kinds}. "
        problems.append(Problem(where("train.calibrate"), f"{wrong}Leave it out."))
    try:
        chosen = choose(options, heads, registry, where=where)
    except SpecError as error:
        problems += error.problems
    else:
        problems += [
            Problem(where(options.place(name, "label_smoothing")), wrong)
            for name, task in heads.items()
            if options.head(name).label_smoothing
            and (wrong := _of_smoothing(task, chosen.heads[name].loss))
        ]
        if wrong := fault(options.monitor, watched_of(heads, chosen)):
            problems.append(Problem(where("train.monitor"), wrong))
    problems += [Problem(where("train.log"), wrong) for wrong in logs.faults(options.log)]
    if problems:
        raise SpecError(problems)
    return learnt


def learnt_targets(
    options: TrainOptions, signature: Signature, *, where: Callable[[str], str] = str
) -> tuple[str, ...]:
    """Returns the names of the targets that are learnt; see `check_fit`."""
    known = signature.targets
    if options.heads:
        named = {name: f"train.heads.{name}" for name in options.heads}
    elif options.target is not None or len(known) == 1:
        named = {options.target or next(iter(known)): "train.target" if options.target else "train"}
    else:
        raise SpecError([Problem(where("train"), _undecided(known))])
    problems = [
        Problem(where(place), wrong)
        for name, place in named.items()
        if (wrong := _of_target(name, known)) is not None
    ]
    if problems:
        raise SpecError(problems)
    return tuple(named)


def _undecided(known: Mapping[str, Target]) -> str:
    if not known:
        return "the samples have no labels to learn. Label them, say by class folders."
    return (
        f"expected one target, found {', '.join(known)}. Say in train.target which one is learnt, "
        "or in train.heads which ones."
    )


def _of_target(name: str, known: Mapping[str, Target]) -> str | None:
    if name not in known:
        return f"unknown target '{name}'.{did_you_mean(name, known)}"
    if isinstance(known[name], (Boxes, Instances)):
        return (
            f"expected a target that is learnt here, found '{name}' of kind "
            f"'{known[name].kind}', which a detector learns: `dsbuilder export DATASET --to yolo "
            "--out DIR` writes what one takes. Choose another target."
        )
    if not tasks.can_learn(known[name]):
        return (
            f"expected a target of a kind with a built-in training ({', '.join(tasks.TASKS)}), "
            f"found '{name}' of kind '{known[name].kind}'. Choose another target, or "
            "train a model of your own on dsbuilder.load(...).stream('train')."
        )
    return None


def _of_alphabet(options: TrainOptions, name: str, target: Target) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with a stated alphabet: of no text, or without what train's texts hold.

    Of what only a build finds out, such as texts that are synthesized, a dataset knows.
    """
    stated = options.head(name).alphabet
    if stated is None:
        return
    if not isinstance(target, Text):
        yield (
            options.place(name, "alphabet"),
            f"expected a text to have an alphabet, found '{name}' of kind '{target.kind}'. "
            "Remove it.",
        )
        return
    missing = sorted(set(target.alphabet) - set(stated))
    if missing:
        yield (
            options.place(name, "alphabet"),
            f"expected every character of the texts in train, found it without "
            f"{shortened(missing)}. Add them, or leave the alphabet out.",
        )


def sampling_of(options: TrainOptions, learnt: Sequence[str]) -> dict[str, Any]:
    """Returns the options of a stream of train that say how often samples come.

    Args:
      learnt: names of the targets that are learnt.
    """
    found = {name: options.head(name).sampling for name in learnt}
    by = [name for name, each in found.items() if each != "natural"]
    return {"sampling": found[by[0]], "sampled_by": by[0]} if by else {}


def _of_sampling(options: TrainOptions, name: str, target: Target) -> Iterator[tuple[str, str]]:
    wrong = None if options.head(name).sampling == "natural" else sampling.fault(name, target)
    if wrong is not None:
        yield options.place(name, "sampling"), wrong


def _of_smoothing(task: tasks.Task, loss: Loss | KerasClass | None) -> str | None:
    if task.exclusive is None:
        return f"expected a target of classes, found {task.target}. Leave it out."
    if isinstance(loss, KerasClass) and loss.use in IDS:
        return (
            "expected a loss of a number for each class to smooth the labels, found "
            f"'{loss.use}'. Leave the loss out, or name one that takes no ids."
        )
    return None


def _stated(options: TrainOptions, name: str, target: Target) -> Target:
    stated = options.head(name).alphabet
    if stated is None or not isinstance(target, Text):
        return target
    return replace(target, alphabet=alphabet_of([stated]))


def unlearnable(
    name: str, target: Target, counts: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """Yields a warning for each split with classes that train has no sample of.

    Args:
      name: name of the target.
      counts: samples of each class, by split; nothing is known of a split without any.
    """
    train = counts.get("train") or {}
    for split, found in counts.items() if train else ():
        missing = [each for each in target.class_names if found.get(each) and not train.get(each)]
        if missing:
            yield (
                f"{name}: samples of {split} are of classes that train has no sample of "
                f"({shortened(missing)}): the model can never answer these samples rightly. Split "
                "by class, or add samples."
            )


def _of_classes(learnt: Signature) -> Iterator[tuple[str, str]]:
    for name, target in learnt.targets.items():
        if not tasks.tells_apart(target):
            yield (
                "train",
                f"expected two classes or more to tell apart, found of '{name}' "
                f"{shortened(target.class_names) or 'none'}. Add samples of another class.",
            )


def _of_images(options: TrainOptions, learnt: Signature) -> Iterator[tuple[str, str]]:
    image = learnt.image
    if image.height is None or image.width is None:
        yield (
            "finish",
            f"expected images of one size to train on, found {image}. "
            "Add {use: resize, size: [height, width]}.",
        )
    if options.normalize == "scale" and image.dtype != "uint8":
        yield (
            "train.normalize",
            f"expected uint8 images to scale to [0, 1], found {image}. "
            "Use standardize, or leave it out.",
        )


def _of_model(options: TrainOptions, learnt: Signature) -> Iterator[tuple[str, str]]:
    try:
        options.model.check(learnt)
    except (ValueError, DsbuilderError) as error:
        yield "train.model", str(error)
