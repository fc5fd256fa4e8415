"""The benchmark measures what it says: the same documents for all, and all of them taken."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fedpull.cache.views import ObjectFilter
from fedpull.crawler.protocol import activitystreams as as2
from fedpull.crawler.protocol.collection import read_page

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark's scripts stand beside each other, not in a package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("corpus")


def needs_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    if importlib.import_module("nginx").path() is None:
        pytest.skip("nginx is not installed")


def served(folder: Path) -> dict[str, dict[str, Any]]:
    """What is served, by URL."""
    files = folder.rglob("*.json")
    return {
        f"https://{path.relative_to(folder).as_posix().removesuffix('.json')}": json.loads(
            path.read_bytes()
        )
        for path in files
    }


def walk(documents: dict[str, dict[str, Any]], outbox: str) -> list[dict[str, Any]]:
    """The objects of an outbox, page by page, each embedded or fetched by its id."""
    found = []
    url: str | None = outbox
    as_page = False
    while url is not None:
        page = read_page(documents[url], url, as_page)
        for item in page.items:
            assert item.object_id is not None or item.activity_id is not None
            id = item.object_id or item.activity_id or ""
            found.append(item.object if item.object is not None else documents[id])
        url, as_page = page.first or page.next, True
    return found


def test_every_list_of_the_benchmark_has_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the one that is there because two filters have none in common."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    listing = importlib.import_module("listing")
    monkeypatch.setattr(listing, "AUTHORS", 30)
    opened = listing.fill(tmp_path / "data", 3_000)
    try:
        found = {
            name: bool(opened.query.objects(ObjectFilter(**wanted), 50)[0])
            for name, wanted in listing.cases(3_000).items()
        }
        figures = dict(listing.figures(opened, 3_000, 50))
    finally:
        opened.close()

    empty = [name for name, there in found.items() if not there]
    assert empty == ["disjoint: hashtag and type"]
    assert set(figures) > set(found)


SHAPES = [("single", 450, 450), ("pages", 45, 45), ("outboxes", 480, 30), ("hosts", 5, 1)]


@pytest.mark.parametrize(("shape", "size", "posts"), SHAPES, ids=[one[0] for one in SHAPES])
def test_every_post_of_the_corpus_is_offered_public_and_its_owners(
    corpus: Any, tmp_path: Path, shape: str, size: int, posts: int
) -> None:
    """A crawler that verifies finds no reason to leave anything out."""
    there = corpus.write(tmp_path, shape, size)
    documents = served(tmp_path)

    offered = {outbox: walk(documents, outbox) for outbox in there.outboxes}

    assert {len(objects) for objects in offered.values()} == {posts}
    assert there.documents == len(there.actors) + sum(map(len, offered.values()))
    for actor, outbox in zip(there.actors, there.outboxes, strict=True):
        assert as2.outbox_of(documents[actor]) == outbox
        for note in offered[outbox]:
            assert as2.audience(note).public
            assert as2.owner(note) == actor
        dates = [as2.published(note) or 0.0 for note in offered[outbox]]
        assert dates == sorted(dates, reverse=True)


def test_the_corpus_is_the_same_every_time(corpus: Any, tmp_path: Path) -> None:
    """Figures of two days compare only when the documents do."""
    for name in ("one", "other"):
        corpus.write(tmp_path / name, "pages", 30)

    assert served(tmp_path / "one") == served(tmp_path / "other")


def test_ids_are_the_urls_at_which_documents_are_served(corpus: Any, tmp_path: Path) -> None:
    """Else the identity rule would make every crawler of ours fetch everything twice."""
    corpus.write(tmp_path, "single", 20)

    documents = {url: doc for url, doc in served(tmp_path).items() if "/.well-known/" not in url}

    assert all(document["id"] == url for url, document in documents.items())


def test_news_stand_on_top_of_what_was_there(corpus: Any, tmp_path: Path) -> None:
    """The second visit finds the posts of the first below the new one."""
    there = corpus.write(tmp_path, "hosts", 1)
    before = walk(served(tmp_path), there.outboxes[0])
    corpus.write(tmp_path, "hosts", 1, news=1)
    after = walk(served(tmp_path), there.outboxes[0])

    assert after[1:] == before
    assert len(after) == 2


@pytest.mark.parametrize("shape", ["single", "hosts"])
def test_every_contender_takes_all_of_a_small_corpus(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark itself fails when one of them holds less than there is."""
    pytest.importorskip("aiohttp", reason="aiohttp (group bench) is not installed")
    needs_nginx(monkeypatch)
    places = ["--dir", str(tmp_path), "--results", str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "run.py", "--quick", "--shape", shape, "--size", "20", *places],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    results = json.loads(next(tmp_path.glob("*.json")).read_text())
    contenders = {run["contender"] for run in results["runs"] if run["shape"] == shape}
    assert len(contenders) == 5


def test_without_nginx_it_says_what_to_install(tmp_path: Path) -> None:
    """One command to type, and the exit code of a wrong set-up."""
    script = "import nginx, run, sys; nginx.path = lambda: None; sys.exit(run.main([]))"

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert (
        done.stderr.strip() == "nginx is not installed; expected after: apt-get install nginx-light"
    )


def test_reading_is_measured_on_a_store_of_its_own(tmp_path: Path) -> None:
    """`cache_get.py` fills a store, reads it and says so for each case."""
    few = ["--documents", "50", "--runs", "1", "--gets", "100"]

    done = subprocess.run(
        [sys.executable, "cache_get.py", *few, "--dir", str(tmp_path)],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(done.stdout.splitlines()) == 4


def test_refreshing_is_measured_on_a_store_of_its_own(tmp_path: Path) -> None:
    """`refresh_store.py` says what a reference costs to begin, choose, record and keep."""
    done = subprocess.run(
        [sys.executable, "refresh_store.py", "--references", "400", "--dir", str(tmp_path)],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=True,
    )

    told = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert told == ["begin", "disk", "choose", "record", "joined", "sweep", "memory"]


def test_deliveries_are_measured_beside_a_stock_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`delivery.py` fails when one of them sends too few or too many."""
    pytest.importorskip("aiohttp", reason="aiohttp (group bench) is not installed")
    needs_nginx(monkeypatch)
    few = ["--activities", "3", "--hosts", "5", "--runs", "1", "--dir", str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "delivery.py", *few],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [line.partition("  ")[0] for line in done.stdout.split("\n  ")[1:]] == [
        "Fedpull",
        "aiohttp + SQLite, a commit for each",
        "aiohttp, nothing stored",
    ]
