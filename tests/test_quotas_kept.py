"""Quotas in the store: what is refused, what makes room, whose room is apart, and the counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inbox_cases import rows_of
from store_cases import ALICE, FOLLOW, NOW, OUTBOX, apply, clean, note, store_at

from fedpull.cache.open import Opened
from fedpull.cache.quota_rows import read
from fedpull.cache.records import (
    Cause,
    Entry,
    Follow,
    HostReport,
    Kind,
    Mark,
    Members,
    Put,
    State,
    Want,
)
from fedpull.cache.why import why
from fedpull.crawler.protocol.quotas import Limits, Share, Usage

HOST = Share(
    documents=5, bytes=1 << 20, references=40, own_bytes=1 << 20, actors=1_000, requests=1_000
)
LIMITS = Limits(HOST, replace(HOST, documents=8, references=60))
MINT = "mint.example"


def minted(n: int, host: str = f"h.{MINT}", **more: Any) -> Put:
    return note(f"https://{host}/p/{n}", f"post {n}", actor=f"https://{host}/u", at=NOW + n, **more)


def wanted(uri: str, **more: Any) -> Want:
    fields: dict[str, Any] = {"relation": "boost", "follow": FOLLOW} | more
    return Want(uri, Kind.DOCUMENT, Cause.NEW, NOW, **fields)


def held(opened: Opened, puts: list[Put]) -> list[bool]:
    return [opened.query.document(put.id) is not None for put in puts]


def kept_of(opened: Opened) -> Usage:
    """What is kept of a host, once everybody's room was judged anew."""
    apply(opened)
    with opened.query._environment.begin() as txn:
        return read(txn, opened.query._environment.t, "a.example:443")[0]


def counted(opened: Opened, *key: str) -> int:
    return opened.mailbox.ended().get(key, 0)


def test_the_oldest_that_nobody_follows_makes_room(tmp_path: Path) -> None:
    """A spider trap's documents go round in its own room; each eviction is a change, and is told
    by what is known of the reference."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        puts = [minted(n) for n in range(9)]
        for put in puts:
            apply(opened, puts=(put,))

        assert held(opened, puts) == [False] * 4 + [True] * 5
        told = [one for one in opened.query.changes(0, 100) if one.kind == "deleted"]
        assert [(one.id, one.reason) for one in told] == [(put.id, "evicted") for put in puts[:4]]
        known = opened.query.reference(puts[0].id)
        assert known is not None
        assert known.state is State.UNKNOWN
        assert "made room" in why(known, NOW)
        assert counted(opened, "evicted") == 4
        clean(opened)


def test_one_host_of_a_domain_cannot_crowd_out_another(tmp_path: Path) -> None:
    """Where the domain is full, who brings more makes room out of its own, or is refused."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        first, second = ([minted(n, f"{name}.{MINT}") for n in range(7)] for name in "ab")
        for put in (*first[:5], *second):
            apply(opened, puts=(put,))
        other = minted(1, f"c.{MINT}")
        apply(opened, puts=(other, note(1)))

        assert held(opened, first[:5]) == [True] * 5
        assert held(opened, second) == [False] * 4 + [True] * 3
        assert held(opened, [other, note(1)]) == [False, True]
        assert counted(opened, "quota", "documents") == 1
        clean(opened)


def test_who_is_followed_has_room_of_their_own(tmp_path: Path) -> None:
    """However much is discovered of a host, a followed actor's own posts are kept, and the other
    way round."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        own = [note(n) for n in range(1, 30)]
        others = [note(f"https://a.example/o/{n}", actor="https://a.example/o") for n in range(9)]
        for put in (*own, *others, note(99)):
            apply(opened, puts=(put,))

        assert held(opened, [*own, note(99)]) == [True] * 30
        assert sum(held(opened, others)) == 5
        clean(opened)


def test_who_is_not_followed_any_more_has_no_room_of_their_own(tmp_path: Path) -> None:
    """What was kept as a followed actor's counts as discovered from then on, and makes room like
    it; followed again, it is their own."""
    share = replace(HOST, documents=30, references=400)
    limits = replace(LIMITS, host=share, domain=share)
    with store_at(tmp_path, limits=limits) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        own = [note(n) for n in range(1, 21)]
        apply(opened, puts=(note(ALICE, kind="actor", type="Person"), *own))
        before = kept_of(opened)
        assert (before.documents, before.own_bytes > 0) == (0, True)

        opened.store.drop_follow(FOLLOW, NOW).result()
        after = kept_of(opened)
        assert (after.documents, after.own_bytes) == (21, 0)
        clean(opened)
        others = [note(f"https://a.example/o/{n}", actor="https://a.example/o") for n in range(20)]
        for put in others:
            apply(opened, puts=(put,))
        assert sum(held(opened, own)) == 10
        assert held(opened, others) == [True] * 20

        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        again = kept_of(opened)
        assert (again.documents, again.own_bytes > 0) == (20, True)
        clean(opened)


def test_what_a_follow_lists_does_not_make_room(tmp_path: Path) -> None:
    """A boost of a followed actor stays, however much comes after it; once nobody follows who has
    boosted it, it goes like others."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE)).result()
        boosted = minted(0, follow=FOLLOW)
        for put in (boosted, *[minted(n) for n in range(1, 20)]):
            apply(opened, puts=(put,))
        assert held(opened, [boosted]) == [True]

        again = minted(30, follow=FOLLOW)
        apply(opened, puts=(again,))
        opened.store.drop_follow(FOLLOW, NOW).result()
        for n in range(40, 60):
            apply(opened, puts=(minted(n),))
        assert held(opened, [again]) == [False]
        clean(opened)


