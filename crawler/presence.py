"""What we are to other servers, put together: our actor, its documents, its inbox and its mail.

Composition only; it exists where the configuration has an `identity`. The listener is opened by the
daemon. Invariant: what is started here is stopped here, in reverse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..cache.open import Opened
from ..cache.records import Reference
from ..config.model import Delivery as DeliveryRules
from ..config.model import Identity
from .aside import Aside
from .clock import Clock
from .delivery import Delivery
from .fanout import Fanout
from .followers import Followers
from .follows import Follows
from .inbox import Inbox
from .instance import Instance
from .key_source import KeySource
from .keyring import Keyring
from .notified_case import Ours
from .processing import Processing
from .protocol.delivering import Schedule
from .protocol.publishable import We
from .protocol.uri import UrlRules
from .public import PublicDocuments
from .public_server import PublicSite
from .published import Published
from .publishing import Publishing
from .receipts import Receipts
from .subscriptions import Subscriptions
from .synchronization import Synchronization
from .visits import Visits


@dataclass(slots=True)
class Presence:
    """Our side of the Fediverse, as long as the process runs."""

    identity: Identity
    instance: Instance
    inbox: Inbox
    keys: KeySource
    documents: PublicDocuments
    visits: Visits
    delivery: Delivery
    publishing: Publishing
    fanout: Fanout
    followers: Followers
    subscriptions: Subscriptions
    processing: Processing
    synchronization: Synchronization
    clock: Clock

    def site(self, reactor: Any) -> PublicSite:
        """What the public listener answers."""
        we = self.instance
        paths = {id.removeprefix(we.origin): id for id in (we.inbox, we.shared_inbox)}
        return PublicSite(
            self.inbox,
            paths,
            self.documents,
            self.visits,
            we.host,
            self.identity.trusted_proxies,
            self.clock.now,
            reactor,
        )

    async def stop(self) -> None:
        """Let nobody wait for a key any more, and leave what waits to the next start."""
        self.keys.close()
        await self.fanout.stop()
        await self.processing.stop()
        await self.synchronization.stop()
        await self.subscriptions.stop()


def open_presence(
    identity: Identity,
    instance: Instance,
    opened: Opened,
    aside: Aside,
    follows: Follows,
    clock: Clock,
    rules: UrlRules,
    version: str,
    look: Callable[[str], None],
    blocked: Callable[[str], bool],
    wanted: Callable[[], None],
    sending: DeliveryRules,
    fetch: Callable[[str, float], Awaitable[Reference]],
    refuse: Callable[[str], None],
) -> Presence:
    """`look` has the origin of a document asked, `blocked` says which ids are not heard, `wanted`
    is told that something was queued, `fetch` resolves an id within so many seconds, `refuse`
    raises for whom policy keeps out; the other parts are the crawler's own."""
    keys = KeySource(aside.fetch, clock)
    keyring = Keyring(
        opened.query, opened.mailbox, keys, clock, rules, instance.origin, instance.public_key
    )
    inbox = Inbox(
        origin=instance.origin,
        query=opened.query,
        mailbox=opened.mailbox,
        keyring=keyring,
        receipts=Receipts(opened.mailbox, clock),
        clock=clock,
        look=look,
        blocked=blocked,
    )
    mailbox, we = opened.mailbox, (instance.actor, instance.origin)
    schedule = Schedule(sending.retry, sending.ttl)
    delivery = Delivery(mailbox, opened.frontier, aside.egress.fetch, clock, schedule)
    fanout = Fanout(opened.publisher, opened.query, fetch, rules, clock, schedule, delivery.poke)
    here = We(instance.actor, instance.followers, instance.origin)
    publishing = Publishing(
        here,
        instance.actor_document,
        opened.query,
        opened.publisher,
        clock,
        rules,
        refuse,
        fanout.poke,
    )
    delivery.body = publishing.sent
    changed = follows.forget_state  # its row was written by somebody else
    subscriptions = Subscriptions(*we, opened.query, mailbox, clock, changed, delivery.poke)

    async def again(key: str) -> None:
        follow = follows.rules(key)
        if follow is not None:
            await subscriptions.add(follow)

    asked = (opened.query, mailbox, follows, clock, again, delivery.poke)
    synchronization = Synchronization(instance, *asked)
    delivery.headers, inbox.told = synchronization.headers, synchronization.heard
    published = Published(instance, opened.query)
    following = subscriptions.count
    documents = PublicDocuments(instance, version, mailbox.followed_by, following, published)
    ours = Ours(*we, identity.followers)
    processing = Processing(mailbox, opened.query, follows, clock, ours, wanted, delivery.poke)
    inbox.on_received(processing.poke)
    inbox.on_received(delivery.poke)  # whoever tells us something may be there again
    delivery.lost, delivery.moved = subscriptions.lost, look
    return Presence(
        identity=identity,
        instance=instance,
        inbox=inbox,
        keys=keys,
        documents=documents,
        visits=Visits(instance, published, mailbox, keyring, clock, blocked),
        delivery=delivery,
        publishing=publishing,
        fanout=fanout,
        followers=Followers(*we, opened.query, mailbox, clock, delivery.poke),
        subscriptions=subscriptions,
        processing=processing,
        synchronization=synchronization,
        clock=clock,
    )
