"""`python -m dsbuilder.worker FD MODULE...`: the process that a pool's workers are forked from.

It imports the modules, binds the one pipeline it is sent, then forks a worker for every connection
that arrives over the socket. A worker takes its job and makes shards until its connection is
closed. When the pool goes, by whatever way, the sockets are closed and everything here ends.
"""

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from dsbuilder import memory, processes
from dsbuilder.builder.engines.pool import receive, send
from dsbuilder.builder.engines.pulse import Pulse
from dsbuilder.builder.samples import WHOLE_ROOT
from dsbuilder.builder.shard import ShardMaker
from dsbuilder.builder.task import Binding, Job, ShardTask
from dsbuilder.builtin.transforms.albumentations_recipe import library
from dsbuilder.errors import DsbuilderError
from dsbuilder.pipeline import Pipeline

_PR_SET_PDEATHSIG = 1


def main(fd: int, modules: Sequence[str]) -> None:
    """Serves the socket `fd` until the pool closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool decides what Ctrl-C means
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no one waits for a worker: leave no zombies
    control = socket.socket(fileno=fd)
    processes.claim()
    for module in modules:
        _import(module)
    _limit_threads()
    memory.keep_freed()
    try:
        binding = Binding(**_received(Connection(os.dup(fd)))["binding"])
    except EOFError:
        return  # the pool was closed before it had work
    pipeline = binding.pipeline()
    gc.collect()
    gc.freeze()  # else the first collection in each worker copies every page they share
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a plugin may start programs
            _die_with_parent()
            _work(Connection(descriptors[0]), Pulse.open(descriptors[1]), pipeline)
        for descriptor in descriptors:
            os.close(descriptor)


def _import(module: str) -> None:
    if module == "albumentations":
        library()  # in our way
    else:
        importlib.import_module(module)


def _received(connection: Connection) -> dict[str, Any]:
    message = receive(connection)
    connection.close()
    return message


def _limit_threads() -> None:
    """Keeps OpenCV to one thread: every core has a worker of its own."""
    import cv2

    cv2.setNumThreads(0)


def _die_with_parent() -> None:
    """Asks the kernel to end this process when the one it was forked from ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _work(connection: Connection, pulse: Pulse, pipeline: Pipeline) -> NoReturn:
    """Makes shards until the connection is closed, then ends without the parent's clean-up."""
    status = 0
    pulse.beat(0, WHOLE_ROOT, 0)
    try:
        job = Job(**receive(connection)["job"])
        maker = ShardMaker(pipeline, job)
        while True:
            task = ShardTask.from_json(receive(connection)["task"])
            send(connection, {"result": asdict(maker.make(task, pulse.beat))})
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the pool has no more work, or is gone
    except OSError as error:  # of writing: what a source raises is set aside with its sample
        send(connection, {"failed": [error.errno, error.strerror]})
        status = 1
    except DsbuilderError as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        send(connection, {"error": str(error), "kinds": kinds})
        status = 1
    except Exception:  # noqa: BLE001 - a bug must be told, not taken for a sample that kills
        send(connection, {"unforeseen": traceback.format_exc()})
        status = 1
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
    sys.stderr.flush()
    os._exit(0)  # tearing down what was imported takes longer than the pool should wait
