"""From one publication to its deliveries: who gets it, where, once, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from policy_cases import BLOCKED, FORGOTTEN_BOB
from publishing_cases import ALICE, BOB, RULES, WE, Press, follower, note
from store_cases import apply, clean, store_at
from store_cases import note as document

from fedpull.cache import fanouts
from fedpull.cache.mail_records import Account
from fedpull.cache.open import Opened
from fedpull.cache.publication_records import Found, Publication
from fedpull.crawler.protocol.policy import WORDS, Policy

DAY = 86_400.0
TTL = 7 * DAY


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path) as opened:
        yield opened
        clean(opened)


@pytest.fixture
def press(opened: Opened) -> Press:
    return Press(opened)


def found(press: Press, *results: Found) -> None:
    press.opened.publisher.found(results, RULES, press.clock.at, TTL).result()
    press.fan_out()


def published(press: Press, **more: object) -> Publication:
    one = press.publish(note(**more))  # type: ignore[arg-type]
    press.fan_out()
    return one


def test_followers(press: Press) -> None:
    """What is for our followers goes to each accepted one, one delivery for a shared inbox."""
    press.follow(
        follower(1, "a.example"),
        follower(2, "a.example"),
        follower(3, "b.example", shared=False),
        follower(4, "b.example", shared=False),
        follower(5, "c.example", state="pending"),
    )

    one = published(press, to="as:Public", cc=WE.followers)

    assert sorted(press.inboxes(one)) == [
        "https://a.example/inbox",
        "https://b.example/users/3/inbox",
        "https://b.example/users/4/inbox",
    ]


def test_not_for_followers(press: Press) -> None:
    """Followers get what is addressed to them; their collection is one id and no pattern."""
    press.follow(follower(1))

    assert press.inboxes(published(press, to="as:Public")) == []
    assert press.inboxes(published(press, to=["as:Public", WE.actor])) == []


@pytest.mark.parametrize(
    ("more", "inbox"),
    [
        ({"to": "as:Public", "cc": ALICE}, "https://a.example/inbox"),
        ({"to": [WE.followers, ALICE]}, "https://a.example/inbox"),
        ({"to": ALICE}, f"{ALICE}/inbox"),
    ],
    ids=["public", "for followers", "for one person alone"],
)
def test_shared_inbox(opened: Opened, press: Press, more: dict[str, object], inbox: str) -> None:
    """What only some may read goes to their own inboxes."""
    endpoints = {"endpoints": {"sharedInbox": "https://a.example/inbox"}}
    apply(opened, puts=(document(ALICE, kind="actor", type="Person", says=endpoints),))

    assert press.inboxes(published(press, **more)) == [inbox]


@pytest.mark.parametrize("name", ["bto", "bcc"])
def test_hidden(opened: Opened, press: Press, name: str) -> None:
    """Who is hidden gets it at their own inbox: a shared one could not tell whom it is for. A
    follower gets it with the others."""
    endpoints = {"endpoints": {"sharedInbox": "https://a.example/inbox"}}
    apply(opened, puts=(document(ALICE, kind="actor", type="Person", says=endpoints),))
    press.follow(follower(1))

    assert press.inboxes(published(press, **{name: ALICE})) == [f"{ALICE}/inbox"]
    both = {"to": WE.followers, name: [ALICE, follower(1).actor, BOB]}
    one = published(press, **both)
    assert press.inboxes(one) == ["https://h1.example/inbox", f"{ALICE}/inbox"]
    found(press, Found(BOB, "found", f"{BOB}/inbox", "https://b.example/inbox"))
    assert press.inboxes(one)[2:] == [f"{BOB}/inbox"]
    later = press.publish({"type": "Delete", "object": one.object})
    press.fan_out()
    assert press.inboxes(later)[:2] == press.inboxes(one)[:2]


@pytest.mark.parametrize(
    "shared",
    ["https://evil.example/inbox", "http://a.example/inbox", "https://a.example:8443/inbox", "x"],
)
def test_shared_inbox_elsewhere(opened: Opened, press: Press, shared: str) -> None:
    """A shared inbox of another origin is none (Q8)."""
    endpoints = {"endpoints": {"sharedInbox": shared}}
    apply(opened, puts=(document(ALICE, kind="actor", type="Person", says=endpoints),))

    assert press.inboxes(published(press, cc=ALICE)) == [f"{ALICE}/inbox"]


def test_inbox_of_ours(press: Press) -> None:
    """An inbox that may not be asked is told as given up, and nothing is sent (Q9)."""
    press.follow(follower(1, "a.example:22", shared=False), follower(2))

    one = published(press, to=WE.followers)

    rows = {row.inbox: (row.state, row.last_error) for row in press.rows(one)}
    assert rows["https://h2.example/inbox"] == ("waiting", None)
    state, error = rows["https://a.example:22/users/1/inbox"]
    assert state == "given_up"
    assert "port 22" in str(error)


def test_once_each(opened: Opened, press: Press) -> None:
    """Who follows us and is named, perhaps twice, gets one."""
    apply(opened, puts=(document(ALICE, kind="actor", type="Person"),))
    press.follow(
        replace(follower(1, "a.example", shared=False), actor=ALICE, inbox=f"{ALICE}/inbox")
    )

    one = published(press, to=[WE.followers, ALICE], bcc=[ALICE])

    assert press.inboxes(one) == [f"{ALICE}/inbox"]


def test_batches(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches, and a stop between any two of them, lose and repeat nobody."""
    monkeypatch.setattr(fanouts, "BATCH", 3)
    press.follow(*(follower(n, f"h{n % 5}.example", shared=n % 2 == 0) for n in range(20)))
    one = press.publish(note(cc=WE.followers))
    steps = 1
    while press.opened.publisher.fan_out(RULES, press.clock.at).result():
        steps += 1

    inboxes = press.inboxes(one)
    assert steps > 6
    assert len(inboxes) == len(set(inboxes)) == 5 + 10
    assert not press.opened.publisher.waits()


