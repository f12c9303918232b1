"""`python -m dsbuilder.workers.fork_server FD MODULE...`: the process workers are forked from.

It imports the modules, makes the role it is told of, then forks a worker for every channel that
arrives over the socket. So start-up is paid once and pages are shared. A worker does tasks until
its channel is closed. When the crew goes, by whatever way, the sockets are closed and everything
here ends.
"""

import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from dsbuilder import memory, processes
from dsbuilder.workers import failure, system
from dsbuilder.workers.channel import Channel
from dsbuilder.workers.heartbeat import Heartbeat
from dsbuilder.workers.role import NO_ITEM, Role


def main(fd: int, modules: Sequence[str]) -> None:
    """Serves the socket `fd` until the crew closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the crew decides what Ctrl-C means
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no one waits for a worker: leave no zombies
    control = Channel.of(fd)
    processes.claim()
    for module in modules:
        _import(module)
    _limit_threads()
    memory.keep_freed()
    role: Role | Exception = RuntimeError("a worker was asked for before there was a role")
    while True:
        try:
            message, descriptors = control.receive()
        except (EOFError, ConnectionResetError):
            return
        if "role" in message:
            role = _made(message["role"], message["setup"])
            continue
        parent = os.getpid()
        if os.fork() == 0:
            control.close()
            system.die_with(parent)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a plugin may start programs
            _work(Channel.of(descriptors[0]), Heartbeat.open(descriptors[1]), role)
        for descriptor in descriptors:
            os.close(descriptor)


def _import(module: str) -> None:
    """Imports a module, and calls the function that is named behind a colon."""
    name, _, function = module.partition(":")
    imported = importlib.import_module(name)
    if function:
        getattr(imported, function)()


def _limit_threads() -> None:
    """Keeps OpenCV to one thread: every core has a worker of its own."""
    import cv2

    cv2.setNumThreads(0)


def _made(name: str, setup: Mapping[str, Any]) -> Role | Exception:
    """Returns the role `module:Class`, or why there is none, which the first worker tells."""
    module, _, class_name = name.partition(":")
    try:
        role: Role = getattr(importlib.import_module(module), class_name)(setup)
    except Exception as error:  # noqa: BLE001 - a plugin's, say; told with its class
        return error
    gc.collect()
    gc.freeze()  # else the first collection in each worker copies every page they share
    return role


def _work(channel: Channel, heartbeat: Heartbeat, role: Role | Exception) -> NoReturn:
    """Does tasks until the channel is closed, then ends without the parent's clean-up."""
    status = 0
    heartbeat.beat(0, NO_ITEM, NO_ITEM, 0)
    try:
        _serve(channel, heartbeat, role)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the crew has no more work, or is gone
    except Exception as error:  # noqa: BLE001 - told; else it were taken for an item that kills
        channel.send({"failure": failure.to_json(error)})
        status = 1
    finally:
        sys.stderr.flush()
        os._exit(status)


def _serve(channel: Channel, heartbeat: Heartbeat, role: Role | Exception) -> None:
    message, descriptors = channel.receive()
    if isinstance(role, Exception):
        raise role
    role.start(message["job"], descriptors)
    number = 0

    def at(item: int, part: int, done: int) -> None:
        heartbeat.beat(number, item, part, done)

    while True:
        task = channel.receive()[0]["task"]
        number += 1
        channel.send({"result": role.run(task, at)})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
    sys.stderr.flush()
    os._exit(0)  # tearing down what was imported takes longer than the crew should wait
