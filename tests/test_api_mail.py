"""The calls of the private API about mail, and the typed client that makes them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_cases import ALICE, HOST, NOW, Serving, note, serving
from mail_cases import GUEST, INBOX, received, settled

from fedpull.cache.mail_records import Follower, Reaction, Send, Sent
from fedpull.cache.open import Opened
from fedpull.client import Client

FOLLOWER = Follower(ALICE, f"{ALICE}/inbox", f"{HOST}/inbox", "pending", f"{ALICE}/f/1", NOW)


def receive(opened: Opened, count: int) -> None:
    opened.mailbox.receive([received(n) for n in range(1, count + 1)], NOW).result()


async def pages(api: Serving, url: str | None) -> list[list[Any]]:
    """The ids of every page of a list."""
    seen = []
    while url is not None:
        page = (await api.get(url)).json
        seen.append([item.get("id", item.get("actor")) for item in page["items"]])
        url = page["next"]
    return seen


async def test_a_notification_as_it_is_told(tmp_path: Path) -> None:
    """Who sent it, what it is about, and what became of it; nothing of its text."""
    async with serving(tmp_path) as api:
        receive(api.store.opened, 1)
        [waiting] = (await api.get("/v1/notifications")).json["items"]
        api.store.opened.mailbox.settle([settled(1, NOW, outcome="asked its origin")], NOW).result()
        [done] = (await api.get("/v1/notifications")).json["items"]

        assert waiting == {
            "id": 1,
            "at": "2026-05-28T20:26:40Z",
            "sender": GUEST,
            "target": INBOX,
            "activity": "https://g.example/creates/1",
            "type": "Create",
            "object": "https://g.example/notes/1",
            "state": "waiting",
            "attempts": 0,
            "outcome": None,
            "forwarded": False,
            "next_attempt": "2026-05-28T20:26:40Z",
        }
        assert (done["state"], done["attempts"], done["outcome"]) == ("done", 1, "asked its origin")
        assert done["next_attempt"] is None


async def test_lists_of_mail_come_in_pages(tmp_path: Path) -> None:
    """`next` leads through all of them, each once; a state and a host pick."""
    async with serving(tmp_path) as api:
        opened = api.store.opened
        receive(opened, 5)
        opened.mailbox.settle([settled(n, NOW) for n in (1, 2)], NOW).result()
        inboxes = [f"https://{host}.example/inbox" for host in "aaab"]
        opened.mailbox.send([Send(f"{HOST}/{n}", to, b"{}") for n, to in enumerate(inboxes)], NOW)
        for n in range(3):
            actor = f"{HOST}/users/{n}"
            one = Follower(actor, f"{actor}/inbox", None, "pending", "", NOW)
            opened.mailbox.put_follower(one, (), NOW).result()

        assert await pages(api, "/v1/notifications?limit=2") == [[5, 4], [3, 2], [1]]
        assert await pages(api, "/v1/notifications?limit=2&state=done") == [[2, 1], []]
        assert await pages(api, "/v1/notifications?state=failed") == [[]]
        assert await pages(api, "/v1/deliveries?limit=3") == [[4, 3, 2], [1]]
        assert await pages(api, "/v1/deliveries?host=a.example") == [[3, 2, 1]]
        assert await pages(api, "/v1/deliveries?host=a.example:444&state=waiting") == [[]]
        followers = await pages(api, "/v1/followers?limit=2")
        assert sorted(id for page in followers for id in page) == [
            f"{HOST}/users/{n}" for n in range(3)
        ]
        assert await pages(api, "/v1/followers?state=accepted") == [[]]


async def test_deliveries_of_an_activity_come_with_its_account(tmp_path: Path) -> None:
    """Each with its tries; one is found by its number."""
    async with serving(tmp_path) as api:
        mailbox = api.store.opened.mailbox
        ours, other = f"{HOST}/activities/1", f"{HOST}/activities/2"
        inboxes = [f"https://{host}.example/inbox" for host in "ab"]
        sends = [Send(id, to, b"{}", recipient=to) for id in (ours, other) for to in inboxes]
        mailbox.send(sends, NOW).result()
        mailbox.errands(NOW, 9, 60.0, 1e6).result()
        later, why = NOW + 60, "did not answer"
        failed = Sent(1, "waiting", True, None, why, later, later, seconds=10.25)
        mailbox.sent([failed], NOW).result()
        found = (await api.get(f"/v1/deliveries?activity={ours}")).json
        one = (await api.get("/v1/deliveries?id=1")).json["items"]
        nobody = (await api.get(f"/v1/deliveries?activity={HOST}/none")).json
        host = (await api.get("/v1/hosts")).json["items"][0]

        assert [row["id"] for row in found["items"]] == [2, 1]
        assert found["account"] == {"waiting": 2, "delivered": 0, "given_up": 0, "expired": 0}
        assert one == [found["items"][1]]
        [tried] = one[0]["log"]
        assert (tried["status"], tried["seconds"], tried["error"]) == (None, 10.25, why)
        assert (one[0]["recipient"], one[0]["ended"]) == (inboxes[0], None)
        assert nobody == {"items": [], "next": None}
        assert (await api.get("/v1/deliveries?id=99")).json["items"] == []
        assert host["delivery"]["waiting"] >= 1


async def test_a_follower_is_judged(tmp_path: Path) -> None:
    """By URI or by the name that its own document has; whoever has not asked is not found."""
    async with serving(tmp_path) as api:
        api.store.put(
            {
                "id": ALICE,
                "type": "Person",
                "preferredUsername": "alice",
                "inbox": f"{ALICE}/inbox",
                "outbox": f"{ALICE}/outbox",
            }
        )
        api.store.opened.mailbox.put_follower(FOLLOWER, (), NOW).result()
        accepted = await api.post("/v1/followers", {"actor": ALICE, "accept": True})
        name = "@Alice@events.example"
        rejected = await api.post("/v1/followers", {"actor": name, "accept": False})
        nobody = await api.post("/v1/followers", {"actor": f"{HOST}/users/9", "accept": True})

        assert (accepted.status, accepted.json["state"]) == (200, "accepted")
        assert accepted.json == {
            "actor": ALICE,
            "state": "accepted",
            "inbox": FOLLOWER.inbox,
            "shared_inbox": FOLLOWER.shared_inbox,
            "follow": FOLLOWER.follow,
            "at": "2026-05-28T20:26:40Z",
        }
        assert (rejected.status, rejected.json["state"]) == (200, "rejected")
        assert nobody.status == 404


WRONG: list[tuple[str, str, Any, str]] = [
    ("an unknown state", "/v1/notifications?state=new", None, "state"),
    ("a follower's state is no delivery's", "/v1/deliveries?state=pending", None, "state"),
    ("a cursor that is none", "/v1/notifications?cursor=x", None, "cursor"),
    ("a limit of nothing", "/v1/deliveries?limit=0", None, "limit"),
    ("a host that is none", f"/v1/deliveries?host={quote('a b')}", None, "host"),
    ("a parameter that nobody reads", "/v1/followers?host=a.example", None, "host"),
    ("no verdict", "/v1/followers", {"actor": ALICE}, "accept"),
    ("a verdict that is a word", "/v1/followers", {"actor": ALICE, "accept": "yes"}, "accept"),
    ("nobody", "/v1/followers", {"accept": True}, "actor"),
    ("somebody who cannot be", "/v1/followers", {"actor": "alice", "accept": True}, "actor"),
    ("more than is read", "/v1/followers", {"actor": ALICE, "accept": True, "x": 1}, "x"),
]


@pytest.mark.parametrize(
    ("url", "body", "subject"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
async def test_wrong_input_is_told(tmp_path: Path, url: str, body: Any, subject: str) -> None:
    """400, with the parameter that is wrong."""
    async with serving(tmp_path) as api:
        answer = await (api.get(url) if body is None else api.post(url, body))

        assert (answer.status, answer.json["subject"]) == (400, subject)


async def test_reactions_stand_with_the_reference(tmp_path: Path) -> None:
    """Of what is held; of anything else there are none to be told."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        receive(api.store.opened, 1)
        like = Reaction(f"{HOST}/notes/1", GUEST, "like")
        api.store.opened.mailbox.settle([settled(1, NOW, reactions=(like,))], NOW).result()
        found = (await api.get(f"/v1/reference?id={HOST}/notes/1")).json
        nobody = (await api.get(f"/v1/reference?id={quote(ALICE)}")).json

        assert found["counts"] == {"likes": 1, "reacts": 0, "shares": 0}
        assert nobody["counts"] is None


async def test_the_client_of_mail(tmp_path: Path) -> None:
    """Every list in full, and the verdict."""
    async with serving(tmp_path) as api:
        opened = api.store.opened
        receive(opened, 3)
        opened.mailbox.put_follower(FOLLOWER, (), NOW).result()
        opened.mailbox.send([Send(f"{HOST}/1", f"{ALICE}/inbox", b"{}")], NOW).result()
        opened.mailbox.errands(NOW, 1, 60.0, 3600.0).result()
        opened.mailbox.sent([Sent(1, "given_up", counted=True, status=400, error="no")], NOW)

        def calls() -> tuple[Any, ...]:
            with Client(api.address) as client:
                judged = client.judge_follower(ALICE, accept=True)
                return (
                    [one["id"] for one in client.notifications("waiting")],
                    judged["state"],
                    [one["actor"] for one in client.followers("accepted")],
                    [one["last_status"] for one in client.deliveries("given_up", "events.example")],
                )

        assert await asyncio.to_thread(calls) == ([3, 2, 1], "accepted", [ALICE], [400])
