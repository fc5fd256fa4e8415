"""The configuration: frozen models with every default, and the checks that span several keys.

It reads no file and looks nothing up; raw values become a Config in `parse`. Durations are float
seconds, sizes int bytes. Invariant: an API that other machines could reach has a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from ..errors import BadInput
from . import fields, names
from .connect_to import Rule, target_of
from .endpoint import parse_endpoint
from .problems import Problem, custom, custom_many
from .units import Rate, format_duration, shown

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

Actor = Annotated[str, fields.actor()]
Adaptive = Literal["adaptive"]
Address = Annotated[fields.IPNetwork, fields.network()]
File = Annotated[Path, fields.path()]
Host = Annotated[str, fields.text(names.A_HOST, names.host)]
MaybeFile = Annotated[Path | None, fields.path(null=True)]
Port = Annotated[int, fields.whole(1, 65_535)]
Switch = Annotated[bool, fields.switch()]
Types = Annotated[
    tuple[Annotated[str, fields.text(names.A_TYPE, names.object_type)], ...],
    AfterValidator(lambda types: tuple(dict.fromkeys(fields.some(types)))),
]


class Section(BaseModel):
    """What every model here has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(Section):
    """Who we are to other servers. Without it requests are unsigned and the inbox is off."""

    url: Annotated[str, fields.text(names.A_BASE_URL, names.base_url)] = Field(
        description=names.A_BASE_URL
    )
    username: Annotated[str, fields.text(names.A_USERNAME, names.username)] = "fedpull"
    name: Annotated[str, fields.text("a name for people")] = "Example reader"
    summary: Annotated[str, fields.text("a sentence for people")] = (
        "What this crawler does and how to block it"
    )
    key_file: File = Path("keys/actor.pem")
    followers: Annotated[Literal["all", "ask", "none"], fields.choice("all", "ask", "none")] = "all"
    trusted_proxies: tuple[Address, ...] = (fields.LOOPBACK,)


class Listen(Section):
    """Where we listen, as Twisted endpoint descriptions."""

    api: Annotated[str, fields.endpoint()] = "tcp:8787:interface=127.0.0.1"
    inbox: Annotated[str, fields.endpoint()] = "tcp:8788:interface=127.0.0.1"


class Api(Section):
    """The private HTTP API."""

    token_file: MaybeFile = None


class Store(Section):
    """The embedded document store."""

    path: File = Path("data")
    # Below this there is no room for the free pages that a single commit needs.
    max_bytes: Annotated[int, fields.size(64 * 2**10)] = 64 * 2**30
    history: Annotated[int, fields.whole(0, 1_000)] = 3
    group: Annotated[str | None, fields.text("the name of a group", null=True)] = None


class Every(Section):
    """The bounds of the adaptive poll interval."""

    min: Annotated[float, fields.duration(1.0)] = 2 * MINUTE
    max: Annotated[float, fields.duration(1.0)] = 7 * DAY

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            low, high = format_duration(self.min), format_duration(self.max)
            raise custom(BadInput("", f"min ({low}) is longer than max ({high})", "min <= max"))
        return self


class Follow(Section):
    """An actor to pull, and what to keep of it."""

    actor: Actor = Field(description=names.AN_ACTOR)
    types: Types | None = None
    backfill: Annotated[int | Literal["all", "none"], fields.reader(fields.backfill)] = 200
    boosts: Switch = True
    # A reply tree of the Fediverse is seldom 20 deep; what asks for more than 1000 is a mistake.
    replies: Annotated[int, fields.whole(0, 1_000)] = 0
    parents: Annotated[int, fields.whole(0, 1_000)] = 4
    every: Every = Every()
    subscribe: Switch = False

    @model_validator(mode="before")
    @classmethod
    def _from_plain_text(cls, value: Any) -> Any:
        if isinstance(value, Follow | dict):
            return value
        if isinstance(value, str):
            return {"actor": value}
        raise custom(BadInput(shown(value), "is not a follow", f"{names.AN_ACTOR}, or a mapping"))

    @property
    def backfill_limit(self) -> int | None:
        """Posts to page back to on first sight: None is all of them, 0 none."""
        if self.backfill == "all":
            return None
        return 0 if self.backfill == "none" else self.backfill


