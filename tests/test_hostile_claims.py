"""What a document may claim to be: who is asked for it, and what is stored of it in the end.

The real command against a host that lies. Each case says all requests that may be made, in their
order, and all that may be held afterwards; the lie itself must be in no byte of the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from public_station import _made
from station import Station
from traces import traces

from fedpull.cache import Cache
from fedpull.tests.fediverse.documents import ACTIVITY_JSON, AS, PUBLIC
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.wire import Answer, Incoming, Reply
from fedpull.tests.fediverse.world import Fediverse

HOST, THEIRS, OURS, CONTEXTS = "liar.example", "victim.example", "ours.example", "context.example"
BASE = f"https://{HOST}"
ASKED = f"{BASE}/x"
LIE = "forged-words"
Json = dict[str, Any]


class Said(Server):
    """Serves what stands in `pages`, by path and query."""

    family = "said"

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.pages: dict[str, Json | Reply] = {}

    def handle(self, asked: Incoming) -> Answer:
        found = self.pages.get(asked.target)
        if found is None:
            return Reply(404)
        if isinstance(found, Reply):
            return found
        return Reply(200, {"Content-Type": ACTIVITY_JSON}, json.dumps(found).encode())


@dataclass
class Scene:
    """The liar, its victim with one post, and us."""

    world: Fediverse
    liar: Said
    station: Station
    post: str
    author: str
    told: list[str] = field(default_factory=list)

    def asked(self) -> list[str]:
        return [f"{one.host}{one.target}" for one in self.world.log.entries]

    def held(self) -> set[str]:
        with Cache(self.station.store) as cache:
            ids = {change.id for change in cache.changes()}
            return {id for id in ids if cache.get(id) is not None}


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    victim, liar = Mastodon(THEIRS), Said(HOST)
    with Fediverse([victim, liar, Said(OURS), Said(CONTEXTS)]) as world:
        account = victim.add_account("vic")
        post = account.post("the victim's own words")
        keys = tmp_path / "keys"
        keys.mkdir(0o700)
        (keys / "actor.pem").touch(0o600)
        (keys / "actor.pem").write_bytes(_made())
        station = Station(
            tmp_path,
            world,
            identity={"url": f"https://{OURS}", "username": "f", "key_file": "keys/actor.pem"},
            politeness={"robots": "off"},
        )
        yield Scene(world, liar, station, post.id, account.actor_id)


def note(id: str = ASKED, more: Json | None = None, **says: Any) -> Json:
    own = {"attributedTo": f"{BASE}/u", "to": [PUBLIC], "content": f"<p>{LIE}</p>"}
    return {"@context": AS, "id": id, "type": "Note", **own, **says, **(more or {})}


def to(url: str) -> Reply:
    return Reply(302, {"Location": url})


Pages = Callable[[Scene], dict[str, Json | Reply]]
# The pages of the liar; what is asked after /x; what is held in the end
CLAIMS: dict[str, tuple[Pages, list[str], list[str]]] = {
    "it is another one's": (lambda s: {"/x": note(s.post)}, ["{post}"], ["{post}"]),
    "it is another one's, which is not there": (
        lambda s: {"/x": note(f"https://{THEIRS}/users/vic/statuses/0")},
        [f"{THEIRS}/users/vic/statuses/0"],
        [],
    ),
    "it is ours": (lambda s: {"/x": note(f"https://{OURS}/actor")}, [], []),
    "it is ours, by a redirect": (lambda s: {"/x": to(f"https://{OURS}/actor")}, [], []),
    "it is inside": (lambda s: {"/x": note("https://10.0.0.1/1")}, [], []),
    "it is a file": (lambda s: {"/x": note("file:///etc/passwd")}, [], []),
    "it is without TLS": (lambda s: {"/x": note(f"http://{HOST}/x")}, [], []),
    "it is on another port": (lambda s: {"/x": note(f"{BASE}:6379/x")}, [], []),
    "it is another one of its host": (
        lambda s: {"/x": note(f"{BASE}/y"), "/y": note(f"{BASE}/y", content="true words")},
        [f"{HOST}/y"],
        [f"{BASE}/y"],
    ),
    "each id leads to the next": (
        lambda s: {"/x": note(f"{BASE}/y"), "/y": note(f"{BASE}/z"), "/z": note(f"{BASE}/z")},
        [f"{HOST}/y"],
        [],
    ),
    "it redirects to where its id is not": (
        lambda s: {"/x": to(f"{BASE}/y"), "/y": note(f"{BASE}/z")},
        [f"{HOST}/y", f"{HOST}/z"],
        [],
    ),
    "somebody else wrote it": (lambda s: {"/x": note(attributedTo=s.author)}, [], []),
    "somebody else did it": (lambda s: {"/x": note(type="Like", actor=s.author)}, [], []),
    "it is JSON that anybody can upload": (
        lambda s: {
            "/x": Reply(200, {"Content-Type": "application/json"}, json.dumps(note()).encode())
        },
        [],
        [],
    ),
    "it is a picture": (
        lambda s: {"/x": Reply(200, {"Content-Type": "image/png"}, json.dumps(note()).encode())},
        [],
        [],
    ),
    "it was accepted": (
        lambda s: {"/x": Reply(202, {"Content-Type": ACTIVITY_JSON}, json.dumps(note()).encode())},
        [],
        [],
    ),
    "it is a part of itself": (
        lambda s: {"/x": Reply(206, {"Content-Type": ACTIVITY_JSON}, json.dumps(note()).encode())},
        [],
        [],
    ),
    "its terms mean something else": (
        lambda s: {"/x": note(more={"@context": [AS, {"to": "https://terms.example/to"}]})},
        [],
        [],
    ),
    "the prefix means something else": (
        lambda s: {"/x": note(more={"@context": [AS, {"as": "https://terms.example/#"}]})},
        [],
        [],
    ),
    "it holds a graph": (lambda s: {"/x": note(more={"@graph": [note(s.post)]})}, [], []),
    "it has two ids": (lambda s: {"/x": note(more={"@id": s.post})}, [], []),
    "it is for its friends": (lambda s: {"/x": note(to=[f"{BASE}/u/followers"])}, [], []),
    "it is for the public, misspelt": (lambda s: {"/x": note(to=["as:Public "])}, [], []),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_is_worth_what_its_origin_says(scene: Scene, case: str) -> None:
    """Nobody is asked but who may be; nothing is held but what its own origin serves as its own."""
    pages, asked, held = CLAIMS[case]
    scene.liar.pages = pages(scene)
    done = scene.station.run("fetch", ASKED)

    expected = [one.format(post=scene.post.removeprefix("https://")) for one in asked]
    assert [one for one in scene.asked() if "/users/vic" not in one or one in expected] == [
        f"{HOST}/x",
        *expected,
    ], done
    # An author that is named for a document that is kept may be asked for itself, and nobody else.
    assert set(scene.asked()) - {f"{HOST}/x", *expected} <= {f"{THEIRS}/users/vic"}
    found = {one for one in scene.held() if one != scene.author}
    assert found == {one.format(post=scene.post) for one in held}, done
    # What its origin says, policy forbids, or it leads to: never that we were asked wrongly.
    assert done.code in ((0,) if held else (3, 4, 5)), done
    assert traces(scene.station.store, LIE) == []
    assert LIE not in done.out + done.err


def test_a_context_is_never_asked_for(scene: Scene) -> None:
    """Neither to read a document nor to show it."""
    unknown = [AS, f"https://{CONTEXTS}/ns", "http://169.254.169.254/latest", "file:///etc/passwd"]
    scene.liar.pages = {"/x": note(more={"@context": unknown})}
    assert scene.station.run("fetch", ASKED).code == 0
    assert scene.station.run("get", ASKED).code == 0
    for form in ("expanded", "compacted"):
        scene.station.run("get", ASKED, "--form", form)

    assert {one.partition("/")[0] for one in scene.asked()} == {HOST}


HREFS = {
    "loopback": "https://127.0.0.1/u",
    "our own API": "http://127.0.0.1:8787/v1/status",
    "ourselves": f"https://{OURS}/actor",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "data": "data:application/activity+json,{}",
    "a script": "javascript:alert(1)",
    "another port": f"{BASE}:22/u",
    "relative": "/u",
    "no link at all": 7,
}


@pytest.mark.parametrize("case", HREFS)
def test_webfinger_leads_nowhere_inside(scene: Scene, case: str) -> None:
    """The one request is the question itself."""
    link = {"rel": "self", "type": ACTIVITY_JSON, "href": HREFS[case]}
    jrd = {"subject": f"acct:u@{HOST}", "links": [link]}
    question = f"/.well-known/webfinger?resource=acct:u@{HOST}"
    reply = Reply(200, {"Content-Type": "application/jrd+json"}, json.dumps(jrd).encode())
    scene.liar.pages = {question: reply}
    done = scene.station.run("fetch", f"@u@{HOST}")

    assert done.code == 5, done
    assert scene.asked() == [HOST + question]
    assert scene.held() == set()


def test_a_document_that_is_large_in_every_way_is_kept_and_bounded(scene: Scene) -> None:
    """Half a megabyte of name, five hundred options, five thousand tags: whole as a document, and
    no list is longer for it than for any other."""
    tags = [{"type": "Hashtag", "name": f"#tag{number}"} for number in range(5_000)]
    options = [{"type": "Note", "name": f"option {number}"} for number in range(500)]
    page = note(type="Question", name="n" * 500_000, oneOf=options, tag=tags)
    scene.liar.pages = {"/x": page}
    assert scene.station.run("fetch", ASKED).code == 0

    assert scene.station.json("get", ASKED)["name"] == page["name"]
    assert scene.station.run("check").code == 0
    assert scene.asked() == [f"{HOST}/x"]
