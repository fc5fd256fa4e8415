"""What a simulated host sends to inboxes, and what it makes of what is sent to its own.

The pushed documents are those of the real servers: a Create embeds its object even where the outbox
gives a URL, a Delete names a Tombstone. Whoever forges takes a prepared message and changes it.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .documents import ACTIVITY_JSON, AS
from .doorkeeper import Doorkeeper
from .forms import FORMS, prepare
from .keys import Private, ed25519_key, rsa_key
from .model import Account, Activity, Json, Post
from .moods import FINE as AS_USUAL
from .moods import Fine, Mood, Visit
from .policies import EASY, FINE, Policy
from .reach import Reach, Told
from .shapes import Shapes
from .signatures import Message
from .wire import Answer, Incoming, Reply

Later = Callable[[Callable[[], object]], None]  # does it soon, on another thread
Answering = Literal["accept", "reject", "nothing"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One POST to an inbox of this host. `signer` is empty unless the signature was verified."""

    at: float
    target: str
    signer: str
    status: int
    document: Json


class Posting(Shapes):
    """The sending and the receiving side of a host."""

    policy: ClassVar[Policy] = EASY
    form: ClassVar[str] = "misskey"  # how it signs its POSTs; a key of FORMS

    def __init__(
        self, host: str, authorized_fetch: bool, rate_limit: tuple[int, float] | None
    ) -> None:
        super().__init__(host, authorized_fetch, rate_limit)
        self.lock = threading.RLock()
        self._clock: Callable[[], float] = time.time
        self.doorkeeper = Doorkeeper(host, self.policy)
        self.delivered: list[Delivered] = []
        self.answers_follows: Answering = "nothing"
        self.mood: Mood | None = None  # what comes of POSTs before they are looked at
        self._visits: Counter[str] = Counter()
        self._visited: float | None = None
        self.reach: Reach | None = None
        self.later: Later | None = None
        self._nonces = itertools.count(1)

    def now(self) -> float:
        return self._clock()

    # Sending

    def pushed(self, activity: Activity) -> Json:
        """The activity as an inbox gets it."""
        document: Json = self.contextual(self.activity(activity))
        post = activity.post
        if post is not None and activity.verb in ("Create", "Update"):
            document["object"] = self.object(post)
        elif post is not None and activity.verb == "Delete":
            document["object"] = {"id": post.id, "type": "Tombstone"}
        elif activity.verb in ("Follow", "Block"):
            document["to"] = [activity.object]
        elif activity.verb == "Move":
            document["target"] = activity.account.moved_to
        elif activity.verb == "Undo":
            undone = self.undone(activity)
            document["object"] = activity.object if undone is None else self.activity(undone)
        return document

    def undone(self, activity: Activity) -> Activity | None:
        """What an Undo takes back, where it is known."""
        known = {one.id: one for one in activity.account.activities}
        return known.get(activity.object)

    def document_of(self, account: Account, what: Post | Activity | Json) -> Json:
        """What is pushed: of a post the newest activity about it."""
        if isinstance(what, dict):
            return {"@context": AS, "actor": account.actor_id, **what}
        if isinstance(what, Post):
            what = [one for one in account.activities if one.post is what][-1]
        return self.pushed(what)

    def prepare(
        self,
        account: Account,
        what: Post | Activity | Json,
        *,
        form: str = "",
        to: str = "",
        at: float | None = None,
        key: Private | None = None,
        key_id: str = "",
    ) -> Message:
        """The signed request, not sent. Whoever forges says `key`, `key_id` or `at`."""
        chosen = FORMS[form or self.form]
        with self.lock:
            body = json.dumps(self.document_of(account, what), ensure_ascii=False).encode()
            key_id = key_id or self.key_id(account, chosen.key)
        own = ed25519_key(account.actor_id) if chosen.key == "ed25519" else rsa_key(account.key)
        return prepare(
            chosen,
            to or f"{self._reach.origin}/inbox",
            body,
            key or own,
            key_id,
            self.now() if at is None else at,
            nonce=f"{self.host}/{next(self._nonces)}",
        )

    def send(self, message: Message) -> Told:
        """The answer to a prepared request. Never called under a lock: who is told asks back."""
        return self._reach.carry(message, self.host)

    @property
    def _reach(self) -> Reach:
        if self.reach is None:
            raise ValueError(f"{self.host} is part of no Fediverse")
        return self.reach

    # Receiving

    def guarded(self, asked: Incoming) -> Reply | None:
        """The refusal of a GET that is not signed as this host demands."""
        if "signature" in asked.headers:
            wanted = self.authorized_fetch or self.policy.always
            status = self.judged(asked)[0] if wanted else FINE
        else:
            status = 401 if self.authorized_fetch else FINE
        if status == FINE:
            return None
        reply = self.json(status, {"error": "Request not signed"}, "application/json")
        return Reply(status, {**reply.headers, **self.hint(status)}, reply.body)

    def hint(self, status: int) -> dict[str, str]:
        """What a refusal says of the signature that is wanted (RFC 9421 section 5.1)."""
        wanted = self.policy.accept_signature
        return {"Accept-Signature": wanted} if wanted and status == 401 else {}

    def met(self, asked: Incoming) -> Answer | Fine:
        """What the host's mood makes of a request, before anything else is looked at."""
        if self.mood is None or asked.method != "POST":
            return AS_USUAL
        if self._visited is None:
            self._visited = asked.at
        self._visits[asked.target] += 1
        return self.mood(Visit(asked, self._visits[asked.target], asked.at - self._visited))

    def take(self, asked: Incoming) -> Reply:
        """What is posted to an inbox; every server verifies that, whatever it does with GETs."""
        status, signer = self.judged(asked)
        document = self.parsed(asked.body)
        if status == FINE:
            status = 202 if document.get("actor") == signer else 401
        self.delivered.append(Delivered(asked.at, asked.target, signer, status, document))
        if status == 202:
            self.act_upon(document)
        return Reply(status, {"Content-Type": "application/json", **self.hint(status)}, b"{}")

    def judged(self, asked: Incoming) -> tuple[int, str]:
        host = asked.headers.get("host", "")
        url = f"{self.scheme}://{host}{asked.target}"
        message = Message(asked.method, url, asked.headers, asked.body)
        return self.doorkeeper.judge(message, asked.at)

    @staticmethod
    def parsed(body: bytes) -> Json:
        try:
            document: Any = json.loads(body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def act_upon(self, document: Json) -> None:
        """A Follow is answered as `answers_follows` says; an Undo of it is obeyed."""
        actor, inner = document["actor"], document.get("object")
        if document.get("type") == "Undo" and isinstance(inner, dict):
            for account in self.accounts.values():
                if inner.get("object") == account.actor_id:
                    account.followers.pop(actor, None)
        if document.get("type") != "Follow" or self.answers_follows == "nothing":
            return
        for account in self.accounts.values():
            if account.actor_id == inner:
                self._answer_follow(account, document)

    def _answer_follow(self, account: Account, follow: Json) -> None:
        accepted = self.answers_follows == "accept"
        if accepted:
            account.followers[follow["actor"]] = follow
        answer = {
            "id": f"{account.actor_id}#answers/{len(self.delivered)}",
            "type": "Accept" if accepted else "Reject",
            "object": {name: follow[name] for name in ("id", "type", "actor", "object")},
        }
        if self.later is not None:
            # Not from the thread that answers requests: the other side asks back for the key.
            self.later(lambda: self._tell(account, follow["actor"], answer))

    def _tell(self, account: Account, actor: str, what: Json) -> None:
        """To the inbox that the actor's own document names."""
        found = self._reach.carry(Message("GET", actor, {"accept": ACTIVITY_JSON}), self.host)
        self.send(self.prepare(account, what, to=found.json["inbox"]))
