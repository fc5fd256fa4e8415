"""Forgetting with the real daemon and commands: what is left, what is asked, what comes back."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from policy_cases import rows_with
from public_station import ORIGIN, PublicStation
from station import Station, eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.crawler.clock import SystemClock
from fedpull.errors import NotFound, Refused
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

HERS, HIS = "town.example", "home.example"
QUICK = {"min": "1s", "max": "1s"}
SECRET = "quokka"
HOUR = 3_600.0


@dataclass
class Scene:
    """Alice boosts and answers Bob; both are followed; Bob lives with Carol on his own host."""

    world: Fediverse
    station: Station
    alice: Account
    bob: Account
    carol: Account

    @property
    def posts(self) -> list[str]:
        return [post.id for post in self.bob.posts]

    def asked(self, since: int = 0) -> int:
        return self.world.log.count(HIS, since=since)

    def held(self) -> set[str]:
        with Cache(self.station.store) as cache:
            return {one.id for one in cache.objects(actor=self.bob.actor_id, limit=1_000)}

    def traces(self, *names: str, text: str = SECRET) -> list[str]:
        """Tables of the closed store that hold what Bob wrote, or one of the names, an hour after
        they were told. What others have written of him is theirs: Alice's answer names its post."""
        with self._tidied() as copy:
            named = [table for table in rows_with(copy, *names) if table != "body"]
            return rows_with(copy, text) + named

    @contextmanager
    def _tidied(self) -> Iterator[Path]:
        from fedpull.cache.open import open_store

        copy = self.station.folder / "copy"
        shutil.copytree(self.station.store, copy)
        opened = open_store(copy)
        opened.moderator.tidy(SystemClock().now() + HOUR, lambda: False)
        assert opened.query.check().findings == ()
        opened.close()
        yield copy
        shutil.rmtree(copy)


@contextmanager
def scene(folder: Path, *, public: bool = False, **config: Any) -> Iterator[Scene]:
    hers, his = Mastodon(HERS), Mastodon(HIS)
    with Fediverse([hers, his]) as world:
        alice, bob = hers.add_account("alice", posts=2), his.add_account("bob")
        carol = his.add_account("carol", posts=1)
        for number in range(3):
            bob.post(f"{SECRET} number {number}")
        bob.edit(bob.posts[0], f"{SECRET} number 0, edited")
        alice.boost(bob.posts[0])
        alice.post("what I say to that", in_reply_to=bob.posts[1])
        follow = [{"actor": one.handle, "every": QUICK} for one in (alice, bob)]
        kind = PublicStation if public else Station
        yield Scene(world, kind(folder, world, **{"follow": follow, **config}), alice, bob, carol)


def test_a_forgotten_post_is_nowhere_and_stays_away(tmp_path: Path) -> None:
    """Without a daemon: purged, refused by every command, and not brought back by the next pull."""
    with scene(tmp_path) as it:
        post = it.posts[0]
        assert it.station.run("pull").code == 0
        assert post in it.held()
        seq = max(one["seq"] for one in it.station.json("changes")["items"])

        done = it.station.json("forget", post)
        mark = it.world.log.mark()
        assert done == {"purged": 1}
        for words in (("get", post), ("fetch", post), ("explain", post)):
            told = it.station.run(*words)
            assert (told.code, "forgotten" in told.err) == (4, True), (words, told)
        assert it.world.log.mark() == mark
        [change] = it.station.json("changes", "--since", str(seq))["items"]
        assert (change["kind"], change["reason"], change["id"]) == ("deleted", "forgotten", post)

        assert it.station.run("pull").code == 0
        assert it.held() == set(it.posts[1:])
        targets = [request.target for request in it.world.log.since(mark)]
        assert not [target for target in targets if post.partition(HIS)[2] in target]
        assert it.traces(post, text=f"{SECRET} number 0") == []


