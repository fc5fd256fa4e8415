"""Signed GETs: what we have published for some, and another server's part of our followers.

The checks stand in the order of their cost, as for the inbox: what the path is and whose origin
could be meant come before a signature is read, and a key is asked for within the same bounds.
Invariants: what is not public is given to those whom it is addressed to, and for everybody else it
is not there; of our followers a server is told of those of its own origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ..cache.api_http import Answer, problem
from ..cache.ports import Mailbox
from ..cache.publication_records import LocalObject, Publication
from .clock import Clock
from .collection_documents import part, part_in_pages, part_page
from .instance import Instance
from .instance_documents import ACTIVITY
from .keyring import Keyring, NoKey
from .protocol.key_documents import key_url
from .protocol.shapes import uri_or_none
from .protocol.signatures import Claim, Rejected, SignedRequest, examine
from .protocol.uri import origin, same_origin
from .public_answers import VARY, cached, not_wanted
from .published import Published

# Mastodon reads a document of 1 MiB and ten pages: of ids with a hundred letters ten times more
# would fit.
PART_PAGE = 1_000
_PRIVATE = "private, no-store"
_AFTER = "after="


@dataclass(slots=True)
class Visits:
    """On the loop's thread. `blocked` says which ids get nothing from us."""

    instance: Instance
    published: Published
    mailbox: Mailbox
    keyring: Keyring
    clock: Clock
    blocked: Callable[[str], bool] = lambda id: False

    @property
    def part_url(self) -> str:
        return part_url(self.instance)

    def answer(
        self, request: SignedRequest, headers: Mapping[str, str], client: str
    ) -> Answer | Awaitable[Answer] | None:
        """None: nothing is there, as far as this request is concerned."""
        path, _, query = request.target.partition("?")
        if f"{self.instance.origin}{path}" == self.part_url:
            return self._part(request, query, headers, client)
        found = self.published.find(path)
        if found is None or found.public:
            return None
        claim = self._claim(request)
        if isinstance(claim, Rejected) or not self._might_read(found, claim.key_id):
            return None
        return self._read(found, claim, headers, client)

    def _claim(self, request: SignedRequest) -> Claim | Rejected:
        claim = examine(request, self.instance.origin, self.clock.now())
        if isinstance(claim, Claim) and self.blocked(claim.key_id):
            return Rejected(403, "This server gives nothing to there.")
        return claim

    async def _signer(self, claim: Claim, client: str, *, known: bool) -> str | NoKey:
        """Who has signed. The owner is of the key's origin: one that lies elsewhere is no actor's
        of a server that we deliver to."""
        key_id = uri_or_none(claim.key_id)
        url = None if key_id is None else key_url(key_id)
        if key_id is None or url is None:
            return NoKey("none")
        found = self.keyring.at_hand(key_id, url)
        found = await self.keyring.confirmed(claim, key_id, client, found, known=known)
        if isinstance(found, NoKey):
            return found
        owner = found.key.owner
        return owner if same_origin(owner, key_id) and not self.blocked(owner) else NoKey("none")

    def _might_read(self, found: Publication | LocalObject, key_id: str) -> bool:
        """Whether any actor of the key's origin may: for nobody else a key is asked for."""
        if any(same_origin(one, key_id) for one in found.audience):
            return True
        place = uri_or_none(key_id)
        return found.followers and place is not None and self.mailbox.part_size(origin(place)) > 0

    async def _read(
        self,
        found: Publication | LocalObject,
        claim: Claim,
        headers: Mapping[str, str],
        client: str,
    ) -> Answer:
        signer = await self._signer(claim, client, known=True)
        if isinstance(signer, NoKey):
            return _later(signer) or nothing()
        if signer not in found.audience and not (found.followers and self._follows(signer)):
            return nothing()
        return self.published.given(found, headers, self.clock.now())

    def _follows(self, actor: str) -> bool:
        follower = self.mailbox.follower(actor)
        return follower is not None and follower.state == "accepted"

    def _part(
        self, request: SignedRequest, query: str, headers: Mapping[str, str], client: str
    ) -> Answer | Awaitable[Answer]:
        elsewhere = not_wanted(headers, f"{self.instance.origin}/")
        if elsewhere is not None:
            return elsewhere
        claim = self._claim(request)
        if isinstance(claim, Rejected):
            name = "refused" if claim.status == 403 else "signature"
            return problem(claim.status, name, claim.reason)
        return self._part_for(claim, query, headers, client)

    async def _part_for(
        self, claim: Claim, query: str, headers: Mapping[str, str], client: str
    ) -> Answer:
        place = uri_or_none(claim.key_id)
        size = 0 if place is None else self.mailbox.part_size(origin(place))
        signer = await self._signer(claim, client, known=size > 0)
        if isinstance(signer, NoKey):
            refused = problem(401, "signature", "The signature is not that of the key.")
            return _later(signer) or refused
        body = self._part_document(origin(signer), query)
        return cached(body, ACTIVITY, headers, _PRIVATE, VARY)

    def _part_document(self, place: str, query: str) -> bytes:
        url = self.part_url
        if query.startswith(_AFTER):
            after = unquote(query.removeprefix(_AFTER))
            actors = self.mailbox.part(place, PART_PAGE, after or None)
            more = (
                f"{url}?{_AFTER}{quote(actors[-1], safe='')}" if len(actors) == PART_PAGE else None
            )
            return part_page(url, f"{url}?{query}", actors, more)
        size = self.mailbox.part_size(place)
        if size > PART_PAGE:
            return part_in_pages(url, size, f"{url}?{_AFTER}")
        return part(url, self.mailbox.part(place, PART_PAGE))


def part_url(instance: Instance) -> str:
    """Where a server finds its part of our followers."""
    return f"{instance.followers}/synchronization"


def nothing() -> Answer:
    return problem(404, "not-found", "there is nothing here")


def _later(missing: NoKey) -> Answer | None:
    if missing.why != "later":
        return None
    wait = (("Retry-After", str(max(missing.retry_after, 1))),)
    return problem(503, "busy", "The key cannot be checked now.", wait)
