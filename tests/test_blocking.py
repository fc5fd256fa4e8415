"""Blocklists with the real daemon and commands: what is asked of whom, and what is left of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from public_station import PublicStation
from station import Station, eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.errors import Refused
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

BAD, TOWN = "bad.example", "town.example"
QUICK = {"min": "1s", "max": "1s"}
HEADER = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\r\n"


@dataclass
class Scene:
    """Alice of a town boosts, answers and is followed; so is Mallory, on a host of his own."""

    world: Fediverse
    station: Station
    alice: Account
    mallory: Account

    @property
    def file(self) -> Path:
        return self.station.folder / "blocks.csv"

    def block(self, *rows: str) -> None:
        self.file.write_text(HEADER + "".join(f"{row}\r\n" for row in rows), "utf-8")

    def asked(self, since: int = 0) -> int:
        return self.world.log.count(BAD, since=since)

    def held(self, host: str = BAD) -> list[str]:
        with Cache(self.station.store) as cache:
            return [one.id for one in cache.objects(limit=1_000) if f"//{host}/" in one.id]


@contextmanager
def scene(folder: Path, *rows: str, public: bool = False, **config: Any) -> Iterator[Scene]:
    town, bad = Mastodon(TOWN), Mastodon(BAD)
    with Fediverse([town, bad]) as world:
        alice, mallory = town.add_account("alice", posts=3), bad.add_account("mallory", posts=3)
        alice.boost(mallory.posts[0])
        alice.post("what I say to that", in_reply_to=mallory.posts[1])
        (folder / "blocks.csv").write_text("", "utf-8")
        follow = [{"actor": one.handle, "every": QUICK} for one in (alice, mallory)]
        values = {"follow": follow, "blocklists": ["blocks.csv"], **config}
        kind = PublicStation if public else Station
        found = Scene(world, kind(folder, world, **values), alice, mallory)
        found.block(*rows)
        yield found


@pytest.mark.parametrize("row", ["bad.example,suspend", "BAD.example:443,", "example,noop"])
def test_a_blocked_domain_is_never_asked(tmp_path: Path, row: str) -> None:
    """Neither for its own follow, nor because somebody else's post leads there."""
    blocks = not row.startswith("example")
    with scene(tmp_path, row) as it:
        done = it.station.run("pull")
        held = it.station.listed(it.alice.handle)

        assert {post.id for post in it.alice.posts} <= held
        assert (it.asked() == 0) == blocks
        assert (done.code == 5) == blocks
        assert (f"{it.mallory.handle}: failed: blocked" in done.out) == blocks


def test_what_is_wanted_by_name_is_refused_in_words(tmp_path: Path) -> None:
    """Policy: 403 for programs, 4 for a shell; nothing is sent."""
    with scene(tmp_path, "bad.example,suspend") as it:
        post = it.mallory.posts[0].id
        for words in (
            ("fetch", post),
            ("fetch", it.mallory.handle),
            ("pull", it.mallory.handle),
            ("pull", it.mallory.actor_id),
            ("get", post),
            ("explain", post),
        ):
            done = it.station.run(*words)
            assert (done.code, "blocked" in done.err) == (4, True), (words, done)
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            for ask in (client.document, client.fetch, client.follow, client.reference):
                with pytest.raises(Refused, match="blocked"):
                    ask(post)
        assert it.asked() == 0


def test_a_list_is_read_anew_while_the_daemon_runs(tmp_path: Path) -> None:
    """SIGHUP: what is held of a domain goes, within moments; nothing is asked of it from then on;
    lifted, it comes back."""
    with scene(tmp_path) as it, it.station.daemon() as daemon, Client(daemon.address) as client:
        eventually(lambda: len(it.held()) >= 3, "Mallory's posts")
        seq = client.status()["references"] and max(one["seq"] for one in client.changes())

        it.block('bad.example,suspend,true,true,"spam, and worse",false')
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: not it.held(), "the purge")
        eventually(lambda: _state(client, BAD) == "blocked", "the host's state")
        daemon.wait_for_line("documents were purged")
        mark = it.world.log.mark()

        told = [one for one in client.changes(seq) if one["reason"] == "blocked"]
        assert {one["kind"] for one in told} == {"deleted"}
        assert it.mallory.posts[0].id in {one["id"] for one in told}
        it.mallory.post("more of it")
        later = it.alice.post("and on it goes")
        eventually(lambda: later.id in it.held(TOWN), "Alice's next post")
        assert it.asked(mark) == 0
        follows = {one["actor"]: one for one in client.follows()}
        assert "blocked" in follows[it.mallory.actor_id]["last_error"]

        it.block()
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: _state(client, BAD) != "blocked", "the host's state")
        client.pull([it.mallory.handle])
        assert len(it.held()) >= 4
        client.fetch(it.mallory.posts[0].id)
    assert it.station.run("check").code == 0


def _state(client: Client, host: str) -> str:
    states: dict[str, str] = {one["host"]: one["state"] for one in client.hosts()}
    return states.get(f"{host}:443", "")


