"""YAML to read: whatever is written reads back as equal."""

import io

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dsbuilder.report.page.yaml_text import as_yaml

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_categories=("Cc",)))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def read(text: str) -> object:
    yaml = YAML(typ="safe", pure=True)
    return yaml.load(io.StringIO(text))


@example({".0": ".5", "._": "..", "..": ".inf", "a": "../x"})
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_reads_back(values: dict[str, object]) -> None:
    assert read(as_yaml(values)) == values


def test_short_values_stand_on_one_line_and_nested_ones_in_blocks() -> None:
    stages = [{"use": "A.HorizontalFlip", "p": 0.5}, {"use": "resize", "size": [96, 96]}]
    values = {"name": "pets", "augment": {"copies": 2, "stages": stages}, "answer": "no"}
    assert as_yaml(values) == (
        "name: pets\n"
        "augment:\n"
        "  copies: 2\n"
        "  stages:\n"
        "    - {use: A.HorizontalFlip, p: 0.5}\n"
        "    - {use: resize, size: [96, 96]}\n"
        'answer: "no"\n'
    )
