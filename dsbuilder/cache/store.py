"""Where files lie below an output folder, how they are written whole, and their checksums.

<out>/<name>/.builds/<fingerprint>/           a finished build; never changed again
<out>/<name>/.builds/<fingerprint>.partial/   one that is under way or was interrupted
<out>/<name>/.builds/prepared/                prepared originals, if they are kept
<out>/<name>/.builds/index.json               content hashes of the source's files
<out>/<name>/.builds/measures.jsonl           what inspectors measured of the source's records
<out>/<name>/.builds/lock                     held by the process that builds
<out>/<name>/<version> -> .builds/<fingerprint>   replaced in one step
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dsbuilder.errors import CacheError

MANIFEST = "metadata.json"
PIPELINE = "pipeline.json"
QUARANTINE = "quarantine.jsonl"
SUMS = "SHA256SUMS"
LOG = "log"


@dataclass(frozen=True)
class Store:
    """The folder of one dataset's builds.

    Attributes:
      root: `<out>/<name>`.
    """

    root: Path

    @property
    def builds(self) -> Path:
        """Where builds lie."""
        return self.root / ".builds"

    @property
    def prepared(self) -> Path:
        """Where prepared originals are kept."""
        return self.builds / "prepared"

    @property
    def index(self) -> Path:
        """The stat index."""
        return self.builds / "index.json"

    @property
    def measures(self) -> Path:
        """What inspectors measured."""
        return self.builds / "measures.jsonl"

    def finished(self, fingerprint: str) -> Path:
        """The folder of a finished build."""
        return self.builds / fingerprint

    def partial(self, fingerprint: str) -> Path:
        """The folder of a build that is under way."""
        return self.builds / f"{fingerprint}.partial"

    def current(self, version: str) -> Path | None:
        """Returns the build that a version stands for, or None."""
        link = self.root / version
        return link.resolve() if link.is_dir() else None

    def latest(self, version: str) -> Path | None:
        """Returns the build that a version stands for, else the newest finished one, or None."""
        finished = [
            each
            for each in self.builds.glob("*")
            if (each / SUMS).is_file() and not each.name.endswith(".partial")
        ]
        newest = max(finished, key=lambda each: (each / SUMS).stat().st_mtime_ns, default=None)
        return self.current(version) or newest

    def point(self, version: str, fingerprint: str) -> Path:
        """Lets a version stand for a finished build, in one step; returns the link."""
        link, fresh = self.root / version, self.builds / f"link-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(".builds") / fingerprint)
        if link.is_dir() and not link.is_symlink():
            fresh.unlink()
            raise CacheError(
                f"{link}: expected a link that a build made, found a folder. Move it away."
            )
        fresh.replace(link)
        return link

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock; it is given back when the process ends, however it ends.

        Raises:
          CacheError: the folder cannot be written, another build holds the lock, or this system
            has no such locks.
        """
        try:
            self.builds.mkdir(parents=True, exist_ok=True)
            lock = (self.builds / "lock").open("a")
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheError(
                f"{self.root}: the output folder cannot be written ({reason}). "
                "Choose another with --out."
            ) from None
        with lock:
            try:
                _lock(lock)
            except BlockingIOError:
                raise CacheError(
                    f"{self.root}: expected no other build at work, found one that holds the "
                    "lock. Wait until it has ended."
                ) from None
            yield


def _lock(file: IO[str]) -> None:
    try:
        import fcntl  # here alone: whoever only reads datasets needs no such system
    except ImportError:
        raise CacheError(
            f"{file.name}: expected a system whose files can be locked, such as Linux, found "
            f"{sys.platform}. Build on Linux; datasets can be loaded and streamed here."
        ) from None
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_text(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Writes `SHA256SUMS`, which `sha256sum --check` reads."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    write_text(folder / SUMS, "".join(lines))


def read_sums(folder: Path) -> dict[str, str]:
    """Returns the checksums of a dataset by file name.

    Raises:
      CacheError: there are none.
    """
    path = folder / SUMS
    if not path.is_file():
        message = f"{folder}: expected a built dataset, found no {SUMS}. Build it again."
        raise CacheError(message)
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
