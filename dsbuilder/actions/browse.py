"""A dataset in a browser: pages that a server of this machine hands out, and marks that it takes.

It listens on the loopback alone. Who asks must know the token in the address, which is drawn anew
every time, and must have asked for this machine by its name: a page of somebody else's can do
neither. A path names no file: pages are found by what the server knows, samples by their numbers.

What a person marks is written at once: records to leave out as `build.exclude` reads them, classes
as `source.corrections` does. The dataset stays as it is.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from dsbuilder.actions.document import Document
from dsbuilder.actions.explain import explain
from dsbuilder.dataset import StoredDataset
from dsbuilder.dataset.browsing import Browsing, Found, Question
from dsbuilder.errors import DataError, DsbuilderError, did_you_mean, printable
from dsbuilder.inspection import exclusion
from dsbuilder.inspection.deciding import Verdict
from dsbuilder.layouts.corrections import COLUMNS, read_rows
from dsbuilder.layouts.tables import check_written, write_table
from dsbuilder.report import browser_pages
from dsbuilder.report.browser_pages import MARKS, BrowserPages, History, correctable
from dsbuilder.report.page import html
from dsbuilder.report.page.pictures import file_picture

HOST = "127.0.0.1"
_MOST_BYTES = 65_536
_MARKED = "marked"
_ADVICE = "marked by a person, in dsbuilder browse"
_VERDICT = Verdict(inspector=_MARKED, text="left out by a person")


@dataclass(frozen=True, kw_only=True)
class BrowseDocument(Document):
    """Where a dataset is shown.

    Attributes:
      url: address of the first page, with the token.
      exclude, corrections: files that marks are written to.
    """

    url: str
    exclude: Path
    corrections: Path


class Marks:
    """What a person says of records, in two files that are written with every mark.

    What the files hold already stays.

    Args:
      exclude, corrections: the files; they need not be there.

    Raises:
      DataError: a file is there and is none of its kind.
    """

    def __init__(self, exclude: Path, corrections: Path) -> None:
        check_written(corrections)
        self.exclude, self.corrections = exclude, corrections
        self._lock = threading.Lock()
        keys = sorted(exclusion.read(exclude)) if exclude.exists() else ()
        self._excluded = dict.fromkeys(keys, _VERDICT)
        self._corrected: dict[tuple[str, str], Any] = {}
        if corrections.exists():
            for row in read_rows(corrections):
                key, target, value = (row.cells.get(name) for name in COLUMNS)
                self._corrected[str(key), str(target)] = value

    @property
    def says(self) -> str:
        """Where marks are written."""
        return (
            f"{len(self._excluded)} records are marked to be left out ({self.exclude}), "
            f"{len(self._corrected)} labels as wrong ({self.corrections})."
        )

    def is_excluded(self, key: str) -> bool:
        """Whether a record is to be left out."""
        return key in self._excluded

    def corrected(self, key: str, target: str) -> str:
        """Returns the class that a record should have, or nothing."""
        return str(self._corrected.get((key, target), ""))

    def leave_out(self, key: str, *, excluded: bool) -> str:
        """Marks a record as to be left out, or not, and says so.

        Raises:
          DataError: the file cannot be written.
        """
        with self._lock:
            marked = {**self._excluded, key: _VERDICT}
            if not excluded:
                del marked[key]
            exclusion.write(self.exclude, exclusion.text_of(marked, {_MARKED: _ADVICE}))
            self._excluded = marked
        return f"{key} {'is left out' if excluded else 'stays'}: written to {self.exclude}."

    def correct(self, key: str, target: str, value: str) -> str:
        """Gives a record another class, or takes that back where it is empty, and says so.

        Raises:
          DataError: the file cannot be written.
        """
        with self._lock:
            corrected = {**self._corrected, (key, target): value}
            if not value:
                del corrected[key, target]
            rows = [(*named, said) for named, said in corrected.items()]
            write_table(self.corrections, COLUMNS, rows)
            self._corrected = corrected
        what = f"{target} of {key} is '{value}'" if value else f"{target} of {key} is right"
        return f"{what}: written to {self.corrections}."


class BrowserServer:
    """A server that shows a dataset, until it is closed.

    Args:
      port: number of the port; 0 takes a free one.
      exclude, corrections: files that marks are written to.
      source, plugins: as for `explain`.
      note: what a person should know of what is shown.
      on_close: called when the server is closed.

    Attributes:
      home: path that all pages lie below, with the token.
      told: where it is, and where marks go.

    Raises:
      DataError: the port is taken, or a file of marks is none of its kind.
    """

    def __init__(
        self,
        dataset: StoredDataset,
        *,
        exclude: Path,
        corrections: Path,
        port: int = 0,
        source: Path | None = None,
        plugins: Sequence[Path] | None = None,
        note: str = "",
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_close = on_close
        self._dataset, self._source, self._plugins = dataset, source, plugins
        self._marks = Marks(exclude, corrections)
        self.token = secrets.token_urlsafe(24)
        self._browsing = Browsing(dataset)
        self.home = f"/{self.token}/"
        self._pages = BrowserPages(self._browsing, self._marks, self.home, note=note)
        self._lock = threading.Lock()  # shards and replayed stages are read by one at a time
        served = self

        class Handler(_Handler):
            server_of = served

        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                f"{HOST}:{port}: nothing can be served there ({reason}). Choose another port."
            ) from None
        self._server.daemon_threads = True
        self._thread: threading.Thread | None = None
        self.told = BrowseDocument(
            url=f"http://{HOST}:{self.port}{self.home}", exclude=exclude, corrections=corrections
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def serve(self) -> None:
        """Serves until Ctrl-C is pressed."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Gives the port back."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._on_close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_meant(self, host: str, path: str) -> bool:
        """Whether a request is for this server, by one who knows the token."""
        asked = path.encode("utf-8", "surrogateescape")
        names = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        begins = hmac.compare_digest(asked[: len(self.home)], self.home.encode())
        return host in names and begins

    def page(self, address: str) -> str | None:
        """Returns the page of an address; None if there is none.

        Raises:
          DsbuilderError: it asks for what there is not, or something is damaged.
        """
        split = urlsplit(address)
        rest = split.path.removeprefix(self.home)
        with self._lock:
            if rest == "":
                return self._listing(dict(parse_qsl(split.query)))
            kind, _, number = rest.partition("/")
            if kind == "sample" and _is_number(number):
                found = self._browsing.at(int(number))
                related = list(self._browsing.related(found.entry))
                return self._pages.sample(found, related, self._history(found))
        return None

    def mark(self, change: Any) -> str:
        """Takes a mark and says what became of it.

        Args:
          change: `place`, and `exclude` or `target` and `value`.

        Raises:
          DsbuilderError: it names what there is not, or cannot be written.
        """
        place = change.get("place") if isinstance(change, Mapping) else None
        if not isinstance(change, Mapping) or type(place) is not int or place < 0:
            raise DataError("expected a mark with the place of a sample, found another.")
        with self._lock:
            entry = self._browsing.at(place).entry
        if not entry.parents:
            raise DataError(f"{entry.key}: it has no record that could be marked.")
        key = entry.parents[0]
        if type(change.get("exclude")) is bool:
            return self._marks.leave_out(key, excluded=change["exclude"])
        target, value = str(change.get("target")), str(change.get("value"))
        kinds = correctable(self._dataset)
        if target not in kinds:
            raise DataError(f"there is no target '{target}'.{did_you_mean(target, kinds)}")
        if value and value not in kinds[target].names:
            raise DataError(
                f"there is no class '{value}'.{did_you_mean(value, kinds[target].names)}"
            )
        return self._marks.correct(key, target, value)

    def _listing(self, asked: Mapping[str, str]) -> str:
        start = asked.get("from", "0")
        names = (each.name for each in fields(Question))
        given: dict[str, Any] = {name: asked[name] for name in names if asked.get(name)}
        question, first = Question(**given), int(start) if _is_number(start) else 0
        return self._pages.listing(question, self._browsing.page(question, first), first)

    def _history(self, found: Found) -> History:
        with TemporaryDirectory() as folder:
            output = Path(folder) / "strip.png"
            told = explain(
                self._dataset,
                found.entry.key,
                source=self._source,
                plugins=self._plugins,
                output=output,
            )
            strip = file_picture(output.read_bytes(), alt=f"{found.entry.key}, stage by stage")
        stages = (
            (f"{number}. {each.stage}", json.dumps(each.drawn or each.params, ensure_ascii=False))
            for number, each in enumerate(told.stages, 1)
        )
        pairs = [
            ("key", told.key),
            ("split", told.split),
            *told.targets.items(),
            ("made of", ", ".join(each.key for each in told.parents) or "nothing: synthesized"),
            ("stored in", ", ".join(told.files)),
            ("fingerprint", told.fingerprint),
            *(
                (f"found by {n}", text)
                for n, text in self._browsing.findings_of(found.entry).items()
            ),
            *stages,
        ]
        return History(strip=strip, pairs=pairs, notes=told.notes)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server_of: BrowserServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "dsbuilder", ""
    timeout = 30

    def do_GET(self) -> None:
        """Answers with a page."""
        if not self._is_meant():
            return
        try:
            page = self.server_of.page(self.path)
        except DsbuilderError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
            return
        if page is None:
            self._answer(HTTPStatus.NOT_FOUND, "There is no such page.")
        else:
            self._answer(HTTPStatus.OK, page, kind="text/html")

    def do_POST(self) -> None:
        """Takes a mark."""
        if not self._is_meant():
            return
        length = self.headers.get("Content-Length", "")
        if not _is_number(length) or int(length) > _MOST_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too much.")
            return
        body = self.rfile.read(int(length))
        wanted = f"{self.server_of.home}{MARKS}"
        if self.path != wanted or self.headers.get_content_type() != "application/json":
            self._answer(HTTPStatus.NOT_FOUND, "There is no such page.")
            return
        try:
            status, says = HTTPStatus.OK, self.server_of.mark(json.loads(body))
        except (DsbuilderError, ValueError, RecursionError) as error:
            status, says = HTTPStatus.BAD_REQUEST, f"Not written: {error}"
        self._answer(status, json.dumps({"says": printable(says)}), kind="application/json")

    def _is_meant(self) -> bool:
        if self.server_of.is_meant(self.headers.get("Host", ""), self.path):
            return True
        self.close_connection = True
        self._answer(HTTPStatus.FORBIDDEN, "The address with its token is needed.")
        return False

    def _answer(self, status: HTTPStatus, text: str, *, kind: str = "text/plain") -> None:
        data = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(data)),
            "Content-Security-Policy": html.policy(browser_pages.NAME),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing: who looks at samples needs no list of requests."""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
