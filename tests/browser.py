"""A headless Chromium that tests look at pages with, asked over its own protocol through a pipe.

`make tools` brings it and axe-core. No driver is installed: a message is JSON that ends in a zero
byte, and what a page does (requests, errors, messages of its console) is noted as it comes.
"""

import base64
import json
import os
import platform
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import tools

_OPTIONS = (
    "--no-sandbox",  # as root it starts in no other way
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--no-first-run",
)
_LIBRARIES = f"usr/lib/{platform.machine()}-linux-gnu"
_PATIENCE_S = 60.0


class PageView:
    """One tab.

    Attributes:
      requests: addresses that were asked for, the page's own among them.
      faults: exceptions of scripts, and warnings and errors of the console.
    """

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser, self._session = browser, session
        self.requests: list[str] = []
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command of the protocol and returns its result."""
        return self._browser.ask(method, session=self._session, **params)

    def show(
        self, *, width: int, height: int = 900, dark: bool = False, phone: bool = False
    ) -> None:
        """Sets the size of the window, and whether its reader prefers dark pages."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: Path | str) -> None:
        """Opens a file, or an address, and waits until all of it is there."""
        self.loaded = False
        url = path if isinstance(path, str) else path.absolute().as_uri()
        self.ask("Page.navigate", url=url)
        self._browser.wait(lambda: self.loaded)

    def wait_until_loaded(self) -> None:
        """Waits until the page that is being opened is there."""
        self._browser.wait(lambda: self.loaded)

    def run(self, script: str) -> Any:
        """Returns the value of an expression, awaited if it is a promise."""
        found = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def type(self, text: str) -> None:
        """Types a text where the focus is."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Presses a key, such as `Tab`, `Enter` or the space bar."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        text = {"text": {"Enter": "\r", " ": " "}[key]} if key != "Tab" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, **text}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, *, whole: bool = False) -> bytes:
        """Returns what is seen as PNG, or all of the page."""
        given: dict[str, Any] = {}
        if whole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            given = {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", **given)["data"])

    def violations(self) -> list[str]:
        """Returns what axe-core finds wrong, every rule of it asked."""
        self.run(tools.place(tools.AXE).read_text(encoding="utf-8") + "\n;0")
        found = self.run("axe.run(document).then((found) => JSON.stringify(found.violations))")
        return [
            f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for rule in json.loads(found)
            for node in rule["nodes"]
        ]

    def note(self, method: str, params: dict[str, Any]) -> None:
        """Takes an event of the protocol."""
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled":
            self.faults.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded":
            self.faults.append(params["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.faults.append(f"dialog: {params['message']}")
            self._browser.send("Page.handleJavaScriptDialog", self._session, {"accept": True})


class Browser:
    """A running Chromium."""

    def __init__(self, process: "subprocess.Popen[bytes]", reads: int, writes: int) -> None:
        self._process, self._reads, self._writes = process, reads, writes
        self._rest, self._sent = b"", 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, PageView] = {}

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """Starts one with a profile of its own, and ends it."""
        here_reads, there_writes = os.pipe()
        there_reads, here_writes = os.pipe()
        libraries = [str(tools.HERE / _LIBRARIES), str(tools.HERE / _LIBRARIES / "pulseaudio")]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            process = subprocess.Popen(
                # A shell gives both ends of the pipe the numbers at which Chromium looks.
                [
                    *("bash", "-c", f'exec "$@" 3<&{there_reads} 4>&{there_writes}', "bash"),
                    *(str(tools.place(tools.CHROMIUM)), *_OPTIONS, f"--user-data-dir={profile}"),
                ],
                pass_fds=(there_reads, there_writes),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
            )
            os.close(there_reads)
            os.close(there_writes)
            try:
                yield cls(process, here_reads, here_writes)
            finally:
                process.kill()
                process.wait()
                os.close(here_reads)
                os.close(here_writes)

    def page(self) -> PageView:
        """Opens a tab."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        # The session's events are noted from its first command on.
        view = PageView.__new__(PageView)
        self._pages[session] = view
        view.__init__(self, session)
        return view

    def send(self, method: str, session: str | None, params: dict[str, Any]) -> int:
        """Sends a command and returns its number."""
        self._sent += 1
        message: dict[str, Any] = {"id": self._sent, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writes, data) :]
        return self._sent

    def ask(self, method: str, *, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Sends a command and returns its result."""
        number = self.send(method, session, params)
        self.wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, until: Any) -> None:
        """Takes messages until something is true."""
        end = time.monotonic() + _PATIENCE_S
        while not until():
            left = end - time.monotonic()
            ready, _, _ = select.select([self._reads], [], [], max(left, 0))
            assert ready, "Chromium does not answer"
            data = os.read(self._reads, 1 << 20)
            assert data, "Chromium has ended"
            *messages, self._rest = (self._rest + data).split(b"\0")
            for each in messages:
                self._take(json.loads(each))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        elif (page := self._pages.get(message.get("sessionId", ""))) is not None:
            page.note(message["method"], message["params"])
