"""Two trees of this project raced in turn: `make pairs BENCH=FOLDER BEFORE=TREE`.

    python tests/benchmarks/pairs.py FOLDER BEFORE AFTER [--jobs w1,w4] [--pairs 9] [--n 600]

FOLDER holds the clock and the files of the race (its README says how to make the data, which lie in
PERF_DATA); BEFORE and AFTER are checkouts, each with its own `tests/benchmarks/jobs` (`build` in
older ones). Every pair runs both, one after the other, in turned order; a ratio is before / after,
so that more is better.
The line of a job gives the median of the ratios with its 95 % interval (a bootstrap of the median),
of time and of CPU seconds (user and system, of all processes, where the kernel accounts them).
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

JOBS = {
    "w1": ("w1.py", {"MODE": "exact"}),
    "fused": ("w1.py", {"MODE": "fused"}),
    "w4": ("w4.py", {}),
}
ACCOUNT = Path("/sys/fs/cgroup/cpuacct")


@contextlib.contextmanager
def accounted() -> Iterator[Path | None]:
    """Makes a group of processes whose CPU time the kernel adds up, where it does."""
    group = ACCOUNT / f"pairs-{os.getpid()}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        for _ in range(50):  # until the last process of it is gone
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def run(tree: Path, job: str, bench: Path, n: int) -> dict[str, float]:
    """Runs a job of one tree; returns seconds by step, and `cpu`."""
    script, settings = JOBS[job]
    homes = [tree / "tests/benchmarks" / name for name in ("jobs", "build")]
    path = next(home for home in homes if home.is_dir()) / script
    env = {**os.environ, **settings, "BENCH": str(bench), "PERF_N": str(n)}
    env["PYTHONPATH"] = str(tree)
    with accounted() as group:
        enter = None if group is None else lambda: (group / "tasks").write_text("0")
        done = subprocess.run(
            [sys.executable, path], env=env, cwd=tree, stdout=subprocess.PIPE, preexec_fn=enter
        )
        done.check_returncode()
        said = next(line for line in done.stdout.decode().splitlines() if line.startswith("RESULT"))
        result = json.loads(said.removeprefix("RESULT "))
        steps = {name: seconds for name, (seconds, _) in result.get("steps", {}).items()}
        found = steps or {"build": result["seconds"]}
        if group is not None:
            found["cpu"] = int((group / "cpuacct.usage").read_text()) / 1e9
    return found


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns the median, and its 95 % interval by 10,000 resamples."""
    chance = random.Random(0)
    medians = sorted(
        statistics.median(chance.choices(values, k=len(values))) for _ in range(10_000)
    )
    return statistics.median(values), medians[250], medians[9750]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--jobs", default="w1,w4")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--n", type=int, default=600)
    given = parser.parse_args()
    trees = [given.before.resolve(), given.after.resolve()]
    print("| job, step | before / after | 95 % interval | pairs |\n|---|---|---|---|")
    for job in given.jobs.split(","):
        pairs = []
        for number in range(given.pairs + 1):
            turned = list(enumerate(trees))[:: -1 if number % 2 else 1]
            found = {
                place: run(tree, job, given.bench.resolve(), given.n) for place, tree in turned
            }
            pairs.append((found[0], found[1]))
            shutil.rmtree(Path(os.environ["PERF_DATA"]) / "out", ignore_errors=True)
        for step in itertools.chain(pairs[0][0]):
            ratios = [
                before[step] / after[step] for before, after in pairs[1:]
            ]  # the first warms up
            middle, low, high = interval(ratios)
            print(f"| {job}, {step} | {middle:.3f} | [{low:.3f}, {high:.3f}] | {len(ratios)} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
