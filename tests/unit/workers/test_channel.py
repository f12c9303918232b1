"""Messages and open files arrive as they were sent; a closed end is told."""

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from dsbuilder.workers.channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_messages_of_any_size_arrive_in_order(ends) -> None:
    ours, theirs = ends
    messages = [{}, {"text": "\udcff ü \n"}, list(range(1_000_000)), None]
    sender = threading.Thread(target=lambda: [ours.send(each) for each in messages])
    sender.start()
    assert [theirs.receive() for _ in messages] == [(each, []) for each in messages]
    sender.join()


def test_descriptors_come_along_and_are_open_here(ends) -> None:
    ours, theirs = ends
    readers, writers = zip(*(os.pipe() for _ in range(3)), strict=True)
    ours.send({"files": 3}, writers)
    ours.send({"files": 0})
    message, received = theirs.receive()
    assert message == {"files": 3}
    for number, fd in enumerate(received):
        os.write(fd, b"%d" % number)
    assert [os.read(fd, 9) for fd in readers] == [b"0", b"1", b"2"]
    assert theirs.receive() == ({"files": 0}, [])
    for fd in (*readers, *writers, *received):
        os.close(fd)


@pytest.mark.parametrize("begun", [b"", b"5", (5).to_bytes(8, sys.byteorder) + b"1"], ids=len)
def test_an_end_that_was_closed_is_told_even_in_mid_message(ends, begun: bytes) -> None:
    ours, theirs = ends
    ours._socket.sendall(begun)
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()
