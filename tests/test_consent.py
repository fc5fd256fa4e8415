"""Who may be listed among others: the verdict on what actors and objects say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from fedpull.crawler.protocol import consent, listable

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FOLLOWERS = "https://a.example/users/bob/followers"
BOB = {"type": "Person", "id": "https://a.example/users/bob", "indexable": True}
POST = {"type": "Note", "id": "https://a.example/1", "attributedTo": BOB["id"], "to": [PUBLIC]}

ACTORS: list[tuple[str, dict[str, Any], bool]] = [
    ("indexable", {}, True),
    ("indexable under Takahe's name", {"indexable": None, "toot:indexable": True}, True),
    ("indexable as JSON-LD", {"indexable": [{"@value": True}]}, True),
    ("not indexable", {"indexable": False}, False),
    ("says nothing of it", {"indexable": None}, False),
    ("indexable in a word", {"indexable": "true"}, False),
    ("indexable by a number", {"indexable": 1}, False),
    ("locked", {"manuallyApprovesFollowers": True}, False),
    ("locked in a word", {"manuallyApprovesFollowers": "true"}, False),
    ("not locked", {"manuallyApprovesFollowers": False}, True),
    ("not to be suggested, but to be searched", {"discoverable": False}, True),
    ("searchable by followers", {"searchableBy": FOLLOWERS}, False),
    ("searchable by everybody", {"searchableBy": ["as:Public", FOLLOWERS]}, True),
    ("searchable by nobody is not said so", {"searchableBy": []}, True),
    ("searchable by what is no address", {"searchableBy": [7]}, False),
    ("a bio with the tag as text", {"summary": "<p>hi<br>#NoBot</p>"}, False),
    (
        "a bio with the tag as Mastodon writes it",
        {"summary": '<p>hi <a href="/t" class="hashtag">#<span>nobot</span></a><br>you</p>'},
        False,
    ),
    ("a tag written with an entity", {"summary": "&#35;noindex"}, False),
    ("a tag in full width", {"summary": "\uff03\uff4e\uff4f\uff42\uff4f\uff54"}, False),
    ("a tag with what is not seen in it", {"summary": "#no\u200bbot"}, False),
    ("a tag that the word has grown out of", {"summary": "#nobotany"}, True),
    ("the word without the sign", {"summary": "no bot, noindex"}, True),
    ("the tag in the name", {"name": "Bob #nobots"}, False),
    ("the tag in another language's bio", {"summaryMap": {"de": "x #noarchive"}}, False),
    (
        "the tag in a field of the profile",
        {"attachment": [{"type": "PropertyValue", "name": "please", "value": "#nosearch"}]},
        False,
    ),
    ("a Hashtag", {"tag": {"type": "Hashtag", "name": "#noindex"}}, False),
    ("a Hashtag without its sign", {"tag": [{"type": "as:Hashtag", "name": "NoBot"}]}, False),
    ("another Hashtag", {"tag": [{"type": "Hashtag", "name": "#cats"}]}, True),
    ("an opt-out as a property", {"xRobotsTag": "noindex, noai"}, False),
    ("an opt-out of something else", {"xRobotsTag": "noai"}, True),
    ("privacy control", {"SPC": 1}, False),
    ("no privacy control", {"SPC": 0}, True),
]


@pytest.mark.parametrize(
    ("more", "listed"), [row[1:] for row in ACTORS], ids=[row[0] for row in ACTORS]
)
def test_actors(more: dict[str, Any], listed: bool) -> None:
    """An actor who is not followed is listed only by a plain yes and without any no."""
    author = consent.read({**BOB, **more}, "actor")

    assert listable.may_be_listed(consent.read(POST, "object"), author) is listed
    assert (listable.on_actor(author).word == "granted") is listed
    # Following is reading, whatever is said of searching.
    assert listable.may_be_listed(0, author | listable.FOLLOWED)


OBJECTS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("public", {}, {}, True),
    ("public by its short name", {"to": "as:Public"}, {}, True),
    ("unlisted", {"to": [FOLLOWERS], "cc": [PUBLIC]}, {}, False),
    ("public by audience only", {"to": None, "audience": PUBLIC}, {}, False),
    ("searchable by followers", {"searchableBy": FOLLOWERS}, {}, False),
    ("searchable by everybody", {"searchableBy": PUBLIC}, {}, True),
    ("its word goes before its author's", {"searchableBy": PUBLIC}, {"searchableBy": "x"}, True),
    ("its word is not for indexable", {"searchableBy": PUBLIC}, {"indexable": False}, False),
    ("it inherits its author's word", {}, {"searchableBy": FOLLOWERS}, False),
    ("an empty list is no word", {"searchableBy": []}, {}, True),
    ("an opt-out as a property", {"xRobotsTag": "none"}, {}, False),
    ("a post that says it is not indexable", {"indexable": False}, {}, False),
]


@pytest.mark.parametrize(
    ("more", "author", "listed"), [row[1:] for row in OBJECTS], ids=[row[0] for row in OBJECTS]
)
def test_objects(more: dict[str, Any], author: dict[str, Any], listed: bool) -> None:
    """An object of somebody who allows it is listed if it is public in `to` and says no no."""
    own = consent.read({**POST, **more}, "object")
    theirs = consent.read({**BOB, **author}, "actor")

    assert listable.may_be_listed(own, theirs) is listed
    assert (listable.on_object(own, theirs).word == "granted") is listed


HEADERS: list[tuple[str, str, bool]] = [
    ("nothing", "", True),
    ("noindex", "nofollow, noindex", False),
    ("none", "none", False),
    ("nothing about lists", "noai, nofollow", True),
]


@pytest.mark.parametrize(
    ("robots", "listed"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS]
)
def test_headers(robots: str, listed: bool) -> None:
    """X-Robots-Tag counts for what it came with, actor or object."""
    own, theirs = consent.read(POST, "object"), consent.read(BOB, "actor")

    assert listable.may_be_listed(consent.read(POST, "object", None, robots), theirs) is listed
    assert listable.may_be_listed(own, consent.read(BOB, "actor", None, robots)) is listed


def test_the_audience_of_the_activity_counts_where_the_object_states_none() -> None:
    """Public in the `to` of its Create is public; what only its `cc` says is unlisted."""
    bare = {key: value for key, value in POST.items() if key != "to"}
    theirs = consent.read(BOB, "actor")

    def listed(post: dict[str, Any], around: dict[str, Any] | None) -> bool:
        return listable.may_be_listed(consent.read(post, "object", around), theirs)

    assert listed(bare, {"to": PUBLIC})
    assert not listed(bare, {"cc": PUBLIC})
    assert not listed(bare, None)
    assert not listed({**bare, "cc": [PUBLIC]}, {"to": PUBLIC})


def test_who_is_not_held_is_not_listed() -> None:
    """Without its author's document nothing says yes; a silenced domain is not listed at all."""
    own = consent.read(POST, "object")

    assert not listable.may_be_listed(own, 0)
    assert listable.on_object(own, None) == ("unknown", "its author's document is not held")
    assert listable.may_be_listed(own, listable.FOLLOWED)
    assert not listable.may_be_listed(own | listable.SILENCED, listable.FOLLOWED | listable.KNOWN)


