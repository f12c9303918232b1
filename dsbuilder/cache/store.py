"""Where files lie below an output folder, how they are written whole, and their checksums.

<out>/<name>/.builds/<fingerprint>/           a finished build; never changed again
<out>/<name>/.builds/<fingerprint>.1/         the same, made again since that one was damaged
<out>/<name>/.builds/<fingerprint>.partial/   one that is under way or was interrupted
<out>/<name>/.builds/prepared/                prepared originals, if they are kept
<out>/<name>/.builds/index.json               content hashes of the source's files
<out>/<name>/.builds/measures.jsonl           what inspectors measured of the source's records
<out>/<name>/.builds/lock                     held by the process that builds
<out>/<name>/<version> -> .builds/<fingerprint>   replaced in one step
"""

import contextlib
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder import names
from dsbuilder.cache import folders
from dsbuilder.errors import CacheError, option, printable

MANIFEST = names.MANIFEST
PIPELINE = "pipeline.json"
QUARANTINE = "quarantine.jsonl"
SUMS = "SHA256SUMS"
LOG = "log"
CARD = names.CARD
"""The dataset's card; it has no checksum, for people write into it."""
BUILD = re.compile(r"([0-9a-f]{32})(?:\.([0-9]+))?")
"""The name of a finished build: its fingerprint, and how often it was made again."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f]+)")
FRESH_LINK = ".link.tmp"
"""A version's link before it has its name."""


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
        """The folder of a finished build, the last one if it was made again."""
        return self._made(fingerprint, max(self._times_made(fingerprint) - 1, 0))

    def next_finished(self, fingerprint: str) -> Path:
        """The folder that a build is to get when it is finished: none is ever replaced."""
        return self._made(fingerprint, self._times_made(fingerprint))

    def _made(self, fingerprint: str, again: int) -> Path:
        return self.builds / (f"{fingerprint}.{again}" if again else fingerprint)

    def _times_made(self, fingerprint: str) -> int:
        found = (BUILD.fullmatch(each.name) for each in self.builds.glob(f"{fingerprint}*"))
        return max((int(each[2] or 0) + 1 for each in found if each), default=0)

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
            if BUILD.fullmatch(each.name) and (each / SUMS).is_file()
        ]
        newest = max(finished, key=lambda each: (each / SUMS).stat().st_mtime_ns, default=None)
        return self.current(version) or newest

    def point(self, version: str, build: Path) -> Path:
        """Lets a version stand for a finished build, in one step that lasts; returns the link."""
        # The new link lies beside it: `.builds` may be on another disk.
        link, fresh = self.root / version, self.root / FRESH_LINK
        target = Path(self.builds.name, build.name)
        if link.exists() and not link.is_symlink():
            what = "a folder" if link.is_dir() else "a file"
            raise CacheError(
                f"{link}: expected a link that a build made, found {what}. Move it away."
            )
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
        folders.sync(self.root)
        return link

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock; it is given back when the process ends, however it ends.

        Raises:
          CacheError: the folder cannot be written, another build holds the lock, or this system
            has no such locks.
        """
        try:
            folders.make_lasting(self.builds)
            lock = (self.builds / "lock").open("a")
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheError(
                f"{self.root}: the output folder cannot be written ({reason}). "
                f"Choose another with {option('out')}."
            ) from None
        with lock:
            try:
                locks = folders.lock(lock)
            except BlockingIOError:
                raise CacheError(
                    f"{self.root}: expected no other build at work, found one that holds the "
                    "lock. Wait until it has ended."
                ) from None
            if not locks:
                raise CacheError(
                    f"{lock.name}: expected a system whose files can be locked, such as Linux, "
                    f"found {sys.platform}. Build on Linux; datasets can be loaded and streamed "
                    "here."
                )
            yield


def write_text(path: Path, text: str, *, lasting: bool = False) -> None:
    """Writes a file so that it is there whole or not at all.

    Args:
      lasting: lets that be true of a power cut, too, which without it may leave a damaged file.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # it may be a link, which writing would follow
    with temporary.open("x", encoding="utf-8") as file:
        file.write(text)
    if lasting:
        folders.sync(temporary)
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
      CacheError: there are none, or they are of files elsewhere.
    """
    path = folder / SUMS
    if not path.is_file():
        message = f"{folder}: expected a built dataset, found no {SUMS}. Build it again."
        raise CacheError(message)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not lines or not all(found):
        raise CacheError(
            f"{path}: expected a checksum and a name a line, found a damaged file. "
            "Build the dataset again."
        )
    sums = {each[2]: each[1] for each in found if each}
    wrong = next((name for name in sums if not names.is_file(name)), None)
    if wrong is not None:
        raise CacheError(
            f"{path}: expected names of files of the dataset, found '{printable(wrong)}'. "
            "Build the dataset again."
        )
    return sums
