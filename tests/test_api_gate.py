"""Who may call the private API: hosts, origins, tokens, bodies; on a real socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from api_cases import HOST, note, serving

from fedpull.cache.api_gate import ApiSettings, host_name, settings_for
from fedpull.cache.api_http import MAX_BODY
from fedpull.errors import BadInput, StoreError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8787", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:8787", "::1"),
        ("[0:0::1]", "::1"),
        ("[::1", ""),
        ("[::1]x", ""),
        ("[zz]", ""),
        ("localhost:evil", ""),
        ("", ""),
        ("127.0.0.1.evil.example", "127.0.0.1.evil.example"),
    ],
)
def test_names_in_a_host_header(host: str, name: str) -> None:
    """The name is taken apart from its port, and what cannot be read is no name."""
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="plain"),
        pytest.param({"Host": "localhost"}, 200, id="by name"),
        pytest.param({"Host": "[::1]:8787"}, 200, id="by IPv6 address"),
        pytest.param({"Host": "evil.example"}, 421, id="a rebound name"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, 421, id="a name that starts like ours"),
        pytest.param({"Host": ""}, 421, id="no name"),
        pytest.param(
            {"Host": "localhost:1", "Origin": "http://localhost:1"}, 200, id="our own page"
        ),
        pytest.param({"Origin": "https://evil.example"}, 403, id="a page of another origin"),
        pytest.param({"Origin": "null"}, 403, id="a page without origin"),
        pytest.param(
            {"Host": "localhost:1", "Origin": "http://localhost:2"}, 403, id="another port's page"
        ),
        pytest.param({"Sec_Fetch_Site": "none"}, 200, id="an address typed by hand"),
        pytest.param({"Sec_Fetch_Site": "same-origin"}, 200, id="our page's request"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="another site's request"),
        pytest.param({"Sec_Fetch_Site": "same-site"}, 403, id="a sibling site's request"),
    ],
)
async def test_who_may_call(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """Calls in the name of other sites' pages are refused before they are looked at."""
    async with serving(tmp_path) as api:
        for target in ("/", "/healthz", "/v1/status"):
            reply = await api.get(target, **headers)

            assert reply.status == status, target
            assert not any(name.startswith("access-control") for name in reply.headers)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Basic s3cret", 401),
        ("Bearer ", 401),
        ("Bearer s3cretx", 401),
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
    ],
)
async def test_the_token(tmp_path: Path, given: str | None, status: int) -> None:
    """With a token nothing is told without it, but that we are alive."""
    async with serving(tmp_path, ApiSettings(None, "s3cret")) as api:
        headers = {"Authorization": given} if given is not None else {}

        reply = await api.get("/v1/status", **headers)

        assert reply.status == status
        assert ("www-authenticate" in reply.headers) is (status == 401)
        assert (await api.get("/healthz", **headers)).status == 200
        assert (await api.get("/", **headers)).status == status


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        pytest.param("application/json", '{"id": "https://a.example/1"}', 202, id="JSON"),
        pytest.param(
            "Application/JSON; charset=utf-8", '{"id": "https://a.example/1"}', 202, id="+"
        ),
        pytest.param("text/plain", '{"id": "https://a.example/1"}', 415, id="text of a form"),
        pytest.param("application/x-www-form-urlencoded", "id=https://a.example/1", 415, id="form"),
        pytest.param("multipart/form-data; boundary=x", "--x--", 415, id="multipart form"),
        pytest.param("multipart/form-data", "junk", 415, id="broken multipart form"),
        pytest.param("", "{}", 415, id="no type"),
        pytest.param("application/json", "", 400, id="no body"),
        pytest.param("application/json", "[]", 400, id="no object"),
        pytest.param("application/json", '{"id": NaN}', 400, id="no JSON"),
        pytest.param("application/json", "[" * 60_000, 400, id="deep"),
        pytest.param("application/json", b"\xff\xfe{}", 400, id="no UTF-8"),
        pytest.param("application/json", "x" * (MAX_BODY + 1), 413, id="too large"),
    ],
)
async def test_bodies(tmp_path: Path, kind: str, body: Any, status: int) -> None:
    """Only a JSON object of a bearable size changes anything."""
    async with serving(tmp_path) as api:
        reply = await api.call("POST", "/v1/fetch", body, Content_Type=kind)

        assert reply.status == status
        assert bool(api.origin.asked) is (status == 202)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"Content-Length: {10**12}", id="a length that never comes"),
        pytest.param("Transfer-Encoding: chunked", id="chunks without end"),
    ],
)
async def test_a_body_without_end(tmp_path: Path, head: str) -> None:
    """What is too large is answered and hung up on while it is still being sent."""
    async with serving(tmp_path) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        start = f"POST /v1/fetch HTTP/1.1\r\nHost: localhost\r\n{head}\r\n"
        writer.write(f"{start}Content-Type: application/json\r\n\r\n".encode())
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        for _ in range(4):
            writer.write(chunk)

        answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "/problems/size"
        writer.close()


