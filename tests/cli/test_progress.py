"""What a training shows while it runs: a bar within the epoch, or a line an epoch."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from dsbuilder.cli import screen

SCRIPT = """
import time
from types import SimpleNamespace as Of
from dsbuilder.cli import progress
from dsbuilder.cli.screen import Screen

with progress.epochs(Screen()) as watch:
    for done in (10, 20, 30):
        time.sleep(0.05)
        watch.on_features(done, 30)
    for epoch in (1, 2):
        for step in range(1, 9):
            time.sleep(0.05)
            metrics = {"accuracy": 0.5, "loss": 1 / step}
            of = {"epoch": epoch, "phase": "train", "steps": 8, "metrics": metrics}
            watch.on_batch(Of(step=step, samples=32 * step, **of))
        row = {"train": {"accuracy": 0.5, "loss": 0.125}, "validation": {"loss": 0.25}}
        watch.on_epoch(Of(epoch=epoch, phase="train", seconds=0.4, **row))
"""
LINES = [
    f"epoch   {epoch}  train  loss 0.1250 accuracy 0.5000  validation loss 0.2500  0.4 s"
    for epoch in (1, 2)
]


def test_without_a_terminal_there_is_a_line_an_epoch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == LINES and done.stdout == ""


def test_on_a_terminal_a_bar_says_rate_loss_and_time_left_within_the_epoch(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stderr=theirs, stdout=subprocess.PIPE, env=environment
    ) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        assert running.wait() == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    bars = re.findall(
        r"epoch (\d) \S+ (\d)/8 (\d+) img/s (0:00:\d\d|-:--:--) loss (0\.\d{4})", text
    )
    assert {each[0] for each in bars} == {"1", "2"}
    assert re.search(r"features \S+ \d+/30 ", text)
    for _, step, _, _, loss in bars:
        assert float(loss) == round(1 / int(step), 4)
    for line in LINES:
        assert line in text


COUNTED = """
import sys, time
from dsbuilder.cli import progress
from dsbuilder.cli.screen import Screen

progress._EVERY_S = 0.3  # a minute
with progress.samples(Screen(), "records", before="reading the source") as report:
    time.sleep(0.95)
    for done in range(1, 11):
        report(done, 40)
        time.sleep(0.1)
with progress.samples(Screen(quiet=True)) as report, progress.working(Screen(as_json=True), "no"):
    report(1, 2)
    time.sleep(0.7)
"""


def test_without_a_terminal_there_is_a_line_a_minute_also_while_nothing_is_counted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert lines[0] == "reading the source, for 0 s" and lines[1].startswith("reading the source")
    counted = [re.fullmatch(r"(\d+) of 40 records, (\d+)/s, \d+ s left", e) for e in lines[2:]]
    counted = counted[not counted[0] :]  # of the first no pace is known
    assert 2 <= len(counted) <= 4 and all(counted)
    assert [int(each[1]) for each in counted] == sorted({int(each[1]) for each in counted})
    assert all(5 <= int(each[2]) <= 10 for each in counted)  # ten a second, at most
    assert done.stdout == ""


def test_on_a_terminal_work_that_nothing_counts_is_named_and_taken_away(tmp_path: Path) -> None:
    script = "import time\nfrom dsbuilder.cli import progress\n"
    script += "from dsbuilder.cli.screen import Screen\n"
    script += "with progress.working(Screen(), 'comparing [b]'): time.sleep(0.3)\n"
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", script], stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
        assert running.wait() == 0
    os.close(ours)
    assert b"comparing [b]" in shown
    assert shown.rstrip().endswith(b"\x1b[2K")  # the line is empty in the end


def test_very_many_warnings_of_a_kind_are_three_and_their_number(capsys) -> None:
    alike = [f"cat/{number}.png: expected an image, found {number} bytes" for number in range(90)]
    screen.Screen().warn([*alike, "a.yaml: no validation split", *alike])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        *(f"warning: {each}" for each in alike[:3]),
        "warning: ... and 87 more of this kind; --json lists all.",
        "warning: a.yaml: no validation split",
    ]
    screen.Screen().warn(alike[:4])
    assert len(capsys.readouterr().err.splitlines()) == 4  # one line is no gain over the fourth
