"""The small Fediverse that `fedpull demo` shows: six lively hosts of different families.

`tick` makes something happen; when is the caller's business, there is no timer here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from .families.cursors import Mastodon, Pleroma
from .families.events import DAY, Gancio
from .families.forums import NodeBB
from .families.gotosocial import GoToSocial
from .families.times import Ghost
from .model import Account, Json, Post, sentence
from .server import Server
from .world import Fediverse

_EVENTS = (
    "Repair café", "Open choir rehearsal", "Night bike ride", "Seed swap", "Silent film evening",
    "Beginners' soldering", "Story telling by the river", "Community garden breakfast",
    "Board game night", "Star gazing on the roof",
)  # fmt: skip
_SCENES = (
    "Fog on the canal", "Cranes at noon", "The last tram", "Rooftops after rain",
    "A heron, unimpressed", "Market day", "Light in the stairwell", "Low tide",
)  # fmt: skip


def demo_world(
    *, clock: Callable[[], float] = time.time, port: int = 0, posts: int = 40
) -> Fediverse:
    """The world of the demo, not started yet: `with demo_world() as world`."""
    town = Mastodon("town.example")
    agenda = Gancio("agenda.example")
    photos = Pleroma("photos.example")
    essays = Ghost("essays.example")
    forum = NodeBB("forum.example")
    cottage = GoToSocial("cottage.example")
    world = Fediverse([town, agenda, photos, essays, forum, cottage], clock=clock, port=port)

    for user in ("ada", "boris"):
        town.add_account(user, posts=posts)
    essays.add_account("editor", name="The Slow Review", posts=posts // 3)
    forum.add_account("carol", posts=posts // 2)
    cottage.add_account("dora", posts=posts)
    events = agenda.add_account("agenda", name="What is on in town")
    camera = photos.add_account("emil", name="Emil takes photos")
    for nth in range(posts // 2):
        back = (posts // 2 - nth) * 7_200
        _announce_event(events, random.Random(nth), published=clock() - back)
        _take_photo(camera, random.Random(nth), published=clock() - back)
    ada = town.accounts["ada"]
    for post in events.posts[-3:] + camera.posts[-2:]:
        ada.boost(post)
    town.accounts["boris"].post("@ada Is there a repair café this week?", in_reply_to=ada.posts[-1])
    return world


def handles(world: Fediverse) -> list[str]:
    return [a.handle for server in world.servers.values() for a in server.accounts.values()]


def tick(world: Fediverse) -> str:
    """Something happens: mostly a new post, now and then a boost, an edit or a deletion.

    What it is depends only on what has happened before. Returns a line that tells it.
    """
    accounts = [a for server in world.servers.values() for a in server.accounts.values()]
    rng = random.Random(sum(len(account.activities) for account in accounts))
    account = rng.choice(accounts)
    alive = [post for post in account.posts if post.public]
    what = rng.random()
    if what < 0.12 and alive:
        post = rng.choice(alive[-10:])
        account.edit(post, f"{post.text} (Edited: {sentence(rng)})")
        return f"{account.handle} edited {post.id}"
    if what < 0.2 and len(alive) > 5:
        post = rng.choice(alive[-10:])
        account.delete(post)
        return f"{account.handle} deleted {post.id}"
    if what < 0.3 and isinstance(account.server, Mastodon):
        other = rng.choice([a for a in accounts if a is not account and a.posts])
        activity = account.boost(other.posts[-1])
        return f"{account.handle} boosted {activity.object}"
    post = _new_post(account, account.server, rng)
    return f"{account.handle} posted {post.id}"


def _new_post(account: Account, server: Server, rng: random.Random) -> Post:
    if isinstance(server, Gancio):
        return _announce_event(account, rng)
    if isinstance(server, Pleroma):
        return _take_photo(account, rng)
    return account.post(sentence(rng), tags=("Fediverse",) if rng.random() < 0.3 else ())


def _announce_event(account: Account, rng: random.Random, published: float | None = None) -> Post:
    starts = account.server.now() + rng.randrange(1, 60) * DAY
    text = f"{rng.choice(_EVENTS)}. {sentence(rng)}"
    return account.post(text, published=published, tags=("agenda",), starts=starts)


def _take_photo(account: Account, rng: random.Random, published: float | None = None) -> Post:
    scene = rng.choice(_SCENES)
    picture: Json = {
        "type": "Image",
        "mediaType": "image/jpeg",
        "url": f"{account.server.base}/media/{rng.randrange(1 << 32):08x}.jpg",
        "name": scene,
        "width": 1600,
        "height": 1067,
    }
    return account.post(
        f"{scene}.", published=published, tags=("photography",), kind="Image",
        name=scene, attachment=[picture],
    )  # fmt: skip
