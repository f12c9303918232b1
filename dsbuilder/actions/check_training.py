"""Does the train section of a pipeline fit what it is to learn from; no image is decoded."""

from collections.abc import Iterator, Mapping, Sequence

from dsbuilder.builder.survey import Survey
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.sample import Signature
from dsbuilder.targets import Keypoints
from dsbuilder.targets.text import Text, alphabet_of, time_steps
from dsbuilder.tasks import Recognize, heads_of, objects_fault, objects_of
from dsbuilder.train.fitting import check_fit

_Texts = Mapping[str, Mapping[str, Sequence[str]]]


def check_training(surveyed: Survey) -> tuple[str, ...]:
    """Compares the train section, if there is one, with what it is to learn from.

    Returns:
      What a user should know before a training.

    Raises:
      SpecError: there is no such target, or the model does not learn it.
    """
    options = surveyed.pipeline.settings.train
    if options is None:
        return ()
    texts = _all_texts(surveyed)
    learnt = _fitted(surveyed, texts)
    _check_objects(surveyed, learnt)
    return (*options.model.warnings(learnt), *_unreadable(surveyed, learnt, texts))


def _check_objects(surveyed: Survey, learnt: Signature) -> None:
    """Refuses records with no object or several where keypoints are learnt."""
    kinds, spec = surveyed.targets or {}, surveyed.pipeline.spec
    for name in learnt.targets:
        kind = kinds.get(name)
        if isinstance(kind, Keypoints):
            wrong = objects_fault(objects_of(kind, name, surveyed.records))
            if wrong is not None:
                raise SpecError([Problem(spec.where("train"), f"{name}: {wrong}")])


def fitted(surveyed: Survey) -> Signature:
    """Returns the signature of what a pipeline's train section learns; see `check_training`."""
    return _fitted(surveyed, _all_texts(surveyed))


def _fitted(surveyed: Survey, texts: _Texts) -> Signature:
    spec, streamed = surveyed.pipeline.spec, surveyed.pipeline.streamed
    options = spec.settings.train
    if options is None:
        raise TrainError(f"{spec.document.origin}: there is no train section. Add one.")
    known = {
        name: Text(
            alphabet=alphabet_of(found["train"]),
            longest=max((time_steps(each) for own in found.values() for each in own), default=0),
        )
        for name, found in texts.items()
    }
    stream = streamed.replace(targets={**streamed.targets, **known})
    return check_fit(options, stream, spec.registry, where=spec.where)


def _unreadable(surveyed: Survey, learnt: Signature, texts: _Texts) -> Iterator[str]:
    """Yields which texts of records a model could never read."""
    if surveyed.pipeline.settings.synthesize:
        return  # which characters train will have is known when texts are drawn
    for name, task in heads_of(learnt).items():
        if isinstance(task, Recognize):
            alphabets = {split: alphabet_of(found) for split, found in texts[name].items()}
            yield from task.unreadable(name, alphabets)


def _all_texts(surveyed: Survey) -> _Texts:
    """Returns the texts of the records, by target and split."""
    kinds = surveyed.pipeline.streamed.targets
    return {n: _texts(surveyed, n) for n, kind in kinds.items() if isinstance(kind, Text)}


def _texts(surveyed: Survey, target: str) -> dict[str, list[str]]:
    """Returns the texts of the records of each split; of a target that sources have not, none."""
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    kind = (surveyed.targets or {}).get(target)
    for record in surveyed.records if kind is not None else ():
        text = kind.parse(record.targets[target])  # type: ignore[union-attr]
        found[surveyed.split.split_of[record.key]].append(text)
    return found
