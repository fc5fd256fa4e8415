"""Signed GETs: who reads what is not for everybody, and whom of our followers a server is told."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import Scene, actor, published, request_of, scene
from instance_cases import header
from public_cases import head, serving, status
from published_cases import ACTIVITY, instance
from publishing_cases import ORIGIN, WE, Press, note
from store_cases import clean

from fedpull.cache.api_http import Answer
from fedpull.cache.mail_records import Follower, FollowerState
from fedpull.crawler import visits
from fedpull.crawler.protocol.part_digest import digest_of
from fedpull.crawler.published import Published
from fedpull.crawler.visits import Visits
from fedpull.tests.fediverse.keys import Private, rsa_key
from fedpull.tests.fediverse.signatures import Message, cavage, rfc9421

HOME, AWAY = "https://home.example", "https://away.example"
ANNA, BERT, CARL = f"{HOME}/users/anna", f"{HOME}/users/bert", f"{AWAY}/users/carl"
PART = f"{WE.followers}/synchronization"
CLIENT = "198.51.100.7"


def get(
    url: str,
    by: str,
    at: float,
    form: str = "cavage",
    key: Private | None = None,
    method: str = "GET",
    **more: str,
) -> Message:
    """A signed GET, as servers send it when they are asked to prove who they are."""
    headers = {"host": "pull.example", "date": formatdate(at, usegmt=True), "accept": ACTIVITY}
    message = Message(method, url, headers | more)
    key, key_id = key or rsa_key(), f"{by}#main-key"
    if form == "cavage":
        made = cavage(message, key, key_id, ("(request-target)", "host", "date"))
    else:
        covered = ("@method", "@target-uri", "@authority")
        made = rfc9421(message, key, covered, {"created": int(at), "keyid": key_id})
    return replace(message, headers={**message.headers, **made})


class Guarded:
    """What we have published, and who may come for it."""

    def __init__(self, folder: Path, blocked: Callable[[str], bool] = lambda id: False) -> None:
        self.at: Scene = scene(folder)
        self.press = Press(self.at.opened)
        self.press.clock.at = self.at.clock.at
        we = instance(folder)
        shelf = Published(we, self.at.opened.query)
        mailbox, keyring = self.at.opened.mailbox, self.at.keyring
        self.visits = Visits(we, shelf, mailbox, keyring, self.at.clock, blocked)
        self.at.origins.serve(actor(ANNA), actor(BERT), actor(CARL))

    def close(self) -> None:
        clean(self.at.opened)
        self.at.opened.close()

    def follow(self, *actors: str, state: FollowerState = "accepted") -> None:
        for one in actors:
            row = Follower(one, f"{one}/inbox", None, state, f"{one}#follow", self.at.clock.at)
            self.at.opened.mailbox.put_follower(row, (), self.at.clock.at).result()

    async def take(self, message: Message) -> Answer | None:
        found = self.visits.answer(request_of(message), dict(message.headers), CLIENT)
        return await found if isinstance(found, Awaitable) else found

    async def status(self, url: str, by: str, **how: Any) -> int:
        answer = await self.take(get(url, by, self.at.clock.at, **how))
        return 404 if answer is None else answer.status

    async def part(self, by: str, url: str = PART) -> dict[str, Any]:
        answer = await self.take(get(url, by, self.at.clock.at))
        assert answer is not None
        assert answer.status == 200, answer
        value: dict[str, Any] = json.loads(answer.body)
        return value

    def publish(self, value: dict[str, Any]) -> Any:
        """As the press does, which awaits on a loop of its own."""
        return self.press.publishing.publish(json.dumps(value).encode())


@pytest.fixture
async def at(tmp_path: Path) -> Any:
    made = Guarded(tmp_path)
    yield made
    made.close()


FOR = {
    "its addressee": ([ANNA], (), ANNA, 200),
    "somebody else of that server": ([ANNA], (), BERT, 404),
    "somebody of another server": ([ANNA], (), CARL, 404),
    "a follower, where it is for followers": ([WE.followers], (CARL,), CARL, 200),
    "a neighbour of a follower": ([WE.followers], (ANNA,), BERT, 404),
    "a stranger, where it is for followers": ([WE.followers], (CARL,), ANNA, 404),
    "a follower, where it is for somebody else": ([ANNA], (CARL,), CARL, 404),
}


@pytest.mark.parametrize("form", ["cavage", "rfc9421"])
@pytest.mark.parametrize(("to", "followers", "by", "status"), FOR.values(), ids=FOR)
async def test_who_reads_it(
    at: Guarded, to: list[str], followers: tuple[str, ...], by: str, status: int, form: str
) -> None:
    """Whom it is addressed to, and for all others it is not there."""
    at.follow(*followers)
    one = await at.publish(note("for some", to=to))

    for id in (one.activity, one.object):
        assert await at.status(id, by, form=form) == status, id


@pytest.mark.parametrize("state", ["pending", "rejected"])
async def test_who_is_no_follower_yet(at: Guarded, state: FollowerState) -> None:
    """To have asked is not enough."""
    at.follow(BERT)
    at.follow(ANNA, state=state)
    one = await at.publish(note("for followers", to=[WE.followers]))

    assert await at.status(one.object, ANNA) == 404


async def test_who_was_told_in_secret_may_read_it(at: Guarded) -> None:
    """`bcc` is an address like others, though nobody is told."""
    one = await at.publish(note("psst", to=[CARL], bcc=[ANNA]))

    answer = await at.take(get(one.object, ANNA, at.at.clock.at))

    assert answer is not None
    assert answer.status == 200
    assert ANNA.encode() not in answer.body


async def test_how_it_is_given(at: Guarded) -> None:
    """Like what is public, but for no cache that others share; who has it gets a 304."""
    one = await at.publish(note("for anna", to=[ANNA]))
    first = await at.take(get(one.object, ANNA, at.at.clock.at))
    assert first is not None

    asked: dict[str, Any] = {"if-none-match": header(first, "ETag")}
    again = await at.take(get(one.object, ANNA, at.at.clock.at, **asked))

    assert (first.status, first.type) == (200, ACTIVITY)
    assert header(first, "Cache-Control") == "private, no-cache"
    assert again is not None
    assert (again.status, again.body) == (304, b"")


async def test_it_is_gone_for_those_who_knew_it(at: Guarded) -> None:
    """410 and the Tombstone to its addressee, nothing to others."""
    one = await at.publish(note("for anna", to=[ANNA]))
    await at.publish({"type": "Delete", "object": one.object})

    assert await at.status(one.object, ANNA) == 410
    assert await at.status(one.object, CARL) == 404


NOT_SO: dict[str, Callable[[str, float], Message]] = {
    "not at all": lambda url, at: Message("GET", url, {"host": "pull.example"}),
    "with another key": lambda url, at: get(url, ANNA, at, key=rsa_key(3)),
    "long ago": lambda url, at: get(url, ANNA, at - 7_200.0),
    "for another path": lambda url, at: replace(get(f"{url}x", ANNA, at), url=url),
    "for another host": lambda url, at: get(url, ANNA, at, host="other.example"),
    "for another method": lambda url, at: replace(get(url, ANNA, at, method="HEAD"), method="GET"),
    "with a key that lies elsewhere": lambda url, at: get(url, f"{AWAY}/keys/anna", at),
}


@pytest.mark.parametrize("made", NOT_SO.values(), ids=NOT_SO)
async def test_what_is_not_signed_so(at: Guarded, made: Callable[[str, float], Message]) -> None:
    """It might not be there, for all that is said; and our followers are named to nobody."""
    at.follow(ANNA)
    key = published(f"{AWAY}/keys/anna#main-key", ANNA)
    at.at.origins.served[f"{AWAY}/keys/anna"] = {**key, "id": f"{AWAY}/keys/anna#main-key"}
    one = await at.publish(note("for anna", to=[ANNA]))
    now = at.at.clock.at

    answers = [await at.take(made(url, now)) for url in (one.activity, one.object, PART)]

    assert [404 if answer is None else answer.status for answer in answers] == [404, 404, 401]
    assert all(ANNA.encode() not in answer.body for answer in answers if answer is not None)


async def test_no_key_is_asked_for_in_vain(at: Guarded) -> None:
    """Where nobody of that server may read it, or there is nothing, nobody is bothered."""
    at.follow(ANNA)
    one = await at.publish(note("for anna", to=[ANNA]))
    public = await at.publish(note("for all"))

    assert await at.status(one.object, CARL) == 404
    assert await at.status(f"{ORIGIN}/objects/none", CARL) == 404
    assert await at.status(f"{ORIGIN}/elsewhere", CARL) == 404
    assert await at.status(public.object, CARL) == 404  # others answer that, before this is asked
    assert at.at.origins.asked == []


async def test_a_host_that_is_away(at: Guarded) -> None:
    """Whose key cannot be had now is told to come again, and nothing else."""
    at.at.origins.served[ANNA] = 503
    one = await at.publish(note("for anna", to=[ANNA]))

    answers = [await at.take(get(url, ANNA, at.at.clock.at)) for url in (one.object, PART)]

    for answer in answers:
        assert answer is not None
        assert answer.status == 503
        assert int(header(answer, "Retry-After") or 0) > 0


async def test_whom_we_have_nothing_to_do_with(tmp_path: Path) -> None:
    """A server on a blocklist gets nothing that it would have to sign for."""
    at = Guarded(tmp_path, lambda id: id.startswith(HOME))
    at.follow(ANNA)
    one = await at.publish(note("for anna", to=[ANNA, WE.followers]))

    assert [await at.status(url, ANNA) for url in (one.object, PART)] == [404, 403]
    assert at.at.origins.asked == []
    at.close()


async def test_the_part_of_a_server(at: Guarded) -> None:
    """Its own accepted followers, as the digest that we deliver says; nobody else (FEP-8fcf)."""
    at.follow(ANNA, BERT, CARL)
    at.follow(f"{HOME}/users/dora", state="pending")

    there = await at.part(ANNA)

    assert (there["id"], there["type"], there["totalItems"]) == (PART, "OrderedCollection", 2)
    assert set(there["orderedItems"]) == {ANNA, BERT}
    assert digest_of(there["orderedItems"]) == at.at.opened.mailbox.part_digest(HOME)
    assert (await at.part(CARL))["orderedItems"] == [CARL]


async def test_a_server_of_which_nobody_follows_us(at: Guarded) -> None:
    """It may know that."""
    at.follow(ANNA)

    assert (await at.part(CARL))["orderedItems"] == []


async def test_nobody_else_keeps_it(at: Guarded) -> None:
    """It is for who has signed, and for this once."""
    at.follow(ANNA)

    answer = await at.take(get(PART, ANNA, at.at.clock.at))

    assert answer is not None
    assert header(answer, "Cache-Control") == "private, no-store"


async def test_a_large_part(at: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pages, which servers follow as those of any collection."""
    monkeypatch.setattr(visits, "PART_PAGE", 3)
    actors = {f"{HOME}/users/{n}?ü=&" for n in range(7)}
    at.follow(*actors, CARL)

    root = await at.part(ANNA)
    following, listed = root["first"], []
    while following is not None:
        page = await at.part(ANNA, following)
        assert (page["id"], page["partOf"]) == (following, PART)
        listed += page["orderedItems"]
        following = page.get("next")

    assert root["totalItems"] == 7
    assert "orderedItems" not in root
    assert sorted(listed) == sorted(actors)
    assert (await at.part(CARL))["orderedItems"] == [CARL]


