"""`forgotten`, the program's own file: what the operator had forgotten, beside the configuration.

It is no part of the store, so that no backup of the store can undo it. How a line reads is
`crawler.protocol.forgotten`'s. Invariants: lines are only ever added; what `append` has returned
for is on the disk; a line that a crash has cut short was never promised, and is passed over.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from ..crawler.protocol.forgotten import NOTHING, Forgotten, first_line, parse_forgotten
from ..errors import BadInput, StoreError

# Whom somebody wants forgotten is nobody else's business.
_MODE = 0o600
_SALT = 16


def load_forgotten(path: Path) -> Forgotten:
    """What is forgotten; nothing where there is no file. BadInput or StoreError where it cannot be
    read: then it is not known who is not to be served."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise StoreError(str(path), reason, "a readable file") from error
    return _parse(path, _whole(raw))


def append(path: Path, entry: Callable[[bytes], str]) -> Forgotten:
    """Add the line that `entry` makes with the salt of the file, which is made if need be; what is
    forgotten from then on."""
    salt = load_forgotten(path).salt
    if salt:
        start, text = len(_whole(path.read_bytes())), ""
    else:
        salt = secrets.token_bytes(_SALT)
        start, text = 0, first_line(salt)
    _write(path, start, (text + entry(salt)).encode())
    return load_forgotten(path)


def _whole(raw: bytes) -> bytes:
    """The lines that are ended: of half a domain's name another's could be read."""
    return raw[: raw.rfind(b"\n") + 1]


def _parse(path: Path, raw: bytes) -> Forgotten:
    try:
        return parse_forgotten(str(path), raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "is not UTF-8 text", "the file as it was written") from error


def _write(path: Path, start: int, added: bytes) -> None:
    # A file that is begun has its first line, or is not there: an empty one has lost something.
    begun = path if start else path.with_name(f".{path.name}.new")
    try:
        with open(os.open(begun, os.O_WRONLY | os.O_CREAT, _MODE), "wb") as file:
            file.truncate(start)
            file.seek(start)
            file.write(added)
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a crash can take the file's name back
        finally:
            os.close(folder)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise StoreError(str(path), reason, "a folder that Fedpull may write to") from error
