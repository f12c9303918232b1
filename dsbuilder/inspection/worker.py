"""`python -m dsbuilder.inspection.worker FD`: a process that measures records.

It is sent one task and says when it is ready for it; then it is sent lists of (place, record), and
answers each record with (place, measures) as soon as it is measured, so that the other end always
knows at which record it is. What goes wrong with a plugin is told and ends it. When the other end
is closed, it ends.
"""

import signal
import sys
import traceback
from multiprocessing.connection import Connection

from dsbuilder.errors import PluginError
from dsbuilder.inspection.measuring import Task


def main(fd: int) -> None:
    """Serves the socket `fd` until the other end closes it."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process decides
    cv2.setNumThreads(0)  # every core has a process of its own
    connection = Connection(fd)
    try:
        _serve(connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # no more work, or no one who wants it
    except PluginError as error:
        connection.send(("plugin", str(error)))
    except Exception:  # noqa: BLE001 - a bug must be told, not taken for a record that kills
        connection.send(("unforeseen", traceback.format_exc()))


def _serve(connection: Connection) -> None:
    task: Task = connection.recv()
    measurer = task.measurer()
    connection.send(("ready", ""))
    while True:
        for place, record in connection.recv():
            connection.send((place, measurer.measure(record)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