def test_order(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published later is queued later, for everybody."""
    monkeypatch.setattr(fanouts, "BATCH", 2)
    press.follow(*(follower(n) for n in range(7)))
    first = press.publish(note(cc=WE.followers))
    second = press.publish({"type": "Delete", "object": first.object})
    press.fan_out()

    for n in range(7):
        rows = [row for row in press.rows(first) + press.rows(second) if f"h{n}." in row.inbox]
        assert [row.activity for row in sorted(rows, key=lambda row: row.id)] == [
            first.activity,
            second.activity,
        ]


def test_sought(opened: Opened, press: Press) -> None:
    """Who is named and not known is looked for; what waits for them is queued in its order."""
    first = published(press, to=BOB)
    second = press.publish({"type": "Delete", "object": first.object})
    press.fan_out()

    (sought,) = opened.publisher.sought(press.clock.at, 10)
    assert (sought.actor, sought.tries) == (BOB, 0)
    (held,) = opened.query.deliveries(9, activity=first.activity)
    assert (held.inbox, held.state, held.recipient) == (BOB, "waiting", BOB)
    assert opened.query.account(first.activity) == Account(waiting=1)
    clean(opened)
    found(press, Found(BOB, "found", f"{BOB}/inbox", "https://b.example/inbox"))

    rows = press.rows(first) + press.rows(second)
    assert [row.inbox for row in rows] == [f"{BOB}/inbox"] * 2
    assert rows[0].id < rows[1].id
    assert opened.query.account(first.activity) == Account(waiting=1)
    clean(opened)
    assert opened.publisher.next_sought() is None


def test_sought_in_vain(opened: Opened, press: Press) -> None:
    """Who is not found is looked for again, until what waits is too old: then a row says why."""
    one = published(press, to=BOB)
    found(press, Found(BOB, "wait", error="its actor is away", due=press.clock.at + 60))

    assert opened.publisher.sought(press.clock.at, 10) == []
    (held,) = opened.query.deliveries(9, activity=one.activity)
    assert (held.last_error, held.next_attempt) == ("its actor is away", press.clock.at + 60)
    assert opened.publisher.next_sought() == press.clock.at + 60
    press.clock.at += TTL + 60
    (sought,) = opened.publisher.sought(press.clock.at, 10)
    assert sought.tries == 1
    found(press, Found(BOB, "wait", error="its actor is away", due=press.clock.at + 60))

    (row,) = press.rows(one)
    assert (row.inbox, row.state, row.last_error) == (BOB, "expired", "its actor is away")
    assert opened.publisher.next_sought() is None


def test_given_up(press: Press) -> None:
    """Who is gone is told as given up."""
    one = published(press, to=BOB)

    found(press, Found(BOB, "given_up", error="its actor is gone"))

    (row,) = press.rows(one)
    assert (row.inbox, row.state, row.last_error) == (BOB, "given_up", "its actor is gone")


def test_members(opened: Opened, press: Press) -> None:
    """A collection stands for the actors among its members that are held; nobody gets it twice."""
    apply(opened, puts=(document(ALICE, kind="actor", type="Person"),))
    group = "https://b.example/group/members"
    one = published(press, to=[ALICE, group])

    found(press, Found(group, "members", members=(ALICE,)))

    assert press.inboxes(one) == [f"{ALICE}/inbox"]


def test_late_twin(press: Press) -> None:
    """Who is found late at an inbox that has got it does not get it again."""
    press.follow(follower(1, "b.example"))
    one = published(press, cc=[WE.followers, BOB])

    found(press, Found(BOB, "found", f"{BOB}/inbox", "https://b.example/inbox"))

    assert press.inboxes(one) == ["https://b.example/inbox"]


@pytest.mark.parametrize(
    ("policy", "rows"),
    [(BLOCKED, [(BOB, "given_up", WORDS["blocked"])]), (FORGOTTEN_BOB, [])],
    ids=["blocked", "forgotten"],
)
def test_not_looked_for_any_more(
    press: Press, policy: Policy, rows: list[tuple[str, str, str]]
) -> None:
    """Whom the operator wants nothing to do with is not looked for; of who is forgotten, nothing
    is said."""
    one = published(press, to=BOB)

    press.opened.moderator.enforce(policy).result()
    press.opened.moderator.sweep(policy, press.clock.at, lambda: False)
    press.fan_out()

    told = [(row.inbox, row.state, row.last_error) for row in press.rows(one)]
    assert told == rows
    assert press.opened.publisher.next_sought() is None


@pytest.mark.parametrize(("policy", "count"), [(BLOCKED, 1), (FORGOTTEN_BOB, 0)])
def test_not_sent_any_more(press: Press, policy: Policy, count: int) -> None:
    """Nor is anything queued for them that was published before."""
    press.publish(note(to=BOB))
    press.opened.moderator.enforce(policy).result()
    press.fan_out()
    found(press, Found(BOB, "found", f"{BOB}/inbox"))

    states = [row.state for row in press.opened.query.deliveries(10)]
    assert states == ["given_up"] * count