def test_a_wildcard_of_names_is_met_ten_times_a_day(tmp_path: Path) -> None:
    """Ten thousand sub-domains that mention one another: ten of them are asked, and nothing is kept
    of the others; the next day ten more. Another domain is not touched by it."""
    with store_at(tmp_path) as opened:
        apply(opened, wants=tuple(wanted(f"https://h{n}.{MINT}/p") for n in range(10_000)))
        apply(opened, wants=(wanted("https://b.example/p"),))
        asked = {host.host for host in opened.query.hosts()}

        assert len([host for host in asked if host.endswith(f"{MINT}:443")]) == 10
        assert "b.example:443" in asked
        assert opened.query.totals().due == 11
        assert opened.query.reference(f"https://h9999.{MINT}/p") is None
        assert counted(opened, "quota", "hosts") == 9_990
        apply(opened, at=NOW + 86_400.0, wants=(wanted(f"https://h99.{MINT}/p"),))
        assert opened.query.totals().due == 12
        clean(opened)


def test_the_queue_of_a_host_and_all_queues_are_bounded(tmp_path: Path) -> None:
    """What is discovered beyond it is refused; who is asked for by name, and what leads a follow
    on, is not."""
    limits = replace(LIMITS, queue=20, frontier=30, hosts=100)
    with store_at(tmp_path, limits=limits) as opened:
        apply(opened, wants=tuple(wanted(f"https://b.example/p/{n}") for n in range(50)))
        assert opened.query.totals().due == 20
        apply(opened, wants=tuple(wanted(f"https://h{n}.c.example/p") for n in range(50)))
        assert opened.query.totals().due == 30
        named = wanted("https://b.example/named", relation="asked", follow="")
        apply(opened, wants=(named, wanted("https://b.example/users/bob", relation="actor")))

        assert opened.query.totals().due == 32
        assert counted(opened, "quota", "frontier") == 70
        shown = opened.query.host("b.example:443", NOW)
        assert shown is not None
        assert shown.kept.refused == 30
        assert shown.kept.reason == "too much is waiting to be asked of its host"
        clean(opened)


def test_ids_that_are_only_mentioned_are_bounded(tmp_path: Path) -> None:
    """Posts that answer one minted id after the other leave no more of them than a host may have;
    that such a post answers something else is not looked up by that."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        for n in range(1, 200):
            apply(opened, puts=(note(n, reply=f"https://h.{MINT}/p/{n}"),))

        shown = opened.query.reference(f"https://h.{MINT}/p/40")
        assert shown is not None
        assert opened.query.reference(f"https://h.{MINT}/p/41") is None
        assert opened.query.totals().documents == 199
        clean(opened)


def test_a_list_of_other_hosts_ids_is_bounded(tmp_path: Path) -> None:
    """An outbox that boosts without end, at hosts of others or that nobody has: so many new ids a
    day are noted, what it has itself is, and a host's room is left for who else is followed."""
    limits = replace(LIMITS, follow=20, domain=replace(HOST, references=200))
    evil = f"https://{MINT}/outbox"
    with store_at(tmp_path, limits=limits) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        opened.store.put_follow(Follow(key="evil", actor=f"https://{MINT}/u", outbox=evil)).result()
        for host in ("b.example", "h{n}.example", MINT):
            ids = [f"https://{host.format(n=n)}/p/{n}" for n in range(60)]
            listed = tuple(Entry(id, announced=host != MINT) for id in ids)
            wants = tuple(wanted(id, follow="evil", relation="boost") for id in ids)
            page = Members(evil, listed, follow="evil")
            apply(opened, members=page, wants=wants if host != MINT else ())

        assert opened.query.reference("https://b.example/p/19") is not None
        assert opened.query.reference("https://b.example/p/20") is None
        assert opened.query.reference("https://h9.example/p/9") is None
        assert opened.query.reference(f"https://{MINT}/p/59") is not None
        honest = wanted("https://b.example/answered", relation="parent")
        due = opened.query.totals().due
        apply(opened, wants=(honest,))
        assert opened.query.totals().due == due + 1
        clean(opened)
    # What was refused of names that nobody has met has left nothing.
    assert len(rows_of(tmp_path)[b"quota"]) <= 50


