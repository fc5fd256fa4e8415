"""The audit finds what is broken of mail: every table that another one answers for, both ways."""

from __future__ import annotations

from pathlib import Path

import lmdb
import pytest
from mail_cases import GUEST, LIKE, key_of, received, settled
from store_cases import ALICE, NOW, apply, clean, note, store_at
from test_store_check import EITHER_WAY, Damage

from fedpull.cache.mail_records import Follower, Send, Sent
from fedpull.cache.open import open_reader

TABLES = (
    *("notification", "waiting", "key", "key_age", "follower", "part", "part_digest"),
    *("reaction", "count", "moved"),
    *("activity", "account", "delivery", "posted", "lane", "outbound"),
    *("destination", "sending", "resting"),
)


@pytest.mark.parametrize("damage", EITHER_WAY, ids=[one.__name__ for one in EITHER_WAY])
@pytest.mark.parametrize("table", TABLES)
def test_the_audit_finds(tmp_path: Path, table: str, damage: Damage) -> None:
    """Whatever is lost or added behind the store's back is reported."""
    with store_at(tmp_path) as opened:
        apply(opened, puts=(note(1),))
        mail = [received(n, key=key_of(f"{GUEST}#{n}")) for n in (1, 2, 3)]
        opened.mailbox.receive(mail, NOW).result()
        follower = Follower(ALICE, f"{ALICE}/inbox", None, "accepted", "", NOW)
        sends = [Send(f"https://pull.example/{n}", f"{ALICE}/inbox", b"{}") for n in (1, 2)]
        done = settled(2, NOW, reactions=(LIKE,), follower=follower, sends=tuple(sends))
        opened.mailbox.settle([done], NOW).result()
        away = Send("https://pull.example/3", "https://away.example/inbox", b"{}")
        opened.mailbox.send([away], NOW).result()
        errands = opened.mailbox.errands(NOW, 9, 60.0, 9.0).result()
        [gone] = [one.delivery.id for one in errands if one.delivery.inbox == away.inbox]
        failed = Sent(gone, "given_up", counted=True, status=500, host_until=NOW + 60)
        opened.mailbox.sent([failed], NOW).result()
        clean(opened)
    with lmdb.open(str(tmp_path), max_dbs=4) as env, env.begin(write=True) as txn:
        damage(txn, env.open_db(table.encode(), txn=txn, create=False))

    reader = open_reader(tmp_path)
    findings = reader.query.check().findings
    reader.close()

    assert findings
