"""What TensorFlow's threads have of Python, and how it ends before the interpreter does.

A thread of TensorFlow that is inside Python when the interpreter shuts down never comes back, and
whoever waits for it, as the iterator of a script's module level does when it is freed, waits for
ever. (A call that begins later is refused by TensorFlow, which does no harm.) So at exit no further
batch is begun, and the one that is being made is waited for, though not for ever.
"""

import atexit
import contextlib
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import tensorflow as tf

Value = TypeVar("Value")

_HANGING_S = 5.0
"""For how long it is waited at exit for a batch, and for threads to leave Python."""

_LOOK_S = 0.01


class Handover:
    """Passes on what a feed makes.

    Attributes:
      failure: exception that a feed has ended with, which TensorFlow tells as one of its own.

    Args:
      shared: whether all threads may be in feeds at once, since each has one of its own. Else one
        is at a time: stages are not made for several.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self.failure: Exception | None = None
        self._state = _State(shared=shared)
        # Runs at exit, or when no dataset needs this any more; then nothing is open.
        weakref.finalize(self, self._state.end)

    def is_over(self) -> bool:
        """Whether the interpreter ends, so that no batch is to be waited for."""
        return self._state.ending

    def through(self, batches: Iterator[Value]) -> Iterator[Value]:
        """Yields what `batches` does, until the interpreter ends."""
        state, opened, self.failure = self._state, object(), None
        state.opened.add(opened)
        try:
            while True:
                with state.inside(opened):
                    if state.ending:
                        return
                    try:
                        batch = next(batches)
                    except StopIteration:
                        return
                    except Exception as error:
                        self.failure = error
                        raise
                yield batch
                del batch  # a slot of memory that others wait for, it may be
        finally:
            state.opened.discard(opened)


class _State:
    """What the end needs to know.

    Attributes:
      making: lock that is held while a batch is made; None where several may be.
      ending: whether no more shall be.
      opened: one object for each iterator that is not at its end.
      busy: those of them that wait for a batch.
      settle_s: seconds without anybody inside after which nobody comes again.
      last: time at which somebody was inside for the last time.
    """

    def __init__(self, *, shared: bool, settle_s: float = 0.0) -> None:
        self.making = None if shared else threading.Lock()
        self.settle_s, self.last = settle_s, float("-inf")
        self.ending = False
        self.opened: set[object] = set()
        self.busy: set[object] = set()

    @contextlib.contextmanager
    def inside(self, opened: object) -> Iterator[None]:
        with self.making or contextlib.nullcontext():
            self.busy.add(opened)
            try:
                yield
            finally:
                self.last = time.monotonic()
                self.busy.discard(opened)

    def end(self) -> None:
        opened, self.ending = bool(self.opened), True
        deadline = time.monotonic() + _HANGING_S
        while self._is_at_work(opened=opened) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)

    def _is_at_work(self, *, opened: bool) -> bool:
        recently = time.monotonic() - self.last < self.settle_s
        return recently or bool(self.busy) or (opened and _is_entered())


def _is_entered() -> bool:
    """Whether a thread that Python did not start is in Python, as one of TensorFlow's is at times.

    Python knows such a thread from its call to its return, and no longer.
    """
    own = {
        each.ident
        for each in threading.enumerate()
        if not isinstance(each, threading._DummyThread)  # a thread of others that was here once
    }
    return any(thread not in own for thread in sys._current_frames())


_CALLS = _State(shared=True, settle_s=0.2)
"""Calls of functions in graphs; what runs ahead calls again until its buffers are full."""
atexit.register(_CALLS.end)


def kept(dataset: tf.data.Dataset, owner: Any) -> tf.data.Dataset:
    """Returns the dataset, which from now on keeps what Python does for it.

    TensorFlow never lets go of a function of Python that a graph calls, so that must not hold what
    is large, but by `weakly`. What is made of a dataset refers to it, iterators too.
    """
    dataset.dsbuilder_owner = owner
    return dataset


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a bound method as a function that does not keep its object; see `kept`."""
    known = weakref.WeakMethod(method)

    def call(*args: Any) -> Any:
        found = known()
        if found is None:
            raise RuntimeError(
                "expected the stream to be kept while it is iterated, found that it is gone. "
                "Keep it in a variable, outside of the function that another dataset maps."
            )
        with _CALLS.inside(object()):
            if _CALLS.ending:
                raise RuntimeError("no more is made: the interpreter ends.")
            _CALLS.opened.add(_CALLS)
            return found(*args)

    return call