@pytest.mark.parametrize("named", ["handle", "actor_id"])
def test_a_forgotten_actor_goes_with_all_that_it_wrote(tmp_path: Path, named: str) -> None:
    """Followed by the operator's own file, boosted and answered: nothing of it is asked again."""
    with scene(tmp_path) as it:
        assert it.station.run("pull").code == 0
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            assert client.forget(getattr(it.bob, named)) >= 4
            mark = it.world.log.mark()
            assert it.held() == set()
            assert [one["actor"] for one in client.follows()] == [it.alice.actor_id]
            for name in ("document", "fetch", "reference", "history", "collection"):
                with pytest.raises(Refused, match="forgotten"):
                    getattr(client, name)(it.posts[0])
            for name in ("fetch", "follow"):
                with pytest.raises(Refused, match="forgotten"):
                    getattr(client, name)(it.bob.handle)
            it.alice.boost(it.bob.post("one more"))
            later = it.alice.post("and on it goes")
            eventually(lambda: later.id in it.station.listed(it.alice.handle), "Alice's next")
            assert it.asked(mark) == 0
            client.fetch(it.carol.posts[0].id)  # who shares his host is asked as before

        with it.station.daemon() as daemon, Client(daemon.address) as client:
            mark = it.world.log.mark()
            reasons = " ".join(client.status()["reasons"])
            assert f"{it.bob.handle} was forgotten" in reasons
            later = it.alice.post("after a restart")
            eventually(lambda: later.id in it.station.listed(it.alice.handle), "Alice's next")
            assert it.asked(mark) == 0
        assert it.traces(it.bob.actor_id, it.bob.handle, "bob@home.example") == []


def test_a_forgotten_domain_is_refused_as_a_whole(tmp_path: Path) -> None:
    """Whoever lives there, under whatever name."""
    with scene(tmp_path) as it:
        assert it.station.run("pull").code == 0
        assert it.station.run("fetch", it.carol.posts[0].id).code == 0
        assert it.station.json("forget", HIS)["purged"] >= 5
        mark = it.world.log.mark()
        for words in (
            ("fetch", it.carol.posts[0].id),
            ("fetch", it.carol.handle),
            ("pull", it.carol.actor_id),
            ("get", it.posts[0]),
        ):
            told = it.station.run(*words)
            assert (told.code, "forgotten" in told.err) == (4, True), (words, told)
        assert it.station.run("pull").code in (0, 5)
        assert it.asked(mark) == 0
        assert it.traces("/users/bob", "/users/carol", text=it.carol.posts[0].text) == []


def test_a_backup_cannot_undo_it(tmp_path: Path) -> None:
    """An older copy of the store holds it all: it is gone before anything is shown."""
    with scene(tmp_path) as it:
        post, store = it.posts[0], it.station.store
        assert it.station.run("pull").code == 0
        shutil.copytree(store, tmp_path / "backup")
        assert it.station.run("forget", it.bob.handle).code == 0

        def restore() -> None:
            shutil.rmtree(store)
            shutil.copytree(tmp_path / "backup", store)

        restore()
        assert it.station.run("get", post).code == 4
        restore()
        listed = {one["id"] for one in it.station.json("list", "--limit", "100")["items"]}
        assert not set(it.posts) & listed
        restore()
        mark = it.world.log.mark()
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            with pytest.raises(Refused):
                client.document(post, only_if_cached=True)
            assert it.held() == set()
            assert it.asked(mark) == 0
        assert it.traces(it.bob.actor_id) == []


