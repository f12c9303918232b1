"""W4 as whole processes, from Python's start to its exit; `MODE` is ours or hf.

Ours is the command line; theirs the peer's own script, whose step is run by a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from job import PIPELINE, again, out_dir, shard_mb

THEIRS = "import hf_again, sys; folder, hf_again.out = sys.argv[1:]; print(hf_again.build(folder))"
out = out_dir()


def ours(folder: str) -> int:
    """Returns how many images were made anew, at least in part."""
    words = (f"source.path={folder}", f"cache.shard_mb={shard_mb():.3f}")
    assigned = [part for word in words for part in ("--set", word)]
    command = [sys.executable, "-m", "dsbuilder", "build", str(PIPELINE), *assigned]
    said = run([*command, "--out", out, "--workers", "2", "--json"])
    return -(-json.loads(said)["made"] // 3)


def theirs(folder: str) -> int:
    """Returns how many images were made anew."""
    path = Path(os.environ["BENCH"]) / "w4_again"
    said = run([sys.executable, "-c", THEIRS, folder, out], PYTHONPATH=str(path))
    return int(said.split()[-1])


def run(command: list[str], **env: str) -> str:
    """Returns what a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
    done.check_returncode()
    return done.stdout


again(ours if os.environ["MODE"] == "ours" else theirs)
