"""The audit of the rows of threads; a continuation of `check` under the same rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .environment import Tables, Txn
from .intern import uri_of, word_text
from .layout import NONE
from .records import Finding
from .thread_rows import SumRow, ThreadRow


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare each follow's sums with its threads, and collections with the thread they are of.

    What was asked on demand is left out: there a thread's count begins anew with a new question.
    """
    fetched: Counter[bytes] = Counter()
    threads: Counter[bytes] = Counter()
    for key, row in txn.cursor(t.thread):
        follow, root, collection = key[:8], key[8:16], key[16:]
        if follow == NONE:
            continue
        if collection:
            if txn.get(follow + root, None, t.thread) is None:
                subject = uri_of(txn, t, collection) or collection.hex()
                yield Finding("thread", subject, "belongs to a thread that is not there")
        elif root != NONE:
            threads[follow] += 1
            fetched[follow] += ThreadRow.unpack(row).fetched
    for follow, count in threads.items():
        if txn.get(follow, None, t.follow) is None:
            yield Finding("thread", word_text(txn, t, follow), "has threads and is not followed")
        sums = SumRow.load(txn, t, follow)
        said, there = (sums.threads, sums.fetched), (count, fetched[follow])
        if said != there:
            problem = f"the sums say {said[0]} threads and {said[1]} requests, not {there}"
            yield Finding("thread", word_text(txn, t, follow), problem)
