"""What `fedpull doctor` looks at from inside the machine: disk, keys, certificates, clock, names.

It mends nothing and writes nothing. What it asks others is `doctor_outside`. Invariant: each thing
that is looked at is one finding, and one that is wrong says what would be right.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import ssl
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..cache.api_gate import read_token
from ..config.load import Loaded
from ..config.model import Config
from ..errors import FedpullError
from .answer import Lost
from .egress_resolver import Resolver
from .egress_tls import TlsContext
from .instance import Instance
from .moderation import read_rules
from .protocol.uri import split

State = Literal["ok", "warning", "wrong", "skipped"]

# A commit needs some room even where the store grows no more; below this it is a matter of hours.
_LEAST_FREE = 256 * 2**20
_LEAST_FILES = 1_024
_TIME_ERROR = 5  # adjtimex(2): the clock is not kept by anybody


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `code` is the exit code that it alone would mean."""

    subject: str
    state: State
    says: str
    code: int = 0


def ok(subject: str, says: str) -> Finding:
    return Finding(subject, "ok", says)


def wrong(subject: str, says: str, code: int = 1) -> Finding:
    return Finding(subject, "wrong", says, code)


def of_error(subject: str, error: FedpullError) -> Finding:
    return wrong(subject, str(error), error.exit_code)


def machine(loaded: Loaded, used: int | None) -> Iterator[Finding]:
    """What needs no network. `used`: bytes in the store, None where there is none yet."""
    config = loaded.config
    if config.contact is None:
        says = "is not set, so the daemon fetches nothing public: set a URL that says who you are"
        yield Finding("contact", "warning", says)
    yield from _disk(loaded.store_path, config, used)
    yield _files()
    yield _certificates(config)
    yield _clock()
    if config.identity is not None:
        yield _keys(config)
    yield from _named(loaded)


def _named(loaded: Loaded) -> Iterator[Finding]:
    """Files that the configuration names, and without which no daemon starts."""
    token = loaded.config.api.token_file
    try:
        read_rules(loaded)
    except FedpullError as error:
        yield of_error("blocklists", error)
    try:
        if token is not None:
            read_token(token)
    except FedpullError as error:
        yield of_error("token", error)


def _disk(path: Path, config: Config, used: int | None) -> Iterator[Finding]:
    folder = path
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        says = f"{folder} cannot be written to by this user"
        yield wrong("disk", f"{says}: expected a folder of its own")
        return
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    left = config.store.max_bytes - (used or 0)
    said = f"{_size(free)} are left for {path}"
    if free < _LEAST_FREE:
        yield wrong("disk", f"{said}: expected {_size(_LEAST_FREE)} or more")
    elif free < left:
        more = f"and it may still grow by {_size(left)}: lower store.max_bytes, or make room"
        yield Finding("disk", "warning", f"{said}, {more}")
    else:
        yield ok("disk", said)
    if space.f_files and not space.f_favail:
        yield wrong("disk", f"{folder} has no inode left: expected some")


def _size(bytes: int) -> str:
    return f"{bytes / 2**30:.1f} GiB" if bytes >= 2**30 else f"{bytes / 2**20:.0f} MiB"


def _files() -> Finding:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < _LEAST_FILES:
        says = f"only {most} may be open: expected {_LEAST_FILES} or more (LimitNOFILE, ulimit -n)"
        return Finding("files", "warning", says)
    return ok("files", f"{most} may be open at once")


def _certificates(config: Config) -> Finding:
    try:
        TlsContext(config.network.ca_file)
    except FedpullError as error:
        return of_error("certificates", error)
    if config.network.ca_file is not None:
        return ok("certificates", f"{config.network.ca_file} is trusted")
    paths = ssl.get_default_verify_paths()
    found = [path for path in (paths.cafile, paths.capath) if path and _holds(Path(path))]
    if not found:
        says = "the system trusts nobody, so no host can be verified: install ca-certificates"
        return wrong("certificates", says)
    return ok("certificates", f"{' and '.join(found)} are trusted")


def _holds(path: Path) -> bool:
    try:
        return any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
    except OSError:
        return False


def _clock() -> Finding:
    """Whether something keeps it right, as the kernel knows: NTP tells it so."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (AttributeError, OSError):
        return Finding("clock", "skipped", "the system does not say whether it is kept right")
    if state == _TIME_ERROR:
        says = "nothing keeps it right: install systemd-timesyncd or chrony"
        return Finding("clock", "warning", says)
    if state < 0:
        return Finding("clock", "skipped", "the system does not say whether it is kept right")
    return ok("clock", "is kept right by the system")


def _keys(config: Config) -> Finding:
    assert config.identity is not None
    file = config.identity.key_file
    try:
        signs = Instance(config.identity, config.contact).key_id
    except FedpullError as error:
        return of_error("keys", error)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return wrong("keys", f"{file} can be read by others (mode {mode:04o}): expected 0600", 2)
    return ok("keys", f"{file} signs as {signs}")


async def names(config: Config, urls: Iterable[str]) -> list[Finding]:
    """Whether the hosts of some URLs have addresses that may be contacted."""
    from collections import Counter

    resolver = Resolver(config.network.allow, Counter())
    try:
        places = dict.fromkeys((uri.host, uri.port) for uri in map(split, urls))
        return list(await asyncio.gather(*(_name(config, resolver, *one) for one in places)))
    finally:
        resolver.close()


async def _name(config: Config, resolver: Resolver, host: str, port: int) -> Finding:
    subject = f"name {host}"
    if (target := config.network.connect_target(host, port)) is not None:
        return ok(subject, f"is led to {target[0]}:{target[1]} by network.connect_to")
    try:
        found = await resolver.addresses(host, port)
    except Lost as lost:
        return wrong(subject, f"{lost.reason}: expected an address that may be contacted", 5)
    return ok(subject, f"resolves to {', '.join(found[:3])}")
