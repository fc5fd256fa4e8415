"""The threads of followed posts, on simulated servers of the families that offer them each its way.

What the outbox does not list, the thread has: the replies of others, wherever they live, and on
GoToSocial the author's own as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from station import Station

from fedpull.cache import Cache
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account, Post
from fedpull.tests.fediverse.world import Fediverse

NAMES = ("gotosocial", "mastodon", "nodebb", "lemmy")
# Where a conversation is one collection, levels are not told apart.
WHOLE = ("mastodon", "nodebb", "lemmy")


@dataclass
class Thread:
    """A post of a followed account and what answers it, level by level."""

    author: Account
    post: Post
    levels: list[list[Post]] = field(default_factory=lambda: [[], [], []])
    own: list[Post] = field(default_factory=list)


def thread_of(author: Account, friend: Account, stranger: Account) -> Thread:
    """Three levels: the author's own answers, a neighbour's, and one from another host."""
    thread = Thread(author, author.post("What do you think?"))
    above = [thread.post, thread.post, thread.post]
    for level, found in enumerate(thread.levels):
        for place, writer in enumerate((author, friend, stranger)):
            reply = writer.post(f"level {level}", in_reply_to=above[place], kind="Note")
            found.append(reply)
            above[place] = reply
        thread.own.append(found[0])
    return thread


@dataclass
class Pulled:
    """One pull of everybody."""

    station: Station
    threads: dict[str, Thread]
    world: Fediverse

    def held(self, posts: list[Post]) -> set[str]:
        with Cache(self.station.store) as cache:
            return {post.id for post in posts if cache.get(post.id) is not None}


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulled]:
    families = [BY_NAME[name] for name in (*NAMES, "pleroma")]
    with Fediverse(families) as world:
        stranger = world.find(BY_NAME["pleroma"]).add_account("stranger")
        threads = {}
        for name in NAMES:
            server = world.find(BY_NAME[name])
            threads[name] = thread_of(
                server.add_account("alice", posts=3), server.add_account("bob"), stranger
            )
        follow = [{"actor": one.author.handle, "replies": 2} for one in threads.values()]
        station = Station(tmp_path_factory.mktemp("threads"), world, follow=follow)
        station.pull()
        yield Pulled(station, threads, world)


@pytest.mark.parametrize("name", NAMES)
def test_two_levels_of_replies_are_kept(pulled: Pulled, name: str) -> None:
    """Whoever wrote them, and wherever they live."""
    thread = pulled.threads[name]
    posts = [post for level in thread.levels[:2] for post in level[:2]]
    # The third writer's host answers nobody: of his posts the first is known, by delivery.
    posts.append(thread.levels[0][2])

    assert pulled.held(posts) == {post.id for post in posts}


def test_gotosocial_hides_replies_and_the_thread_has_them(pulled: Pulled) -> None:
    """The author's own replies stand in no outbox there."""
    thread = pulled.threads["gotosocial"]
    offered = thread.author.server.public_objects(thread.author)

    assert not offered & {post.id for post in thread.own}
    assert pulled.held(thread.own[:2]) == {post.id for post in thread.own[:2]}


def test_the_third_level_is_left_out_where_levels_are_told_apart(pulled: Pulled) -> None:
    """With `replies: 2`, what answers an answer to an answer is not asked for."""
    thread = pulled.threads["gotosocial"]

    assert pulled.held(thread.levels[2][:2]) == set()


@pytest.mark.parametrize("name", WHOLE)
def test_a_conversation_costs_one_collection(pulled: Pulled, name: str) -> None:
    """No post but the first is asked for its replies, and nothing is read twice."""
    host = pulled.threads[name].author.server.host
    asked = [one.path for one in pulled.world.log.entries if one.host == host]
    own = {post.id.partition(host)[2] for post in pulled.threads[name].own}

    assert [path for path in asked if path.removesuffix("/replies") in own - {path}] == []
    contexts = [path for path in asked if "/contexts/" in path or "/topic/" in path]
    assert len(contexts) == len(set(contexts))


@pytest.mark.parametrize("name", NAMES)
def test_fetches_count_for_the_follow(pulled: Pulled, name: str) -> None:
    """`fedpull follows` says what the threads of a follow have cost."""
    handle = pulled.threads[name].author.handle
    told = {one["follow"]: one for one in pulled.station.json("follows")["items"]}

    assert told[handle]["thread_fetches"] >= 5
    assert told[handle]["last_error"] is None


def test_the_store_is_sound(pulled: Pulled) -> None:
    """After all threads, documents, indexes and the queue agree."""
    assert pulled.station.run("check").code == 0
