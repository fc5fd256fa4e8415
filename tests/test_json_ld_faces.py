"""The JSON-LD views as programs get them: over HTTP, in Python, from the shell."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from api_cases import HOST, Serving, Store, note, serving

from fedpull.cache import Cache, view_process
from fedpull.cache.api_http import Busy
from fedpull.cache.document import Document
from fedpull.cache.view_process import ViewProcess
from fedpull.cli.main import main
from fedpull.crawler.protocol import jsonld
from fedpull.crawler.protocol.shapes import AS2
from fedpull.errors import BadInput, Refused

NOTE = f"{HOST}/notes/1"
URL = f"/v1/document?id={NOTE}&form="
AS = "https://www.w3.org/ns/activitystreams"
# Past the direct path, in the process: a context within a definition, of a bundled context.
KEYED: dict[str, Any] = {
    "@context": [AS, "https://w3id.org/security/multikey/v1"],
    "attachment": {"type": "Multikey", "publicKeyMultibase": "z6Mk"},
}
LARGE = {"attachment": [{"type": "Document", "name": f"{n}" * 9} for n in range(2000)]}


async def test_a_document_is_served_in_both_forms(tmp_path: Path) -> None:
    """As JSON, with all that is said of the copy; each form has a tag of its own."""
    async with serving(tmp_path) as served:
        served.store.put(note(1))
        plain = await served.get(URL.removesuffix("&form="))
        for form, id in (("expanded", "@id"), ("compacted", "id")):
            view = await served.get(URL + form)

            assert view.status == 200
            assert view.headers["content-type"] == "application/json"
            assert view.headers["link"] == plain.headers["link"]
            assert view.headers["etag"] != plain.headers["etag"]
            [node] = view.json if form == "expanded" else [view.json]
            assert node[id] == NOTE
            again = await served.get(URL + form, **{"If-None-Match": view.headers["etag"]})
            assert again.status == 304


@pytest.mark.parametrize("more", [KEYED, LARGE], ids=["for PyLD", "large"])
async def test_what_takes_long_is_done_elsewhere(tmp_path: Path, more: dict[str, Any]) -> None:
    """Other calls are answered while a process of its own makes the view."""
    async with serving(tmp_path) as served:
        served.store.put(note(1, **more))
        view = asyncio.ensure_future(served.get(URL + "expanded"))
        assert (await served.get("/healthz")).status == 200
        answer = await view

        assert answer.status == 200
        assert answer.json == jsonld.view(note(1, **more), "expanded", NOTE, direct=False)


REFUSED: dict[str, dict[str, Any]] = {
    "an unknown context": {"@context": [AS, "https://evil.example/context"]},
    "one of a private address": {"@context": [AS, "http://169.254.169.254/"]},
    "an import": {"@context": [AS, {"@import": "https://w3id.org/security/v1"}]},
    "no JSON-LD, as PyLD says": {"tag": {"id": ["https://x.example/"], "name": "x"}},
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_has_no_view_is_refused_and_nothing_is_asked(tmp_path: Path, case: str) -> None:
    """403, whichever process finds out; without a form the document is there."""
    async with serving(tmp_path) as served:
        served.store.put(note(1, **REFUSED[case]))
        for form in jsonld.FORMS:
            answer = await served.get(URL + form)

            assert answer.status == 403
            assert answer.json["type"].endswith("/problems/refused")
        assert (await served.get(URL.removesuffix("&form="))).status == 200
        assert served.origin.asked == []


async def test_a_form_that_is_none(tmp_path: Path) -> None:
    """The caller's mistake, and nothing is looked for; what is empty is not asked for."""
    async with serving(tmp_path) as served:
        for form in ("flattened", "Expanded"):
            assert (await served.get(URL + form)).status == 400


async def test_a_form_of_what_is_not_held(tmp_path: Path) -> None:
    """As without the form: fetched, or the error that says why not."""
    async with serving(tmp_path) as served:
        refused = await served.get(URL + "expanded", **{"Cache-Control": "only-if-cached"})
        assert refused.status == 504
        served.origin.answers[NOTE] = lambda: served.store.put(note(1))

        assert (await served.get(URL + "expanded")).json[0]["@id"] == NOTE


