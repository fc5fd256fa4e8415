"""What a store holds after its daemon was killed, compared with what the daemon had acknowledged.

Nothing is written and nobody is asked: the file is opened as another program opens it. Invariant:
each comparison is with what must hold for good, so what has passed once is a demand from then on.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from crash_ledger import Ledger, Own, current, version_of
from crash_world import Town

from fedpull.cache.open import open_reader
from fedpull.cache.ports import Query
from fedpull.cache.verify import damages

ALL = 1_000_000
STATES = ("waiting", "delivered", "given_up", "expired")


class Audit:
    """One comparison of a store that nobody writes."""

    def __init__(self, store: Path, town: Town, ledger: Ledger) -> None:
        self.store = store
        self.town = town
        self.ledger = ledger
        self.taken = town.taken()

    def run(self, *, settled: bool = False) -> None:
        """`settled`: nothing is on its way any more, so all of it must have come to something."""
        for problem in damages(self.store):
            self.ledger.lost(f"the file is damaged: {problem}")
        reader = open_reader(self.store)
        try:
            for finding in reader.query.check().findings:
                self.ledger.lost(f"check: {finding}")
            self._documents(reader.query)
            self._log(reader.query)
            self._mail(reader.query)
            self._publications(reader.query)
            self._deliveries(reader.query)
            if settled:
                Settled(self, reader.query).run()
        finally:
            reader.close()

    def _documents(self, query: Query) -> None:
        ledger = self.ledger
        for id, post in ledger.posts.items():
            document = query.document(id)
            if document is None:
                if not ledger.may_be_absent(id) and id in ledger.held:
                    ledger.lost(f"{id} was held and is not")
                elif id in ledger.held:
                    ledger.deleted.add(id)
                continue
            version = version_of(document.json)
            if id in ledger.purged or id in ledger.deleted:
                ledger.lost(f"{id} was deleted or forgotten and is back")
            if not ledger.held.get(id, 1) <= version <= current(post):
                ledger.lost(f"{id} is at version {version}, and was at {ledger.held[id]}")
            ledger.at_least(id, version)

    def _log(self, query: Query) -> None:
        """From the first entry on: what was read, and nothing twice or left out."""
        ledger, last = self.ledger, 0
        while page := query.changes(last):
            for change in page:
                if change.seq != last + 1:
                    ledger.lost(f"change {change.seq} follows {last}")
                last = change.seq
                ledger.entry(change.seq, change.kind, change.id)
        for seq in (seq for seq in ledger.log if seq > last):
            ledger.lost(f"change {seq} was read and is not there")

    def _mail(self, query: Query) -> None:
        ledger = self.ledger
        kept = Counter(one.activity for one in query.notifications(ALL))
        for id, activity in ledger.heard.items():
            if kept[id] != 1 and activity.object not in ledger.absent:
                what = f"the push of {id} ({activity.verb} of {activity.object})"
                ledger.lost(f"{what} is kept {kept[id]} times")
        sent = {*ledger.heard, *(one.id for one in ledger.unheard)}
        for id in kept:
            if id not in sent and "#answers/" not in id:  # to Follows of ours
                ledger.lost(f"{id} was never pushed")

    def _publications(self, query: Query) -> None:
        ledger = self.ledger
        for activity, _ in ledger.published.values():
            if query.publication(activity) is None:
                ledger.lost(f"{activity} was published and is not there")
        for key, own in ledger.own.items():
            local = query.local(ledger.published[key][1])
            begun = any(one.object == key for one in ledger.unpublished)
            if local is None:
                ledger.lost(f"our object {key} is not there")
            elif own.verb == "Delete" or local.deleted:
                if not local.deleted or not (own.verb == "Delete" or begun):
                    ledger.lost(f"our object {key} is deleted: {local.deleted}")
            elif not own.version <= version_of(json.loads(local.body)) <= own.version + begun:
                ledger.lost(f"our object {key} is not at version {own.version}")
        shown = self._outbox(query)
        if shown[: len(ledger.outbox)] != ledger.outbox:
            ledger.lost("the outbox has lost something, or moved it")
        ledger.outbox = shown
        public = {ledger.published[key][0] for key, own in self._answered() if not own.secret}
        if missing := public - set(shown):
            ledger.lost(f"the outbox does not show {missing}")
        waiting = [one for one in ledger.unpublished if one.key in ledger.asked and not one.secret]
        if len(shown) != len(set(shown)) or len(set(shown) - public) > len(waiting):
            ledger.lost(f"the outbox shows {set(shown) - public}, which nobody published")

    def _answered(self) -> list[tuple[str, Own]]:
        asked = self.ledger.asked
        return [(key, asked[key]) for key in self.ledger.published]

    def _outbox(self, query: Query) -> list[str]:
        newest = query.outbox()
        pages = [query.outbox(n) for n in range(1, newest.last + 1)] if newest else []
        items = [item for page in pages if page for item in reversed(page.items)]
        if len(items) != query.outbox_total():
            self.ledger.lost(f"the outbox counts {query.outbox_total()} and shows {len(items)}")
        return [json.loads(item)["id"] for item in items]

    def _deliveries(self, query: Query) -> None:
        ledger = self.ledger
        rows = query.deliveries(ALL)
        standing: dict[str, Counter[str]] = {}
        new: Counter[str] = Counter()
        for row in rows:
            pair = (row.inbox, row.activity)
            standing.setdefault(row.activity, Counter())[row.state] += 1
            if row.state == "delivered" and not self.taken[pair]:
                ledger.lost(f"{row.activity} is delivered to {row.inbox}, which has not got it")
            if row.state == "waiting" and self.taken[pair] > ledger.on_the_way[pair]:
                new[row.inbox.split("/")[2]] += 1
                ledger.on_the_way[pair] = self.taken[pair]
        for pair, times in Counter((row.inbox, row.activity) for row in rows).items():
            if times != 1:
                ledger.lost(f"there are {times} deliveries of {pair[1]} to {pair[0]}")
        for host, count in new.items():
            if count > 1:
                ledger.lost(f"{count} requests to {host} were on their way at once")
        for activity, states in standing.items():
            account = query.account(activity)
            if account is None or any(getattr(account, one) != states[one] for one in STATES):
                ledger.lost(f"the account of {activity} is {account}, its rows are {states}")
        for pair, times in self.taken.items():
            if times > ledger.on_the_way[pair] + 1:
                ledger.lost(f"{pair[0]} got {pair[1]} {times} times")


class Settled:
    """What else must hold once everything has come to an end."""

    def __init__(self, audit: Audit, query: Query) -> None:
        self.town, self.ledger, self.taken = audit.town, audit.ledger, audit.taken
        self.query = query

    def run(self) -> None:
        self._posts()
        self._mail()
        self._followers()
        self._likes()
        self._deliveries()

    def _posts(self) -> None:
        for account in self.town.writers:
            offered = account.server.public_objects(account)
            for post in account.posts:
                held = self.query.document(post.id)
                wanted = post.id in offered and post.id not in self.ledger.absent
                if wanted and held is None:
                    self.ledger.lost(f"{post.id} is offered and was never kept")
                elif held is not None and post.deleted is not None:
                    self.ledger.lost(f"{post.id} was deleted at its origin and is kept")
                elif held is not None and version_of(held.json) != current(post):
                    self.ledger.lost(f"the last edit of {post.id} was never fetched")

    def _mail(self) -> None:
        for one in self.query.notifications(ALL):
            known = self.ledger.heard.get(one.activity)
            # Ignored is what a poll had brought before, or had not yet: `_posts` looks at that.
            if known and one.state not in ("done", "ignored"):
                self.ledger.lost(f"the push of {one.activity} came to {one.state}: {one.outcome}")

    def _followers(self) -> None:
        follows = {one.id: one for one in self.ledger.heard.values() if one.verb == "Follow"}
        wanted = {one.account.actor_id for one in follows.values() if not one.undone}
        wanted |= {fan.actor_id for fan in self.town.fans}
        there = {one.actor for one in self.query.followers(ALL, state="accepted")}
        for actor in wanted ^ there:
            self.ledger.lost(f"{actor} is a follower: {actor in there}, and should be the other")

    def _likes(self) -> None:
        likes = [one for one in self.ledger.heard.values() if one.verb == "Like"]
        wanted = Counter(one.object for one in likes)
        for post in self.town.liked:
            counted = self.query.counts(post.id).likes
            if counted != wanted[post.id]:
                self.ledger.lost(f"{post.id} has {wanted[post.id]} likes and counts {counted}")

    def _deliveries(self) -> None:
        ledger = self.ledger
        for row in self.query.deliveries(ALL):
            if row.state != "delivered":
                ledger.lost(f"{row.activity} to {row.inbox} is {row.state}: {row.last_error}")
        public = [
            activity
            for key, (activity, _) in ledger.published.items()
            if not ledger.asked[key].secret
        ]
        for activity in public:
            for inbox in self.town.inboxes:
                if not self.taken[inbox, activity]:
                    ledger.lost(f"{inbox} never got {activity}")
