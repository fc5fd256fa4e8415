"""What a document may claim to be: who is asked for it, and what is stored of it in the end.

The real daemon against a host that lies. Each case says all requests that may be made, in their
order, and all that may be held afterwards; the lie itself must be in no byte of the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from public_station import _made
from station import Running, Station
from traces import traces

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.errors import FedpullError
from fedpull.tests.fediverse.documents import ACTIVITY_JSON, AS, PUBLIC
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.wire import Answer, Incoming, Reply
from fedpull.tests.fediverse.world import Fediverse

HOST, THEIRS, OURS, CONTEXTS = "liar.example", "victim.example", "ours.example", "context.example"
BASE = f"https://{HOST}/0"  # of the case
ASKED = f"{BASE}/x"
LIE = "forged-words"
FORMS = ("expanded", "compacted")
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

    def say(self, number: int, pages: dict[str, Json | Reply]) -> None:
        """The same words under paths of a case's own, so that no case knows of another."""
        for path, page in pages.items():
            if isinstance(page, Reply):
                headers = {name: own(value, number) for name, value in page.headers.items()}
                body = own(page.body.decode(), number).encode()
                self.pages[f"/{number}{path}"] = Reply(page.status, headers, body)
            else:
                self.pages[f"/{number}{path}"] = json.loads(own(json.dumps(page), number))


def own(text: str, number: int) -> str:
    return text.replace(f"{HOST}/0/", f"{HOST}/{number}/")


@dataclass
class Scene:
    """The liar, its victim with one post, and us: one daemon for all cases."""

    world: Fediverse
    liar: Said
    station: Station
    daemon: Running
    client: Client
    post: str
    author: str

    def fetch(self, name: str) -> tuple[int, list[str], set[str]]:
        """The exit code that a command would have; what was asked; what is held that was not."""
        mark, before, code = self.world.log.mark(), self.held(), 0
        try:
            self.client.fetch(name)
        except FedpullError as error:
            code = error.exit_code
        asked = [f"{one.host}{one.target}" for one in self.world.log.since(mark)]
        return code, asked, self.held() - before

    def held(self) -> set[str]:
        with Cache(self.station.store) as cache:
            ids = {change.id for change in cache.changes()}
            return {id for id in ids if cache.get(id) is not None}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("claims")
    victim, liar = Mastodon(THEIRS), Said(HOST)
    with Fediverse([victim, liar, Said(OURS), Said(CONTEXTS)]) as world:
        account = victim.add_account("vic")
        post = account.post("the victim's own words")
        keys = folder / "keys"
        keys.mkdir(0o700)
        (keys / "actor.pem").touch(0o600)
        (keys / "actor.pem").write_bytes(_made())
        station = Station(
            folder,
            world,
            identity={"url": f"https://{OURS}", "username": "f", "key_file": "keys/actor.pem"},
            listen={"inbox": "tcp:0:interface=127.0.0.1"},
            politeness={"robots": "off"},
        )
        with station.daemon() as daemon, Client(daemon.address) as client:
            yield Scene(world, liar, station, daemon, client, post.id, account.actor_id)
        # What somebody else was said to have said is in no byte, and in no line of the log.
        assert traces(station.store, LIE) == []
        assert LIE not in daemon.output()


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
    "it is without TLS": (lambda s: {"/x": note(f"http://{HOST}/0/x")}, [], []),
    "it is on another port": (lambda s: {"/x": note(f"https://{HOST}:6379/0/x")}, [], []),
    "it is another one of its host": (
        lambda s: {"/x": note(f"{BASE}/y"), "/y": note(f"{BASE}/y", content="true words")},
        [f"{HOST}/0/y"],
        [f"{BASE}/y"],
    ),
    "each id leads to the next": (
        lambda s: {"/x": note(f"{BASE}/y"), "/y": note(f"{BASE}/z"), "/z": note(f"{BASE}/z")},
        [f"{HOST}/0/y"],
        [],
    ),
    "it redirects to where its id is not": (
        lambda s: {"/x": to(f"{BASE}/y"), "/y": note(f"{BASE}/z")},
        [f"{HOST}/0/y", f"{HOST}/0/z"],
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
    pages, asks, holds = CLAIMS[case]
    number = list(CLAIMS).index(case) + 1
    scene.liar.say(number, pages(scene))
    code, asked, held = scene.fetch(own(ASKED, number))

    of_post = scene.post.removeprefix("https://")
    expected = [own(f"{HOST}/0/x", number)]
    expected += [own(one.format(post=of_post), number) for one in asks]
    # The author of a document that is kept may be asked for as well, and nobody else.
    assert [one for one in asked if one in expected] == expected
    assert set(asked) - set(expected) <= {f"{THEIRS}/users/vic"}
    assert held - {scene.author} == {own(one.format(post=scene.post), number) for one in holds}
    # What its origin says, policy forbids, or it leads to: never that we were asked wrongly.
    assert code in ((0,) if holds else (3, 4, 5))


def test_a_context_is_never_asked_for(scene: Scene) -> None:
    """Neither to read a document nor to show it."""
    unknown = [AS, f"https://{CONTEXTS}/ns", "http://169.254.169.254/latest", "file:///etc/passwd"]
    scene.liar.say(100, {"/x": note(more={"@context": unknown, "content": "words"})})
    asked = own(ASKED, 100)
    assert scene.fetch(asked) == (0, [f"{HOST}/100/x"], {asked})
    mark = scene.world.log.mark()
    for words in (("get", asked), *(("get", asked, "--form", form) for form in FORMS)):
        scene.station.run(*words)

    assert scene.world.log.mark() == mark


HREFS = {
    "loopback": "https://127.0.0.1/u",
    "our own API": "http://127.0.0.1:8787/v1/status",
    "ourselves": f"https://{OURS}/actor",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "data": "data:application/activity+json,{}",
    "a script": "javascript:alert(1)",
    "another port": f"https://{HOST}:22/u",
    "relative": "/u",
    "no link at all": 7,
}


@pytest.mark.parametrize("case", HREFS)
def test_webfinger_leads_nowhere_inside(scene: Scene, case: str) -> None:
    """The one request is the question itself."""
    account = f"u{list(HREFS).index(case)}@{HOST}"
    link = {"rel": "self", "type": ACTIVITY_JSON, "href": HREFS[case]}
    jrd = {"subject": f"acct:{account}", "links": [link]}
    question = f"/.well-known/webfinger?resource=acct:{account}"
    reply = Reply(200, {"Content-Type": "application/jrd+json"}, json.dumps(jrd).encode())
    scene.liar.pages[question] = reply

    assert scene.fetch(f"@{account}") == (5, [HOST + question], set())


def test_a_document_that_is_large_in_every_way_is_kept_and_bounded(scene: Scene) -> None:
    """Half a megabyte of name, five hundred options, five thousand tags: whole as a document, and
    the store is sound."""
    tags = [{"type": "Hashtag", "name": f"#tag{number}"} for number in range(5_000)]
    options = [{"type": "Note", "name": f"option {number}"} for number in range(500)]
    page = note(type="Question", name="n" * 500_000, oneOf=options, tag=tags, content="words")
    scene.liar.say(101, {"/x": page})
    asked = own(ASKED, 101)

    assert scene.fetch(asked) == (0, [f"{HOST}/101/x"], {asked})
    with Cache(scene.station.store) as cache:
        kept = cache.get(asked)
        assert kept is not None
        assert kept.name == page["name"]
        assert len(kept.tags) <= 1_000
    assert scene.station.run("check").code == 0
