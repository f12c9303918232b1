"""A second process, in which a plugin must make the same: of another id and hash seed, and later.

A build makes samples in many processes, and a rebuild does so another day. What depends on the
process id, the clock, `hash()` of a text or the order of a set is the same again and again within
one process, and another one elsewhere. So a process is kept in which all of these differ, and
asked as well.
"""

import atexit
import contextlib
import dataclasses
import datetime
import importlib
import importlib.util
import io
import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, BinaryIO, TypeVar

from dsbuilder import plugin_folder

Result = TypeVar("Result")

_LATER_S = 10_000_000.37
_CLOCKS = ("time", "monotonic", "perf_counter")
_MOMENTS = {"localtime": "time", "gmtime": "time", "ctime": "time", "asctime": "localtime"}
"""Function of a moment -> the clock that tells the one which it takes where none is given."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Request:
    """What the other process is asked.

    Attributes:
      path: where modules are found.
      folders: `plugins/` folders.
      files: files of the modules of a plugin, by name.
      call: function and arguments, pickled; read when all else is in place.
    """

    path: list[str]
    folders: list[str]
    files: Mapping[str, str]
    call: bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Recipe:
    """A plugin, or an option that is a dataclass: class and options, without what it keeps."""

    cls: type
    options: Mapping[str, Any]


class ElsewhereError(Exception):
    """The function raised an error in the other process."""


def elsewhere(function: Callable[[Any], Result], plugin: Any) -> Result:
    """Returns what a function of a module returns of a plugin in another process.

    Raises:
      AssertionError: the plugin is nothing that another process can find.
      ElsewhereError: the function raised an error there.
    """
    files: dict[str, str] = {}
    bare = _bare(plugin, files)
    assert "__main__" not in files, (
        "expected a class in a file of a plugins/ folder or of a package, where worker processes "
        "find it, found it in the script that is run. Move it into a file of its own."
    )
    try:
        call = pickle.dumps((function, bare))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(
            f"expected a class at the top of its module, where worker processes find it, found "
            f"that there is none: {error}. Move it out of the function that it stands in."
        ) from error
    folders = [str(folder) for folder in plugin_folder.loaded_folders()]
    request = _Request(path=sys.path, folders=folders, files=files, call=call)
    result: Result = _other().ask(request)
    return result


def _bare(value: Any, files: dict[str, str]) -> Any:
    """Returns a plugin as a recipe; notes the files that its classes are from."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        module = sys.modules[type(value).__module__]
        files[module.__name__] = str(getattr(module, "__file__", ""))
        own = [each.name for each in dataclasses.fields(value) if each.init]
        return _Recipe(
            cls=type(value), options={name: _bare(getattr(value, name), files) for name in own}
        )
    if type(value) is tuple:
        return tuple(_bare(each, files) for each in value)
    if isinstance(value, Mapping):
        return {key: _bare(each, files) for key, each in value.items()}
    return value


def _built(value: Any) -> Any:
    """Returns what a recipe makes."""
    if isinstance(value, _Recipe):
        return value.cls(**{name: _built(each) for name, each in value.options.items()})
    if type(value) is tuple:
        return tuple(map(_built, value))
    if type(value) is dict:
        return {key: _built(each) for key, each in value.items()}
    return value


class _Other:
    """The other process, seen from here."""

    def __init__(self) -> None:
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        path = os.pathsep.join(each or os.curdir for each in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.close)

    def ask(self, request: _Request) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            found, value = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.close()
            _other.cache_clear()
            raise ElsewhereError(
                f"the process ended with exit code {self._process.returncode}"
            ) from error
        if not found:
            raise ElsewhereError(value)
        return value

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


@cache  # one for all plugins: it takes half a second to start
def _other() -> _Other:
    return _Other()


def serve() -> None:
    """Answers requests until there are no more; what this process is called to run."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    _shift_clocks()
    os.getpid = _NextProcess(os.getppid())
    with answers:
        while (request := _next(sys.stdin.buffer)) is not None:
            answers.write(_answer(request))
            answers.flush()


def _next(requests: BinaryIO) -> _Request | None:
    try:
        request: _Request = pickle.load(requests)
    except EOFError:
        return None
    return request


def _answer(request: _Request) -> bytes:
    try:
        sys.path[:] = request.path
        for folder in request.folders:
            plugin_folder.renew(folder)
        function, plugin = _Unpickler(request.call, request.files).load()
        return pickle.dumps((True, function(_built(plugin))))
    except Exception as error:  # noqa: BLE001 - a plugin's; it is told there
        return pickle.dumps((False, "".join(traceback.format_exception_only(error)).strip()))


class _Unpickler(pickle.Unpickler):
    """Finds classes in modules, or where these cannot be imported by their name, in their files."""

    def __init__(self, data: bytes, files: Mapping[str, str]) -> None:
        super().__init__(io.BytesIO(data))
        self._files = files

    def find_class(self, module: str, name: str) -> Any:
        if module not in sys.modules and module in self._files:
            try:
                importlib.import_module(module)
            except ImportError:
                _load(module, self._files[module])
        return super().find_class(module, name)


def _load(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: expected a Python file.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _shift_clocks() -> None:
    """Lets this process live later, before a plugin is imported."""
    for name in _CLOCKS:
        for suffix, unit in (("", 1.0), ("_ns", 1e9)):
            setattr(time, name + suffix, _LaterClock(getattr(time, name + suffix), unit))
    for name, clock in _MOMENTS.items():
        setattr(time, name, _OfLaterMoment(getattr(time, name), getattr(time, clock), before=0))
    time.strftime = _OfLaterMoment(time.strftime, time.localtime, before=1)
    datetime.datetime = _Later  # type: ignore[misc]


@dataclasses.dataclass(frozen=True)
class _NextProcess:
    """The id of a process, one above that of another: of the two, no remainder agrees."""

    other: int

    def __call__(self) -> int:
        return self.other + 1


@dataclasses.dataclass(frozen=True)
class _LaterClock:
    """A clock that is ahead; no function, since one that a class takes as its own gets `self`."""

    clock: Callable[[], Any]
    unit: float

    def __call__(self) -> Any:
        now = self.clock()
        return now + type(now)(_LATER_S * self.unit)


@dataclasses.dataclass(frozen=True)
class _OfLaterMoment:
    """A function of a moment, which takes that of a clock that is ahead where none is given.

    Attributes:
      before: number of its arguments before the moment.
    """

    function: Callable[..., Any]
    clock: Callable[[], Any]
    _: dataclasses.KW_ONLY
    before: int

    def __call__(self, *given: Any) -> Any:
        rest = [each for each in given[self.before :] if each is not None]
        return self.function(*given[: self.before], *(rest or (self.clock(),)))


class _Later(datetime.datetime):
    """A clock of days that is ahead by as much as the others."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "_Later":
        """Returns the time, later."""
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "_Later":
        """Returns the time, later."""
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> "_Later":
        """Returns the time, later."""
        return cls.now()
