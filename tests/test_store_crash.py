"""What was acknowledged survives `kill -9`, full disks and full maps; other processes may read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from inbox_cases import rows_of
from mail_cases import received
from store_cases import (
    FOLLOW,
    NOW,
    OUTBOX,
    apply,
    clean,
    lease,
    note,
    page,
    read_authors,
    store_at,
    want,
)
from store_older import set_schema

from fedpull.cache.mail_records import Notification
from fedpull.cache.open import Opened
from fedpull.cache.records import Kind, Mark, ObjectFilter, Outcome, Politeness, State
from fedpull.cache.work import NO_LIMITS
from fedpull.errors import StoreError

PROCESS = Path(__file__).with_name("store_process.py")


def start(mode: str, path: Path, number: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROCESS), mode, str(path), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)


def kill_after(process: subprocess.Popen[bytes], acknowledgements: int) -> set[int]:
    """Read some acknowledgements, kill, and read those that were already in the pipe."""
    assert process.stdout is not None
    said = b""
    while said.count(b"\n") < acknowledgements:
        said += process.stdout.read(64)
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read()
    process.stdout.close()
    process.wait()
    return {int(line) for line in said.split(b"\n")[:-1]}


@pytest.mark.parametrize("acknowledged", [1, 2, 3, 5, 8])
def test_a_kill_while_an_older_store_is_counted(acknowledged: int, tmp_path: Path) -> None:
    """Twice killed at some point of the migration to quotas, while it was written to: what is kept
    of each host is counted once, as the audit finds it."""
    with store_at(tmp_path, limits=NO_LIMITS) as opened:
        read_authors(opened)
        puts = [note(n) for n in range(3_000)]
        apply(opened, puts=tuple(puts[::2]))
        others = (note(f"https://b.example/{n}", actor="https://b.example/u") for n in range(500))
        apply(opened, puts=(*puts[1::2], *others))
    set_schema(tmp_path, 4)
    for number in (10_000, 20_000):
        kill_after(start("migrate", tmp_path, number), acknowledged)
    with store_at(tmp_path, limits=NO_LIMITS) as opened:
        for _ in range(40):  # each behind a batch of the migration
            opened.frontier.want(()).result()
        assert b"migrating" not in dict(rows_of(tmp_path)[b"meta"])
        assert clean(opened).documents > 3_000


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """After each kill every acknowledged outcome is there, whole, and the audit is clean."""
    rounds = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "4"))
    chance = random.Random(rounds)
    acknowledged: set[int] = set()
    for turn in range(rounds):
        process = start("write", tmp_path, 1 + turn * 100_000)
        acknowledged |= kill_after(process, chance.randint(1, 60))
        with store_at(tmp_path, politeness=Politeness(gap=0.0)) as opened:
            clean(opened)
            ids = {note(n).id for n in acknowledged}
            assert opened.query.known_members(OUTBOX, ids) == ids
            for n in acknowledged:
                reference = opened.query.reference(note(n).id)
                assert reference is not None
                # A later outcome may have purged it, with a tombstone; nothing just vanishes.
                held = opened.query.document(note(n).id) is not None
                assert reference.state == ("resolved" if held else "gone")
                assert opened.query.document(note(-n).id) is not None
            opened.frontier.recover(NOW).result()
            assert opened.query.totals().in_flight == 0
            clean(opened)


def test_mail_that_was_acknowledged_survives_and_is_acted_upon_once(tmp_path: Path) -> None:
    """After each kill every kept notification is there; each that was settled has left one delivery
    and one reaction, and each that was not has left none."""
    rounds = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "4"))
    chance = random.Random(rounds)
    said: set[int] = set()
    for turn in range(rounds):
        process = start("mail", tmp_path, 2 + turn * 100_000)
        said |= kill_after(process, chance.randint(1, 60))
        with store_at(tmp_path) as opened:
            clean(opened)
            known = {int(one.object.rpartition("/")[2]): one for one in every(opened)}
            sent = sorted(one.activity for one in opened.query.deliveries(100_000))
            settled = {n for n, one in known.items() if one.state == "done"}

            assert {n for n in said if n > 0} <= known.keys()
            assert {-n for n in said if n < 0} <= settled
            assert sent == sorted(f"https://pull.example/accepts/{n}" for n in settled)
            assert opened.query.counts(note(1).id).likes == len(settled)
            again = opened.mailbox.receive([received(n) for n in known], NOW).result()
            assert set(again) <= {None}
            rest = [one.id for one in opened.mailbox.waiting(NOW, 100_000)]
            assert len(rest) == len(known) - len(settled)


def every(opened: Opened) -> list[Notification]:
    return opened.query.notifications(100_000)


def test_another_process_reads_while_this_one_writes(tmp_path: Path) -> None:
    """A reader sees each change with its document, in whole states only."""
    with store_at(tmp_path) as opened:
        read_authors(opened)
        apply(opened, puts=(note(1),))
        process = start("read", tmp_path, 400)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for n in range(2, 401):
            opened.store.apply(Outcome(NOW, puts=(note(n, "x" * n),)))
        output = process.stdout.read()
        process.stdout.close()

        assert (process.wait(), output) == (0, b"seen 400\n")


def test_a_full_file_system_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    """Nothing of a failed write stays, reading goes on, and writing does when there is room."""
    process = start("full", tmp_path, 3 << 20)
    output, _ = process.communicate()

    assert process.returncode == 0
    assert int(output.split()[1]) > 50


def test_a_full_store_reads_purges_and_recovers(tmp_path: Path) -> None:
    """Past max_bytes only purges and states are written; after a purge all is as before."""
    with store_at(tmp_path, max_bytes=1 << 20, limits=NO_LIMITS) as opened:
        read_authors(opened)
        apply(opened, wants=(want(OUTBOX, kind=Kind.PAGE),))
        kept = 0
        while True:
            put = note(kept + 1, os.urandom(2000).hex())
            failure = opened.store.apply(Outcome(NOW, puts=(put,))).exception()
            if failure is not None:
                break
            kept += 1
        assert isinstance(failure, StoreError)
        assert "full" in failure.reason
        assert kept > 50
        assert opened.query.totals().read_only
        assert lease(opened) == []
        assert len(opened.query.objects(ObjectFilter(), kept)[0]) == kept
        with pytest.raises(StoreError):
            opened.frontier.want([want(note(1).id)]).result()
        clean(opened)

        for n in range(1, kept + 1):
            apply(opened, marks=(Mark(note(n).id, State.GONE, "evicted", purge=True),))
        apply(opened, puts=(note(1, "again"),))

        assert not opened.query.totals().read_only
        assert len(lease(opened)) == 1
        clean(opened)


def test_outcomes_bigger_than_the_whole_reserve_write_nothing(tmp_path: Path) -> None:
    """When LMDB itself says that the map is full, the outcome is undone and the store lives."""
    with store_at(tmp_path, max_bytes=1 << 20, limits=NO_LIMITS) as opened:
        huge = os.urandom(1 << 20).hex()
        puts = tuple(note(n, huge + str(n)) for n in range(80))
        failure = opened.store.apply(Outcome(NOW, puts=puts, members=page(1))).exception()

        assert isinstance(failure, StoreError)
        assert opened.query.totals().documents == 0
        assert apply(opened, puts=(note(1, follow=FOLLOW),)).changes
        clean(opened)
