"""TFRecord frames are what TensorFlow writes, and damage is found and located."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.errors import CacheError
from dsbuilder.records import tfrecord

PAYLOADS = [b"first", b"", b"\0" * 1000, bytes(range(256))]


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"".join(tfrecord.frame(payload) for payload in PAYLOADS))
    return path


def test_tensorflow_reads_what_is_written(tf, written):
    dataset = tf.data.TFRecordDataset(str(written))
    assert list(dataset.as_numpy_iterator()) == PAYLOADS


def test_what_tensorflow_writes_is_read_and_equal(tf, tmp_path, written):
    path = tmp_path / "theirs.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert path.read_bytes() == written.read_bytes()
    assert [payload for _, _, payload in tfrecord.read(path)] == PAYLOADS


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_frame_has_the_length_that_was_promised(payload):
    assert len(tfrecord.frame(payload)) == tfrecord.frame_length(len(payload))


def test_offsets_and_lengths_tile_the_file(written):
    data = written.read_bytes()
    expected = 0
    for offset, length, payload in tfrecord.read(written):
        assert offset == expected
        assert data[offset : offset + length] == tfrecord.frame(payload)
        expected += length
    assert expected == len(data)


def test_frames_are_read_at_their_offsets_in_any_order(written):
    places = [(offset, payload) for offset, _, payload in tfrecord.read(written)]
    with written.open("rb") as file:
        for offset, payload in reversed(places):
            assert tfrecord.read_at(file, offset) == payload


def test_an_empty_file_holds_no_frames(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert list(tfrecord.read(path)) == []


def test_a_file_cut_within_a_frame_is_an_error_that_names_it(tmp_path):
    frame = tfrecord.frame(b"payload")
    path = tmp_path / "cut.tfrecord"
    for kept in range(1, len(frame)):
        path.write_bytes(frame + frame[:kept])
        with pytest.raises(CacheError, match=f"{path}: byte {len(frame)}|{len(frame) + 12}: "):
            list(tfrecord.read(path))


def test_every_flipped_bit_is_found(tmp_path):
    frame = tfrecord.frame(b"payload")
    path = tmp_path / "flipped.tfrecord"
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(CacheError):
            list(tfrecord.read(path))


def test_the_messages_say_what_was_expected_and_found(tmp_path):
    path = tmp_path / "a.tfrecord"
    frame = tfrecord.frame(b"payload")
    messages = {
        frame[:5]: "byte 0: expected a frame's head of 12 bytes, found 5 bytes.",
        frame[:-1]: "byte 12: expected 11 more bytes, found 10 (the file is cut).",
        b"\1" + frame[1:]: "byte 0: expected length checksum ",
        frame[:12] + b"P" + frame[13:]: "byte 12: expected payload checksum ",
    }
    for data, message in messages.items():
        path.write_bytes(data)
        with pytest.raises(CacheError) as caught:
            list(tfrecord.read(path))
        assert str(caught.value).startswith(f"{path}: {message}")
        assert str(caught.value).endswith("Build the dataset again.")


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(CacheError) as caught:
        list(tfrecord.read(tmp_path / "none"))
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: expected a TFRecord file, No such file or directory. Build it again."
    )


def test_an_offset_past_the_end_is_an_error(written):
    with written.open("rb") as file, pytest.raises(CacheError, match="found 0 bytes"):
        tfrecord.read_at(file, written.stat().st_size)
