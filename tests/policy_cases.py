"""A store that knows much of somebody, in every table, and the policies that are to undo it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
from mail_cases import key_of, received
from store_cases import ALICE, FOLLOW, NOW, OUTBOX, apply, note, store_at, want
from traces import _readings

from fedpull.cache.mail_records import Follower, Reaction, Send, Settlement
from fedpull.cache.open import Opened
from fedpull.cache.records import (
    Attempt,
    Cause,
    Collection,
    Entry,
    Follow,
    HostReport,
    Kind,
    Mark,
    Members,
    Outcome,
    State,
)
from fedpull.cache.verbs import Swept
from fedpull.crawler.protocol.blocks import Blocks
from fedpull.crawler.protocol.forgotten import Forgotten, first_line, hashed, line, parse_forgotten
from fedpull.crawler.protocol.policy import Policy
from fedpull.crawler.protocol.pushed import Pushed

SALT = bytes(range(16))
BOB = "https://b.example/users/bob"
BOBS = "@bob@b.example"
BOBS_FINGER = "https://b.example/.well-known/webfinger?resource=acct:bob@b.example"
BOBS_OUTBOX = f"{BOB}/outbox"
POST = f"{BOB}/statuses/1"
ELSEWHERE = "https://b.example/notes/elsewhere"  # of Bob's, and not named below him
CAROL = "https://b.example/users/carol"
REPLY = "https://a.example/notes/reply"
SECRET = "quokka"  # what Bob has written, here and there


def forgetting(*wishes: str) -> Forgotten:
    """`wishes` are ids, or domains without a slash."""
    text = first_line(SALT)
    for wish in wishes:
        if "/" in wish:
            text += line("2026-01-31T12:00:00Z", "id", [hashed(SALT, wish)])
        else:
            text += line("2026-01-31T12:00:00Z", "domain", [wish])
    return parse_forgotten("forgotten", text)


FORGOTTEN_BOB = Policy(forgotten=forgetting(BOB, BOBS_FINGER))
FORGOTTEN_POST = Policy(forgotten=forgetting(POST))
FORGOTTEN_DOMAIN = Policy(forgotten=forgetting("b.example"))
BLOCKED = Policy(Blocks({"b.example": "suspend"}))


@contextmanager
def well_read(path: Path, **more: Any) -> Iterator[Opened]:
    """Bob is followed, boosted, replied to, follows us and likes; Carol shares his host."""
    with store_at(path, **more) as opened:
        fill(opened)
        yield opened


def fill(opened: Opened) -> None:
    opened.store.put_follow(Follow(FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
    opened.store.put_follow(Follow(BOBS, actor=BOB, outbox=BOBS_OUTBOX, handle=BOBS)).result()
    mine: dict[str, Any] = {"actor": BOB, "tags": ("fotos",)}
    puts = (
        note(ALICE, kind="actor", type="Person", actor=ALICE),
        note(BOB, f"{SECRET} himself", kind="actor", type="Person", actor=BOB),
        note(CAROL, "carol herself", kind="actor", type="Person", actor=CAROL),
        note(POST, f"{SECRET} one", follow=BOBS, published=NOW - 50, **mine),
        note(ELSEWHERE, f"{SECRET} two", published=NOW - 40, enclosing=f"{BOB}/page", **mine),
        note("https://b.example/notes/carol", "carol one", actor=CAROL, published=NOW - 30),
        note(REPLY, "what I think", reply=POST, published=NOW - 20),
        note(1, "of Alice's own", follow=FOLLOW),
    )
    apply(opened, NOW, puts=puts)
    later = note(POST, f"{SECRET} one, edited", published=NOW - 50, updated=NOW, at=NOW + 1, **mine)
    apply(opened, NOW + 1, puts=(later,))
    boost = (Entry(POST, f"{ALICE}/boosts/1", announced=True), Entry(note(1).id))
    own = (Entry(POST, f"{POST}/activity"), Entry(f"{BOB}/statuses/unread"))
    apply(opened, members=Members(OUTBOX, boost, follow=FOLLOW))
    apply(opened, members=Members(BOBS_OUTBOX, own, follow=BOBS))
    apply(opened, collection=Collection(BOBS_OUTBOX, "ok", complete=False))
    led = Mark(f"{POST}/activity", State.REDIRECTED, target=POST)
    seen = Mark("https://a.example/go/1", State.REDIRECTED, target=POST)
    finger = Mark(BOBS_FINGER, State.REDIRECTED, target=BOB, reason="acct:bob@b.example")
    apply(opened, marks=(led, seen, finger))
    asked = want("https://a.example/go/1")
    opened.frontier.want([asked]).result()
    [taken] = opened.frontier.lease(NOW + 2, 1, 60.0).result()
    said = Attempt(NOW + 2, "new", 200, f"another name of {POST}")
    opened.store.apply(
        Outcome(NOW + 2, lease=taken, attempt=said, hosts=(HostReport(taken.host, ok=True),))
    ).result()
    opened.frontier.want(
        [
            want(f"{BOB}/statuses/unread", follow=BOBS, relation="item"),
            want(BOBS_OUTBOX, kind=Kind.PAGE, follow=BOBS, relation="outbox", cause=Cause.BACKFILL),
            want(f"{POST}/replies", kind=Kind.PAGE, follow=FOLLOW, relation="replies", root=REPLY),
            want(f"{REPLY}/replies", kind=Kind.PAGE, follow=FOLLOW, relation="replies", root=POST),
            want("https://a.example/notes/2"),
        ]
    ).result()
    _fill_mail(opened)


def _fill_mail(opened: Opened) -> None:
    box = opened.mailbox
    create = Pushed("Create", BOB, activity=f"{POST}/activity", object=POST)
    like = Pushed("Like", BOB, activity=f"{BOB}/likes/1", object=note(1).id)
    of_bob = [
        received(8, sender=BOB, key=key_of(f"{BOB}#main-key")),
        received(9, sender=BOB, key=None),
    ]
    kept = [replace(of_bob[0], pushed=create), replace(of_bob[1], pushed=like)]
    numbers = box.receive([*kept, received(1, key=None)], NOW + 3).result()
    liked = Reaction(note(1).id, BOB, "like")
    settled = Settlement(numbers[1] or 0, NOW + 3, "done", "counted", reactions=(liked,))
    box.settle([settled], NOW + 3).result()
    follower = Follower(BOB, f"{BOB}/inbox", None, "accepted", f"{BOB}/follows/1", NOW)
    accept = Send(f"https://pull.example/accepts/{1}", f"{BOB}/inbox", b'{"type":"Accept"}')
    other = Send("https://pull.example/notes/1", "https://g.example/inbox", b'{"type":"Create"}')
    box.put_follower(follower, [accept, other], NOW).result()


def carry_out(opened: Opened, policy: Policy, now: float = NOW + 10) -> Swept:
    """As the daemon does: in force first, then on a thread of its own."""
    opened.moderator.enforce(policy).result()
    swept: list[Swept | None] = []
    thread = threading.Thread(
        target=lambda: swept.append(opened.moderator.sweep(policy, now, lambda: False))
    )
    thread.start()
    thread.join()
    assert swept
    assert swept[0] is not None
    return swept[0]


def rows_with(path: Path, *texts: str) -> list[str]:
    """Tables of a closed store in which one of the texts stands, packed or plain."""
    found = set()
    wanted = [text.encode() for text in texts]
    env = lmdb.open(str(path), readonly=True, lock=False, max_dbs=128)
    try:
        with env.begin() as txn:
            names = [bytes(name) for name in txn.cursor().iternext(values=False)]
        for name in names:
            table = env.open_db(name, create=False)
            with env.begin(db=table) as txn:
                for key, value in txn.cursor():
                    if any(text in one for one in (key, *_readings(value)) for text in wanted):
                        found.add(name.decode())
    finally:
        env.close()
    return sorted(found)