async def test_through_the_listener(tmp_path: Path) -> None:
    """On a socket, as a proxy passes it on: HEAD is GET without a body, 304 and 410 are complete,
    and who signs gets what is not for everybody."""
    async with serving(tmp_path) as public:
        public.at.origins.serve(actor(ANNA))
        press = Press(public.at.opened)
        press.clock.at = public.at.clock.at
        everybody, some, gone = [
            await press.publishing.publish(json.dumps(one).encode())
            for one in (note("all"), note("anna", to=[ANNA]), note("gone"))
        ]
        await press.publishing.publish(
            json.dumps({"type": "Delete", "object": gone.object}).encode()
        )

        async def ask(url: str, *lines: str, method: str = "GET") -> tuple[int, bytes, bytes]:
            path = url.removeprefix(ORIGIN)
            answer = await public.say(head("Connection: close", *lines, method=method, path=path))
            top, _, body = answer.partition(b"\r\n\r\n")
            return status(answer), top.lower(), body

        got = await ask(everybody.object)
        headed = await ask(everybody.object, method="HEAD")
        [etag] = re.findall(rb'etag: ("[^"]+")', got[1])
        held = await ask(everybody.object, f"If-None-Match: {etag.decode()}")
        signed = await public.send(get(some.object, ANNA, public.at.clock.at))
        posted = await ask(everybody.object, "Content-Length: 0", method="POST")

        assert (got[0], headed[0], held[0]) == (200, 200, 304)
        assert json.loads(got[2])["content"] == "all"
        assert (headed[2], held[2]) == (b"", b"")
        size = f"content-length: {len(got[2])}".encode()
        assert size in got[1]
        assert size in headed[1]
        assert all(b"last-modified: " in top for _, top, _ in (got, headed, held))
        assert (await ask(gone.object))[0] == (await ask(gone.object, method="HEAD"))[0] == 410
        assert (await ask(some.object))[0] == 404
        assert (status(signed), b"anna" in signed) == (200, True)
        assert posted[0] == 405
