"""Tar files of samples, as webdataset has them: the files of one name are one sample.

    train-000000.tar
      cats/000000.jpg          sample `cats/000000`: its image
      cats/000000.cls          its class
      cats/000000.seg.png      its `seg.png`
      cats/000001.jpg          the next sample

A sample's name is the path of its files up to the first dot of the last part, and what follows, in
small letters, says what each holds. The files of a sample follow one another. Names such as
`__meta__` are no samples. Readers that split at the first dot of the whole path know no dot in a
folder, so what is written here has neither folders nor, in a sample's name, dots.

`signature.json`, beside the tar files that are written here, says of which kind the targets are.
"""

import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsbuilder.errors import DataError, printable
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.webdataset import tar
from dsbuilder.paths import normalized

TAR = "tar"
"""What the name of a shard ends in."""

_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__(?:/|$)")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a sample, in the tar file.

    Attributes:
      offset, size: where its bytes lie.
    """

    offset: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The files of one name.

    Attributes:
      name: the path up to the first dot of its last part.
      parts: by what follows that dot, in small letters.
    """

    name: str
    parts: dict[str, Part] = field(default_factory=dict)


def sample_name(quoted: str) -> str:
    """Returns the name of a file, without a slash, as that of a sample."""
    return quoted.replace(".", "%2E")


def split_of(path: str) -> str | None:
    """Returns the split that words of a shard's path name; None if they name none, or several.

    The words of the file's name count before those of the folders above it.
    """
    for part in reversed(path.split("/")):
        found = {split_named(word) for word in re.findall("[A-Za-z]+", part)} - {None}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def samples(path: Path, skipped: Counter[str]) -> Iterator[Sample]:
    """Yields the samples of a shard, in its order, reading no content.

    Args:
      skipped: takes counts of what is of no sample.

    Raises:
      DataError: the tar file is cut or damaged, a name leads out of it, or the files of a sample
        are apart or bear one name.
    """
    current, seen, written = None, set[str](), ""
    for member in tar.members(path):
        is_file = member.kind == "files"
        match = _NAME.fullmatch(member.name) if is_file else None
        if match is None or _META.match(member.name):
            if member.kind != "folders":
                skipped["of no sample" if is_file else "of no plain kind"] += 1
            continue
        if current is None or match[1] != written:
            if current is not None:
                yield current
            written = match[1]
            current = Sample(name=_name(path, written, seen))
        ending = match[2].lower()
        if ending in current.parts:
            raise DataError(
                f"{path}: {current.name}: expected one file that ends in '.{ending}', found two. "
                "Rename or remove one."
            )
        current.parts[ending] = Part(offset=member.offset, size=member.size)
    if current is not None:
        yield current


def _name(path: Path, written: str, seen: set[str]) -> str:
    """Returns the name of a sample that begins, and notes it."""
    try:
        name = normalized(written)
    except DataError as error:
        raise DataError(f"{path}: {error} Write the archive again.") from None
    if name in seen:
        raise DataError(
            f"{path}: {printable(name)}: expected the files of a sample one after the other, found "
            "some of them farther on. Pack them sorted, as `tar --sort=name` does."
        )
    seen.add(name)
    return name


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> int:
    """Writes a tar file and returns how many samples it holds; equal samples give equal bytes.

    Args:
      samples: (name, contents by what follows the dot) of each, no name twice.
    """
    count = 0
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, contents in samples:
            for ending, content in contents.items():
                member = tarfile.TarInfo(f"{name}.{ending}")
                member.size = len(content)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(content))
            count += 1
    return count
