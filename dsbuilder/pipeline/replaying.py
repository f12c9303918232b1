"""A sample made once more from the params a ledger recorded: stages are applied, none draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsbuilder.errors import PluginError
from dsbuilder.pipeline.applying import accepted, noted
from dsbuilder.pipeline.positions import Pipeline
from dsbuilder.pipelinefile.stages import AnyStage, MixStage, Synthesis
from dsbuilder.plugin import Stage
from dsbuilder.sample import Params, Sample


@dataclass(frozen=True, kw_only=True)
class Step:
    """One stage that was applied again.

    Attributes:
      stage: which.
      params: what it had drawn.
      before, after: the sample on both sides of it; None before what is synthesized.
    """

    stage: AnyStage | Synthesis
    params: Params
    before: Sample | None
    after: Sample

    @property
    def drawn(self) -> Params:
        """What the params came to, where the plugin can tell more than they do."""
        if isinstance(self.stage, Stage) and self.before is not None:
            return dict(self.stage.plugin.explain(self.before, self.params))
        return {}


def replay(
    pipeline: Pipeline,
    key: str,
    applied: Sequence[tuple[str, Params]],
    *,
    original: Sample | None,
    partners: Sequence[Sample],
) -> list[Step]:
    """Returns every stage of a sample, applied in order; the last leaves it as the cache keeps it.

    Args:
      key: the sample's.
      applied: (stage id, params) in the order of its ledger entry.
      original: the decoded record before `prepare`; None of what is synthesized.
      partners: prepared originals for the mixer, in the order of the entry's parents.

    Raises:
      PluginError: the pipeline lacks a stage, or a stage raised something.
    """
    stages = {stage.id: stage for stage in pipeline.stages}
    prepares = {stage.id for stage in pipeline.settings.prepare}
    steps: list[Step] = []
    sample = original
    for identity, params in applied:
        stage = stages.get(identity)
        if stage is None:
            raise PluginError(f"{key}: expected the stage '{identity}', found it in no section.")
        if sample is not None and identity not in prepares:
            sample = sample.replace(key=key)
        with noted(identity, key, params):
            after = _applied(pipeline, stage, sample, key, params, partners)
        if identity in prepares:
            after.image.flags.writeable = False  # as in a build, where variants share it
        steps.append(Step(stage=stage, params=params, before=sample, after=after))
        sample = after
    if sample is not None:
        accepted(pipeline.signature, sample)
    return steps


def _applied(
    pipeline: Pipeline,
    stage: AnyStage | Synthesis,
    sample: Sample | None,
    key: str,
    params: Params,
    partners: Sequence[Sample],
) -> Sample:
    if isinstance(stage, Synthesis):
        return pipeline.render(stage, key, params)
    if sample is None:
        raise PluginError(f"{key}: expected a sample to apply '{stage.id}' to, found none.")
    if isinstance(stage, MixStage):
        targets = pipeline.prepared.targets if pipeline.prepared is not None else {}
        return stage.plugin.mix(sample, partners, params, targets)
    return stage.apply(sample, params)
