"""A document as readers get it: the bytes that the origin served, and views of what they mean.

Nothing is decompressed or parsed before it is asked for, and nothing here refers to the store.
Invariant: `body` is byte for byte what was fetched; every view is derived from it and never raises
on odd JSON, but for the two of JSON-LD, which a document may not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from .codec import unpack
from .layout import BODY, CLASSES, STATES, VERIFIED, some
from .ref_layout import Ref
from .terms_layout import listed_at
from .views import State

_UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a document."""

    url: str | None
    media_type: str | None
    name: str | None
    type: str | None


class Document:
    """One stored document. Times are POSIX seconds; a view with nothing to show is None or ()."""

    __slots__ = ("_body", "_json", "_ref", "_row", "_stored", "context", "enclosing")

    def __init__(
        self,
        row: bytes,
        stored: bytes,
        enclosing: str | None = None,
        context: bytes | None = None,
    ) -> None:
        self._row = row
        self._stored = stored
        self._ref: Ref = _UNSET
        self._body: bytes = _UNSET
        self._json: Any = _UNSET
        self.enclosing = enclosing  # embedded: the URL of the answer that held it
        self.context = context  # embedded: that answer's @context, as JSON

    def __repr__(self) -> str:
        return f"<Document {self.id} {self.state}>"

    def again(self) -> Document:
        """Another object for the same document: what one reader does to `json` is its own."""
        return Document(self._row, self._stored, self.enclosing, self.context)

    @property
    def ref(self) -> Ref:
        if self._ref is _UNSET:
            self._ref = Ref.unpack(self._row)
        return self._ref

    @property
    def id(self) -> str:
        return self.ref.uri

    @property
    def state(self) -> State:
        return STATES[self.ref.state]

    @property
    def cls(self) -> str | None:
        return CLASSES[self.ref.cls]

    @property
    def fetched_at(self) -> float:
        return self.ref.fetched_at

    @property
    def verified_at(self) -> float:
        return self.ref.verified_at

    @property
    def verified_by(self) -> str | None:
        return VERIFIED[self.ref.verified_by]

    @property
    def updated(self) -> float | None:
        return some(self.ref.updated)

    @property
    def published(self) -> float | None:
        """Where lists show it: as stated, but never after the first fetch."""
        listed = listed_at(self.ref)
        return listed if listed is not None else some(self.ref.published)

    @property
    def next_check(self) -> float | None:
        return self.ref.next_check

    @property
    def content_hash(self) -> bytes:
        return self.ref.content_hash

    @property
    def body(self) -> bytes:
        """The JSON that the origin served, byte for byte."""
        if self._body is _UNSET:
            self._body = unpack(self._stored[0], self._stored[BODY.size :])
        return self._body

    @property
    def json(self) -> dict[str, Any]:
        """The parsed body; parsed once, so treat it as read-only."""
        if self._json is _UNSET:
            from ..crawler.protocol.strictjson import parse_object

            self._json = parse_object(self.body)
        value: dict[str, Any] = self._json
        return value

    @property
    def expanded(self) -> list[Any]:
        """JSON-LD with every word written out as an IRI. Refused or BadInput where there is none.

        Made anew each time; no context is fetched. The largest documents take seconds.
        """
        return cast("list[Any]", self._view("expanded"))

    @property
    def compacted(self) -> dict[str, Any]:
        """JSON-LD in the words of one context, whichever the server uses; as `expanded`."""
        return cast("dict[str, Any]", self._view("compacted"))

    def _view(self, form: Literal["expanded", "compacted"]) -> Any:
        from ..crawler.protocol import jsonld

        return jsonld.view(self.json, form, self.id, self.context)

    @property
    def types(self) -> tuple[str, ...]:
        """Short names of ActivityStreams, and IRIs of all others."""
        import orjson

        from ..crawler.protocol import vocabulary

        around = self.context
        return vocabulary.types_of(self.json, None if around is None else orjson.loads(around))

    @property
    def type(self) -> str | None:
        return next(iter(self.types), None)

    @property
    def actor(self) -> str | None:
        """Whose it is: an actor itself, the actor of an activity, else the first author."""
        from ..crawler.protocol import activitystreams

        return activitystreams.owner(self.json)

    author = actor

    @property
    def name(self) -> str | None:
        return self._text("name")

    @property
    def content(self) -> str | None:
        """HTML from a stranger: show it only after cleaning it."""
        return self._text("content")

    @property
    def summary(self) -> str | None:
        return self._text("summary")

    @property
    def start_time(self) -> float | None:
        return self._time("startTime")

    @property
    def end_time(self) -> float | None:
        return self._time("endTime")

    @property
    def tags(self) -> tuple[str, ...]:
        """Hashtags, folded, without their '#'."""
        from ..crawler.protocol import activitystreams

        return activitystreams.hashtags(self.json)

    @property
    def in_reply_to(self) -> str | None:
        from ..crawler.protocol import activitystreams

        return activitystreams.in_reply_to(self.json)

    @property
    def url(self) -> str | None:
        """The page for people, if one is named."""
        links = _links(self.json.get("url"))
        html = next((url for url, media in links if media in (None, "text/html")), None)
        return html or next((url for url, _ in links), None)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        from ..crawler.protocol import shapes

        found: list[Attachment] = []
        for value in shapes.as_list(self.json.get("attachment"))[:_MOST]:
            if not isinstance(value, dict):
                found.extend(Attachment(url, media, None, None) for url, media in _links(value))
                continue
            links = _links(value.get("url", value.get("href")))
            url, media = links[0] if links else (None, None)
            named = _string(value.get("mediaType")) or media
            kind = next(iter(shapes.types_of(value)), None)
            found.append(Attachment(url, named, _string(value.get("name")), kind))
        return tuple(found)

    def _text(self, name: str) -> str | None:
        from ..crawler.protocol import shapes

        value = next(iter(shapes.texts_of(self.json.get(name))), None)
        if value is None:  # some servers carry a text in its language map only
            by_language = self.json.get(f"{name}Map")
            if isinstance(by_language, dict):
                value = next((text for text in by_language.values() if _string(text)), None)
        return value

    def _time(self, name: str) -> float | None:
        from ..crawler.protocol.times import rfc3339

        return rfc3339(self.json.get(name))


_MOST = 100  # attachments looked at


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _links(value: Any) -> list[tuple[str, str | None]]:
    """The URLs (and their media types) of a property that holds strings or Links."""
    found: list[tuple[str, str | None]] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str) and one:
            found.append((one, None))
        elif isinstance(one, dict) and _string(one.get("href")):
            found.append((one["href"], _string(one.get("mediaType"))))
    return found[:_MOST]
