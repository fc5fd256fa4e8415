"""Blocklists as text: every form in which lists of domains come, and what a rule covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.blocklist import parse_blocklist, together
from fedpull.crawler.protocol.blocks import Blocks, difference

HEADER = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate"
FULL = f"{HEADER}\r\nspam.example,suspend,true,true,spam,false\r\n"
SPAM = {"spam.example": "suspend"}


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        pytest.param("b.csv", FULL, SPAM, id="Mastodon's export"),
        pytest.param("b.csv", FULL.replace("\r", ""), SPAM, id="with the line ends of Unix"),
        pytest.param("b.csv", "\ufeff" + FULL, SPAM, id="behind a byte order mark"),
        pytest.param("b.txt", FULL, SPAM, id="CSV under another name"),
        pytest.param("b.csv", FULL.replace("#", ""), SPAM, id="a header without #"),
        pytest.param("b.csv", '"#domain","#severity"\nspam.example,suspend\n', SPAM, id="quoted"),
        pytest.param("b.csv", FULL.partition("\r\n")[2], SPAM, id="without a header"),
        pytest.param("b.csv", "severity,domain\nsuspend,spam.example\n", SPAM, id="other order"),
        pytest.param("b.csv", "domain\nspam.example\n", SPAM, id="no column of severity"),
        pytest.param("b.csv", "domain,severity\nspam.example,\n", SPAM, id="no severity said"),
        pytest.param(
            "b.csv",
            f'{HEADER}\nspam.example,suspend,true,true,"bad, very ""bad""\nin two lines",false\n',
            SPAM,
            id="a comment with commas, quotes and a line break",
        ),
        pytest.param("b.csv", "domain,severity\nSPAM.Example,Suspend\n", SPAM, id="upper case"),
        pytest.param("b.csv", "domain,severity\nspam.example:8443,suspend\n", SPAM, id="a port"),
        pytest.param("b.csv", "domain,severity\n  spam.example. , suspend\n", SPAM, id="blanks"),
        pytest.param("b.csv", "domain,severity\n\n,,,\nspam.example,suspend\n\n", SPAM, id="empty"),
        pytest.param(
            "b.csv",
            "domain,severity\nbücher.example,suspend\n",
            {"xn--bcher-kva.example": "suspend"},
            id="an international name",
        ),
        pytest.param(
            "b.csv",
            "domain,severity\na.example,silence\nb.example,limit\nc.example,noop\n",
            {"a.example": "silence", "b.example": "silence"},
            id="less than suspended",
        ),
        pytest.param(
            "b.csv",
            "domain,severity\nspam.example,silence\nspam.example,suspend\nspam.example,noop\n",
            SPAM,
            id="named three times: the strictest row holds",
        ),
        pytest.param("b.txt", "spam.example\n# a comment\n\n", SPAM, id="a plain list"),
        pytest.param("b.txt", "spam.example # says who\r\n", SPAM, id="a plain list with remarks"),
        pytest.param("b.txt", "192.0.2.7\n", {"192.0.2.7": "suspend"}, id="an address"),
        pytest.param(
            "b.txt",
            "2001:0DB8::1\n[2a00::2]\n[2a00::3]:8443 # a port\n",
            dict.fromkeys(("2001:db8::1", "2a00::2", "2a00::3"), "suspend"),
            id="addresses of IPv6",
        ),
        pytest.param("b.csv", "domain,severity\n[::1],silence\n", {"::1": "silence"}, id="in CSV"),
        pytest.param("b.txt", "", {}, id="nothing at all"),
    ],
)
def test_a_list_is_read_as(name: str, text: str, rules: dict[str, str]) -> None:
    """The rules of a list, in the one spelling of their domains; nothing to complain of."""
    found = parse_blocklist(name, text)

    assert found.blocks.rules == rules
    assert not found.invalid
    assert not found.obfuscated


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        pytest.param("user@spam.example", 2, "no DNS name", id="an account"),
        pytest.param("https://spam.example/", 2, "no DNS name", id="a URL"),
        pytest.param("example", 2, "a whole top-level domain", id="a top-level domain"),
        pytest.param("spam..example", 2, "no DNS name", id="an empty label"),
        pytest.param("2130706433.1", 2, "a number for a host", id="a number"),
        pytest.param("spam.example,ban", 2, "no severity", id="an unknown severity"),
        pytest.param(",suspend", 2, "no DNS name", id="no domain"),
        pytest.param("2001:db8::x,suspend", 2, "no IPv6 address", id="no address"),
        pytest.param("fe80::1%eth0,suspend", 2, "no IPv6 address", id="an address with a scope"),
    ],
)
def test_a_row_that_is_no_rule_is_told(row: str, line: int, reason: str) -> None:
    """With its line and what is wrong with it; the rows around it hold."""
    found = parse_blocklist("b.csv", f"domain,severity\n{row}\nspam.example,suspend\n")

    assert found.blocks.rules == SPAM
    assert [(one.line, reason in one.reason) for one in found.invalid] == [(line, True)]


@pytest.mark.parametrize("name", ["sp*m.example", "*.spam.example", "**am.ex*mple", "spam.*"])
@pytest.mark.parametrize("file", ["b.csv", "b.txt"])
def test_what_is_obfuscated_is_reported_and_not_guessed(file: str, name: str) -> None:
    """No star stands for anything."""
    found = parse_blocklist(file, f"# a list\nother.example\n{name}\n")

    assert found.blocks.rules == {"other.example": "suspend"}
    assert [(one.line, one.text) for one in found.obfuscated] == [(3, name)]


@pytest.mark.parametrize("rows", [3, 30_000])
def test_a_quotation_that_does_not_end_opens_nobody(rows: int) -> None:
    """A slip in one remark does not take the rows behind it out of force, and is reported."""
    behind = "".join(f"h{n}.example,suspend,fine\n" for n in range(rows))
    text = f'domain,severity,public_comment\nspam.example,suspend,"bad\n{behind}'
    found = parse_blocklist("b.csv", text)

    assert len(found.blocks.rules) == rows + 1
    assert found.blocks.suspends("spam.example")
    assert found.blocks.suspends(f"h{rows - 1}.example")
    assert [one.line for one in found.invalid] == [2]


def test_thirty_thousand_rows_are_a_list_like_any_other() -> None:
    """Mastodon's own import ends at 20,000; shared lists do not."""
    rows = "".join(f"h{n}.spam.example,suspend,true,true,,false\r\n" for n in range(30_000))
    found = parse_blocklist("b.csv", f"{HEADER}\r\n{rows}")

    assert len(found.blocks.rules) == 30_000
    assert found.blocks.suspends("www.h29999.spam.example")
    assert not found.blocks.suspends("h30000.spam.example")


