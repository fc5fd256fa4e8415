"""What publishing leaves in the store: the outbox, our objects, and documents like all others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from publishing_cases import ALICE, ORIGIN, WE, Press, note, read
from store_cases import NOW, clean, store_at

from fedpull.cache.open import Opened
from fedpull.cache.publication_rows import PAGE
from fedpull.cache.records import ObjectFilter, State
from fedpull.errors import BadInput, Gone, NotFound

DAY = 86_400.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path) as opened:
        yield opened
        clean(opened)


@pytest.fixture
def press(opened: Opened) -> Press:
    return Press(opened)


def items(opened: Opened, number: int | None = None) -> list[dict[str, Any]]:
    page = opened.query.outbox(number)
    return [] if page is None else [read(item) for item in page.items]


def kinds(opened: Opened, id: str) -> list[str]:
    """What the change log has of a document."""
    return [change.kind for change in opened.query.changes(0) if change.id == id]


def test_publish(opened: Opened, press: Press) -> None:
    """What is published is in the outbox, and its object stands for itself."""
    one = press.publish(note())

    (item,) = items(opened)
    assert item == read(one.body)
    found, local = opened.query.publication(one.activity), opened.query.local(one.object)
    assert found == one
    assert local is not None
    assert (local.public, local.deleted, local.activity) == (True, False, one.activity)
    assert read(local.body)["content"] == "hello"


def test_nothing_yet(opened: Opened) -> None:
    """An outbox that nothing is in has no pages."""
    assert opened.query.outbox() is None
    assert opened.query.outbox_total() == 0
    assert opened.query.publication(f"{ORIGIN}/activities/1") is None


def test_pages(opened: Opened, press: Press) -> None:
    """Pages count from the oldest, and one that is full stays as it is, whatever comes."""
    for n in range(PAGE + 2):
        press.publish(note(f"{n}"))
    full = opened.query.outbox(1)
    press.publish(note("more"))

    newest = opened.query.outbox()

    assert full is not None
    assert newest is not None
    assert full.items == getattr(opened.query.outbox(1), "items", ())
    assert (full.number, full.last, full.total, full.full) == (1, 2, PAGE + 2, True)
    assert (newest.number, newest.last, newest.total, newest.full) == (2, 2, PAGE + 3, False)
    texts = [read(item)["object"]["content"] for item in newest.items]
    assert texts == ["more", f"{PAGE + 1}", f"{PAGE}"]
    assert opened.query.outbox(0) is None
    assert opened.query.outbox(3) is None


def test_private(opened: Opened, press: Press) -> None:
    """What is not for everybody is neither in the outbox nor a document of the store."""
    one = press.publish(note(to=ALICE))

    assert one.position is None
    assert opened.query.outbox() is None
    assert one.audience == (ALICE,)
    assert opened.query.local(one.object) is not None
    assert opened.query.document(one.object) is None
    assert opened.query.objects(ObjectFilter(), 10)[0] == []


def test_document(opened: Opened, press: Press) -> None:
    """A public object of ours is found like all others, is never due, and is listed."""
    one = press.publish(note("hi", tag=[{"type": "Hashtag", "name": "#a"}], cc=[WE.followers]))

    document = opened.query.document(one.object)
    reference = opened.query.reference(one.object)
    assert document is not None
    assert document.json == read(opened.query.local(one.object).body)  # type: ignore[union-attr]
    assert reference is not None
    assert (reference.state, reference.verified_by) == (State.RESOLVED, "local")
    assert (reference.next_check, reference.kind) == (None, None)
    for wanted in (ObjectFilter(), ObjectFilter(tag="a"), ObjectFilter(actor=WE.actor)):
        listed, _ = opened.query.objects(wanted, 10)
        assert [one.id for one in listed] == [document.id]
    assert kinds(opened, one.object) == ["created"]


def test_our_actor(opened: Opened, press: Press) -> None:
    """Whoever looks up who has written it finds our actor, which nobody is asked for either."""
    press.publish(note())
    press.publish(note(to=ALICE))

    assert kinds(opened, WE.actor) == ["created"]
    known = press.known(WE.actor)
    assert known is not None
    assert (known.cls, known.verified_by) == ("actor", "local")


def test_never_due(opened: Opened, press: Press) -> None:
    """Nobody is asked for what is ours, and it is not purged for not having been verified."""
    one = press.publish(note())

    for day in range(90):
        assert opened.frontier.refresh(NOW + day * DAY).result() == 0

    assert opened.query.document(one.object) is not None
    assert opened.frontier.next_due(NOW + 90 * DAY) is None


def test_update(opened: Opened, press: Press) -> None:
    """After an Update the object is the new one; what embedded the old one shows its id only."""
    one = press.publish(note("first"))

    two = press.publish({"type": "Update", "object": {**note("second"), "id": one.object}})

    assert [item["object"] for item in items(opened)][1:] == [one.object]
    assert items(opened)[0]["object"]["content"] == "second"
    local = opened.query.local(one.object)
    assert local is not None
    assert (local.updated, local.activity) == (press.clock.at, two.activity)
    document = opened.query.document(one.object)
    assert document is not None
    assert document.json["content"] == "second"
    assert [read(old.body)["content"] for old in opened.query.history(one.object)] == ["first"]
    assert kinds(opened, one.object) == ["created", "updated"]
    changed = opened.query.publication(one.activity)
    assert changed is not None
    assert (changed.at, changed.changed) == (one.at, press.clock.at)


def test_delete(opened: Opened, press: Press) -> None:
    """After a Delete no word of the object is left anywhere."""
    one = press.publish(note("secret", bcc=ALICE))
    press.publish({"type": "Update", "object": {**note("secret too"), "id": one.object}})

    press.publish({"type": "Delete", "object": one.object})

    assert "secret" not in json.dumps(items(opened))
    shown = [item["object"] for item in items(opened)]
    assert [one if isinstance(one, str) else one["type"] for one in shown] == [
        "Tombstone",
        "Tombstone",
        one.object,
    ]
    local, reference = opened.query.local(one.object), opened.query.reference(one.object)
    assert local is not None
    assert (local.deleted, local.public) == (True, True)
    assert read(local.body)["type"] == "Tombstone"
    assert reference is not None
    assert (reference.state, reference.reason) == (State.GONE, "tombstone")
    assert opened.query.document(one.object) is None
    assert opened.query.history(one.object) == []
    press.fan_out()
    bodies = [errand.body for errand in opened.mailbox.errands(press.clock.at, 9, 60, DAY).result()]
    assert b"secret" not in b"".join(bodies)


def test_narrowed(opened: Opened, press: Press) -> None:
    """What is not for everybody any more is no document of the store any more."""
    one = press.publish(note())

    press.publish({"type": "Update", "object": {**note(to=ALICE), "id": one.object}})

    assert opened.query.document(one.object) is None
    assert opened.query.outbox_total() == 1
    assert [item["object"] for item in items(opened)] == [one.object]
    local = opened.query.local(one.object)
    assert local is not None
    assert not local.public


def test_widened(opened: Opened, press: Press) -> None:
    """What is for everybody now is a document of the store now."""
    one = press.publish(note(to=ALICE))

    press.publish({"type": "Update", "object": {**note(), "id": one.object}})

    assert opened.query.document(one.object) is not None
    assert opened.query.outbox_total() == 1


def test_undo(opened: Opened, press: Press) -> None:
    """A Like is taken back by its id; both stand in the outbox, if they are for everybody."""
    like = press.publish({"type": "Like", "object": "https://a.example/1", "to": "as:Public"})

    press.publish({"type": "Undo", "object": like.activity})

    assert [item["type"] for item in items(opened)] == ["Undo", "Like"]


def test_known(opened: Opened, press: Press) -> None:
    """What is ours is told without asking anybody: there, deleted, not for all, or never there."""
    there, gone = press.publish(note()), press.publish(note())
    private = press.publish(note(to=ALICE))
    press.publish({"type": "Delete", "object": gone.object})
    known = press.known

    assert getattr(known(there.object), "id", "") == there.object
    with pytest.raises(Gone):
        known(gone.object)
    for id in (private.object, f"{ORIGIN}/objects/1"):
        with pytest.raises(NotFound):
            known(id)
    assert known("https://a.example/objects/1") is None
    assert known("@alice@a.example") is None


def test_an_activity_that_is_asked_for(opened: Opened, press: Press) -> None:
    """It becomes a document then, and shows what becomes of its object as the outbox does."""
    one, private = press.publish(note("secret")), press.publish(note(to=ALICE))
    assert opened.query.document(one.activity) is None
    assert getattr(press.known(one.activity), "id", "") == one.activity
    with pytest.raises(NotFound):
        press.known(private.activity)

    def shown() -> dict[str, Any]:
        document = opened.query.document(one.activity)
        return {} if document is None else document.json

    assert shown() == read(one.body)
    press.publish({"type": "Update", "object": {**note("better"), "id": one.object}})
    assert shown()["object"] == one.object
    edited = press.publish({"type": "Update", "object": {**note("secret"), "id": one.object}})
    press.known(edited.activity)
    press.publish({"type": "Delete", "object": one.object})
    assert opened.query.document(edited.activity) is None
    assert opened.query.history(edited.activity) == []
    press.known(edited.activity)
    document = opened.query.document(edited.activity)
    assert document is not None
    assert document.json["object"]["type"] == "Tombstone"


SENT: dict[str, tuple[Any, Any, bool]] = {
    "to the same": (WE.followers, None, True),
    "to more": (ALICE, [ALICE, "as:Public"], True),
    "not to followers any more": ([WE.followers, ALICE], ALICE, False),
    "not to everybody any more": (["as:Public", ALICE], [WE.followers, ALICE], False),
    "to somebody else": (ALICE, "https://b.example/bob", False),
}


@pytest.mark.parametrize(("first", "then", "whole"), SENT.values(), ids=SENT.keys())
def test_what_is_sent_of_what_was_edited(
    opened: Opened, press: Press, first: Any, then: Any, whole: bool
) -> None:
    """Who gets the Create after the Update gets the object as it is now, if they still may read it:
    not everybody asks for an object that is only named."""
    one = press.publish(note("former", to=first))
    later = note("present", to=then) if then else {"type": "Note", "content": "present"}
    for _ in range(2):
        press.publish({"type": "Update", "object": {**later, "id": one.object}})
    held = opened.query.publication(one.activity)
    assert held is not None

    object = read(press.publishing.sent(one.activity, held.body))["object"]

    assert object["content"] == "present" if whole else object == one.object
    press.publish({"type": "Delete", "object": one.object})
    assert press.publishing.sent(one.activity, held.body) == held.body


def test_repeated(opened: Opened, press: Press) -> None:
    """The same request under the same key is one publication, for a day; another is a mistake."""
    first = press.publish(note(), key="a")

    assert press.publish(note(), key="a").activity == first.activity
    assert press.publish(note(), key="b").activity != first.activity
    with pytest.raises(BadInput, match="Idempotency-Key: was given with another request"):
        press.publish(note("other"), key="a")
    press.clock.at += DAY
    assert press.publish(note("other"), key="a").activity != first.activity


def test_repeated_delete(opened: Opened, press: Press) -> None:
    """A Delete whose answer was lost may be asked for again under its key."""
    one = press.publish(note())
    delete = {"type": "Delete", "object": one.object}

    assert press.publish(delete, key="d").activity == press.publish(delete, key="d").activity
    with pytest.raises(BadInput, match="was deleted already"):
        press.publish(delete, key="e")


def test_survives(tmp_path: Path) -> None:
    """What was acknowledged is there when the store is opened again, and numbers go on."""
    with store_at(tmp_path) as opened:
        one = Press(opened).publish(note())
    with store_at(tmp_path) as opened:
        again = Press(opened, count=5)
        two = again.publish(note())

        assert [item["id"] for item in items(opened)] == [two.activity, one.activity]
        assert two.number == one.number + 1
        clean(opened)