def test_all_that_the_lists_of_a_follow_name_is_bounded(tmp_path: Path) -> None:
    """An outbox without end may name so many ids in all, of its own host too, be they pages' items
    or what is asked for because of them; what it embeds is known, and listed as before."""
    with store_at(tmp_path, limits=LIMITS) as opened:
        opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, outbox=OUTBOX)).result()
        most = LIMITS.domain.references
        ids = [f"https://a.example/minted/{n}" for n in range(2 * most)]
        listed = tuple(Entry(id) for id in ids)
        wants = tuple(wanted(id, relation="item") for id in ids)
        for start in range(0, len(ids), 20):
            page = Members(OUTBOX, listed[start : start + 20], follow=FOLLOW)
            apply(opened, members=page, wants=wants[start : start + 20])

        assert opened.query.reference(ids[most - 1]) is not None
        assert opened.query.reference(ids[most]) is None
        apply(opened, puts=(note(1),), members=Members(OUTBOX, (Entry(note(1).id),), follow=FOLLOW))
        view = opened.query.collection(OUTBOX)
        assert view is not None
        assert note(1).id in view.items
        clean(opened)


def test_the_table_of_hosts_is_bounded(tmp_path: Path) -> None:
    """A million hosts that were asked once leave no more rows than there is room for; one that is
    paused, or for which something waits, stays."""
    limits = replace(LIMITS, host_rows=50)
    with store_at(tmp_path, limits=limits) as opened:
        apply(opened, wants=(wanted("https://queued.example/p"),))
        paused = HostReport("paused.example:443", True, status=429, pause=NOW + 80_000.0)
        apply(opened, hosts=(paused,))
        for n in range(200):
            report = HostReport(f"h{n}.example:443", ok=True, status=200)
            apply(opened, at=NOW + 10.0 * n, hosts=(report,))
        kept = {host.host for host in opened.query.hosts()}

        assert len(kept) <= 55
        assert {"queued.example:443", "paused.example:443", "h199.example:443"} <= kept
        clean(opened)


def test_types_are_words_that_are_bounded(tmp_path: Path) -> None:
    """A host that mints types gets no more words than there is room for, and its posts are kept."""
    with store_at(tmp_path, limits=replace(LIMITS, types=10)) as opened:
        puts = [note(n, type=f"https://{MINT}/type/{n}") for n in range(1, 6)]
        more = [minted(n, type=f"https://{MINT}/more/{n}") for n in range(5)]
        for put in (*puts, *more):
            apply(opened, puts=(put,))

        assert held(opened, [*puts, *more]) == [True] * 10
        clean(opened)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["own", "a", "b", "c"]),
            st.integers(1, 12),
            st.sampled_from(["put", "edit", "purge", "follow", "unfollow", "want"]),
        ),
        max_size=40,
    )
)
def test_counts_are_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str]]
) -> None:
    """Whatever is kept, edited, purged, evicted, followed and unfollowed in whatever order, the
    audit finds the counts of each host and domain as they are."""
    with store_at(tmp_path_factory.mktemp("counts"), limits=LIMITS) as opened:
        for at, (whose, n, what) in enumerate(steps):
            put = note(n) if whose == "own" else minted(n, f"{whose}.{MINT}")
            put = replace(put, fetched_at=NOW + at)
            if what in ("put", "edit"):
                edited = note(put.id, f"edit {at}", actor=put.stamp.owner or "", updated=NOW + at)
                edited = replace(edited, fetched_at=NOW + at)
                apply(opened, at=NOW + at, puts=(edited if what == "edit" else put,))
            elif what == "purge":
                gone = Mark(put.id, State.GONE, reason="gone", purge=True)
                apply(opened, at=NOW + at, marks=(gone,))
            elif what == "follow":
                actor = put.stamp.owner
                opened.store.put_follow(Follow(key=f"f{whose}", actor=actor)).result()
            elif what == "unfollow":
                opened.store.drop_follow(f"f{whose}", NOW + at).result()
            else:
                apply(opened, at=NOW + at, wants=(wanted(put.id),))
        clean(opened)
