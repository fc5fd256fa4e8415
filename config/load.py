"""Finds, reads and loads the configuration file, and says where what belongs to it lies.

It reads that one file and opens none of those that the file names. Invariant: every path in what
`load` returns is absolute, a relative one counted from the file's folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .endpoint import Endpoint, parse_endpoint
from .model import Config
from .parse import parse_config
from .problems import ConfigError, Problem
from .yaml_text import read_yaml

VARIABLE = "FEDPULL_CONFIG"
FILE_NAME = "fedpull.yaml"
FOLLOWS_NAME = "follows.yaml"
FORGOTTEN_NAME = "forgotten"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where what belongs to it lies.

    `base` is the folder of the configuration file; without one, the folder that holds the store.
    `follow_lines` are the lines of the file on which the entries of `config.follow` begin; 0 where
    the whole list is an alias.
    """

    config: Config
    path: Path | None
    base: Path
    store_path: Path
    follows_path: Path
    forgotten_path: Path
    follow_lines: tuple[int, ...] = ()


def find_config(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """`-c FILE`, else $FEDPULL_CONFIG, else ./fedpull.yaml where it is there, else None."""
    if option is not None:
        return option
    if named := environ.get(VARIABLE):
        return Path(named)
    here = Path(FILE_NAME)
    return here if os.path.lexists(here) else None


def load_found(option: Path | None, environ: Mapping[str, str]) -> Loaded:
    """What `find_config` finds, loaded for whoever runs this process."""
    home = Path("~/.local/share").expanduser()
    return load(find_config(option, environ), environ=environ, data_home=home)


def load(path: Path | None, *, environ: Mapping[str, str], data_home: Path) -> Loaded:
    """The configuration of that file, or the defaults; ConfigError names all that is wrong.

    `data_home` is where programs keep their data when $XDG_DATA_HOME does not say so.
    """
    if path is None:
        xdg = Path(environ.get("XDG_DATA_HOME", ""))
        # The XDG specification has relative paths ignored.
        base = xdg if xdg.is_absolute() else data_home.absolute()
        config = _absolute(Config(store={"path": Path("fedpull")}), base, environ)  # type: ignore[arg-type]
        # The folder above is everybody's: what is ours stays together in our own.
        store = config.store.path
        # But for what must outlive the store, should an older copy be put in its place.
        forgotten = store.with_name(f"{store.name}.{FORGOTTEN_NAME}")
        return Loaded(config, None, base, store, store / FOLLOWS_NAME, forgotten)
    found = read_yaml(path.name, read_text(path))
    try:
        config = parse_config(found.value)
    except ConfigError as error:
        problems = [Problem(p.path or path.name, p.reason, p.expected) for p in error.errors]
        raise ConfigError([*found.problems, *problems]) from error
    if found.problems:
        raise ConfigError(found.problems)
    lines = tuple(found.lines.get(("follow", i), 0) for i in range(len(config.follow)))
    base = path.absolute().parent
    config = _absolute(config, base, environ)
    follows, forgotten = base / FOLLOWS_NAME, base / FORGOTTEN_NAME
    return Loaded(config, path, base, config.store.path, follows, forgotten, lines)


def read_text(path: Path) -> str:
    """The text of a file, of which an editor may have left a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), reason, "a readable file")]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        reason = f"line {line}: is not UTF-8 text"
        raise ConfigError([Problem(str(path), reason, "UTF-8")]) from error


def _absolute(config: Config, base: Path, environ: Mapping[str, str]) -> Config:
    """The same configuration with every relative path resolved."""

    def there(path: Path) -> Path:
        home = environ.get("HOME", "")
        if home and path.parts[:1] == ("~",):
            path = Path(home, *path.parts[1:])
        return base / path

    def maybe(path: Path | None) -> Path | None:
        return there(path) if path else None

    def socket(text: str) -> str:
        endpoint = parse_endpoint(text)
        if endpoint.kind != "unix":
            return text
        address = ("address", str(there(Path(endpoint.get("address")))))
        return str(Endpoint("unix", (address, *endpoint.arguments[1:])))

    def changed(section: Any, **update: object) -> Any:
        return section.model_copy(update=update) if section else section

    listen, identity = config.listen, config.identity
    return config.model_copy(
        update={
            "identity": identity and changed(identity, key_file=there(identity.key_file)),
            "listen": changed(listen, api=socket(listen.api), inbox=socket(listen.inbox)),
            "api": changed(config.api, token_file=maybe(config.api.token_file)),
            "store": changed(config.store, path=there(config.store.path)),
            "follow_files": tuple(there(path) for path in config.follow_files),
            "blocklists": tuple(there(path) for path in config.blocklists),
            "network": changed(config.network, ca_file=maybe(config.network.ca_file)),
        }
    )
