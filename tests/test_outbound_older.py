"""A queue of deliveries as schema 5 wrote it: opened, and nothing of it is lost."""

from __future__ import annotations

from math import nan
from pathlib import Path
from struct import Struct
from typing import Any

import lmdb
import orjson
from store_cases import NOW, clean, store_at

from fedpull.cache.mail_records import Follower, Send, Sent
from fedpull.cache.outbound_layout import Destination

DAY = 86_400.0
_DESTINATION = Struct(">IIdddd")
_LATER = ("account", "closed", "part", "part_digest", "posted", "resting", "sending")
INBOXES = [f"https://{name}.example/inbox" for name in ("up", "slow", "away")]
FOLLOWER = Follower("https://up.example/a", INBOXES[0], None, "accepted", "", NOW)


def send(n: int, inbox: str) -> Send:
    return Send(f"https://pull.example/activities/{n}", inbox, b'{"n":%d}' % n)


def make_old(path: Path) -> None:
    """Two wait for each of three origins, one of which has failed; one was delivered before."""
    with store_at(path) as opened:
        mailbox = opened.mailbox
        mailbox.put_follower(FOLLOWER, [], NOW).result()
        mailbox.send([send(0, INBOXES[0])], NOW).result()
        [first] = mailbox.errands(NOW, 9, 60.0, DAY).result()
        mailbox.sent([Sent(first.delivery.id, "delivered", True, 202)], NOW).result()
        mailbox.send([send(n, inbox) for n in (1, 2) for inbox in INBOXES], NOW).result()
        errands = mailbox.errands(NOW, 9, 60.0, DAY).result()
        away = next(one.delivery.id for one in errands if one.delivery.inbox == INBOXES[2])
        later = NOW + 60
        failed = Sent(away, "waiting", False, error="x", retry_at=later, host_until=later)
        mailbox.sent([failed], NOW).result()
    with lmdb.open(str(path), max_dbs=80) as env, env.begin(write=True) as txn:

        def table(name: str) -> Any:
            return env.open_db(name.encode(), txn=txn)

        for name in _LATER:
            txn.drop(table(name), delete=name != "sending")
        for key, row in list(txn.cursor(table("destination"))):
            one = Destination.unpack(row)
            health, ready = one.health, one.leased or one.health.until or NOW
            head = (one.waiting, health.failures, health.until, one.leased, ready)
            old = _DESTINATION.pack(*head, health.since or nan) + one.origin.encode()
            txn.put(key, old, db=table("destination"))
            txn.put(int(ready * 1e6).to_bytes(8, "big") + key, b"", db=table("sending"))
        for key, body in list(txn.cursor(table("activity"))):
            txn.put(key, (3).to_bytes(4, "big") + body, db=table("activity"))
        for key, row in list(txn.cursor(table("delivery"))):
            txn.put(key, row[:33] + orjson.dumps(orjson.loads(row[33:])[:8]), db=table("delivery"))
        txn.put(b"schema", b"5", db=table("meta"))


def test_what_waits_is_delivered_after_it(tmp_path: Path) -> None:
    """The leases of the process that died are given back; an origin that failed has its time."""
    make_old(tmp_path)
    with store_at(tmp_path) as opened:
        opened.mailbox.recover().result()
        clean(opened)
        errands = opened.mailbox.errands(NOW, 9, 60.0, DAY).result()
        later = opened.mailbox.errands(NOW + 61, 9, 60.0, DAY).result()

        assert sorted(one.delivery.inbox for one in errands) == sorted(INBOXES[:2])
        assert {one.body for one in errands} == {b'{"n":1}'}
        assert [(one.health.failures, one.body) for one in later if one.health.failures] == [
            (1, b'{"n":1}')
        ]
        clean(opened)


def test_activities_have_their_accounts_after_it(tmp_path: Path) -> None:
    """As if they had been counted from the beginning; and followers stand by their origin."""
    make_old(tmp_path)
    with store_at(tmp_path) as opened:
        opened.mailbox.send([], NOW).result()
        accounts = [opened.query.account(send(n, "").activity) for n in (0, 1, 2)]
        found = opened.query.deliveries(9, activity=send(1, "").activity)

        assert [(one.waiting, one.delivered) for one in accounts if one] == [(0, 1), (3, 0), (3, 0)]
        assert sorted(one.inbox for one in found) == sorted(INBOXES)
        assert opened.mailbox.part_size("https://up.example") == 1


def test_it_is_done_once(tmp_path: Path) -> None:
    """Opened again, it is a store of this schema, and counts nothing twice."""
    make_old(tmp_path)
    for _ in range(2):
        with store_at(tmp_path) as opened:
            opened.mailbox.recover().result()  # behind it
            clean(opened)
            account = opened.query.account(send(1, "").activity)
            assert account is not None
            assert account.recipients == len(INBOXES)
