"""Opening and closing: one writer, newer schemas, damaged files, permissions, sharing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest
from store_cases import NOW, apply, note, store_at

from fedpull.cache import Cache
from fedpull.cache.compact import compact
from fedpull.cache.environment import SCHEMA, open_environment
from fedpull.cache.mounts import kind_of, refuse_remote
from fedpull.cache.open import open_reader, open_store
from fedpull.cache.permissions import refuse_unreadable
from fedpull.cache.records import Outcome
from fedpull.errors import BadInput, StoreError, StoreLocked


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second writer is told which process has the store; afterwards it may have it."""
    with store_at(tmp_path), pytest.raises(StoreLocked) as locked:
        open_store(tmp_path)

    assert f"process {os.getpid()}" in str(locked.value)
    with store_at(tmp_path) as opened:
        assert apply(opened, puts=(note(1),)).changes


def test_the_lock_holds_between_processes(tmp_path: Path) -> None:
    """Another process cannot write what this one writes."""
    code = "import sys; from fedpull.cache.open import open_store; open_store(sys.argv[1])"
    with store_at(tmp_path):
        command = [sys.executable, "-c", code, str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert f"StoreLocked: {tmp_path}: is in use by process {os.getpid()}" in ended.stderr


def test_what_a_newer_version_wrote_is_refused(tmp_path: Path) -> None:
    """A store of a newer schema is left alone, with a clear reason, by writers and readers."""
    with store_at(tmp_path):
        pass
    with lmdb.open(str(tmp_path), max_dbs=40) as env, env.begin(write=True) as txn:
        txn.put(b"schema", b"99", db=env.open_db(b"meta", txn=txn))

    reason = rf"newer version \(schema 99\).*schema {SCHEMA} or older"
    for opening in (open_store, open_reader):
        with pytest.raises(StoreError, match=reason):
            opening(tmp_path)


DAMAGE: list[tuple[str, bytes]] = [
    ("another file", b"not a database" * 1000),
    ("an empty page", bytes(8192)),
    ("a truncated one", b"\0"),
]


@pytest.mark.parametrize("content", [row[1] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_a_damaged_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    """What is not a store is named, not overwritten, and the lock is given back."""
    (tmp_path / "data.mdb").write_bytes(content)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged or not a store"):
            open_store(tmp_path)

    assert (tmp_path / "data.mdb").read_bytes() == content


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    """Looking for a store where there is none is an error, and leaves nothing behind."""
    with pytest.raises(StoreError, match="there is no store here"):
        open_reader(tmp_path / "none")

    assert list(tmp_path.iterdir()) == []


def test_a_store_is_private(tmp_path: Path) -> None:
    """Only its owner may look into the folder and the files."""
    path = tmp_path / "store"
    with store_at(path):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}

        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert modes == {"data.mdb": 0o600, "lock.mdb": 0o600, "writer.lock": 0o600}


def test_a_group_may_be_let_in(tmp_path: Path) -> None:
    """A named group may read the data and register in the table of readers."""
    import grp

    path = tmp_path / "store"
    with store_at(path, group=grp.getgrgid(os.getgid()).gr_name):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}

        assert stat.S_IMODE(path.stat().st_mode) == 0o750
        assert modes == {"data.mdb": 0o640, "lock.mdb": 0o660, "writer.lock": 0o640}


def test_a_group_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A wrong group is an error before anything is stored."""
    with pytest.raises(BadInput, match=r"store\.group: there is no group 'nobody-has-this'"):
        open_store(tmp_path / "store", group="nobody-has-this")


def test_the_folder_cannot_be_a_file(tmp_path: Path) -> None:
    """A path that cannot hold a store is an error that names it."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file"):
        open_store(tmp_path / "file")


def test_a_writer_may_open_what_this_process_reads(tmp_path: Path) -> None:
    """A Cache that was there first sees what is written later; each closes for itself."""
    with store_at(tmp_path) as opened:
        apply(opened, puts=(note(1),))
    cache = Cache(tmp_path)
    assert cache.get(note(1).id) is not None
    with store_at(tmp_path) as opened:
        apply(opened, puts=(note(2),))
        assert cache.get(note(2).id) is not None
    assert cache.get(note(2).id) is not None
    cache.close()


def test_closing_finishes_what_waits_and_refuses_what_comes(tmp_path: Path) -> None:
    """Outcomes handed over before `close` are written, later ones fail; twice is fine."""
    with store_at(tmp_path) as opened:
        waiting = [opened.store.apply(Outcome(NOW, puts=(note(n),))) for n in range(100)]
        opened.store.close()
        opened.close()
        late = opened.store.apply(Outcome(NOW, puts=(note(200),)))

        assert all(future.done() and future.result().changes for future in waiting)
        assert isinstance(late.exception(), StoreError)
    with store_at(tmp_path) as opened:
        assert opened.query.totals().documents == 100


def test_a_forked_child_cannot_use_the_parents_store(tmp_path: Path) -> None:
    """In a fork the map and the writer's thread are not usable; that is an error, not a crash."""
    code = (
        "import os, sys\n"
        "from store_cases import NOW, note, store_at\n"
        "from fedpull.cache.records import Outcome\n"
        "from fedpull.errors import StoreError\n"
        "from pathlib import Path\n"
        "with store_at(Path(sys.argv[1])) as opened:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        failed = opened.store.apply(Outcome(NOW, puts=(note(1),))).exception()\n"
        "        try:\n"
        "            opened.query.document(note(1).id)\n"
        "        except StoreError:\n"
        "            os._exit(0 if isinstance(failed, StoreError) else 2)\n"
        "        os._exit(3)\n"
        "    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "    opened.store.apply(Outcome(NOW, puts=(note(1),))).result()\n"
        "sys.exit(status)\n"
    )
    folder = str(Path(__file__).parent)
    environ = {**os.environ, "PYTHONPATH": folder}
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=environ)

    assert ended.returncode == 0


