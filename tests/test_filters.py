"""Filters mean the same in the API, the commands and Python; what is wrong is named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_cases import ALICE, NOW, note, serving

from fedpull.cache import Cache
from fedpull.cache.records import Follow
from fedpull.cli.main import main
from fedpull.client import Client
from fedpull.errors import BadInput

FOLLOWED = Follow(key="@alice@events.example", actor=ALICE, handle="@alice@events.example")
EVENTS = (
    note(1, type="Event", startTime="2026-07-03T18:00:00Z"),
    note(2, type="Event", startTime="2026-07-01T18:00:00+02:00"),
    note(3, type="Event", startTime="2026-07-02T18:00:00Z"),
    note(4, type="Event"),
    note(5),
)
FOUND: list[tuple[str, dict[str, str], list[int]]] = [
    ("by type, newest first", {"type": "Event"}, [4, 3, 2, 1]),
    ("in the order of their start", {"type": "Event", "order": "start"}, [2, 3, 1]),
    ("from a start on", {"starts_since": "2026-07-02T18:00:00Z"}, [3, 1]),
    ("up to a start", {"starts_until": "2026-07-02T18:00:00Z"}, [2]),
    ("in a day", {"starts_since": "2026-07-01", "starts_until": "2026-07-02"}, [2]),
    ("published and by start", {"order": "start", "since": "2026-05-03"}, [2, 3]),
    ("newest first, by name", {"order": "published", "until": "2026-05-04"}, [2, 1]),
]  # fmt: skip


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        (tmp_path / "fedpull.yaml").write_text(yaml.safe_dump({"store": {"path": "data"}}))
        code = main(["-c", str(tmp_path / "fedpull.yaml"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("filters", "numbers"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND]
)
def test_a_filter_means_the_same_everywhere(
    tmp_path: Path, command: Any, filters: dict[str, str], numbers: list[int]
) -> None:
    """The API, the client, the command and Python list the same objects in the same order."""

    async def body() -> list[list[str]]:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(*EVENTS)
            told = await api.get("/v1/objects?" + "&".join(f"{k}={v}" for k, v in filters.items()))

            def ask() -> list[str]:
                with Client(api.address) as client:
                    return [item["id"] for item in client.objects(**filters)]  # type: ignore[arg-type]

            return [[item["id"] for item in told.json["items"]], await asyncio.to_thread(ask)]

    listed = asyncio.run(body())
    with Cache(tmp_path / "data") as cache:
        listed.append([one.id for one in cache.objects(**filters)])  # type: ignore[arg-type]
    options = (f"--{name.replace('_', '-')}={text}" for name, text in filters.items())
    code, out, _ = command("list", "--json", *options)

    assert code == 0
    listed.append([item["id"] for item in json.loads(out)["items"]])
    assert listed == [[f"https://events.example/notes/{n}" for n in numbers]] * 4


def test_what_is_listed_by_start_shows_its_start(tmp_path: Path, command: Any) -> None:
    """The time on a line is the one that the lines are in the order of."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(*EVENTS)

    asyncio.run(body())

    _, by_start, _ = command("list", "--order", "start")
    _, newest_first, _ = command("list", "--type", "Event")

    assert by_start.splitlines()[0].split("\t")[1] == "2026-07-01 16:00Z"
    assert newest_first.splitlines()[0].split("\t")[1] == "2026-05-05 12:00Z"


WRONG = [
    ({"order": "soon"}, "'soon' is not an order: expected published or start"),
    ({"starts_since": "soon"}, "'soon' is not a time"),
    ({"in_reply_to": "soon"}, "soon"),
]


@pytest.mark.parametrize(("filters", "reason"), WRONG)
def test_a_wrong_filter_is_named_as_it_was_written(
    tmp_path: Path, command: Any, filters: dict[str, str], reason: str
) -> None:
    """The API names the parameter, the command the option, Python the argument."""

    async def body() -> Any:
        async with serving(tmp_path) as api:
            api.store.put(note(1))
            [(name, text)] = filters.items()
            return await api.get(f"/v1/objects?{name}={text}")

    answer = asyncio.run(body())
    [name] = filters
    option = f"--{name.replace('_', '-')}"
    code, _, err = command("list", f"{option}=soon")

    assert (answer.status, answer.json["subject"]) == (400, name)
    assert reason in answer.json["detail"]
    assert code == 2
    assert err.startswith(f"fedpull: {option}: {reason}")
    with Cache(tmp_path / "data") as cache, pytest.raises(BadInput) as told:
        next(cache.objects(**filters))  # type: ignore[arg-type]
    assert told.value.subject == name


def test_now_is_the_clocks(tmp_path: Path) -> None:
    """An age counts from the clock's now: what starts from `0s` on is what is coming."""

    async def body() -> list[str]:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(*EVENTS, at=NOW)
            api.now = 1_783_015_200.0  # 2026-07-02T18:00:00Z
            answer = await api.get("/v1/objects?type=Event&starts_since=0s")
            return [item["id"].rpartition("/")[2] for item in answer.json["items"]]

    assert asyncio.run(body()) == ["3", "1"]
