"""Documents in the terms of the vocabularies that the Fediverse writes in: one typed view for each.

    document.view(ActivityStreams).mentions
    actor.view(Toot).indexable

As a JSON-LD context names the words of one vocabulary, a view here reads them, from the plain JSON
that the origin served. It fetches nothing and does not say whether a claim is true. Invariant: no
JSON value makes a view raise; what is not there or cannot be read is None, False or ().
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..crawler.protocol import activitystreams as as2
from ..crawler.protocol import as2_values, shapes, views
from ..crawler.protocol.as2_values import Emoji, Mention, Place, Poll
from ..crawler.protocol.views import Attachment

if TYPE_CHECKING:
    from ..crawler.protocol.keys import PublicKey

_MOST = 100  # fields looked at: more than any server lets its users have


@dataclass(frozen=True, slots=True)
class ActivityStreams:
    """What ActivityStreams 2.0 says of an object. Times are POSIX seconds."""

    name: str | None
    summary: str | None
    content: str | None  # HTML from a stranger
    authors: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: tuple[str, ...]
    in_reply_to: str | None
    context: str | None
    published: float | None
    updated: float | None
    start: float | None
    end: float | None
    url: str | None
    place: Place | None
    attachments: tuple[Attachment, ...]
    images: tuple[Attachment, ...]
    icons: tuple[Attachment, ...]
    hashtags: tuple[str, ...]
    mentions: tuple[Mention, ...]
    poll: Poll | None
    sensitive: bool
    replies: int | None  # as its server counts them, like the next two
    likes: int | None
    shares: int | None

    @classmethod
    def of(cls, doc: Any, languages: Sequence[str] = ()) -> Self:
        values = doc if isinstance(doc, dict) else {}
        whom = as2.audience(values)
        return cls(
            name=views.name(values, languages),
            summary=views.summary(values, languages),
            content=views.content(values, languages),
            authors=shapes.ids_of(values.get("attributedTo")),
            to=whom.to,
            cc=whom.cc,
            audience=whom.audience,
            in_reply_to=as2.in_reply_to(values),
            context=as2.context_of(values),
            published=as2.published(values),
            updated=as2.updated(values),
            start=views.start_time(values),
            end=views.end_time(values),
            url=views.url(values),
            place=as2_values.place(values.get("location"), languages),
            attachments=views.attachments(values),
            images=views.files(values, "image"),
            icons=views.files(values, "icon"),
            hashtags=as2.hashtags(values),
            mentions=as2_values.mentions(values),
            poll=as2_values.poll(values, languages),
            sensitive=values.get("sensitive") is True,
            replies=as2_values.total(values.get("replies")),
            likes=as2_values.total(values.get("likes")),
            shares=as2_values.total(values.get("shares")),
        )


@dataclass(frozen=True, slots=True)
class ActivityPub:
    """What ActivityPub says of an actor: its name there, and its collections."""

    preferred_username: str | None
    inbox: str | None
    shared_inbox: str | None
    outbox: str | None
    followers: str | None
    following: str | None
    liked: str | None
    locked: bool  # `manuallyApprovesFollowers`
    moved_to: str | None
    also_known_as: tuple[str, ...]

    @classmethod
    def of(cls, doc: Any, languages: Sequence[str] = ()) -> Self:
        values = doc if isinstance(doc, dict) else {}
        endpoints = values.get("endpoints")
        shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
        return cls(
            preferred_username=as2.preferred_username(values),
            inbox=shapes.id_of(values.get("inbox")),
            shared_inbox=shapes.id_of(shared),
            outbox=shapes.id_of(values.get("outbox")),
            followers=shapes.id_of(values.get("followers")),
            following=shapes.id_of(values.get("following")),
            liked=shapes.id_of(values.get("liked")),
            locked=values.get("manuallyApprovesFollowers") is True,
            moved_to=as2.moved_to(values),
            also_known_as=as2.also_known_as(values),
        )


@dataclass(frozen=True, slots=True)
class Security:
    """The keys that an actor publishes (`publicKey`, and `assertionMethod` by FEP-521a)."""

    public_keys: tuple[PublicKey, ...]

    @classmethod
    def of(cls, doc: Any, languages: Sequence[str] = ()) -> Self:
        from ..crawler.protocol import key_documents  # it loads OpenSSL, which no other view needs

        return cls(key_documents.keys_of(doc) if isinstance(doc, dict) else ())


@dataclass(frozen=True, slots=True)
class Toot:
    """Mastodon's own words. Of the first three None says that nothing is stated."""

    discoverable: bool | None
    indexable: bool | None
    memorial: bool | None
    featured: str | None
    featured_tags: str | None
    emoji: tuple[Emoji, ...]

    @classmethod
    def of(cls, doc: Any, languages: Sequence[str] = ()) -> Self:
        values = doc if isinstance(doc, dict) else {}
        return cls(
            discoverable=_stated(values.get("discoverable")),
            indexable=_stated(values.get("indexable")),
            memorial=_stated(values.get("memorial")),
            featured=shapes.id_of(values.get("featured")),
            featured_tags=shapes.id_of(values.get("featuredTags")),
            emoji=as2_values.emoji(values),
        )


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of a profile: schema.org's `PropertyValue`, a name and HTML from a stranger."""

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, doc: Any, languages: Sequence[str] = ()) -> Self:
        values = doc.get("attachment") if isinstance(doc, dict) else None
        found = []
        for one in shapes.as_list(values)[:_MOST]:
            if as2_values.is_a(one, "PropertyValue"):
                name, value = views.name(one, languages), as2_values.word(one.get("value"))
                if name is not None and value is not None:
                    found.append((name, value))
        return cls(tuple(found))


def _stated(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
