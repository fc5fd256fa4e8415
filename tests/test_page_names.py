"""Names, addresses and hosts of strangers, as the page shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.cache import page_names


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("example.social", "example.social", id="plain"),
        pytest.param("xn--mnchen-3ya.social", "münchen.social", id="letters of Europe"),
        pytest.param("xn--r8jz45g.jp", "例え.jp", id="Japanese in its three scripts"),
        pytest.param("xn--e1afmkfd.xn--p1ai", "пример.рф", id="Cyrillic to its last label"),
        pytest.param("xn--80ak6aa92e.com", "xn--80ak6aa92e.com", id="Cyrillic that looks Latin"),
        pytest.param("xn--pypal-4ve.com", "xn--pypal-4ve.com", id="scripts that are mixed"),
        pytest.param("xn--ggle-0nda.com", "xn--ggle-0nda.com", id="Greek among Latin"),
        pytest.param("xn--a-.com", "xn--a-.com", id="no valid name"),
        pytest.param("münchen.social", "xn--mnchen-3ya.social", id="written in letters"),
    ],
)
def test_hosts_are_shown_in_letters_where_nobody_is_deceived(host: str, shown: str) -> None:
    """A name whose letters could be taken for others is shown as it is asked."""
    assert page_names.host(host) == shown


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("https://bank.example@evil.example/x", "evil.example"),
        ("https://bank.example:443@evil.example:8443/x", "evil.example:8443"),
        ("https://evil.example\\@bank.example/", "evil.example"),
        ("https://evil.example?@bank.example/", "evil.example"),
        ("https://evil.example#@bank.example/", "evil.example"),
        ("https://a.example:443/x", "a.example"),
        ("mailto:a@b.example", ""),
    ],
)
def test_the_host_of_an_address(uri: str, host: str) -> None:
    """It is the one that a browser would ask."""
    assert page_names.host_of(uri) == host


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Ada\u202emoc.live", "Adamoc.live", id="turned around"),
        pytest.param("a\u200bd\u2060m\ufeffin", "admin", id="with letters that are not seen"),
        pytest.param("a\nb\tc  d", "a b c d", id="several lines"),
        pytest.param("سلام \u200cها", "سلام \u200cها", id="the joiners of Persian"),
        pytest.param("👩\u200d🚀", "👩\u200d🚀", id="the joiners of emoji"),
        pytest.param("Z" + "\u0301" * 50, "Z" + "\u0301" * 4, id="marks heaped upon a letter"),
        pytest.param("x" * 500, "x" * 199 + "…", id="too long"),
        pytest.param("\x1b[31mred", "[31mred", id="controls of a terminal"),
    ],
)
def test_a_line(text: str, shown: str) -> None:
    """A name reads as it is stored, on one line."""
    assert page_names.line(text) == shown


def test_an_address_hides_nothing() -> None:
    """What cannot be seen in an address is shown as its escape."""
    shown = page_names.uri("https://xn--mnchen-3ya.example:8443/a\u202eb\u200d c")

    assert shown == "https://münchen.example:8443/a%E2%80%AEb%E2%80%8D%20c"


@given(st.text())
def test_nothing_that_turns_text_around_is_left(text: str) -> None:
    """Whatever a name is, it cannot change the order of what stands beside it; nor does it fail."""
    for shown in (page_names.line(text), page_names.seen(text), page_names.uri(text)):
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f")
    page_names.host(text)
    page_names.host_of(f"https://{text}/")
