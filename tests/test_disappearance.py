"""What is gone at its origin goes here, says why, and comes back only when its origin has it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, actor, create, note
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Mark, Outcome, Want
from fedpull.crawler.ingestor import Ingestor, Tally

POST = f"{ALICE}/posts/1"
BOB = f"{HOST}/users/bob"
HOURLY = {"min": "1h", "max": "1h"}
DAY = 86_400.0
TOMBSTONE = {"id": POST, "type": "Tombstone"}


def look(pocket: Pocket, uri: str = POST, after: float = 60.0) -> None:
    """Ask for it now, as a person does."""
    pocket.clock.at += after
    pocket.want(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
    while pocket.step():
        pass


def told(pocket: Pocket, uri: str = POST) -> list[tuple[str, str | None]]:
    changes = pocket.opened.query.changes(0, 5_000)
    return [(change.kind, change.reason) for change in changes if change.id == uri]


def outbox(*items: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": OUTBOX,
        "type": "OrderedCollection",
        "orderedItems": list(items),
    }


def followed(pocket: Pocket, *items: Any) -> None:
    pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*items)}
    pocket.follow(ALICE, every=HOURLY)
    pocket.run()


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        pytest.param(410, "gone", id="410"),
        pytest.param(TOMBSTONE, "tombstone", id="a Tombstone with 200"),
        pytest.param(note(to=f"{ALICE}/followers"), "audience", id="for followers only now"),
        pytest.param(note(to=[]), "audience", id="for nobody now"),
    ],
)
def test_what_is_gone_or_hidden_is_purged_and_says_why(
    tmp_path: Path, served: Any, reason: str
) -> None:
    """No body and no version is left, and the change log has the reason."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = note(content="edited")
        look(pocket)
        pocket.pages[POST] = served
        look(pocket)

        assert not pocket.held(POST)
        assert pocket.opened.query.history(POST) == []
        assert told(pocket) == [("created", None), ("updated", None), ("deleted", reason)]
        known = pocket.opened.query.reference(POST)
        assert known is not None
        assert known.next_check is None
        pocket.sound()


def test_what_is_gone_is_not_asked_for_by_itself(tmp_path: Path) -> None:
    """Whatever page mentions it: only a person or a push asks again."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(2), POST)
        pocket.pages[POST] = 410
        for _ in range(40):
            pocket.later(DAY)

        assert pocket.asked.count(POST) <= 2
        assert pocket.state(POST) == "gone"


def test_what_the_page_embeds_again_comes_back_after_a_cool_down(tmp_path: Path) -> None:
    """Taken back, and put up again: a copy of the next minutes is a cache's, one of the next day
    is the origin's."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1))
        pocket.pages[POST] = TOMBSTONE
        look(pocket)
        pocket.later(3600)
        assert pocket.state(POST) == "gone"
        for _ in range(25):
            pocket.later(3600)

        assert pocket.state(POST) == "resolved"
        assert told(pocket) == [("created", None), ("deleted", "tombstone"), ("created", None)]


def test_what_a_person_asks_for_comes_back_at_once(tmp_path: Path) -> None:
    """A GET is the origin's word now."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = 410
        look(pocket)
        pocket.pages[POST] = note()
        look(pocket, after=2 * DAY)

        assert pocket.held(POST)
        assert told(pocket)[-1] == ("created", None)


def test_a_gone_document_stays_gone_while_its_server_fails(tmp_path: Path) -> None:
    """A time-out, a 500 or a 404 says nothing about what the origin has said before."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = 410
        look(pocket)
        for status in (500, 404, 403):
            pocket.pages[POST] = status
            look(pocket, after=2 * DAY)

            assert pocket.state(POST) == "gone"


def test_404_takes_three_times_over_a_week(tmp_path: Path) -> None:
    """The refresh alone asks often enough to find that out, and not oftener than it backs off."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = 404
        pocket.run()
        hours = 0
        while pocket.held(POST):
            pocket.later(3600)
            hours += 1
            assert hours < 24 * 60

        asked = pocket.asked.count(POST) - 1
        assert hours >= 24 * 7
        assert 3 <= asked <= 8
        assert told(pocket)[-1] == ("deleted", "gone")


def deleted(pocket: Pocket, uri: str = POST) -> list[str]:
    """Its owner says that it is deleted; what is asked for that."""
    pocket.clock.at += 60.0
    pocket.want(Want(uri, Kind.DOCUMENT, Cause.PUSH, 0.0, "", "deleted", 1))
    return pocket.run()


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        pytest.param(404, "gone", id="404"),
        pytest.param(410, "gone", id="410"),
        pytest.param(TOMBSTONE, "tombstone", id="a Tombstone"),
    ],
)
def test_where_its_owner_has_said_so_one_look_ends_it(
    tmp_path: Path, served: Any, reason: str
) -> None:
    """One 404 is enough then, and nothing is asked a second time."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = served

        assert deleted(pocket) == [POST]
        assert told(pocket)[-1] == ("deleted", reason)
        assert pocket.state(POST) == "gone"
        assert pocket.later(DAY) == []
        pocket.sound()


