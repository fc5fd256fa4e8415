"""What is blocked or forgotten goes from every table of a store, and does not come back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from policy_cases import (
    BLOCKED,
    BOB,
    BOBS,
    BOBS_FINGER,
    BOBS_OUTBOX,
    CAROL,
    ELSEWHERE,
    FORGOTTEN_BOB,
    FORGOTTEN_DOMAIN,
    FORGOTTEN_POST,
    POST,
    REPLY,
    SECRET,
    carry_out,
    forgetting,
    rows_with,
    well_read,
)
from store_cases import ALICE, FOLLOW, NOW, OUTBOX, apply, clean, leased, note, page, store_at, want

from fedpull.cache.records import Cause, Follow, HostReport, Kind, ObjectFilter, State
from fedpull.crawler.protocol.blocks import Blocks
from fedpull.crawler.protocol.forgotten import PREFIX
from fedpull.crawler.protocol.policy import OPEN, Policy
from fedpull.errors import Refused, Unreachable

HOUR = 3_600.0
NAMES = (SECRET, "/users/bob", "bob@b.example", ELSEWHERE)


def test_of_a_forgotten_actor_nothing_is_left(tmp_path: Path) -> None:
    """No body, version, name or row of mail, in whatever table; those around it stay."""
    with well_read(tmp_path / "s") as opened:
        shutil.copytree(tmp_path / "s", tmp_path / "before")
        before = rows_with(tmp_path / "before", *NAMES)
        assert {"body", "history", "ref", "extra", "notification", "key", "word"} <= set(before)
        swept = carry_out(opened, FORGOTTEN_BOB)
        clean(opened)
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
        clean(opened)
        assert swept.purged == 3
        assert swept.follows == (BOBS,)
        assert opened.query.document(REPLY) is not None
        assert opened.query.document(CAROL) is not None
        assert [one.key for one in opened.query.follows()] == [FOLLOW]
        assert opened.query.collection(OUTBOX).items == (note(1).id,)  # type: ignore[union-attr]
        assert opened.query.counts(note(1).id).likes == 0
        assert opened.mailbox.followed_by() == 0
        assert [one.inbox for one in opened.query.deliveries(10)] == ["https://g.example/inbox"]
        assert len(opened.query.notifications(10)) == 1

    # What I have written of Bob's post is mine: my document says what it answers.
    assert rows_with(tmp_path / "s", *NAMES) == []


def test_a_follow_of_somebody_forgotten_tells_no_names(tmp_path: Path) -> None:
    """Whoever writes it: by a handle, it is there and says why nothing is read; by the forgotten
    name itself it is refused."""
    with store_at(tmp_path / "s", policy=FORGOTTEN_BOB) as opened:
        follow = Follow("@b@elsewhere.example", actor=BOB, name="Bob", outbox=BOBS_OUTBOX)
        opened.store.put_follow(follow).result()
        with pytest.raises(Refused):
            opened.store.put_follow(Follow(BOB)).result()
        (there,) = opened.query.follows()
        assert (there.actor, there.name, there.outbox) == (None, None, None)
        assert there.last_error is not None
        clean(opened)

    assert rows_with(tmp_path / "s", BOB, "Bob") == []


def test_what_was_forgotten_is_told_for_an_hour(tmp_path: Path) -> None:
    """Whoever follows the change log learns what to drop; then it has no name any more."""
    with well_read(tmp_path / "s") as opened:
        last = opened.query.totals().last_seq
        carry_out(opened, FORGOTTEN_BOB)
        told = opened.query.changes(last)
        assert {one.id for one in told} == {BOB, POST, ELSEWHERE}
        assert {(one.kind, one.reason) for one in told} == {("deleted", "forgotten")}
        opened.moderator.tidy(NOW + 10 + HOUR - 1, lambda: False)
        assert {one.id for one in opened.query.changes(last)} == {BOB, POST, ELSEWHERE}
        opened.moderator.tidy(NOW + 10 + HOUR, lambda: False)
        assert all(one.id.startswith(PREFIX) for one in opened.query.changes(last))


def test_nobody_elses_error_names_it(tmp_path: Path) -> None:
    """A redirect to what was forgotten stood in the way of another host, and of another follow."""
    said = f"the redirect leads to {POST}, which is not public"
    with well_read(tmp_path / "s") as opened:
        apply(opened, NOW, hosts=(HostReport("a.example:443", ok=False, error=said),))
        alice = next(one for one in opened.query.follows() if one.key == FOLLOW)
        opened.store.put_follow(replace(alice, last_error=said)).result()
        shutil.copytree(tmp_path / "s", tmp_path / "before")
        assert {"follow", "host"} <= set(rows_with(tmp_path / "before", "the redirect leads to"))
        carry_out(opened, FORGOTTEN_BOB)
        clean(opened)
        [alice] = opened.query.follows()
        [host] = [one for one in opened.query.hosts() if one.host == "a.example:443"]
        assert (alice.last_error, host.last_error) == (None, None)
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
    assert rows_with(tmp_path / "s", *NAMES) == []


def test_that_there_was_a_file_of_the_forgotten_is_remembered(tmp_path: Path) -> None:
    """Also when it is gone: else nobody would miss it."""
    with well_read(tmp_path / "s") as opened:
        carry_out(opened, BLOCKED)
        assert not opened.moderator.had_forgotten()
        for policy in (FORGOTTEN_BOB, OPEN, OPEN):
            carry_out(opened, policy)
            assert opened.moderator.had_forgotten()
        clean(opened)


def test_one_post_is_forgotten_and_its_author_is_not(tmp_path: Path) -> None:
    """With its history, its place in lists and its other names."""
    with well_read(tmp_path / "s") as opened:
        assert carry_out(opened, FORGOTTEN_POST).purged == 1
        clean(opened)
        assert opened.query.document(POST) is None
        assert opened.query.reference(POST) is None
        assert opened.query.history(POST) == []
        assert opened.query.reference(f"{POST}/activity") is None
        assert opened.query.document(BOB) is not None
        assert opened.query.document(ELSEWHERE) is not None
        listed, _ = opened.query.objects(ObjectFilter(actor=BOB), 10)
        assert [one.id for one in listed] == [ELSEWHERE]
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
    assert rows_with(tmp_path / "s", f"{SECRET} one", "statuses/1") == []


def test_a_forgotten_domain_takes_all_of_its_people_along(tmp_path: Path) -> None:
    """The domain itself is no secret: it stands in the file, and in the row of its politeness."""
    with well_read(tmp_path / "s") as opened:
        assert carry_out(opened, FORGOTTEN_DOMAIN).purged == 5
        clean(opened)
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
        assert {one.host: one.state for one in opened.query.hosts()}["b.example:443"] == "blocked"
    assert rows_with(tmp_path / "s", SECRET, "users/carol", "carol one", "users/bob") == []


def test_what_is_blocked_is_purged_and_keeps_its_name(tmp_path: Path) -> None:
    """A block can be lifted: the references stay, as refused; the change log says why."""
    with well_read(tmp_path / "s") as opened:
        last = opened.query.totals().last_seq
        assert carry_out(opened, BLOCKED).purged == 5
        clean(opened)
        told = opened.query.changes(last)
        assert {(one.kind, one.reason) for one in told} == {("deleted", "blocked")}
        assert POST in {one.id for one in told}
        known = opened.query.reference(POST)
        assert known is not None
        assert (known.state, known.reason, known.next_check) == (State.REFUSED, "blocked", None)
        assert opened.query.document(REPLY) is not None
        assert opened.mailbox.followed_by() == 0
        follow = opened.query.follow(BOBS)
        assert follow is not None
        assert (follow.last_error or "").startswith("blocked")
        states = {one.inbox: one.state for one in opened.query.deliveries(10)}
        assert states == {f"{BOB}/inbox": "given_up", "https://g.example/inbox": "waiting"}
    assert rows_with(tmp_path / "s", SECRET, "carol one") == []


@pytest.mark.parametrize("policy", [BLOCKED, FORGOTTEN_DOMAIN], ids=["blocked", "forgotten"])
def test_nothing_of_it_is_leased_once_it_is_in_force(tmp_path: Path, policy: Policy) -> None:
    """Neither what was queued before, nor what somebody wants since."""
    with well_read(tmp_path / "s") as opened:
        carry_out(opened, policy)
        wants = [want(POST, cause=Cause.ON_DEMAND), want(BOBS_OUTBOX, kind=Kind.PAGE)]
        opened.frontier.want(wants).result()

        asked = [uri for at in range(0, 40, 2) for uri in leased(opened, NOW + 20 + at)]

        assert asked
        assert all("b.example" not in uri for uri in asked)


@pytest.mark.parametrize(
    "policy", [FORGOTTEN_BOB, FORGOTTEN_DOMAIN], ids=["the actor", "the domain"]
)
def test_nothing_of_it_comes_back_by_being_mentioned(tmp_path: Path, policy: Policy) -> None:
    """Embedded, as a member, as what is answered, as the owner of what is fetched."""
    with well_read(tmp_path / "s") as opened:
        carry_out(opened, policy)
        again = note(POST, f"{SECRET} again", actor=BOB)
        other = note("https://b.example/notes/new", f"{SECRET} anew", actor=BOB)
        answer = note("https://a.example/notes/3", "an answer", reply=POST)
        apply(opened, NOW + 20, puts=(again, other, answer))
        entries = page("https://a.example/notes/3")
        apply(opened, NOW + 20, members=entries)
        assert opened.query.document(POST) is None
        assert opened.query.document("https://b.example/notes/new") is None
        assert opened.query.document("https://a.example/notes/3") is not None
        clean(opened)
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
    assert rows_with(tmp_path / "s", SECRET, "users/bob") == []


def test_an_undo_lets_it_be_met_anew(tmp_path: Path) -> None:
    """What was purged is not brought back; what comes from now on is taken, under its name."""
    with well_read(tmp_path / "s") as opened:
        carry_out(opened, FORGOTTEN_POST)
        carry_out(opened, OPEN, NOW + 20)
        assert opened.query.document(POST) is None
        apply(opened, NOW + 30, puts=(note(POST, "met anew", actor=BOB, at=NOW + 30),))
        assert opened.query.document(POST) is not None
        clean(opened)
        carry_out(opened, FORGOTTEN_POST, NOW + 40)
        clean(opened)
        assert opened.query.document(POST) is None


def test_a_block_that_is_lifted_lets_it_be_asked_for(tmp_path: Path) -> None:
    """Its references are as what nothing is known of; its host is asked again."""
    with well_read(tmp_path / "s") as opened:
        carry_out(opened, BLOCKED)
        carry_out(opened, OPEN, NOW + 20)
        known = opened.query.reference(POST)
        assert known is not None
        assert known.state is State.UNKNOWN
        opened.frontier.want([want(POST)]).result()
        asked = [uri for at in range(0, 20, 2) for uri in leased(opened, NOW + 30 + at)]
        assert POST in asked
        clean(opened)


def test_a_restored_backup_is_not_what_it_was_swept_for(tmp_path: Path) -> None:
    """The store says which policy it was swept for last, so an older copy is swept again."""
    with well_read(tmp_path / "s"):
        pass
    shutil.copytree(tmp_path / "s", tmp_path / "backup")
    with store_at(tmp_path / "s", policy=FORGOTTEN_BOB) as opened:
        assert not opened.moderator.has_forgotten(FORGOTTEN_BOB)
        carry_out(opened, FORGOTTEN_BOB)
        assert opened.moderator.has_forgotten(FORGOTTEN_BOB)
    with store_at(tmp_path / "backup", policy=FORGOTTEN_BOB) as opened:
        assert not opened.moderator.has_forgotten(FORGOTTEN_BOB)
        assert opened.query.document(POST) is not None
        carry_out(opened, FORGOTTEN_BOB)
        assert opened.query.document(POST) is None
        assert opened.moderator.is_done(FORGOTTEN_BOB)


@pytest.mark.parametrize("count", [1, 4, 6, 9, 12])
def test_a_sweep_that_was_stopped_is_not_done(tmp_path: Path, count: int) -> None:
    """It is begun again, and comes to the same end."""
    with well_read(tmp_path / "s") as opened:
        opened.moderator.enforce(FORGOTTEN_BOB).result()
        looks = iter([False] * count + [True])
        stopped = opened.moderator.sweep(FORGOTTEN_BOB, NOW + 10, lambda: next(looks, True))
        assert stopped is None
        assert not opened.moderator.is_done(FORGOTTEN_BOB)
        clean(opened)
        carry_out(opened, FORGOTTEN_BOB)
        clean(opened)
        opened.moderator.tidy(NOW + 20 + HOUR, lambda: False)
    assert rows_with(tmp_path / "s", *NAMES) == []


def test_a_sweep_that_was_stopped_takes_likes_back_the_next_time(tmp_path: Path) -> None:
    """Wherever it is stopped: by whom a reaction is, is known only by the name that goes."""
    for steps in range(40):
        looks = iter([False] * steps)
        with well_read(tmp_path / str(steps)) as opened:
            opened.moderator.enforce(FORGOTTEN_BOB).result()
            swept = opened.moderator.sweep(FORGOTTEN_BOB, NOW, partial(next, looks, True))
            carry_out(opened, FORGOTTEN_BOB)
            assert opened.query.counts(note(1).id).likes == 0, steps
        if swept is not None:
            return
    raise AssertionError("it takes more steps")


def test_a_sweep_that_was_stopped_is_not_forgotten_if_the_list_is_as_before(tmp_path: Path) -> None:
    """Half of it was done: what it has blocked so far has to be asked for again."""
    looks = iter([False] * 3)
    with well_read(tmp_path / "s") as opened:
        opened.moderator.enforce(BLOCKED).result()
        assert opened.moderator.sweep(BLOCKED, NOW, lambda: next(looks, True)) is None
        assert opened.query.host("b.example:443", NOW).state == "blocked"  # type: ignore[union-attr]
    with store_at(tmp_path / "s") as opened:
        assert not opened.moderator.is_done(OPEN)
        assert opened.moderator.has_forgotten(OPEN)
        carry_out(opened, OPEN)
        assert opened.query.host("b.example:443", NOW).state != "blocked"  # type: ignore[union-attr]


def test_a_large_domain_is_purged_in_batches(tmp_path: Path) -> None:
    """No transaction has more than a thousand documents of it; others get their turns between."""
    with store_at(tmp_path / "s") as opened:
        batches: list[int] = []
        for start in range(0, 2_500, 500):
            posts = [f"https://b.example/n/{n}" for n in range(start, start + 500)]
            apply(opened, puts=tuple(note(uri, actor=BOB, published=NOW) for uri in posts))
        opened.store.on_change(lambda changes: batches.append(len(changes)))
        assert carry_out(opened, BLOCKED).purged == 2_500
        clean(opened)
        assert sum(batches) == 2_500
        assert max(batches) <= 1_000
        assert opened.query.totals().documents == 0


def test_what_is_silenced_is_not_discovered(tmp_path: Path) -> None:
    """A boost, an answer or a reply of somebody else's leads nowhere there; its own follow, a look
    at what is held and a person's wish do."""
    policy = Policy(Blocks({"b.example": "silence"}))
    with well_read(tmp_path / "s", policy=policy) as opened:
        found = f"{BOB}/statuses/2"
        refused = [
            want(found, follow=FOLLOW, relation="boost"),
            want(found, follow=FOLLOW, relation="parent"),
            want(found, follow=FOLLOW, relation="author"),
            want(f"{found}/replies", kind=Kind.PAGE, follow=FOLLOW, relation="replies", root=REPLY),
            want(found, relation="asked", root=REPLY),
        ]
        for one in refused:
            opened.frontier.want([one]).result()
            assert opened.query.reference(one.uri) is None, one
        let = [
            want(f"{found}/0", follow=BOBS, relation="item"),
            want(f"{found}/1", follow=BOBS, relation="parent"),
            want(f"{found}/2", relation="asked", cause=Cause.ON_DEMAND),
            want(f"{found}/3", relation="check"),
        ]
        for one in let:
            opened.frontier.want([one]).result()
            assert opened.query.reference(one.uri) is not None, one


