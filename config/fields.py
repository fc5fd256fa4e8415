"""The kinds of values a configuration holds, each a reader of one raw value.

No model stands here and nothing is looked up: a reader is a function of the value and refuses with
BadInput in plain words. Invariant: nothing is guessed. A number is not a switch, a switch is not
text, and text is not a number, whatever YAML or JSON made of what the operator wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar

from pydantic import PlainValidator, ValidationInfo

from ..errors import BadInput
from . import names
from .connect_to import Rule, parse_rules
from .endpoint import parse_endpoint
from .problems import ConfigError, custom, custom_many
from .units import (
    A_RATE,
    Rate,
    format_duration,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
    shown,
)

IPNetwork = IPv4Network | IPv6Network
Entries = TypeVar("Entries", tuple[str, ...], tuple[float, ...], frozenset[int])
LOOPBACK = IPv4Network("127.0.0.1")
_MOST_RATES = 4  # a burst, an hour, a day, a month

# Key of the validation context that marks values somebody wrote, in YAML or JSON. Without it a
# model is being built in Python, where seconds are floats and `Politeness(gap=0.5)` says it all.
WRITTEN = "written"
# Key of the validation context: `network.http`, which decides what an actor's URI may be.
HTTP = "http"


def reader(read: Callable[[Any], Any], *, null: bool = False) -> PlainValidator:
    """Makes a pydantic validator of a reader; with `null`, nothing at all is a value too."""

    def validate(value: Any) -> Any:
        if null and value is None:
            return None
        try:
            return read(value)
        except ConfigError as error:
            raise custom_many(error.errors) from error
        except BadInput as error:
            raise custom(error) from error

    return PlainValidator(validate)


def seconds(value: object, *, at_least: float) -> float:
    """A written duration, not shorter than `at_least` seconds."""
    if (found := parse_duration(value)) < at_least:
        raise BadInput(shown(value), "is too short", f"{format_duration(at_least)} or more")
    return found


def duration(at_least: float = 0.0) -> PlainValidator:
    """Seconds; `at_least` as a number of seconds."""

    def validate(value: Any, info: ValidationInfo) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        built = plain and not (info.context or {}).get(WRITTEN)
        try:
            return seconds(format_duration(value) if built else value, at_least=at_least)
        except BadInput as error:
            raise custom(error) from error

    return PlainValidator(validate)


def size(at_least: int) -> PlainValidator:
    """Bytes."""

    def read(value: object) -> int:
        if (found := parse_size(value)) < at_least:
            raise BadInput(shown(value), "is too small", f"{format_size(at_least)} or more")
        return found

    return reader(read)


def rate() -> PlainValidator:
    """A Rate."""
    return reader(lambda value: value if isinstance(value, Rate) else parse_rate(value))


def rates() -> PlainValidator:
    """One Rate, or several that all hold; kept as a tuple, the shortest time first."""
    expected = f"{A_RATE}, or a list of such rates"

    def read(value: object) -> tuple[Rate, ...]:
        listed = value if isinstance(value, list | tuple) else [value]
        if not listed:
            raise BadInput("", "is an empty list", expected)
        if len(listed) > _MOST_RATES:
            raise BadInput(f"{len(listed)} rates", "are too many", f"at most {_MOST_RATES}")
        found = [one if isinstance(one, Rate) else parse_rate(one) for one in listed]
        spans = {one.seconds for one in found}
        if len(spans) < len(found):
            raise BadInput("two rates", "are for the same time", "one rate for each time")
        return tuple(sorted(found, key=lambda one: one.seconds))

    return reader(read)


def whole(at_least: int, at_most: int) -> PlainValidator:
    """A whole number between two bounds."""
    expected = f"a whole number from {at_least} to {at_most}"

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadInput(shown(value), "is not a whole number", expected)
        if not at_least <= value <= at_most:
            raise BadInput(shown(value), "is out of bounds", expected)
        return value

    return reader(read)


def switch() -> PlainValidator:
    """true or false, and no other spelling: `on` and `yes` were YAML 1.1's."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise BadInput(shown(value), "is neither true nor false", "true or false")
        return value

    return reader(read)


