"""A dataset in a browser: what its server answers, to whom, and what it writes."""

import json
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


def test_pages_go_through_all_samples_that_fit_once(dataset: dsbuilder.Dataset) -> None:
    browsing = Browsing(dataset)
    stored = [each.key for each in dataset]
    for question, expected in (
        (Question(), stored),
        (Question(class_name="cat"), [key for key in stored if key.startswith("cat/")]),
        (Question(origin="variant"), [key for key in stored if "//" in key]),
        (Question(origin="synthetic"), []),
        (Question(text="og/1"), [key for key in stored if "og/1" in key]),
        (Question(split="test"), [each.key for each in dataset.samples("test")]),
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
    stored = [each.key for each in dataset]
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
