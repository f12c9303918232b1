"""A sample made once more from the params a ledger recorded: stages are applied, none draws."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dsbuilder.errors import PluginError
from dsbuilder.pipeline.applying import Mixing, Trace, accepted, apply_stages, noted
from dsbuilder.pipeline.positions import Pipeline
from dsbuilder.pipelinefile.stages import AnyStage, Synthesis
from dsbuilder.plugin import Stage
from dsbuilder.sample import Params, Sample


@dataclass(frozen=True, kw_only=True)
class ReplayedStage:
    """One stage that was applied again.

    Attributes:
      stage: stage that was applied.
      params: params that it had drawn.
      before, after: sample on both sides of it; None before what is synthesized.
    """

    stage: AnyStage | Synthesis
    params: Params
    before: Sample | None
    after: Sample

    @property
    def drawn(self) -> Params:
        """What the params came to, where the plugin can tell more than they do."""
        if isinstance(self.stage, Stage) and self.before is not None:
            return dict(self.stage.explain(self.before, self.params))
        return {}


@dataclass
class _Replay(Trace):
    """A trace that keeps the sample on both sides of every stage."""

    steps: list[ReplayedStage] = field(default_factory=list)

    def add(self, stage: AnyStage, params: Params, before: Sample, after: Sample) -> None:
        """Notes a stage that was applied."""
        step = ReplayedStage(stage=stage, params=params, before=before, after=after)
        self.steps.append(step)


def replay(
    pipeline: Pipeline,
    key: str,
    applied: Sequence[tuple[str, Params]],
    *,
    original: Sample | None,
    partners: Sequence[Sample],
) -> tuple[Sample, list[ReplayedStage]]:
    """Returns a sample as the cache keeps it, and every stage that was applied, in order.

    Args:
      key: the sample's.
      applied: (stage id, params) in the order of its ledger entry.
      original: the decoded record before `prepare`; None of what is synthesized.
      partners: prepared originals for the mixer, in the order of the entry's parents.

    Raises:
      PluginError: the pipeline lacks a stage, or a stage raised something.
    """
    recorded = [(_stage(pipeline, key, identity), params) for identity, params in applied]
    trace = _Replay()
    if original is None:
        sample, recorded = _synthesized(pipeline, key, recorded, trace), recorded[1:]
    else:
        count = sum(stage in pipeline.settings.prepare for stage, _ in recorded)
        sample = _apply_recorded(recorded[:count], original, Mixing(), trace)
        sample, recorded = pipeline.as_prepared(sample).replace(key=key), recorded[count:]
    targets = pipeline.prepared.targets if pipeline.prepared is not None else {}
    sample = _apply_recorded(recorded, sample, Mixing(partners, targets), trace)
    return accepted(pipeline.signature, sample), trace.steps


def _stage(pipeline: Pipeline, key: str, identity: str) -> AnyStage | Synthesis:
    for stage in pipeline.stages:
        if stage.id == identity:
            return stage
    raise PluginError(f"{key}: expected the stage '{identity}', found it in no section.")


def _synthesized(
    pipeline: Pipeline,
    key: str,
    recorded: Sequence[tuple[AnyStage | Synthesis, Params]],
    trace: _Replay,
) -> Sample:
    stage, params = recorded[0] if recorded else (None, {})
    if not isinstance(stage, Synthesis):
        raise PluginError(f"{key}: there is no synthesizer or record to begin with.")
    with noted(stage.id, key, params):
        sample = pipeline.render(stage, key, params)
    trace.steps.append(ReplayedStage(stage=stage, params=params, before=None, after=sample))
    return sample


def _apply_recorded(
    recorded: Sequence[tuple[AnyStage | Synthesis, Params]],
    sample: Sample,
    mixing: Mixing,
    trace: _Replay,
) -> Sample:
    stages = [stage for stage, _ in recorded if not isinstance(stage, Synthesis)]
    params = iter([params for stage, params in recorded if not isinstance(stage, Synthesis)])
    return apply_stages(stages, sample, lambda *_: next(params), trace, mixing)