BLOCKS = Blocks({"spam.example": "suspend", "loud.example": "silence", "a.loud.example": "suspend"})


@pytest.mark.parametrize(
    ("host", "severity"),
    [
        pytest.param("spam.example", "suspend", id="the domain itself"),
        pytest.param("www.spam.example", "suspend", id="a name below it"),
        pytest.param("a.b.c.spam.example", "suspend", id="a name far below it"),
        pytest.param("notspam.example", None, id="a name that only ends like it"),
        pytest.param("example", None, id="what it is below"),
        pytest.param("spam.example.org", None, id="a name that only begins like it"),
        pytest.param("loud.example", "silence", id="silenced"),
        pytest.param("a.loud.example", "suspend", id="a stricter rule below"),
        pytest.param("x.a.loud.example", "suspend", id="below the stricter rule"),
        pytest.param("2.0.0.7", None, id="an address"),
        pytest.param("", None, id="no host"),
    ],
)
def test_a_rule_covers(host: str, severity: str | None) -> None:
    """Its domain and all below it, and nothing else; the strictest one holds."""
    assert BLOCKS.severity(host) == severity


def test_a_rule_of_a_subdomain_opens_nothing() -> None:
    """What one list closes no other can open, whichever names more of the host."""
    blocks = Blocks({"spam.example": "suspend", "nice.spam.example": "silence"})

    assert blocks.severity("nice.spam.example") == "suspend"


def test_an_address_is_below_no_other() -> None:
    """192.0.2.7 is no sub-domain of 2.7."""
    assert Blocks({"0.2.7": "suspend", "2.7": "suspend"}).severity("192.0.2.7") is None


def test_of_several_lists_the_strictest_row_holds() -> None:
    """In whatever order they are named."""
    one = parse_blocklist("a.csv", "domain,severity\nx.example,silence\ny.example,suspend\n")
    other = parse_blocklist("b.csv", "domain,severity\nx.example,suspend\ny.example,noop\n")

    expected = {"x.example": "suspend", "y.example": "suspend"}
    assert together([one, other]).rules == together([other, one]).rules == expected


def test_we_do_not_block_ourselves() -> None:
    """A list that others have made may name us, or what our host is below; whoever else it names
    there stays blocked."""
    ours = "pull.town.example"
    found = together([parse_blocklist("list.txt", f"town.example\n{ours}")], ours)

    assert not found.suspends(ours)
    assert found.suspends(f"others.{ours}")
    assert found.suspends("town.example")


def test_a_difference_names_what_comes_goes_and_changes() -> None:
    """As `fedpull blocklist FILE --dry-run` prints it."""
    now = Blocks({"a.example": "suspend", "b.example": "silence", "c.example": "suspend"})
    then = Blocks({"b.example": "suspend", "c.example": "suspend", "d.example": "silence"})
    found = difference(now, then)

    assert found.added == (("d.example", "silence"),)
    assert found.removed == (("a.example", "suspend"),)
    assert found.changed == (("b.example", "silence", "suspend"),)
    assert now.digest != then.digest
    assert now.digest == Blocks(dict(reversed(list(now.rules.items())))).digest


@given(st.text(), st.sampled_from(["b.csv", "b.txt"]))
def test_no_text_breaks_the_reader(text: str, name: str) -> None:
    """Whatever is in a file, each rule is a domain in its one spelling."""
    for domain in parse_blocklist(name, text).blocks.rules:
        assert domain == domain.lower()
        assert "*" not in domain
