"""How bodies are kept: zstd, one reused compressor and decompressor a thread. No other bytes.

The first byte of a stored body's header names the form, so that a later form (trained dictionaries)
can stand beside what is there. Invariant: `unpack(*pack(body))` is `body`.
"""

from __future__ import annotations

import threading

import zstandard

from ..errors import StoreError

PLAIN = 0  # as it is: too short to gain anything
ZSTD = 1

_LEVEL = 3  # 11 us for 2.5 KB against 9.5 us at level 1, and a few per cent smaller
_SHORT = 96  # below this the frame's own header eats the gain
_LARGEST = 64 << 20  # no body is nearly so large; a damaged length must not allocate more


class _Local(threading.local):
    def __init__(self) -> None:
        # The checksum costs 4 bytes and tells a flipped bit from a body that is merely odd.
        self.compress = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_local = _Local()


def pack(body: bytes) -> tuple[int, bytes]:
    """The form and the bytes to store."""
    if len(body) < _SHORT:
        return PLAIN, body
    return ZSTD, _local.compress(body)


def unpack(form: int, stored: bytes) -> bytes:
    if form == PLAIN:
        return stored
    if form != ZSTD:
        raise StoreError("", f"a body is in form {form}, which this version cannot read")
    try:
        return _local.decompress(stored, max_output_size=_LARGEST)
    except zstandard.ZstdError as error:
        raise StoreError("", f"a body is damaged ({error})") from error
