"""What a valid configuration asks for and will not get: told at the start, the work goes on.

It reads no file. What is wrong in itself is an error of the configuration (`problems`) and not told
here.
"""

from __future__ import annotations

from collections.abc import Iterable

from .model import Config, Follow, Identity


def doubts(config: Config, follows: Iterable[Follow]) -> list[str]:
    """One line each, `key: what is the matter`; `follows` are all that are followed."""
    found: list[str] = []
    if config.identity is None:
        wanted = [follow.actor for follow in follows if follow.subscribe]
        if wanted:
            others = f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
            found.append(f"identity: is not set, so {wanted[0]}{others} cannot be subscribed to")
    elif config.identity.summary == Identity.model_fields["summary"].default:
        found.append("identity.summary: is the example's, so nobody is told what you read and why")
    return found
