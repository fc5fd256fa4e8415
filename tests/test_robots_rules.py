"""What a robots.txt says of a URL: RFC 9309, its own examples and what is found in the wild."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.robots import MAX_BYTES, Rules, parse, rules

ALL = "User-agent: *\nDisallow: /\n"


def says(text: str, target: str) -> bool:
    return parse(text.encode()).judge(target).allowed


# file, path and query, whether it may be asked for
CASES = {
    "an empty file allows all": ("", "/x", True),
    "a file without a group allows all": ("Disallow: /\n", "/x", True),
    "everything is disallowed for everybody": (ALL, "/x", False),
    "an empty Disallow says nothing": ("User-agent: *\nDisallow:\n", "/x", True),
    "robots.txt itself is always allowed": (ALL, "/robots.txt", True),
    "our token binds us": ("User-agent: Fedpull\nDisallow: /\n", "/x", False),
    "the token's case does not matter": ("user-agent: FEDPULL\ndisallow: /\n", "/x", False),
    "a version behind the token does not matter": (
        "User-agent: Fedpull/1.0 (x)\nDisallow: /\n",
        "/x",
        False,
    ),
    "a part of our token is another bot's": ("User-agent: pull\nDisallow: /\n", "/x", True),
    "a token that begins with ours is another bot's": (
        "User-agent: fedpull-news\nDisallow: /\n",
        "/x",
        True,
    ),
    "another bot's group does not bind us": ("User-agent: GPTBot\nDisallow: /\n", "/x", True),
    "our group replaces that of everybody": (
        f"{ALL}\nUser-agent: Fedpull\nDisallow: /a\n",
        "/b",
        True,
    ),
    "our group without a rule allows all": (f"{ALL}\nUser-agent: Fedpull\n", "/b", True),
    "our groups are one, the first": (
        "User-agent: fedpull\nDisallow: /a\n\nUser-agent: x\n\nUser-agent: fedpull\nDisallow: /b\n",
        "/a",
        False,
    ),
    "our groups are one, the second": (
        "User-agent: fedpull\nDisallow: /a\n\nUser-agent: fedpull\nDisallow: /b\n",
        "/b",
        False,
    ),
    "several agents share a group": (
        "User-agent: GPTBot\nUser-agent: Fedpull\nUser-agent: CCBot\nDisallow: /\n",
        "/x",
        False,
    ),
    "a rule ends the list of agents": (
        "User-agent: Fedpull\nDisallow: /a\nUser-agent: GPTBot\nDisallow: /\n",
        "/x",
        True,
    ),
    "a blank line ends no group": ("User-agent: Fedpull\n\n\nDisallow: /\n", "/x", False),
    "a Sitemap ends no group": (
        "User-agent: Fedpull\nSitemap: https://h/s.xml\nUser-agent: b\nDisallow: /\n",
        "/x",
        False,
    ),
    "a delay ends the list of agents": (
        "User-agent: *\nCrawl-delay: 5\n\nUser-agent: GPTBot\nDisallow: /\n",
        "/x",
        True,
    ),
    "the longest match wins, for it": (
        "User-agent: *\nDisallow: /a\nAllow: /a/b\n",
        "/a/b/c",
        True,
    ),
    "the longest match wins, against it": (
        "User-agent: *\nAllow: /a\nDisallow: /a/b\n",
        "/a/b",
        False,
    ),
    "Allow wins among equals": ("User-agent: *\nDisallow: /a\nAllow: /a\n", "/a", True),
    "a pattern is a beginning": ("User-agent: *\nDisallow: /a\n", "/abc?d", False),
    "a pattern's case matters": ("User-agent: *\nDisallow: /A\n", "/a", True),
    "a query is part of it": ("User-agent: *\nDisallow: /a?page=\n", "/a?page=2", False),
    "a star is anything": ("User-agent: *\nDisallow: /*/private\n", "/u/v/private/x", False),
    "a star is nothing, too": ("User-agent: *\nDisallow: /a*b\n", "/ab", False),
    "a star must find what follows": ("User-agent: *\nDisallow: /a*b\n", "/ac", True),
    "a dollar is the end": ("User-agent: *\nDisallow: /*.json$\n", "/a.json", False),
    "a dollar is not a beginning": ("User-agent: *\nDisallow: /*.json$\n", "/a.json?x", True),
    "a dollar without a star is the whole": ("User-agent: *\nDisallow: /a$\n", "/ab", True),
    "the end is looked for at the end": ("User-agent: *\nDisallow: /*a$\n", "/aba", False),
    "what a star needs does not overlap": ("User-agent: *\nDisallow: /*ab*ba$\n", "/aba", True),
    "a dollar in the middle is a dollar": ("User-agent: *\nDisallow: /a$b\n", "/a$b", False),
    "an escaped dollar is a dollar": ("User-agent: *\nDisallow: /foo-%24\n", "/foo-$", False),
    "an escaped star is a star": ("User-agent: *\nDisallow: /a-%2A.html\n", "/a-*.html", False),
    "an escaped star is no other letter": (
        "User-agent: *\nDisallow: /a-%2A.html\n",
        "/a-x.html",
        True,
    ),
    "escaped letters are letters, in the file": (
        "User-agent: *\nDisallow: /%62az\n",
        "/baz",
        False,
    ),
    "escaped letters are letters, in the URL": ("User-agent: *\nDisallow: /baz\n", "/%62az", False),
    "an escaped slash is no slash": ("User-agent: *\nDisallow: /a%2Fb\n", "/a/b", True),
    "the case of an escape does not matter": ("User-agent: *\nDisallow: /a%2fb\n", "/a%2Fb", False),
    "letters beyond ASCII are their octets": (
        "User-agent: *\nDisallow: /ツ\n",
        "/%E3%83%84",
        False,
    ),
    "a comment ends a line": ("User-agent: * # all\nDisallow: / # of it\n", "/x", False),
    "a byte order mark is passed": ("\ufeffUser-agent: *\nDisallow: /\n", "/x", False),
    "CR alone ends a line": ("User-agent: *\rDisallow: /\r", "/x", False),
    "CRLF ends a line": ("User-agent: *\r\nDisallow: /\r\n", "/x", False),
    "spaces do not matter": ("  User-Agent :*\n\tDisallow :  /  \n", "/x", False),
    "a name without its hyphen is read": ("Useragent: *\nDisallow: /\n", "/x", False),
    "HTML says nothing": ("<!doctype html><title>Not found</title><p>Disallow it</p>", "/x", True),
    "what parses in HTML counts": (f"<pre>\n{ALL}</pre>", "/x", False),
    "a pattern without a slash matches nothing": ("User-agent: *\nDisallow: ''\n", "/x", True),
    "a pattern may begin with a star": ("User-agent: *\nDisallow: *.json\n", "/a.json", False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_url_is_judged_by_rfc_9309(case: str) -> None:
    """The group that binds us, its longest matching pattern, and octets compared as octets."""
    text, target, allowed = CASES[case]

    assert says(text, target) is allowed


def test_a_verdict_names_its_line() -> None:
    """The line as it was written, and whom its group names."""
    found = parse(b"User-agent: *\nAllow: /a\nDisallow: /a/*/b # not this\n")

    assert found.judge("/a/x/b").line == "Disallow: /a/*/b (User-agent: *)"
    assert found.judge("/a/x").line == "Allow: /a (User-agent: *)"
    assert found.judge("/other").line == ""


def test_only_the_group_that_binds_us_is_kept() -> None:
    """What a file says to others is no use to us."""
    found = parse(b"User-agent: x\nDisallow: /x\n\nUser-agent: *\nDisallow: /y\nCrawl-delay: 2.5\n")

    assert (found.agent, found.lines, found.delay) == ("*", ("Disallow: /y",), 2.5)
    assert parse(b"User-agent: x\nDisallow: /\n") == Rules()


DELAYS = {"10": 10.0, "0.5": 0.5, "": None, "soon": None, "-1": None, "1e9": 1.0, "nan": None}


@pytest.mark.parametrize("text", DELAYS)
def test_a_delay_is_a_plain_number(text: str) -> None:
    """Anything else is not guessed at."""
    assert parse(f"User-agent: *\nCrawl-delay: {text}\n".encode()).delay == DELAYS[text]


def test_what_lies_beyond_500_kib_is_not_read() -> None:
    """What stands before it counts."""
    padding = b"#" * MAX_BYTES
    head = b"User-agent: *\nDisallow: /a\n"

    found = parse(head + padding + b"\nDisallow: /b\n")

    assert not found.judge("/a").allowed
    assert found.judge("/b").allowed


HOSTILE = {
    "rules without end": b"User-agent: *\n" + b"Disallow: /a\n" * 40_000,
    "stars without end": b"User-agent: *\n" + b"Disallow: /*a*b*c*d\n" * 25_000,
    "one pattern of stars": b"User-agent: *\nDisallow: /" + b"*a" * 200_000,
    "agents without end": b"User-agent: fedpull\n" * 25_000,
    "blank lines": b"\n" * MAX_BYTES,
    "spaces": b"User-agent" + b" " * MAX_BYTES,
    "carriage returns": b"\r" * MAX_BYTES,
    "escapes": b"User-agent: *\nDisallow: /" + b"%zz%41" * 80_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_is_made_to_be_slow_is_judged(case: str) -> None:
    """No pattern makes the matcher go back and forth; a backtracking one would not come back."""
    found = parse(HOSTILE[case])

    assert isinstance(found.judge("/" + "a" * 2_000).allowed, bool)


def test_patterns_beyond_counting_forbid_rather_than_allow() -> None:
    """Of thousands of patterns with a star, the later ones are read as what they begin with."""
    many = b"".join(b"Disallow: /x%d*y\n" % number for number in range(3_000))
    body = b"User-agent: *\n" + many + b"Disallow: /late*z\nAllow: /late*y\n"

    assert not parse(body).judge("/late-y").allowed


def test_one_pattern_of_stars_uses_up_what_patterns_may_cost() -> None:
    """Stars are counted, not patterns: each is a search in every URL that is judged."""
    body = b"User-agent: *\nDisallow: /a" + b"*b" * 2_001 + b"\nAllow: /c*d\nDisallow: /\n"

    found = parse(body)

    assert not found.judge("/a").allowed
    assert not found.judge("/c-d").allowed


def test_rules_beyond_counting_forbid_rather_than_allow() -> None:
    """A file may hold 43,000 rules, which take longer to read than the loop may be held: beyond
    some thousands they are one that forbids everything, also when they are read from what was kept.
    """
    first = b"User-agent: *\nAllow: /first\n"
    many = b"".join(b"Disallow: /%x\n" % number for number in range(30_000))
    found = parse(first + many + b"Allow: /last\n")
    again = rules(found.agent, list(found.lines), found.delay)
    only_allowed = parse(first + many.replace(b"Disallow", b"Allow"))

    assert len(found.lines) < 10_000
    assert again == found
    for one in (found, again):
        assert one.judge("/first").allowed
        assert not one.judge("/last").allowed
        assert not one.judge("/elsewhere").allowed
    assert only_allowed.judge("/elsewhere").allowed


@given(st.binary(max_size=400), st.text(max_size=60))
def test_no_bytes_make_it_raise(body: bytes, path: str) -> None:
    """Whatever is served as robots.txt, and whatever is asked about."""
    parse(body).judge(f"/{path}")
    parse(b"User-agent: *\nDisallow: /" + body).judge(f"/{path}")


@given(st.text(alphabet="abu:/*$%2A#\n UserAgentDisallowCrawldelay-", max_size=300))
def test_what_was_kept_says_the_same(text: str) -> None:
    """The group, read again from its lines, is the group."""
    found = parse(f"User-agent: *\n{text}".encode())

    assert rules(found.agent, list(found.lines), found.delay) == found
