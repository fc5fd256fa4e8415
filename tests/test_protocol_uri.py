"""URIs, the URLs that may be asked for, and the addresses that may be contacted."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.addresses import allowed
from fedpull.crawler.protocol.uri import (
    UrlRules,
    canonical,
    check_url,
    host_port,
    origin,
    same_origin,
    shown,
    split,
    without_fragment,
)
from fedpull.errors import BadInput, Refused

CANONICAL = {
    "as it is": ("https://a.example/users/1", "https://a.example/users/1"),
    "scheme and host in capitals": ("HTTPS://A.Example/U", "https://a.example/U"),
    "the default port": ("https://a.example:443/", "https://a.example/"),
    "the default port of http": ("http://a.example:80/", "http://a.example/"),
    "an empty port": ("https://a.example:/", "https://a.example/"),
    "zeros before the port": ("https://a.example:0443/", "https://a.example/"),
    "another port": ("https://a.example:8443/", "https://a.example:8443/"),
    "the other default port": ("https://a.example:80/", "https://a.example:80/"),
    "an international host": ("https://bücher.example/ü", "https://xn--bcher-kva.example/ü"),
    "an international host in capitals": (
        "https://BÜCHER.example",
        "https://xn--bcher-kva.example",
    ),
    "full-width dots": ("https://a。example/", "https://a.example/"),
    "a host that IDNA 2008 does not know": ("https://xn--i-7iq.ws/", "https://xn--i-7iq.ws/"),
    "an underscore": ("https://a_b.example/", "https://a_b.example/"),
    "an IPv6 literal": ("https://[2A00:0:0::1]:443/", "https://[2a00::1]/"),
    "no path": ("https://a.example", "https://a.example"),
    "an empty query and fragment": ("https://a.example/?#", "https://a.example/?#"),
    "an at sign in the path": ("https://a.example/@u@h/", "https://a.example/@u@h/"),
    "dots in the path": ("https://a.example/a/../b", "https://a.example/a/../b"),
}
DIFFERENT = {
    "scheme": "http://a.example/x?y#z",
    "port": "https://a.example:8443/x?y#z",
    "path case": "https://a.example/X?y#z",
    "trailing slash": "https://a.example/x/?y#z",
    "query": "https://a.example/x?Y#z",
    "an empty query": "https://a.example/x?#z",
    "fragment": "https://a.example/x?y#Z",
    "no fragment": "https://a.example/x?y",
}
REFUSED = {
    "relative": "/users/1",
    "without a scheme": "//a.example/",
    "a name only": "alice",
    "empty": "",
    "without a host": "https:///x",
    "a file": "file:///etc/passwd",
    "ftp": "ftp://a.example/",
    "s3": "s3://bucket/x",
    "data": "data:text/plain,x",
    "gopher": "gopher://a.example/",
    "javascript": "javascript:alert(1)",
    "a user name": "https://user@a.example/",
    "a password": "https://user:pw@a.example/",
    "a backslash before the at sign": "https://a.example\\@127.0.0.1/",
    "a backslash for a slash": "https:\\\\a.example\\x",
    "a space": "https://a.example/a b",
    "a tab": "https://a.example/a\tb",
    "a line feed": "https://a.example/\nHost: b",
    "NUL": "https://a.example/\x00",
    "a space at the end": "https://a.example/ ",
    "a no-break space": "https://a.example/\xa0",
    "a directional mark": "https://a.example/\u202etxt",
    "half a surrogate pair": "https://a.example/\ud800",
    "port 0": "https://a.example:0/",
    "port 65536": "https://a.example:65536/",
    "a port of letters": "https://a.example:https/",
    "a negative port": "https://a.example:-1/",
    "two colons": "https://a.example:1:2/",
    "a scope": "https://[fe80::1%25eth0]/",
    "no address in brackets": "https://[a.example]/",
    "an open bracket": "https://[::1/",
    "a dot at the end": "https://a.example./",
    "an empty label": "https://a..example/",
    "a label that begins with a hyphen": "https://-a.example/",
    "a percent sign in the host": "https://a%2eexample/",
    "a host that maps to a slash": "https://a℀b.example/",
    "a decimal number": "https://2130706433/",
    "a hexadecimal number": "https://0x7f000001/",
    "an octal quad": "https://0177.0.0.1/",
    "a quad with a hexadecimal end": "https://1.2.3.0x7f/",
    "two parts": "https://127.1/",
    "zero": "https://0/",
    "circled digits": "https://①②⑦.0.0.1/",
    "full-width dots of a quad": "https://127。0。0。1/",
    "full-width digits": "https://１２７.0.0.1/",
    "a quad beyond 255": "https://1.2.3.256/",
    "a name that ends in a number": "https://a.example.1/",
    "8 KB": "https://a.example/" + "a" * 8192,
}


@pytest.mark.parametrize(("uri", "expected"), CANONICAL.values(), ids=CANONICAL)
def test_canonical_form(uri: str, expected: str) -> None:
    """Scheme, host and port have one spelling; the rest stays as it is."""
    assert canonical(uri) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT)
def test_different_ids_stay_different(other: str) -> None:
    """What servers use to tell documents apart is never normalised away."""
    assert canonical(other) != canonical("https://a.example/x?y#z")
    assert canonical("https://a.example/%7Eu") != canonical("https://a.example/~u")


@pytest.mark.parametrize("uri", REFUSED.values(), ids=REFUSED)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    """What two parsers could read differently, or could not be fetched, is refused in one line."""
    with pytest.raises(BadInput) as refusal:
        canonical(uri)

    line = str(refusal.value)
    assert line.isprintable()
    assert len(line) < 300


def test_parts() -> None:
    """The parts are those of the canonical form."""
    parts = split("HTTPS://Bücher.example:8443/ü?q=ö#f")

    assert (parts.scheme, parts.host, parts.port) == ("https", "xn--bcher-kva.example", 8443)
    assert parts.origin == "https://xn--bcher-kva.example:8443"
    assert parts.netloc == "xn--bcher-kva.example:8443"
    assert parts.target == "/%C3%BC?q=%C3%B6"
    assert split("https://a.example").target == "/"
    assert split("https://a.example/%7e?a=%2F").target == "/%7e?a=%2F"
    assert split("https://[2a00::1]:8443/").origin == "https://[2a00::1]:8443"


def test_origins() -> None:
    """An origin is scheme, host and port; what is no URI has none."""
    assert origin("https://A.example:443/x") == "https://a.example"
    assert host_port("https://a.example/x") == "a.example:443"
    assert host_port("http://a.example/x") == "a.example:80"
    assert host_port("https://[2a00::1]/x") == "[2a00::1]:443"
    assert same_origin("https://a.example/x", "https://A.example:443/y")
    assert not same_origin("https://a.example/", "http://a.example/")
    assert not same_origin("https://a.example/", "https://a.example:8443/")
    assert not same_origin("https://a.example/", "https://b.a.example/")
    assert not same_origin("nonsense", "nonsense")
    assert without_fragment("https://a.example/m/1#create") == "https://a.example/m/1"


@given(st.from_regex(r"https?://[^\x00-\x20]{1,40}", fullmatch=True) | st.text(max_size=30))
def test_canonical_form_is_final(uri: str) -> None:
    """Canonical form is idempotent and never changes where a request goes."""
    try:
        once = canonical(uri)
    except BadInput:
        return

    assert canonical(once) == once
    before, after = split(uri), split(once)
    assert (before.host, before.port, before.target) == (after.host, after.port, after.target)
    assert before.target.isascii()


@given(st.text(max_size=200))
def test_foreign_text_in_messages(text: str) -> None:
    """Foreign text is shown on one printable line of bounded length."""
    assert shown(text).isprintable()
    assert len(shown(text)) <= 1300


RULES = UrlRules(
    http=True,
    ports=frozenset({443, 8443}),
    local_names=("localhost", "*.lan"),
    networks=(ip_network("127.0.0.0/8"), ip_network("fd00::/8")),
    own_origins=frozenset({"https://pull.example", "https://pull.example:8443"}),
)
URLS = {
    "https of a public name": ("https://a.example/", True, True),
    "http": ("http://a.example/", False, True),
    "http on a named port": ("http://a.example:8443/", False, True),
    "a named port": ("https://a.example:8443/", False, True),
    "port 80 under https": ("https://a.example:80/", False, False),
    "port 22": ("https://a.example:22/", False, False),
    "port 6379": ("https://a.example:6379/", False, False),
    "port 9200": ("https://a.example:9200/", False, False),
    "loopback": ("https://127.0.0.1/", False, True),
    "loopback, IPv6": ("https://[::1]/", False, False),
    "loopback, mapped": ("https://[::ffff:127.0.0.1]/", False, False),
    "any address": ("https://0.0.0.0/", False, False),
    "any address, IPv6": ("https://[::]/", False, False),
    "a private address": ("https://10.0.0.1/", False, False),
    "the metadata service": ("https://169.254.169.254/", False, False),
    "a unique local address": ("https://[fd00::1]/", False, True),
    "a public address": ("https://9.9.9.9/", True, True),
    "a public address, IPv6": ("https://[2620:fe::fe]/", True, True),
    "localhost": ("https://localhost/", False, True),
    "below localhost": ("https://a.localhost/", False, False),
    "a single label": ("https://intranet/", False, False),
    ".local": ("https://printer.local/", False, False),
    ".internal": ("https://a.internal/", False, False),
    ".home.arpa": ("https://a.home.arpa/", False, False),
    ".onion": ("https://a.onion/", False, False),
    ".i2p": ("https://a.i2p/", False, False),
    ".lan": ("https://box.lan/", False, True),
    ".lan in capitals": ("https://BOX.LAN/", False, True),
    "a name that only ends alike": ("https://notlocalhost.example/", True, True),
}


@pytest.mark.parametrize(("url", "by_default", "by_rules"), URLS.values(), ids=URLS)
def test_which_urls_may_be_asked_for(url: str, by_default: bool, by_rules: bool) -> None:
    """By default https to public hosts on port 443; the rest only where the operator says so."""
    for rules, expected in ((UrlRules(), by_default), (RULES, by_rules)):
        if expected:
            assert check_url(url, rules) == split(url)
        else:
            with pytest.raises(BadInput):
                check_url(url, rules)


@pytest.mark.parametrize(
    "url", ["https://pull.example/actor", "https://PULL.example:443/", "https://pull.example:8443/"]
)
def test_our_own_host_is_never_asked(url: str) -> None:
    """A URL of ours is refused, however it is spelled."""
    with pytest.raises(Refused):
        check_url(url, RULES)


DENIED = """
0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.1.1
192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:9.9.9.9 64:ff9b::7f00:1
64:ff9b:1::7f00:1 100::1 2001::1 2001:1ff::1 2001:db8::1 2002:7f00:1:: 2620:4f:8000::1 3fff::1
5f00::1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 fe80::1%eth0 2a00::1%1 127.1 0x7f.1 nonsense
"""
PUBLIC = """
1.1.1.1 9.9.9.9 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1 198.20.0.1
223.255.255.255 2001:200::1 2001:4860:4860::8888 2620:fe::fe 2a00::1 2400:cb00::1 3ffe::1
"""


@pytest.mark.parametrize("ip", DENIED.split())
def test_addresses_that_are_never_contacted(ip: str) -> None:
    """Special, private, translated and scoped addresses are not public."""
    assert not allowed(ip)


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_addresses_that_are_public(ip: str) -> None:
    """Everything else is, up to the edges of the special blocks."""
    assert allowed(ip)


def test_the_operator_adds_networks() -> None:
    """`network.allow` adds addresses; it opens neither their mapped forms nor scoped ones."""
    extra = (ip_network("127.0.0.0/8"), ip_network("fe80::/10"))

    assert allowed("127.0.0.1", extra)
    assert allowed("fe80::1", extra)
    assert not allowed("::ffff:127.0.0.1", extra)
    assert not allowed("fe80::1%1", extra)
    assert not allowed("10.0.0.1", extra)
