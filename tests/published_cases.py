"""What we publish as others see it: a press beside the public documents of the same store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instance_cases import keys_once
from publishing_cases import ORIGIN, Press
from store_cases import store_at

from fedpull.cache.api_http import Answer
from fedpull.config.model import Identity
from fedpull.crawler.instance import Instance
from fedpull.crawler.published import Published

ACTOR = f"{ORIGIN}/actor"
OUTBOX = f"{ACTOR}/outbox"
ACTIVITY = "application/activity+json"


def instance(folder: Path) -> Instance:
    file = folder / "actor.pem"
    file.touch(0o600)
    file.write_bytes(keys_once())
    return Instance(Identity(url=ORIGIN, key_file=file))


class House:
    """Publishes, and answers for it."""

    def __init__(self, press: Press, we: Instance) -> None:
        self.press = press
        self.we = we
        self.published = Published(we, press.opened.query)

    def get(self, id: str, later: float = 10.0, **headers: str) -> Answer | None:
        """The answer to an unsigned GET, some seconds after the last thing that was published."""
        path, _, query = id.removeprefix(ORIGIN).partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.published.answer(path, query, named, self.press.clock.at + later)

    def got(self, id: str, later: float = 10.0, **headers: str) -> Answer:
        answer = self.get(id, later, **headers)
        assert answer is not None, id
        return answer

    def publish(self, count: int, **how: Any) -> list[str]:
        """The ids of so many activities, in order."""
        words = [{"type": "Note", "content": f"{n}", "to": "as:Public"} | how for n in range(count)]
        return [self.press.publish(one).activity for one in words]


@contextmanager
def house(folder: Path) -> Iterator[House]:
    with store_at(folder / "store") as opened:
        yield House(Press(opened), instance(folder))