def test_the_list_tells_no_names_and_an_undo_takes_them_back(tmp_path: Path) -> None:
    """A file of one's own beside the configuration, that only grows."""
    with scene(tmp_path) as it:
        post = it.posts[0]
        assert it.station.run("pull").code == 0
        for name in (post, it.bob.handle, "spam.example"):
            assert it.station.run("forget", name).code == 0
        file = tmp_path / "forgotten"
        before = file.read_text("utf-8")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not [name for name in (post, "bob", HIS) if name in before]
        items = it.station.json("forget", "--list")["items"]
        assert [one["kind"] for one in items] == ["id", "id", "domain"]
        assert items[2]["name"] == "spam.example"

        assert it.station.run("forget", "--undo", "https://nobody.example/1").code == 3
        for name in (it.bob.handle, post, "spam.example"):
            assert it.station.run("forget", "--undo", name).code == 0, name
        assert it.station.json("forget", "--list")["items"] == []
        assert file.read_text("utf-8").startswith(before)
        assert it.held() == set()
        assert it.station.run("pull").code == 0
        assert it.held() == set(it.posts)
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            client.forget(post)
            assert [one["kind"] for one in client.forgotten()] == ["id"]
            client.remember(post)
            with pytest.raises(NotFound):
                client.remember(post)
            assert client.fetch(post)["id"] == post


def test_a_file_that_is_gone_is_missed(tmp_path: Path) -> None:
    """What it held may come back, so the daemon says so for as long as it is not there."""
    with scene(tmp_path) as it:
        assert it.station.run("forget", "spam.example").code == 0
        file = tmp_path / "forgotten"
        kept = file.read_bytes()
        for text in (kept, None, None, kept):
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_bytes(text)
            with it.station.daemon() as daemon, Client(daemon.address) as client:
                told = [one for one in client.status()["reasons"] if str(file) in one]
            assert len(told) == (text is None), told


def test_many_wishes_at_once_are_all_written_down(tmp_path: Path) -> None:
    """Each waits for the file, and none overwrites another's line."""
    names = [f"spam-{number}.example" for number in range(12)]
    with scene(tmp_path) as it, it.station.daemon() as daemon:

        def forget(name: str) -> None:
            with Client(daemon.address) as client:
                client.forget(name)

        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(forget, names))
        with Client(daemon.address) as client:
            assert sorted(one["name"] for one in client.forgotten()) == sorted(names)
    assert len((tmp_path / "forgotten").read_text("utf-8").splitlines()) == 1 + len(names)


def test_a_push_of_it_is_refused(tmp_path: Path) -> None:
    """By its key, by its actor, as the object of somebody else's."""
    with scene(tmp_path, public=True) as it:
        inbox = "https://pull.example/actor/inbox"
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            eventually(lambda: set(it.posts) <= it.held(), "Bob's posts")
            client.forget(it.bob.handle)
            mark, notes = it.world.log.mark(), len(list(client.notifications()))
            assert it.bob.push(it.bob.post("hear me"), to=inbox).status == 403
            about = {"type": "Announce", "id": f"https://{HERS}/a/1", "object": it.posts[0]}
            assert it.alice.push({**about, "actor": it.alice.actor_id}, to=inbox).status == 403
            assert len(list(client.notifications())) == notes
            assert it.asked(mark) == 0
            assert it.held() == set()
        assert it.traces(it.bob.actor_id) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("forget",), 2, id="nothing"),
        pytest.param(("forget", "example"), 2, id="a top-level domain"),
        pytest.param(("forget", "a b"), 2, id="no name"),
        pytest.param(("forget", "@nobody@nowhere.example"), 3, id="a handle that nobody knows"),
        pytest.param(("forget", "x.example", "--list"), 2, id="two things at once"),
        pytest.param(("forget", "pull.example"), 2, id="our domain"),
        pytest.param(("forget", f"{ORIGIN}/actor"), 2, id="our actor"),
        pytest.param(("forget", f"{ORIGIN}/activities/1"), 2, id="an activity of ours"),
        pytest.param(("forget", "https://never.example/seen"), 0, id="what was never held"),
    ],
)
def test_what_cannot_be_forgotten_is_said(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    """Before anything is written down."""
    with scene(tmp_path, public=True) as it:
        assert it.station.run(*words).code == code
        assert (tmp_path / "forgotten").exists() == (code == 0)
