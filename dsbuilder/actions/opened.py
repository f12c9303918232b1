"""A pipeline file opened, without verbs: what the actions about pipelines take.

What a user gets from `dsbuilder.open` is one of these with verbs; see `actions/session.py`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dsbuilder.builder.survey import Survey, find_plugins, survey
from dsbuilder.pipelinefile import Spec, load
from dsbuilder.registry import Registry

OUT = Path("out")
"""The folder that datasets are built in where nobody says another."""


@dataclass(frozen=True, kw_only=True)
class OpenedPipeline:
    """A pipeline file, and what is decided around it.

    Nothing is kept between two calls but the plugins: a file that changes is read again.

    Attributes:
      pipeline: path of the pipeline file.
      out: folder that datasets are built in, as `out/name/version`.
      overrides: `key=value` assignments, as `--set` takes them.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
    """

    pipeline: Path
    out: Path = OUT
    overrides: tuple[str, ...] = ()
    plugins: tuple[Path, ...] | None = None

    @cached_property
    def registry(self) -> Registry:
        """The plugins that the pipeline can name.

        Raises:
          PluginError: a plugin is defined twice.
        """
        return find_plugins(self.pipeline, self.plugins)

    def spec(self, *overrides: str) -> Spec:
        """Returns the pipeline as it stands, with further assignments.

        Raises:
          SpecError: the file is wrong; it names every problem.
        """
        return load(self.pipeline, self.registry, (*self.overrides, *overrides))

    def survey(self, *overrides: str) -> Survey:
        """Returns what is known of the pipeline's data before an image is opened.

        Raises:
          SpecError: the pipeline is wrong, or its signatures do not fit.
          DataError: the source is not what the pipeline says.
        """
        return survey(self.spec(*overrides))
