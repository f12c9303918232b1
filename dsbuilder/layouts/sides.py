"""What of keypoints is left and what is right, as far as their names say."""

from collections.abc import Sequence


def sides(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Returns pairs of names that differ in `left` and `right`."""
    pairs = ((name, name.replace("left", "right")) for name in names if "left" in name)
    return tuple((left, right) for left, right in pairs if right in names)
