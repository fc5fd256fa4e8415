"""How bodies are kept: zstd, one reused compressor and decompressor a thread. No other bytes.

The first byte of a stored body's header names the form, so that a later form (trained dictionaries)
can stand beside what is there. Invariant: `unpack(*pack(body))` is `body`.
"""

from __future__ import annotations

import threading

from ..errors import StoreError

PLAIN = 0  # as it is: too short to gain anything
ZSTD = 1

_LEVEL = 3  # 11 us for 2.5 KB against 9.5 us at level 1, and a few per cent smaller
_SHORT = 96  # below this the frame's own header eats the gain
_LARGEST = 64 << 20  # no body is nearly so large; a damaged length must not allocate more


class _Codec:
    """What one thread needs; contexts of zstd must not be shared between threads."""

    def __init__(self) -> None:
        import zstandard  # 3 ms that a program pays when it first reads a body

        self.error = zstandard.ZstdError
        # The checksum costs 4 bytes and tells a flipped bit from a body that is merely odd.
        self.compress = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


class _Local(threading.local):
    codec: _Codec | None = None


_local = _Local()


def _codec() -> _Codec:
    codec = _local.codec
    if codec is None:
        codec = _local.codec = _Codec()
    return codec


def pack(body: bytes) -> tuple[int, bytes]:
    """The form and the bytes to store."""
    if len(body) < _SHORT:
        return PLAIN, body
    return ZSTD, _codec().compress(body)


def unpack(form: int, stored: bytes) -> bytes:
    if form == PLAIN:
        return stored
    if form != ZSTD:
        raise StoreError("", f"a body is in form {form}, which this version cannot read")
    codec = _codec()
    try:
        return codec.decompress(stored, max_output_size=_LARGEST)
    except codec.error as error:
        raise StoreError("", f"a body is damaged ({error})") from error