def test_a_forked_child_is_told_why_it_cannot_open_the_store_that_its_parent_had_open(
    tmp_path: Path,
) -> None:
    """LMDB would say that it is open already in this process, where it is not."""
    code = (
        "import os, sys\n"
        "from fedpull.cache import Cache\n"
        "from fedpull.errors import StoreError\n"
        "from store_cases import store_at\n"
        "from pathlib import Path\n"
        "with store_at(Path(sys.argv[1])) as opened:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        try:\n"
        "            Cache(opened.query._environment.path)\n"
        "        except StoreError as error:\n"
        "            os._exit(0 if 'before this process was forked' in str(error) else 2)\n"
        "        os._exit(3)\n"
        "    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "sys.exit(status)\n"
    )
    folder = str(Path(__file__).parent)
    environ = {**os.environ, "PYTHONPATH": folder}
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=environ)

    assert ended.returncode == 0


MOUNTS = r"""
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
23 22 0:21 / /proc rw - proc proc rw
40 22 0:44 / /home rw,relatime shared:20 - nfs4 files.example:/home rw,vers=4.2
41 40 0:45 / /home/my\040own rw - ext4 /dev/sda1 rw
42 22 0:46 / /mnt/share rw - cifs //nas/share rw
43 22 0:47 / /mnt/share rw - tmpfs tmpfs rw
a line of nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/fedpull", "ext4"),
        ("/home", "nfs4"),
        ("/home/ann/.local/share/fedpull", "nfs4"),
        ("/homely", "ext4"),
        ("/home/my own/data", "ext4"),
        ("/mnt/share/data", "tmpfs"),
    ],
    ids=[
        "below the root",
        "a mount itself",
        "below a mount",
        "a name that only begins like one",
        "a mount within a mount, with a space",
        "what was mounted over it counts",
    ],
)
def test_the_kind_of_a_file_system(path: str, kind: str) -> None:
    """By the mount that is nearest above it."""
    assert kind_of(path, MOUNTS) == kind


def test_a_store_of_another_machine_is_refused(tmp_path: Path) -> None:
    """Before anything is written there; where nothing is known of mounts it is not."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / {tmp_path.parent} rw - nfs4 files.example:/ rw\n")
    with pytest.raises(StoreError, match=r"of another machine \(nfs4\)"):
        refuse_remote(tmp_path / "store", mounts)
    refuse_remote(tmp_path / "store", tmp_path / "none")

    assert not (tmp_path / "store").exists()


def test_files_that_were_open_to_others_are_closed_to_them(tmp_path: Path) -> None:
    """A copy that was restored under another umask is private again once it is opened."""
    path = tmp_path / "store"
    with store_at(path):
        pass
    for name in ("data.mdb", "lock.mdb"):
        (path / name).chmod(0o644)
    with store_at(path):
        modes = {stat.S_IMODE((path / name).stat().st_mode) for name in ("data.mdb", "lock.mdb")}

    assert modes == {0o600}


def test_a_commit_is_on_disk_before_it_is_told(tmp_path: Path) -> None:
    """LMDB is opened so that neither data nor meta pages wait, and nothing writes into the map."""
    with store_at(tmp_path):
        environment = open_environment(tmp_path, write=False)
        flags = environment._env.flags()
        environment.close()

    assert (flags["sync"], flags["metasync"], flags["writemap"]) == (True, True, False)


def test_the_table_of_readers_is_on_the_disk(tmp_path: Path) -> None:
    """LMDB maps it, and whoever first wrote into a hole of it on a full disk died of SIGBUS."""
    with store_at(tmp_path):
        table = (tmp_path / "lock.mdb").stat()
    assert table.st_blocks * 512 >= table.st_size > 0


def test_nothing_but_its_name_is_lost_where_the_lock_cannot_be_written(tmp_path: Path) -> None:
    """On a full disk the lock holds all the same, so that what is there can be served."""
    code = (
        "import resource, sys\nfrom fedpull.cache.lock import WriterLock, is_locked\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "lock = WriterLock(sys.argv[1])\nassert is_locked(sys.argv[1])\nlock.release()\n"
        "assert not is_locked(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("name", ["", "data.mdb", "lock.mdb"])
def test_what_this_user_may_not_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whoever runs a command as the wrong user is told so, and not to rebuild the store."""
    with store_at(tmp_path / "s"):
        pass
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    Path("s").chmod(0o755)
    Path("s", "data.mdb").chmod(0o644)
    Path("s", "lock.mdb").chmod(0o666)
    Path("s", name).chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65_534)  # to root everything is readable
    try:
        with pytest.raises(StoreError, match="this user may not read it: expected the user whose"):
            refuse_unreadable("s")
    finally:
        os.seteuid(user)
        Path("s", name).chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_does_in_the_store_of_a_user_leaves_it_theirs(tmp_path: Path) -> None:
    """A command that an operator runs as root beside a service with a user of its own: restored
    without a table of readers, read, compacted, and still that user's."""
    path = tmp_path / "s"
    with store_at(path):
        pass
    (path / "lock.mdb").unlink()
    for file in (path, *path.iterdir()):
        os.chown(file, 65_534, 65_534)
    open_reader(path).close()
    compact(path, max_bytes=64 << 20)
    with store_at(path):
        pass
    assert {file.stat().st_uid for file in path.iterdir()} == {65_534}
