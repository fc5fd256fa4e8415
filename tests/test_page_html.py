"""Strangers' HTML as the page may show it: tags and attributes of our own list only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_cases import HOSTILE, elements, strange

from fedpull.cache import page_html
from fedpull.cache.page_html import clean


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_hostile_html_comes_out_harmless(html: str) -> None:
    """No tag and no attribute that is not on the list is left, as two parsers read it."""
    shown = clean(f"<p>before</p>{html}<p>behind</p>")

    assert shown is not None
    assert strange(shown.html) == []
    assert "before" in shown.text


_PIECES = (
    *("<p>", "</p>", "<b>", "</b>", "<a href=https://a.example/>", "</a>", "<svg>", "</svg>"),
    *("<math>", "</math>", "<table>", "<td>", "</table>", "<ul><li>", "<!--", "-->", '"', ">"),
    *("<noscript>", "</noscript>", "<style>", "</style>", "<title>", "</title>", "&lt;", "<"),
)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(HOSTILE.values())),
            st.sampled_from(_PIECES),
            st.text(max_size=20),
        ),
        max_size=12,
    ).map("".join)
)
def test_no_mixture_comes_out_harmful(html: str) -> None:
    """Whatever is put together of hostile pieces, what is left is on the list."""
    shown = clean(html)

    assert shown is not None
    assert strange(shown.html) == []
    again = clean(shown.html)
    assert again is not None
    assert strange(again.html) == []


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        pytest.param("<p>Hi <b>you</b></p>", "<p>Hi <b>you</b></p>", id="plain marks stay"),
        pytest.param("a < b & c", "a &lt; b &amp; c", id="text is escaped"),
        pytest.param("<h1>A</h1><h6>B</h6>", "<h3>A</h3><h6>B</h6>", id="headings go below ours"),
        pytest.param("<ul><li>a</li></ul>", "<ul><li>a</li></ul>", id="lists stay"),
        pytest.param('<p class="x" id="y" lang="z">a</p>', "<p>a</p>", id="attributes go"),
        pytest.param(
            'so <img alt="a :cat:" src="https://m.example/c.png"> so',
            'so <span class="alt">a :cat:</span> so',
            id="of a picture its description stays",
        ),
        pytest.param("<p>a<script>b</script>c</p>", "<p>ac</p>", id="scripts go with their text"),
        pytest.param("<center>a</center>", "a", id="of an unknown tag the text stays"),
        pytest.param("a\u202eb\u200bc", "abc", id="marks that turn and hide text go"),
    ],
)
def test_what_is_left(html: str, wanted: str) -> None:
    """What people write for each other can still be read."""
    shown = clean(html)

    assert shown is not None
    assert shown.html == wanted


@pytest.mark.parametrize(
    ("link", "behind"),
    [
        pytest.param('<a href="https://evil.example/">x</a>', "evil.example", id="words"),
        pytest.param(
            '<a href="https://evil.example/">https://bank.example/login</a>',
            "evil.example",
            id="another host in the text",
        ),
        pytest.param(
            '<a href="https://bank.example@evil.example/">bank.example</a>',
            "evil.example",
            id="another host in front of an @",
        ),
        pytest.param(
            '<a href="https://evil.example/bank.example">'
            '<span class="invisible">https://evil.example/</span>bank.example</a>',
            None,
            id="hidden parts are shown, so the text tells it",
        ),
        pytest.param('<a href="https://a.example/x">a.example/x</a>', None, id="the text tells it"),
        pytest.param(
            '<a href="https://a.example/x">https://a.example</a>', None, id="an address tells it"
        ),
        pytest.param(
            '<a href="https://xn--80ak6aa92e.com/">аррӏе.com</a>',
            "xn--80ak6aa92e.com",
            id="letters that look like others",
        ),
        pytest.param(
            '<a href="https://xn--mnchen-3ya.example/">x</a>', "münchen.example", id="plain letters"
        ),
        pytest.param(
            '<a href="https://a.example:8443/">a.example</a>', "a.example:8443", id="another port"
        ),
        pytest.param(
            '<a href="https://evil.example/">bank.example\u200b</a>', "evil.example", id="invisible"
        ),
        pytest.param(
            '<a href="https://evil.example/"><img alt="bank.example" src="x"></a>',
            "evil.example",
            id="a picture for a text",
        ),
    ],
)
def test_where_a_link_leads_is_seen(link: str, behind: str | None) -> None:
    """The host of a link stands behind it, unless its text begins with that very host."""
    shown = clean(link)

    assert shown is not None
    marks = [attributes for tag, attributes in elements(shown.html) if tag == "bdi"]
    assert bool(marks) is (behind is not None)
    if behind is not None:
        assert f'<bdi class="whither">[{behind}]</bdi>' in shown.html


def test_a_link_tells_its_target_nothing() -> None:
    """No referrer, no handle on our window, no vote for a search engine."""
    shown = clean('<a href="https://a.example/" target="_blank" rel="opener">x</a>')

    assert shown is not None
    [rel] = {attributes["rel"] for tag, attributes in elements(shown.html) if tag == "a"}
    assert {"noopener", "noreferrer", "nofollow"} <= set(rel.split())
    assert "target" not in shown.html


_MANY = page_html.MAX_TAGS


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<div>" * 50_000, id="50,000 boxes in each other"),
        pytest.param(
            f'<a href="https://a.example/{"x" * 10**6}">x</a>', id="a megabyte of a target"
        ),
        pytest.param("x" * 10**6, id="a megabyte of text"),
        pytest.param("<" * 100_000, id="nothing but beginnings of tags"),
        pytest.param(
            "".join(f"<b id={n}>" for n in range(400)) + "<p>x" * 3_000,
            id="open marks that are copied into each paragraph",
        ),
        pytest.param("<b/" * 300 + "<p>x" * 3_000, id="the same with slashes"),
    ],
)
def test_what_is_too_intricate_is_not_shown(html: str) -> None:
    """What could not be taken apart in bounded time is not shown at all."""
    assert clean(html) is None


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<div>" * _MANY, id="boxes in each other"),
        pytest.param("<ul><li>" * (_MANY // 2), id="lists in each other"),
        pytest.param("<blockquote>x" * (_MANY // 2), id="quotations in each other"),
        pytest.param("<a href=https://a.example/>" * _MANY, id="links in each other"),
        pytest.param("<p><a href=https://a.example/>" * (_MANY // 2), id="links across paragraphs"),
        pytest.param("<table><tr><td>" * (_MANY // 3), id="tables in each other"),
        pytest.param("<table>x" * (_MANY // 2), id="text that a table throws out"),
        pytest.param("<nobr>" * _MANY, id="tags that close each other"),
        pytest.param("&" * page_html.MAX_LENGTH, id="nothing but beginnings of entities"),
        pytest.param("<b><p></b>" * (_MANY // 12), id="marks that overlap"),
    ],
)
def test_what_is_just_bearable_has_no_depth(html: str) -> None:
    """At the bounds the work is bearable, and what comes out no browser chokes on."""
    shown = clean(html)

    if shown is not None:
        depth = deepest = 0
        for piece in shown.html.split("<")[1:]:
            if piece.startswith("/"):
                depth -= 1
            elif not piece.startswith(("br>", "hr>")):
                depth += 1
            deepest = max(deepest, depth)
        assert deepest <= page_html.MAX_DEPTH + 3


def test_an_excerpt_is_one_line_of_text() -> None:
    """Tags become spaces, and what is cut says so."""
    assert page_html.excerpt("<p>One</p><p>two<br>three</p>", 100) == "One two three"
    assert page_html.excerpt(f"<p>{'word ' * 400}</p>", 30) == "word word word word word word…"
    assert page_html.excerpt("<script>x</script>", 30) == ""


def test_plain_text_is_shown_as_it_is() -> None:
    """What says that it is no HTML is not read as HTML."""
    shown = page_html.plain("<b>*hi*</b>\nyou")

    assert shown.html == '<div class="asis">&lt;b&gt;*hi*&lt;/b&gt;\nyou</div>'
