"""Tar files of samples, as webdataset has them: the files of one name are one sample.

A sample's name is what stands before the first dot of its files, and what follows says what each
holds: `a.jpg`, `a.cls`, `a.txt`, `a.json`. So a name holds no dot and, for readers that split at
the first one of the whole path, no slash.
"""

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def sample_name(quoted: str) -> str:
    """Returns the name of a file, without a slash, as that of a sample."""
    return quoted.replace(".", "%2E")


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