def embedded(served: Serving, context: Any) -> None:
    document = note(1, mood="good")
    del document["@context"]
    context = json.dumps(context).encode()
    served.store.put(document, enclosing=f"{HOST}/outbox", context=context)


async def test_an_embedded_document_has_the_words_of_its_page(tmp_path: Path) -> None:
    """Over HTTP and in Python alike."""
    async with serving(tmp_path) as served:
        embedded(served, [AS, {"mood": "https://x.example/mood"}])

        [node] = (await served.get(URL + "expanded")).json
        assert node["https://x.example/mood"] == [{"@value": "good"}]
        with Cache(served.store.folder) as cache:
            document = cache.get(NOTE)
            assert document is not None
            assert document.expanded == [node]


def held(tmp_path: Path, **more: Any) -> Document:
    store = Store(tmp_path)
    store.put(note(1, **more))
    document = store.query.document(NOTE)
    store.close()
    assert document is not None
    return document


def test_views_in_python(tmp_path: Path) -> None:
    """Each is made anew, so that what one reader changes is its own."""
    document = held(tmp_path, sensitive=True)

    assert document.expanded[0]["@type"] == [AS2 + "Note"]
    document.expanded.clear()
    assert len(document.expanded) == 1
    assert document.compacted["to"] == "as:Public"


def test_no_view_in_python(tmp_path: Path) -> None:
    """The error says why; the document is there."""
    document = held(tmp_path, **{"@context": "https://evil.example/context"})
    with pytest.raises(Refused, match=r"evil\.example"):
        _ = document.compacted

    assert document.json["type"] == "Note"


def test_views_from_the_shell(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """`get --form` prints what the API answers, and exits 4 where there is no view."""
    configuration = tmp_path / "fedpull.yaml"
    configuration.write_text("store: {path: data}\n", "utf-8")
    store = Store(tmp_path / "data")
    other = note(2, **{"@context": "https://evil.example/context"})
    store.put(note(1), other)
    store.close()

    def run(id: str, form: str) -> int:
        return main(["-c", str(configuration), "get", id, "--form", form, "--json"])

    assert run(NOTE, "compacted") == 0
    assert json.loads(capfdbinary.readouterr().out) == jsonld.view(note(1), "compacted", NOTE)
    assert run(other["id"], "expanded") == 4
    assert run(NOTE, "framed") == 2


async def test_a_process_that_has_ended_is_started_again(tmp_path: Path) -> None:
    """It ends when it is idle; nobody notices."""
    views = ViewProcess()
    document = held(tmp_path, **KEYED)
    try:
        first = await views.view(document, "expanded")
        assert views._process is not None
        views._process.kill()
        views._process.wait()

        assert await views.view(document, "expanded") == first
    finally:
        views.close()


async def test_what_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no view then; the next document is served as ever."""
    views = ViewProcess()
    document = held(tmp_path, **KEYED)
    try:
        with monkeypatch.context() as short:
            short.setattr(view_process, "_SECONDS", 0.0)
            with pytest.raises(Refused, match="too much time"):
                await views.view(document, "expanded")

        assert await views.view(document, "expanded")
    finally:
        views.close()
    with pytest.raises(Busy):
        await views.view(document, "expanded")


async def test_no_more_wait_than_can_be_served(tmp_path: Path) -> None:
    """The ninth is told to come again, and small documents are served nevertheless."""
    views = ViewProcess()
    document = held(tmp_path, **KEYED)
    try:
        asked = [asyncio.ensure_future(views.view(document, "expanded")) for _ in range(9)]
        results = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        views.close()

    assert [type(one).__name__ for one in results] == ["bytes"] * 8 + ["Busy"]


def test_the_process_tells_errors_by_their_kind() -> None:
    """What is refused in it is refused here, with the same words."""
    hostile = json.dumps({"@context": [AS, {"to": "as:cc"}], "id": NOTE}).encode()
    views = ViewProcess()
    try:
        with pytest.raises(BadInput, match="gives to another meaning"):
            views._ask(view_process._packed("expanded", NOTE, None, hostile), NOTE)
    finally:
        views.close()
