"""`dsbuilder browse` in a real Chromium: what it shows, what it asks, and marks that stay."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tools
from browser import Browser, PageView
from e2e.test_report_pages import HOSTILE, LOOKS, dataset

import dsbuilder
from dsbuilder.actions.browse import BrowserServer

__all__ = ["dataset"]

pytestmark = [tools.needs_chromium, tools.needs_axe]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.started() as started:
        yield started


@pytest.fixture(scope="module")
def server(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserServer]:
    marks = tmp_path_factory.mktemp("marks")
    opened = dsbuilder.load(dataset.parent)
    files = {"exclude": marks / "out.txt", "corrections": marks / "wrong.csv"}
    with opened.browse(**files) as served:
        yield served


def check(page: PageView, server: BrowserServer, *, width: int) -> None:
    base = f"http://127.0.0.1:{server.port}/"
    assert {each for each in page.requests if not each.startswith(("data:", base))} == set()
    assert page.run("document.documentElement.scrollWidth") <= width, "the page itself scrolls"
    assert page.run("[...document.images].every((each) => each.naturalWidth > 0)")
    assert not page.violations()
    assert not page.faults


@pytest.mark.parametrize(
    ("width", "dark"),
    [LOOKS[0], *(pytest.param(*each, marks=pytest.mark.slow) for each in LOOKS[1:])],
)
def test_pages_are_accessible_and_ask_nobody_else(
    browser: Browser, server: BrowserServer, width: int, dark: bool
) -> None:
    page = browser.page()
    page.show(width=width, dark=dark, phone=width < 500)
    page.open(server.told.url)
    assert page.run("document.querySelectorAll('.card').length") == 48
    check(page, server, width=width)
    page.open(server.told.url + "sample/1")
    check(page, server, width=width)


def test_a_pipeline_is_looked_at_before_it_is_built(
    browser: Browser, dataset: Path, tmp_path: Path
) -> None:
    home = dataset.parents[3]
    opened = dsbuilder.open(home / "pets.yaml", out=tmp_path / "out", overrides=["seed=8"])
    files = {"exclude": tmp_path / "out.txt", "corrections": tmp_path / "wrong.csv"}
    with opened.browse(count=6, **files) as server:
        page = browser.page()
        page.show(width=390, dark=True, phone=True)
        page.open(server.told.url + "?split=train&origin=variant")
        assert page.run("document.querySelectorAll('.card').length") == 18
        assert "Not built yet" in page.run("document.querySelector('.lead').textContent")
        check(page, server, width=390)
        page.open(server.told.url + "sample/1")
        check(page, server, width=390)
    assert not (tmp_path / "out").exists()


def test_one_asks_by_class_and_marks_what_is_wrong(browser: Browser, server: BrowserServer) -> None:
    page = browser.page()
    page.show(width=1280)
    page.open(server.told.url)
    page.run(f"document.querySelector('[name=class_name]').value = {HOSTILE!r}")
    page.loaded = False
    page.run("document.querySelector('.asking button').click()")
    page.wait_until_loaded()
    keys = page.run("[...document.querySelectorAll('.card .key')].map((each) => each.textContent)")
    assert keys and all(key.startswith(HOSTILE) for key in keys)
    page.run("document.querySelector('.card [name=exclude]').focus()")
    page.press(" ")
    page.run(
        "new Promise((done) => { const look = () => document.getElementById('told').textContent"
        " ? done() : setTimeout(look, 20); look(); })"
    )
    record = keys[0].split("//")[0]
    assert record in server.told.exclude.read_text()
    assert page.run("document.querySelector('.card').classList.contains('excluded')")
    page.open(server.told.url + "?class_name=cat")
    page.run(
        "const field = document.querySelector('.card select'); field.value = 'dog';"
        "field.dispatchEvent(new Event('change')); new Promise((done) => { const look = () => "
        "document.getElementById('told').textContent ? done() : setTimeout(look, 20); look(); })"
    )
    assert ",label,dog" in server.told.corrections.read_text()
    assert not page.faults
