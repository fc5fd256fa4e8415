"""How an answer is sent: not again to who has it already, and as small as its reader takes it.

Pure, but for `compressed_aside`, which compresses in a thread what would hold the loop. Invariant:
the bytes behind the coding are the handler's own; a validator that a handler gave is kept.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache
from hashlib import blake2b

from ..crawler.protocol.times import http_date
from .api_http import JSON, PROBLEM, Answer, Call, directives, matches

EVENTS = "text/event-stream"
# A packet holds some 1,400 bytes: below that, less bytes are no less packets (nginx's manual has
# the same advice for gzip_min_length).
SMALL = 1024
# zlib needs some 8 ms for a MiB of JSON at this level, and the loop serves nobody meanwhile.
LARGE = 512 * 1024
_LEVEL = 1  # nginx's own: the next five take twice the time for a tenth less
_GZIP = 16 + zlib.MAX_WBITS
_HTML = "text/html; charset=utf-8"
_VARY = ("Vary", "Accept-Encoding")
_TEXTS = frozenset({JSON, PROBLEM, _HTML})
# RFC 9110 section 12.5.3: a coding, and how much it is wanted.
_CODING = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.IGNORECASE)


def validated(call: Call, answer: Answer) -> Answer:
    """With an ETag, and 304 for who has that already.

    Where its handler gives no ETag it is made of the bytes: what a list says changes with the time
    as well as with the store.
    """
    if answer.status != 200 or call.method == "POST":
        return answer
    if answer.chunks is not None:
        vary = (_VARY,) if pieces_can_shrink(answer) else ()
        return Answer(200, b"", answer.type, (*answer.headers, *vary), answer.chunks)
    given = dict(answer.headers)
    etag = given.get("ETag")
    headers = answer.headers
    if etag is None:
        if answer.type not in _TEXTS:
            return answer
        etag = f'W/"{blake2b(answer.body, digest_size=12).hexdigest()}"'
        headers = (*headers, ("ETag", etag))
        if "Cache-Control" not in given:
            headers = (*headers, ("Cache-Control", "private, no-cache"))
    if can_shrink(answer):
        headers = (*headers, _VARY)
    status = 304 if _known(call, etag, given.get("Last-Modified")) else 200
    return Answer(status, answer.body if status == 200 else b"", answer.type, headers)


def _known(call: Call, etag: str, modified: str | None) -> bool:
    """RFC 9110 section 13.2.2: a date counts only for who names no tag."""
    if (tags := call.headers.get("if-none-match")) is not None:
        return matches(tags, etag)
    since = call.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    then, now = http_date(since), http_date(modified)
    return then is not None and now is not None and now <= then


def can_shrink(answer: Answer) -> bool:
    """Whether another form of it may be sent, so that caches must look at who asks."""
    return len(answer.body) >= SMALL and answer.type in _TEXTS


def wants_gzip(call: Call) -> bool:
    """By Accept-Encoding; `no-transform` asks for the bytes as they are (RFC 9111, 5.2.1.6)."""
    accepted = call.headers.get("accept-encoding")
    if accepted is None or not takes_gzip(accepted):
        return False
    return not directives(call.headers.get("cache-control")).no_transform


@lru_cache(64)
def takes_gzip(accepted: str) -> bool:
    """Whether gzip is wanted at all; it is never said to be wanted more than what is not coded."""
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        if (found := _CODING.fullmatch(part)) is not None:
            name = found[1].lower().removeprefix("x-")
            weights.setdefault(name, 1.0 if found[2] is None else float(found[2]))
    return weights.get("gzip", weights.get("*", 0.0)) > 0.0


def pieces_can_shrink(answer: Answer) -> bool:
    """So of an answer in pieces; one that never ends is sent piece by piece, as each happens."""
    return answer.chunks is not None and not answer.type.startswith(EVENTS)


def compressed_pieces(answer: Answer) -> Answer:
    assert answer.chunks is not None
    headers = (*answer.headers, ("Content-Encoding", "gzip"))
    return Answer(answer.status, type=answer.type, headers=headers, chunks=_packed(answer.chunks))


async def _packed(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    async with aclosing(chunks):
        async for piece in chunks:
            yield packer.compress(piece)
    yield packer.flush()


def compressed(answer: Answer) -> Answer:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    body = packer.compress(answer.body) + packer.flush()
    headers = (*answer.headers, ("Content-Encoding", "gzip"))
    return Answer(answer.status, body, answer.type, headers)


async def compressed_aside(answer: Answer) -> Answer:
    """zlib lets other threads run while it works."""
    return await asyncio.to_thread(compressed, answer)
