"""Our actor: its addresses, its keys, and its signature under what we ask and deliver.

The documents that it publishes are made in `instance_documents`, the file of its keys is
`key_file`'s. A rotation is seen by the file's time stamp, a second later at most, so that keys need
no call of the API to pass through and a file that was put back counts as well. Invariant: whatever
happens to the file while we run, there is a key to sign with.
"""

from __future__ import annotations

import logging

from ..config.model import Identity
from ..errors import BadInput
from . import key_file
from .instance_documents import Published, actor_document
from .protocol.keys import PrivateKey, PublicKey
from .protocol.knock import Form
from .protocol.signing import Headers, Wish, read_accept_signature, sign
from .protocol.uri import Uri, split

log = logging.getLogger(__name__)

_LOOK_EVERY = 1.0


class Instance:
    """Who we are to other servers. BadInput when the key file cannot be used."""

    def __init__(self, identity: Identity, contact: str | None = None) -> None:
        self.identity = identity
        self.contact = contact
        self.origin = identity.url
        self.host = split(identity.url).netloc
        self.actor = f"{self.origin}/actor"
        self.inbox = f"{self.actor}/inbox"
        self.outbox = f"{self.actor}/outbox"
        self.followers = f"{self.actor}/followers"
        self.following = f"{self.actor}/following"
        self.shared_inbox = f"{self.origin}/inbox"
        self.acct = f"{identity.username}@{self.host}"
        self._stamp = key_file.stamp(identity.key_file)
        self._keys = key_file.read(identity.key_file, self.actor)
        self._looked = 0.0

    @property
    def handle(self) -> str:
        return f"@{self.acct}"

    @property
    def key_id(self) -> str:
        """The id of the key that signs what does not ask for another one."""
        return self._keys.rsa.id

    @property
    def published(self) -> Published:
        """What the actor's document says of keys."""
        rsa, *more = (key.public for key in self._keys.present)
        return Published(rsa, (*more, *self._keys.former))

    def actor_document(self, now: float) -> dict[str, object]:
        self.look(now)
        return actor_document(self, now)

    def public_key(self, key_id: str) -> PublicKey | None:
        """A key of ours by its id, for a signature that names one: nobody is asked (F13)."""
        return next((key for key in self._all_keys() if key.id == key_id), None)

    def sign(
        self,
        form: Form,
        method: str,
        uri: Uri,
        body: bytes | None,
        content_type: str | None,
        now: float,
        challenge: str = "",
        extra: Headers = (),
    ) -> Headers:
        """The headers that sign a request; `challenge` is an Accept-Signature that is understood,
        `extra` what goes along signed.

        Always the RSA key, which all can verify, unless the other side has asked for Ed25519.
        """
        self.look(now)
        wish = self._wish(challenge) or Wish()
        key = self._key(wish) or self._keys.rsa
        return sign(
            *(form, method, uri, body, content_type, key, now, wish.components),
            nonce=wish.nonce,
            tag=wish.tag,
            extra=extra,
        )

    def understands(self, challenge: str) -> bool:
        """Whether an Accept-Signature asks for what we would sign, with a key that we have."""
        return self._wish(challenge) is not None

    def look(self, now: float) -> None:
        """Read the key file again if it was changed; one that is no good changes nothing."""
        if 0.0 <= now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        stamp = key_file.stamp(self.identity.key_file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = key_file.read(self.identity.key_file, self.actor)
        except BadInput as error:
            log.error("%s; the keys that were read before stay in use", error)
        else:
            log.info("the keys have changed: signing as %s from now on", self.key_id)

    def _all_keys(self) -> tuple[PublicKey, ...]:
        return (self.published.signing, *self.published.others)

    def _wish(self, challenge: str) -> Wish | None:
        wish = read_accept_signature(challenge) if challenge else None
        return wish if wish is not None and self._key(wish) is not None else None

    def _key(self, wish: Wish) -> PrivateKey | None:
        return self._keys.ed25519 if wish.kind == "ed25519" else self._keys.rsa
