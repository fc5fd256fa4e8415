"""References that nothing points at are let go where there are too many; nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_cases import ALICE, FOLLOW, NOW, OUTBOX, apply, clean, lease, note, store_at
from test_quotas_kept import HOST, LIMITS, MINT, minted, wanted

from fedpull.cache.open import Opened
from fedpull.cache.records import (
    Attempt,
    Entry,
    Follow,
    Mark,
    Members,
    ObjectFilter,
    State,
)
from fedpull.crawler.protocol.quotas import Limits

DAY = 86_400.0
ROOMY = Limits(replace(HOST, references=40), replace(HOST, documents=8, references=400))
LIST = "https://lists.example/list"


def ids(first: int, last: int) -> list[str]:
    return [f"https://h.{MINT}/p/{n}" for n in range(first, last)]


def follow(opened: Opened) -> None:
    opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()


def mention(opened: Opened, uris: list[str]) -> None:
    """A list of somebody whom nobody follows."""
    apply(opened, members=Members(LIST, tuple(Entry(uri) for uri in uris)))


def known(opened: Opened, uris: list[str]) -> list[str]:
    return [uri for uri in uris if opened.query.reference(uri) is not None]


def collect(opened: Opened, now: float = NOW) -> int:
    return opened.moderator.collect(now, lambda: False)


def test_a_host_never_ends_at_its_limit(tmp_path: Path) -> None:
    """A large server's posts are listed, fetched and evicted for as long as may be: there is always
    room for the next of its ids, and the store stays sound."""
    with store_at(tmp_path, limits=ROOMY, log_kept=10) as opened:
        follow(opened)
        for n in range(400):
            at = NOW + 3_600.0 * n
            apply(opened, at=at, puts=(minted(n, reply=f"https://h.{MINT}/answered/{n}"),))
            mention(opened, ids(1_000 + n, 1_001 + n))
            collect(opened, at)

        assert opened.query.document(minted(399).id) is not None
        assert "quota references" not in {" ".join(key) for key in opened.mailbox.ended()}
        assert opened.query.totals().references <= 40 + 10
        clean(opened)


def test_the_oldest_go_first_and_only_half_of_them(tmp_path: Path) -> None:
    """What was met lately may be met again; below the limit nothing goes at all."""
    with store_at(tmp_path, limits=ROOMY) as opened:
        mention(opened, ids(0, 30))
        assert collect(opened) == 0
        mention(opened, ids(30, 40))

        assert collect(opened, NOW + DAY) == 20
        assert known(opened, ids(0, 40)) == ids(20, 40)
        view = opened.query.collection(LIST)
        assert view is not None
        assert sorted(view.items) == ids(20, 40)
        clean(opened)


def _listed(opened: Opened, uri: str) -> None:
    apply(opened, members=Members(OUTBOX, (Entry(uri, announced=True),), follow=FOLLOW))


def _answered(opened: Opened, uri: str) -> None:
    apply(opened, puts=(note(1, reply=uri),))


def _author(opened: Opened, uri: str) -> None:
    apply(opened, puts=(note(2, actor=uri),))


def _queued(opened: Opened, uri: str) -> None:
    apply(opened, wants=(wanted(uri),))


def _leased(opened: Opened, uri: str) -> None:
    apply(opened, wants=(wanted(uri),))
    assert [one.want.uri for one in lease(opened)] == [uri]


def _failed(opened: Opened, uri: str) -> None:
    mark = Mark(uri, State.FAILED, error="no answer")
    apply(
        opened, at=NOW + DAY, marks=(mark,), attempt=Attempt(NOW + DAY, "new", 500, "unreachable")
    )


def _gone(opened: Opened, uri: str) -> None:
    apply(opened, marks=(Mark(uri, State.GONE, reason="gone"),))


def _followed(opened: Opened, uri: str) -> None:
    opened.store.put_follow(Follow(key="bob", actor=uri)).result()


def _changed(opened: Opened, uri: str) -> None:
    apply(opened, puts=(note(uri, actor=ALICE),))
    apply(opened, marks=(Mark(uri, State.UNKNOWN, reason="types", purge=True),))


@pytest.mark.parametrize(
    "why",
    [_listed, _answered, _author, _queued, _leased, _failed, _gone, _followed, _changed],
    ids=lambda why: why.__name__.strip("_"),
)
def test_what_somebody_needs_stays(why: Callable[[Opened, str], None], tmp_path: Path) -> None:
    """The oldest of all, while a list of a follow has it, something that is held names it, it waits
    to be asked, is followed, was told of, or is known for some time to be gone or out of order."""
    limits = replace(ROOMY, host=replace(ROOMY.host, documents=100, requests=1))
    with store_at(tmp_path, limits=limits) as opened:
        follow(opened)
        uri = f"https://h.{MINT}/needed"
        why(opened, uri)
        mention(opened, ids(0, 40))
        assert collect(opened, NOW + DAY + 60.0) > 0

        assert known(opened, [uri]) == [uri]
        clean(opened)


def test_what_failed_or_is_gone_goes_after_a_while(tmp_path: Path) -> None:
    """A day after it failed, and three months after it was gone, nobody is told of it any more."""
    with store_at(tmp_path, limits=ROOMY, log_kept=1) as opened:
        broken, gone = ids(100, 102)
        _failed(opened, broken)
        _gone(opened, gone)
        mention(opened, ids(0, 40))
        collect(opened, NOW + 3 * DAY)
        assert known(opened, [broken, gone]) == [gone]
        mention(opened, ids(200, 240))
        collect(opened, NOW + 91 * DAY)
        assert known(opened, [broken, gone]) == []
        clean(opened)


@pytest.mark.parametrize("moment", range(1, 13))
def test_what_is_named_while_it_is_looked_stays(moment: int, tmp_path: Path) -> None:
    """At whatever moment of the look at the tables somebody comes to name an id, it stays, though
    no table had it when it was read."""
    with store_at(tmp_path, limits=ROOMY) as opened:
        follow(opened)
        mention(opened, ids(0, 40))
        asked: list[int] = []

        def stopped() -> bool:
            """Between two slices the world goes on."""
            asked.append(1)
            if len(asked) == moment:
                apply(opened, puts=(note(7, reply=ids(0, 1)[0]),))
            return False

        opened.moderator.collect(NOW + DAY, stopped)
        assert len(asked) >= moment
        answers, _ = opened.query.objects(ObjectFilter(in_reply_to=ids(0, 1)[0]), 10)
        assert [one.id for one in answers] == [note(7).id]
        clean(opened)


def test_one_that_is_stopped_leaves_a_sound_store(tmp_path: Path) -> None:
    """Wherever the process goes down; the next collection goes on."""
    with store_at(tmp_path, limits=ROOMY) as opened:
        mention(opened, ids(0, 40))
        for steps in range(1, 30):
            left = [steps]

            def stopped(left: list[int] = left) -> bool:
                left[0] -= 1
                return left[0] < 0

            opened.moderator.collect(NOW + 7 * DAY * steps, stopped)
            clean(opened)
        assert len(known(opened, ids(0, 40))) == 20


def test_the_list_of_one_follow_is_bounded(tmp_path: Path) -> None:
    """An outbox that goes on to boost what is known already keeps the newest of its list, in order;
    another follow's is not touched by it."""
    limits = replace(LIMITS, listed=30, host=replace(HOST, references=10_000))
    limits = replace(limits, domain=limits.host)
    with store_at(tmp_path, limits=limits) as opened:
        follow(opened)
        own = tuple(Entry(uri) for uri in ids(0, 20))
        apply(opened, members=Members(OUTBOX, own, follow=FOLLOW))
        for n in range(20):
            boosts = tuple(Entry(uri, announced=True) for uri in ids(20 * n, 20 * n + 20))
            page = Members("https://b.example/outbox", boosts, follow="other", first=True)
            apply(opened, members=page)

        view, other = (opened.query.collection(uri) for uri in (OUTBOX, "https://b.example/outbox"))
        assert view is not None
        assert other is not None
        assert list(view.items) == ids(0, 20)
        assert list(other.items) == [*ids(380, 400), *ids(360, 370)]
        clean(opened)


