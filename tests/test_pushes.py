"""Pushes to the daemon, end to end: simulated servers sign them, their origins are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from public_station import ACTOR, INBOX, SHARED_INBOX, PublicStation, holds
from push_cases import followers, notifications, settled
from station import Running, eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.forms import FORMS
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

SELDOM = {"min": "1h", "max": "7d"}
FAMILIES = ("mastodon", "gotosocial", "ghost", "nodebb", "pleroma", "misskey")


@dataclass
class Told:
    """A daemon that follows an account on each host, and polls so seldom that all that arrives
    during the tests was pushed.
    """

    world: Fediverse
    station: PublicStation
    running: Running
    accounts: dict[str, Account]

    def state(self, id: str) -> str:
        with Cache(self.station.store) as cache:
            document = cache.get(id)
            return "" if document is None else str(document.state)

    def text(self, id: str) -> str:
        with Cache(self.station.store) as cache:
            document = cache.get(id)
            return "" if document is None else str(document.content)

    def gets(self, url: str, since: int) -> int:
        path = url.partition("://")[2].partition("/")[2]
        return sum(one.target == f"/{path}" for one in self.world.log.since(since))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with Fediverse([BY_NAME[name] for name in (*FAMILIES, "lemmy")]) as world:
        accounts = {
            name: world.find(BY_NAME[name]).add_account("alice", posts=5) for name in FAMILIES
        }
        accounts["lemmy"] = world.find(BY_NAME["lemmy"]).add_account("garden", posts=5)
        world.servers["mastodon.example"].add_account("stranger", posts=5)
        follow = [
            {"actor": one.handle, "every": SELDOM, "boosts": True} for one in accounts.values()
        ]
        station = PublicStation(tmp_path_factory.mktemp("pushes"), world, follow=follow)
        with station.daemon() as running:
            for name, account in accounts.items():
                eventually(lambda a=account: len(holds(station, a)) >= 5, name)  # type: ignore[misc]
            yield Told(world, station, running, accounts)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "unsigned"])
def test_a_post_is_pulled_when_it_is_announced_in_the_form_of(told: Told, form: str) -> None:
    """202, then one GET of the object; no page of the outbox is needed."""
    account = told.accounts["ghost"]
    mark = told.world.log.mark()
    post = account.post(f"announced by {form}")

    assert account.push(post, form=form).status == 202
    eventually(lambda: post.id in holds(told.station, account), "the post")
    assert told.text(post.id) == f"<p>announced by {form}</p>"
    assert told.gets(post.id, mark) == 1
    assert told.gets(account.outbox_url, mark) == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_pushes_its_life(told: Told, name: str) -> None:
    """A post, its edit and its end, each told to the inbox in the family's own way."""
    account = told.accounts[name]
    post = account.post("first words")
    assert account.push(post).status == 202
    eventually(lambda: told.text(post.id) == "<p>first words</p>", "the post")
    if account.server.states_updated:
        account.edit(post, "second thoughts")
        assert account.push(post).status == 202
        eventually(lambda: told.text(post.id) == "<p>second thoughts</p>", "the edit")
    account.delete(post)
    assert account.push(post).status == 202
    eventually(lambda: told.state(post.id) != "resolved", "the end")
    assert post.id not in holds(told.station, account)


def test_a_community_announces_what_its_members_write(told: Told) -> None:
    """Announce{Create{Page}}: the page is asked for, and listed for the community."""
    community = told.accounts["lemmy"]
    post = community.post("Tomatoes. They grow")

    assert community.push(post).status == 202
    eventually(lambda: post.id in holds(told.station, community), "the page")


def test_a_boost_is_listed_for_whoever_announces_it(told: Told) -> None:
    """The object is asked for at its own origin; an Undo takes the boost back."""
    account = told.accounts["mastodon"]
    other = told.world.servers["mastodon.example"].accounts["stranger"].posts[0]
    boost = account.boost(other)

    assert account.push(boost).status == 202
    eventually(lambda: other.id in holds(told.station, account), "the boosted post")


def test_what_was_pushed_is_not_what_is_kept(told: Told) -> None:
    """The origin's words are kept; those of the push appear nowhere."""
    account = told.accounts["mastodon"]
    post = account.post("what the origin says")
    document = account.server.document_of(account, post)
    document["object"]["content"] = "what only the push says"

    assert account.push(document).status == 202
    eventually(lambda: told.text(post.id) == "<p>what the origin says</p>", "the post")


def test_the_same_request_again_is_no_news(told: Told) -> None:
    """A replay inside the window: 202, and nothing is fetched or noted again."""
    account = told.accounts["mastodon"]
    post = account.post("said once")
    message = account.server.prepare(account, post)
    assert account.server.send(message).status == 202
    settled(told.station, post.activity_id)
    before, mark = len(notifications(told.station)), told.world.log.mark()

    assert account.server.send(message).status == 202
    assert account.push(post).status == 202  # the same activity, signed anew
    assert len(notifications(told.station)) == before
    assert told.gets(post.id, mark) == 0


