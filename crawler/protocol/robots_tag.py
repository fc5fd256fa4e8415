"""What an X-Robots-Tag header asks of us: its directives, but for those that name another robot.

It draws no consequence: whether what is held may be listed is decided elsewhere. Several headers
come joined into one value, so a robot's name counts for the one directive behind it; in doubt a
directive is for everybody. Invariant: a bounded text of known characters comes out, whatever the
header holds.
"""

from __future__ import annotations

import re

from .robots import TOKEN

_DIRECTIVE = re.compile(r"(?:([a-z0-9_ -]{1,60}):\s*)?([a-z][a-z_-]{1,39})")
_SAY_NOTHING = frozenset(("all", "index", "follow", "archive", "snippet"))
_MOST = 16


def directives(header: str | None) -> tuple[str, ...]:
    """`noindex`, `nofollow`, `none`, `noai` and the like, each once, in their order."""
    found: dict[str, None] = {}
    for part in (header or "")[:2048].lower().split(","):
        match = _DIRECTIVE.fullmatch(part.strip())
        if match is None or (match[1] or TOKEN).strip() != TOKEN:
            continue
        if match[2] not in _SAY_NOTHING:
            found[match[2]] = None
    return tuple(found)[:_MOST]