def test_what_is_served_though_its_owner_deleted_it_is_looked_at_once_more(tmp_path: Path) -> None:
    """A cache may be behind for some minutes; after that the origin's word stands."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)

        assert deleted(pocket) == [POST]
        assert pocket.later(599) == []
        assert pocket.later(2) == [POST]
        assert pocket.later(1_200) == []
        assert pocket.held(POST)

        deleted(pocket)
        pocket.pages[POST] = 404
        pocket.later(601)

        assert not pocket.held(POST)


def test_a_deletion_that_cannot_be_verified_now_is_verified_later(tmp_path: Path) -> None:
    """A server that fails while it deletes is asked again; until then the copy stays."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = 502
        deleted(pocket)

        assert pocket.held(POST)

        pocket.pages[POST] = 404
        pocket.later(3_700)

        assert not pocket.held(POST)


def test_what_is_deleted_before_it_was_asked_for_ends_with_one_look(tmp_path: Path) -> None:
    """Wanted for a list and deleted meanwhile, in either order: one 404 ends it."""
    for first, second in (("item", "deleted"), ("deleted", "item")):
        with Pocket(tmp_path / first) as pocket:
            followed(pocket)
            for relation in (first, second):
                pocket.want(Want(POST, Kind.DOCUMENT, Cause.PUSH, 0.0, ALICE, relation, 1))

            assert pocket.run() == [POST]
            assert pocket.state(POST) == "gone"
            assert POST not in pocket.later(DAY)


@pytest.mark.parametrize("word", [410, {"id": ALICE, "type": "Tombstone"}], ids=["410", "200"])
def test_with_an_actor_that_is_gone_goes_what_it_posted(tmp_path: Path, word: Any) -> None:
    """All of it, with its reason, and nothing of anybody else."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {f"{BOB}/1": note(id=f"{BOB}/1", attributedTo=BOB), BOB: actor(id=BOB)}
        look(pocket, f"{BOB}/1")
        followed(pocket, *(create(n) for n in range(9, 0, -1)))
        assert len(pocket.listed(ALICE)) == 9
        pocket.pages |= {ALICE: word, OUTBOX: 404}
        look(pocket, ALICE)

        assert pocket.state(ALICE) == "gone"
        assert pocket.listed(ALICE) == []
        gone = [f"{ALICE}/posts/{n}" for n in range(1, 10)]
        assert {tuple(told(pocket, uri)[-1]) for uri in gone} == {("deleted", "gone")}
        assert pocket.held(f"{BOB}/1")
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert follow.last_error
        pocket.sound()


def test_an_actor_that_is_gone_is_found_by_its_outbox(tmp_path: Path) -> None:
    """An outbox that answers 404 is a reason to ask the actor at once."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1))
        pocket.pages |= {ALICE: 410, OUTBOX: 404}
        pocket.later(3600)

        assert pocket.state(ALICE) == "gone"
        assert not pocket.held(POST)
        asked = [pocket.later(DAY) for _ in range(60)]
        assert sum(urls.count(ALICE) + urls.count(OUTBOX) for urls in asked) <= 8


def test_an_actor_that_came_back_is_followed_on(tmp_path: Path) -> None:
    """Looked at once in a while, since somebody follows it; then its posts come back as well."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1))
        pocket.pages |= {ALICE: 410, OUTBOX: 404}
        pocket.later(3600)
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(create(2), create(1))}
        for _ in range(32):
            pocket.later(DAY)

        assert set(pocket.listed(ALICE)) == {POST, f"{ALICE}/posts/2"}


UNADDRESSED = {key: value for key, value in note().items() if key != "to"}


def test_an_audience_that_the_activity_stated_is_not_lost_by_a_get(tmp_path: Path) -> None:
    """Kept for its Create's audience; the object alone states none, which takes nothing back."""
    listed = create(1)
    del listed["object"]["to"]
    with Pocket(tmp_path) as pocket:
        followed(pocket, listed)
        pocket.pages[POST] = UNADDRESSED | {"content": "edited"}
        look(pocket)
        assert pocket.held(POST)
        look(pocket)
        assert pocket.held(POST)
        pocket.pages[POST] = note(to=[])
        look(pocket)

        assert not pocket.held(POST)


