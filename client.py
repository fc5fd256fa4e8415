"""The thin typed client of a running Fedpull's HTTP API, for other programs and for the commands.

It caches nothing and decides nothing: one call is one request (made again only where an idle
connection turns out to have been closed). Answers are the
API's JSON as dicts; a problem document becomes the error of `errors.py` that it stands for.
Invariant: it connects to the one address that it was given, by no proxy, and follows no redirect.
One client is for one thread.

    with Client("http://127.0.0.1:8787") as client:
        client.document("https://events.example/events/1")["name"]
        for item in client.objects(type="Event", since="2026-01-01"): ...
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from .errors import (
    BadInput,
    FedpullError,
    Gone,
    NotFound,
    Refused,
    StoreError,
    TimedOut,
    Unreachable,
)

Json = dict[str, Any]

# A fetch may wait for its origin; the API itself answers within milliseconds.
TIMEOUT = 60.0
_MARGIN = 15.0

_CLASSES: Mapping[str, type[FedpullError]] = {
    "bad-input": BadInput,
    "refused": Refused,
    "not-found": NotFound,
    "not-cached": NotFound,
    "gone": Gone,
    "unreachable": Unreachable,
    "busy": Unreachable,
    "store": StoreError,
    # The gate's refusals: the caller's token, name or request is wrong.
    "unauthorized": BadInput,
    "forbidden": BadInput,
    "method": BadInput,
    "type": BadInput,
    "size": BadInput,
}


class Client:
    """The API at `url`: http://127.0.0.1:8787, or unix:/run/fedpull/api.sock."""

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._connection = _connection(url)
        self._url = url
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

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
        self._connection.close()

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
        self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0, again: bool = False
    ) -> Json:
        """Resolve now: the reference, with its `document` unless `wait` seconds ran out before.

        `again`: ask the origin also where it has failed, or answered, only just."""
        found: Json = json.loads(self.fetched(id_or_handle, depth, wait, again=again))
        return found

    def fetched(self, id_or_handle: str, depth: int, wait: float, *, again: bool = False) -> bytes:
        """The JSON text that `fetch` reads, as it came."""
        body = {"id": id_or_handle, "depth": depth, "wait": f"{wait:.3f}s"}
        headers = {"Cache-Control": "no-cache"} if again else {}
        return self._call("POST", "/v1/fetch", body, headers=headers, timeout=wait + _MARGIN)

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
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Objects, newest first: all that match, or `limit` of them, over as many pages."""
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
            limit=str(page),
        )
        given = 0
        while url is not None and (limit is None or given < limit):
            answer = self._json("GET", url)
            items = answer["items"] if limit is None else answer["items"][: limit - given]
            yield from items
            given += len(items)
            url = answer["next"]

    def collection(self, id: str) -> Json:
        """The first page of a collection's members, in the origin's order."""
        return self._json("GET", _url("/v1/collection", id=id))

    def changes(self, since: int = 0) -> Iterator[Json]:
        """The change log after entry `since`, oldest first, up to now."""
        return self._pages(_url("/v1/changes", since=str(since)))

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

    def deliveries(self, state: str | None = None, host: str | None = None) -> Iterator[Json]:
        """Our activities on their way to inboxes, the latest first."""
        return self._pages(_url("/v1/deliveries", state=state, host=host, limit="500"))

    def pull(self, actors: Sequence[str] = ()) -> Json:
        """Bring the named (or all followed) actors up to date. It takes as long as it takes."""
        return self._json("POST", "/v1/pull", {"actors": list(actors)}, timeout=None)

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
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = TIMEOUT,
    ) -> bytes:
        sent = {**self._headers, **(headers or {})}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        status, kind, answer = self._exchange(method, url, content, sent, timeout)
        if 200 <= status < 300:
            return answer
        raise _error(status, kind, answer, self._url)

    def _exchange(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> tuple[int, str, bytes]:
        connection = self._connection
        reused = connection.sock is not None
        seconds = self._timeout if timeout == TIMEOUT else timeout
        try:
            connection.timeout = seconds
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            connection.request(method, url, content, dict(headers))
            response: HTTPResponse = connection.getresponse()
            return response.status, response.headers.get_content_type(), response.read()
        except TimeoutError as error:
            connection.close()
            raise TimedOut(self._url, "the daemon did not answer in time") from error
        except (OSError, HTTPException) as error:
            connection.close()
            if reused and method == "GET":  # an idle connection that the other side has closed
                return self._exchange(method, url, content, headers, timeout)
            reason = f"no daemon answers there ({error or type(error).__name__})"
            raise Unreachable(self._url, reason) from error


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket; the Host header says localhost."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(url: str) -> HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:"))
    refusal = BadInput(url, "is not the address of an API", "http://127.0.0.1:8787 or unix:/path")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refusal from None
    if parts.scheme != "http" or not host or parts.path.strip("/"):
        raise refusal
    return HTTPConnection(host, port or 80)


def _named(name: str) -> Json:
    return {"id" if "/" in name or "@" in name else "domain": name}


def _url(path: str, **parameters: str | None) -> str:
    return f"{path}?{urlencode({k: v for k, v in parameters.items() if v is not None})}"


def _error(status: int, kind: str, body: bytes, url: str) -> FedpullError:
    """The error that a problem document stands for (RFC 9457); its type's last part names it."""
    if kind != "application/problem+json":
        return Unreachable(url, f"answers {status} without a reason; it may not be a Fedpull")
    problem = json.loads(body)
    name = str(problem.get("type", "")).rpartition("/")[2]
    error = TimedOut if name == "unreachable" and status == 504 else _CLASSES.get(name)
    reason = str(problem.get("reason") or problem.get("detail") or f"status {status}")
    subject, expected = str(problem.get("subject", "")), str(problem.get("expected", ""))
    return (error or FedpullError)(subject, reason, expected)
