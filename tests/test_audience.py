"""What may be kept, for whom it is listed, what makes it go: audience, deletion, types, boosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Want

ELSE = "https://else.example"
BOB = f"{ELSE}/users/bob"
HOURLY = {"min": "1s", "max": "1h"}


def post(id: str, owner: str, **more: Any) -> dict[str, Any]:
    doc = {"id": id, "type": "Note", "attributedTo": owner, "to": PUBLIC, "content": id}
    return doc | {"published": "2026-08-01T10:00:00Z"} | more


def act(verb: str, about: Any, owner: str = ALICE, n: int = 1, **more: Any) -> dict[str, Any]:
    doc = {"id": f"{owner}/acts/{verb}{n}", "type": verb, "actor": owner, "to": PUBLIC}
    return doc | {"object": about} | more


def offers(pocket: Pocket, *items: Any, owner: str = ALICE) -> None:
    """The outbox of an actor, on one page."""
    outbox = f"{owner}/outbox"
    pocket.pages[owner] = actor(id=owner, outbox=outbox, preferredUsername=owner[-3:])
    pocket.pages[outbox] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": outbox,
        "type": "OrderedCollection",
        "orderedItems": list(items),
    }


OWN = f"{ALICE}/1"
THEIRS = f"{BOB}/1"


@pytest.mark.parametrize("verb", ["Create", "Announce", "Update", "Delete"])
@pytest.mark.parametrize("owner", [None, ALICE, BOB], ids=["no owner", "own", "theirs"])
def test_nobody_deletes_what_is_not_his(tmp_path: Path, verb: str, owner: str | None) -> None:
    """A Tombstone in a page is for another origin's object no more than a reason to ask it."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(THEIRS, BOB), BOB), owner=BOB)
        pocket.pages[THEIRS] = post(THEIRS, BOB)
        pocket.follow(BOB)
        pocket.run()
        assert pocket.held(THEIRS)
        tombstone = {"id": THEIRS, "type": "Tombstone"}
        tombstone |= {"attributedTo": owner} if owner else {}
        offers(pocket, act(verb, tombstone))
        pocket.follow(ALICE)
        pocket.run()

        assert pocket.held(THEIRS)


@pytest.mark.parametrize("stated", [False, True], ids=["bare", "with its owner"])
def test_a_tombstone_of_an_own_post_takes_it_away(tmp_path: Path, stated: bool) -> None:
    """One-page servers list the Create of a deleted post with a Tombstone in its place."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        assert pocket.held(OWN)
        tombstone: dict[str, Any] = {"id": OWN, "type": "Tombstone"}
        offers(pocket, act("Create", tombstone | ({"attributedTo": ALICE} if stated else {})))
        pocket.pages[OWN] = 410
        pocket.later(3600)

        assert not pocket.held(OWN)
        assert pocket.state(OWN) == "gone"
        assert pocket.listed(ALICE) == []


def test_a_narrowed_audience_purges_and_a_widened_one_brings_back(tmp_path: Path) -> None:
    """What the page says now counts: for followers, it goes; for everybody, it comes."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        offers(pocket, act("Create", post(OWN, ALICE, to=[f"{ALICE}/followers"])))
        pocket.later(3600)
        assert (pocket.held(OWN), pocket.state(OWN)) == (False, "refused")
        assert pocket.opened.query.history(OWN) == []
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.later(3600)

        assert pocket.listed(ALICE) == [OWN]
        pocket.sound()


def test_a_private_edit_of_another_ones_post_purges_nothing(tmp_path: Path) -> None:
    """An embedded copy that names another owner than the held one is not a version of it."""
    carol = f"{HOST}/users/carol"
    theirs = f"{carol}/1"
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(theirs, carol), carol), owner=carol)
        pocket.follow(carol)
        pocket.run()
        offers(pocket, act("Update", post(theirs, ALICE, to=[f"{ALICE}/followers"])))
        pocket.follow(ALICE)
        pocket.run()

        assert pocket.held(theirs)


