"""The one place where errors become text, JSON and exit codes.

0    done
1    a DsbuilderError other than SpecError, or an exception that nobody foresaw
2    the pipeline or the command line is wrong
130  interrupted
"""

import itertools
import sys
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import click

from dsbuilder.cli.library_lines import grouped
from dsbuilder.cli.screen import echo, labeled, show_json, shown, use_tolerant_streams, warn
from dsbuilder.cli.typed_paths import as_typed
from dsbuilder.errors import DsbuilderError, SpecError

INTERRUPTED = 130


def guarded(args: Sequence[str] | None, run: Callable[[], Any]) -> None:
    """Runs a command line, reports what it raises, and ends the process with its exit code."""
    given = sys.argv[1:] if args is None else list(args)
    as_json = "--json" in given or "json" in _formats(given)
    use_tolerant_streams()
    with grouped():
        code = _exit_code(run, as_json=as_json)
    sys.exit(code)


def _exit_code(run: Callable[[], Any], *, as_json: bool) -> int:
    """Runs a command line, and returns its exit code once all that it raises is reported."""
    try:
        result = run()
    except click.Abort as error:
        # Click turns an interrupt into an Abort; notes of the interrupt say what is kept.
        return _report_interrupt(error.__cause__ or error, as_json=as_json)
    except click.ClickException as error:
        return _report_usage(error, as_json=as_json)
    except DsbuilderError as error:
        return _report_known(error, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last place that can show it; it ends the process
        return _report_unforeseen(error, as_json=as_json)
    return result if isinstance(result, int) else 0


def _formats(given: Sequence[str]) -> list[str]:
    """Returns what `--format` asks for, by the words of a command line."""
    following = [two for one, two in itertools.pairwise(given) if one == "--format"]
    return [each.removeprefix("--format=") for each in given] + following


def document(error: BaseException, message: str) -> dict[str, Any]:
    """Returns an error as the JSON values that every verb prints with `--json`."""
    problems = error.problems if isinstance(error, SpecError) else ()
    return {
        "error": {
            "kind": type(error).__name__,
            "message": message,
            "problems": [{"where": each.where, "message": each.message} for each in problems],
        }
    }


def _report_known(error: DsbuilderError, *, as_json: bool) -> int:
    warn(error.warnings)
    problems = error.problems if isinstance(error, SpecError) else (error,)
    lines = [str(each) for each in problems] + list(getattr(error, "__notes__", ()))
    _write(error, str(error), lines, as_json=as_json)
    return 2 if isinstance(error, SpecError) else 1


def _report_usage(error: click.ClickException, *, as_json: bool) -> int:
    context: click.Context | None = getattr(error, "ctx", None)
    if context is not None and isinstance(error, click.exceptions.NoArgsIsHelpError):
        echo(context.get_help())
        return error.exit_code
    message = error.format_message()
    _write(error, message, [message], as_json=as_json)
    if context is not None and not as_json:
        echo(context.get_usage())
        echo(f"`{context.command_path} --help` says more.")
    return error.exit_code


def _report_interrupt(error: BaseException, *, as_json: bool) -> int:
    message = " ".join(["interrupted.", *getattr(error, "__notes__", ())])
    _write(KeyboardInterrupt(), message, [message], as_json=as_json)
    return INTERRUPTED


def _report_unforeseen(error: Exception, *, as_json: bool) -> int:
    """Shows the traceback with its notes: a bug of ours, or a plugin's own exception."""
    message = f"unforeseen {type(error).__name__}: {error}"
    hint = "The traceback ends where it was raised: in a plugin, or it is a bug of dsbuilder."
    error.__traceback__ = _from_verb(error.__traceback__)
    echo("".join(traceback.format_exception(error)), end="")
    _write(error, message, [message, hint], as_json=as_json)
    return 1


def _from_verb(trace: TracebackType | None) -> TracebackType | None:
    """Returns a traceback without its first frames, those between the start and a verb."""
    outer = (click.__name__, __name__, "dsbuilder.cli.main")
    while trace is not None and trace.tb_next is not None:
        if not str(trace.tb_frame.f_globals.get("__name__")).startswith(outer):
            return trace
        trace = trace.tb_next
    return trace


def _write(error: BaseException, message: str, lines: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        show_json(document(error, as_typed(message, shown)))
        return
    for line in lines:
        labeled("error:", line, fg="red", err=True)
