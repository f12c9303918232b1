"""What an ablation came to, in files: a page, a patch to train with, a table, and a chart.

ablation.md        every part with its gain and what to make of it
ablation.yaml      takes out what harms and puts in what helps
parts.csv          a line a part and seed: the scores with and without it
charts/parts.svg   the gain of each part, with its interval
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsbuilder.actions.pipeline_parts import LeftOutPart
from dsbuilder.actions.seed_pairs import Gain
from dsbuilder.cache import store
from dsbuilder.cache.manifest import Manifest
from dsbuilder.proposal.writing import Writer, YamlLine, flow
from dsbuilder.report.charts import files
from dsbuilder.report.charts.lines import Curve, LineChart
from dsbuilder.tasks.intervals import shown

PAGE = "ablation.md"
PATCH = "ablation.yaml"
TABLE = "parts.csv"
CHARTS, CHART = "charts", "parts.svg"

Verdict = Literal["helps", "harms", "no difference seen", "failed"]
VERDICTS: tuple[Verdict, ...] = ("helps", "harms", "no difference seen")
"""What may be said of a part that was compared."""


@dataclass(frozen=True, kw_only=True)
class AblatedPart:
    """What pairs of trainings with and without a part say.

    Attributes:
      name: its name, such as `augment/A.HorizontalFlip`.
      added: whether it was put in; else the pipeline has it, and was trained without.
      verdict: `helps`, `harms`, `no difference seen`, or `failed`.
      validation: its gain: `own` are scores without it, `best` those with it.
      test: the same on test, which decides nothing; None where that is not measured.
      probability: probability of a gain as far from 0 if the part did nothing.
      samples, changed_samples: number of samples of train as the pipeline is, and as changed.
      failed: why trainings of the changed pipeline failed; None if they did not.
    """

    name: str
    added: bool
    verdict: Verdict
    validation: Gain | None
    test: Gain | None
    probability: float | None
    samples: int
    changed_samples: int
    failed: str | None


@dataclass(frozen=True, kw_only=True)
class AblationFindings:
    """What of an ablation is written.

    Attributes:
      pipeline: the pipeline file.
      manifest: manifest of its dataset, as it is.
      metric: name of what is compared.
      seeds: number of trainings of each variant.
      parts, left_out, verdict: see `AblateDocument`.
      assignments: what the patch says.
    """

    pipeline: Path
    manifest: Manifest
    metric: str
    seeds: int
    parts: Sequence[AblatedPart]
    left_out: Sequence[LeftOutPart]
    assignments: Sequence[str]
    verdict: str


def write(home: Path, found: AblationFindings) -> None:
    """Writes the page, the patch, the table and the chart into the folder of an ablation."""
    patch = _patch(home, found)
    store.write_text(home / PATCH, patch)
    store.write_text(home / TABLE, _table(found))
    (home / CHARTS).mkdir(exist_ok=True)
    files.write(
        home / CHARTS / CHART,
        _chart(found),
        title="Gain by having each part",
        dataset=_dataset(found),
        samples={"validation": found.manifest.num_samples("validation")},
        score=f"{found.seeds} seeds",
    )
    store.write_text(home / PAGE, "\n".join(_page(found, patch)) + "\n")


def _dataset(found: AblationFindings) -> str:
    return f"{found.manifest.name} {found.manifest.version}"


def _patch(home: Path, found: AblationFindings) -> str:
    """Returns the patch: what takes out parts that harm, and puts in those that help."""
    writer = Writer()
    writer.remark(f"Found by `dsbuilder ablate {found.pipeline}`, by {_metric(found)}.")
    writer.remark(found.verdict)
    if not found.assignments:
        return writer.text() + "{}\n"
    writer.remark(f"Apply it: dsbuilder train {found.pipeline} --patch {home / PATCH}")
    for path, _, value in (each.partition("=") for each in found.assignments):
        writer.lines.append(YamlLine(text=f"{flow(path)}: {value}"))
    return writer.text()


def _metric(found: AblationFindings) -> str:
    return f"{found.metric.replace('_', ' ')} on validation"


def _table(found: AblationFindings) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["part", "added", "pair", "without", "with", "verdict"])
    for part in found.parts:
        if part.validation is not None:
            pairs = zip(part.validation.own, part.validation.best, strict=True)
            for number, (without, having) in enumerate(pairs, 1):
                lines.writerow([part.name, part.added, number, without, having, part.verdict])
    return text.getvalue()


def _chart(found: AblationFindings) -> LineChart:
    """Returns the gain of each part with its interval, by what is said of it."""
    compared = [each for each in found.parts if each.validation is not None]
    return LineChart(
        kind="choices",
        title="Gain by having each part",
        x_title="part",
        y_title=f"gain in {found.metric.replace('_', ' ')}, above 0 it helps",
        lines=tuple(_curves(compared)),
        reference="zero",
        marks=tuple((float(place), each.name) for place, each in enumerate(compared, 1)),
    )


def _curves(parts: Sequence[AblatedPart]) -> Iterator[Curve]:
    for verdict in VERDICTS:
        own = [
            (float(place), each.validation)
            for place, each in enumerate(parts, 1)
            if each.verdict == verdict and each.validation is not None
        ]
        if own:
            yield Curve(
                name=verdict,
                x=tuple(place for place, _ in own),
                y=tuple(gain.mean for _, gain in own),
                between=tuple(
                    None if gain.interval is None else (gain.interval.low, gain.interval.high)
                    for _, gain in own
                ),
            )


def _page(found: AblationFindings, patch: str) -> Iterator[str]:
    """Yields the lines of the page."""
    yield f"# Which parts of {_dataset(found)} help"
    yield ""
    yield found.verdict
    yield ""
    yield (
        f"Compared is {_metric(found)} ({found.manifest.num_samples('validation')} samples) of "
        f"{found.seeds} trainings with each part and {found.seeds} without, in pairs of one seed. "
        "A gain is for the better, whatever is compared; its interval is that of it alone, with "
        "95 %; a verdict holds for all parts together (Holm, 5 %). *No difference seen* does not "
        "say that there is none: more seeds may tell. "
        "All of it is of this split and this length of training."
    )
    yield ""
    yield f"![gain by having each part]({CHARTS}/{CHART})"
    yield ""
    yield from _rows(found)
    failed = [each for each in found.parts if each.failed is not None]
    if failed or found.left_out:
        yield from ("", "## Not compared", "")
        for each in failed:
            how = "with" if each.added else "without"
            yield f"- `{each.name}`: trainings {how} it fail: {each.failed}"
        yield from (
            f"- `{each.name}` cannot be taken out: {each.reason}" for each in found.left_out
        )
    yield from ("", f"## What to change: `{PATCH}`", "", "```yaml", patch.rstrip(), "```")


def _rows(found: AblationFindings) -> Iterator[str]:
    samples = any(each.samples != each.changed_samples for each in found.parts)
    tested = any(each.test is not None for each in found.parts)
    headings = ["part", "without", "with", "gain", "verdict"]
    headings += ["gain on test"] if tested else []
    headings += ["samples of train without, with"] if samples else []
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for part in found.parts:
        if part.validation is None:
            continue
        name = f"`{part.name}`" + (" (put in)" if part.added else "")
        cells = [name, *in_words(part.validation), f"**{part.verdict}**"]
        cells += [in_words(part.test)[-1] if part.test is not None else "-"] if tested else []
        counts = (part.changed_samples, part.samples)
        cells += [", ".join(map(str, counts[::-1] if part.added else counts))] if samples else []
        yield f"| {' | '.join(cells)} |"


def in_words(found: Gain) -> tuple[str, str, str]:
    """Returns the mean score without a part and with it, and the gain with its interval."""
    without, having = (sum(each) / len(each) for each in (found.own, found.best))
    between = vars(found.interval) if found.interval is not None else None
    return f"{without:.4g}", f"{having:.4g}", shown(found.mean, between, "+.3g")
