"""Races dsbuilder against its peers, interleaved: `make bench BENCH=FOLDER`.

    python tests/benchmarks/race.py FOLDER [NAME,NAME...] [arguments of the folder's run.py]

FOLDER holds the race: run.py, common.py, contestants.txt and a script for each peer. Its data
(README.md there) lie in PERF_DATA. NAMEs are contestants of both lists; all by default. Ours are
appended to the list in a folder of links, so that nothing is copied and FOLDER stays as it is.
"""

import compileall
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
LIST = "contestants.txt"


def ours() -> Iterator[str]:
    """Yields our lines, with the path of each script in full."""
    for line in (HERE / LIST).read_text().splitlines():
        name, python, base, script, *env = line.split("#")[0].split() or [""] * 4
        if name:
            yield " ".join([name, python, base, str(HERE / script), *env])


def race(folder: Path, names: Sequence[str], arguments: Sequence[str]) -> int:
    """Runs the folder's race with our contestants beside its own; returns its exit code.

    The package is compiled first, as an installation from a wheel is.
    """
    compileall.compile_dir(HERE.parents[1] / "dsbuilder", quiet=1)
    with tempfile.TemporaryDirectory() as temporary:
        for path in folder.iterdir():
            if path.name != LIST:
                (Path(temporary) / path.name).symlink_to(path)
        lines = [*(folder / LIST).read_text().splitlines(), *ours()]
        wanted = [line for line in lines if not names or line.split(" ")[0] in names]
        (Path(temporary) / LIST).write_text("\n".join(wanted) + "\n")
        command = [sys.executable, f"{temporary}/run.py", *arguments]
        return subprocess.run(command, env={**os.environ, "BENCH": str(folder)}).returncode


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    names = rest.pop(0).split(",") if rest and not rest[0].startswith("-") else []
    sys.exit(race(Path(folder).resolve(), names, rest))
