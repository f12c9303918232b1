"""A folder -> which layout it has, and a pipeline that builds it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.arguments import paths_of
from dsbuilder.actions.check import CheckDocument, checked
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.schema import COMMENT, FILE, schema_of, write
from dsbuilder.builder.survey import find_plugins, survey
from dsbuilder.errors import DataError, option
from dsbuilder.pipelinefile import load_document
from dsbuilder.pipelinefile.document import parse
from dsbuilder.proposal import Candidate, candidates, check_extent, choose, draft
from dsbuilder.proposal.drafting import dataset_name
from dsbuilder.registry import Registry


@dataclass(frozen=True, kw_only=True)
class RecognizedLayout:
    """What one source says of a folder.

    Attributes:
      source: name of the source.
      certainty: how sure it is, in [0, 1].
      reason: why, or why not.
    """

    source: str
    certainty: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class InitDocument(Document):
    """A pipeline that was written.

    Attributes:
      output: pipeline file.
      schema: file beside it by which an editor checks it; None if it could not be written.
      source: source of the pipeline as it is written, its name under `use`.
      recognized: what every source says, the surest first.
      check: what the pipeline would build.
    """

    output: Path
    schema: Path | None
    source: Mapping[str, Any]
    recognized: tuple[RecognizedLayout, ...]
    check: CheckDocument


def init(
    folder: Path | str,
    output: Path | str | None = None,
    *,
    use: str | None = None,
    plugins: Sequence[Path | str] | None = None,
) -> InitDocument:
    """Writes a pipeline that builds a folder, after looking which layout it has.

    It builds as it stands; a comment says of each line why it is there.

    Args:
      folder: folder of images.
      output: pipeline file to write; None names it after the folder, in the current one. A file
        that exists is not overwritten.
      use: source to read the folder with, sure or not; None takes the surest.
      plugins: folders of plugins; None takes the nearest `plugins/` folder of the output.

    Raises:
      DataError: no layout is known, the folder cannot be read so, or the file cannot be written.
      SpecError: what was drafted does not fit.
    """
    folder = Path(folder)
    output = Path(f"{dataset_name(folder)}.yaml") if output is None else Path(output)
    _check_output(output)
    registry = find_plugins(output, paths_of(plugins))
    if use is None:
        check_extent(folder)
    found = candidates(folder, registry)
    chosen, near = choose(folder, found, registry, use=use)
    drafted = draft(folder, chosen, registry, output=output)
    home = output.resolve().parent
    document = parse(drafted.text, origin=str(output), folder=home)
    check = checked(survey(load_document(document, registry)))
    has_schema, warned = _write_schema(home / FILE, registry)
    _write(output, COMMENT + drafted.text if has_schema else drafted.text)
    return InitDocument(
        output=output.absolute(),
        schema=home / FILE if has_schema else None,
        source={"use": chosen.source, **drafted.options},
        recognized=tuple(
            RecognizedLayout(source=each.source, certainty=each.certainty, reason=each.reason)
            for each in found
        ),
        check=check,
        warnings=distinct(
            _near(near, chosen),
            _within(output, folder),
            warned,
            drafted.warnings,
            check.warnings,
        ),
    )


def _check_output(output: Path) -> None:
    if output.exists() or output.is_symlink():
        raise DataError(
            f"{output}: the file exists; `dsbuilder build {shlex.quote(str(output))}` builds it. "
            f"Name another with {option('output')}, or remove it."
        )
    if not output.resolve().parent.is_dir():
        raise DataError(f"{output}: its folder does not exist. Make it.")


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise DataError(
            f"{output}: the file cannot be written ({error.strerror}). "
            f"Name another with {option('output')}."
        ) from error


def _write_schema(path: Path, registry: Registry) -> tuple[bool, Sequence[str]]:
    """Writes the schema that an editor takes; returns whether it is there, and what is to be told.

    A pipeline needs none, so that none is no error.
    """
    try:
        write(path, schema_of(registry))
    except DataError as error:
        return False, [f"editors get no schema of the pipeline: {error}"]
    return True, ()


def _near(near: Sequence[Candidate], chosen: Candidate) -> Iterator[str]:
    for each in near:
        yield (
            f"'{each.source}' is nearly as likely as '{chosen.source}': {each.reason}. "
            f"{option(f'use {each.source}')} takes it."
        )


def _within(output: Path, folder: Path) -> Iterator[str]:
    if output.resolve().is_relative_to(folder.resolve()):
        yield (
            f"{output} lies in the folder that it reads: pictures and datasets that are written "
            f"beside it would be read as well. Name a place outside with {option('output')}."
        )
