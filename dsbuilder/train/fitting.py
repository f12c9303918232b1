"""Whether a train section fits what it is to learn from: told before an image is opened.

Nothing here needs Keras, so `check` asks it of a pipeline and a training of a dataset.
"""

from collections.abc import Callable, Iterator

from dsbuilder import tasks
from dsbuilder.errors import DsbuilderError, Problem, SpecError, did_you_mean
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.registry import Registry
from dsbuilder.sample import Signature
from dsbuilder.train.lookup import choose


def check_fit(
    options: TrainOptions,
    signature: Signature,
    registry: Registry,
    *,
    where: Callable[[str], str] = str,
) -> Signature:
    """Returns the signature of what is learnt: that of a stream, with its one target.

    Args:
      signature: of what the dataset streams.
      registry: plugins that the section may name.
      where: says for a place such as `train.target` how an error begins.

    Raises:
      SpecError: there is no such target or no task for its kind, the model does not learn it,
        images are not what a training takes, or something that is named is not there.
    """
    name = learnt_target(options, signature, where=where)
    learnt = signature.replace(targets={name: signature.targets[name]})
    problems = [
        Problem(where(place), message)
        for place, message in (*_of_images(options, learnt), *_of_model(options, learnt))
    ]
    try:
        choose(options, tasks.heads_of(learnt)[name], registry, where=where)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    return learnt


def learnt_target(
    options: TrainOptions, signature: Signature, *, where: Callable[[str], str] = str
) -> str:
    """Returns the name of the target that is learnt; see `check_fit`."""
    wrong = _of_target(options.target, signature)
    if wrong is not None:
        raise SpecError([Problem(where("train.target" if options.target else "train"), wrong)])
    return options.target or next(iter(signature.targets))


def _of_target(name: str | None, signature: Signature) -> str | None:
    known = signature.targets
    if not known:
        return "the samples have no target to learn. Label the samples."
    if name is None and len(known) != 1:
        found = ", ".join(known)
        return f"expected one target, found {found}. Say in train.target which one is learnt."
    name = name or next(iter(known))
    if name not in known:
        return f"unknown target '{name}'.{did_you_mean(name, known)}"
    if not tasks.can_learn(known[name]):
        return (
            f"expected a target of a kind with a built-in training ({', '.join(tasks.TASKS)}), "
            f"found '{name}' of kind '{known[name].kind}'. Choose another with train.target, or "
            "train a model of your own on dsbuilder.load(...).stream('train')."
        )
    return None


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