async def test_nothing_of_our_insides(tmp_path: Path) -> None:
    """What should not fail and does is a problem without a trace of code."""
    async with serving(tmp_path) as api:
        api.origin.answers["https://a.example/1"] = lambda: 1 / 0  # type: ignore[assignment]

        reply = await api.get("/v1/document?id=https://a.example/1")

        assert (reply.status, reply.json["type"]) == (500, "/problems/error")
        assert b"Division" not in reply.body
        assert b"Traceback" not in reply.body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("http://localhost/healthz", 200, id="our name"),
        pytest.param("HTTP://LOCALHOST:8787/v1/status?x=", 400, id="with a query"),
        pytest.param("http://localhost", 200, id="no path is the root"),
        pytest.param("http://evil.example/healthz", 421, id="a rebound name"),
        pytest.param("http://me@localhost/healthz", 404, id="with a user, which no proxy sends"),
    ],
)
async def test_a_target_with_its_host(tmp_path: Path, target: str, status: int) -> None:
    """A target may name its host, as to a proxy (RFC 9112 section 3.2.2), and then that counts,
    not what `Host` says."""
    async with serving(tmp_path) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        host = "evil.example" if status != 421 and "@" not in target else "localhost"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

        answer = await reader.readline()

        assert int(answer.split()[1]) == status
        writer.close()


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("GET", "/v1/nothing", 404, None),
        ("GET", "/v1/document/", 404, None),
        ("GET", "/../../etc/passwd", 404, None),
        ("GET", "/%2e%2e/healthz", 404, None),
        ("DELETE", "/v1/document", 405, "GET, HEAD"),
        ("GET", "/v1/fetch", 405, "POST"),
        ("PUT", "/v1/follows", 405, "GET, POST, DELETE, HEAD"),
        ("OPTIONS", "/v1/follows", 405, "GET, POST, DELETE, HEAD"),
        ("BREW", "/", 405, "GET, HEAD"),
    ],
)
async def test_routes(
    tmp_path: Path, method: str, target: str, status: int, allow: str | None
) -> None:
    """What is not there is 404, what cannot be done to it 405 with what can."""
    async with serving(tmp_path) as api:
        reply = await api.call(method, target)

        assert (reply.status, reply.headers.get("allow")) == (status, allow)
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("description", "token", "hosts"),
    [
        ("tcp:8787:interface=127.0.0.1", False, LOOPBACK),
        ("tcp:0:interface=localhost", False, LOOPBACK),
        (r"tcp6:8787:interface=\:\:1", False, LOOPBACK),
        ("tcp:8787:interface=127.1.2.3", False, LOOPBACK | {"127.1.2.3"}),
        ("unix:/run/fedpull.sock", False, LOOPBACK),
        ("tcp:8787", True, None),
        ("tcp:8787:interface=192.0.2.7", True, None),
    ],
)
def test_settings_from_the_description(
    tmp_path: Path, description: str, token: bool, hosts: frozenset[str] | None
) -> None:
    """Names are checked where no token keeps strangers out."""
    file = tmp_path / "token"
    file.write_text(" s3cret\n")

    settings = settings_for(description, file if token else None)

    assert settings == ApiSettings(hosts, "s3cret" if token else None)


@pytest.mark.parametrize("text", [None, b"", b" \n", b"two words", "schlüssel".encode()])
def test_token_files(tmp_path: Path, text: bytes | None) -> None:
    """A token file that holds no token is an error at the start, not an open door."""
    file = tmp_path / "token"
    if text is not None:
        file.write_bytes(text)

    with pytest.raises(BadInput, match=r"api\.token_file"):
        settings_for("tcp:8787", file)


async def test_a_unix_socket_is_private(tmp_path: Path) -> None:
    """A unix socket serves its owner, and nobody else on the machine."""
    path = tmp_path / "api.sock"
    async with serving(tmp_path, description=f"unix:{path}") as api:
        assert api.address == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port that another program has is told in one line."""
    async with serving(tmp_path / "one") as first:
        description = f"tcp:{first.port}:interface=127.0.0.1"
        with pytest.raises(StoreError, match="cannot be listened on"):
            async with serving(tmp_path / "two", description=description):
                pass


async def test_duplicate_parameters(tmp_path: Path) -> None:
    """Two ids are no id."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        reply = await api.get(f"/v1/document?id={HOST}/notes/1&id={HOST}/notes/2")

        assert reply.status == 400
