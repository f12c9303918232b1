"""Where the documents lie: beside the package in a checkout, else where an installation has them.

    README.md             the tour
    pipelines/README.md   the reference of every line of a pipeline
    plugins/README.md     how plugins are written, with an example of every kind

Messages that point to them say where.
"""

import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path

REFERENCE = "pipelines/README.md"
"""The page that says what every line of a pipeline means."""


def folder() -> Path | None:
    """Returns the folder of the documents; None where the installation has left them out."""
    return next((each for each in _places() if (each / REFERENCE).is_file()), None)


def _places() -> Iterator[Path]:
    yield Path(__file__).parents[1]
    for prefix in (sysconfig.get_path("data"), site.getuserbase()):
        yield Path(prefix, "share", "doc", "dsbuilder")
