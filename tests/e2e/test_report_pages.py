"""Pages in a real Chromium: silent, asking nobody, filtered, sorted, and without a fault by axe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tools
from browser import Browser, PageView
from conftest import noise
from PIL import Image
from runs import make_run

import dsbuilder

pytestmark = [tools.needs_chromium, tools.needs_axe]

HOSTILE = "<img src=x onerror=alert(1)>"
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]
PETS = """
name: pets
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
prepare: [{use: resize, size: [48, 48]}]
augment: {copies: 3, stages: [{use: A.HorizontalFlip, p: 0.5}, {use: A.Rotate, p: 0.5}]}
inspect: {uniform: quarantine, exact_duplicate: warn}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.started() as started:
        yield started


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a dataset with a hostile class, a hostile file, a finding and a quarantine."""
    home = tmp_path_factory.mktemp("pets")
    for number, name in enumerate(("cat", "dog", HOSTILE)):
        (home / "source" / name).mkdir(parents=True)
        for index in range(10):
            file = f"{index}{HOSTILE if index == 1 else ''}.png"
            image = Image.fromarray(noise(100 * number + index, (60 + index, 80)))
            image.save(home / "source" / name / file)
    Image.new("RGB", (40, 50)).save(home / "source/cat/black.png")
    (home / "source/dog/again.png").write_bytes((home / "source/dog/2.png").read_bytes())
    (home / "pets.yaml").write_text(PETS, encoding="utf-8")
    built = dsbuilder.open(home / "pets.yaml", out=home / "out").build(workers=0)
    assert built.report is not None
    return built.report


@pytest.fixture(scope="module")
def run(dataset: Path) -> Path:
    """The page of a run on it."""
    made = make_run(dataset.parents[3] / "runs/one", dsbuilder.load(dataset.parent))
    return dsbuilder.report_runs(made.path).output


@pytest.fixture(scope="module")
def comparison(run: Path, dataset: Path) -> Path:
    """The page of that run beside another."""
    opened = dsbuilder.load(dataset.parent)
    other = make_run(dataset.parents[3] / "runs/two", opened, width=16, wrong_every=2, epochs=5)
    output = run.with_name("comparison.html")
    return dsbuilder.report_runs(run.parent, other.path, output=output).output


def opened(browser: Browser, path: Path, *, width: int = 1280, dark: bool = False) -> PageView:
    page = browser.page()
    page.show(width=width, dark=dark, phone=width < 500)
    page.open(path)
    return page


def check(page: PageView, path: Path, *, width: int) -> None:
    """Checks that a page is silent, asks for nothing, fits, and that axe-core finds nothing."""
    asked = {each for each in page.requests if not each.startswith("data:")}
    assert asked == {path.resolve().as_uri()} or asked == {path.absolute().as_uri()}
    assert not page.faults
    assert page.run("document.documentElement.scrollWidth") <= width, "the page itself scrolls"
    assert page.run("[...document.images].every((each) => each.naturalWidth > 0)")
    assert not page.violations()
    assert not page.faults


def test_a_page_of_a_dataset_is_silent_and_accessible(browser: Browser, dataset: Path) -> None:
    page = opened(browser, dataset, width=390, dark=True)
    check(page, dataset, width=390)
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, paper[4:-1].split(","))) < 60, "dark as its reader wants it"


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_a_page_of_runs_is_silent_and_accessible(
    browser: Browser, kind: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind)
    page = opened(browser, path, width=390)
    check(page, path, width=390)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dataset", "run", "comparison"])
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_pages_are_so_everywhere(
    browser: Browser, kind: str, width: int, dark: bool, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind)
    page = opened(browser, path, width=width, dark=dark)
    page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    check(page, path, width=width)


def test_the_confusion_matrix_is_ordered_as_asked(browser: Browser, run: Path) -> None:
    page = opened(browser, run)
    seen = "[...document.querySelectorAll('.option')].map((each) => each.checkVisibility())"
    assert page.run(seen) == [True, False]
    page.run("document.querySelectorAll('.options button')[1].focus()")
    page.press("Enter")
    assert page.run(seen) == [False, True]
    pressed = "[...document.querySelectorAll('.options button')].map((each) => each.ariaPressed)"
    assert page.run(pressed) == ["false", "true"]
    assert not page.faults


def test_a_matrix_of_many_classes_is_seen_whole(browser: Browser, run: Path) -> None:
    page = opened(browser, run)
    page.run("document.querySelector('.beside .option svg').style.height = '60rem'")
    region = "document.querySelector('.beside .option .scroll')"
    assert page.run(f"{region}.clientHeight > 900")
    assert page.run(f"{region}.scrollHeight <= {region}.clientHeight + 1")


def test_a_pair_of_classes_leads_to_its_pictures(browser: Browser, run: Path) -> None:
    page = opened(browser, run)
    everything = shown(page, ".strip[data-pair]")
    pairs = page.run("[...document.querySelectorAll('a.pick')].map((each) => each.dataset.pair)")
    assert pairs and len(set(pairs)) == len(pairs)
    page.run("document.querySelectorAll('a.pick')[0].focus()")
    page.press("Enter")
    seen = (
        "[...document.querySelectorAll('.strip[data-pair]')]"
        ".filter((each) => each.checkVisibility()).map((each) => each.dataset.pair)"
    )
    count = page.run("parseInt(document.querySelector('a.pick').textContent)")
    assert page.run(seen) == [pairs[0]] * count and count < everything
    said = page.run("document.querySelector('.picked').textContent")
    assert " taken for " in said and page.run("location.hash") == "#mistakes"
    assert not page.violations()
    page.run("document.querySelector('.picked button').click()")
    assert shown(page, ".strip[data-pair]") == everything
    assert page.run("document.querySelector('.picked').checkVisibility()") is False
    page.run("document.querySelectorAll('a.pick')[0].click()")
    page.run("document.getElementById('filter').focus()")
    page.type("dog")
    assert page.run(f"{seen}.every((pair) => pair.includes('dog'))")
    assert page.run("document.querySelector('.picked').textContent") == ""
    assert not page.faults


def shown(page: PageView, what: str) -> int:
    """Returns how many elements are seen."""
    found = page.run(
        f"[...document.querySelectorAll({what!r})].filter((e) => e.offsetParent).length"
    )
    assert isinstance(found, int)
    return found


def test_a_page_is_filtered_by_class(browser: Browser, dataset: Path) -> None:
    page = opened(browser, dataset)
    rows, strips = shown(page, "tr[data-classes]"), shown(page, ".strip")
    assert (rows, strips) == (3, 12)
    page.run("document.getElementById('filter').focus()")
    page.type(" ONERROR=alert(1)")
    assert shown(page, "tr[data-classes]") == 1
    assert 0 < shown(page, ".strip") < strips
    told = page.run("document.getElementById('filtered').textContent")
    assert told.startswith("1 in tables, ")
    page.run("document.getElementById('filter').select()")
    page.type("no such class")
    assert (shown(page, "tr[data-classes]"), shown(page, ".strip")) == (0, 0)
    page.run(
        "document.getElementById('filter').value = '';"
        "document.getElementById('filter').dispatchEvent(new Event('input'))"
    )
    assert (shown(page, "tr[data-classes]"), shown(page, ".strip")) == (rows, strips)
    assert not page.faults


def test_a_table_is_sorted_by_keyboard(browser: Browser, dataset: Path) -> None:
    page = opened(browser, dataset)
    table = (
        "[...document.querySelectorAll('table.sortable')]"
        ".find((each) => each.caption.textContent.startsWith('Classes'))"
    )
    column = f"[...({table}).tBodies[0].rows].map((row) => row.cells[0].textContent)"
    assert page.run(column) == [HOSTILE, "cat", "dog"]
    page.run(f"({table}).tHead.querySelector('button').focus()")
    page.press("Enter")
    assert page.run(f"({table}).tHead.rows[0].cells[0].ariaSort") == "ascending"
    page.press("Enter")
    assert page.run(f"({table}).tHead.rows[0].cells[0].ariaSort") == "descending"
    assert page.run(column) == ["dog", "cat", HOSTILE]
    page.press("Tab")
    assert page.run("document.activeElement.textContent") == "records"
    page.press("Enter")
    numbers = f"[...({table}).tBodies[0].rows].map((row) => +row.cells[1].textContent)"
    found = page.run(numbers)
    assert found == sorted(found, reverse=True)
    assert not page.faults


def test_a_keyboard_reaches_everything_that_can_be_used(browser: Browser, dataset: Path) -> None:
    page = opened(browser, dataset)
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    wanted = page.run(
        "[...document.querySelectorAll('a, button, input, summary')]"
        ".filter((each) => each.checkVisibility()).length"
    )
    reached = 0
    for _ in range(wanted + 60):
        inside = "document.activeElement.matches('a, button, input, summary')"
        reached += bool(page.run(inside))
        page.press("Tab")
        if page.run("document.activeElement === document.body"):
            break
    assert reached == wanted
