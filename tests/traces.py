"""Searches all that a store has on disk for a text: every key, every value, and what is compressed.

It uses none of the store's code for rows, so that no format can hide anything from it: whatever in
a value begins like a zstd frame is unpacked, with the dictionary of bodies and without one. The
store has to be closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lmdb
import zstandard

from fedpull.cache.codec import WORDS_V1

_MAGIC = b"\x28\xb5\x2f\xfd"
_LARGEST = 64 << 20
_LONGEST_FRAME = 2 << 20  # of a body of 1 MiB


def traces(store: Path, text: str) -> list[str]:
    """Where `text` stands in a closed store."""
    wanted = text.encode()
    found = [f"dictionary: {wanted!r}"] if wanted in WORDS_V1 else []
    files = sorted(path for path in store.rglob("*") if path.is_file())
    # As they lie there, with the pages that are free again, and what is packed in those.
    found += [f"file {file.name}" for file in files if _holds(file.read_bytes(), wanted)]
    env = lmdb.open(str(store), readonly=True, lock=False, max_dbs=128)
    try:
        with env.begin() as txn:
            names = [bytes(name) for name in txn.cursor().iternext(values=False)]
        for name in names:
            table = env.open_db(name, create=False)
            with env.begin(db=table) as txn:
                for key, value in txn.cursor():
                    if wanted in key or _holds(value, wanted):
                        found.append(f"{name.decode()} {key.hex()}")
    finally:
        env.close()
    return found


def _holds(value: bytes, wanted: bytes) -> bool:
    return any(wanted in one for one in _readings(value))


def _readings(value: bytes) -> Iterator[bytes]:
    """A value as it stands, and whatever is packed in it."""
    yield value
    at = value.find(_MAGIC)
    while at >= 0:
        for dictionary in (WORDS_V1, None):
            if (body := _unpacked(value[at : at + _LONGEST_FRAME], dictionary)) is not None:
                yield body
        at = value.find(_MAGIC, at + 1)


def _unpacked(frame: bytes, dictionary: bytes | None) -> bytes | None:
    words = None
    if dictionary is not None:
        kind = zstandard.DICT_TYPE_RAWCONTENT
        words = zstandard.ZstdCompressionDict(dictionary, dict_type=kind)
    try:
        unpack = zstandard.ZstdDecompressor(dict_data=words).decompress
        return unpack(frame, max_output_size=_LARGEST)
    except zstandard.ZstdError:
        return None