LEADS_ON: list[tuple[str, dict[str, Any], bool]] = [
    ("who says nothing of it", {}, True),
    ("who may be suggested", {"discoverable": True}, True),
    ("who is not to be suggested", {"discoverable": False}, False),
    ("who is not to be suggested, as Takahe says it", {"toot:discoverable": False}, False),
    ("who is locked", {"manuallyApprovesFollowers": True}, False),
]


@pytest.mark.parametrize(
    ("more", "leads"), [row[1:] for row in LEADS_ON], ids=[row[0] for row in LEADS_ON]
)
def test_discovery(more: dict[str, Any], leads: bool) -> None:
    """Nothing is resolved from a hidden or locked actor onwards, unless a follow asks."""
    flags = consent.read({**BOB, **more}, "actor")

    assert listable.leads_on(flags) is leads
    assert listable.leads_on(flags | listable.FOLLOWED)


MARKS = "\u0316\u0300" * 24_000  # 48,000 that stand in a row, in the wrong order

ODD_TEXTS: list[tuple[str, dict[str, Any]]] = [
    ("a character by a number of 5,000 digits", {"summary": f"&#{'9' * 5_000}; #nobot"}),
    ("thousands of marks on one letter", {"summary": f"#nobot a{MARKS}"}),
    ("the same in every field", {"summary": "#nobot", "attachment": [{"name": MARKS}] * 64}),
    ("what grows eighteen-fold", {"summary": "#nobot " + "\ufdfa" * 60_000}),
]


@pytest.mark.timeout(5)
@pytest.mark.parametrize("more", [row[1] for row in ODD_TEXTS], ids=[row[0] for row in ODD_TEXTS])
def test_odd_texts_are_read_like_others(more: dict[str, Any]) -> None:
    """No text makes it raise, or takes minutes; the tag beside it is found."""
    assert consent.read({**BOB, **more}, "actor") & listable.NOBOT


def test_the_verdict_tells_everything_that_it_stands_on() -> None:
    """Every reason is named, the author's as such."""
    actor = {**BOB, "indexable": False, "summary": "#nobot"}
    theirs = consent.read(actor, "actor")
    own = consent.read({**POST, "to": FOLLOWERS, "cc": PUBLIC}, "object")

    assert listable.on_actor(theirs) == ("denied", "indexable is not true; says #nobot")
    reasons = (
        *("as:Public is not in `to` (unlisted)", "its author: indexable is not true"),
        "its author: says #nobot",
    )
    assert listable.on_object(own, theirs) == ("denied", "; ".join(reasons))
    assert listable.on_object(own, theirs | listable.FOLLOWED).word == "followed"


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(("@value", "type", "name", "id", "x")), inner)
    ),
    max_leaves=6,
)
_NAMES = some.sampled_from(
    (
        *("to", "cc", "audience", "indexable", "toot:indexable", "discoverable", "searchableBy"),
        *("manuallyApprovesFollowers", "summary", "summaryMap", "name", "tag", "attachment"),
        *("xRobotsTag", "SPC", "type", "attributedTo"),
    )
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.dictionaries(_NAMES, _JSON), some.dictionaries(_NAMES, _JSON) | some.none())
def test_nothing_makes_it_raise(document: dict[str, Any], around: dict[str, Any] | None) -> None:
    """Whatever JSON comes, there is a verdict, it has words, and it agrees with them."""
    own = consent.read(document, "object", around)
    theirs = consent.read(document, "actor")
    listed = listable.may_be_listed(own, theirs)
    verdict = listable.on_object(own, theirs)

    assert max(own, theirs) < 1 << 16
    assert listed == (verdict.word in ("granted", "followed"))
    assert verdict.evidence
    assert listable.on_actor(theirs).evidence
