"""A pipeline as plain data: the one form in which it crosses a process or lies in a file.

An object of a class from `plugins/*.py` cannot be unpickled elsewhere, so what is sent or kept is
what the pipeline says, whole or some of its sections. Whoever needs the objects binds them here,
with the plugins of its own process.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dsbuilder import typed_json
from dsbuilder.errors import CacheError
from dsbuilder.pipeline import Pipeline
from dsbuilder.pipelinefile import Spec, load_document
from dsbuilder.pipelinefile.document import YamlDocument, from_data, override
from dsbuilder.pipelinefile.stages import binder_of
from dsbuilder.registry import discover
from dsbuilder.targets import signature_from_json, signature_to_json


@dataclass(frozen=True, kw_only=True)
class PlainPipeline:
    """A pipeline, or some of its sections, as plain data.

    Attributes:
      sections: JSON values by section, every default filled in, paths as they were written.
      origin: name of the pipeline in errors.
      folder: folder that its relative paths start from.
      plugins: folders of the plugins that it names.
    """

    sections: Mapping[str, Any]
    origin: str
    folder: Path
    plugins: tuple[Path, ...] = ()

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """Returns a pipeline that was bound in this process."""
        return cls(
            sections=spec.resolved,
            origin=spec.document.origin,
            folder=spec.document.folder,
            plugins=spec.registry.folders,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Returns the pipeline that a dataset keeps; `text` is what it reads.

        Relative paths in it start from nowhere, since the folder they were relative to is not known
        any more: they are taken to be below the file's.

        Raises:
          CacheError: there is no such file, or it is damaged.
        """
        try:
            sections = typed_json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(sections, dict):
                raise ValueError("no mapping")
        except (OSError, ValueError) as error:
            raise CacheError(
                f"{path}: the pipeline of the dataset cannot be read ({type(error).__name__}). "
                "Build the dataset again."
            ) from None
        return cls(sections=sections, origin=str(path), folder=path.parent)

    def text(self) -> str:
        """Returns the sections as a file holds them."""
        return json.dumps(self.sections, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the pipeline that `to_json` described."""
        return cls(
            sections=data["sections"],
            origin=data["origin"],
            folder=Path(data["folder"]),
            plugins=tuple(Path(folder) for folder in data["plugins"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns everything as JSON values, for another process."""
        return {
            "sections": self.sections,
            "origin": self.origin,
            "folder": str(self.folder),
            "plugins": [str(folder) for folder in self.plugins],
        }

    def with_plugins(self, folders: Sequence[Path | str]) -> Self:
        """Returns the same with other folders of plugins."""
        return replace(self, plugins=tuple(Path(folder) for folder in folders))

    def only(self, *names: str) -> Self:
        """Returns some sections, as far as they are there."""
        kept = {name: each for name, each in self.sections.items() if name in names}
        return replace(self, sections=kept)

    def without(self, *names: str) -> Self:
        """Returns all sections but some."""
        kept = {name: each for name, each in self.sections.items() if name not in names}
        return replace(self, sections=kept)

    def bind(
        self, wanted: Mapping[str, Any], overrides: Sequence[str] = (), *, hint: str = ""
    ) -> dict[str, Any]:
        """Returns sections bound to types, by name; no other section is looked at.

        Args:
          wanted: types by the names of sections, all of which must be there.
          overrides: `section.key=value` assignments, as `--set` takes them.
          hint: sentence that ends an error about a plugin that is missing.

        Raises:
          SpecError: with every problem found.
        """
        document = override(self._document(), overrides)
        binder = binder_of(document, discover(self.plugins, hint=hint))
        nodes = document.root.value
        bound = {name: binder.bind(kind, nodes[name], name)[0] for name, kind in wanted.items()}
        binder.check()
        return bound

    def spec(self, *, hint: str = "") -> Spec:
        """Returns all sections bound; `hint` is as for `bind`.

        Raises:
          SpecError: with every problem found.
        """
        return load_document(self._document(), discover(self.plugins, hint=hint))

    def _document(self) -> YamlDocument:
        return from_data(self.sections, origin=self.origin, folder=self.folder)


def resolved_to_json(pipeline: Pipeline) -> dict[str, Any]:
    """Returns a resolved pipeline as JSON values; its signatures go along, to follow them once."""
    read, prepared = pipeline.read, pipeline.prepared
    return {
        "pipeline": PlainPipeline.of(pipeline.spec).to_json(),
        "read": None if read is None else signature_to_json(read),
        "prepared": None if prepared is None else signature_to_json(prepared),
        "signature": signature_to_json(pipeline.signature),
        "streamed": signature_to_json(pipeline.streamed),
    }


def resolved_from_json(data: Mapping[str, Any]) -> Pipeline:
    """Binds the pipeline that `resolved_to_json` described.

    Raises:
      SpecError: with every problem found.
    """
    read, prepared = data["read"], data["prepared"]
    return Pipeline(
        spec=PlainPipeline.from_json(data["pipeline"]).spec(),
        read=None if read is None else signature_from_json(read),
        prepared=None if prepared is None else signature_from_json(prepared),
        signature=signature_from_json(data["signature"]),
        streamed=signature_from_json(data["streamed"]),
    )
