"""JSON messages between two processes, and file descriptors along with them."""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Self

_LENGTH = struct.Struct("=Q")
_MOST_DESCRIPTORS = 16


class Channel:
    """One end of a stream of messages.

    Args:
      end: a connected stream socket, which becomes the channel's.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Returns both ends of a new channel."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    @classmethod
    def of(cls, fd: int) -> Self:
        """Returns the end of a descriptor that was sent here."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """Returns the descriptor, to wait for a message."""
        return self._socket.fileno()

    def send(self, message: Any, descriptors: Sequence[int] = ()) -> None:
        """Sends JSON values, and open files along with them.

        Raises:
          OSError: the other end is gone.
        """
        text = json.dumps(message).encode()
        header = _LENGTH.pack(len(text))
        if descriptors:
            sent = socket.send_fds(self._socket, [header], list(descriptors))
            header = header[sent:]
        self._socket.sendall(header + text)

    def receive(self) -> tuple[Any, list[int]]:
        """Returns the next message, and the descriptors that came along, now open here.

        Raises:
          EOFError: the other end was closed.
          OSError: the other end is gone.
        """
        start, descriptors, _, _ = socket.recv_fds(self._socket, _LENGTH.size, _MOST_DESCRIPTORS)
        if not start:
            raise EOFError
        (length,) = _LENGTH.unpack(start + self._bytes(_LENGTH.size - len(start)))
        return json.loads(self._bytes(length)), list(descriptors)

    def _bytes(self, count: int) -> bytearray:
        found = bytearray(count)
        rest = memoryview(found)
        while rest:
            received = self._socket.recv_into(rest)
            if not received:
                raise EOFError
            rest = rest[received:]
        return found

    def close(self) -> None:
        """Ends it; the other end is told."""
        self._socket.close()
