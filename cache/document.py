"""A document as readers get it: the bytes that the origin served, and views of what they mean.

Nothing is decompressed or parsed before it is asked for, and nothing here refers to the store.
Invariant: `body` is byte for byte what was fetched; every view is derived from it and never raises
on odd JSON, but for the two of JSON-LD, which a document may not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from .codec import unpack
from .layout import BODY, CLASSES, STATES, VERIFIED, some
from .ref_layout import Ref
from .terms_layout import listed_at
from .views import State

if TYPE_CHECKING:
    from ..crawler.protocol.views import Attachment

_UNSET: Any = object()
ViewT_co = TypeVar("ViewT_co", covariant=True)


class Vocabulary(Protocol[ViewT_co]):
    """What reads a document in the terms of one vocabulary: the classes of `vocabularies`."""

    def of(self, doc: Any, languages: Sequence[str] = ()) -> ViewT_co: ...


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
        return self.text("name")

    @property
    def content(self) -> str | None:
        """HTML from a stranger: show it only after cleaning it."""
        return self.text("content")

    @property
    def summary(self) -> str | None:
        return self.text("summary")

    def text(self, prop: str, languages: Sequence[str] = ()) -> str | None:
        """`name`, `content` or `summary` in the first of `languages` that it is written in, else in
        the language that its author put first."""
        from ..crawler.protocol import views

        return views.text(self.json, prop, languages)

    def view(self, vocabulary: Vocabulary[ViewT_co], languages: Sequence[str] = ()) -> ViewT_co:
        """The document in the terms of one vocabulary: `document.view(ActivityStreams).place`."""
        return vocabulary.of(self.json, languages)

    @property
    def start_time(self) -> float | None:
        from ..crawler.protocol import views

        return views.start_time(self.json)

    @property
    def end_time(self) -> float | None:
        from ..crawler.protocol import views

        return views.end_time(self.json)

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
        from ..crawler.protocol import views

        return views.url(self.json)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Pictures, films, sounds and files that have a URL."""
        from ..crawler.protocol import views

        return views.attachments(self.json)
