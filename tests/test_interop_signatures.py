"""Our signatures and those of the simulated servers, which are written apart: both directions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from http_message_signatures import InvalidSignature
from hypothesis import given
from hypothesis import strategies as st
from notary import attest

from fedpull.crawler.protocol.keys import PrivateKey, PublicKey, private_key, public_key
from fedpull.crawler.protocol.knock import Form
from fedpull.crawler.protocol.signatures import Claim, Rejected, SignedRequest, confirms, examine
from fedpull.crawler.protocol.signing import sign
from fedpull.crawler.protocol.uri import split
from fedpull.tests.fediverse.doorkeeper import Doorkeeper
from fedpull.tests.fediverse.forms import FORMS, prepare
from fedpull.tests.fediverse.keys import Private, ed25519_key, private_pem, public_pem, rsa_key
from fedpull.tests.fediverse.policies import (
    ACTIVITYPUB_BOT,
    BOVINE,
    EASY,
    FEDIFY,
    GOTOSOCIAL,
    MASTODON,
    MASTODON_4_4,
    MISSKEY,
    ONEPAGE,
    ONLY_ED25519,
    Policy,
)
from fedpull.tests.fediverse.signatures import Message

NOW = 1_800_000_000.0
ORIGIN = "https://pull.example"
INBOX = f"{ORIGIN}/inbox"
SENDER = "https://sender.example/users/alice"
SIGNED = [name for name in FORMS if name != "unsigned"]


def received(message: Message) -> SignedRequest:
    return SignedRequest(
        message.method, message.target, tuple(message.headers.items()), message.body
    )


def sent(form: str, at: float = NOW) -> tuple[Message, PublicKey]:
    """A POST as that kind of server sends it, and the key that it is signed with."""
    key: Private = ed25519_key(SENDER) if FORMS[form].key == "ed25519" else rsa_key()
    message = prepare(FORMS[form], INBOX, b'{"type":"Create"}', key, f"{SENDER}#key", at, "n1")
    return message, public_key(f"{SENDER}#key", SENDER, public_pem(key))


def accepted(request: SignedRequest, key: PublicKey, now: float = NOW) -> bool:
    claim = examine(request, ORIGIN, now)
    return isinstance(claim, Claim) and claim.key_id == key.id and confirms(claim, key, now)


@pytest.mark.parametrize("form", SIGNED)
def test_what_other_servers_sign_is_confirmed(form: str) -> None:
    """Every form in which servers sign what they post."""
    message, key = sent(form)
    claim = examine(received(message), ORIGIN, NOW)

    assert isinstance(claim, Claim), claim
    assert claim.key_id == f"{SENDER}#key"
    assert confirms(claim, key, NOW)


@pytest.mark.parametrize("form", SIGNED)
@pytest.mark.parametrize("late", [-11 * 60, 66 * 60 + 1], ids=["too early", "too late"])
def test_what_is_not_of_now_is_refused(form: str, late: int) -> None:
    """Before any key is looked at."""
    message, _ = sent(form)
    assert isinstance(examine(received(message), ORIGIN, NOW + late), Rejected)


@given(form=st.sampled_from(SIGNED), data=st.data())
def test_no_bit_of_a_signed_post_can_be_flipped(form: str, data: st.DataObject) -> None:
    """In the target, the host, the body, any header that is covered, or the signature's own."""
    message, key = sent(form)
    assert accepted(received(message), key)
    covered = {*FORMS[form].covered, "signature", "signature-input"} & message.headers.keys()
    if "@authority" in FORMS[form].covered or "@target-uri" in FORMS[form].covered:
        covered.add("host")
    where = data.draw(st.sampled_from(sorted({*covered, "target", "body"})))
    if where == "body":
        message = replace(message, body=_flipped(message.body, data))
    elif where == "target":
        target = _flipped(message.target.encode(), data).decode("latin-1")
        changed = replace(received(message), target=target)
        assert not accepted(changed, key)
        return
    else:
        # The draft does not cover `algorithm`: under another name it is none, and the key decides.
        kept, marker, value = message.headers[where].rpartition(',signature="')
        value = kept + marker + _flipped(value.encode(), data).decode("latin-1")
        if where == "host" and value.lower() == message.headers[where].lower():
            return  # the case of a host's name says nothing
        message = replace(message, headers={**message.headers, where: value})

    assert not accepted(received(message), key)


def _flipped(value: bytes, data: st.DataObject) -> bytes:
    place = data.draw(st.integers(0, len(value) * 8 - 1))
    changed = bytearray(value)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


# What we send, as the verifier of each server judges it.

OWN = f"{ORIGIN}/actor"


