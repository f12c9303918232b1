"""A check of the kit by its name, and what is said where a plugin does not pass one."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_KIT = (_ROOT / "testing", _ROOT / "plugin")


class ContractError(AssertionError):
    """A check that a plugin does not pass.

    Attributes:
      plugin: kind and name of the plugin.
      check: name of the check.
      shown: what it was shown, such as `an RGB image of 32x48 pixels with boxes`; or empty.
      text: what was expected and found, and what to do.
    """

    def __init__(self, text: str, *, shown: str = "", plugin: str = "", check: str = "") -> None:
        self.plugin, self.check, self.shown, self.text = plugin, check, shown, text
        place = ", ".join(each for each in (plugin, check, shown) if each)
        super().__init__(f"{place}: {text}" if place else text)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a plugin promises, and the function that tries it.

    Attributes:
      name: one word, by which authors and tests call it.
      promises: the promise in words.
      run: raises an AssertionError where a plugin does not keep it.
    """

    name: str
    promises: str
    run: Callable[[Any], None]

    def on(self, plugin: Any) -> None:
        """Tries a plugin.

        Raises:
          ContractError: it does not pass.
        """
        name = name_of(plugin)
        try:
            with showing(""):
                self.run(plugin)
        except ContractError as error:
            text = error.text.removeprefix(f"{name}: ")
            raise ContractError(text, shown=error.shown, plugin=name, check=self.name) from error


def name_of(plugin: Any) -> str:
    """Returns how messages call a plugin."""
    mark = getattr(plugin, "__dsbuilder__", None)
    return f"{mark.kind} '{mark.name}'" if mark else type(plugin).__name__


@contextmanager
def showing(shown: str) -> Iterator[None]:
    """Says of a failed law, and of any error of a plugin, what the plugin was shown."""
    try:
        yield
    except ContractError:
        raise
    except Exception as error:
        text = str(error) if _is_a_law(error) else _crash(error, shown)
        raise ContractError(text, shown=shown) from error


def _is_a_law(error: Exception) -> bool:
    """Whether an assertion of the kit failed, and not one of a plugin."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, AssertionError) and Path(frames[-1].filename).parent == _KIT[0]


def _crash(error: Exception, shown: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not _is_foreign(Path(each.filename))]
    place = (own or frames)[-1]
    what = f"{type(error).__name__}: {error}".removesuffix(".")
    where = f"{Path(place.filename).name}:{place.lineno}, in {place.name}()"
    refuse = ", or refuse such images in output_signature()" if shown else ""
    return f"expected no error, found {what} ({where}). Correct it{refuse}."


def _is_foreign(path: Path) -> bool:
    """Whether a file is the kit's, the driver's or a library's."""
    return "site-packages" in path.parts or any(path.is_relative_to(each) for each in _KIT)
