"""The programs of `examples/`, run beside a daemon, and read by parsers that none of them uses."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from example_world import AGENDA, ALICE, ALT, ANN, pulled
from lxml import etree, html  # type: ignore[import-untyped]
from station import Station

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with pulled(tmp_path_factory.mktemp("examples")) as (station, _):
        yield station


def run(name: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(EXAMPLES / name), *words]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def made(station: Station, name: str, *words: str) -> bytes:
    """What an example writes; the same to a file as to its output."""
    file = station.folder / f"{name}.out"
    printed = run(name, str(station.store), *words)
    assert (printed.returncode, printed.stderr) == (0, b"")
    assert run(name, str(station.store), *words, "-o", str(file)).returncode == 0
    return file.read_bytes()


def test_the_events_to_come_are_a_calendar(station: Station) -> None:
    """Read line by line as RFC 5545 has them: two events, soonest first, with all that is known."""
    lines = re.sub(r"\r\n[ \t]", "", made(station, "events.py").decode()).split("\r\n")
    fields = [line.partition(":") for line in lines]
    told = [text for name, _, text in fields if name == "SUMMARY"]
    starts = [text for name, _, text in fields if name == "DTSTART"]
    places = {text for name, _, text in fields if name == "LOCATION"}

    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert told == ["Concert 3\\; with\\, guests", "Concert 6\\; with\\, guests"]
    assert starts == sorted(starts)
    assert all(re.fullmatch(r"\d{8}T\d{6}Z", start) for start in starts)
    assert places == {"Lab Hall\\, Loopback Street 1"}
    assert max(len(line) for line in made(station, "events.py").split(b"\r\n")) <= 75


def test_events_of_one_actor_from_a_day_on(station: Station) -> None:
    """The past is in it where it was asked for; whoever has no events has an empty calendar."""
    since = ("--from", "2000-01-01")

    assert made(station, "events.py", "--actor", AGENDA, *since).count(b"BEGIN:VEVENT") == 3
    assert made(station, "events.py", "--actor", ALICE, *since).count(b"BEGIN:VEVENT") == 0


def test_the_gallery_loads_nothing_unless_told_to(station: Station) -> None:
    """Pictures are links with their descriptions; what strangers wrote runs nothing."""
    page = html.document_fromstring(made(station, "gallery.py"))
    links = page.xpath("//figure//a[not(ancestor::figcaption)]")
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")

    assert {link.get("href") for link in links} == {
        "https://photos.example/1.jpg",
        "https://photos.example/3.jpg",
    }
    assert [link.text_content() for link in links] == [ALT, ALT]
    assert page.xpath("//details/summary/text()") == ["Spiders & co"]
    assert page.xpath("//img | //script | //iframe | //link | //*[@onerror]") == []
    assert all("img-src 'none'" in one for one in policy)
    assert len(policy) == 1


def test_the_gallery_loads_pictures_when_told_to(station: Station) -> None:
    """Then the pictures, of one actor here, with their descriptions, and nothing else."""
    page = html.document_fromstring(made(station, "gallery.py", "--load", "--actor", ANN))
    tagged = html.document_fromstring(made(station, "gallery.py", "--load", "--tag", "photography"))

    assert {(one.get("src"), one.get("alt")) for one in page.xpath("//img")} == {
        ("https://photos.example/1.jpg", ALT),
        ("https://photos.example/3.jpg", ALT),
    }
    assert tagged.xpath("//img/@src") == ["https://photos.example/1.jpg"]
    assert page.xpath("//script | //*[@onerror]") == []


def test_the_feed_of_an_actor_is_rss(station: Station) -> None:
    """An XML parser finds each post with its id, page and date, newest first, and clean HTML."""
    rss = etree.fromstring(made(station, "feed.py", ALICE))
    items = rss.findall("channel/item")
    dates = [parsedate_to_datetime(item.findtext("pubDate")) for item in items]
    written = html.fromstring(f"<div>{items[0].findtext('description')}</div>")

    assert rss.get("version") == "2.0"
    assert rss.findtext("channel/title") == "Alice"
    assert rss.findtext("channel/link").startswith("https://example.social/")
    assert len(items) == len({item.findtext("guid") for item in items}) == 3
    assert dates == sorted(dates, reverse=True)
    assert items[0].findtext("title") == "Look ‹script›"
    assert items[0].findtext("category") == "photography"
    assert written.xpath("//img | //script | //*[@onerror]") == []


WRONG: list[tuple[str, tuple[str, ...], bytes]] = [
    ("events.py", ("{store}", "--actor", "alice"), b"neither a handle nor an https URI"),
    ("gallery.py", ("{store}", "--actor", "@nobody@example.social"), b"not in the cache"),
    ("feed.py", ("{store}/nowhere", ALICE), b"nowhere"),
]


@pytest.mark.parametrize(("name", "words", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_mistake_is_told_in_a_line(
    station: Station, name: str, words: tuple[str, ...], said: bytes
) -> None:
    """No traceback, and an exit code that scripts see."""
    ended = run(name, *(word.format(store=station.store) for word in words))

    assert ended.returncode == 1
    assert ended.stdout == b""
    assert said in ended.stderr
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_helps_and_is_short(path: Path) -> None:
    """A person reads it in two minutes."""
    helped = run(path.name, "--help")

    assert helped.returncode == 0
    assert b"the folder of the store" in helped.stdout
    assert len(path.read_text("utf-8").splitlines()) <= 100
