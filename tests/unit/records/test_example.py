"""tf.train.Example: TensorFlow reads what is written here, and the reverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.errors import CacheError, DataError
from dsbuilder.records import example

INTS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=80)
FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=80)
BYTES = st.lists(st.binary(max_size=300), min_size=1, max_size=5)
FEATURES = st.dictionaries(st.text(max_size=20), INTS | FLOATS | BYTES, max_size=6)


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


def theirs(tf, features) -> "tf.train.Example":
    """The same features by TensorFlow's own classes."""
    message = tf.train.Example()
    message.features.SetInParent()
    for name, values in features.items():
        feature = message.features.feature[name]
        if isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return message


def plain(decoded) -> dict:
    return {
        name: values if isinstance(values, list) else values.tolist()
        for name, values in decoded.items()
    }


@settings(deadline=None)
@given(FEATURES)
def test_what_is_encoded_is_decoded(features):
    decoded = example.decode(example.encode(features))
    assert plain(decoded) == features
    assert list(decoded) == sorted(features)


@settings(deadline=None)
@given(features=FEATURES)
def test_tensorflow_reads_what_is_encoded(tf, features):
    message = tf.train.Example.FromString(example.encode(features))
    assert message == theirs(tf, features)


@settings(deadline=None)
@given(features=FEATURES)
def test_what_tensorflow_writes_is_decoded(tf, features):
    data = theirs(tf, features).SerializeToString()
    assert plain(example.decode(data)) == features


@settings(deadline=None)
@given(FEATURES)
def test_the_order_of_the_features_does_not_matter(features):
    backwards = dict(reversed(features.items()))
    assert example.encode(features) == example.encode(backwards)


def test_equal_to_the_deterministic_bytes_of_protobuf(tf):
    features = {"image": [b"\xff" * 300], "label": [3], "weights": [0.25, -1.0], "key": [b"a/b"]}
    data = theirs(tf, features).SerializeToString(deterministic=True)
    assert example.encode(features) == data


@settings(deadline=None)
@given(st.binary(), st.integers(-(2**63), 2**63 - 1), st.floats(width=32, allow_nan=False))
def test_a_scalar_is_a_list_of_one(data, whole, real):
    scalars = {"data": data, "whole": whole, "real": real}
    lists = {name: [value] for name, value in scalars.items()}
    assert example.encode(scalars) == example.encode(lists)


def test_numpy_values_are_taken_flat():
    values = np.arange(6).reshape(2, 3)
    assert example.encode({"a": values}) == example.encode({"a": [0, 1, 2, 3, 4, 5]})
    assert example.encode({"a": np.int32(-4)}) == example.encode({"a": -4})
    assert example.encode({"a": np.float64(0.5)}) == example.encode({"a": 0.5})
    assert example.encode({"a": np.array([True, False])}) == example.encode({"a": [1, 0]})
    assert example.encode({"a": np.asfortranarray(values)}) == example.encode({"a": values})
    assert example.encode({"a": values.astype(">f4")}) == example.encode({"a": values / 1.0})


@pytest.mark.parametrize("count", [1, 47, 48, 49, 1000])
def test_long_lists_of_integers_equal_short_ones_in_pieces(tf, count):
    values = [(-1) ** index * index ** (index % 6) for index in range(count)]
    data = example.encode({"a": values})
    assert data == theirs(tf, {"a": values}).SerializeToString()
    assert example.decode(data)["a"].tolist() == values


def test_the_ends_of_int64_survive(tf):
    ends = [-(2**63), 2**63 - 1, -1, 0, 1, 127, 128]
    assert example.decode(example.encode({"a": ends}))["a"].tolist() == ends
    message = tf.train.Example.FromString(example.encode({"a": -1}))
    assert list(message.features.feature["a"].int64_list.value) == [-1]


def test_decoded_arrays_are_writable_and_of_stated_types():
    decoded = example.decode(example.encode({"a": [1, 300], "b": [0.5, float("inf")], "c": 7}))
    assert decoded["a"].dtype == decoded["c"].dtype == np.int64
    assert decoded["b"].dtype == np.float32
    assert all(values.flags.writeable for values in decoded.values())