@pytest.mark.parametrize("to", [INBOX, SHARED_INBOX])
def test_both_inboxes_take_what_is_sent(told: Told, to: str) -> None:
    """The actor's own and the shared one; the notification says which."""
    account = told.accounts["pleroma"]
    post = account.post(f"to {to}")
    assert account.push(post, to=to).status == 202
    noted = settled(told.station, post.activity_id)

    assert (noted.target, noted.sender) == (to, account.actor_id)
    assert (noted.type, noted.state) == ("Create", "done")
    assert noted.object == post.id


def test_a_stranger_causes_no_request(told: Told) -> None:
    """Nobody follows them: 202, ignored, and their post is not asked for."""
    stranger = told.world.servers["mastodon.example"].accounts["stranger"]
    post = stranger.post("listen to me")
    mark = told.world.log.mark()
    assert stranger.push(post).status == 202

    assert settled(told.station, post.activity_id).state == "ignored"
    assert told.gets(post.id, mark) == 0
    assert told.state(post.id) == ""


@pytest.mark.parametrize("verb", ["Flag", "View", "Arrive", "TravelsTo"])
def test_what_says_nothing_to_us_is_dropped(told: Told, verb: str) -> None:
    """202 and no request, whoever sends it."""
    account = told.accounts["mastodon"]
    mark = told.world.log.mark()
    document = {"id": f"{account.actor_id}#{verb}", "type": verb, "object": account.posts[0].id}

    assert account.push(document).status == 202
    assert told.gets(account.posts[0].id, mark) == 0


def test_a_followers_life(told: Told) -> None:
    """A Follow is accepted by a signed POST, listed, and dropped when it is undone."""
    server = told.world.servers["pleroma.example"]
    account = server.accounts["alice"]
    follow = account.act("Follow", ACTOR)

    assert account.push(follow, to=INBOX).status == 202
    eventually(lambda: any(one.document["type"] == "Accept" for one in server.delivered), "Accept")
    accept = next(one for one in server.delivered if one.document["type"] == "Accept")
    assert (accept.signer, accept.status) == (ACTOR, 202)
    assert follow.id in str(accept.document["object"])
    eventually(lambda: followers(told.station) == [account.actor_id], "the follower")
    account.delete(follow)
    assert account.push(account.activities[-1], to=INBOX).status == 202
    eventually(lambda: followers(told.station) == [], "the end of it")


def test_likes_of_what_is_kept_are_counted(told: Told) -> None:
    """Each actor once, shown with the reference."""
    post = told.accounts["mastodon"].posts[0]
    for name in ("pleroma", "misskey", "pleroma"):
        account = told.accounts[name]
        like = account.act("Like", post.id)
        assert account.push(like).status == 202

    def likes() -> int:
        with Client(told.running.address) as client:
            return int(client.reference(post.id)["counts"]["likes"])

    eventually(lambda: likes() == 2, "two likes")


def test_a_rotated_key_is_asked_for_again(told: Told) -> None:
    """The remembered key does not verify: one look at the actor, and the push is taken."""
    account = told.accounts["misskey"]
    first = account.post("with the old key")
    assert account.push(first).status == 202
    account.rotate()
    post = account.post("with the new key")

    assert account.push(post).status == 202
    eventually(lambda: post.id in holds(told.station, account), "the post")


def test_what_somebody_forwards_is_a_hint_at_most(told: Told) -> None:
    """The signer is not the actor: nothing is attributed to whoever the body names."""
    author, carrier = told.accounts["mastodon"], told.accounts["pleroma"]
    post = author.post("forwarded")
    document = author.server.document_of(author, post)
    document["object"]["content"] = "what the carrier says"
    answer = carrier.push(document)

    assert answer.status in (202, 401)
    assert "what the carrier says" not in told.text(post.id)


def test_an_actor_that_leaves_is_asked_about(told: Told) -> None:
    """A Delete of oneself: the actor is asked; while it is there, it stays followed."""
    account = told.accounts["gotosocial"]
    mark = told.world.log.mark()
    document = {
        "id": f"{account.actor_id}#delete",
        "type": "Delete",
        "object": account.actor_id,
    }

    assert account.push(document).status == 202
    eventually(lambda: told.gets(account.actor_id, mark) >= 1, "the actor was asked")
    assert len(holds(told.station, account)) >= 5


def test_altered_on_the_way_it_is_refused(told: Told) -> None:
    """The digest is covered, and so is the header that states it."""
    account = told.accounts["mastodon"]
    message = account.server.prepare(account, account.post("whole"))
    answer = account.server.send(replace(message, body=message.body.replace(b"whole", b"other")))

    assert answer.status == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
