"""What lists show, over time: of whom is followed, of whom is not, and when one of them changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, PUBLIC, actor, answer
from pocket import Pocket
from store_cases import apply, clean, note, store_at
from test_audience import BOB, act, offers, post

from fedpull.cache.environment import Tables, Txn
from fedpull.cache.intern import id_of
from fedpull.cache.records import Cause, Kind, ObjectFilter, Want
from fedpull.cache.relisting import MOST
from fedpull.cache.work import Work
from fedpull.crawler.protocol import listable

FOLLOWERS = f"{BOB}/followers"
OWN, THEIRS = f"{ALICE}/1", f"{BOB}/1"
YES: dict[str, Any] = {"indexable": True}
DAY = 86_400.0


def bob(**more: Any) -> dict[str, Any]:
    return actor(id=BOB, outbox=f"{BOB}/outbox", preferredUsername="bob") | more


def listed(pocket: Pocket, **wanted: Any) -> list[str]:
    found, _ = pocket.opened.query.objects(ObjectFilter(**wanted), 10_000)
    return sorted(document.id for document in found)


def everywhere(pocket: Pocket, id: str) -> list[str]:
    """In which lists an object of Bob's stands."""
    lists: dict[str, dict[str, Any]] = {
        "all": {},
        "type": {"type": "Note"},
        "tag": {"tag": "cats"},
        "context": {"context": "tag:c"},
        "reply": {"in_reply_to": "https://far.example/1"},
        "actor": {"actor": BOB},
        "actor and type": {"actor": BOB, "type": "Note"},
        "actor and tag": {"actor": BOB, "tag": "cats"},
    }
    return [name for name, wanted in lists.items() if id in listed(pocket, **wanted)]


ALL_LISTS = ["all", "type", "tag", "context", "reply", "actor", "actor and type", "actor and tag"]


def cats(id: str = THEIRS, **more: Any) -> dict[str, Any]:
    tag = {"type": "Hashtag", "name": "#cats"}
    return post(id, BOB, tag=[tag], context="tag:c", inReplyTo="https://far.example/1") | more


def fetch(pocket: Pocket, *uris: str) -> None:
    """On demand: as a person fetches it by id."""
    now = pocket.clock.now()
    pocket.want(*(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, now) for uri in uris))
    pocket.run()


def verdict(pocket: Pocket, id: str) -> str | None:
    known = pocket.opened.query.reference(id)
    return known.consent.word if known is not None and known.consent is not None else None


FETCHED: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("of somebody who allows it", YES, {}, True),
    ("of somebody who does not", {"indexable": False}, {}, False),
    ("of somebody who says nothing", {}, {}, False),
    ("unlisted", YES, {"to": [FOLLOWERS], "cc": [PUBLIC]}, False),
    ("searchable by followers", YES, {"searchableBy": FOLLOWERS}, False),
    ("of a locked account", YES | {"manuallyApprovesFollowers": True}, {}, False),
    ("of somebody with #nobot", YES | {"summary": "<p>#nobot</p>"}, {}, False),
]


@pytest.mark.parametrize(
    ("author", "more", "yes"), [row[1:] for row in FETCHED], ids=[row[0] for row in FETCHED]
)
@pytest.mark.parametrize("first", ["author", "post"])
def test_what_was_fetched_by_id(
    tmp_path: Path, author: dict[str, Any], more: dict[str, Any], yes: bool, first: str
) -> None:
    """It is given to who asked for it, and stands in no list but by its author's word, whichever of
    both came first."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {BOB: bob(**author), THEIRS: cats(**more)}
        for uri in (BOB, THEIRS) if first == "author" else (THEIRS, BOB):
            fetch(pocket, uri)

        assert pocket.held(THEIRS)
        assert everywhere(pocket, THEIRS) == (ALL_LISTS if yes else [])
        assert verdict(pocket, THEIRS) == ("granted" if yes else "denied")
        pocket.sound()


def test_an_author_who_is_not_held(tmp_path: Path) -> None:
    """Nobody has said yes."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[THEIRS] = cats()
        fetch(pocket, THEIRS)

        assert pocket.held(THEIRS)
        assert everywhere(pocket, THEIRS) == []
        assert verdict(pocket, THEIRS) == "unknown"
        pocket.sound()


def test_following_is_reading(tmp_path: Path) -> None:
    """All that a followed actor addresses to everybody is listed, whatever is said of searching;
    what it announces stands in its own list only."""
    with Pocket(tmp_path) as pocket:
        quiet = post(OWN, ALICE, to=[FOLLOWERS], cc=[PUBLIC], searchableBy=ALICE)
        offers(pocket, act("Create", quiet), act("Announce", THEIRS, n=2))
        pocket.pages[ALICE] |= {"indexable": False, "summary": "#nobot"}
        pocket.pages |= {THEIRS: cats(), BOB: bob()}
        pocket.follow(ALICE)
        pocket.run()

        assert listed(pocket, follow=ALICE) == sorted([OWN, THEIRS])
        assert listed(pocket, follow=ALICE, type="Note") == sorted([OWN, THEIRS])
        assert listed(pocket, follow=ALICE, tag="cats") == []
        assert listed(pocket, follow=ALICE, context="tag:c") == [THEIRS]
        assert listed(pocket, actor=ALICE) == listed(pocket) == [OWN]
        assert everywhere(pocket, THEIRS) == []
        assert (verdict(pocket, ALICE), verdict(pocket, OWN)) == ("followed", "followed")
        pocket.sound()


