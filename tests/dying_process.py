"""Another process that is told of a post, asks for it and keeps it, and dies at one of its commits.

    dying_process.py PATH NUMBER before|after

What is to be written has been, and is not committed; or it is, and nobody knows of it yet.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from mail_cases import received, settled
from store_cases import NOW, apply, done, lease, note, page, read_authors, store_at, want

from fedpull.cache.open import Opened

DIED = 9


def work_through(opened: Opened) -> None:
    """Hint, want, lease, answer, change: each in a transaction of its own, each done once."""
    read_authors(opened)
    apply(opened, members=page(1))
    opened.mailbox.receive([received(1)], NOW).result()
    for one in opened.mailbox.waiting(NOW, 10):
        opened.mailbox.settle([settled(one.id, NOW, wants=(want(note(1).id),))], NOW).result()
    opened.frontier.recover(NOW).result()
    for at in (NOW + 60, NOW + 120):  # whoever was asked a moment ago is asked again later
        for taken in lease(opened, at):
            done(opened, taken, at, puts=(note(1, tags=("one",)),))


def die_at(opened: Opened, number: int, when: str) -> None:
    """The `number`th job of the writer from now on is its last."""
    writer: Any = opened.store._writer
    submit, left = writer.submit, [number]

    def last(job: Callable[[Any], Any]) -> Future[Any]:
        left[0] -= 1
        if left[0] != 0:
            future: Future[Any] = submit(job)
        elif when == "before":
            future = submit(lambda work: (job(work), os._exit(DIED)))
        else:
            future = submit(job)
            future.add_done_callback(lambda done: os._exit(DIED))
        return future

    writer.submit = last


def main(path: Path, number: int, when: str) -> None:
    with store_at(path) as opened:
        die_at(opened, number, when)
        work_through(opened)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
