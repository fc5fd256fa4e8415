"""What the door refuses, and that nothing is sent where it does."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from socket import EAI_AGAIN, EAI_NONAME, gaierror

import pytest
from certificates import Authority
from wire_server import RealClock, door_to, response, wire_server

from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.egress import Egress, EgressRules
from fedpull.crawler.egress_connection import Connection
from fedpull.crawler.egress_tls import TlsContext
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.errors import BadInput

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)

URLS = {
    "loopback": "https://127.0.0.1/x",
    "loopback, v6": "https://[::1]/x",
    "this host": "https://0.0.0.0/",
    "this host, v6": "https://[::]/",
    "private": "https://10.1.2.3/",
    "cloud metadata": "https://169.254.169.254/latest/meta-data/",
    "carrier NAT": "https://100.64.0.1/",
    "a test network": "https://203.0.113.9/",
    "benchmarking": "https://198.18.0.1/",
    "multicast": "https://224.0.0.1/",
    "reserved": "https://240.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    "AS112": "https://192.175.48.1/",
    "mapped loopback": "https://[::ffff:127.0.0.1]/",
    "NAT64 of loopback": "https://[64:ff9b::7f00:1]/",
    "6to4 of loopback": "https://[2002:7f00:1::]/",
    "unique local": "https://[fd00::1]/",
    "a scope": "https://[fe80::1%25eth0]/",
    "one number": "https://2130706433/",
    "a hexadecimal number": "https://0x7f000001/",
    "octal": "https://0177.0.0.1/",
    "a short form": "https://127.1/",
    "zero": "https://0/",
    "circled digits": "https://①②⑦.0.0.1/",
    "ideographic stops": "https://127。0。0。1/",
    "localhost": "https://localhost/",
    "below localhost": "https://x.localhost/",
    ".local": "https://a.local/",
    ".internal": "https://metadata.google.internal/",
    "a single label": "https://intranet/",
    ".onion": "https://abcdefgh.onion/",
    ".i2p": "https://a.i2p/",
    "file:": "file:///etc/passwd",
    "ftp:": "ftp://a.example/",
    "s3:": "s3://bucket/key",
    "data:": "data:application/activity+json,{}",
    "gopher:": "gopher://a.example/",
    "javascript:": "javascript:alert(1)",
    "SSH's port": "https://a.example:22/",
    "SMTP's port": "https://a.example:25/",
    "Redis' port": "https://a.example:6379/",
    "Elasticsearch's port": "https://a.example:9200/",
    "port 0": "https://a.example:0/",
    "a port beyond all": "https://a.example:65536/",
    "plain HTTP": "http://a.example/",
    "https on port 80": "https://a.example:80/",
    "a user name": "https://a.example@127.0.0.1/",
    "a backslash": "https://a.example\\@127.0.0.1/",
    "a line break": "https://a.example/\r\nHost: evil.example",
    "our own origin": "https://pull.example/users/x",
}


@pytest.mark.parametrize("case", URLS)
async def test_a_url_that_may_not_be_asked_opens_no_socket(case: str) -> None:
    """It is refused by its text: no name is looked up, nothing is connected to."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    rules = UrlRules(own_origins=frozenset({"https://pull.example"}))
    async with door_to(None, url_rules=rules, lookup=lookup) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URLS[case]))

        assert failed.value.kind == "url"
        assert failed.value.hops == ()
        assert asked == []
        assert door.egress.counts == {"failed_url": 1}


async def test_a_refused_url_keeps_the_class_of_its_cause() -> None:
    """To the caller a URL with an IP literal inside is bad input, not an unreachable host."""
    async with door_to(None) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://127.0.0.1/"))

    assert (failed.value.http_status, failed.value.exit_code) == (400, BadInput.exit_code)


