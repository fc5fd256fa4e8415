"""The thin typed client of a running Fedpull's HTTP API, for other programs and for the commands.

It caches nothing and decides nothing. Answers are the API's JSON as dicts; a problem becomes the
error of `errors.py` that it stands for. Invariant: what fails is told; only a log that is followed
is asked for again. One client is for one thread.

    with Client("http://127.0.0.1:8787") as client:
        client.document("https://events.example/events/1")["name"]
        for item in client.objects(type="Event", since="2026-01-01"): ...
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from .client_wire import Wire
from .errors import FedpullError, Unreachable

Json = dict[str, Any]

# A fetch may wait for its origin; the API itself answers within milliseconds.
TIMEOUT = 60.0
_MARGIN = 15.0
_LONGEST_WAIT = 300.0  # that the API allows
# Before connecting again; and the last before all that follow.
_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)


class Client:
    """The API at `url`: http://127.0.0.1:8787, or unix:/run/fedpull/api.sock."""

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT) -> None:
        self._wire = Wire(url, token, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def document(self, id: str, *, only_if_cached: bool = False) -> Json:
        """The document as its origin served it; fetched now when it is missing."""
        headers = {"Cache-Control": "only-if-cached"} if only_if_cached else {}
        found: Json = json.loads(self._call("GET", _url("/v1/document", id=id), headers=headers))
        return found

    def expanded(self, id: str) -> list[Json]:
        """The document as JSON-LD, every word written out as an IRI. Refused if it has no view."""
        found: list[Json] = json.loads(self._view(id, "expanded"))
        return found

    def compacted(self, id: str) -> Json:
        """The document as JSON-LD in the words of one context, whichever its server uses."""
        found: Json = json.loads(self._view(id, "compacted"))
        return found

    def _view(self, id: str, form: str) -> bytes:
        return self._call("GET", _url("/v1/document", id=id, form=form))

    def reference(self, id: str) -> Json:
        """What is known of an id: how fresh, since when, why."""
        return self._json("GET", _url("/v1/reference", id=id))

    def fetch(
        self, id_or_handle: str, *, depth: int = 0, wait: float | str = 30.0, again: bool = False
    ) -> Json:
        """Resolve now: the reference, with its `document` unless `wait` ran out before: seconds, or
        a duration such as "30s".

        `again`: ask the origin also where it has failed, or answered, only just."""
        found: Json = json.loads(self.fetched(id_or_handle, depth, wait, again=again))
        return found

    def fetched(
        self, id_or_handle: str, depth: int, wait: float | str, *, again: bool = False
    ) -> bytes:
        """The JSON text that `fetch` reads, as it came."""
        text = wait if isinstance(wait, str) else f"{wait:.3f}s"
        longest = _LONGEST_WAIT if isinstance(wait, str) else wait
        body = {"id": id_or_handle, "depth": depth, "wait": text}
        headers = {"Cache-Control": "no-cache"} if again else {}
        return self._call("POST", "/v1/fetch", body, headers=headers, timeout=longest + _MARGIN)

    def objects(
        self,
        *,
        actor: str | None = None,
        follow: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        in_reply_to: str | None = None,
        context: str | None = None,
        since: str | None = None,
        until: str | None = None,
        starts_since: str | None = None,
        starts_until: str | None = None,
        order: str | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Objects, newest first: all that match, or `limit` of them, over as many pages. With
        `order="start"`, `starts_since` or `starts_until` those that have a start, soonest first."""
        page = 500 if limit is None else min(limit, 500)
        url: str | None = _url(
            "/v1/objects",
            actor=actor,
            follow=follow,
            type=type,
            tag=tag,
            in_reply_to=in_reply_to,
            context=context,
            since=since,
            until=until,
            starts_since=starts_since,
            starts_until=starts_until,
            order=order,
            q=search,
            limit=str(page),
        )
        given = 0
        while url is not None and (limit is None or given < limit):
            answer = self._json("GET", url)
            items = answer["items"] if limit is None else answer["items"][: limit - given]
            yield from items
            given += len(items)
            url = answer["next"]

    def export(self, format: str = "jsonl", **filters: str) -> Iterator[bytes]:
        """An export, piece by piece: jsonl, atom, ics or csv, with the filters of `objects`."""
        return self._wire.pieces(_url("/v1/export", format=format, **filters))

    def collection(self, id: str) -> Json:
        """The first page of a collection's members, in the origin's order."""
        return self._json("GET", _url("/v1/collection", id=id))

    def thread(self, id: str) -> Json:
        """The conversation that a post stands in, from its beginning, as a tree of `replies`."""
        return self._json("GET", _url("/v1/thread", id=id))

    def changes(self, since: int | None = None, *, follow: bool = False) -> Iterator[Json]:
        """The change log after entry `since`, oldest first, up to now; None: all that is kept.

        `follow`: and then whatever comes, without end. It connects again by itself; Unreachable
        once there has been nobody for as long as a call may take. TooOld where entries after
        `since` are not kept any more."""
        if follow:
            return self._followed(since)
        return self._pages(_changes(since))

    def stream(self, since: int | None = None) -> Iterator[Json]:
        """The change log after `since` and whatever comes, for as long as one connection lasts."""
        return (one for one in self._wire.events(_changes(since)) if one is not None)

    def history(self, id: str) -> list[Json]:
        """Earlier versions of a document, newest first."""
        return self._items(_url("/v1/history", id=id))

    def follows(self) -> list[Json]:
        return self._items("/v1/follows")

    def follow(self, entry: str | Mapping[str, Any]) -> Json:
        """Follow an actor: its name, or an entry as in the configuration file."""
        body = {"actor": entry} if isinstance(entry, str) else dict(entry)
        return self._json("POST", "/v1/follows", body)

    def unfollow(self, actor: str) -> None:
        """Stop following; what was kept stays."""
        self._call("DELETE", _url("/v1/follows", actor=actor))

    def notifications(self, state: str | None = None) -> Iterator[Json]:
        """What came to the inbox and what became of it, the latest first."""
        return self._pages(_url("/v1/notifications", state=state, limit="500"))

    def followers(self, state: str | None = None) -> Iterator[Json]:
        """Who follows our actor, or has asked to."""
        return self._pages(_url("/v1/followers", state=state, limit="500"))

    def judge_follower(self, actor: str, *, accept: bool) -> Json:
        """Accept or reject whoever has asked to follow our actor."""
        return self._json("POST", "/v1/followers", {"actor": actor, "accept": accept})

    def deliveries(
        self, state: str | None = None, host: str | None = None, activity: str | None = None
    ) -> Iterator[Json]:
        """Our activities on their way to inboxes, the latest first."""
        asked = {"state": state, "host": host, "activity": activity}
        return self._pages(_url("/v1/deliveries", **asked, limit="500"))

    def publish(self, value: Mapping[str, Any] | bytes, *, key: str | None = None) -> Json:
        """Publish an object or an activity: the activity as it is published, on its way by now.

        `key`: your name for this request; made again under it, after a time-out say, it comes to
        the same publication."""
        body = value if isinstance(value, bytes) else dict(value)
        headers = {} if key is None else {"Idempotency-Key": key}
        found: Json = json.loads(self._call("POST", "/v1/outbox", body, headers=headers))
        return found

    def pull(self, actors: Sequence[str] = ()) -> Json:
        """Bring the named (or all followed) actors up to date. It takes as long as it takes."""
        named = {"actors": list(actors)} if actors else {}
        return self._json("POST", "/v1/pull", named, timeout=None)

    def forget(self, name: str) -> int:
        """Purge an id, an actor with all that it wrote, or a domain, for good; how many documents
        that were. It takes as long as it takes."""
        found = self._json("POST", "/v1/forget", _named(name), timeout=None)
        return int(found["purged"])

    def remember(self, name: str) -> None:
        """Take back a `forget`: what was purged is gone, and may be fetched again."""
        self._call("POST", "/v1/forget", {**_named(name), "undo": True})

    def forgotten(self) -> list[Json]:
        """What is to be forgotten: domains by name, ids by a hash."""
        return self._items("/v1/forget")

    def reload_blocklists(self) -> Json:
        """Have the configured blocklists read anew: what that has changed."""
        return self._json("POST", "/v1/blocklists", {})

    def hosts(self) -> list[Json]:
        return self._items("/v1/hosts")

    def status(self) -> Json:
        return self._json("GET", "/v1/status")

    def health(self) -> bool:
        """Whether it answers at all."""
        try:
            self._call("GET", "/healthz")
        except FedpullError:
            return False
        return True

    def _followed(self, since: int | None) -> Iterator[Json]:
        alone: float | None = None  # since when nobody has been there
        pauses = iter(_PAUSES)
        while True:
            try:
                for change in self._wire.events(_changes(since)):
                    alone, pauses = None, iter(_PAUSES)
                    if change is not None:
                        yield change
                        since = change["seq"]
            except Unreachable:
                alone = alone or time.monotonic()
                if time.monotonic() - alone > self._wire.timeout:
                    raise
            time.sleep(next(pauses, _PAUSES[-1]))

    def _pages(self, url: str | None) -> Iterator[Json]:
        while url is not None:
            answer = self._json("GET", url)
            yield from answer["items"]
            url = answer["next"]

    def _items(self, url: str) -> list[Json]:
        items: list[Json] = self._json("GET", url)["items"]
        return items

    def _json(
        self, method: str, url: str, body: Json | None = None, timeout: float | None = TIMEOUT
    ) -> Json:
        value: Json = json.loads(self._call(method, url, body, timeout=timeout))
        return value

    def _call(
        self,
        method: str,
        url: str,
        body: Json | bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = TIMEOUT,
    ) -> bytes:
        seconds = self._wire.timeout if timeout == TIMEOUT else timeout
        return self._wire.call(method, url, body, headers, timeout=seconds)


def _named(name: str) -> Json:
    return {"id" if "/" in name or "@" in name else "domain": name}


def _changes(since: int | None) -> str:
    return _url("/v1/changes", since=None if since is None else str(since))


def _url(path: str, **parameters: str | None) -> str:
    return f"{path}?{urlencode({k: v for k, v in parameters.items() if v is not None})}"
