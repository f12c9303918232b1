"""What is known of the samples of validation beside their labels: measures, origin, group.

The measures are those of the inspectors, whose bounds are set such that they tell of every image.
"""

from dsbuilder import typed_json
from dsbuilder.builder.inspecting import inspect_survey
from dsbuilder.builder.survey import Survey
from dsbuilder.dataset import StoredDataset
from dsbuilder.diagnosis.mistakes import Property
from dsbuilder.inspection import chosen

_MEASURES: dict[str, tuple[str, dict[str, float], float | None]] = {
    "tiny": ("short side in pixels", {"least": 2**31}, None),
    "dark": ("how bright its brightest places are", {"below": 1.0}, 1.0),
    "bright": ("how bright its darkest places are", {"above": 0.0}, 0.0),
    "blurred": ("sharpness of its edges", {"below": 1e9}, None),
}
"""Inspectors -> what they measure, in words, bounds that no image keeps, and the value of those
that keep it all the same."""

LOOK = "inspect=" + typed_json.dumps(
    {name: {"action": "warn", **bounds} for name, (_, bounds, _) in _MEASURES.items()}
)
"""An assignment that lets a pipeline measure every image."""


def properties_of(
    surveyed: Survey, dataset: StoredDataset, *, workers: int | None
) -> dict[str, Property]:
    """Returns what is known of samples of validation, by the name of the property.

    Args:
      surveyed: of the pipeline, with `LOOK` assigned.
      dataset: built from it.
      workers: processes that measure; see `build`.
    """
    entries = [entry for _, entry in dataset.entries("validation")]
    kept = {each.key for each in entries}
    records = [each for each in surveyed.records if each.key in kept]
    found: dict[str, Property] = {}
    if records:
        part = Survey(**{**vars(surveyed), "records": records, "unread": ()})
        report = inspect_survey(part, chosen(surveyed.pipeline.spec), workers=workers)
        for name, (what, _, otherwise) in _MEASURES.items():
            known = {} if otherwise is None else {each.key: otherwise for each in records}
            told = {each.key: float(each.value) for each in report.findings[name] if each.key}
            found[what] = {**known, **told}
    synthetic = {e.key: "synthetic" if e.synthetic else "real" for e in entries}
    groups = {each.key: each.group for each in records if each.group is not None}
    return {**found, "origin": synthetic, "group": groups}
