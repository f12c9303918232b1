"""The laws that hold for more than one kind of plugin, each an assertion with its reason."""

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from dsbuilder.errors import DsbuilderError
from dsbuilder.pipelinefile.binding import Binder, to_plain
from dsbuilder.pipelinefile.described import attributes
from dsbuilder.pipelinefile.document import from_data
from dsbuilder.plugin import (
    Inspector,
    Mark,
    Record,
    Sample,
    Seen,
    Signature,
    Source,
    Stage,
    Target,
    Transform,
    View,
)
from dsbuilder.targets.stored import name_faults
from dsbuilder.testing.promises import name_of

MOST_MEASURED_BYTES = 4096
"""What an inspector may keep of one record."""


def check_declaration(plugin: Any) -> None:
    """Checks the decorator's mark, and that the help names every option under `Attributes`."""
    cls = type(plugin)
    mark = cls.__dict__.get("__dsbuilder__")
    assert isinstance(mark, Mark), f"{cls.__name__}: expected a decorator such as @transform(...)."
    assert is_dataclass(plugin), f"{mark.name}: expected a dataclass."
    options = [field.name for field in fields(plugin) if field.init]
    described = attributes(cls)
    absent = [option for option in options if option not in described]
    assert not absent, (
        f"{mark.name}: expected every option under 'Attributes:' in the docstring, "
        f"found nothing on {', '.join(absent)}."
    )


def check_options(plugin: Any) -> None:
    """Checks that the options, written down as in a manifest, bind to an equal plugin.

    Nested stages and sources are bound by a registry and left out here.
    """
    name = name_of(plugin)
    hints = get_type_hints(type(plugin))
    if any(_nests(hint) for hint in hints.values()):
        return
    written = json.loads(json.dumps(to_plain(plugin)))
    binder = Binder(from_data(written, origin=name, folder=Path()), {})
    bound, resolved = binder.dataclass(type(plugin), binder.document.root, "")
    problems = "; ".join(str(problem) for problem in binder.problems)
    assert not problems, f"{name}: expected options that can be read again, found: {problems}"
    assert bound == plugin, f"{name}: expected equal options after reading, found {bound}."
    assert to_plain(bound) == to_plain(plugin) and isinstance(resolved, dict), name


def _nests(hint: Any) -> bool:
    return hint in (Stage, Source) or any(_nests(each) for each in get_args(hint))


def check_shrinking(name: str, plugin: Transform, height: int, width: int) -> None:
    """Checks what a transform says it resizes a whole image to: a size, from the size alone."""
    size = plugin.shrinks_to(height, width)
    if size is None:
        return
    assert len(size) == 2 and min(size) >= 1, f"{name}: expected (height, width), found {size}."
    assert plugin.shrinks_to(*size) == size, (
        f"{name}: expected what it was resized to, {size}, to stay as it is, "
        f"found {plugin.shrinks_to(*size)}."
    )


def sound_records(name: str, records: Sequence[Record]) -> list[Record]:
    """Returns the records that can be read, sorted by key; checks that the others say why not."""
    for record in records:
        error = record.error
        assert error is None or (isinstance(error, str) and error.strip()), (
            f"{name}: expected '{record.key}' to say what is wrong, found {error!r}."
        )
    return sorted((each for each in records if each.error is None), key=lambda each: each.key)


def check_json(name: str, what: str, value: Any) -> None:
    """Checks that a value comes back from JSON as it was."""
    try:
        written = json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{name}: expected {what} of JSON values: {error}.") from error
    assert written == value, f"{name}: expected {what} of JSON values, found {value!r}."


def check_names(name: str, targets: Mapping[str, Target]) -> None:
    """Checks that targets have names that a dataset can hold."""
    faults = list(name_faults(targets))
    assert not faults, f"{name}: {faults[0]}"


def signature_or_refusal(
    name: str, ask: Callable[[Any], Signature], given: Any
) -> Signature | None:
    """Returns the signature, or None where it is refused, which needs a reason."""
    try:
        return ask(given)
    except (ValueError, DsbuilderError) as error:
        assert str(error), f"{name}: there is no reason for refusing {given}. Give one."
        return None


def check_fits(name: str, sample: Sample, signature: Signature) -> None:
    """Checks that a sample's image and targets are what a signature announces."""
    found = f"{'x'.join(map(str, sample.image.shape))} {sample.image.dtype}"
    assert signature.image.accepts(sample.image), (
        f"{name}: expected an image as its output_signature says, {signature.image}, found {found}."
    )
    assert set(sample.targets) == set(signature.targets), (
        f"{name}: expected the targets {sorted(signature.targets)}, found {sorted(sample.targets)}."
    )
    for key, target in signature.targets.items():
        found_features = set(target.encode(key, sample.targets[key]))
        assert found_features == set(target.features(key)), (
            f"{name}: expected the features {set(target.features(key))}, found {found_features}."
        )


def check_measure(name: str, plugin: Inspector, view: View) -> Any:
    """Returns what an inspector measures of a record, after checking that it is plain and small."""
    before = None if view.image is None else view.image.copy()
    measure = plugin.measure(view)
    again = plugin.measure(replace(view, memo={}))
    assert again == measure, f"{name}: expected one measure of one record, found two."
    assert before is None or view.image is None or np.array_equal(before, view.image), (
        f"{name}: expected the image left alone, found it changed."
    )
    size = len(pickle.dumps(measure))
    assert size <= MOST_MEASURED_BYTES, (
        f"{name}: expected a measure of at most {MOST_MEASURED_BYTES} bytes, since those of all "
        f"records are kept, found {size}."
    )
    return measure


def check_findings(name: str, plugin: Inspector, seen: Seen) -> None:
    """Checks that findings name records that there are, and can be written as JSON."""
    found = list(plugin.judge(replace(seen, memo={})))
    again = list(plugin.judge(replace(seen, memo={})))
    assert found == again, f"{name}: expected the same findings of the same measures."
    keys = {record.key for record in seen.records}
    for finding in found:
        assert (finding.key in keys) if plugin.of_records else finding.key is None, (
            f"{name}: expected the key of a record, or None where of_records is False, found "
            f"{finding.key!r}."
        )
        assert set(finding.others) <= keys, f"{name}: expected keys of records in `others`."
        assert finding.text and "\n" not in finding.text, f"{name}: expected a text of one line."
        written = json.loads(json.dumps([finding.value, finding.threshold]))
        assert written == [finding.value, finding.threshold], (
            f"{name}: expected JSON values, found {finding.value!r}, {finding.threshold!r}."
        )
