"""A dataset in a browser: what its server answers, to whom, and what it writes."""

import html
import json
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import noise
from PIL import Image

import dsbuilder
from dsbuilder.actions.browse import BrowserServer
from dsbuilder.cache import course
from dsbuilder.dataset.browsing import PAGE, Browsing, Question
from dsbuilder.errors import DataError

HOSTILE = "<img src=x onerror=alert(1)>"
PIPELINE = """
name: pets
source: {use: folder, path: source}
split: {train: 0.7, test: 0.3}
augment: {copies: 1, stages: [{use: A.HorizontalFlip, p: 1.0}]}
finish: [{use: resize, size: [12, 16]}]
cache: {shard_mb: 0.01}
inspect: {exact_duplicate: warn}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    for number, name in enumerate(("cat", "dog", HOSTILE)):
        (folder / "source" / name).mkdir(parents=True)
        for index in range(24):
            image = Image.fromarray(noise(100 * number + index, (24, 32)))
            image.save(folder / "source" / name / f"{index}.png")
    (folder / "source/dog/again.png").write_bytes((folder / "source/dog/2.png").read_bytes())
    (folder / "pets.yaml").write_text(PIPELINE, encoding="utf-8")
    dsbuilder.open(folder / "pets.yaml", out=folder / "out").build(workers=0)
    return folder


@pytest.fixture
def dataset(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dsbuilder.Dataset:
    monkeypatch.chdir(tmp_path)
    return dsbuilder.load(home / "out/pets")


@pytest.fixture
def server(dataset: dsbuilder.Dataset) -> Iterator[BrowserServer]:
    with dataset.browse() as served:
        yield served


def ask(
    server: BrowserServer, rest: str = "", *, url: str | None = None, **headers: str
) -> tuple[int, str, Any]:
    request = urllib.request.Request(url or server.told.url + rest, headers=headers)
    return _asked(request)


def mark(server: BrowserServer, change: Any, **headers: str) -> tuple[int, str, Any]:
    data = change if isinstance(change, bytes) else json.dumps(change).encode()
    given = {"Content-Type": "application/json", **headers}
    return _asked(urllib.request.Request(server.told.url + "marks", data=data, headers=given))


def _asked(request: urllib.request.Request) -> tuple[int, str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def in_order(dataset: dsbuilder.Dataset) -> list[str]:
    """Returns the keys of all samples by their places."""
    browsing = Browsing(dataset)
    return [browsing.at(place).entry.key for place in range(len(dataset))]


def test_variants_follow_what_they_are_made_of(dataset: dsbuilder.Dataset) -> None:
    order = in_order(dataset)
    varied = [place for place, key in enumerate(order) if "//" in key]
    assert len(varied) > 20
    assert all(order[place - 1] == order[place].partition("//")[0] for place in varied)
    originals = [key for key in order if "//" not in key]
    assert originals != sorted(originals), "classes stay mixed, as they are stored"


def test_pages_go_through_all_samples_that_fit_once(dataset: dsbuilder.Dataset) -> None:
    browsing = Browsing(dataset)
    stored = in_order(dataset)
    assert sorted(stored) == sorted(each.key for each in dataset)
    for question, expected in (
        (Question(), stored),
        (Question(class_name="cat"), [key for key in stored if key.startswith("cat/")]),
        (Question(origin="variant"), [key for key in stored if "//" in key]),
        (Question(origin="synthetic"), []),
        (Question(text="og/1"), [key for key in stored if "og/1" in key]),
        (Question(split="test"), stored[-dataset.num_samples("test") :]),
        (Question(stage="augment/A.HorizontalFlip"), [key for key in stored if "//" in key]),
        (
            Question(finding="exact_duplicate", origin="original"),
            [key for key in stored if key in ("dog/2.png", "dog/again.png")],
        ),
    ):
        found: list[str] = []
        start: int | None = 0
        while start is not None:
            page = browsing.page(question, start)
            assert len(page.samples) <= PAGE
            found += [each.entry.key for each in page.samples]
            start = page.following
        if question.finding:
            assert found and set(found) <= set(expected)
        else:
            assert found == expected
    assert [browsing.at(place).entry.key for place in (0, 50, len(stored) - 1)] == [
        stored[place] for place in (0, 50, -1)
    ]
    with pytest.raises(DataError, match="Did you mean 'cat'"):
        browsing.page(Question(class_name="cta"))
    with pytest.raises(DataError, match=f"no sample number {len(stored)}"):
        browsing.at(len(stored))


def test_a_page_shows_samples_and_names_are_harmless(server: BrowserServer) -> None:
    status, page, headers = ask(server)
    assert status == 200 and page.count('<li class="card') == PAGE
    assert HOSTILE not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy.split("script-src")[1]
    _, page, _ = ask(server, "?class_name=cat&origin=original&text=%3Cscript%3E")
    assert "No sample fits" in page and "<script>%3C" not in page
    assert 'value="&lt;script&gt;"' in page
    status, page, _ = ask(server, "?class_name=none")
    assert status == 400 and page.startswith("there is no class 'none'.")


def test_a_sample_has_its_history_beside_its_records(server: BrowserServer) -> None:
    variant = next(
        number
        for number in range(20)
        if "//" in (server.page(f"/{server.token}/sample/{number}") or "").split("<h1>")[1][:80]
    )
    _, page, _ = ask(server, f"sample/{variant}")
    assert "From the source to the dataset" in page and "augment/A.HorizontalFlip" in page
    assert "Records that it is made of" in page
    assert ask(server, "sample/99999")[0] == 400


@pytest.mark.parametrize("rest", ["../", "sample/../../etc/passwd", "sample/-1", "sample/x", "x"])
def test_nothing_else_is_served(server: BrowserServer, rest: str) -> None:
    status, page, _ = ask(server, rest)
    assert status in (403, 404) and "root:" not in page


def test_who_knows_no_token_or_asks_for_another_host_gets_nothing(server: BrowserServer) -> None:
    base = server.told.url.split(server.token)[0]
    for url in (base, base + "x" * len(server.token) + "/", base + server.token[:-1] + "/"):
        status, page, _ = ask(server, url=url)
        assert status == 403 and "cat" not in page
    assert ask(server, Host="evil.example")[0] == 403
    assert mark(server, {"place": 0, "exclude": True}, Host="evil.example:80")[0] == 403
    assert server.told.url.startswith("http://127.0.0.1:")


def test_marks_are_written_as_a_build_reads_them(
    server: BrowserServer, dataset: dsbuilder.Dataset, home: Path, tmp_path: Path
) -> None:
    stored = in_order(dataset)
    place = stored.index("dog/3.png")
    other = next(n for n, key in enumerate(stored) if key.startswith("cat/5.png"))
    assert mark(server, {"place": other, "exclude": True})[0] == 200
    assert mark(server, {"place": place, "target": "label", "value": "cat"})[0] == 200
    assert "checked" in ask(server, f"sample/{other}")[1]
    for wrong in (
        {"place": place, "target": "label", "value": "bird"},
        {"place": place, "target": "age", "value": "cat"},
        {"place": 10**6, "exclude": True},
        {"exclude": True},
        ["place"],
        b"no json",
        b"[" * 9000,
    ):
        status, said, _ = mark(server, wrong)
        assert status == 400 and json.loads(said)["says"].startswith("Not written: ")
    assert mark(server, b" " * 70_000)[0] == 413
    with dataset.browse() as again:  # what was marked stays
        assert mark(again, {"place": place, "exclude": True})[0] == 200
        assert mark(again, {"place": place, "exclude": False})[0] == 200
    given = [
        f"build.exclude={server.told.exclude.absolute()}",
        f"source.corrections={server.told.corrections.absolute()}",
    ]
    opened = dsbuilder.open(home / "pets.yaml", overrides=given, out=tmp_path / "out")
    built = dsbuilder.load(opened.build(workers=0).path)
    labels = {each.key: each.targets["label"] for each in built}
    records = {key.partition("//")[0] for key in labels}
    assert records == {key.partition("//")[0] for key in stored} - {"cat/5.png"}
    assert built.class_names[labels["dog/3.png"]] == "cat"


def test_files_that_hold_something_else_are_refused(dataset: dsbuilder.Dataset) -> None:
    Path("notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"notes\.csv: there is no column 'key'"):
        dataset.browse(corrections="notes.csv")
    with pytest.raises(DataError, match="expected a table that ends in"):
        dataset.browse(corrections="notes.exe")
    with dataset.browse() as first, pytest.raises(DataError, match="Choose another port"):
        dataset.browse(port=first.port)


def cards(server: BrowserServer) -> dict[str, str]:
    """Returns the pictures of all samples by their keys."""
    found: dict[str, str] = {}
    page = server.page(f"/{server.token}/")
    while page is not None:
        shown = re.findall(r'<img src="([^"]+)".*?<span class="key">(.*?)</span>', page, re.DOTALL)
        found.update((key, source) for source, key in shown)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        page = server.page(html.unescape(following[1])) if following else None
    return found


def test_what_is_not_built_is_shown_as_a_build_would_make_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = dsbuilder.open(home / "pets.yaml", out=tmp_path / "out")
    with opened.browse(count=4) as server:
        some = cards(server)
        status, page, _ = ask(server)
        assert status == 200 and "Not built yet: 8 of 73 records" in page
        assert HOSTILE not in page
        assert "From the source to the dataset" in ask(server, "sample/0")[1]
        for asked in ("?split=test", "?class_name=cat", "?stage=augment/A.HorizontalFlip"):
            assert 0 < ask(server, asked)[1].count('<li class="card') < len(some)
        assert mark(server, {"place": 0, "exclude": True})[0] == 200
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pets-exclude.txt"]
    dsbuilder.open(home / "pets.yaml", out=tmp_path / "out").build(workers=0)
    with opened.browse() as server:
        everything = cards(server)
    assert some.items() <= everything.items() and len(some) < len(everything)
    assert any("//" in key for key in some)


def test_few_are_made_of_many_that_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("drawn.yaml").write_text(
        "name: drawn\nsynthesize: [{use: shapes, count: 90000}]\n"
        "finish: [{use: resize, size: [9, 9]}]\n"
    )
    plugins = [Path(__file__).parents[3] / "plugins"]
    with dsbuilder.open("drawn.yaml", plugins=plugins).browse(count=5) as server:
        page = ask(server)[1]
    assert page.count('<li class="card') == 5 and "synthetic" in page


def test_a_record_that_cannot_be_made_is_counted_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    Path("source/cat").mkdir(parents=True)
    Path("source/cat/0.png").write_bytes(b"junk")
    Path("pets.yaml").write_text(
        "name: pets\nsource: {use: folder, path: source}\nfinish: [{use: resize, size: [8, 8]}]\n"
    )
    with pytest.raises(DataError, match="no sample can be made"):
        dsbuilder.open("pets.yaml").browse()
    for index in range(1, 4):
        Image.fromarray(noise(index, (24, 32))).save(f"source/cat/{index}.png")
    with dsbuilder.open("pets.yaml").browse() as server:
        page = ask(server)[1]
        assert "1 sample cannot be made" in page and page.count('<li class="card') == 3
        assert list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "temporary").iterdir())


def test_every_finding_of_a_build_is_kept(tmp_path: Path) -> None:
    found = [course.KeyFinding(key=f"cat/{n}.png", text=f"as {n}\nothers") for n in range(80)]
    of_one = course.InspectorFindings(inspector="odd", action="warn", count=80, first=tuple(found))
    written = course.Course(made=0, reused=0, steps={}, paces={}, splits={}, findings=(of_one,))
    course.write(tmp_path, written)
    told = course.read_findings(tmp_path)
    assert told == {"odd": {each.key: each.text for each in found}}
    kept = course.read(tmp_path)
    assert kept is not None and len(kept.findings[0].first) == 50
    (lines,) = tmp_path.rglob("findings.jsonl")
    for junk in ("[", "{}", '["odd", 1, "x"]', "[[[[" * 900, '"\\ud800"'):
        lines.write_text(f'{junk}\n["odd", "dog", "x"]\n')
        assert course.read_findings(tmp_path) == {"odd": {"dog": "x"}}
    lines.write_bytes(b"\xff\xfe")
    assert len(course.read_findings(tmp_path)["odd"]) == 50
    lines.unlink()
    assert len(course.read_findings(tmp_path)["odd"]) == 50