def test_nan_survives():
    assert np.isnan(example.decode(example.encode({"a": float("nan")}))["a"]).all()


def test_empty_lists_are_read_by_tensorflow_as_any_kind(tf):
    data = example.encode({"a": [], "b": np.zeros(0, np.int64), "c": np.zeros(0, np.float32)})
    decoded = example.decode(data)
    assert decoded["a"] == []
    assert decoded["b"].dtype == np.int64
    assert decoded["c"].dtype == np.float32
    assert len(decoded["b"]) == len(decoded["c"]) == 0
    kinds = {"a": tf.string, "b": tf.int64, "c": tf.float32}
    spec = {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
    parsed = tf.io.parse_single_example(data, spec)
    assert all(values.shape == (0,) for values in parsed.values())
    tf.io.parse_single_example(data, {"a": tf.io.VarLenFeature(tf.int64)})


def test_no_features_are_an_example_too(tf):
    assert example.decode(example.encode({})) == {}
    assert tf.train.Example.FromString(example.encode({})) == tf.train.Example(
        features=tf.train.Features()
    )
    assert example.decode(b"") == {}


def test_parse_single_example_reads_the_usual_three(tf):
    data = example.encode({"image": b"\x89PNG", "label": 4, "key": "ä/1.png".encode()})
    parsed = tf.io.parse_single_example(
        data,
        {
            "image": tf.io.FixedLenFeature((), tf.string),
            "label": tf.io.FixedLenFeature((), tf.int64),
            "key": tf.io.FixedLenFeature((), tf.string),
        },
    )
    assert parsed["image"].numpy() == b"\x89PNG"
    assert parsed["label"].numpy() == 4
    assert parsed["key"].numpy().decode() == "ä/1.png"


def test_unpacked_numbers_and_unknown_fields_are_read():
    ints = b"\x1a\x05\x08\x01\x08\xac\x02"  # int64_list { value: 1 value: 300 }, unpacked
    floats = b"\x12\x0a\x0d\x00\x00\x80\x3f\x0d\x00\x00\x00\x40"  # float_list 1.0, 2.0, unpacked
    body = b""
    for name, feature in ((b"i", ints), (b"f", floats)):
        entry = b"\x0a\x01" + name + b"\x12" + bytes((len(feature),)) + feature + b"\x18\x05"
        body += b"\x0a" + bytes((len(entry),)) + entry
    data = b"\x15abcd" + b"\x0a" + bytes((len(body),)) + body + b"\x11abcdefgh"
    assert plain(example.decode(data)) == {"i": [1, 300], "f": [1.0, 2.0]}


def test_a_cut_example_is_an_error_or_a_shorter_message_never_a_crash():
    data = example.encode({"image": b"x" * 200, "label": [1, 2, 300], "w": [0.5]})
    for stop in range(1, len(data)):
        with pytest.raises(CacheError, match=r"tf\.train\.Example of .* Build the dataset again"):
            example.decode(data[:stop])


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_decoded_or_refused(data):
    try:
        example.decode(data)
    except CacheError as error:
        assert "expected a whole message" in str(error)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "found text. Encode it as UTF-8."),
        (["text"], "found str"),
        (2**63, "expected 64-bit integers, found 9223372036854775808. Shorten it."),
        (-(2**63) - 1, "expected 64-bit integers"),
        ([2**70], "found object values"),
        (np.array([2**63], np.uint64), "expected 64-bit integers"),
        (1e39, "expected values within float32"),
        (np.array([1e39]), "expected values within float32"),
        ([b"a", 1], "expected a sequence of bytes alone, found int in it."),
        (np.array([1j]), "found complex128 values"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_their_feature(value, message):
    with pytest.raises(DataError) as caught:
        example.encode({"my feature": value})
    assert str(caught.value).startswith("feature 'my feature': expected ")
    assert message in str(caught.value)