TEXTS: list[tuple[str, str]] = [
    ("at the end", f"says its id is {BOB}"),
    ("as errors tell it", str(Unreachable(BOB, "is gone"))),
    ("in a list", f"{CAROL}, {BOB}, {ALICE}"),
    ("in brackets", f"nothing ({BOB})"),
    ("at the end of a sentence", f"It led to '{BOB}'."),
]


@pytest.mark.parametrize("text", [row[1] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_a_name_is_found_in_what_is_said_of_it(text: str) -> None:
    """What stands behind a name is not taken for a part of it."""
    assert FORGOTTEN_BOB.names(text) == "forgotten"
    assert FORGOTTEN_BOB.names(text.replace(BOB, CAROL)) is None


def test_a_post_below_a_forgotten_actor_needs_no_line_of_its_own() -> None:
    """A line for each post would grow with whatever somebody mints."""
    forgotten = forgetting(BOB)

    assert forgotten.names(f"{BOB}/statuses/99999")
    assert not forgotten.names(ALICE)
    assert not forgotten.names(BOBS_FINGER)


def test_what_is_below_an_actor_whose_id_ends_with_a_slash_is_forgotten_too() -> None:
    """WordPress names actors so; of a site's front page nothing but itself is."""
    forgotten = forgetting("https://b.example/author/bob/", "https://b.example/")

    assert forgotten.names("https://b.example/author/bob/")
    assert forgotten.names("https://b.example/author/bob/feed/1?page=2#x")
    assert forgotten.names("https://b.example/")
    for other in ("author/bobby/feed", "author/", "?p=1", "post"):
        assert not forgotten.names(f"https://b.example/{other}"), other
