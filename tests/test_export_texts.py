"""Whatever strangers write, feeds stay valid, calendars whole, and nothing of it runs or loads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from api_cases import ALICE, HOST, NOW, Store, note
from atom_grammar import ATOM, faults, parsed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from fedpull.cache.export_atom import Feed
from fedpull.cache.export_calendar import Calendar as Export
from fedpull.cache.records import Follow
from fedpull.errors import BadInput

CORPORA = Path(__file__).resolve().parent.parent.parent / "shared" / "corpora"


@contextmanager
def exported(tmp_path: Path, *documents: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """The documents as a feed and as a calendar."""
    store = Store(tmp_path / "data")
    try:
        store.follow(Follow(key="@alice@events.example", actor=ALICE))
        store.put(*documents)
        held = [store.query.document(one["id"]) for one in documents]
        feed, calendar = Feed(store.query, {}, NOW), Export({})
        yield (
            b"".join([feed.begin([]), *(feed.one(one) for one in held if one), feed.end()]),
            b"".join(
                [calendar.begin([]), *(calendar.one(one) for one in held if one), calendar.end()]
            ),
        )
    finally:
        store.close()


EVENT = note(1, type="Event", name="Fair", startTime="2026-07-01T20:00:00Z")


def told(tmp_path: Path, **said: Any) -> tuple[Any, Any, bytes]:
    """The entry of a feed, the event of a calendar, and that calendar, of one event."""
    with exported(tmp_path, {**EVENT, **said}) as (feed, calendar):
        assert faults(feed) == []
        [entry] = parsed(feed).iter(f"{ATOM}entry")
        [event] = Calendar.from_ical(calendar).walk("VEVENT")
        for line in calendar.split(b"\r\n"):
            assert len(line) <= 75
            assert b"\n" not in line
            assert b"\r" not in line
        return entry, event, calendar


HOSTILE = [
    ("markup in a name", {"name": "<script>alert(1)</script>]]>&amp;"}),
    ("control characters in a name", {"name": "a\x00b\x08c\x1b[31m\ufffe\x0b"}),
    ("a line break in a name", {"name": "Fair\r\nATTENDEE:mailto:x@a.example\nX: y"}),
    ("the end of a calendar", {"content": "<p>x</p>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}),
    ("script in content", {"content": "<script>alert(1)</script><img src=x onerror=alert(1)>"}),
    ("a link that runs", {"content": "<a href='javascript:alert(1)'>here</a>", "url": "data:,x"}),
    ("a page with a line break", {"url": "https://a.example/\r\nDTEND:20260101T000000Z"}),
    ("a page with markup", {"url": 'https://a.example/"><script>'}),
    ("a place with a line break", {"location": {"name": "Hall\r\nURL:x", "address": "Road\n1"}}),
    ("a place of numbers", {"location": [3, {"name": 4, "latitude": "x", "longitude": True}]}),
    ("a place off the earth", {"location": {"name": "Moon", "latitude": 1e300, "longitude": 0}}),
    ("tags that are none", {"tag": [{"type": "Hashtag", "name": '#a"><b\r\n'}, 5, None]}),
    ("a file of an odd type", {"attachment": [{"url": "https://a.example/x", "mediaType": "a"}]}),
    ("a file elsewhere", {"attachment": [{"url": "file:///etc/passwd", "name": "x"}]}),
    ("an answer to what is none", {"inReplyTo": "not a URI"}),
    ("an end before the start", {"endTime": "2020-01-01T00:00:00Z"}),
    ("an end that is a day", {"endTime": "2026-07-02"}),
    ("a status that is none", {"status": "CONFIRMED\r\nX:y", "ical:status": 5}),
    ("very long text", {"content": "<p>" + "ü" * 100_000 + "</p>", "name": "n" * 10_000}),
    ("text that is too intricate", {"content": "<b>" * 9_000 + "x"}),
    ("a date of long ago", {"startTime": "1066-10-14", "published": "0001-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize("said", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_strangers_write_stays_text(tmp_path: Path, said: dict[str, Any]) -> None:
    """The feed is valid, the calendar has the one event, and neither has what was smuggled in."""
    entry, event, calendar = told(tmp_path, **said)

    assert entry.findtext(f"{ATOM}id") == event["uid"] == f"{HOST}/notes/1"
    content = entry.findtext(f"{ATOM}content") or ""
    for bad in ("<script", "onerror", "javascript:", "<img"):
        assert bad not in content
    for link in entry.iter(f"{ATOM}link"):
        assert link.get("href").startswith("https://")
    assert set(event) <= {
        *("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "LOCATION", "URL"),
        *("CATEGORIES", "GEO", "CREATED", "LAST-MODIFIED", "STATUS"),
    }
    assert calendar.count(b"\r\nEND:VEVENT\r\n") == calendar.count(b"\r\nBEGIN:VEVENT\r\n") == 1
    assert calendar.count(b"\r\nEND:VCALENDAR\r\n") == 1


def test_an_event_with_everything(tmp_path: Path) -> None:
    """What servers say of an event is where calendars look for it."""
    _, event, _ = told(
        tmp_path,
        startTime="2026-07-01T20:00:00.500+02:00",
        endTime="2026-07-01T22:30:00+02:00",
        content="<p>Come <b>all</b>!</p><p>Bring, if you can; friends</p>",
        url="https://events.example/fair",
        published="2026-05-01T10:00:00Z",
        updated="2026-05-02T10:00:00Z",
        tag=[{"type": "Hashtag", "name": "#Fair"}, {"type": "Hashtag", "name": "#town"}],
        location={
            "name": "Town Hall",
            "address": {"streetAddress": "Main Road 1", "addressLocality": "Town"},
            "latitude": 45.07,
            "longitude": 7.68,
        },
        **{"ical:status": "CONFIRMED"},
    )

    assert {name: event[name].to_ical() for name in ("DTSTART", "DTEND", "CREATED")} == {
        "DTSTART": b"20260701T180000Z",
        "DTEND": b"20260701T203000Z",
        "CREATED": b"20260501T100000Z",
    }
    assert event["LAST-MODIFIED"].to_ical() == event["DTSTAMP"].to_ical() == b"20260502T100000Z"
    assert str(event["DESCRIPTION"]).split("\n\n") == ["Come all!", "Bring, if you can; friends"]
    assert str(event["LOCATION"]) == "Town Hall, Main Road 1, Town"
    assert event["GEO"].to_ical() == "45.07;7.68"
    assert event["CATEGORIES"].to_ical() == b"fair,town"
    assert (str(event["URL"]), str(event["STATUS"])) == ("https://events.example/fair", "CONFIRMED")


def test_a_day_is_a_day(tmp_path: Path) -> None:
    """A start without a time is a whole day, so that no zone moves it to another one."""
    _, event, _ = told(tmp_path, startTime="2026-07-01", endTime="2026-07-03")

    assert event["DTSTART"].to_ical() == b"20260701"
    assert event["DTEND"].to_ical() == b"20260703"


def test_files_of_a_post_are_enclosures(tmp_path: Path) -> None:
    """Pictures are not in the text, which would load them, but beside it."""
    picture = {"type": "Image", "url": "https://a.example/1.png", "mediaType": "image/png"}
    entry, _, _ = told(tmp_path, attachment=[{**picture, "name": 'A "dog" & a <cat>'}])
    [link] = [one for one in entry.iter(f"{ATOM}link") if one.get("rel") == "enclosure"]

    assert dict(link.attrib) == {
        "rel": "enclosure",
        "href": "https://a.example/1.png",
        "type": "image/png",
        "title": 'A "dog" & a <cat>',
    }


TEXT = st.text(max_size=40) | st.sampled_from(
    [
        "2026-07-01",
        "9999-12-31T23:59:59-12:00",
        "https://a.example/\u202e\n",
        "]]>",
        "\r\nEND:VEVENT",
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**30) | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "url", "href", "type", "mediaType", "address", "latitude"])
            | TEXT,
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("name", "nameMap", "content", "contentMap", "summary", "url", "tag", "attachment"),
        *("location", "startTime", "endTime", "published", "updated", "inReplyTo", "status"),
        *("attributedTo", "type", "mediaType", "sensitive", "duration"),
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(NAMES, ANY, max_size=6))
def test_any_json_is_exported(tmp_path: Path, said: dict[str, Any]) -> None:
    """No document raises, breaks the feed, or adds a component to the calendar."""
    document = {**EVENT, **said}
    try:
        with exported(tmp_path, document) as (feed, calendar):
            assert faults(feed) == []
            assert len(Calendar.from_ical(calendar).walk()) <= 2
    except BadInput:
        return  # JSON that is not read in the first place


@pytest.mark.corpora
def test_real_events_are_exported(tmp_path: Path) -> None:
    """Every event of the captured servers is one of the calendar, and an entry of a valid feed."""
    if not CORPORA.is_dir():
        pytest.skip("the captured answers of other servers are not beside the repository")
    events: dict[str, dict[str, Any]] = {}
    for path in sorted(CORPORA.rglob("*.json")):
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            continue
        for one in _events(found, 0):
            if str(one.get("id", "")).startswith("https://"):
                events.setdefault(one["id"], one)
    assert len(events) >= 10
    with exported(tmp_path, *events.values()) as (feed, calendar):
        assert faults(feed) == []
        dated = {id for id, one in events.items() if isinstance(one.get("startTime"), str)}
        assert {str(one["uid"]) for one in Calendar.from_ical(calendar).walk("VEVENT")} <= dated
        assert calendar.count(b"BEGIN:VEVENT") >= len(dated) * 0.9


def _events(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > 8:
        return
    if isinstance(value, dict):
        if value.get("type") == "Event":
            yield value
        for inner in value.values():
            yield from _events(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _events(inner, depth + 1)


FAULTY = [
    ("without an id", b"<id>urn:x:y</id>", b""),
    ("with two titles", b"<title>t</title>", b"<title>t</title><title>t</title>"),
    ("with a category without a term", b'term="x"', b'y="x"'),
    ("with content of an odd type", b'type="html"', b'type="foo"'),
    ("without an author", b"<author><name>n</name></author>", b""),
    ("with a time that is none", b"2026-01-01T00:00:00Z", b"2026"),
    ("with a link that is none", b'href="https://a/1"', b'href="https://a/ 1"'),
    ("with an entry that has nothing", b'<link href="https://a/1"/>', b""),
]
GOOD = (
    b'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x:y</id><title>t</title>'
    b"<updated>2026-01-01T00:00:00Z</updated><entry><id>https://a/1</id><title>x</title>"
    b"<updated>2026-01-02T00:00:00Z</updated><author><name>n</name></author>"
    b'<link href="https://a/1"/><category term="x"/></entry>'
    b"<entry><id>https://a/2</id><title>x</title><updated>2026-01-02T00:00:00Z</updated>"
    b'<author><name>n</name></author><content type="html">x</content></entry></feed>'
)


@pytest.mark.parametrize(
    ("old", "new"), [row[1:] for row in FAULTY], ids=[row[0] for row in FAULTY]
)
def test_the_judge_of_feeds_sees_a_fault(old: bytes, new: bytes) -> None:
    """A feed is not called valid that is not."""
    assert faults(GOOD) == []
    assert faults(GOOD.replace(old, new)) != []
