"""Whose code is run where nobody says: which `plugins/` folder is taken unasked.

That beside the pipeline, else that at the root of the project which holds the pipeline: the next
folder above it with a `pyproject.toml` or a `.git`. As git passes over repositories of others, one
that anybody may write to or that belongs to another user is passed over: in `/tmp`, anybody may put
a `plugins/` beside a pipeline that is tried there.

What a dataset or a model notes of the plugins it was made with is data of somebody else: a hint in
an error, never a folder that code is run from.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.errors import option, shortened

FOLDER = "plugins"
_PROJECT = ("pyproject.toml", ".git")


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The `plugins/` folder of a pipeline.

    Attributes:
      folder: the folder; None without one.
      hint: sentence on one that was passed over, for errors that miss a plugin; else empty.
    """

    folder: Path | None = None
    hint: str = ""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder, if there is one."""
        return () if self.folder is None else (self.folder,)


def nearest_folder(pipeline: Path, *, outside: Path | None = None) -> Nearest:
    """Returns the `plugins/` folder that a pipeline may take unasked.

    Args:
      pipeline: pipeline file, which need not exist: its folder decides.
      outside: folder of a dataset or a run, in which none is looked for.
    """
    hint = ""
    data = None if outside is None else outside.resolve()
    for base in _homes(pipeline.resolve().parent):
        folder = base / FOLDER
        if not folder.is_dir() or (data is not None and folder.resolve().is_relative_to(data)):
            continue
        reason = _distrust((base, folder), pipeline)
        if not reason:
            return Nearest(folder=folder)
        hint = (
            hint
            or f"{folder} was passed over: {reason}. Give {option(f'plugins {folder}')} to take it."
        )
    return Nearest(hint=hint)


def noted(folders: Iterable[Path | str]) -> str:
    """Returns the sentence on folders of plugins that a dataset or a model notes; else empty."""
    names = [str(folder) for folder in folders]
    if not names:
        return ""
    return (
        f"It was made with plugins of {shortened(names)}, which nobody runs unasked. "
        f"Give {option('plugins DIR')} if you trust their code."
    )


def _homes(folder: Path) -> Iterator[Path]:
    """Yields the pipeline's folder, and the root of its project."""
    yield folder
    above = (folder, *folder.parents)
    root = next((each for each in above if any((each / name).exists() for name in _PROJECT)), None)
    if root is not None and root != folder:
        yield root


def _distrust(folders: Iterable[Path], pipeline: Path) -> str:
    """Says why code of folders is not run unasked; empty if nothing speaks against it.

    A pipeline is named by who runs it, so its owner's plugins are as good as itself.
    """
    if not hasattr(os, "geteuid"):
        return ""
    trusted = {os.geteuid(), 0} | {each.stat().st_uid for each in (pipeline,) if each.is_file()}
    for folder in folders:
        state = folder.stat()
        if state.st_mode & stat.S_IWOTH:
            return f"anybody may write to {folder}"
        if state.st_uid not in trusted:
            return f"{folder} belongs to another user"
    return ""
