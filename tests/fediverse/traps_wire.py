"""Traps below ActivityPub: types, sizes, lengths, encodings, time, and JSON that is none."""

from __future__ import annotations

import gzip
import itertools
import json

from .documents import ACTIVITY_JSON
from .hostile import HostilePager, pages
from .model import Account
from .wire import Answer, Incoming, Raw, Reply

HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY_JSON}\r\n".encode()
MEBIBYTE = b" " * 1_048_576


def _honest(server: HostilePager, account: Account, page: int) -> bytes:
    return server.listing(account, page, server.notes(account, page), None).body


def _typed(server: HostilePager, account: Account, page: int, content_type: str) -> Reply:
    return Reply(200, {"Content-Type": content_type}, _honest(server, account, page))


@pages
def type_html(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A perfect page as text/html: what a file upload can place on a host (CVE-2024-25623)."""
    return _typed(server, account, page, "text/html; charset=utf-8")


@pages
def type_plain(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A perfect page as text/plain."""
    return _typed(server, account, page, "text/plain")


@pages
def type_octets(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A perfect page as application/octet-stream."""
    return _typed(server, account, page, "application/octet-stream")


@pages
def type_none(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A perfect page without a content type."""
    return Reply(200, {}, _honest(server, account, page))


@pages
def charset_utf16(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A page in UTF-16, which `json.loads` would accept."""
    body = _honest(server, account, page).decode().encode("utf-16")
    return Reply(200, {"Content-Type": f"{ACTIVITY_JSON}; charset=utf-16"}, body)


@pages
def status_202(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A perfect page with a status that is not 200."""
    return Reply(202, {"Content-Type": ACTIVITY_JSON}, _honest(server, account, page))


@pages
def unasked_304(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Not modified, to somebody who holds nothing."""
    return Reply(304, {"ETag": '"x"'})


@pages
def huge(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A body without length and without end."""
    head = HEAD + b"Connection: close\r\n\r\n"
    return Raw(itertools.chain([head], itertools.repeat(MEBIBYTE)))


@pages
def huge_length(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A stated length of 8 GiB, and the bytes to go with it."""
    head = HEAD + b"Content-Length: 8589934592\r\n\r\n"
    return Raw(itertools.chain([head], itertools.repeat(MEBIBYTE, 8_192)))


@pages
def gzip_bomb(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """64 KiB that unpack to 64 MiB."""
    headers = {"Content-Type": ACTIVITY_JSON, "Content-Encoding": "gzip"}
    return Reply(200, headers, gzip.compress(MEBIBYTE * 64, 9, mtime=0))


@pages
def drip(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A good page, one byte in a second."""
    body = _honest(server, account, page)
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    return Raw(itertools.chain([head], (bytes([byte]) for byte in body)), pause=1.0)


@pages
def drip_head(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Headers without end, one byte in a second."""
    return Raw(itertools.chain([HEAD], itertools.cycle([b"X", b":", b"1", b"\r\n"])), pause=1.0)


@pages
def endless_head(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Headers without end, as fast as they are read."""
    return Raw(itertools.chain([HEAD], itertools.repeat(b"X-More: " + b"x" * 900 + b"\r\n")))


@pages
def too_short(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Half of the body that was announced, then the end of the connection."""
    body = _honest(server, account, page)
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    return Raw([head, body[: len(body) // 2]])


@pages
def cut_json(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The announced length is that of half the page: the JSON ends in the middle."""
    body = _honest(server, account, page)
    head = HEAD + f"Content-Length: {len(body) // 2}\r\n\r\n".encode()
    return Raw([head, body])


@pages
def bad_chunks(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Chunks whose sizes are no numbers."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return Raw([head, b"zz\r\n", _honest(server, account, page), b"\r\n0\r\n\r\n"])


@pages
def hangs_up(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The connection is closed instead of an answer."""
    return None


def _text(text: str) -> Reply:
    return Reply(200, {"Content-Type": ACTIVITY_JSON}, text.encode("utf-8", "surrogatepass"))


@pages
def duplicate_keys(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A note that has two ids: what was checked is not what is stored."""
    note = json.dumps(server.note(account, page))
    twice = f'{{"id":"{account.actor_id}/forged",{note[1:]}'
    return _text(f'{{"type":"OrderedCollectionPage","orderedItems":[{twice}]}}')


@pages
def not_a_number(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """NaN and infinity, which are no JSON."""
    return _text('{"type":"OrderedCollectionPage","totalItems":NaN,"orderedItems":[1e999]}')


@pages
def deep(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A hundred thousand levels of brackets."""
    levels = 100_000
    return _text(
        '{"type":"OrderedCollectionPage","orderedItems":' + "[" * levels + "]" * levels + "}"
    )


@pages
def lone_surrogate(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A string that cannot be written as UTF-8."""
    note = json.dumps(server.note(account, page, id=f"{account.actor_id}/forged", name="NAME"))
    item = note.replace("NAME", "\\ud800")
    return _text(f'{{"type":"OrderedCollectionPage","orderedItems":[{item}]}}')