BAD_ANSWERS = {
    "loopback": ["127.0.0.2"],
    "this host": ["0.0.0.0"],
    "v6 loopback and metadata": ["::1", "169.254.169.254"],
    "a scoped link-local": ["fe80::1%eth0"],
    "mapped loopback": ["::ffff:127.0.0.1"],
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
async def test_a_name_that_leads_inside_is_not_connected_to(case: str) -> None:
    """The addresses are judged, not the name; each bad one is counted."""
    async with door_to(None, lookup=lambda host, port: BAD_ANSWERS[case]) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://a.example/"))

        assert failed.value.kind == "address"
        assert [(hop.host, hop.status, hop.error) for hop in failed.value.hops] == [
            ("a.example:443", None, "address")
        ]
        assert (failed.value.http_status, failed.value.problem) == (502, "unreachable")
        assert door.egress.counts["connections"] == 0
        assert door.egress.counts["addresses_refused"] == len(BAD_ANSWERS[case])


async def test_the_bad_addresses_of_a_mixed_answer_are_skipped() -> None:
    """One good address is enough, and only that one is connected to."""
    async with wire_server(response()) as wire:
        rules = UrlRules(http=True, ports=frozenset({wire.port}), networks=LOOPBACK)
        found = ["127.0.0.2", "10.0.0.1", "127.0.0.1", "::1"]
        async with door_to(None, url_rules=rules, lookup=lambda host, port: found) as door:
            answer = await door.egress.fetch(Ask(f"http://a.example:{wire.port}/x"))

            assert answer.status == 200
            assert wire.urls == [f"a.example:{wire.port}/x"]
            assert door.egress.counts["connections"] == 1
            assert door.egress.counts["addresses_refused"] == 3


async def test_a_name_is_resolved_once_for_a_hop() -> None:
    """A name that answers with a public address first and loopback then gets no second question."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    async with wire_server(response()) as wire:
        rules = UrlRules(http=True, ports=frozenset({wire.port}), networks=LOOPBACK)
        async with door_to(None, url_rules=rules, lookup=lambda host, port: answers.pop(0)) as door:
            await door.egress.fetch(Ask(f"http://a.example:{wire.port}/x"))

            assert len(answers) == 1
            assert wire.connections == 1


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    """A host with a dead v6 address is reached over its v4 one."""
    async with wire_server(response()) as wire:
        rules = UrlRules(
            http=True,
            ports=frozenset({wire.port}),
            networks=(ipaddress.ip_network("::1/128"), *LOOPBACK),
        )
        async with door_to(
            None, url_rules=rules, lookup=lambda host, port: ["::1", "127.0.0.1"]
        ) as door:
            answer = await door.egress.fetch(Ask(f"http://a.example:{wire.port}/x"))

            assert answer.status == 200
            assert door.egress.counts["connections"] == 2


async def test_a_host_that_has_only_v6_is_reached() -> None:
    """Both families are asked for and connected to."""
    async with wire_server(response(), host="::1") as wire:
        networks = (ipaddress.ip_network("::1/128"),)
        rules = UrlRules(http=True, ports=frozenset({wire.port}), networks=networks)
        async with door_to(None, url_rules=rules, lookup=lambda host, port: ["::1"]) as door:
            answer = await door.egress.fetch(Ask(f"http://a.example:{wire.port}/x"))

            assert answer.status == 200


async def test_the_peer_is_checked_once_more_after_connecting() -> None:
    """A connection that leads to another address than the checked one carries nothing."""
    loop = asyncio.get_running_loop()
    async with wire_server(response()) as wire:
        connection = Connection(loop, None, "203.0.113.9")
        await loop.create_connection(lambda: connection, "127.0.0.1", wire.port)

        assert "another address" in str(connection.opened.exception())
        assert not connection.alive
        assert wire.requests == []


UNRESOLVED: dict[str, tuple[Exception, str]] = {
    "no such name": (gaierror(EAI_NONAME, "Name or service not known"), ""),
    "no network": (gaierror(EAI_AGAIN, "Temporary failure"), ": Temporary failure"),
    "no encoding": (UnicodeError("label too long"), ": label too long"),
    "no file": (OSError("out of sockets"), ": out of sockets"),
}


@pytest.mark.parametrize(("error", "told"), UNRESOLVED.values(), ids=UNRESOLVED)
async def test_a_name_that_does_not_resolve_is_unreachable(error: Exception, told: str) -> None:
    """It looks to callers as a name that leads inside does; the log has the reason in words."""

    def lookup(host: str, port: int) -> list[str]:
        raise error

    async with door_to(None, lookup=lookup) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://a.example/"))

    assert failed.value.kind == "name"
    assert str(failed.value).endswith(f"the name a.example does not resolve{told}")
    assert (failed.value.http_status, failed.value.problem) == (502, "unreachable")


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request goes where the URL says, with a path in its line and not a URL."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with wire_server(response()) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask("http://a.example/x"))

    assert [seen.line for seen in wire.requests] == ["GET /x HTTP/1.1"]


async def test_a_request_carries_these_headers_and_no_others() -> None:
    """Who we are, what we want; no cookie, no referer, no credentials, one content coding."""
    async with wire_server(response()) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask("http://a.example/users/ä?page=true"))

    assert wire.requests[0].line == "GET /users/%C3%A4?page=true HTTP/1.1"
    assert wire.requests[0].headers == {
        "host": "a.example",
        "user-agent": "Fedpull/test (+https://contact.example)",
        "accept": "application/activity+json, "
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        "accept-encoding": "gzip",
    }


async def test_a_cookie_and_a_challenge_are_not_answered() -> None:
    """The second request is the same as the first."""
    first = response(status="401 Unauthorized", Set_Cookie="a=1", WWW_Authenticate="Basic")
    async with wire_server([first, response()]) as wire, door_to(wire) as door:
        assert (await door.egress.fetch(Ask("http://a.example/x"))).status == 401
        await door.egress.fetch(Ask("http://a.example/x"))

    assert wire.requests[0].raw == wire.requests[1].raw


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize("names", [["www.a.example"], ["*.a.example"], ["*.b", "WWW.a.example"]])
async def test_a_good_certificate_is_accepted(authority: Authority, names: list[str]) -> None:
    """The name is that of the URL, though the connection leads elsewhere."""
    async with (
        wire_server(response(), authority.server(*names)) as wire,
        door_to(wire, ca_file=authority.bundle) as door,
    ):
        answer = await door.egress.fetch(Ask("https://www.a.example/x"))

    assert (answer.status, wire.urls) == (200, ["www.a.example/x"])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    "case",
    [
        "self-signed",
        "expired",
        "another name",
        "a wildcard of another name",
        "a wildcard for a whole domain",
        "TLS 1.1",
        "no TLS",
    ],
)
async def test_a_bad_certificate_gets_no_request(authority: Authority, case: str) -> None:
    """The handshake fails, as one kind of failure, before a byte of the request is sent."""
    contexts: dict[str, Callable[[], ssl.SSLContext | None]] = {
        "self-signed": lambda: authority.server("a.example", self_signed=True),
        "expired": lambda: authority.server("a.example", expired=True),
        "another name": lambda: authority.server("b.example"),
        "a wildcard of another name": lambda: authority.server("*.b.example"),
        "a wildcard for a whole domain": lambda: authority.server("*.example"),
        "TLS 1.1": lambda: old_tls(authority.server("a.example")),
        "no TLS": lambda: None,
    }
    async with (
        wire_server(response(), contexts[case]()) as wire,
        door_to(wire, ca_file=authority.bundle, header_timeout=0.3) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://a.example/x"))

    assert failed.value.kind == ("timeout" if case == "no TLS" else "tls")
    assert wire.requests == []


async def test_the_system_s_authorities_do_not_vouch_for_ours(authority: Authority) -> None:
    """Without `ca_file` a certificate of an unknown authority is refused."""
    async with (
        wire_server(response(), authority.server("a.example")) as wire,
        door_to(wire) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://a.example/x"))

    assert failed.value.kind == "tls"
    assert wire.requests == []


async def test_a_session_is_resumed_for_its_own_host_only(authority: Authority) -> None:
    """The name is checked on every connection, resumed or not."""
    close = response(Connection="close")
    async with (
        wire_server(close, authority.server("a.example")) as wire,
        door_to(wire, ca_file=authority.bundle) as door,
    ):
        for _ in range(2):
            await door.egress.fetch(Ask("https://a.example/x"))
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("https://b.example/x"))

    assert failed.value.kind == "tls"
    assert wire.urls == ["a.example/x", "a.example/x"]
    assert wire.connections >= 2


async def test_a_missing_bundle_is_found_at_once(tmp_path: Path) -> None:
    """A `ca_file` that cannot be read stops the start, not the first fetch."""

    async def turn(host: str, page: bool, held: bool) -> None: ...

    with pytest.raises(BadInput, match="ca_file"):
        Egress(EgressRules(user_agent="x", ca_file=tmp_path / "none.pem"), turn, RealClock())


def test_a_trust_store_that_is_none(tmp_path: Path) -> None:
    """A `ca_file` that cannot be used is an error of the configuration, which says why."""
    (tmp_path / "text.pem").write_text("no certificate")
    for name, said in (
        ("lost.pem", "cannot be read: No such file or directory"),
        ("", "cannot be read: Is a directory"),
        ("text.pem", "holds no certificates"),
    ):
        with pytest.raises(BadInput) as refused:
            TlsContext(tmp_path / name)
        assert str(refused.value) == (
            f"network.ca_file: {tmp_path / name} {said}: expected a PEM bundle"
        )
