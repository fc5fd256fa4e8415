"""A store made anew: what can be believed stays, what cannot is asked for again, nobody dies."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import publishing_cases
import pytest
from mail_cases import LIKE, key_of, received, settled
from policy_cases import well_read
from store_cases import (
    ALICE,
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
from test_compact import contents
from test_verify import HARMS, Harm

from fedpull.cache.environment import Tables, Txn, open_environment
from fedpull.cache.mail_records import Follower, Send
from fedpull.cache.open import Opened, open_reader
from fedpull.cache.rebuild import Rebuilt, rebuild
from fedpull.cache.records import HostReport, Kind, ObjectFilter
from fedpull.cache.verify import damages
from fedpull.crawler.publishing import document_of
from fedpull.errors import StoreError, StoreLocked

ROOM = 64 << 20
# What a day has brought of a host is not known any more; the others differ in their order only.
LOOSE = {"meta", "unsorted", "index", "ready", "quota"}


def lived_in(opened: Opened) -> None:
    """Something in most tables."""
    read_authors(opened)
    apply(opened, puts=(note(ALICE, kind="actor", type="Person"),))
    posts = (
        note(n, f"word {n} " * 60, tags=("one", "two"), follow=FOLLOW, reply=note(n - 1).id)
        for n in range(1, 200)
    )
    apply(opened, puts=tuple(posts), members=page(*range(1, 200)))
    around: dict[str, Any] = {
        "by": "embedded",
        "enclosing": OUTBOX,
        "context": b'"https://c.example/ns"',
    }
    apply(opened, puts=(note(300, **around), note(301, **around)))
    apply(opened, puts=(note(3, "edited", updated=NOW),))
    apply(
        opened,
        wants=(want(OUTBOX, kind=Kind.PAGE), want("https://b.example/notes/7", follow=FOLLOW)),
    )
    lease(opened, limit=1)
    actor = "https://d.example/u/1"
    reader = Follower(actor, f"{actor}/inbox", None, "accepted", f"{actor}#follow", NOW)
    send = Send("https://pull.example/activities/1", f"{actor}/inbox", b"{}")
    opened.mailbox.put_follower(reader, [send], NOW).result()
    pushed = [received(1, key=key_of(f"{actor}#main-key")), received(2)]
    [id, *_] = opened.mailbox.receive(pushed, NOW).result()
    assert id is not None
    opened.mailbox.settle([settled(id, NOW, reactions=(LIKE,))], NOW).result()


def publish(opened: Opened) -> None:
    """Posts of our own, and somebody who is still looked for on behalf of one."""
    press = publishing_cases.Press(opened)
    for n in range(30):
        press.publish(publishing_cases.note(f"our number {n} " * 20))
    press.publish(publishing_cases.note("to somebody", to="https://e.example/users/erin"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "s"
    with store_at(path) as opened:
        lived_in(opened)
        publish(opened)
        clean(opened)
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "s")
    return tmp_path / "s"


def anew(store: Path) -> Rebuilt:
    done = rebuild(store, now=NOW, max_bytes=ROOM, ours=document_of)
    assert damages(store) == []
    reader = open_reader(store)
    report = reader.query.check()
    reader.close()
    assert report.findings == ()
    assert (report.references, report.documents) == (done.references, done.documents)
    return done


def strict(store: Path) -> dict[str, str]:
    return {name: digest for name, digest in contents(store).items() if name not in LOOSE}


def harm(store: Path, change: Callable[[Txn, Tables], object]) -> None:
    environment = open_environment(store, write=True, max_bytes=ROOM)
    with environment.write() as txn:
        change(txn, environment.t)
    environment.close()


def test_of_a_sound_store_nothing_changes(store: Path) -> None:
    """Row by row, but for what a lease or a list in waiting has left open."""
    with store_at(store) as opened:
        opened.frontier.recover(NOW).result()
        listed = [one.id for one in opened.query.objects(ObjectFilter(follow=FOLLOW), 500)[0]]
    before = strict(store)
    done = anew(store)

    assert strict(store) == before
    assert (done.left_out.total(), done.asked, done.gaps, done.damaged) == (0, 0, 0, None)
    with store_at(store) as opened:
        again = [one.id for one in opened.query.objects(ObjectFilter(follow=FOLLOW), 500)[0]]
        assert again == listed
        assert apply(opened, puts=(note(500, follow=FOLLOW),)).changes
        assert opened.query.changes(None, 1_000)[-1].id == note(500).id
        assert len(opened.mailbox.errands(NOW, 10, 60.0, 1e9).result()) == 1


DERIVED = "uri index member_of agenda queue owed ready minted waiting key_age moved lane posted"


@pytest.mark.parametrize("name", DERIVED.split())
def test_what_rows_are_found_by_is_made_anew(store: Path, name: str) -> None:
    """Half of an index is gone: afterwards it is as it was."""
    with store_at(store) as opened:
        opened.frontier.recover(NOW).result()
    before = strict(store)

    def halve(txn: Txn, t: Tables) -> None:
        table = getattr(t, name)
        keys = list(dict.fromkeys(txn.cursor(table).iternext(values=False)))
        for key in keys[:: 2 if len(keys) > 1 else 1]:
            txn.delete(key, db=table)

    harm(store, halve)
    reader = open_reader(store)
    assert reader.query.check().findings != ()
    reader.close()
    anew(store)

    assert strict(store) == before


def test_what_cannot_be_believed_is_asked_for_again(store: Path) -> None:
    """A body that is not what its hash was made from, and one whose reference is gone; both stay
    in the lists that offered them, and their host is asked."""
    ids: list[bytes] = []

    def garble(txn: Txn, t: Tables) -> None:
        bodies = list(txn.cursor(t.body))
        (one, row), (other, _) = bodies[10], bodies[20]
        txn.put(one, row[:-9] + bytes(9), db=t.body)
        txn.delete(other, db=t.ref)
        ids.extend((one, other))

    harm(store, garble)
    done = anew(store)

    assert (done.left_out["body"], done.asked) == (2, 2)
    assert done.damaged == str(store / "data.mdb.damaged")
    with store_at(store) as opened:
        gone = [n for n in range(1, 200) if opened.query.document(note(n).id) is None]
        assert len(gone) == 2
        opened.frontier.report([HostReport("a.example:443", ok=True, status=200)], NOW + 60)
        waves = (opened.frontier.lease(NOW + wave * 100, 10, 60.0).result() for wave in range(1, 5))
        taken = {one.want.uri for wave in waves for one in wave}
        states = opened.query.states(note(n).id for n in gone)
        assert set(states.values()) == {"unknown"}
        assert opened.query.known_members(OUTBOX, states) == set(states)
        assert taken & set(states)
        apply(opened, puts=tuple(note(n, "again") for n in gone))
        clean(opened)


GARBLED = "ref body word host want change thread follow member extra reaction notification delivery"


@pytest.mark.parametrize("table", GARBLED.split())
def test_rows_of_garbage_are_left_out(store: Path, table: str) -> None:
    """Whatever stands in them."""
    chance = random.Random(table)

    def garble(txn: Txn, t: Tables) -> None:
        for key, row in list(txn.cursor(getattr(t, table)))[1::40]:
            txn.put(key, chance.randbytes(len(row)), db=getattr(t, table))
        txn.put(b"x", b"y", db=getattr(t, table))

    harm(store, garble)
    done = anew(store)

    assert done.left_out[table] > 0
    assert done.documents > 100


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("change", HARMS.values(), ids=HARMS)
def test_of_a_damaged_file_what_can_be_read_stays(store: Path, change: Harm, seed: int) -> None:
    """Or it is said that there is nothing to be had of it; the file that was there is kept."""
    data = store / "data.mdb"
    file = bytearray(data.read_bytes())
    change(random.Random(seed), file)
    data.write_bytes(file)
    try:
        done = anew(store)
    except StoreError:
        assert data.read_bytes() == file
        return
    assert (store / "data.mdb.damaged").read_bytes() == file
    with store_at(store) as opened:
        apply(opened, puts=(note(1_000),))
        clean(opened)
        assert opened.query.totals().documents == done.documents + 1


def test_nobody_may_have_it_open(store: Path) -> None:
    """As for compacting."""
    with store_at(store), pytest.raises(StoreLocked):
        rebuild(store, now=NOW, max_bytes=ROOM)
    with pytest.raises(StoreError, match="no store here"):
        rebuild(store.parent / "none", now=NOW, max_bytes=ROOM)


def test_what_a_newer_version_wrote_is_left_alone(store: Path) -> None:
    """What this one does not know would be lost, and it would say that all was kept."""
    harm(store, lambda txn, t: txn.put(b"schema", b"99", db=t.meta))
    before = (store / "data.mdb").read_bytes()
    with pytest.raises(StoreError, match=r"newer version \(schema 99\): expected schema"):
        rebuild(store, now=NOW, max_bytes=ROOM, ours=document_of)
    assert (store / "data.mdb").read_bytes() == before


def test_one_that_fails_leaves_what_an_earlier_one_has_put_aside(store: Path) -> None:
    """Also where somebody opens the store to read it while it is made anew."""
    (store / "data.mdb.damaged").write_bytes(b"of an earlier one")
    harm(store, lambda txn, t: txn.delete(next(iter(txn.cursor(t.ref)))[0], db=t.ref))
    before = (store / "data.mdb").read_bytes()
    script = (
        "import sys\nfrom fedpull.cache.open import open_reader\n"
        "reader = open_reader(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    reading: list[subprocess.Popen[bytes]] = []

    def told(doing: str) -> None:
        if doing == "checking":
            command = [sys.executable, "-c", script, str(store)]
            reading.append(subprocess.Popen(command, stdin=-1, stdout=-1))
            assert reading[0].stdout is not None
            reading[0].stdout.readline()

    try:
        with pytest.raises(StoreLocked):
            rebuild(store, now=NOW, max_bytes=ROOM, ours=document_of, told=told)
    finally:
        reading[0].communicate()
    assert (store / "data.mdb.damaged").read_bytes() == b"of an earlier one"
    assert (store / "data.mdb").read_bytes() == before


def test_what_was_forgotten_stays_so(tmp_path: Path) -> None:
    """Names that are gone are not asked for."""
    with well_read(tmp_path / "s") as opened:
        before = opened.query.totals().documents
    done = anew(tmp_path / "s")

    assert (done.documents, done.asked) == (before, 0)


@pytest.mark.parametrize("doing", ["verifying", "body", "want", "counting", "checking"])
def test_a_kill_leaves_the_store_as_it_was(store: Path, doing: str) -> None:
    """Whatever was being done; what is left of it goes at the next opening."""
    script = (
        "import os, signal, sys\nfrom fedpull.cache.rebuild import rebuild\n"
        "def told(doing):\n"
        "    if doing == sys.argv[2]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "rebuild(sys.argv[1], now=0.0, max_bytes=64 << 20, told=told)\n"
    )
    before = (store / "data.mdb").read_bytes()
    command = [sys.executable, "-c", script, str(store), doing]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (store / "data.mdb").read_bytes() == before
    with store_at(store) as opened:
        clean(opened)
        assert not (store / "rebuilding").exists()
