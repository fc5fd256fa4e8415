"""Pushes and polls share one agenda: the real store, the real rules, on a clock that is set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from follow_cases import creates, outbox
from ingest_cases import ALICE, OUTBOX
from mail_pocket import MailPocket, activity

HOUR, DAY = 3_600.0, 86_400.0
STEP = 1_800.0  # seconds between two looks at what is due
A_DAY = 8  # posts


class Author:
    """Posts every three hours, and pushes or not."""

    def __init__(self, pocket: MailPocket) -> None:
        self.pocket = pocket
        self.count = 0
        self.began = pocket.clock.at

    def live(self, days: float, *, pushes: bool) -> float:
        """Polls a day in the last three days of so many."""
        pocket, ends = self.pocket, self.pocket.clock.at + days * DAY
        posted, polls = pocket.clock.at, 0
        while pocket.clock.at < ends:
            pocket.clock.at += STEP
            if pocket.clock.at - posted >= DAY / A_DAY:
                posted = pocket.clock.at
                self._post(pushes=pushes)
            asked = pocket.run()
            if pocket.clock.at >= ends - 3 * DAY:
                polls += asked.count(OUTBOX)
        return polls / 3.0

    def _post(self, *, pushes: bool) -> None:
        self.count += 1
        items = creates(self.count, max(self.count - 19, 1))
        for item in items:
            number = int(item["object"]["id"].rpartition("/")[2])
            item["object"]["published"] = stamp(self.began + number * DAY / A_DAY)
        self.pocket.pages[OUTBOX] = outbox(*items)
        newest = items[0]["object"]
        self.pocket.pages[newest["id"]] = newest
        if pushes:
            self.pocket.push(activity("Create", newest["id"]))


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_who_pushes_is_polled_less_and_polled_again_when_it_stops(tmp_path: Path) -> None:
    """Every post is held in the end; the polls go down while pushes come, and up without them."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed()
        author = Author(pocket)

        before = author.live(4, pushes=False)
        pushed = author.live(9, pushes=True)
        stopped = author.live(12, pushes=False)

        assert pushed < before / 2
        assert stopped > before / 1.5
        assert set(pocket.listed(ALICE)) == {f"{ALICE}/{n}" for n in range(1, author.count + 1)}
        asked = [url for url in pocket.asked if url.startswith(f"{ALICE}/")]
        assert max(asked.count(f"{ALICE}/{n}") for n in range(1, author.count + 1)) <= 6