def test_unfollowing_and_following_again(tmp_path: Path) -> None:
    """Who is not read any more is shown by his own word only, and again when he is read again."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)), act("Announce", THEIRS, n=2))
        pocket.pages |= {THEIRS: cats(), BOB: bob(**YES)}
        pocket.follow(ALICE)
        pocket.run()
        pocket.unfollow(ALICE)
        pocket.sound()
        assert (listed(pocket), listed(pocket, actor=ALICE)) == ([THEIRS], [])
        assert listed(pocket, follow=ALICE) == [THEIRS]
        assert pocket.held(OWN)
        pocket.follow(ALICE)
        pocket.run()

        assert listed(pocket) == listed(pocket, follow=ALICE) == sorted([OWN, THEIRS])
        pocket.sound()


def test_two_follows_of_one_actor(tmp_path: Path) -> None:
    """It is read as long as one of them stands."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.follow(ALICE)
        pocket.run()
        known = pocket.opened.query.follow(ALICE)
        assert known is not None
        pocket.opened.store.put_follow(replace(known, key="@alice@social.example")).result()
        pocket.unfollow(ALICE)
        assert listed(pocket) == [OWN]
        pocket.opened.store.drop_follow("@alice@social.example", pocket.clock.now()).result()

        assert listed(pocket) == []
        pocket.sound()


FLIPS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("indexable", YES, {"indexable": False}),
    ("a tag in the bio", YES, YES | {"summary": "#noindex"}),
    ("locked", YES, YES | {"manuallyApprovesFollowers": True}),
    ("searchableBy", YES, YES | {"searchableBy": FOLLOWERS}),
]


@pytest.mark.parametrize(("yes", "no"), [row[1:] for row in FLIPS], ids=[row[0] for row in FLIPS])
def test_a_change_of_mind(tmp_path: Path, yes: dict[str, Any], no: dict[str, Any]) -> None:
    """What an actor has written leaves the lists with the refresh that says so, and comes back."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {THEIRS: cats(), BOB: bob(**yes)}
        fetch(pocket, THEIRS, BOB)
        assert everywhere(pocket, THEIRS) == ALL_LISTS
        pocket.pages[BOB] = bob(**no)
        fetch(pocket, BOB)
        pocket.sound()
        assert everywhere(pocket, THEIRS) == []
        assert pocket.held(THEIRS)
        pocket.pages[BOB] = bob(**yes)
        fetch(pocket, BOB)

        assert everywhere(pocket, THEIRS) == ALL_LISTS
        pocket.sound()


def test_a_post_changes_its_mind(tmp_path: Path) -> None:
    """The same for what one post says of itself."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {THEIRS: cats(), BOB: bob(**YES)}
        fetch(pocket, THEIRS, BOB)
        pocket.pages[THEIRS] = cats(to=[FOLLOWERS], cc=[PUBLIC])
        fetch(pocket, THEIRS)
        assert everywhere(pocket, THEIRS) == []
        pocket.pages[THEIRS] = cats()
        fetch(pocket, THEIRS)

        assert everywhere(pocket, THEIRS) == ALL_LISTS
        pocket.sound()


@pytest.mark.parametrize("which", [THEIRS, BOB], ids=["of a post", "of its author"])
def test_a_header_of_the_same_document(tmp_path: Path, which: str) -> None:
    """X-Robots-Tag is looked at though the document is as it was."""
    with Pocket(tmp_path) as pocket:
        pages = {THEIRS: cats(), BOB: bob(**YES)}
        pocket.pages |= pages
        fetch(pocket, THEIRS, BOB)
        pocket.pages[which] = answer(which, pages[which], headers={"x-robots-tag": "noindex"})
        fetch(pocket, which)
        assert everywhere(pocket, THEIRS) == []
        pocket.pages[which] = answer(which, pages[which])
        fetch(pocket, which)

        assert everywhere(pocket, THEIRS) == ALL_LISTS
        pocket.sound()


