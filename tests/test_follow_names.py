"""Under which names an actor is found and followed, and what becomes of it when they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from follow_cases import DAY, HANDLE, HOURLY, creates, finger, finger_url, ids, outbox
from ingest_cases import ALICE, HOST, OUTBOX, actor, answer
from pocket import Pocket

OTHER = "https://other.example"


def test_an_outbox_that_moves_is_found_again(tmp_path: Path) -> None:
    """The actor names another one: that is read from then on, and the old one no more."""
    with Pocket(tmp_path) as pocket:
        moved = f"{HOST}/ap/users/1/outbox"
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*creates(3))}
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        pocket.pages |= {ALICE: actor(outbox=moved), moved: outbox(*creates(5), id=moved)}
        pocket.pages[OUTBOX] = 404
        pocket.later(DAY)
        assert set(pocket.listed(ALICE)) == set(ids(*range(1, 6)))
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert (follow.outbox, follow.last_error) == (moved, None)
        pocket.later(DAY)
        pocket.later(DAY)
        asked = pocket.later(DAY)

        assert moved in asked
        assert OUTBOX not in asked


def test_an_actor_that_gets_an_outbox_later_is_read(tmp_path: Path) -> None:
    """Without one it is no error; the daily look at the actor finds it."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(outbox=None), OUTBOX: outbox(*creates(3))}
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        assert pocket.listed(ALICE) == []
        pocket.pages[ALICE] = actor()
        pocket.later(2 * DAY)

        assert len(pocket.listed(ALICE)) == 3


def test_an_actor_under_another_id_than_webfinger_names(tmp_path: Path) -> None:
    """WebFinger names a URL that redirects, or whose document has another id of its host."""
    with Pocket(tmp_path) as pocket:
        link = f"{HOST}/@alice"
        pocket.pages |= {finger_url(HANDLE): finger(HANDLE, link), link: actor(), ALICE: actor()}
        pocket.pages[OUTBOX] = outbox(*creates(3))
        pocket.follow(HANDLE, every=HOURLY)
        pocket.run()
        follow = pocket.opened.query.follow(HANDLE)

        assert follow is not None
        assert (follow.actor, follow.handle, follow.last_error) == (ALICE, HANDLE, None)
        assert len(pocket.listed(HANDLE)) == 3
        assert ALICE in pocket.later(2 * DAY)


def test_a_name_at_another_domain_by_a_static_file(tmp_path: Path) -> None:
    """The file at one's own domain is copied from the server: its subject is the account there."""
    with Pocket(tmp_path) as pocket:
        alias = "@me@blog.example"
        subject = f"acct:{HANDLE[1:]}"
        pocket.pages |= {
            finger_url(alias): finger(alias, ALICE, subject),
            finger_url(HANDLE): finger(HANDLE, ALICE),
            ALICE: actor(),
            OUTBOX: outbox(*creates(3)),
        }
        pocket.follow(alias, every=HOURLY)
        pocket.run()
        pocket.later(3600)
        pocket.pages[OUTBOX] = outbox(*creates(5))
        pocket.later(3600)
        pocket.later(3600)

        follow = pocket.opened.query.follow(alias)
        assert follow is not None
        assert (follow.actor, follow.handle, follow.last_error) == (ALICE, HANDLE, None)
        assert len(pocket.listed(alias)) == 5


ALIAS = "@me@blog.example"


@pytest.mark.parametrize(
    "names", [(HANDLE, ALICE), (ALICE, HANDLE), (ALIAS, HANDLE), (HANDLE, ALIAS, ALICE)], ids=str
)
@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "together"])
def test_one_actor_followed_under_several_names(
    tmp_path: Path, names: tuple[str, ...], together: bool
) -> None:
    """One name is read and goes on; the others say which one that is, and cost next to nothing."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {
            finger_url(ALIAS): finger(ALIAS, ALICE, f"acct:{HANDLE[1:]}"),
            finger_url(HANDLE): finger(HANDLE, ALICE),
            ALICE: actor(),
            OUTBOX: outbox(*creates(3)),
        }
        for name in names:
            pocket.follow(name, every={"min": "1h", "max": "1h"})
            if not together:
                pocket.run()
        for visit in range(3):
            pocket.later(3600)
            pocket.mend()
            pocket.pages[OUTBOX] = outbox(*creates(4 + visit))
        asked = [url for _ in range(26) for url in [*pocket.later(3600), *pocket.mend()]]
        states = {name: pocket.opened.query.follow(name) for name in names}
        [leader] = [name for name, one in states.items() if one and not one.last_error]

        assert len(pocket.listed(leader)) == 6
        for name, one in states.items():
            assert one is not None
            assert name == leader or one.last_error == f"{ALICE} is followed already, as {leader}"
        assert asked.count(OUTBOX) == 26
        assert len(asked) - 26 <= 8
        pocket.unfollow(leader)
        for _ in range(3):
            pocket.mend()
            pocket.later(3600)
        [second] = [name for name in names if pocket.listed(name) and name != leader]

        assert len(pocket.listed(second)) == 6
        pocket.sound()


def test_an_actor_that_moved_to_another_host(tmp_path: Path) -> None:
    """The old URL redirects to the new actor: that one is followed from then on."""
    with Pocket(tmp_path) as pocket:
        new = f"{OTHER}/users/alice"
        document = actor(id=new, outbox=f"{new}/outbox")
        pocket.pages[ALICE] = lambda lease: answer(ALICE, document, final=new)
        pocket.pages[new] = document
        pocket.pages[f"{new}/outbox"] = outbox(*creates(3, owner=new), id=f"{new}/outbox")
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        follow = pocket.opened.query.follow(ALICE)

        assert follow is not None
        assert follow.actor == new
        assert len(pocket.listed(ALICE)) == 3
        assert pocket.state(ALICE) == "redirected"
        assert new in pocket.later(2 * DAY)
