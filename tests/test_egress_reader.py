"""Responses as bytes: framing, limits, content coding; without any socket."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.answer import Lost
from fedpull.crawler.egress_response import MAX_HEADER_BYTES, Plan, ResponseReader

LIMIT = 1000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n"


def reader(limit: int = LIMIT, *, cut: bool = False) -> ResponseReader:
    return ResponseReader(lambda status, headers: Plan(limit, cut))


def feed_all(got: ResponseReader, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        got.feed(data[start : start + step])


def with_length(body: bytes, *more: bytes) -> bytes:
    return HEAD + b"".join(more) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks: bytes, more: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + more + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


GZIP = b"Content-Encoding: gzip\r\n"
COMPLETE = {
    "a body with its length": (with_length(b"{}"), b"{}", True),
    "a body in chunks": (chunked(b'{"a"', b":1}"), b'{"a":1}', True),
    "an empty body": (with_length(b""), b"", True),
    "gzip with its length": (with_length(gzip.compress(b"{}"), GZIP), b"{}", True),
    "gzip in chunks": (chunked(gzip.compress(b"{}"), more=GZIP), b"{}", True),
    "x-gzip, which is gzip": (
        with_length(gzip.compress(b"{}"), b"Content-Encoding: x-gzip\r\n"),
        b"{}",
        True,
    ),
    "identity": (with_length(b"{}", b"Content-Encoding: identity\r\n"), b"{}", True),
    "exactly the limit": (with_length(b"x" * LIMIT), b"x" * LIMIT, True),
    "exactly the limit, inflated": (
        with_length(gzip.compress(b"x" * LIMIT), GZIP),
        b"x" * LIMIT,
        True,
    ),
    "early hints first": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + with_length(b"{}"),
        b"{}",
        True,
    ),
    "a connection that ends with it": (
        with_length(b"{}", b"Connection: close\r\n"),
        b"{}",
        False,
    ),
    "HTTP/1.0": (with_length(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"), b"{}", False),
    "bytes beyond its end": (with_length(b"{}") + b"HTTP/1.1 200 OK\r\n", b"{}", False),
    "a whole second response": (with_length(b"{}") + with_length(b'{"evil":1}'), b"{}", False),
}


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("case", COMPLETE)
def test_a_response_is_read_whatever_the_pieces_it_comes_in(case: str, step: int) -> None:
    """The body is the decoded one, and only a clean end leaves the connection usable."""
    data, body, reusable = COMPLETE[case]
    got = reader()

    feed_all(got, data, step)

    assert (got.complete, got.status, got.body) == (True, 200, body)
    assert got.reusable is reusable


REFUSED = {
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "protocol"),
    "two equal lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "protocol"),
    "a length beside chunks": (
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "protocol",
    ),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n", "protocol"),
    "a length beyond every number": (HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", None),
    "a chunk without a size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
    "a transfer coding that was not offered": (
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        "protocol",
    ),
    "a folded header line": (HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", "protocol"),
    "a space before the colon": (HEAD + b"X : a\r\nContent-Length: 0\r\n\r\n", "protocol"),
    "no HTTP at all": (b"SSH-2.0-OpenSSH_9.6\r\n", "protocol"),
    "a change of protocol": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "protocol",
    ),
    "endless interim responses": (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "protocol"),
    "a length beyond the limit": (HEAD + b"Content-Length: 1001\r\n\r\n", "size"),
    "chunks beyond the limit": (chunked(b"x" * 600, b"x" * 600), "size"),
    "a header that never ends": (HEAD + b"X: " + b"x" * MAX_HEADER_BYTES, "size"),
    "many small headers": (HEAD + b"X: y\r\n" * (MAX_HEADER_BYTES // 5) + b"\r\n", "size"),
    "trailers without an end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * (MAX_HEADER_BYTES // 5),
        "size",
    ),
    "a gzip bomb": (with_length(gzip.compress(b"x" * 1_000_000), GZIP), "size"),
    "gzip twice": (
        with_length(gzip.compress(gzip.compress(b"{}")), b"Content-Encoding: gzip, gzip\r\n"),
        "encoding",
    ),
    "gzip in two header lines": (
        with_length(gzip.compress(gzip.compress(b"{}")), GZIP, GZIP),
        "encoding",
    ),
    "brotli": (with_length(b"x", b"Content-Encoding: br\r\n"), "encoding"),
    "zstd": (with_length(b"x", b"Content-Encoding: zstd\r\n"), "encoding"),
    "deflate": (with_length(b"x", b"Content-Encoding: deflate\r\n"), "encoding"),
    "gzip that is none": (with_length(b"{}", GZIP), "encoding"),
    "gzip cut short": (with_length(gzip.compress(b"{}")[:-4], GZIP), "encoding"),
    "bytes after the gzip": (with_length(gzip.compress(b"{}") + b"more", GZIP), "encoding"),
}


@pytest.mark.parametrize("step", [1, 100_000])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plain_response_is_refused(case: str, step: int) -> None:
    """The kind of the failure says why, and no more than the limit was kept."""
    data, kind = REFUSED[case]
    got = reader()

    with pytest.raises(Lost) as lost:
        feed_all(got, data, step)

    assert kind is None or lost.value.kind == kind
    assert len(got.body) <= LIMIT


def test_a_body_that_may_be_cut_is_complete_at_its_limit() -> None:
    """Of an error page the beginning is enough; the connection is then of no more use."""
    got = reader(10, cut=True)

    got.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 500000\r\n\r\n" + b"x" * 400)

    assert (got.complete, got.body, got.reusable) == (True, b"x" * 10, False)


def test_a_body_in_a_coding_that_was_not_offered_is_left_out_of_an_error() -> None:
    """The status of an error counts, even if its page cannot be read."""
    got = reader(10, cut=True)

    got.feed(b"HTTP/1.1 410 Gone\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc")

    assert (got.complete, got.status, got.body) == (True, 410, b"")


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """RFC 9112 section 6.3: neither a length nor chunks means until the end."""
    got = reader()

    got.feed(HEAD + b"\r\n{}")
    assert not got.complete
    got.eof()

    assert (got.complete, got.body, got.reusable) == (True, b"{}", False)


@pytest.mark.parametrize(
    "data",
    [b"", HEAD, HEAD + b"Content-Length: 3\r\n\r\n{}", chunked(b"{}")[:-3]],
    ids=["nothing", "half a header", "a body cut short", "chunks cut short"],
)
def test_a_response_that_is_cut_short_is_none(data: bytes) -> None:
    """What ends before its end was lost."""
    got = reader()
    if data:
        got.feed(data)

    with pytest.raises(Lost, match="closed before the end"):
        got.eof()


def test_repeated_headers_are_joined() -> None:
    """RFC 9110 section 5.3; a doubled Content-Type thus matches no type."""
    got = reader()

    got.feed(with_length(b"{}", b"content-TYPE: text/html\r\n"))

    assert got.headers["content-type"] == "application/activity+json, text/html"


@given(st.lists(st.binary(max_size=200), max_size=20), st.booleans())
def test_no_bytes_make_it_raise_anything_but_lost(pieces: list[bytes], headed: bool) -> None:
    """Whatever a server sends, the reader ends in a response or in Lost."""
    got = reader()
    try:
        if headed:
            got.feed(HEAD)
        for piece in pieces:
            got.feed(piece)
        got.eof()
    except Lost:
        return

    assert got.complete
    assert len(got.body) <= LIMIT


def test_a_bomb_is_never_inflated_beyond_the_limit() -> None:
    """All of it in one packet: of 64 MiB no more is written out than may be kept."""
    bomb = with_length(gzip.compress(bytes(64 << 20)), GZIP)
    tracemalloc.start()
    try:
        with pytest.raises(Lost, match="more than"):
            reader(1 << 20).feed(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 4 << 20