def own_key(kind: str) -> PrivateKey:
    private: Private = rsa_key(7) if kind == "rsa" else ed25519_key(OWN)
    return private_key(f"{OWN}#{kind}", OWN, private_pem(private).encode())


class Informed(Doorkeeper):
    """Has our keys, so that it need not ask."""

    def __init__(self, policy: Policy) -> None:
        super().__init__("server.example", policy)
        self._keys = {
            f"{OWN}#rsa": (OWN, rsa_key(7).public_key()),
            f"{OWN}#ed25519": (OWN, ed25519_key(OWN).public_key()),
        }
        self.policy = replace(policy, remembers=True)


READ: dict[str, tuple[Policy, set[Form]]] = {
    "Mastodon": (MASTODON, {"cavage", "rfc9421"}),
    "Mastodon before 4.5": (MASTODON_4_4, {"cavage"}),
    "GoToSocial": (GOTOSOCIAL, {"cavage", "cavage-bare"}),
    "Misskey": (MISSKEY, {"cavage-bare"}),
    "Fedify": (FEDIFY, {"cavage-bare", "rfc9421"}),
    "onepage": (ONEPAGE, {"cavage", "cavage-bare"}),
    "activitypub-bot": (ACTIVITYPUB_BOT, {"cavage", "cavage-bare", "rfc9421"}),
    "bovine": (BOVINE, {"cavage", "cavage-bare"}),
}


@pytest.mark.parametrize("server", READ)
def test_each_server_reads_those_of_our_forms_that_it_can(server: str) -> None:
    """A page with a query: of the ladder each of them reads at least one rung."""
    policy, forms = READ[server]
    uri = split("https://server.example/outbox?page=true&max_id=1")
    got = set()
    for form in ("cavage", "cavage-bare", "rfc9421"):
        headers = sign(form, "GET", uri, None, None, own_key("rsa"), NOW)
        given = {name.lower(): value for name, value in headers}
        message = Message("GET", str(uri), {"host": uri.netloc, **given})
        if Informed(policy).judge(message, NOW)[0] == 200:
            got.add(form)

    assert got == forms


@pytest.mark.parametrize(
    ("policy", "form", "kind"),
    [
        (EASY, "cavage", "rsa"),
        (EASY, "rfc9421", "rsa"),
        (FEDIFY, "rfc9421", "rsa"),
        (GOTOSOCIAL, "cavage", "rsa"),
        (MISSKEY, "cavage", "rsa"),
        (ONLY_ED25519, "rfc9421", "ed25519"),
        (ONLY_ED25519, "cavage", "ed25519"),
    ],
)
def test_what_we_deliver_is_verified(policy: Policy, form: Form, kind: str) -> None:
    """A POST with a digest of its body; altered on its way it is refused."""
    uri = split("https://server.example/users/alice/inbox")
    body = b'{"type":"Follow"}'
    content_type = "application/activity+json"
    headers = sign(form, "POST", uri, body, content_type, own_key(kind), NOW)
    given = {name.lower(): value for name, value in headers}
    given |= {"host": uri.netloc, "content-type": content_type}
    message = Message("POST", str(uri), given, body)

    assert Informed(policy).judge(message, NOW) == (200, OWN)
    assert Informed(policy).judge(replace(message, body=body + b" "), NOW)[0] == 401


@pytest.mark.parametrize("form", ["cavage", "cavage-bare", "rfc9421"])
@pytest.mark.parametrize("path", ["/inbox", "/users/alice/inbox", "/inbox?shared"])
def test_libraries_of_others_verify_what_we_deliver(form: Form, path: str) -> None:
    """What another header adds is covered, too; a byte more in the body and they refuse it."""
    uri = split(f"https://server.example{path}")
    body = b'{"type":"Create"}'
    content_type = "application/activity+json"
    extra = (("Collection-Synchronization", f'collectionId="{OWN}/followers"'),)
    headers = sign(form, "POST", uri, body, content_type, own_key("rsa"), NOW, extra=extra)
    given = {name.lower(): value for name, value in headers}
    given |= {"host": uri.netloc, "content-type": content_type}
    # They cannot be told to leave the query out of the target.
    target = path.partition("?")[0] if form == "cavage-bare" else path
    message = Message("POST", f"https://server.example{target}", given, body)
    pem = public_pem(rsa_key(7))

    assert attest(message, f"{OWN}#rsa", pem, NOW) == form.partition("-")[0]
    altered = given | {"collection-synchronization": "other"}
    for changed in (replace(message, body=body + b" "), replace(message, headers=altered)):
        with pytest.raises((AssertionError, InvalidSignature)):
            attest(changed, f"{OWN}#rsa", pem, NOW)
