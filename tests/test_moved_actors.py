"""A followed actor that moves: the follow goes on at the new one, if both sides say so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor, create
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Want
from fedpull.crawler.protocol.handle import parse_handle
from fedpull.crawler.protocol.webfinger import finger_url

NEW = "https://else.example/users/alice"
THERE = f"{NEW}/outbox"
HOURLY = {"min": "1h", "max": "1h"}
DAY = 86_400.0


def outbox(owner: str, *items: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{owner}/outbox",
        "type": "OrderedCollection",
        "orderedItems": list(items),
    }


def theirs(owner: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{owner}/posts/{number}",
        "type": "Note",
        "attributedTo": owner,
        "to": PUBLIC,
        "content": f"post {number}",
        "published": "2026-09-10T10:00:00Z",
    }


def moved(there: Any = NEW) -> dict[str, Any]:
    return actor(movedTo=there)


def arrived(*names: Any, id: str = NEW, **more: Any) -> dict[str, Any]:
    return actor(id=id, outbox=f"{id}/outbox", alsoKnownAs=list(names), **more)


def followed(pocket: Pocket, **rules: Any) -> None:
    pocket.pages |= {ALICE: actor(), OUTBOX: outbox(ALICE, create(1))}
    pocket.pages |= {THERE: outbox(NEW, theirs(NEW, 7))}
    pocket.follow(ALICE, every=HOURLY, **rules)
    pocket.run()


def days(pocket: Pocket, count: int) -> list[str]:
    return [url for _ in range(count) for url in pocket.later(DAY)]


def test_a_follow_goes_on_at_the_new_actor(tmp_path: Path) -> None:
    """`movedTo` there, `alsoKnownAs` here: the new outbox is read, the old posts stay, and the
    change log says that the old actor has moved."""
    with Pocket(tmp_path) as pocket:
        followed(pocket)
        pocket.pages |= {ALICE: moved(), NEW: arrived(ALICE)}
        days(pocket, 14)
        follow = pocket.opened.query.follow(ALICE)

        assert follow is not None
        assert (follow.actor, follow.outbox, follow.last_error) == (NEW, THERE, None)
        assert (follow.moved_from, follow.complete) == (ALICE, True)
        assert set(pocket.listed(ALICE)) == {f"{ALICE}/posts/1", f"{NEW}/posts/7"}
        changes = pocket.opened.query.changes(0)
        assert [c.reason for c in changes if c.id == ALICE and c.reason] == ["moved"]
        pocket.pages[THERE] = outbox(NEW, theirs(NEW, 8), theirs(NEW, 7))
        asked = days(pocket, 3)
        assert f"{NEW}/posts/8" in pocket.listed(ALICE)
        assert OUTBOX not in asked
        pocket.sound()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(moved(), arrived(), id="the new one knows nothing of it"),
        pytest.param(moved(), arrived(f"{HOST}/users/bob"), id="the new one was somebody else"),
        pytest.param(actor(), arrived(ALICE), id="the old one does not say so"),
        pytest.param(moved("https://third.example/a"), arrived(ALICE), id="it leads elsewhere"),
        pytest.param(moved("not a URI"), arrived(ALICE), id="it leads nowhere"),
        pytest.param(moved(ALICE), arrived(ALICE), id="it leads to itself"),
        pytest.param(moved(), 410, id="the new one is gone already"),
        pytest.param(moved(), arrived(ALICE, type="Note", to=PUBLIC), id="what is there is a post"),
        pytest.param(moved(), arrived(ALICE, id=f"{NEW}2"), id="what is there says it is another"),
    ],
)
def test_one_side_alone_moves_nothing(tmp_path: Path, old: Any, new: Any) -> None:
    """The old outbox is read on, and the new one is not."""
    with Pocket(tmp_path) as pocket:
        followed(pocket)
        pocket.pages |= {ALICE: old, NEW: new}
        asked = days(pocket, 14)
        follow = pocket.opened.query.follow(ALICE)

        assert follow is not None
        assert (follow.actor, follow.moved_from) == (ALICE, None)
        assert THERE not in asked
        assert OUTBOX in asked


def test_two_that_point_at_each_other_lead_nobody_in_a_circle(tmp_path: Path) -> None:
    """A follow moves once a week at most, whatever they say."""
    with Pocket(tmp_path) as pocket:
        followed(pocket)
        pocket.pages |= {
            ALICE: actor(movedTo=NEW, alsoKnownAs=[NEW]),
            NEW: arrived(ALICE, movedTo=ALICE),
        }
        where = []
        for _ in range(30):
            pocket.later(DAY)
            follow = pocket.opened.query.follow(ALICE)
            assert follow is not None
            where.append(follow.actor)

        moves = sum(one != other for one, other in pairwise(where))
        assert moves <= 4
        pocket.sound()


def test_who_follows_both_reads_each_once(tmp_path: Path) -> None:
    """One outbox is read for one follow: that of the new actor for the one that names it."""
    with Pocket(tmp_path) as pocket:
        followed(pocket)
        pocket.pages |= {ALICE: moved(), NEW: arrived(ALICE)}
        pocket.follow(NEW, every=HOURLY)
        pocket.run()
        days(pocket, 14)
        follow = pocket.opened.query.follow(ALICE)

        assert follow is not None
        assert follow.actor == ALICE
        assert pocket.listed(ALICE) == [f"{ALICE}/posts/1"]
        assert pocket.listed(NEW) == [f"{NEW}/posts/7"]


def test_a_follow_by_handle_keeps_its_name(tmp_path: Path) -> None:
    """The handle was the old actor's; it stays what the follow is called."""
    handle = "@alice@social.example"
    with Pocket(tmp_path) as pocket:
        pocket.pages[finger_url(parse_handle(handle))] = {
            "subject": "acct:alice@social.example",
            "links": [{"rel": "self", "type": "application/activity+json", "href": ALICE}],
        }
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(ALICE, create(1))}
        pocket.pages |= {THERE: outbox(NEW, theirs(NEW, 7))}
        pocket.follow(handle, every=HOURLY)
        pocket.run()
        pocket.pages |= {ALICE: moved(), NEW: arrived(ALICE)}
        days(pocket, 14)
        follow = pocket.opened.query.follow(handle)

        assert follow is not None
        assert (follow.actor, follow.handle) == (NEW, handle)
        assert f"{NEW}/posts/7" in pocket.listed(handle)


def test_an_actor_left_two_moves_ago_does_not_take_the_follow_back(tmp_path: Path) -> None:
    """Its server failed all the while, and its row waited: when it answers, the follow stays."""
    third = "https://third.example/alice"
    with Pocket(tmp_path) as pocket:
        followed(pocket)
        look = Want(ALICE, Kind.DOCUMENT, Cause.NEW, 0.0, ALICE, "actor")
        pocket.pages |= {ALICE: moved(), NEW: arrived(ALICE)}
        pocket.want(look)
        pocket.step()
        pocket.pages[ALICE] = 500
        pocket.want(look)
        pocket.run()
        days(pocket, 8)
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert (follow.actor, follow.last_error) == (NEW, None)
        pocket.pages |= {NEW: arrived(ALICE, movedTo=third), third: arrived(NEW, id=third)}
        pocket.pages[f"{third}/outbox"] = outbox(third)
        days(pocket, 8)
        pocket.pages[ALICE] = moved()
        for _ in range(20):
            days(pocket, 1)
            follow = pocket.opened.query.follow(ALICE)

            assert follow is not None
            assert follow.actor == third
