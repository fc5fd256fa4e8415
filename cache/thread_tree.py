"""The conversation around a post as a tree, of what is held: up to where it begins, and down again.

It fetches nothing. `inReplyTo` joins the posts; what belongs to the conversation by its `context`
alone, since the post between is not held, hangs below the first post. Who looks at a thread reads:
shown are the post that was asked for, what is followed with all that it answers and that answers
it, and of the rest what may be listed. Invariants: every post stands once, whatever circles they
make; posts, levels and bytes are bounded, and where something held is left out `more` says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import orjson

from . import index, is_read, reading
from .document import Document
from .environment import Tables, Txn
from .intern import find_id
from .layout import NONE, STATE_NUMBER, STATES
from .ref_layout import ref_state, ref_uri
from .terms_layout import TermsRow, terms_in
from .thread_view import ThreadTree
from .unsorted import Unsorted
from .views import State

# Mastodon shows 4,096 posts of a thread; a read transaction may last some 20 ms.
_MOST = 1_000
# Nested JSON: readers give up beyond some hundred levels, orjson at 254 of two for each post.
_DEEPEST = 100
_MOST_ABOVE = 50
_MOST_BYTES = 4 << 20  # of documents, as of a page of a list
_MOST_NAMES = 4
_KINDS = (index.REPLY, index.LOST, index.CONTEXT)
_REDIRECTED = STATE_NUMBER[State.REDIRECTED]


@dataclass(slots=True, eq=False)
class _Post:
    id: bytes
    row: bytes
    terms: TermsRow
    above: _Post | None
    depth: int
    below: list[_Post] = field(default_factory=list)
    read: bool = False
    leads_to_read: bool = False
    answers_read: bool = False
    document: Document | None = None
    kept: bool = False
    more: bool = False


def tree(txn: Txn, t: Tables, uri: str) -> ThreadTree | None:
    """The tree that a post stands in; None for what was never heard of."""
    asked = find_id(txn, t, uri)
    return None if asked is None else _Thread(txn, t, asked).tree()


class _Thread:
    def __init__(self, txn: Txn, t: Tables, asked: bytes) -> None:
        self._txn = txn
        self._t = t
        self._asked = asked
        self._entries = txn.cursor(t.index)
        # Looked through once, and not for each post: all that answers or shares a conversation.
        self._waiting: dict[bytes, list[bytes]] = {}
        for key, value in Unsorted(txn, t).entries():
            if key[:1] in _KINDS:
                self._waiting.setdefault(key, []).append(value)
        self._authors: dict[bytes, bool] = {}
        self._posts: dict[bytes, _Post] = {}  # each behind the one that it answers

    def tree(self) -> ThreadTree:
        chain, _ = self._climb(self._asked)
        path: list[_Post] = []
        for id in chain:  # whatever has to be left out, these are not
            path.append(self._add(id, path[-1] if path else None))
        self._descend(path)
        root = path[0]
        self._gather(root)
        self._judge()
        for post in reversed(self._posts.values()):
            if post.kept and post.above is not None:
                post.above.kept = True
        return _shown(root, self._asked)

    def _climb(self, id: bytes) -> tuple[list[bytes], _Post | None]:
        """A post with those above it, the topmost first, and what that answers in the tree."""
        chain = [id]
        while len(chain) <= _MOST_ABOVE:
            parent = self._named(self._terms(chain[0]).in_reply_to)
            if parent in self._posts:
                return chain, self._posts[parent]
            if parent == NONE or parent in chain:
                break
            chain.insert(0, parent)
        return chain, None

    def _named(self, id: bytes) -> bytes:
        """The post behind an id, which may be another name for it."""
        for _ in range(_MOST_NAMES):
            row = self._txn.get(id, None, self._t.ref)
            if row is None or ref_state(row) != _REDIRECTED:
                return NONE if row is None else id
            extra = self._txn.get(id, None, self._t.extra)
            target = orjson.loads(extra).get("target") if extra is not None else None
            led = find_id(self._txn, self._t, target) if target else None
            if led is None:
                return id
            id = led
        return id

    def _terms(self, id: bytes) -> TermsRow:
        known = self._posts.get(id)
        if known is not None:
            return known.terms
        return terms_in(self._txn, self._t, id, self._txn.get(id, b"", self._t.ref) or b"")

    def _add(self, id: bytes, above: _Post | None) -> _Post:
        row = self._txn.get(id, b"", self._t.ref) or b""
        terms = terms_in(self._txn, self._t, id, row)
        depth = above.depth + 1 if above is not None else 0
        post = self._posts[id] = _Post(id, row, terms, above, depth)
        post.read = terms.live and self._is_read(terms)
        if above is not None:
            above.below.append(post)
        return post

    def _is_read(self, terms: TermsRow) -> bool:
        if terms.follows:
            return is_read.post(self._txn, self._t, terms)
        if terms.actor not in self._authors:
            self._authors[terms.actor] = is_read.post(self._txn, self._t, terms)
        return self._authors[terms.actor]

    def _descend(self, first: Iterable[_Post]) -> None:
        """Add what answers some posts, level by level."""
        queue = deque(first)
        while queue:
            post = queue.popleft()
            room = _MOST - len(self._posts) if post.depth < _DEEPEST else 0
            lists = (index.REPLY + post.id, index.LOST + post.id)
            found = [id for key in lists for id in self._listed(key) if id not in self._posts]
            post.more = len(found) > room
            queue += [self._add(id, post) for id in found[:room]]

    def _gather(self, root: _Post) -> None:
        """Add what the conversation holds besides."""
        contexts = {self._terms(id).context for id in (self._asked, root.id)} - {NONE}
        for context in sorted(contexts):
            for id in self._listed(index.CONTEXT + context):
                if len(self._posts) >= _MOST:
                    root.more = True
                    return
                if id not in self._posts:
                    chain, above = self._climb(id)
                    above = above or root
                    if above.depth < _DEEPEST:
                        self._descend([self._add(chain[0], above)])
                    else:
                        above.more = True

    def _listed(self, key: bytes) -> list[bytes]:
        """The latest posts of a list, one more than there can be room for."""
        entries = self._entries
        there = entries.iternext_dup() if entries.set_key(key) else iter(())
        found = list(islice(there, _MOST + 1))
        if key in self._waiting:
            found = sorted(found + self._waiting[key])[: _MOST + 1]
        return [value[8:] for value in found]

    def _judge(self) -> None:
        """Load what is shown: those nearer to the beginning first, should it be too much."""
        for post in reversed(self._posts.values()):
            if post.above is not None and (post.read or post.leads_to_read):
                post.above.leads_to_read = True
        left = _MOST_BYTES
        for post in self._posts.values():
            above = post.above
            post.answers_read = above is not None and (above.read or above.answers_read)
            asked = post.id == self._asked
            post.kept = asked or above is None
            if not (asked or _may_be_shown(post)):
                continue
            document = reading.document(self._txn, self._t, post.id, post.row)
            if document is None:
                continue
            if left <= 0 and not asked:
                (above or post).more = True
                continue
            left -= len(document.body)
            post.document, post.kept = document, True


def _may_be_shown(post: _Post) -> bool:
    reads = post.read or post.leads_to_read or post.answers_read
    return post.terms.live and (reads or not post.terms.quiet)


def _shown(post: _Post, asked: bytes) -> ThreadTree:
    """A post with those below it, oldest first."""
    below = sorted((one for one in post.below if one.kept), key=_age, reverse=True)
    held = post.terms.live or post.document is not None
    return ThreadTree(
        id=ref_uri(post.row),
        document=post.document,
        state=STATES[ref_state(post.row)],
        withheld=held and post.document is None,
        asked=post.id == asked,
        replies=tuple(_shown(one, asked) for one in below),
        more=post.more,
    )


def _age(post: _Post) -> bytes:
    return post.terms.when
