"""Which URLs may be asked for, by configuration: the operator's part of the rules for URLs.

It resolves and asks nothing. Invariant: what `check_actor` lets pass has a first URL that the rules
let us ask for.
"""

from __future__ import annotations

from ..crawler.protocol.handle import Handle, parse_actor
from ..crawler.protocol.uri import UrlRules, check_url, shown
from ..crawler.protocol.webfinger import finger_url
from ..errors import BadInput, Refused
from .model import Config


def url_rules(config: Config) -> UrlRules:
    """What a URL may look like."""
    network = config.network
    own = frozenset({config.identity.url}) if config.identity else frozenset()
    return UrlRules(
        http=network.http,
        ports=network.ports,
        local_names=network.local_names,
        networks=network.allow,
        own_origins=own,
    )


def check_actor(text: str, rules: UrlRules) -> Handle | str:
    """A handle, or the canonical URI of a thing, that may be asked for; else BadInput or Refused.

    What is wrong with a handle's host is told of the handle: nobody typed the URL that it leads to.
    """
    asked = parse_actor(text)
    if not isinstance(asked, Handle):
        check_url(asked, rules)
        return asked
    try:
        check_url(finger_url(asked), rules)
    except (BadInput, Refused) as error:
        raise type(error)(shown(str(asked)), error.reason, error.expected) from error
    return asked
