"""The file that holds our actor's keys: made once, read at the start, rotated in one step.

One PEM file, mode 0600: an RSA key, an Ed25519 key, and the public halves of those that they have
followed, each under a comment with its name (and, of a former key, until when it is published). It
never goes into the store, a backup or a log. Invariant: the file is there whole, as it was or as it
will be, whenever the power fails; what others could read, or is damaged, is refused in one line.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ..errors import BadInput
from .protocol.keys import Kind, PrivateKey, PublicKey, private_key, public_key
from .protocol.times import rfc3339

WANTED = "the keys that `fedpull init` makes, mode 0600"
# What every server of the Fediverse verifies.
_RSA_BITS = 2048
# Other servers look at ten keys of an actor; older ones than these would push out the present.
_MAX_FORMER = 6
_MAX_BYTES = 64 * 1024
_HEADING = (
    "# Keys of a Fedpull actor. Whoever has them can sign in its name: mode 0600, nobody else's.\n"
)
_NAMES: dict[Kind, str] = {"rsa": "main-key", "ed25519": "ed25519-key"}
_STEMS: dict[Kind, str] = {"rsa": "key", "ed25519": "ed25519-key"}

_BLOCK = re.compile(
    r"(?:^#[ \t]*(?P<name>[A-Za-z0-9_-]{1,64})(?: until (?P<until>\S+))?[ \t]*\n)?"
    r"(?P<pem>^-----BEGIN (?P<label>[A-Z0-9 ]+)-----\n[^-]*-----END (?P=label)-----$)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Our keys, with full ids. A file that somebody else has made may hold no Ed25519 key.

    `former` are the keys of before the rotations, newest first; each ends at its `expires`.
    """

    rsa: PrivateKey
    ed25519: PrivateKey | None
    former: tuple[PublicKey, ...] = ()

    @property
    def present(self) -> tuple[PrivateKey, ...]:
        return (self.rsa,) if self.ed25519 is None else (self.rsa, self.ed25519)


def create(path: Path) -> None:
    """Make new keys; FileExistsError where there is a file already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = Keys(_new_rsa(_NAMES["rsa"]), _new_ed25519(_NAMES["ed25519"]))
    written = _write_beside(path, _text(keys))
    try:
        os.link(written, path)  # unlike a rename it replaces nothing
    finally:
        os.unlink(written)
    _sync(path.parent)


def read(path: Path, actor: str) -> Keys:
    """The keys of `actor`; BadInput says what is wrong with the file, in one line."""
    with _opened(path) as file:
        return _keys(path, file, actor)


def rotate(path: Path, now: float, overlap: float) -> Keys:
    """Put new keys in the place of the present ones, which stay published for `overlap` seconds.

    The private halves of the old ones are gone. The keys' ids are their names here.
    """
    with _opened(path) as file:
        path = path.resolve()  # what a link leads to holds the keys that have to go
        fcntl.flock(file, fcntl.LOCK_EX)
        if not os.path.samestat(os.fstat(file), path.stat()):
            raise BadInput(str(path), "was changed by somebody else meanwhile", "to be tried again")
        old = _keys(path, file, "")
        new = Keys(
            _new_rsa(_next_name(old.rsa)),
            _new_ed25519(_next_name(old.ed25519) if old.ed25519 else _NAMES["ed25519"]),
            _former(old, now, now + overlap),
        )
        written = _write_beside(path, _text(new), like=os.fstat(file))
        os.replace(written, path)
        _sync(path.parent)
    return new


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does, or who may read it; None while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise BadInput(str(path), "is not there", WANTED) from None
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}", WANTED) from error
    try:
        yield file
    finally:
        os.close(file)


def _keys(path: Path, file: int, actor: str) -> Keys:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(str(path), "is no file", WANTED)
    if mode := stat.S_IMODE(found.st_mode) & 0o077:
        others = f"can be used by others (mode {stat.S_IMODE(found.st_mode):04o})"
        raise BadInput(str(path), others, f"mode {stat.S_IMODE(found.st_mode) & ~mode:04o}")
    text = os.pread(file, _MAX_BYTES, 0).decode("utf-8", "replace").replace("\r\n", "\n")
    try:
        return _parsed(text, actor)
    except BadInput as error:
        which = f"{error.subject} " if error.subject else ""
        raise BadInput(str(path), f"is damaged: {which}{error.reason}", WANTED) from error


def _parsed(text: str, actor: str) -> Keys:
    present: dict[Kind, PrivateKey] = {}
    former = []
    for block in _BLOCK.finditer(text):
        name, pem = block["name"], block["pem"].encode()
        if block["label"].endswith("PUBLIC KEY"):
            until = rfc3339(block["until"])
            if name is None or until is None:
                raise BadInput(
                    "a former key", "has no name, or no time until which it is published"
                )
            former.append(public_key(f"{actor}#{name}", actor, pem, expires=until))
            continue
        key = private_key(name or "the key", actor, pem)
        if key.kind in present:
            raise BadInput("", f"it holds two keys of the kind {key.kind}")
        id = f"{actor}#{name or _NAMES[key.kind]}"
        present[key.kind] = PrivateKey(id, actor, key.kind, key.key)
    if text.count("-----BEGIN ") != len(present) + len(former):
        raise BadInput("", "a key in it is cut short")
    if "rsa" not in present:
        raise BadInput("", "it holds no RSA key")
    return Keys(present["rsa"], present.get("ed25519"), tuple(former))


def _former(old: Keys, now: float, until: float) -> tuple[PublicKey, ...]:
    """What is published of the keys before: the ones that are replaced now, then the rest. Where
    none are to be, somebody has a copy of the file, and nobody knows how old it is."""
    if until <= now:
        return ()
    ended = [replace(key.public, expires=until) for key in old.present]
    return tuple([*ended, *(key for key in old.former if key.valid(now))][:_MAX_FORMER])


def _next_name(key: PrivateKey) -> str:
    """`key-2` after `main-key`, `key-3` after that: an id never names two keys."""
    number = re.search(r"-([0-9]{1,6})$", key.id)
    return f"{_STEMS[key.kind]}-{int(number[1]) + 1 if number else 2}"


def _new_rsa(name: str) -> PrivateKey:
    return PrivateKey(f"#{name}", "", "rsa", generate_private_key(65_537, _RSA_BITS))


def _new_ed25519(name: str) -> PrivateKey:
    return PrivateKey(f"#{name}", "", "ed25519", Ed25519PrivateKey.generate())


def _text(keys: Keys) -> bytes:
    parts = [_HEADING]
    for key in keys.present:
        pem = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        parts.append(f"# {_name(key.id)}\n{pem}")
    for past in keys.former:
        until = datetime.fromtimestamp(past.expires or 0.0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parts.append(f"# {_name(past.id)} until {until}\n{past.pem}")
    return "".join(parts).encode()


def _name(id: str) -> str:
    return id.rpartition("#")[2]


def _write_beside(path: Path, text: bytes, *, like: os.stat_result | None = None) -> str:
    """A finished file in the same folder, for us alone or for the owner of the one before."""
    file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with open(file, "wb") as opened:
            if like is not None and like.st_uid != os.geteuid():
                # Root rotates the keys of the daemon's user, who has to read them.
                os.fchown(file, like.st_uid, like.st_gid)
            opened.write(text)
            opened.flush()
            os.fsync(file)
    except BaseException:
        os.unlink(name)
        raise
    return name


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
