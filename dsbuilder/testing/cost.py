"""What a call may cost: a plugin that is slow or keeps memory ends a build of a million samples."""

import gc
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import count, islice

from dsbuilder.plugin import generator
from dsbuilder.testing.cases import ShownCase, cases_of
from dsbuilder.testing.making import Maker
from dsbuilder.testing.promises import Check, showing

MOST_S = 1.0
"""Seconds that a call may take on a small image, thousands of times what one should.

A synthesizer chooses its size by itself: for the image that its options ask for.
"""
MOST_KEPT_BYTES = 1 << 20
"""What a call may leave behind, again and again."""
_SIZE = (96, 120)
_TRIES = 2
_CALLS, _MORE_CALLS = 3, 8
"""Calls after which memory is read, and again after as many more: a cache may fill up first."""


def check_cost(plugin: Maker) -> None:
    """Checks that a call is over soon, and leaves nothing behind.

    A call that was slow is repeated: what is slow once was imported, or the machine was busy.
    """
    for case in list(cases_of(plugin, [_SIZE]))[-1:]:
        with showing(case.shown):
            taken = _seconds(case, 0)
            for _ in range(_TRIES if taken > MOST_S else 0):
                taken = min(taken, _seconds(case, 0))
            assert taken <= MOST_S, (
                f"expected a call to take {MOST_S:g} s at the most, found {taken:.1f} s. Make it "
                "faster, or do once, in a cached function, what is the same for all samples."
            )
            seeds = count(1)  # what is kept by its params shows on new ones alone
            kept = _kept(case, seeds, _CALLS)
            if kept > MOST_KEPT_BYTES:  # gc takes long, and what hangs together in a circle is rare
                kept = _kept(case, seeds, _MORE_CALLS, collects=True)
            assert kept <= MOST_KEPT_BYTES, (
                f"expected a call to leave nothing behind, found that {kept / 1e6:.1f} MB more are "
                "kept after each. Keep nothing of a sample when it is made."
            )


def _seconds(case: ShownCase, seed: int) -> float:
    start = time.perf_counter()
    case.make(given := case.fresh(), case.draw(given, generator("kit", "cost", seed)))
    return time.perf_counter() - start


def _kept(case: ShownCase, seeds: Iterator[int], calls: int, *, collects: bool = False) -> float:
    """Returns by how many bytes memory grew with each of some calls on different draws.

    As many calls are made before in the same trace: what is kept once, or in a cache of so many
    places, is there by then.
    """
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    try:
        sizes = [_size_after(case, islice(seeds, calls), collects=collects) for _ in range(2)]
    finally:
        if not traced:
            tracemalloc.stop()
    return (sizes[1] - sizes[0]) / calls


def _size_after(case: ShownCase, seeds: Iterable[int], *, collects: bool) -> int:
    """Returns the bytes that are traced after some more calls."""
    for seed in seeds:
        _seconds(case, seed)
    if collects:
        gc.collect()
    return tracemalloc.get_traced_memory()[0]


COST = Check(
    name="cost",
    promises=f"a call takes {MOST_S:g} s at the most for its image, and keeps no memory",
    run=check_cost,
)
