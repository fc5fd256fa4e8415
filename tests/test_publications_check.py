"""The audit finds what is broken of publishing: every table that another one answers for."""

from __future__ import annotations

from pathlib import Path

import lmdb
import pytest
from publishing_cases import BOB, WE, Press, follower, note
from store_cases import clean, store_at
from test_store_check import EITHER_WAY, Damage

from fedpull.cache.open import open_reader

TABLES = ("publication", "outbox", "local", "seeking", "sought")


@pytest.mark.parametrize("damage", EITHER_WAY, ids=[one.__name__ for one in EITHER_WAY])
@pytest.mark.parametrize("table", TABLES)
def test_the_audit_finds(tmp_path: Path, table: str, damage: Damage) -> None:
    """Whatever is lost or added behind the store's back is reported."""
    with store_at(tmp_path) as opened:
        press = Press(opened)
        press.follow(follower(1))
        for _ in range(3):
            press.publish(note(cc=[WE.followers, BOB]))
        press.fan_out()
        press.publish(note("later", cc=WE.followers))
        clean(opened)
    with lmdb.open(str(tmp_path), max_dbs=4) as env, env.begin(write=True) as txn:
        damage(txn, env.open_db(table.encode(), txn=txn, create=False))

    reader = open_reader(tmp_path)
    findings = reader.query.check().findings
    reader.close()

    assert findings