def test_an_author_who_is_gone(tmp_path: Path) -> None:
    """With the document goes what it had allowed."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {THEIRS: cats(), BOB: bob(**YES)}
        fetch(pocket, THEIRS, BOB)
        pocket.pages[BOB] = 410
        fetch(pocket, BOB)
        fetch(pocket, THEIRS)

        assert not pocket.held(BOB)
        assert everywhere(pocket, THEIRS) == []
        pocket.sound()


def test_replies_to_what_is_read(tmp_path: Path) -> None:
    """The answers to a followed post are read with it, whoever wrote them; the answers to anything
    else are listed by their authors' word."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)), act("Announce", f"{BOB}/2", n=2))
        theirs = {
            f"{BOB}/2": post(f"{BOB}/2", BOB),
            f"{BOB}/3": post(f"{BOB}/3", BOB, inReplyTo=OWN, context="tag:t"),
            f"{BOB}/4": post(f"{BOB}/4", BOB, inReplyTo=f"{BOB}/2"),
            f"{BOB}/5": post(f"{BOB}/5", BOB, inReplyTo=f"{BOB}/3"),
        }
        pocket.pages |= {**theirs, BOB: bob()}
        pocket.follow(ALICE)
        pocket.run()
        fetch(pocket, *theirs)

        assert listed(pocket, in_reply_to=OWN) == [f"{BOB}/3"]
        assert listed(pocket, in_reply_to=f"{BOB}/2") == [f"{BOB}/4"]
        assert listed(pocket, in_reply_to=f"{BOB}/3") == []
        assert listed(pocket, context="tag:t") == []
        assert listed(pocket, in_reply_to=OWN, tag="cats") == []


def test_thousands_of_posts_move_in_batches(tmp_path: Path) -> None:
    """A change of mind about more than a transaction bears goes on behind the others' work; what is
    under way is no finding of the audit, and a kill costs nothing."""
    author, count = "https://a.example/users/alice", 2 * MOST + 300

    def says(yes: bool, at: float) -> Any:
        told = {"indexable": yes}
        more: dict[str, Any] = {"actor": author, "kind": "actor", "type": "Person"}
        return note(author, "me", says=told, updated=at, at=at, **more)

    def waits(txn: Txn, t: Tables) -> int:
        return int(txn.stat(t.relisting)["entries"])

    with store_at(tmp_path) as opened:
        for start in range(0, count, 500):
            numbers = range(start, min(start + 500, count))
            apply(opened, puts=tuple(note(n + 1, tags=("x",)) for n in numbers))
        assert opened.query.objects(ObjectFilter(), 10)[0] == []
        for turn, yes in enumerate((True, False, True)):
            apply(opened, puts=(says(yes, 1_700_000_100.0 + turn),))
            clean(opened)
            while opened.query._environment.read(waits):
                opened.frontier.want(()).result()
                clean(opened)
            found, _ = opened.query.objects(ObjectFilter(tag="x"), count + 1)
            assert len(found) == (count if yes else 0)
        apply(opened, puts=(says(False, 1_700_000_200.0),))
    with store_at(tmp_path) as opened:
        while opened.query._environment.read(waits):
            opened.frontier.want(()).result()
        assert opened.query.objects(ObjectFilter(tag="x"), 10)[0] == []
        clean(opened)


HIDDEN: list[tuple[str, dict[str, Any], bool]] = [
    ("who says nothing of it", {}, True),
    ("who is not to be suggested", {"discoverable": False}, False),
    ("who is locked", {"manuallyApprovesFollowers": True}, False),
]


@pytest.mark.parametrize("known", [False, True], ids=["met now", "known before"])
@pytest.mark.parametrize(
    ("says", "leads"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN]
)
def test_nothing_is_resolved_from_a_hidden_actor_onwards(
    tmp_path: Path, says: dict[str, Any], leads: bool, known: bool
) -> None:
    """Who fetches a post with what is around it gets no further than its author, where that is the
    author's wish: what it answers is not asked for."""
    parent = "https://far.example/1"
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {THEIRS: cats(), BOB: bob(**says), parent: post(parent, ALICE)}
        if known:
            fetch(pocket, BOB)
        now = pocket.clock.now()
        pocket.want(Want(THEIRS, Kind.DOCUMENT, Cause.ON_DEMAND, now, depth=2))
        pocket.run()

        assert pocket.held(THEIRS)
        assert pocket.held(BOB)
        assert (parent in pocket.asked) is leads


def test_a_follow_asks_all_the_same(tmp_path: Path) -> None:
    """A followed actor's boost is read with what it answers, though its author is hidden."""
    parent = "https://far.example/1"
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Announce", THEIRS))
        pages = {THEIRS: cats(), BOB: bob(discoverable=False), parent: post(parent, ALICE)}
        pocket.pages |= pages
        pocket.follow(ALICE)
        pocket.run()

        assert parent in pocket.asked


@pytest.mark.parametrize("id", [ALICE, OWN], ids=["of an actor", "of an object"])
def test_the_audit_finds_a_word_that_nobody_has_said(tmp_path: Path, id: str) -> None:
    """Flags that differ from what document and follow say are reported, both ways."""
    with Pocket(tmp_path) as pocket:
        offers(pocket, act("Create", post(OWN, ALICE)))
        pocket.follow(ALICE)
        pocket.run()
        pocket.sound()

        def forge(work: Work) -> None:
            work.ref(id_of(work, id)).consent ^= listable.FOLLOWED | listable.NOT_SEARCHABLE

        pocket.opened.store._writer.submit(forge).result()
        problems = {found.problem for found in pocket.opened.query.check().findings}

    assert "does not want of lists what its document says" in problems
    assert "is followed and does not say so, or the reverse" in problems
