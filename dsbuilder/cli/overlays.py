"""What of a sample's targets lies over its picture."""

from collections.abc import Iterator

from dsbuilder.report.overlay import Dots, Frame, Overlay, Tint
from dsbuilder.sample import Sample
from dsbuilder.targets import Boxes, BoxSet, Keypoints, Mask, PointSet


def overlays(sample: Sample) -> list[Overlay]:
    """Returns masks, then boxes, then keypoints, so that none hides another."""
    found: list[Overlay] = []
    for name, kind in sample.positional.items():
        if isinstance(kind, Mask):
            found.append(Tint(ids=sample.targets[name], ignored=kind.ignore))
    for name, kind in sample.positional.items():
        if isinstance(kind, Boxes):
            found.extend(_frames(kind, sample.targets[name]))
    for name, kind in sample.positional.items():
        if isinstance(kind, Keypoints):
            found.extend(_dots(kind, sample.targets[name]))
    return found


def _frames(kind: Boxes, value: BoxSet) -> Iterator[Frame]:
    for corners, number in zip(value.corners.tolist(), value.classes.tolist(), strict=True):
        yield Frame(corners=tuple(corners), number=number, word=kind.names[number])


def _dots(kind: Keypoints, value: PointSet) -> Iterator[Dots]:
    edges = [(kind.names.index(one), kind.names.index(other)) for one, other in kind.edges]
    for points, visibility in zip(value.points.tolist(), value.visibility.tolist(), strict=True):
        yield Dots(
            points=[(p[0], p[1]) if v else None for p, v in zip(points, visibility, strict=True)],
            hollow=[v == 1 for v in visibility],
            edges=edges,
        )