def test_an_outbox_that_names_ids_for_years_is_read_on(tmp_path: Path) -> None:
    """Posts that it does not embed and that are never to be had: the newest are known, none is
    refused, and what the list has lost is let go."""
    limits = replace(LIMITS, listed=30, host=replace(HOST, references=100))
    limits = replace(limits, domain=limits.host)
    with store_at(tmp_path, limits=limits) as opened:
        follow(opened)
        posts = [f"https://a.example/posts/{n}" for n in range(1_000)]
        for n in range(50):
            named = tuple(Entry(uri) for uri in reversed(posts[20 * n : 20 * n + 20]))
            apply(opened, members=Members(OUTBOX, named, follow=FOLLOW, first=True))
            collect(opened, NOW + DAY * n)

        view = opened.query.collection(OUTBOX)
        assert view is not None
        assert list(view.items) == posts[:-31:-1]
        assert opened.query.totals().references <= 100
        assert "quota references" not in {" ".join(key) for key in opened.mailbox.ended()}
        clean(opened)


def test_a_list_without_end_waits_for_room(tmp_path: Path) -> None:
    """Within an hour it may name so many ids as its host has room for twice; when what its list has
    lost is let go, there is room again."""
    limits = replace(LIMITS, listed=30, host=replace(HOST, references=100))
    limits = replace(limits, domain=replace(HOST, references=1_000))
    with store_at(tmp_path, limits=limits) as opened:
        follow(opened)
        posts = [f"https://a.example/posts/{n}" for n in range(1_000)]
        for n in range(30):
            named = tuple(Entry(uri) for uri in reversed(posts[20 * n : 20 * n + 20]))
            apply(opened, members=Members(OUTBOX, named, follow=FOLLOW, first=True))
        assert opened.query.totals().references <= 205
        assert collect(opened) > 100
        apply(opened, members=Members(OUTBOX, (Entry(posts[999]),), follow=FOLLOW, first=True))
        assert known(opened, posts[999:]) == posts[999:]
        clean(opened)


def test_rows_of_collections_are_bounded_in_all(tmp_path: Path) -> None:
    """Ids that are known, in ever more collections: the oldest collections that no follow reads
    lose their rows, and say that they are not complete; the outbox of a follow stays."""
    limits = replace(LIMITS, members=100, host=replace(HOST, references=10_000))
    limits = replace(limits, domain=limits.host)
    with store_at(tmp_path, limits=limits) as opened:
        follow(opened)
        own = tuple(Entry(uri) for uri in ids(0, 20))
        apply(opened, members=Members(OUTBOX, own, follow=FOLLOW))
        for n in range(30):
            page: Any = Members(f"https://h.{MINT}/list/{n}", own)
            apply(opened, members=page)
            collect(opened, NOW + DAY * n)

        sizes = []
        for n in range(30):
            view = opened.query.collection(f"https://h.{MINT}/list/{n}")
            sizes.append(len(view.items) if view is not None else 0)
        assert sum(sizes) <= 100
        assert sizes[-1] == 20
        assert sizes[0] == 0
        followed = opened.query.collection(OUTBOX)
        assert followed is not None
        assert len(followed.items) == 20
        clean(opened)