def choice(*words: str) -> PlainValidator:
    """One of a few words."""
    expected = f"{', '.join(words[:-1])} or {words[-1]}"

    def read(value: object) -> str:
        if value not in words:
            raise BadInput(shown(value), "is not one of the choices", expected)
        return str(value)

    return reader(read)


def written(value: object, expected: str) -> str:
    """The text that stands there: one line, not empty, and nothing that only looks like it."""
    if value is None:
        raise BadInput("", "is empty", expected)
    if not isinstance(value, str):
        scalar = isinstance(value, bool | int | float)
        hint = f"{expected}; put it in quotes" if scalar else expected
        raise BadInput(shown(value), "is not text", hint)
    words = value.strip()  # a block of YAML (`>`, `|`) ends in a line break
    if not words:
        raise BadInput("", "is empty", expected)
    if not words.isprintable():
        raise BadInput(shown(words), "has characters that cannot be printed", expected)
    return words


def text(expected: str, read: Callable[[str], Any] = str, *, null: bool = False) -> PlainValidator:
    """One line of text, which `read` may take further."""
    return reader(lambda value: read(written(value, expected)), null=null)


def actor() -> PlainValidator:
    """`@user@host` or the canonical URI of an actor."""

    def validate(value: Any, info: ValidationInfo) -> str:
        http = bool((info.context or {}).get(HTTP))
        try:
            return names.actor(written(value, names.AN_ACTOR), http=http)
        except BadInput as error:
            raise custom(error) from error

    return PlainValidator(validate)


def path(*, null: bool = False) -> PlainValidator:
    """A file or folder; what it is relative to is decided by whoever loads the file."""

    def read(value: object) -> Path:
        return value if isinstance(value, Path) else Path(written(value, "a file or folder name"))

    return reader(read, null=null)


def endpoint() -> PlainValidator:
    """A Twisted endpoint description, kept as text."""
    expected = "a description such as tcp:8787:interface=127.0.0.1"
    return text(expected, lambda value: str(parse_endpoint(value)))


def network() -> PlainValidator:
    """Addresses: one of them, or a network with its prefix."""
    expected = "an address or a network, such as 127.0.0.1 or 10.0.0.0/8"

    def read(value: object) -> IPNetwork:
        if isinstance(value, IPv4Network | IPv6Network):
            return value
        words = written(value, expected)
        try:
            return ip_network(words)
        except ValueError:
            pass
        try:
            whole_network = ip_network(words, strict=False)
        except ValueError as error:
            raise BadInput(shown(words), "is not a network", expected) from error
        # 10.1.2.3/8 may mean one machine or sixteen million: it opens the address table, so ask.
        raise BadInput(shown(words), "is an address inside a network", f"{whole_network}")

    return reader(read)


def local_name() -> PlainValidator:
    """A name that only means something on this network, or a glob such as `*.lan`."""
    expected = "a name such as localhost or *.lan"
    grammar = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?")

    def read(value: str) -> str:
        if not grammar.fullmatch(value.lower()):
            raise BadInput(shown(value), "is not a name", expected)
        return value.lower()

    return text(expected, read)


def some(entries: Entries) -> Entries:
    """A list that may be left out, but not be empty: that would mean nothing."""
    if not entries:
        raise custom(BadInput("", "is an empty list", "at least one entry"))
    return entries


def backfill(value: object) -> int | str:
    """A number of posts, `all` or `none`."""
    if value in ("all", "none"):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
        raise BadInput(shown(value), "is not a number of posts", "a number, all or none")
    return value


def age(value: object) -> float | str:
    """`adaptive`, or how many seconds a copy is fresh."""
    try:
        return "adaptive" if value == "adaptive" else seconds(value, at_least=1.0)
    except BadInput as error:
        raise BadInput(error.subject, error.reason, f"adaptive, or {error.expected}") from error


def age_key(value: str) -> str:
    """The type that an age is for."""
    return value if value == "default" else names.object_type(value)


def rules(value: object) -> tuple[Rule, ...]:
    """`connect_to`, most specific rule first."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise BadInput(shown(value), "is not a mapping", '{"host:443": "127.0.0.1:9443"}')
    return parse_rules(value)
