"""URIs and words to 8-byte ids and back; it does not know what they name.

LMDB keys end at 511 bytes and URIs do not, so the hash of a URI finds its id, and the reference's
row, which holds the URI, is compared. Words (types, follow keys) share the ids' number space
but have no reference. Invariant: an id is never given to anything else, not even after a purge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from ..errors import StoreError
from .environment import Tables, Txn
from .layout import NONE, short_hash, uri_key
from .ref_layout import Ref, ref_uri

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

_AS2 = "https://www.w3.org/ns/activitystreams#"

TYPE, FOLLOW = "t", "f"
_LONG_TAG = 64  # longer ones are not used again, and would fill the memory


def find_id(txn: Txn, t: Tables, uri: str) -> bytes | None:
    """The id of a URI that has a row in `ref`. Outside the writer."""
    id = txn.get(uri_key(uri), None, t.uri)
    if id is None:
        return None
    row = txn.get(id, None, t.ref)
    return id if row is not None and ref_uri(row) == uri else None


def uri_of(txn: Txn, t: Tables, id: bytes) -> str | None:
    row = txn.get(id, None, t.ref) if id != NONE else None
    return None if row is None else ref_uri(row)


def known_id(work: Work, uri: str) -> bytes | None:
    """The id of a URI inside a write transaction, without making one."""
    known = work.memo.ids.get(uri)
    if known is not None:
        return known
    return _stored_id(work, uri, uri_key(uri)) or _nameless(work, uri)


def _nameless(work: Work, uri: str) -> bytes | None:
    """The id of what is forgotten, once it has lost its name."""
    name = work.policy.name(uri)
    if name == uri:
        return None
    return work.memo.ids.get(name) or _stored_id(work, name, uri_key(name))


def _stored_id(work: Work, uri: str, key: bytes) -> bytes | None:
    id = work.txn.get(key, None, work.t.uri)
    if id is None:
        return None
    if work.ref(id, change=False).uri != uri:
        raise StoreError(uri, "has the hash of another URI")
    work.memo.ids[uri] = id
    return id


def id_of(work: Work, uri: str | None) -> bytes:
    """The id of a URI; a new one becomes a reference that nothing is known of."""
    if uri is None:
        return NONE
    id = work.memo.ids.get(uri)
    if id is None:
        key = uri_key(uri)
        id = _stored_id(work, uri, key)
        if id is None and (name := work.policy.name(uri)) != uri:
            # What is forgotten is never written down again, whoever mentions it.
            uri, key = name, uri_key(name)
            id = work.memo.ids.get(uri) or _stored_id(work, uri, key)
        if id is None:
            id = work.new_id()
            work.new_uris.append((key, id))
            work.add_ref(id, Ref(uri))
            work.memo.ids[uri] = id
    return id


def _spell(kind: str, text: str) -> str:
    # "Note" and its expanded IRI are one type; NUL keeps words apart from URIs.
    if kind == TYPE:
        text = text.removeprefix(_AS2).removeprefix("as:")
    return f"\0{kind}{text}"


def word_of(work: Work, kind: str, text: str) -> bytes:
    """The id of a word, made if need be; NONE for one type too many, as words stay for good."""
    id = work.memo.words.get((kind, text))
    if id is None:
        spelled = _spell(kind, text)
        key = uri_key(spelled)
        id = work.txn.get(key, None, work.t.uri)
        if id is None and kind == TYPE and _is_full(work):
            return NONE
        if id is None:
            id = work.new_id()
            work.put(work.t.uri, key, id)
            work.put(work.t.word, id, spelled[1:].encode("utf-8", "surrogatepass"))
        work.memo.words[kind, text] = id
    return id


def _is_full(work: Work) -> bool:
    return bool(work.txn.stat(work.t.word)["entries"] >= work.limits.types)


def fold_tag(tag: str) -> str:
    """One form for all spellings of a hashtag."""
    return normalize("NFKC", tag).strip().lstrip("#").casefold()


def tag_hash(work: Work, tag: str) -> bytes:
    """What stands for a hashtag in the index."""
    key = work.memo.tags.get(tag)
    if key is None:
        key = short_hash(fold_tag(tag))
        if len(tag) <= _LONG_TAG:
            work.memo.tags[tag] = key
    return key


def find_word(txn: Txn, t: Tables, kind: str, text: str) -> bytes | None:
    spelled = _spell(kind, text)
    id = txn.get(uri_key(spelled), None, t.uri)
    return id if id is not None and _text(txn, t, id) == spelled[1:] else None


def word_text(txn: Txn, t: Tables, id: bytes) -> str:
    """The word behind an id; empty for none."""
    return _text(txn, t, id)[1:] if id != NONE else ""


def _text(txn: Txn, t: Tables, id: bytes) -> str:
    return (txn.get(id, b"", t.word) or b"").decode("utf-8", "surrogatepass")


def text_of(work: Work, id: bytes) -> str:
    """`word_text` inside a write transaction."""
    text = work.memo.texts.get(id)
    if text is None:
        text = work.memo.texts[id] = word_text(work.txn, work.t, id)
    return text
