"""How bodies are kept: byte for byte, small, and readable by every later version."""

from __future__ import annotations

import json
from hashlib import blake2b

import pytest

from fedpull.cache import codec
from fedpull.errors import StoreError

NOTE = json.dumps(
    {
        "id": "https://a.example/users/alice/statuses/1",
        "type": "Note",
        "attributedTo": "https://a.example/users/alice",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "content": "<p>Grüße</p>",
    }
).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", NOTE, NOTE * 200, bytes(range(256)) * 20],
    ids=["nothing", "too short to gain", "a note", "a long one", "no text at all"],
)
def test_a_body_comes_back_byte_for_byte(body: bytes) -> None:
    """Whatever was packed is what is unpacked."""
    assert codec.unpack(*codec.pack(body)) == body


def test_what_servers_repeat_costs_next_to_nothing() -> None:
    """A short note is kept in half of its bytes, because its names stand in the dictionary."""
    _, stored = codec.pack(NOTE)

    assert len(stored) < len(NOTE) / 2


def test_the_dictionary_of_a_form_never_changes() -> None:
    """Stores hold bodies that nothing else can read: a better dictionary is another form."""
    digest = blake2b(codec.WORDS_V1, digest_size=8).hexdigest()

    assert digest == "6aec46125461a545"


def test_a_body_that_was_packed_long_ago_is_read() -> None:
    """These bytes were written by the first version that had the form."""
    stored = bytes.fromhex(
        "28b52ffd24d0a50200c40220612e6578616d706c65616c696365222c2020206f223a202022204772"
        "5c75303066636466653c2f703e227d0d0029c1c4456038814573051049601b0f3620fd7e2a2b33c8"
        "2e6599370f9865055184c22080f006e043"
    )

    assert codec.unpack(codec.ZSTD_V1, stored) == NOTE


def test_a_form_of_a_later_version_is_an_error() -> None:
    """What cannot be read is said, not guessed."""
    with pytest.raises(StoreError, match="form 9"):
        codec.unpack(9, b"x")
