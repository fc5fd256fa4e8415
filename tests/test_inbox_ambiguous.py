"""One reading of HTTP/1.1: what two readers could take for two things is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from inbox_cases import activity, actor
from public_cases import ACTIVITY, BODY, head, raw, serving, status

AMBIGUOUS: dict[str, bytes] = {
    "a length and chunks": head(
        f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Transfer-Encoding: chunked"
    )
    + b"0\r\n\r\n",
    "chunks and a length": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked", "Content-Length: 5"
    )
    + b"0\r\n\r\n",
    "two lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Content-Length: 6")
    + BODY,
    "two equal lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Content-Length: 5")
    + BODY,
    "a length with a sign": head(f"Content-Type: {ACTIVITY}", "Content-Length: +5") + BODY,
    "a length in hexadecimal": head(f"Content-Type: {ACTIVITY}", "Content-Length: 0x5") + BODY,
    "a list of lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5, 5") + BODY,
    "a length below nothing": head(f"Content-Type: {ACTIVITY}", "Content-Length: -1") + BODY,
    "a coding before chunks": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: gzip, chunked"),
    "identity as a coding": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: identity", "Content-Length: 5"
    )
    + BODY,
    "chunked twice": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"
    ),
    "a chunk with an extension": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked")
    + b"5;a=b\r\n12345\r\n0\r\n\r\n",
    "an extension that does not end": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked"
    )
    + b"5;"
    + b"a" * 100,
    "a chunk size with a sign": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked")
    + b"+5\r\n12345\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked"
    )
    + b"5\r\n12345\n0\r\n\r\n",
    "lines that end with a line feed": b"GET /actor HTTP/1.1\nHost: pull.example\n\n",
    "one line that ends with a line feed": b"GET /actor HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "a line feed at the end": b"GET /actor HTTP/1.1\r\nHost: pull.example\r\n\n",
    "a carriage return in a value": b"GET /actor HTTP/1.1\r\nHost: pull.example\rX: y\r\n\r\n",
    "a continued line": b"GET /actor HTTP/1.1\r\nHost: pull.example\r\n X: y\r\n\r\n",
    "a space before the colon": b"GET /actor HTTP/1.1\r\nHost : pull.example\r\n\r\n",
    "a header without a name": b"GET /actor HTTP/1.1\r\n: pull.example\r\n\r\n",
    "a header without a colon": b"GET /actor HTTP/1.1\r\nHost pull.example\r\n\r\n",
    "another version": b"GET /actor HTTP/3.0\r\nHost: pull.example\r\n\r\n",
    "no version": b"GET /actor\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "16 KiB of headers": head("X: " + "x" * 17_000, method="GET", path="/actor"),
    "a line without end": b"GET /" + b"x" * 17_000,
    "600 headers": head(*["X: y"] * 600, method="GET", path="/actor"),
}


@pytest.mark.parametrize("said", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_readers_could_take_for_two_things(tmp_path: Path, said: bytes) -> None:
    """I24: 400, and what stands behind it is not read as another request."""
    async with serving(tmp_path) as public:
        answer = await public.say(said, head("Connection: close", method="GET", path="/actor"))

    assert status(answer) == 400
    assert answer.count(b"Server: fedpull") == 1


async def test_pipelined_requests(tmp_path: Path) -> None:
    """Answers stay in the order of their requests, also behind one that waits for a key."""
    async with serving(tmp_path) as public:
        at = public.at
        at.origins.serve(actor())
        at.origins.gate, at.origins.reached = asyncio.Event(), asyncio.Event()
        reader, writer = await public.connect()
        writer.write(raw(at.signed(activity())))
        writer.write(head(method="GET", path="/nothing"))
        writer.write(head("Connection: close", method="GET", path="/actor"))
        await at.origins.reached.wait()
        at.origins.gate.set()
        answer = await reader.read()
        writer.close()

    said = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert said == [202, 404, 200]
