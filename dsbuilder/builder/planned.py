"""A build that is only planned, as one side of a comparison with a dataset."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.builder.plan import Plan
from dsbuilder.builder.survey import Survey
from dsbuilder.cache import fingerprint
from dsbuilder.dataset.difference import DatasetState, SampleState


def planned_state(surveyed: Survey, plan: Plan) -> DatasetState:
    """Returns a planned build as one side of a comparison."""
    pipeline = surveyed.pipeline
    cache = pipeline.settings.cache
    raw = {record.key: record.targets for record in surveyed.records}
    return DatasetState(
        resolved=pipeline.spec.resolved,
        stages={
            stage.id: fingerprint.describe(stage, pipeline.spec.registry)
            for stage in pipeline.stages
        },
        packages=fingerprint.packages(),
        signature=pipeline.signature,
        stored={"codec": cache.codec, "image": plan.image, "quality": cache.quality},
        samples=dict(_rows(plan)),
        set_aside={},
        labels=lambda key: _labels(surveyed, raw.get(key)),
    )


def _labels(surveyed: Survey, raw: Mapping[str, Any] | None) -> dict[str, str]:
    if raw is None or surveyed.targets is None:
        return {}
    # What lies in pixel coordinates is moved by stages: a record's is not what is stored.
    kinds = {name: kind for name, kind in surveyed.targets.items() if not kind.positional}
    return {name: kind.show(kind.parse(raw[name])) for name, kind in kinds.items()}


def _rows(plan: Plan) -> Iterator[tuple[str, SampleState]]:
    for task in plan.shards:
        roots, records = task.contents()
        for root in roots:
            for output in root.outputs:
                parents = () if root.synthesis is not None else (root.key, *output.partners)
                sources = tuple(records[key].source for key in parents)
                yield output.key, SampleState(task.split, output.fingerprint, parents, sources)
