"""HTTP to one running Fedpull, for its client: a call, a stream, and what went wrong.

It knows no call by name, caches nothing and decides nothing: one call is one request, made again
only where an idle connection turns out to have been closed. A problem document becomes the error of
`errors.py` that it stands for. Invariant: it connects to the one address that it was given, by no
proxy, and follows no redirect.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from .errors import (
    BadInput,
    FedpullError,
    Gone,
    NotFound,
    Refused,
    StoreError,
    TimedOut,
    TooOld,
    Unfit,
    Unreachable,
)

Json = dict[str, Any]

_PIECE = 64 * 1024
# A stream has a heartbeat every 15 seconds: after three that did not come, nobody is there.
_SILENCE = 45.0

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


class Wire:
    """The API at `url`; a call may take `timeout` seconds."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self.timeout = timeout
        self._connection = _connection(url)
        self._url = url
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._connection.close()

    def call(
        self,
        method: str,
        url: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None,
    ) -> bytes:
        """The body of the answer; `timeout` None: however long it takes."""
        sent = {**self._headers, **(headers or {})}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
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
        seconds: float | None,
    ) -> tuple[int, str, bytes]:
        connection = self._connection
        reused = connection.sock is not None
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
                return self._exchange(method, url, content, headers, seconds)
            raise self._nobody(error) from error

    def pieces(self, url: str) -> Iterator[bytes]:
        """The body of an answer of any length, as it comes, on a connection of its own."""
        with self._opened(url, "*/*", self.timeout) as response:
            while piece := response.read1(_PIECE):
                yield piece

    def events(self, url: str) -> Iterator[Json | None]:
        """The data of server-sent events on a connection of its own, while it lasts; None where a
        heartbeat, or the beginning, says only that somebody is there."""
        with self._opened(url, "text/event-stream", min(self.timeout, _SILENCE)) as response:
            yield None
            # What is cut off within a line is not an event.
            while (line := response.readline()).endswith(b"\n"):
                name, _, value = line.partition(b":")
                if name == b"data":  # of our events all of it is on one line
                    yield json.loads(value)
                elif not name:
                    yield None

    @contextmanager
    def _opened(self, url: str, accept: str, seconds: float) -> Iterator[HTTPResponse]:
        """An answer whose body is read within, each wait for some of it within `seconds`."""
        connection = _connection(self._url)
        try:
            connection.timeout = seconds
            connection.request("GET", url, headers={**self._headers, "Accept": accept})
            response = connection.getresponse()
            if response.status != 200:
                kind = response.headers.get_content_type()
                raise _error(response.status, kind, response.read(), self._url)
            yield response
        except TimeoutError as error:
            raise TimedOut(self._url, "the daemon is silent") from error
        except (OSError, HTTPException) as error:
            raise self._nobody(error) from error
        finally:
            connection.close()

    def _nobody(self, error: Exception) -> Unreachable:
        reason = f"no daemon answers there ({error or type(error).__name__})"
        return Unreachable(self._url, reason)


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


def _error(status: int, kind: str, body: bytes, url: str) -> FedpullError:
    """The error that a problem document stands for (RFC 9457); its type's last part names it."""
    if kind != "application/problem+json":
        return Unreachable(url, f"answers {status} without a reason; it may not be a Fedpull")
    problem = json.loads(body)
    name = str(problem.get("type", "")).rpartition("/")[2]
    error = TimedOut if name == "unreachable" and status == 504 else _CLASSES.get(name)
    reason = str(problem.get("reason") or problem.get("detail") or f"status {status}")
    subject, expected = str(problem.get("subject", "")), str(problem.get("expected", ""))
    if name == TooOld.problem:
        return TooOld(subject, reason, expected, int(problem.get("oldest", 0)))
    if isinstance(several := problem.get("errors"), list) and several:
        return Unfit(BadInput(one["subject"], one["reason"], one["expected"]) for one in several)
    return (error or FedpullError)(subject, reason, expected)
