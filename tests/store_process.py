"""Other processes for the tests of the store: `python store_process.py MODE PATH [NUMBER]`.

`write` works on the queue from NUMBER on and prints each outcome's number once it is acknowledged;
`migrate` writes, edits and purges a little while an older store is brought up to date, and prints
each number once that is acknowledged;
`mail` keeps notifications from NUMBER on and settles every other one, printing each number once it
is kept and, negative, once it is settled; `read` follows the change log until it has seen NUMBER
changes; `full` fills a file system.
"""

from __future__ import annotations

import os
import resource
import sys
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from mail_cases import GUEST, LIKE, received, settled
from store_cases import FOLLOW, NOW, OUTBOX, note, page, store_at, want

from fedpull.cache import Cache
from fedpull.cache.mail_records import Send
from fedpull.cache.records import Applied, HostReport, Mark, Outcome, Politeness, State
from fedpull.cache.work import NO_LIMITS
from fedpull.errors import StoreError


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def write(path: Path, number: int) -> None:
    """Leases, puts, members, marks and refetches, several outcomes to a commit."""
    polite = Politeness(concurrency=50, gap=0.0)
    with store_at(path, politeness=polite) as opened:
        opened.frontier.recover(NOW).result()
        while True:
            numbers = range(number, number + 8)
            number += 8
            opened.frontier.want([want(note(n).id, follow=FOLLOW) for n in numbers]).result()
            waiting: list[tuple[int, Future[Applied]]] = []
            for taken in opened.frontier.lease(NOW, 50, 60).result():
                n = int(taken.want.uri.rpartition("/")[2])
                outcome = Outcome(
                    NOW,
                    lease=taken,
                    puts=(note(n, "x" * 500, tags=("t",), follow=FOLLOW), note(-n, by="embedded")),
                    members=page(n, -n, first=True),
                    marks=(Mark(note(n - 5).id, State.GONE, "gone", purge=True),) * (n % 7 == 0),
                    wants=(want(taken.want.uri, due=NOW + 1e6, scheduled=True),),
                    hosts=(HostReport(taken.host, ok=True, status=200),),
                )
                waiting.append((n, opened.store.apply(outcome)))
            for n, future in waiting:
                future.result()
                say(str(n))


def migrate(path: Path, number: int) -> None:
    """Some of what it changes is counted already, some of it is still to come."""
    with store_at(path, limits=NO_LIMITS) as opened:
        while True:
            outcome = Outcome(
                NOW,
                puts=(note(number, "new"), note(number % 3_000, f"edit {number}", updated=NOW)),
                marks=(Mark(note(number % 2_999).id, State.GONE, "gone", purge=True),),
            )
            opened.store.apply(outcome).result()
            say(str(number))
            number += 1


def mail(path: Path, number: int) -> None:
    """Each settlement reacts and sends, so that one that was applied twice would show."""
    with store_at(path) as opened:
        opened.store.apply(Outcome(NOW, puts=(note(1),))).result()
        while True:
            numbers = range(number, number + 8)
            number += 8
            kept = [(n, opened.mailbox.receive([received(n)], NOW)) for n in numbers]
            ids = {n: future.result()[0] for n, future in kept}
            for n in numbers:
                say(str(n))
            waiting = []
            for n, id in ids.items():
                if id is None or n % 2:
                    continue
                fan = replace(LIKE, actor=f"{GUEST}/{n}")
                send = Send(f"https://pull.example/accepts/{n}", f"{GUEST}/inbox", b"{}")
                settlement = settled(id, NOW, reactions=(fan,), sends=(send,))
                waiting.append((n, opened.mailbox.settle([settlement, settlement], NOW)))
            for n, settling in waiting:
                settling.result()
                say(str(-n))


def read(path: Path, number: int) -> None:
    """Every change that is seen must have its document, whole, in the same view or a later one."""
    with Cache(path) as cache:
        seen = 0
        say("ready")
        while seen < number:
            for change in cache.changes(seen):
                document = cache.get(change.id)
                assert document is not None
                assert document.json["id"] == change.id
                seen = change.seq
        listed = [document.id for document in cache.objects(actor="https://a.example/users/alice")]
        assert len(set(listed)) == len(listed) >= number
    say(f"seen {seen}")


def full(path: Path, number: int) -> None:
    """Write until the file may not grow, then read, then go on when it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with store_at(path) as opened:
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
        kept = 0
        while True:
            try:
                text = os.urandom(2000).hex()
                opened.store.apply(Outcome(NOW, puts=(note(kept + 1, text),))).result()
            except StoreError:
                break
            kept += 1
        assert opened.query.totals().documents == kept
        assert opened.query.totals().read_only
        assert opened.query.check().findings == ()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        opened.store.apply(Outcome(NOW, puts=(note(kept + 1),))).result()
        assert not opened.query.totals().read_only
        assert opened.query.collection(OUTBOX) is None
    say(f"kept {kept}")


if __name__ == "__main__":
    {"write": write, "migrate": migrate, "mail": mail, "read": read, "full": full}[sys.argv[1]](
        Path(sys.argv[2]), int(sys.argv[3])
    )
