"""What tests of pushes look at: the mail of a station, read from its store beside the daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from public_station import PublicStation
from station import eventually

from fedpull.cache.mail_records import Notification
from fedpull.cache.open import open_reader
from fedpull.cache.ports import Query

ALL = 100_000


@contextmanager
def mail(station: PublicStation) -> Iterator[Query]:
    reader = open_reader(station.store)
    try:
        yield reader.query
    finally:
        reader.close()


def notifications(station: PublicStation) -> list[Notification]:
    """All of them, newest first."""
    with mail(station) as query:
        return query.notifications(ALL)


def waiting(station: PublicStation) -> list[Notification]:
    """What is still to be acted upon."""
    return [one for one in notifications(station) if one.state == "waiting"]


def followers(station: PublicStation) -> list[str]:
    """The actors that follow ours."""
    with mail(station) as query:
        return [one.actor for one in query.followers(ALL, state="accepted")]


def settled(station: PublicStation, activity: str) -> Notification:
    """The notification of an activity, once it is no longer waiting."""
    found: list[Notification] = []

    def look() -> bool:
        found[:] = [
            one
            for one in notifications(station)
            if one.activity == activity and one.state != "waiting"
        ]
        return bool(found)

    eventually(look, f"{activity} was acted upon")
    return found[0]
