"""A pipeline asked whether it would be right if something else stood in it; nothing is built."""

from dataclasses import dataclass, replace

from dsbuilder.actions.check_training import check_training
from dsbuilder.builder.survey import Survey
from dsbuilder.errors import DsbuilderError, SpecError
from dsbuilder.pipeline import resolve
from dsbuilder.pipelinefile import Spec, load_document
from dsbuilder.pipelinefile.document import YamlDocument
from dsbuilder.pipelinefile.preset import overridden


@dataclass(frozen=True, kw_only=True)
class TriedPipeline:
    """A pipeline with its data, which takes assignments or refuses them.

    Attributes:
      document: the pipeline.
      surveyed: its data.
    """

    document: YamlDocument
    surveyed: Survey

    def spec(self, *assignments: str) -> Spec:
        """Returns the pipeline with some assignments, bound.

        Raises:
          SpecError: it refuses them.
        """
        document = overridden(self.document, assignments)
        return load_document(document, self.surveyed.pipeline.spec.registry)

    def fault(self, *assignments: str) -> str | None:
        """Returns why the pipeline refuses assignments, as `check` says it; None if it does not."""
        try:
            catalog = self.surveyed.catalog
            size = None if catalog is None else catalog.size
            pipeline = resolve(self.spec(*assignments), self.surveyed.targets, size)
            check_training(replace(self.surveyed, pipeline=pipeline))
        except SpecError as error:
            return error.problems[0].message
        except DsbuilderError as error:
            return str(error)
        return None
