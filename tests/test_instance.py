"""With which key our actor signs, what others find to verify it, and what a rotation changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance_cases import ACTOR, DAY, NOW, URL, documents_of, got, header, made, value

from fedpull.config.model import Identity
from fedpull.crawler import key_file
from fedpull.crawler.instance import Instance
from fedpull.crawler.protocol.key_documents import find_key
from fedpull.crawler.protocol.keys import PublicKey
from fedpull.crawler.protocol.knock import LADDER, Form
from fedpull.crawler.protocol.signatures import Claim, SignedRequest, confirms, examine
from fedpull.crawler.protocol.uri import split
from fedpull.crawler.public import PublicDocuments
from fedpull.errors import BadInput

ED25519 = 'sig1=("@method" "@target-uri");created;alg="ed25519"'


@pytest.fixture
def we(tmp_path: Path) -> Instance:
    return made(tmp_path)


@pytest.fixture
def documents(we: Instance) -> Iterator[PublicDocuments]:
    with documents_of(we) as documents:
        yield documents


def claim(we: Instance, form: Form, body: bytes | None = None, challenge: str = "") -> Claim:
    """What our own verifier, at another server, makes of a request that we have signed."""
    uri = split("https://a.example/alice?page=2")
    method, kind = ("GET", None) if body is None else ("POST", "application/activity+json")
    signed = we.sign(form, method, uri, body, kind, NOW, challenge)
    headers = [("host", uri.netloc), *((name.lower(), value) for name, value in signed)]
    if kind is not None:
        headers.append(("content-type", kind))
    target = uri.target if form != "cavage-bare" else uri.path
    request = SignedRequest(method, target, tuple(headers), body or b"")
    found = examine(request, uri.origin, NOW)
    assert isinstance(found, Claim), found
    return found


@pytest.mark.parametrize("body", [None, b"{}"], ids=["GET", "POST"])
@pytest.mark.parametrize("form", LADDER[1:])
def test_what_we_sign_verifies_with_what_we_publish(
    documents: PublicDocuments, we: Instance, form: Form, body: bytes | None
) -> None:
    """Whoever fetches our actor to verify a signature finds the key that has made it."""
    found = claim(we, form, body)

    key = find_key(value(got(documents, "/actor")), found.key_id, ACTOR)

    assert isinstance(key, PublicKey)
    assert confirms(found, key, NOW)


def test_who_asks_for_ed25519_gets_it(we: Instance) -> None:
    """A server that reads only that says so in Accept-Signature; all others get RSA."""
    assert we.understands(ED25519)
    assert claim(we, "rfc9421", challenge=ED25519).key_id == f"{ACTOR}#ed25519-key"
    assert claim(we, "rfc9421").key_id == we.key_id == f"{ACTOR}#main-key"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "nonsense",
        'sig1=("x-secret")',
        'sig1=("@method");alg="rsa-pss-sha512"',
    ],
)
def test_what_is_not_understood(we: Instance, challenge: str) -> None:
    """Nobody has us sign what we would not sign anyway, or with a key that we do not have."""
    assert not we.understands(challenge)


def test_unsigned_is_unsigned(we: Instance) -> None:
    """The first rung of the ladder shows nobody who we are."""
    assert we.sign("unsigned", "GET", split("https://a.example/"), None, None, NOW) == ()


def test_a_rotation_is_seen_while_we_run(documents: PublicDocuments, we: Instance) -> None:
    """New requests carry the new key; the actor lists the old ones until their time is over."""
    before = claim(we, "cavage")
    etag = header(got(documents, "/actor"), "ETag") or ""

    key_file.rotate(we.identity.key_file, NOW, 7 * DAY)
    later = NOW + 2.0
    we.look(later)
    actor = value(got(documents, "/actor", now=later, if_none_match=etag))

    assert actor["publicKey"]["id"] == we.key_id == f"{ACTOR}#key-2"
    old = find_key(actor, f"{ACTOR}#main-key", ACTOR)
    assert old == we.public_key(f"{ACTOR}#main-key")
    assert isinstance(old, PublicKey)
    assert confirms(before, old, NOW)
    assert [key["id"].rpartition("#")[2] for key in actor["assertionMethod"]] == [
        *("ed25519-key-2", "main-key", "ed25519-key"),
    ]
    week = we.actor_document(NOW + 7 * DAY)["assertionMethod"]
    assert isinstance(week, list)
    assert [key["id"] for key in week] == [f"{ACTOR}#ed25519-key-2"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.unlink(), id="deleted"),
        pytest.param(lambda path: path.write_text("nothing"), id="overwritten"),
        pytest.param(lambda path: path.chmod(0o644), id="opened to all"),
    ],
)
def test_a_file_that_is_spoilt_while_we_run(
    we: Instance, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object]
) -> None:
    """The keys that were read go on signing, and the log says once what is wrong."""
    spoil(we.identity.key_file)

    with caplog.at_level(logging.ERROR):
        for second in range(1, 10):
            we.look(NOW + second)

    assert we.key_id == f"{ACTOR}#main-key"
    assert [
        record.getMessage().startswith(str(we.identity.key_file)) for record in caplog.records
    ] == [True]


def test_a_file_that_was_put_back(we: Instance) -> None:
    """After a mishap the operator puts a copy back, and need not restart anything."""
    path = we.identity.key_file
    copy = path.read_bytes()
    key_file.rotate(path, NOW, DAY)
    we.look(NOW)

    path.write_bytes(copy)
    we.look(NOW + 2.0)

    assert we.key_id == f"{ACTOR}#main-key"


def test_without_keys_there_is_nobody(tmp_path: Path) -> None:
    """An identity needs its key file from the start, and says which."""
    missing = tmp_path / "none.pem"

    with pytest.raises(
        BadInput, match=r"none\.pem: is not there: expected the keys that `fedpull i"
    ):
        Instance(Identity(url=URL, key_file=missing))
