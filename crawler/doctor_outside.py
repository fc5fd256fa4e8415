"""What `fedpull doctor` asks of others: the time, and how our own actor looks from outside.

Every request goes through a door like the daemon's: the same rules for URLs and addresses, the same
certificates. Invariants: while a daemon runs, nobody but our own address is asked, as the daemon's
politeness cannot count these requests; of others at most one request each, and at most MOST_HOSTS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..config.load import Loaded
from ..config.url_rules import url_rules
from ..errors import FedpullError
from .answer import Ask, FetchFailed
from .clock import SystemClock
from .doctor import Finding, ok, wrong
from .egress import Egress
from .instance import Instance
from .protocol.key_documents import keys_of
from .protocol.media import CLOCKS_APART, age, clock_apart
from .protocol.signatures import confirms, examine
from .protocol.signed_request import Rejected, SignedRequest
from .protocol.strictjson import BadJson, parse_object
from .protocol.uri import split
from .protocol.webfinger import finger_url
from .works import egress_rules

MOST_HOSTS = 3


async def _no_turn(host: str, page: bool, held: bool) -> None:
    """A handful of requests, made once."""


@dataclass(slots=True)
class Outside:
    """One look; `close` it."""

    loaded: Loaded
    clock: SystemClock
    instance: Instance | None
    egress: Egress

    @classmethod
    def open(cls, loaded: Loaded) -> Outside:
        config, clock = loaded.config, SystemClock()
        identity = config.identity
        instance = None if identity is None else Instance(identity, config.contact)
        # Nothing of ours is ever fetched, but by who wants to see it as others do.
        urls = replace(url_rules(config), own_origins=frozenset())
        rules = egress_rules(config, urls, public=True)
        return cls(loaded, clock, instance, Egress(rules, _no_turn, clock, instance))

    async def close(self) -> None:
        await self.egress.close()

    async def hosts(self, urls: Sequence[str]) -> list[Finding]:
        """Whether some hosts answer, and what time they have."""
        found: list[Finding] = []
        told: dict[str, float] = {}
        for url in urls[:MOST_HOSTS]:
            host = split(url).host
            try:
                answer = await self.egress.fetch(Ask(url, "json", robots="exempt"))
            except FetchFailed as error:
                if error.status is None:
                    found.append(wrong(f"host {host}", f"{error.reason} ({error.kind})", 5))
                else:
                    found.append(ok(f"host {host}", f"has answered with status {error.status}"))
                continue
            found.append(ok(f"host {host}", f"has answered with status {answer.status}"))
            if "date" in answer.headers and not age(answer.headers):
                told[host] = clock_apart(answer.headers, answer.at)
        return found + time_of(told)

    async def identity(self, instance: Instance, *, running: bool) -> list[Finding]:
        """Our actor, its handle and its signature, as any other server finds them."""
        if not running:
            says = "not looked at from outside: no daemon runs, so nobody finds our actor"
            return [Finding("identity", "skipped", says)]
        try:
            answer = await self.egress.fetch(Ask(instance.actor, robots="exempt"))
            document = parse_object(answer.body) if answer.status == 200 else {}
        except FetchFailed as error:
            says = f"{instance.actor} is not reached from here: {error.reason} ({error.kind})"
            return [wrong("actor", f"{says}: expected what `identity.url` leads to", 5)]
        except BadJson as error:
            return [wrong("actor", f"{instance.actor} {error}: expected our actor", 5)]
        if answer.status != 200:
            says = f"{instance.actor} answers {answer.status}: expected 200 from our listener"
            return [wrong("actor", says, 5)]
        if document.get("id") != instance.actor:
            says = f"{instance.actor} says that it is {str(document.get('id'))[:80]!r}"
            return [wrong("actor", f"{says}: expected its own id", 5)]
        found = [ok("actor", f"{instance.actor} is there")]
        found.append(self._signature(instance, document))
        found.append(await self._handle(instance))
        found.append(await self._inbox(instance))
        return found

    def _signature(self, instance: Instance, document: dict[str, object]) -> Finding:
        """What we sign, checked as others do: with the key that is published."""
        now, uri = self.clock.now(), split(instance.outbox)
        headers = instance.sign("cavage", "GET", uri, None, None, now)
        named = tuple((name.lower(), value) for name, value in headers)
        if not any(name == "host" for name, _ in named):
            named = (("host", uri.netloc), *named)
        claim = examine(SignedRequest("GET", uri.target, named, b""), instance.origin, now)
        if isinstance(claim, Rejected):
            return wrong("signature", f"is not one that others would read: {claim.reason}", 1)
        keys = [key for key in keys_of(document) if key.id == claim.key_id]
        if not keys:
            says = f"{instance.actor} does not publish {claim.key_id}, with which we sign"
            file = instance.identity.key_file
            return wrong("signature", f"{says}: expected the keys of {file}", 5)
        if not any(confirms(claim, key, now) for key in keys):
            says = "does not hold with the key that is published under its name"
            return wrong("signature", f"{says}: another key file is in use", 5)
        return ok("signature", f"holds with the key that {instance.actor} publishes")

    async def _handle(self, instance: Instance) -> Finding:
        from .protocol.handle import Handle

        url = finger_url(Handle(instance.identity.username, instance.host))
        try:
            answer = await self.egress.fetch(Ask(url, "jrd", robots="exempt"))
            said = parse_object(answer.body) if answer.status == 200 else {}
        except (FetchFailed, BadJson) as error:
            return wrong("handle", f"{instance.handle} is not found: {error}", 5)
        links = said.get("links")
        listed = [one for one in links if isinstance(one, dict)] if isinstance(links, list) else []
        if not any(one.get("href") == instance.actor for one in listed):
            says = f"{instance.handle} leads elsewhere (status {answer.status})"
            return wrong("handle", f"{says}: expected {instance.actor} from WebFinger", 5)
        return ok("handle", f"{instance.handle} leads to our actor")

    async def _inbox(self, instance: Instance) -> Finding:
        """A signed note to ourselves, of a type that means nothing: it shows whether what lies
        between changes what is signed."""
        now = self.clock.now()
        note = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{instance.actor}#doctor-{int(now * 1000)}",
            "type": "Read",
            "actor": instance.actor,
            "object": instance.actor,
        }
        ask = Ask(
            instance.inbox,
            method="POST",
            body=json.dumps(note).encode(),
            content_type="application/activity+json",
        )
        try:
            answer = await self.egress.fetch(ask)
        except FedpullError as error:
            return wrong("inbox", f"{instance.inbox} is not reached from here: {error}", 5)
        if answer.status == 401:
            says = "refuses what we have signed: the proxy changes path, query, Host or body"
            return wrong("inbox", f"{instance.inbox} {says}", 5)
        if answer.status >= 500 or answer.status in (404, 405, 413):
            return wrong("inbox", f"{instance.inbox} answers {answer.status}: expected 202", 5)
        return ok("inbox", f"{instance.inbox} takes what is signed")


def time_of(told: Mapping[str, float]) -> list[Finding]:
    """What the clocks of hosts say of ours, each by how many seconds ours is ahead of it. Where
    most of them are apart from it, it is ours that is wrong."""
    if not told:
        return []
    apart = {host: ahead for host, ahead in told.items() if abs(ahead) > CLOCKS_APART}
    if not apart:
        return [ok("clock", f"agrees with that of {', '.join(told)}")]
    said = [
        f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of {host}"
        for host, ahead in apart.items()
    ]
    says = f"is {' and '.join(said)}"
    if 2 * len(apart) <= len(told):
        return [Finding("clock", "warning", f"{says}, which others are not")]
    return [wrong("clock", f"{says}: signatures are refused; expected one that NTP keeps right")]
