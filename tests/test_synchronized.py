"""FEP-8fcf with other servers: what goes along with deliveries, and what their word makes of our
Follows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from inbox_cases import Scene, activity, actor, scene
from post_office import DONE, Office, status
from published_cases import instance
from publishing_cases import ORIGIN, WE
from stepping import SteppingClock
from store_cases import ALICE, FOLLOW, NOW, apply, clean, note, store_at
from wire_server import Reply, Seen

from fedpull.cache.mail_records import Follower, Send
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow
from fedpull.config.model import Follow as Rules
from fedpull.crawler.follows import Follows
from fedpull.crawler.protocol.part_digest import NOBODY, digest_of
from fedpull.crawler.protocol.synchronization import header
from fedpull.crawler.protocol.version import content_hash
from fedpull.crawler.synchronization import Synchronization
from fedpull.tests.fediverse.keys import Private, rsa_key
from fedpull.tests.fediverse.signatures import Message, cavage

DAY = 86_400.0
HOME = "https://a.example"
THEIRS = f"{ALICE}/followers"
RULES = Rules.model_construct(actor=FOLLOW, subscribe=True)
HAS_US, LOST_US, OTHERS = digest_of((WE.actor,)), NOBODY, digest_of((f"{ORIGIN}/other",))


def said(digest: bytes, collection: str = THEIRS, url: str = f"{THEIRS}/part") -> str:
    return header(collection, url, digest)[1]


@dataclass
class Desk:
    """A store that follows Alice, and what keeps it in line with her server."""

    opened: Opened
    folder: Path
    clock: SteppingClock = field(default_factory=lambda: SteppingClock(NOW))
    asked: list[str] = field(default_factory=list)
    pokes: int = 0

    async def start(self, subscribed: str | None) -> None:
        """`subscribed`: how our Follow of her stands; None: she is not followed."""
        query, mailbox = self.opened.query, self.opened.mailbox
        opened = self.opened
        follows = Follows(opened.store, opened.frontier, query, self.clock, {}, lambda: None)
        if subscribed is not None:
            id = None if subscribed == "no" else f"{ORIGIN}/follows/1"
            row = Follow(FOLLOW, actor=ALICE, subscribed=subscribed, subscription=id)
            await asyncio.wrap_future(opened.store.put_follow(row))
            await follows.start([RULES], queue=False)
        we = instance(self.folder)
        self.parts = Synchronization(
            we, query, mailbox, follows, self.clock, self._again, self._poke
        )
        put = note(ALICE, kind="actor", type="Person", actor=ALICE)
        document = {"id": ALICE, "type": "Person", "inbox": f"{ALICE}/inbox", "followers": THEIRS}
        stamp = replace(put.stamp, content_hash=content_hash(document))
        apply(opened, puts=(replace(put, body=json.dumps(document).encode(), stamp=stamp),))

    async def _again(self, key: str) -> None:
        self.asked.append(key)

    def _poke(self) -> None:
        self.pokes += 1

    async def hear(self, value: str, signer: str = ALICE) -> None:
        self.parts.heard(signer, value)
        await self.parts.stop()

    @property
    def state(self) -> str:
        follow = self.opened.query.follow(FOLLOW)
        return "none" if follow is None else follow.subscribed

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What waits to be sent, and where."""
        rows = self.opened.query.deliveries(99)
        return [(row.activity, row.inbox) for row in rows]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with store_at(tmp_path / "store") as opened:
        yield Desk(opened, tmp_path)
        clean(opened)


AGREED = {
    "it has us, as we thought": ("yes", HAS_US),
    "it has not answered": ("pending", LOST_US),
    "it has rejected us": ("rejected", LOST_US),
    "we never asked": ("no", LOST_US),
    "she is not followed": (None, LOST_US),
    "it has others of our origin": ("yes", OTHERS),
}


@pytest.mark.parametrize(("state", "digest"), AGREED.values(), ids=AGREED)
async def test_nothing_is_done_where(desk: Desk, state: str | None, digest: bytes) -> None:
    """Both sides agree, or it cannot be told."""
    await desk.start(state)

    await desk.hear(said(digest))

    assert (desk.state, desk.sent, desk.asked) == (state or "none", [], [])


async def test_an_accept_that_was_lost(desk: Desk) -> None:
    """Who has us among its followers has accepted our Follow."""
    await desk.start("pending")

    await desk.hear(said(HAS_US))

    assert (desk.state, desk.sent, desk.asked) == ("yes", [], [])


async def test_a_follow_that_was_lost(desk: Desk) -> None:
    """Who does not have us any more is asked again."""
    await desk.start("yes")

    await desk.hear(said(LOST_US))

    assert (desk.state, desk.asked) == ("no", [FOLLOW])


@pytest.mark.parametrize("state", ["no", "rejected", None])
async def test_an_undo_that_was_lost(desk: Desk, state: str | None) -> None:
    """Who has us though nobody here wants that gets an Undo, once a day at most."""
    await desk.start(state)

    for _ in range(3):
        await desk.hear(said(HAS_US))
    [(activity, inbox)] = desk.sent

    assert activity.endswith("/undo")
    assert (inbox, desk.pokes) == (f"{ALICE}/inbox", 1)
    desk.clock.step(NOW + DAY + 1)
    await desk.hear(said(HAS_US))
    assert len(desk.sent) == 2