def test_who_leaves_the_audience_to_the_activity_loses_nothing(tmp_path: Path) -> None:
    """A page states it in the post as well, the post itself does not: its Create was for all."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1))
        pocket.pages[POST] = UNADDRESSED
        look(pocket)
        pocket.later(3600)

        assert pocket.held(POST)
        assert [kind for kind, _ in told(pocket)] == ["created", "updated"]


def test_a_post_that_stands_alone_must_say_whom_it_is_for(tmp_path: Path) -> None:
    """No activity was seen that would speak for it: one that states nothing now is not for all."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages[POST] = UNADDRESSED
        look(pocket)

        assert told(pocket)[-1] == ("deleted", "audience")


@pytest.mark.parametrize("by", ["the page", "the activity"])
def test_a_post_by_url_has_the_audience_of_its_activity(tmp_path: Path, by: str) -> None:
    """Listed as a Create with the object's URL, or as the URL of such a Create."""
    activity = create(1) | {"object": POST, "@context": "https://www.w3.org/ns/activitystreams"}
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {POST: UNADDRESSED, activity["id"]: activity}
        followed(pocket, activity if by == "the page" else activity["id"])
        assert pocket.held(POST)
        look(pocket)

        assert pocket.held(POST)
        assert pocket.listed(ALICE) == [POST]


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(create(1) | {"object": POST, "to": f"{ALICE}/followers"}, id="for followers"),
        pytest.param(create(1) | {"object": POST, "actor": BOB}, id="of somebody else"),
        pytest.param(create(1) | {"object": POST, "type": "Announce"}, id="a boost"),
    ],
)
def test_no_other_activity_speaks_for_an_audience(tmp_path: Path, activity: dict[str, Any]) -> None:
    """Only its owner's, on its own origin, and only when that is for everybody."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = UNADDRESSED
        followed(pocket, activity)

        assert not pocket.held(POST)
        assert pocket.state(POST) == "refused"


def test_nobody_elses_page_speaks_for_an_audience(tmp_path: Path) -> None:
    """A server can not say of another one's post whom it is for."""
    theirs = "https://else.example/1"
    activity = create(1) | {"object": theirs}
    with Pocket(tmp_path) as pocket:
        owner = "https://else.example/bob"
        pocket.pages[theirs] = UNADDRESSED | {"id": theirs, "attributedTo": owner}
        followed(pocket, activity)

        assert not pocket.held(theirs)


def test_the_shell_purges_in_steps_and_gives_its_place_back_once(tmp_path: Path) -> None:
    """Hundreds of posts go in several transactions, and the actor is marked last."""

    async def story(pocket: Pocket) -> tuple[int, list[int]]:
        opened, places, settled = pocket.opened, list[int](), asyncio.Event()
        ingestor = Ingestor(
            opened.store,
            opened.query,
            pocket.clock,
            pocket.follows.rules,
            pocket.follows.state,
            pocket.follows.leader,
            lambda: places.append(1),
            defaultdict(Tally),
        )
        sizes: list[int] = []
        opened.store.on_change(lambda changes: sizes.append(len(changes)))
        ingestor.on_outcome(lambda lease, outcome: settled.set())
        pocket.want(Want(ALICE, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        [lease] = pocket.lease()
        ingestor.answered(lease, pocket.answer(lease))
        await asyncio.wait_for(settled.wait(), 30)
        return len(places), sizes

    with Pocket(tmp_path) as pocket:
        followed(pocket, *(create(n) for n in range(190, 0, -1)))
        pocket.pages[OUTBOX] = outbox(*(create(n) for n in range(380, 190, -1)))
        pocket.later(3600)
        pocket.pages |= {ALICE: 410}
        places, sizes = asyncio.run(story(pocket))

        assert places == 1
        assert sizes[:2] == [200, 180]
        assert told(pocket, ALICE)[-1] == ("deleted", "gone")
        assert pocket.state(ALICE) == "gone"
        pocket.sound()


def test_a_followed_actor_that_was_purged_is_asked_again(tmp_path: Path) -> None:
    """Its host could not be reached for too long, and its row only waited to be brought forward."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1))
        purged = Mark(ALICE, reason="unverified", purge=True)
        pocket.opened.store.apply(Outcome(pocket.clock.at, marks=(purged,))).result()
        assert pocket.state(ALICE) == "gone"
        pocket.later(DAY)
        pocket.later(DAY)

        assert pocket.state(ALICE) == "resolved"
        pocket.sound()
