"""What we have published, as anybody gets it: pages that never change, validators, no secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from instance_cases import header
from published_cases import ACTIVITY, OUTBOX, House, house
from publishing_cases import ALICE, ORIGIN, WE, note, read

from fedpull.cache.api_http import Answer

IMMUTABLE = "public, max-age=86400, immutable"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def walked(at: House) -> list[dict[str, Any]]:
    """Every activity of the outbox, in the order in which a reader comes upon it."""
    found: list[dict[str, Any]] = []
    following: str | None = read(at.got(OUTBOX).body)["first"]
    while following is not None:
        page = read(at.got(following).body)
        assert (page["id"], page["type"]) == (following, "OrderedCollectionPage")
        assert page["partOf"] == OUTBOX
        found += page["orderedItems"]
        following = page.get("next")
    return found


def validators(answer: Answer) -> tuple[str | None, str | None]:
    return header(answer, "ETag"), header(answer, "Last-Modified")


def test_the_outbox_gives_everything_newest_first(at: House) -> None:
    """As many as it says, in pages of twenty; from the last page `prev` leads back up."""
    ids = at.publish(45)

    root = read(at.got(OUTBOX).body)
    assert (root["id"], root["type"], root["totalItems"]) == (OUTBOX, "OrderedCollection", 45)
    assert (root["first"], root["last"]) == (f"{OUTBOX}?page=3", f"{OUTBOX}?page=1")
    assert "orderedItems" not in root
    assert [one["id"] for one in walked(at)] == ids[::-1]
    assert read(at.got(root["last"]).body)["prev"] == f"{OUTBOX}?page=2"
    assert "prev" not in read(at.got(root["first"]).body)


def test_activities_stand_there_as_they_were_published(at: House) -> None:
    """Embedded, with the object and who it is for."""
    at.press.publish(note("hello", to=["as:Public"], cc=[ALICE]))

    [activity] = walked(at)

    assert (activity["type"], activity["actor"]) == ("Create", WE.actor)
    assert activity["object"]["content"] == "hello"
    alone = read(at.got(activity["object"]["id"]).body)
    assert alone.pop("@context") == activity["@context"]
    assert activity["object"] == alone
    assert read(at.got(activity["id"]).body) == activity


def test_a_full_page_never_changes(at: House) -> None:
    """Once there is a newer one, its bytes and its validators stay, and caches may keep it."""
    at.publish(21)
    before = at.got(f"{OUTBOX}?page=1")

    at.publish(40)
    after = at.got(f"{OUTBOX}?page=1", later=86_400.0)

    assert header(before, "Cache-Control") == header(after, "Cache-Control") == IMMUTABLE
    assert (after.body, validators(after)) == (before.body, validators(before))
    assert None not in validators(after)


@pytest.mark.parametrize("count", [1, 19, 20, 40])
def test_the_newest_page_is_not_kept_for_long(at: House, count: int) -> None:
    """Even where it is full: what comes next gives it a neighbour."""
    at.publish(count)
    root = at.got(OUTBOX)

    newest = at.got(read(root.body)["first"])

    assert header(root, "Cache-Control") == header(newest, "Cache-Control") == "public, max-age=60"


def test_the_root_and_the_newest_page_have_one_tag(at: House) -> None:
    """So that a 304 for the root says that there is nothing new; older pages have their own."""
    at.publish(30)
    root = at.got(OUTBOX)
    newest, older = (at.got(f"{OUTBOX}?page={n}") for n in (2, 1))

    assert validators(root) == validators(newest)
    assert header(older, "ETag") != header(newest, "ETag")
    assert root.body != newest.body


def test_who_was_here_before(at: House) -> None:
    """A 304 to either validator until something comes, and then neither is good any more."""
    at.publish(3)
    first = at.got(OUTBOX)
    etag, modified = validators(first)
    assert etag is not None
    assert modified is not None
    assert not etag.startswith("W/")
    asked: list[dict[str, Any]] = [{"if_none_match": etag}, {"if_modified_since": modified}]
    assert [at.got(OUTBOX, **one).status for one in asked] == [304, 304]

    at.publish(1)

    assert [at.got(OUTBOX, **one).status for one in asked] == [200, 200]


@pytest.mark.parametrize(
    ("tag", "since", "status"),
    [
        ("held", None, 304),
        ("W/held", None, 304),
        ('"other", held', None, 304),
        ("*", None, 304),
        ('"other"', None, 200),
        ('"other"', 3_600.0, 200),
        ("held", -3_600.0, 304),
        (None, 3_600.0, 304),
        (None, 0.0, 304),
        (None, -3_600.0, 200),
        (None, "yesterday", 200),
    ],
)
def test_conditions(at: House, tag: str | None, since: float | str | None, status: int) -> None:
    """As RFC 9110 has them: a tag decides alone, dates to the second, nonsense is no condition."""
    [id] = at.publish(1)
    etag, modified = validators(at.got(id))
    assert etag is not None
    assert modified == formatdate(int(at.press.clock.at), usegmt=True)
    headers: dict[str, Any] = {}
    if tag is not None:
        headers["if_none_match"] = tag.replace("held", etag)
    if isinstance(since, float):
        since = formatdate(int(at.press.clock.at) + since, usegmt=True)
    if since is not None:
        headers["if_modified_since"] = since

    answer = at.got(id, **headers)

    assert answer.status == status
    assert (answer.body == b"") is (status == 304)
    assert header(answer, "ETag") == etag


def test_a_date_is_good_at_once(at: House) -> None:
    """Who asks within the second of a publication has a date that a 304 goes by."""
    [id] = at.publish(1)

    for url in (id, OUTBOX, f"{OUTBOX}?page=1"):
        modified = header(at.got(url, later=0.0), "Last-Modified") or ""
        assert at.got(url, later=0.0, if_modified_since=modified).status == 304


def test_several_within_one_second(at: House) -> None:
    """Each state has a date of its own, and none is of the future: no 304 hides the next one."""
    start = at.press.clock.at
    for n in range(5):
        at.press.clock.at = start - 1.0 + n / 10
        now = start + n / 10
        at.press.publish(note(f"{n}"))
        before = at.got(OUTBOX, later=0.0)
        modified = header(before, "Last-Modified")
        assert modified == formatdate(int(now), usegmt=True)
        at.press.clock.at = now - 1.0 + 0.05
        at.press.publish(note("another"))
        assert at.got(OUTBOX, later=0.0, if_modified_since=modified).status == 200
        assert at.got(OUTBOX, later=60.0, if_modified_since=modified).status == 200
    settled = header(at.got(OUTBOX, later=60.0), "Last-Modified") or ""
    assert at.got(OUTBOX, later=60.0, if_modified_since=settled).status == 304


ELSEWHERE = [
    *("page=0", "page=4", "page=01", "page=-1", "page=", "page=x", "page=true"),
    *("page=1&page=2", "page=99999999999999999999", "page=%31", "page=1.0"),
]


@pytest.mark.parametrize("query", ELSEWHERE)
def test_pages_that_there_are_not(at: House, query: str) -> None:
    """404, whatever it is; each page has one URL."""
    at.publish(45)

    assert at.get(f"{OUTBOX}?{query}") is None


@pytest.mark.parametrize("query", ["utm=1", "a=b&c", "pages=2"])
def test_what_else_stands_in_a_query(at: House, query: str) -> None:
    """It is nothing to us."""
    at.publish(1)

    assert at.got(f"{OUTBOX}?{query}").body == at.got(OUTBOX).body


@pytest.mark.parametrize(
    "to", [[ALICE], [WE.followers], [WE.followers, ALICE]], ids=["an actor", "followers", "both"]
)
def test_what_is_not_public_is_not_there(at: House, to: list[str]) -> None:
    """Neither the activity nor its object, nor a trace of it in the outbox."""
    at.publish(1)
    before = at.got(OUTBOX).body
    one = at.press.publish(note("a secret", to=to))

    assert at.get(one.activity) is None
    assert at.get(one.object) is None
    assert at.got(OUTBOX).body == before
    assert at.published.count() == 1


def test_who_was_told_in_secret_is_nowhere(at: House) -> None:
    """`bto` and `bcc` are for delivering, and stand in nothing that is served."""
    one = at.press.publish(note("for all", to=["as:Public"], bto=[ALICE], bcc=[f"{ALICE}2"]))

    for id in (one.activity, one.object, f"{OUTBOX}?page=1"):
        body = at.got(id).body
        assert ALICE.encode() not in body
        assert b"bto" not in body
        assert b"bcc" not in body


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (ACTIVITY, 200),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', 200),
        ("application/json", 200),
        ("*/*", 200),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 303),
        ("image/png", 406),
    ],
)
def test_who_gets_what(at: House, accept: str, status: int) -> None:
    """As with the actor: programs the document, people a page, and caches are told of it."""
    one = at.press.publish(note())

    for id in (one.activity, one.object, OUTBOX, f"{OUTBOX}?page=1"):
        answer = at.got(id, accept=accept)
        assert (answer.status, header(answer, "Vary")) == (status, "Accept"), id
        if status == 200:
            assert answer.type == ACTIVITY


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://blog.example/hello", "https://blog.example/hello"),
        (None, f"{ORIGIN}/"),
        (["https://blog.example/a", "https://blog.example/b"], "https://blog.example/a"),
        ({"type": "Link", "href": "https://blog.example/l"}, "https://blog.example/l"),
        ("https://blog.example/ü", "https://blog.example/%C3%BC"),
    ],
    ids=["its page", "none", "several", "a link", "beyond ASCII"],
)
def test_where_people_are_led(at: House, url: Any, led: str) -> None:
    """To what the object says its page is."""
    one = at.press.publish(note(**({} if url is None else {"url": url})))

    assert header(at.got(one.object, accept="text/html"), "Location") == led


def test_what_was_deleted(at: House) -> None:
    """410 with its Tombstone; where it was embedded stands the Tombstone, and caches are told."""
    first = at.press.publish(note("to be regretted"))
    at.publish(30)
    page = at.got(f"{OUTBOX}?page=1")

    at.press.publish({"type": "Delete", "object": first.object})

    gone = at.got(first.object, if_none_match="*")
    assert (gone.status, gone.type) == (410, ACTIVITY)
    assert None not in validators(gone)
    assert at.got(first.object, accept="text/html").status == 410
    assert read(gone.body)["type"] == "Tombstone"
    assert read(at.got(first.activity).body)["object"]["type"] == "Tombstone"
    now = at.got(f"{OUTBOX}?page=1", if_none_match=header(page, "ETag") or "")
    assert now.status == 200
    assert b"regretted" not in now.body
    assert header(now, "Last-Modified") != header(page, "Last-Modified")
    assert header(now, "Cache-Control") == IMMUTABLE


def test_what_was_edited(at: House) -> None:
    """The object is the new one; the activity that brought it names it by id only."""
    first = at.press.publish(note("tpyo"))
    before = at.got(first.object)

    at.press.publish({"type": "Update", "object": {**note("typo"), "id": first.object}})

    now = at.got(first.object, if_none_match=header(before, "ETag") or "")
    assert (now.status, read(now.body)["content"]) == (200, "typo")
    assert read(at.got(first.activity).body)["object"] == first.object
    assert b"tpyo" not in json.dumps(walked(at)).encode()


def test_a_tombstone_of_what_was_not_public(at: House) -> None:
    """It is as little there as what it stands for was."""
    one = at.press.publish(note("a secret", to=[ALICE]))
    at.press.publish({"type": "Delete", "object": one.object})

    assert at.get(one.object) is None
