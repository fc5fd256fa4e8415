"""`forgotten`, the program's own file: what the operator had forgotten, beside the configuration.

It is no part of the store, so that no backup of the store can undo it. How a line reads is
`crawler.protocol.forgotten`'s. Invariants: lines are only ever added; what `append` has returned
for is on the disk; the file is written whole beside the old one, so that no crash cuts a line
short, and one that has no end (an editor's doing) counts like any other.
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
    try:
        return parse_forgotten(str(path), raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "is not UTF-8 text", "the file as it was written") from error


def append(path: Path, entry: Callable[[bytes], str]) -> Forgotten:
    """Add the line that `entry` makes with the salt of the file, which is made if need be; what is
    forgotten from then on."""
    salt = load_forgotten(path).salt
    if salt:
        text = path.read_bytes()
        text += b"" if text.endswith(b"\n") else b"\n"
    else:
        salt = secrets.token_bytes(_SALT)
        text = first_line(salt).encode()
    _write(path.resolve(), text + entry(salt).encode())
    return load_forgotten(path)


def _write(path: Path, text: bytes) -> None:
    begun = path.with_name(f".{path.name}.new")
    try:
        with open(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
            os.fchmod(file.fileno(), _MODE)  # one that a crash has left is there already
            file.write(text)
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
