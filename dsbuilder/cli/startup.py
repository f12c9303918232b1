"""Starting TensorFlow, which takes seconds, and tells of its build before anyone can stop it."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from dsbuilder.cli.screen import Screen, echo, erase
from dsbuilder.errors import DsbuilderError

_NOTE = "starting TensorFlow ..."
_STDERR = 2


@contextlib.contextmanager
def tensorflow(screen: Screen, *, noted: bool = True) -> Iterator[None]:
    """Keeps stderr clean while the block works TensorFlow; shows what was written if that fails.

    TensorFlow's native code writes several lines about the machine that no setting keeps back. An
    error of ours says what is wrong without them.

    Args:
      noted: whether a note says on a terminal what is waited for; not where a bar is drawn.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    waits = noted and screen.shows_progress and sys.stderr.isatty()
    if waits:
        echo(_NOTE, end="")
    with tempfile.TemporaryFile() as kept:
        try:
            with _redirected(kept.fileno()):
                yield
        except DsbuilderError:
            raise
        except BaseException:
            kept.seek(0)
            echo(kept.read().decode(errors="replace"), end="")
            raise
        finally:
            if waits:
                erase(len(_NOTE))


@contextlib.contextmanager
def _redirected(target: int) -> Iterator[None]:
    """Lets everything that this process writes on stderr, native code included, go elsewhere."""
    sys.stderr.flush()
    saved = os.dup(_STDERR)
    os.dup2(target, _STDERR)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, _STDERR)
        os.close(saved)
