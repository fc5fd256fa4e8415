"""FEP-8fcf: digests of followers, the header that carries them, and what one tells us."""

from __future__ import annotations

import pytest
from signature_cases import BODY, ED25519, NOW, RSA, TYPE
from test_signature_outbound import header

from fedpull.crawler.protocol import synchronization
from fedpull.crawler.protocol.knock import Form
from fedpull.crawler.protocol.part_digest import NOBODY, digest_of, toggled
from fedpull.crawler.protocol.signatures import Claim, SignedRequest, confirms, examine
from fedpull.crawler.protocol.signing import sign
from fedpull.crawler.protocol.synchronization import Told, meant, read
from fedpull.crawler.protocol.uri import split

US = "https://pull.example/actor"
THEIRS = "https://social.example/users/a/followers"
URL = "https://social.example/users/a/followers_synchronization"
# The two followers and the digest of the FEP's example.
FEP = ("https://testing.example.org/users/1", "https://testing.example.org/users/2")
FEP_DIGEST = "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f"


def test_the_digest_of_the_fep() -> None:
    """The example in the text comes out, in whatever order the two have come."""
    assert digest_of(FEP).hex() == FEP_DIGEST
    assert digest_of(reversed(FEP)).hex() == FEP_DIGEST


def test_who_leaves_takes_nothing_else_along() -> None:
    """A digest is kept up by one follower at a time, and that of nobody is zeros."""
    with_both = digest_of(FEP)

    assert toggled(with_both, FEP[1]) == digest_of(FEP[:1])
    assert toggled(toggled(with_both, FEP[1]), FEP[0]) == NOBODY


def said(digest: str, collection: str = THEIRS, url: str = URL) -> str:
    return f'collectionId="{collection}", url="{url}", digest="{digest}"'


READ = {
    "it has us": (said(digest_of((US,)).hex()), Told(THEIRS, URL, True)),
    "it has nobody here": (said(NOBODY.hex()), Told(THEIRS, URL, False)),
    "it has others here, so that it cannot be told": (said(FEP_DIGEST), Told(THEIRS, URL, None)),
    "in capitals": (said(digest_of((US,)).hex().upper()), Told(THEIRS, URL, True)),
    "in another order": (
        f'digest="{NOBODY.hex()}",url="{URL}",collectionId="{THEIRS}"',
        Told(THEIRS, URL, False),
    ),
    "a url elsewhere": (said(NOBODY.hex(), url="https://other.example/f"), None),
    "a url that is none": (said(NOBODY.hex(), url="followers"), None),
    "a digest that is too short": (said("00"), None),
    "a digest that is none": (said("z" * 64), None),
    "no digest": (f'collectionId="{THEIRS}", url="{URL}"', None),
    "something twice": (said(NOBODY.hex()) + f', digest="{NOBODY.hex()}"', None),
    "not in that syntax": ("yes", None),
    "nothing": ("", None),
    "longer than it can be": (said(NOBODY.hex(), url=URL + "?" + "a" * 9_000), None),
}


@pytest.mark.parametrize(("value", "told"), READ.values(), ids=READ)
def test_what_a_header_says(value: str, told: Told | None) -> None:
    """With one actor on our origin the digest says whether it has us; all else says nothing."""
    assert read(value, US) == told


US_THERE, US_NOT, UNSURE = (Told(THEIRS, URL, has_us) for has_us in (True, False, None))
MEANT = {
    "they have us, and we knew": (US_THERE, "yes", "nothing"),
    "their Accept was lost": (US_THERE, "pending", "accepted"),
    "our Undo was lost": (US_THERE, "no", "stray"),
    "they have rejected us, and keep us": (US_THERE, "rejected", "stray"),
    "they have lost us": (US_NOT, "yes", "lost"),
    "they have not answered yet": (US_NOT, "pending", "nothing"),
    "they have rejected us": (US_NOT, "rejected", "nothing"),
    "we never asked": (US_NOT, "no", "nothing"),
    "they have others, perhaps us": (UNSURE, "yes", "nothing"),
    "they have others, perhaps not us": (UNSURE, "no", "nothing"),
}


@pytest.mark.parametrize(("told", "state", "expected"), MEANT.values(), ids=MEANT)
def test_what_it_comes_to(told: Told, state: str, expected: str) -> None:
    """Where both sides agree, or it cannot be told, nothing is done."""
    assert meant(told, state) == expected


def test_what_we_say_is_read_so() -> None:
    """Our own header is one of those."""
    name, value = synchronization.header(THEIRS, URL, digest_of((US,)))

    assert name == "Collection-Synchronization"
    assert value == said(digest_of((US,)).hex())
    assert read(value, US) == Told(THEIRS, URL, True)


@pytest.mark.parametrize(
    ("form", "key"), [("cavage", RSA), ("rfc9421", RSA), ("rfc9421", ED25519)], ids=str
)
def test_it_is_signed(form: Form, key: object) -> None:
    """The header goes along covered by the signature, which a change of it breaks."""
    assert key in (RSA, ED25519)
    key = ED25519 if key is ED25519 else RSA
    extra = (synchronization.header(THEIRS, URL, NOBODY),)
    uri = split("https://social.example/inbox")

    headers = sign(form, "POST", uri, BODY, TYPE, key, NOW, extra=extra)

    assert header(headers, "Collection-Synchronization") == extra[0][1]
    claim = claimed(headers)
    assert "collection-synchronization" in claim.covered
    assert confirms(claim, key.public, NOW)
    turned = tuple((name, value.replace("00", "01")) for name, value in extra) + headers[1:]
    assert not confirms(claimed(turned), key.public, NOW)


def claimed(headers: tuple[tuple[str, str], ...]) -> Claim:
    lines = [("host", "social.example"), ("content-type", TYPE)]
    lines += [(name.lower(), value) for name, value in headers]
    found = examine(
        SignedRequest("POST", "/inbox", tuple(lines), BODY), "https://social.example", NOW
    )
    assert isinstance(found, Claim)
    return found
