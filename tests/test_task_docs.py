"""The pages that tell how to do something: their Python and their commands, run as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from example_world import AGENDA, ALICE, pulled
from lxml import html  # type: ignore[import-untyped]
from station import Running, Station

from fedpull.config.load import load

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TASKS = ("follow", "queries", "changes", "embed", "exports", "python")
PAGES = [*(DOCS / f"{name}.md" for name in TASKS), ROOT / "README.md"]


class Enough(Exception):
    """What a reader of an endless log has seen."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Station, Running]]:
    with pulled(tmp_path_factory.mktemp("docs")) as place:
        yield place


def blocks(page: Path, language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(page: Path, place: tuple[Station, Running], names: dict[str, Any]) -> dict[str, Any]:
    """The blocks of a page one after the other, in the folder of a store that is called `data`."""
    for block in blocks(page, "python"):
        code = block.replace("http://127.0.0.1:8787", place[1].address)
        exec(compile(code, str(page), "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(
    page: Path, place: tuple[Station, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block does what it says beside a daemon, with the names that the page says you have."""
    seen: list[dict[str, Any]] = []

    def handle(change: dict[str, Any]) -> None:
        seen.append(change)
        if len(seen) == 5:
            raise Enough

    monkeypatch.chdir(place[0].folder)
    names: dict[str, Any] = {"last": None, "handle": handle, "__name__": "docs"}
    try:
        run(page, place, names)
    except Enough:
        assert [one["seq"] for one in seen] == [1, 2, 3, 4, 5]
    finally:
        if page.stem == "embed":
            names["cache"].close()

    assert blocks(page, "python")


def test_python_tells_what_is_held(
    place: tuple[Station, Running],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The blocks find what the servers have, in the store and by the client."""
    monkeypatch.chdir(place[0].folder)
    names = run(DOCS / "python.md", place, {"__name__": "docs"})
    printed = capsys.readouterr().out

    assert "Concert 3" in printed
    assert "Lab Hall" in printed
    assert "Alice\nnot held\n" in printed
    assert "alice " in printed
    assert re.search(r"^\w+ Alice$", printed, re.MULTILINE)
    assert len(names["licenses"]) == 9


def test_the_application_shows_posts_and_loads_nothing(
    place: tuple[Station, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validator of WSGI finds nothing wrong; what strangers wrote neither runs nor loads."""
    monkeypatch.chdir(place[0].folder)
    names = run(DOCS / "embed.md", place, {"__name__": "docs"})
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    began: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        began.append(status)
        return began.append

    answer = validator(names["application"])(environ, start_response)
    page = html.document_fromstring(b"".join(answer))
    answer.close()  # type: ignore[attr-defined]
    may_be_shown = {
        one.id: names["may_be_shown"](one.id) for one in names["cache"].objects(actor=ALICE)
    }
    nobody = names["may_be_shown"]("https://nobody.example/1")
    names["cache"].close()

    assert began == ["200 OK"]
    assert len(page.xpath("//article")) == 3
    assert page.xpath("//img | //script | //*[@onerror]") == []
    assert all(one.startswith("https://") for one in page.xpath("//a/@href"))
    assert set(may_be_shown.values()) == {True}
    assert nobody is False


def test_the_commands_about_following_work(place: tuple[Station, Running]) -> None:
    """Each command of the page ends well, beside the daemon, and the last one undoes its own."""
    station, _ = place
    lines = [line for block in blocks(DOCS / "follow.md", "console") for line in block.splitlines()]
    done = [(line, station.run(*shlex.split(line)[2:])) for line in lines]

    assert len(done) == 5
    assert [(line, result.err) for line, result in done if result.code] == []
    assert station.run("explain", ALICE).code == 0


def test_the_configuration_of_the_page_is_one(tmp_path: Path) -> None:
    """Its YAML is read as it stands."""
    [text] = blocks(DOCS / "follow.md", "yaml")
    (tmp_path / "fedpull.yaml").write_text(text, "utf-8")
    loaded = load(tmp_path / "fedpull.yaml", environ={}, data_home=tmp_path)

    assert [follow.actor for follow in loaded.config.follow] == [ALICE, AGENDA]


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """No page names a file that is not there, and the readme leads to every one."""
    found = re.findall(r"\]\(([\w./-]+\.\w+)(?:#[\w-]*)?\)", page.read_text("utf-8"))

    assert [name for name in found if not (page.parent / name).exists()] == []
    assert f"(docs/{page.name})" in (ROOT / "README.md").read_text("utf-8")
