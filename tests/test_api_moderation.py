"""The calls about whom nobody is to have to do with: forget, and the blocklists read anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_cases import serving

POST = "https://events.example/notes/1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"id": POST}, id="an id"),
        pytest.param({"id": "@alice@events.example"}, id="a handle"),
        pytest.param({"domain": "spam.example"}, id="a domain"),
    ],
)
async def test_forgetting_tells_how_much_was_purged(tmp_path: Path, body: dict[str, Any]) -> None:
    """200 once it is purged; the list has it, and an undo takes it back."""
    async with serving(tmp_path) as api:
        done = await api.post("/v1/forget", body)
        assert (done.status, done.json) == (200, {"purged": 3})
        listed = (await api.get("/v1/forget")).json
        assert [one["name"] for one in listed["items"]] == list(body.values())
        undone = await api.post("/v1/forget", {**body, "undo": True})
        assert (undone.status, undone.json) == (200, {"purged": 0})
        assert (await api.get("/v1/forget")).json["items"] == []
        assert (await api.post("/v1/forget", {**body, "undo": True})).status == 404


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"id": POST, "domain": "spam.example"}, id="both"),
        pytest.param({"id": "spam.example"}, id="a domain for an id"),
        pytest.param({"domain": POST}, id="an id for a domain"),
        pytest.param({"id": 7}, id="a number"),
        pytest.param({"id": ""}, id="an empty id"),
        pytest.param({"id": POST, "undo": "yes"}, id="no switch"),
        pytest.param({"id": POST, "purge": True}, id="an unknown parameter"),
        pytest.param([], id="no object"),
    ],
)
async def test_what_is_not_said_clearly_is_not_forgotten(tmp_path: Path, body: Any) -> None:
    """What is purged does not come back, so nothing is guessed."""
    async with serving(tmp_path) as api:
        assert (await api.post("/v1/forget", body)).status == 400
        assert api.origin.wishes == []


async def test_reading_blocklists_anew_tells_what_has_changed(tmp_path: Path) -> None:
    """And which rows are without effect."""
    async with serving(tmp_path) as api:
        done = await api.post("/v1/blocklists", {})
        refused = await api.post("/v1/blocklists", {"file": "/etc/passwd"})

    assert done.status == 200
    assert done.json["added"] == [{"domain": "spam.example", "severity": "suspend"}]
    assert done.json["removed"] == done.json["changed"] == []
    [given] = done.json["lists"]
    assert (given["name"], given["rules"], given["noop"]) == ("b.csv", 1, 0)
    assert [(row["line"], row["text"]) for row in given["obfuscated"]] == [(3, "b*d.example")]
    assert refused.status == 400
