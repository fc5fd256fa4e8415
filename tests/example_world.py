"""The servers that the examples and the documentation name, with something on each to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station import Running, Station, eventually

from fedpull.cache import Cache
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.families.events import Gancio
from fedpull.tests.fediverse.world import Fediverse

ALICE = "@alice@example.social"
AGENDA = "@agenda@events.example"
ANN = "@ann@photos.example"
DAY = 86_400.0
SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    f'<p>Look<img src="https://tracker.example/1.png" onerror="x()">{SCRIPT} &lt;script&gt;</p>'
)
ALT = 'A "quoted" <b>bridge</b>'


@contextmanager
def pulled(folder: Path) -> Iterator[tuple[Station, Running]]:
    """A daemon that runs, and has all of it: three posts, three events, two of them to come, and
    three pictures, one of which is none and one sensitive. Bob and Dana have written nothing."""
    with Fediverse() as world:
        social = world.add(Mastodon("example.social"))
        alice = social.add_account("alice", posts=2)
        for nobody_yet in ("bob", "dana"):
            social.add_account(nobody_yet)
        alice.post("Look", content=HOSTILE, tags=("photography",))
        agenda = world.add(Gancio("events.example")).add_account("agenda")
        now = agenda.server.now()
        for days in (-3, 3, 6):
            agenda.post(f"Concert {days}; with, guests.", starts=now + days * DAY)
        ann = world.add(Mastodon("photos.example")).add_account("ann")
        for number, picture in enumerate(("https://photos.example/1.jpg", "javascript:alert(1)")):
            content, tags = f"<p>Picture {number}{SCRIPT}</p>", ("photography",)
            ann.post("Picture", tags=tags, content=content, attachment=[image(picture)])
        picture = "https://photos.example/3.jpg"
        ann.post("Legs", attachment=[image(picture)], sensitive=True, summary="Spiders & co")
        station = Station(folder, world, follow=[ALICE, AGENDA, ANN])
        with station.daemon() as running:
            eventually(lambda: held(station) == 9, "nine posts are held")
            yield station, running


def image(url: str) -> dict[str, object]:
    return {"type": "Document", "mediaType": "image/jpeg", "url": url, "name": ALT}


def held(station: Station) -> int:
    with Cache(station.store) as cache:
        return sum(1 for _ in cache.objects())