NOT_HERS = {
    "of somebody else's followers": said(LOST_US, collection=f"{HOME}/users/bob/followers"),
    "with a url elsewhere": said(LOST_US, url="https://b.example/part"),
    "about another server": said(LOST_US, "https://b.example/followers", "https://b.example/part"),
    "that cannot be read": "yes",
}


@pytest.mark.parametrize("value", NOT_HERS.values(), ids=NOT_HERS)
async def test_a_word_that_counts_for_nothing(desk: Desk, value: str) -> None:
    """A server speaks of its own actor's followers, or of nothing."""
    await desk.start("yes")

    await desk.hear(value)

    assert (desk.state, desk.sent, desk.asked) == ("yes", [], [])


async def test_somebody_whom_we_do_not_know(desk: Desk) -> None:
    """Whose document is not held is believed nothing."""
    await desk.start("yes")
    stranger = "https://b.example/users/bob"
    value = said(HAS_US, f"{stranger}/followers", f"{stranger}/part")

    await desk.hear(value, stranger)

    assert desk.sent == []


async def test_what_goes_along(desk: Desk) -> None:
    """With what is for our followers the digest of those of the inbox's origin; else nothing."""
    await desk.start(None)
    mailbox = desk.opened.mailbox
    followers = [f"{HOME}/users/{n}" for n in range(3)]
    for one in followers:
        row = Follower(one, f"{one}/inbox", f"{HOME}/inbox", "accepted", f"{one}#follow", NOW)
        mailbox.put_follower(row, (), NOW).result()
    for n, (inbox, to_followers) in enumerate(
        [
            (f"{HOME}/inbox", True),
            ("https://b.example/inbox", True),
            ("https://c.example/users/1/inbox", False),
        ]
    ):
        mailbox.send([Send(f"{ORIGIN}/{n}", inbox, b"{}", followers=to_followers)], NOW).result()

    part = f"{WE.followers}/synchronization"
    found = {}
    leased = mailbox.errands(NOW, 9, 60.0, DAY).result()
    for errand in leased:
        found[errand.delivery.inbox] = desk.parts.headers(errand)

    assert found == {
        f"{HOME}/inbox": (header(WE.followers, part, digest_of(followers)),),
        "https://b.example/inbox": (header(WE.followers, part, NOBODY),),
        "https://c.example/users/1/inbox": (),
    }


def pushed(at: Scene, covered: bool, value: str, key: Private) -> Message:
    """A push that bears the header, signed with it or without."""
    message = at.signed(activity())
    headers = {**message.headers, "collection-synchronization": value}
    names = ["(request-target)", "host", "date", "digest"]
    names += ["collection-synchronization"] if covered else []
    message = replace(message, headers=headers)
    made = cavage(message, key, f"{activity()['actor']}#main-key", names)
    return replace(message, headers={**headers, **made})


@pytest.mark.parametrize(
    ("covered", "key", "answered", "heard"),
    [(True, rsa_key(), 202, 1), (False, rsa_key(), 202, 0), (True, rsa_key(3), 401, 0)],
    ids=["signed", "not signed", "forged"],
)
async def test_what_is_heard(
    tmp_path: Path, covered: bool, key: Private, answered: int, heard: int
) -> None:
    """A header counts if the signature covers it, and the push is kept; the push itself is taken
    or refused for what it is."""
    at = scene(tmp_path)
    told: list[tuple[str, str]] = []
    at.inbox.told = lambda signer, value: told.append((signer, value))
    at.origins.serve(actor())

    answers = [await at.take(message) for message in [pushed(at, covered, said(HAS_US), key)] * 2]

    assert [answer.status for answer in answers] == [answered] * 2
    assert told == [(activity()["actor"], said(HAS_US))] * heard
    at.opened.close()


@pytest.mark.parametrize("refusing", [False, True], ids=["at first", "after a second knock"])
async def test_on_the_wire(tmp_path: Path, refusing: bool) -> None:
    """A delivery for our followers bears the digest, covered by the signature in either form; one
    that is not for them bears nothing."""
    refused = status("401 Unauthorized")

    def reply(seen: Seen) -> Reply:
        return refused if refusing and "signature-input" not in seen.headers else DONE

    at, inbox = "http://a.example", "http://a.example/inbox"
    actors = [f"{at}/users/{n}" for n in range(2)]
    we = instance(tmp_path)
    async with Office(tmp_path / "store", we)(reply) as post:
        mailbox = post.opened.mailbox
        for one in actors:
            row = Follower(one, f"{one}/inbox", inbox, "accepted", f"{one}#follow", NOW)
            await asyncio.wrap_future(mailbox.put_follower(row, (), NOW))
        desk = Desk(post.opened, tmp_path)
        await desk.start(None)
        post.delivery.headers = desk.parts.headers

        await post.queue(Send(f"{ORIGIN}/1", inbox, b"{}", followers=True))
        await post.queue(Send(f"{ORIGIN}/2", inbox, b"{}"))

    first, second = post.wire.requests[0], post.wire.requests[-1]
    part = f"{WE.followers}/synchronization"
    wanted = header(WE.followers, part, digest_of(actors))
    for seen in post.wire.requests[:-1]:
        assert seen.headers["collection-synchronization"] == wanted[1]
        forms = seen.headers.get("signature-input", ""), seen.headers["signature"]
        assert "collection-synchronization" in "".join(forms)
    assert len(post.wire.requests) == (3 if refusing else 2)
    assert first.headers["signature"] != second.headers["signature"]
    assert "collection-synchronization" not in second.headers
