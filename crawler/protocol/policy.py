"""The operator's word on whom we have to do with: blocked, silenced, forgotten. One place to ask.

Pure: a frozen value that is replaced whole when a list is read anew. Everything that would ask,
accept, keep or show something asks this, by URI or host. Invariant: of what is refused here nothing
is sent to, taken from, or kept of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...errors import BadInput, Refused
from .blocks import Blocks
from .forgotten import NOTHING, PREFIX, Forgotten
from .handle import Handle
from .uri import origin, shown, split
from .webfinger import finger_url

Verdict = Literal["blocked", "forgotten"]

_URIS = re.compile(r'https?://[^\s"\\<>]+')
_BEHIND = ".,:;!?')]}"  # what a sentence puts behind a URI, and a URI may end with
WORDS: Mapping[Verdict, str] = {
    "blocked": "blocked: its domain is on a blocklist",
    "forgotten": "forgotten: the operator had it forgotten",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Blocklists and what was forgotten, together."""

    blocks: Blocks = Blocks()  # noqa: RUF009 (frozen)
    forgotten: Forgotten = NOTHING

    def __bool__(self) -> bool:
        return bool(self.blocks) or bool(self.forgotten)

    def verdict(self, uri: str) -> Verdict | None:
        """Why nothing is to be had to do with a URI; None: it may be."""
        if not self:
            return None
        if uri.startswith(PREFIX):
            return "forgotten"
        host = host_of(uri)
        # What is forgotten goes first: nobody is to learn more of it than that.
        if self.forgotten and (self.forgotten.covers(host) or self.forgotten.names(uri)):
            return "forgotten"
        return "blocked" if self.blocks.suspends(host) else None

    def refusal(self, uri: str) -> Refused | None:
        """The verdict as an error for whoever asked."""
        found = self.verdict(uri)
        return None if found is None else Refused(shown(uri), WORDS[found])

    def refuse(self, uri: str) -> None:
        """Raise what `refusal` says."""
        found = self.refusal(uri)
        if found is not None:
            raise found

    def refuse_actor(self, actor: Handle | str) -> None:
        """The same for an actor that was named, also by its handle."""
        self.refuse(finger_url(actor) if isinstance(actor, Handle) else actor)

    def host(self, name: str) -> Verdict | None:
        """The verdict on a whole host, with or without its port."""
        host = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if self.forgotten.covers(host):
            return "forgotten"
        return "blocked" if self.blocks.suspends(host) else None

    def names(self, text: str) -> Verdict | None:
        """The verdict on what a text names; what is forgotten counts for more."""
        uris = {one for uri in _URIS.findall(text) for one in (uri, uri.rstrip(_BEHIND))}
        verdicts = {found for uri in uris if (found := self.verdict(uri))}
        return "forgotten" if "forgotten" in verdicts else next(iter(verdicts), None)

    def silences(self, uri: str) -> bool:
        """Whether it is not to be discovered, nor listed among others'."""
        return bool(self.blocks) and self.blocks.severity(host_of(uri)) == "silence"

    def name(self, uri: str) -> str:
        """Under which name something stands in the store."""
        if self.forgotten and self.verdict(uri) == "forgotten" and not uri.startswith(PREFIX):
            return self.forgotten.anonymous(uri)
        return uri


OPEN = Policy()


def host_of(uri: str) -> str:
    """The host of a URI, without its port; empty for what has none."""
    try:
        place = origin(uri)
        return place[8:] if place.rfind(":") < 6 and place[4] == "s" else split(uri).host
    except BadInput:
        return ""
