"""The documents that the contenders fetch: made up, the same every time, as files for nginx.

It serves nothing. Invariants: the same arguments give the same bytes; every id is the URL at which
its document is served; every object is addressed to everybody and owned by the actor that offers
it, so that a crawler which verifies has no reason to leave one out.

    single   an outbox of URLs, 200 on a page; each Note has to be fetched (some 2.5 KB)
    pages    an outbox of pages with 20 embedded Create{Note}, as Mastodon serves them
    outboxes sixteen such outboxes, each of its own host
    hosts    many hosts, each with one actor whose outbox is a single small page with one post
"""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SHAPES = ("single", "pages", "outboxes", "hosts")
PER_PAGE = {"single": 200, "pages": 20}
OUTBOXES = 16
HOST = "bench.example"
USER = "alice"
# What nginx appends to a path to find its file: a URL may be the folder of others as well.
SUFFIX = ".json"

_AS = "https://www.w3.org/ns/activitystreams"
_PUBLIC = f"{_AS}#Public"
_NEWEST = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
_CONTEXT: list[Any] = [
    _AS,
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
        "blurhash": "toot:blurhash",
        "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
        "Hashtag": "as:Hashtag",
    },
]
# fmt: off
_WORDS = (
    "harbour", "morning", "allotment", "compiler", "library", "river", "workshop", "bicycle",
    "observatory", "choir", "night", "train", "map", "rain", "kitchen", "garden", "printer",
    "lantern", "meadow", "signal", "archive", "bridge", "orchard", "ferry", "notebook",
    "soldering", "kettle", "window", "station", "mountain", "letter", "quarry", "island",
    "beacon",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was written: `folder/HOST/path.json` for each URL."""

    shape: str
    folder: Path
    actors: tuple[str, ...]
    outboxes: tuple[str, ...]
    documents: int  # actors and objects; collections are not counted
    requests: int  # the fewest that get all of them, from the actors on


def write(folder: Path, shape: str, size: int, *, scheme: str = "https", news: int = 0) -> Corpus:
    """Write `size` posts (or hosts, for `hosts`). `news` more posts stand on top of each outbox."""
    if shape == "hosts":
        return _hosts(folder, size, scheme, news)
    if shape == "outboxes":
        return _outboxes(folder, -(-size // OUTBOXES), scheme)
    actor = _Actor(scheme, HOST, USER)
    notes = [actor.note(number) for number in range(size + news, 0, -1)]
    pages = actor.pages(notes, PER_PAGE[shape], embedded=shape == "pages")
    _save(folder, [*actor.documents(), *pages])
    requests = 1 + len(pages)
    if shape == "single":
        _save(folder, [(note["id"], {"@context": _CONTEXT, **note}) for note in notes])
        requests += len(notes)
    return Corpus(shape, folder, (actor.id,), (actor.outbox,), 1 + len(notes), requests)


def write_empty(folder: Path, *, scheme: str = "https") -> Corpus:
    """An actor who has posted nothing: what a contender spends on it, it spends on starting."""
    actor = _Actor(scheme, f"empty.{HOST}", "empty")
    outbox = {"@context": _AS, **actor.collection(0), "orderedItems": []}
    _save(folder, [*actor.documents(), (actor.outbox, outbox)])
    return Corpus("empty", folder, (actor.id,), (actor.outbox,), 1, 2)


def notes(count: int) -> Iterator[Json]:
    """The Notes of `single`, as they are served."""
    actor = _Actor("https", HOST, USER)
    for number in range(1, count + 1):
        yield {"@context": _CONTEXT, **actor.note(number)}


def _outboxes(folder: Path, posts: int, scheme: str) -> Corpus:
    """`posts` on each of them."""
    # The host's name stands in the path as well, for the same reason as in `_hosts`.
    names = [f"o{number:02}" for number in range(OUTBOXES)]
    actors = [_Actor(scheme, f"{name}.{HOST}", name) for name in names]
    requests = 0
    for actor in actors:
        notes = [actor.note(number) for number in range(posts, 0, -1)]
        pages = actor.pages(notes, PER_PAGE["pages"], embedded=True)
        _save(folder, [*actor.documents(), *pages])
        requests += 1 + len(pages)
    ids, outboxes = zip(*((actor.id, actor.outbox) for actor in actors), strict=True)
    return Corpus("outboxes", folder, ids, outboxes, OUTBOXES * (1 + posts), requests)


def _hosts(folder: Path, size: int, scheme: str, news: int) -> Corpus:
    actors: list[_Actor] = []
    for number in range(1, size + 1):
        # The host's name stands in the path as well: a crawler that is sent to 127.0.0.1 and told
        # the host in a header only (stock Scrapy) would take them all for one URL.
        name = f"h{number:04}"
        actor = _Actor(scheme, f"{name}.{HOST}", name)
        items = [actor.create(actor.note(post, short=True)) for post in range(1 + news, 0, -1)]
        outbox = {"@context": _CONTEXT, **actor.collection(len(items)), "orderedItems": items}
        _save(folder, [*actor.documents(), (actor.outbox, outbox)])
        actors.append(actor)
    ids, outboxes = zip(*((actor.id, actor.outbox) for actor in actors), strict=True)
    return Corpus("hosts", folder, ids, outboxes, size * (2 + news), size * 2)


@dataclass(frozen=True, slots=True)
class _Actor:
    scheme: str
    host: str
    user: str

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def id(self) -> str:
        return f"{self.base}/users/{self.user}"

    @property
    def outbox(self) -> str:
        return f"{self.id}/outbox"

    def documents(self) -> Iterator[tuple[str, Json]]:
        key = random.Random(self.id).randbytes(294).hex()
        pem = f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"
        yield (
            self.id,
            {
                "@context": [_AS, "https://w3id.org/security/v1"],
                "id": self.id,
                "type": "Person",
                "preferredUsername": self.user,
                "name": self.user.title(),
                "summary": f"<p>{_sentence(random.Random(self.user), 20)}</p>",
                "inbox": f"{self.id}/inbox",
                "outbox": self.outbox,
                "followers": f"{self.id}/followers",
                "following": f"{self.id}/following",
                "url": f"{self.base}/@{self.user}",
                "published": "2022-11-04T00:00:00Z",
                "discoverable": True,
                "indexable": True,
                "manuallyApprovesFollowers": False,
                "endpoints": {"sharedInbox": f"{self.base}/inbox"},
                "publicKey": {
                    "id": f"{self.id}#main-key",
                    "owner": self.id,
                    "publicKeyPem": pem,
                },
            },
        )
        yield (
            f"{self.base}/.well-known/webfinger",
            {
                "subject": f"acct:{self.user}@{self.host}",
                "aliases": [self.id],
                "links": [{"rel": "self", "type": "application/activity+json", "href": self.id}],
            },
        )

    def note(self, number: int, *, short: bool = False) -> Json:
        """Post `number`; a higher one is newer."""
        rng = random.Random(f"{self.id}/{number}")
        id = f"{self.id}/statuses/{110_000_000_000_000_000 + number * 65_536}"
        text = _sentence(rng, 12 if short else rng.randint(60, 100))
        tags = rng.sample(_WORDS, 2)
        links = " ".join(
            f'<a href="{self.base}/tags/{tag}" class="mention hashtag" rel="tag">'
            f"#<span>{tag}</span></a>"
            for tag in tags
        )
        content = f"<p>{text}</p><p>{links}</p>"
        # Two minutes between posts, so that hosts with few posts and one with thousands both have
        # dates in the past that differ.
        published = _NEWEST - datetime.timedelta(days=14) + datetime.timedelta(minutes=2 * number)
        replies = f"{id}/replies"
        return {
            "id": id,
            "type": "Note",
            "summary": None,
            "inReplyTo": None,
            "published": published.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "url": f"{self.base}/@{self.user}/{id.rpartition('/')[2]}",
            "attributedTo": self.id,
            "to": [_PUBLIC],
            "cc": [f"{self.id}/followers"],
            "sensitive": False,
            "atomUri": id,
            "inReplyToAtomUri": None,
            "conversation": f"tag:{self.host},2026-01-31:objectId={number}:objectType=Conversation",
            "content": content,
            "contentMap": {"en": content},
            "attachment": [] if short or number % 3 else [_image(self.base, rng)],
            "tag": [
                {"type": "Hashtag", "href": f"{self.base}/tags/{tag}", "name": f"#{tag}"}
                for tag in tags
            ],
            "replies": {
                "id": replies,
                "type": "Collection",
                "first": {
                    "type": "CollectionPage",
                    "next": f"{replies}?only_other_accounts=true&page=true",
                    "partOf": replies,
                    "items": [],
                },
            },
        }

    def create(self, note: Json) -> Json:
        return {
            "id": f"{note['id']}/activity",
            "type": "Create",
            "actor": self.id,
            "published": note["published"],
            "to": note["to"],
            "cc": note["cc"],
            "object": note,
        }

    def collection(self, total: int) -> Json:
        return {"id": self.outbox, "type": "OrderedCollection", "totalItems": total}

    def pages(self, notes: list[Json], each: int, *, embedded: bool) -> list[tuple[str, Json]]:
        """The collection and its pages, newest first, each naming the next."""
        starts = range(0, len(notes), each)
        found: list[tuple[str, Json]] = [
            (
                self.outbox,
                {"@context": _AS, **self.collection(len(notes)), "first": f"{self.outbox}/1"},
            )
        ]
        for number, start in enumerate(starts, 1):
            url = f"{self.outbox}/{number}"
            here = notes[start : start + each]
            page: Json = {
                "@context": _CONTEXT,
                "id": url,
                "type": "OrderedCollectionPage",
                "partOf": self.outbox,
                "orderedItems": [self.create(n) if embedded else n["id"] for n in here],
            }
            if start + each < len(notes):
                page["next"] = f"{self.outbox}/{number + 1}"
            found.append((url, page))
        return found


def _image(base: str, rng: random.Random) -> Json:
    name = rng.randbytes(8).hex()
    return {
        "type": "Document",
        "mediaType": "image/jpeg",
        "url": f"{base}/system/media_attachments/files/{name[:3]}/{name[3:6]}/original/{name}.jpg",
        "name": _sentence(rng, 15),
        "blurhash": "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
        "width": 1600,
        "height": 1200,
    }


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=words)).capitalize() + "."


def _save(folder: Path, documents: Iterator[tuple[str, Json]] | list[tuple[str, Json]]) -> None:
    for url, document in documents:
        _, _, rest = url.partition("://")
        path = folder / f"{rest}{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")), "utf-8")