def test_a_reload_tells_what_it_has_changed(tmp_path: Path) -> None:
    """By the API and by the command; a list that is gone leaves all as it was."""
    rows = ("bad.example,suspend", "b*d.example,suspend", "worse.example,silence", "x y,suspend")
    with scene(tmp_path) as it:
        dry = it.station.folder / "other.csv"
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            it.block(*rows)
            found = client.reload_blocklists()
            assert found["added"] == [
                {"domain": "bad.example", "severity": "suspend"},
                {"domain": "worse.example", "severity": "silence"},
            ]
            [given] = found["lists"]
            assert [row["line"] for row in given["obfuscated"]] == [3]
            assert [row["line"] for row in given["invalid"]] == [5]
            eventually(lambda: "1 row is obfuscated" in " ".join(client.status()["reasons"]), "it")

            dry.write_text("worse.example,suspend\nworst.example,suspend\n", "utf-8")
            shown = it.station.run("blocklist", str(dry), "--dry-run")
            lines = shown.out.splitlines()
            assert "+ worst.example suspend" in lines
            assert "~ worse.example silence -> suspend" in lines
            assert not any(line.startswith("- ") for line in lines)

            it.file.unlink()
            done = it.station.run("blocklist", "--reload")
            assert (done.code, "blocks.csv: cannot be read" in done.err) == (2, True), done
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for_line("the blocklists stay as they were")
            with pytest.raises(Refused):
                client.fetch(it.mallory.actor_id)


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """In the place of the configured list of that name: what it would add, and what it drops."""
    with scene(tmp_path, "bad.example,suspend") as it:
        assert it.station.run("pull", it.alice.handle).code == 0
        it.block("new.example,silence", "*.gone.example,suspend")
        found = it.station.json("blocklist", "blocks.csv", "--dry-run")
        assert found["added"] == [{"domain": "new.example", "severity": "silence"}]
        assert found["lists"][0]["obfuscated"][0]["text"] == "*.gone.example"
        assert it.station.run("blocklist", "blocks.csv").code == 2
        assert it.station.run("blocklist").code == 2
        assert it.station.run("blocklist", "--reload").code == 2


@pytest.mark.parametrize("words", [("run",), ("pull",), ("fetch", "https://town.example/1")])
def test_a_list_that_is_missing_is_an_error_at_the_start(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Nobody is asked who might be on it."""
    with scene(tmp_path) as it:
        it.file.unlink()
        done = it.station.run(*words)

        assert done.code == 2, done
        assert "blocklists: " in done.err
        assert "blocks.csv: cannot be read" in done.err
        assert it.world.log.mark() == 0


def test_what_is_blocked_is_not_heard_and_not_written_to(tmp_path: Path) -> None:
    """403 at the inbox without a fetch for a key; no Follow is sent; a follower is dropped."""
    with scene(tmp_path, public=True) as it:
        inbox = "https://pull.example/actor/inbox"
        follow = {
            "type": "Follow",
            "id": f"{it.mallory.actor_id}#follows/1",
            "actor": it.mallory.actor_id,
            "object": "https://pull.example/actor",
        }
        with it.station.daemon() as daemon, Client(daemon.address) as client:
            assert it.mallory.push(follow, to=inbox).status == 202
            eventually(lambda: len(list(client.followers())) == 1, "the follower")

            it.block("bad.example,suspend")
            client.reload_blocklists()
            eventually(lambda: not list(client.followers()), "nobody follows us")
            mark, notes = it.world.log.mark(), len(list(client.notifications()))
            post = it.mallory.post("hear me")
            assert it.mallory.push(post, to=inbox).status == 403
            carol = it.mallory.server.add_account("carol")
            assert carol.push(carol.post("and me"), to=inbox).status == 403
            about = {"type": "Announce", "id": "https://town.example/a/1", "object": post.id}
            assert it.alice.push({**about, "actor": it.alice.actor_id}, to=inbox).status == 403
            assert len(list(client.notifications())) == notes
            assert it.asked(mark) == 0


def test_what_is_silenced_is_only_read_for_its_own_follow(tmp_path: Path) -> None:
    """A boost and an answer lead nowhere there; lists across actors leave it out."""
    with scene(tmp_path, "bad.example,silence") as it:
        boosted, answered = it.mallory.posts[0].id, it.mallory.posts[1].id
        it.station.configure(
            follow=[{"actor": it.alice.handle, "every": QUICK}], blocklists=["blocks.csv"]
        )
        assert it.station.run("pull").code == 0
        assert it.asked() == 0

        it.station.configure(
            follow=[{"actor": one.handle, "every": QUICK} for one in (it.alice, it.mallory)],
            blocklists=["blocks.csv"],
        )
        assert it.station.run("pull").code == 0
        assert {boosted, answered} <= it.station.listed(it.mallory.handle)
        everybody = {one["id"] for one in it.station.json("list", "--limit", "100")["items"]}
        assert it.alice.posts[0].id in everybody
        assert not {boosted, answered} & everybody

        it.block()
        with it.station.daemon():
            eventually(lambda: boosted in it.held(), "the list among others'")