def test_a_public_activity_with_a_private_object_inside_is_not_kept(tmp_path: Path) -> None:
    """Who asks for an activity by its id must not get a private post with it."""
    with Pocket(tmp_path) as pocket:
        create = act("Create", post(OWN, ALICE, to=[f"{ALICE}/followers"]))
        boost = act("Announce", post(THEIRS, BOB, to=[f"{BOB}/followers"]), n=2)
        for one in (create, boost):
            pocket.pages[one["id"]] = one
            pocket.want(Want(one["id"], Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.run()

        assert [pocket.state(one["id"]) for one in (create, boost)] == ["refused", "refused"]


@pytest.mark.parametrize("name", ["bto", "bcc"])
def test_hidden_addressees_are_never_stored(tmp_path: Path, name: str) -> None:
    """A server that forgets to strip them does not make us spread them (ActivityPub section 6)."""
    with Pocket(tmp_path) as pocket:
        secret = "https://secret.example/users/eve"
        hidden: dict[str, Any] = {name: [secret]}
        create = act("Create", post(f"{ALICE}/2", ALICE, **hidden), n=2, **hidden)
        offers(pocket, act("Create", post(OWN, ALICE, **hidden)))
        pocket.pages[THEIRS] = post(THEIRS, BOB, **hidden)
        pocket.pages[create["id"]] = create
        pocket.want(Want(THEIRS, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.want(Want(create["id"], Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.follow(ALICE)
        pocket.run()
        documents = [pocket.opened.query.document(id) for id in (OWN, THEIRS, create["id"])]

        for document in documents:
            assert document is not None
            assert secret.encode() not in document.body
            assert b"content" in document.body


def test_a_boost_chain_is_not_followed(tmp_path: Path) -> None:
    """An Announce of an Announce of an Announce: whoever mints them gets one request."""
    with Pocket(tmp_path) as pocket:
        links = [f"{ELSE}/boosts/{n}" for n in range(40)]
        for n, uri in enumerate(links[:-1]):
            pocket.pages[uri] = act("Announce", links[n + 1], BOB, id=uri)
        offers(pocket, act("Announce", links[0]))
        pocket.follow(ALICE)
        pocket.run()

        assert len([url for url in pocket.asked if url in links]) == 1


def test_a_boosted_create_stands_for_its_object(tmp_path: Path) -> None:
    """Some boost the activity and mean the post."""
    with Pocket(tmp_path) as pocket:
        create = act("Create", post(THEIRS, BOB), BOB)
        pocket.pages |= {create["id"]: create, BOB: actor(id=BOB), THEIRS: post(THEIRS, BOB)}
        offers(pocket, act("Announce", create["id"]))
        pocket.follow(ALICE)
        pocket.run()

        assert pocket.listed(ALICE) == [THEIRS]


def test_an_activity_that_somebody_has_fetched_is_opened_all_the_same(tmp_path: Path) -> None:
    """Asked for by its id it is a document of its own; listed by its URL it stands for its post."""
    with Pocket(tmp_path) as pocket:
        create = act("Create", post(OWN, ALICE))
        pocket.pages[create["id"]] = create
        pocket.want(Want(create["id"], Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.run()
        assert pocket.state(create["id"]) == "resolved"
        offers(pocket, create["id"])
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        asked = pocket.later(3600)

        assert pocket.listed(ALICE) == pocket.members(OUTBOX) == [OWN]
        assert create["id"] not in asked


def test_a_boost_of_another_name_of_a_post_is_listed(tmp_path: Path) -> None:
    """Two boost a URL that leads to a post with another id: both lists show the post."""
    carol, link = f"{HOST}/users/carol", f"{ELSE}/@bob/1"
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {link: post(THEIRS, BOB), THEIRS: post(THEIRS, BOB), BOB: actor(id=BOB)}
        for owner in (ALICE, carol):
            offers(pocket, act("Announce", link, owner), owner=owner)
            pocket.follow(owner, every=HOURLY)
            pocket.run()
        pocket.later(3600)

        assert [pocket.listed(owner) for owner in (ALICE, carol)] == [[THEIRS], [THEIRS]]
        pocket.sound()


def test_an_edit_of_the_profile_is_no_post(tmp_path: Path) -> None:
    """WordPress and activitypub-bot list it in the outbox: it neither counts nor is a member."""
    with Pocket(tmp_path) as pocket:
        posts = [act("Create", post(f"{ALICE}/{n}", ALICE), n=n) for n in (3, 2, 1)]
        offers(pocket, act("Update", actor(name="New")), act("Update", ALICE, n=2), *posts)
        pocket.follow(ALICE, backfill=2)
        pocket.run()

        assert len(pocket.listed(ALICE)) == 2
        assert ALICE not in pocket.members(OUTBOX)


def test_a_parent_that_is_an_activity_is_not_listed(tmp_path: Path) -> None:
    """Whatever a post answers is not what its author's outbox offers."""
    with Pocket(tmp_path) as pocket:
        create = act("Create", post(THEIRS, BOB), BOB)
        pocket.pages |= {create["id"]: create, THEIRS: post(THEIRS, BOB), BOB: actor(id=BOB)}
        offers(pocket, act("Create", post(OWN, ALICE, inReplyTo=create["id"])))
        pocket.follow(ALICE)
        pocket.run()

        assert pocket.listed(ALICE) == [OWN]
        assert pocket.held(THEIRS)


@pytest.mark.parametrize("embedded", [True, False], ids=["embedded", "by URL"])
@pytest.mark.parametrize("first", ["events", "all", "both"])
def test_two_follows_with_other_types_each_get_theirs(
    tmp_path: Path, first: str, embedded: bool
) -> None:
    """Alice is followed for events, Bob for everything; both offer the same note and event."""
    with Pocket(tmp_path) as pocket:
        note, event = THEIRS, f"{BOB}/2"
        bodies = {note: post(note, BOB), event: post(event, BOB, type="Event")}
        pocket.pages |= bodies
        offers(pocket, *[act("Announce", id, n=n) for n, id in enumerate(bodies)])
        own = [act("Create", bodies[id] if embedded else id, BOB, n) for n, id in enumerate(bodies)]
        offers(pocket, *own, owner=BOB)
        follows: list[tuple[str, dict[str, Any]]] = [(ALICE, {"types": ["Event"]}), (BOB, {})]
        for actor_id, rules in reversed(follows) if first == "all" else follows:
            pocket.follow(actor_id, every=HOURLY, **rules)
            if first != "both":
                pocket.run()
        pocket.run()
        asked = pocket.later(3600)

        assert set(pocket.listed(BOB)) == {note, event}
        assert pocket.listed(ALICE) == [event]
        assert not {note, event} & set(asked)
        pocket.sound()


def test_what_one_follow_does_not_want_stays_for_the_other(tmp_path: Path) -> None:
    """A type that one follow does not keep says nothing about the copy that is held."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.pages[OWN] = post(OWN, ALICE)
        pocket.want(Want(OWN, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.run()
        pocket.follow(ALICE, types=["Event"])
        pocket.run()

        assert pocket.held(OWN)
        assert pocket.state(OWN) == "resolved"


def test_a_post_that_was_deleted_and_is_offered_again(tmp_path: Path) -> None:
    """Its Delete stands above its Create on one page: it does not come back with every visit."""
    with Pocket(tmp_path) as pocket:
        create = act("Create", post(OWN, ALICE))
        offers(pocket, create)
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        offers(pocket, act("Delete", OWN), create)
        pocket.pages[OWN] = 410
        pocket.later(3600)
        assert not pocket.held(OWN)
        pocket.later(3600)

        assert not pocket.held(OWN)


@pytest.mark.parametrize(
    ("served", "state"),
    [
        pytest.param(post(THEIRS, BOB, to=[f"{BOB}/followers"]), "refused", id="private"),
        pytest.param(404, "failed", id="missing"),
        pytest.param(401, "failed", id="wants a signature"),
        pytest.param(410, "gone", id="deleted"),
        pytest.param({"id": THEIRS, "type": "Tombstone"}, "gone", id="a Tombstone"),
        pytest.param(post(f"{ELSE}/other", f"{HOST}/x"), "redirected", id="another id"),
        pytest.param(post(THEIRS, ALICE), "failed", id="another origin's owner"),
        pytest.param([], "failed", id="a list"),
        pytest.param({}, "failed", id="nothing"),
    ],
)
def test_a_boost_of_what_cannot_be_kept(tmp_path: Path, served: Any, state: str) -> None:
    """It is asked for, nothing is kept or listed, and a dozen visits do not ask a dozen times."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[THEIRS] = served
        offers(pocket, act("Announce", THEIRS))
        pocket.follow(ALICE, every={"min": "5m", "max": "5m"})
        pocket.run()
        for _ in range(12):
            pocket.later(300)

        assert pocket.state(THEIRS) == state
        assert pocket.listed(ALICE) == []
        assert pocket.asked.count(THEIRS) <= 2


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(500, id="an error"),
        pytest.param(404, id="missing once"),
        pytest.param([], id="a list"),
        pytest.param({"type": "Note"}, id="no id"),
        pytest.param(post(THEIRS, ALICE), id="another owner"),
        pytest.param(post(THEIRS, f"{ELSE}/users/eve"), id="an owner of the same host"),
        pytest.param(post(THEIRS, BOB, published="2020-01-01T00:00:00Z"), id="another date"),
        pytest.param({"id": THEIRS, "type": "Person"}, id="an actor in its place"),
    ],
)
def test_what_is_held_stays_while_its_origin_serves_nonsense(tmp_path: Path, served: Any) -> None:
    """A failure says nothing about the copy: it stays, listed and resolved."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[THEIRS] = post(THEIRS, BOB)
        offers(pocket, act("Announce", THEIRS))
        pocket.follow(ALICE)
        pocket.run()
        pocket.pages[THEIRS] = served
        pocket.want(Want(THEIRS, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.run()
        document = pocket.opened.query.document(THEIRS)

        assert document is not None
        assert document.json == post(THEIRS, BOB)
        assert pocket.state(THEIRS) == "resolved"
        assert pocket.listed(ALICE) == [THEIRS]
        pocket.sound()


def test_boosts_of_what_is_held_are_listed(tmp_path: Path) -> None:
    """A boost of an own post, and of another followed one's: no request, but listed."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(THEIRS, BOB), BOB), owner=BOB)
        pocket.follow(BOB)
        pocket.run()
        offers(
            pocket,
            act("Announce", THEIRS),
            act("Announce", OWN, n=2),
            act("Create", post(OWN, ALICE)),
        )
        pocket.follow(ALICE)
        pocket.run()

        assert set(pocket.listed(ALICE)) == {OWN, THEIRS}
        assert not {OWN, THEIRS} & set(pocket.asked)
        assert sorted(set(pocket.members(OUTBOX))) == sorted([OWN, THEIRS])