class Freshness(Section):
    """How the copy is kept fresh."""

    budget: Annotated[Rate, fields.rate()] = Rate(20_000, HOUR)
    types: Annotated[
        dict[
            Annotated[str, fields.text(names.A_TYPE, fields.age_key)],
            Annotated[float | Adaptive, fields.reader(fields.age)],
        ],
        AfterValidator(lambda ages: {"default": "adaptive"} | ages),
    ] = {"default": "adaptive"}
    keep_unverified: Annotated[float, fields.duration(1.0)] = 30 * DAY
    refetch_embedded: Switch = False

    def age(self, type_: str) -> float | Adaptive:
        """The fixed age in seconds at which this type is stale, or that it is found out."""
        return self.types.get(type_, self.types["default"])


class Politeness(Section):
    """What one host has to bear from us, whoever asks."""

    # Browsers open six connections to a host; 64 is for machines of one's own.
    concurrency: Annotated[int, fields.whole(1, 64)] = 1
    gap: Annotated[float, fields.duration()] = 2.0
    # A third of what Mastodon allows (300 in 15 minutes for requests with `page`).
    pages: Annotated[tuple[Rate, ...], fields.rates()] = (Rate(100, 15 * MINUTE),)
    robots: Annotated[
        Literal["crawl", "strict", "off"], fields.choice("crawl", "strict", "off")
    ] = "crawl"
    robots_allow: tuple[Host, ...] = ()


class Network(Section):
    """Where we may connect to, and how."""

    allow: tuple[Address, ...] = ()
    ports: Annotated[frozenset[Port], AfterValidator(fields.some)] = frozenset({443})
    local_names: tuple[Annotated[str, fields.local_name()], ...] = ()
    connect_to: Annotated[tuple[Rule, ...], fields.reader(fields.rules)] = ()
    ca_file: MaybeFile = None
    http: Switch = False
    timeout: Annotated[float, fields.duration(0.1)] = 30.0
    max_bytes: Annotated[int, fields.size(2**10)] = 2**20

    def connect_target(self, host: str, port: int) -> tuple[str, int] | None:
        """Where `connect_to` sends connections for this host and port, or None."""
        return target_of(self.connect_to, host, port)


class Delivery(Section):
    """How activities reach other servers' inboxes."""

    retry: Annotated[
        tuple[Annotated[float, fields.duration(0.1)], ...], AfterValidator(fields.some)
    ] = (
        *(MINUTE, 5 * MINUTE, 30 * MINUTE),
        *(2 * HOUR, 12 * HOUR, 24 * HOUR),
    )
    ttl: Annotated[float, fields.duration(1.0)] = 7 * DAY


class Log(Section):
    """What is logged, and in which form."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        fields.choice("debug", "info", "warning", "error"),
    ] = "info"
    format: Annotated[Literal["console", "json"], fields.choice("console", "json")] = "console"


class Config(Section):
    """Everything that an operator can set."""

    contact: Annotated[str | None, fields.text(names.A_CONTACT, names.contact, null=True)] = None
    identity: Identity | None = None
    listen: Listen = Listen()
    api: Api = Api()
    store: Store = Store()
    follow: tuple[Follow, ...] = ()
    follow_files: tuple[File, ...] = ()
    freshness: Freshness = Freshness()
    politeness: Politeness = Politeness()
    blocklists: tuple[File, ...] = ()
    network: Network = Network()
    delivery: Delivery = Delivery()
    log: Log = Log()

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        doubtful = (info.context or {}).get(DOUBTFUL, frozenset())
        problems = [found for needs, found in _across(self) if not needs & doubtful]
        if problems:
            raise custom_many(problems)
        return self


# Key of the validation context: sections that hold errors of their own, so that a check that needs
# them would judge values that nobody wrote.
DOUBTFUL = "doubtful"


def _across(config: Config) -> Iterator[tuple[frozenset[str], Problem]]:
    """What is wrong between sections, each with the sections that it needs."""
    api = parse_endpoint(config.listen.api)
    if not api.private and config.api.token_file is None:
        reason = f"{shown(config.listen.api)} can be reached by other machines"
        expected = "api.token_file to be set, a loopback interface or a unix socket"
        yield frozenset({"listen", "api"}), Problem("listen.api", reason, expected)
    if config.listen.inbox == config.listen.api and api.get("port") != "0":
        yield (
            frozenset({"listen"}),
            Problem("listen.inbox", "is the same as listen.api", "one of its own"),
        )
    if config.identity and config.identity.url.startswith("http:") and not config.network.http:
        reason = f"{shown(config.identity.url)} is not encrypted"
        yield (
            frozenset({"identity", "network"}),
            Problem("identity.url", reason, "https://..., or network.http to be true"),
        )
