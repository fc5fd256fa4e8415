"""The quick way to read JSON: it differs from the strict one in nothing but time."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import plainjson
from fedpull.crawler.protocol.strictjson import BadJson, Parsed, parse_with_items

NOTE = '{"id":"https://a.example/1","content":"<p>é & \\"x\\"</p>","n":[1,-2,0.5,true,null,{}]}'
PAGE = f'{{"@context":["x"],"orderedItems":[{{"type":"Create","object":{NOTE}}},{NOTE},1]}}'


def _html(text: str) -> str:
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


PLAIN = {
    "as JSON.stringify writes": PAGE,
    "as Rails and Go write": _html(PAGE),
    "with a line feed at the end": PAGE + "\n",
    "an escaped escape": '{"a":"\\\\u003c<"}',
    "escaped controls": '{"a":"\\u0000\\n\\u001f\\u007f"}'.replace("\\u007f", "\x7f"),
    "64 levels": '{"a":' + "[" * 63 + "]" * 63 + "}",
    "64 levels of a large document": '{"a":"' + "x" * 9000 + '","b":' + "[" * 63 + "]" * 63 + "}",
    "the largest integer of 64 bits": '{"a":18446744073709551615}',
}
NOT_PLAIN = {
    "white space between values": '{"a":1, "b":2}',
    "white space behind a colon": '{"a": 1}',
    "a byte order mark": '\ufeff{"a":1}',
    "an escape that need not be": '{"a":"\\u00e9"}',
    "only some of HTML's characters escaped": '{"a":"<\\u003e"}',
    "an escaped slash": '{"a":"\\/"}',
    "a key twice": '{"a":1,"a":1}',
    "a key twice, once escaped": '{"a":1,"\\u0061":1}',
    "a key twice, made up for by escaped quotes": '{"a":1,"a":1,"b":"\\u0022\\u0022:"}',
    "an integer of more than 64 bits": '{"a":18446744073709551616}',
    "a number with more digits than it needs": '{"a":1.50}',
    "a negative zero": '{"a":-0}',
    "a number too large": '{"a":1e999}',
    "half a surrogate pair": '{"a":"\\ud800"}',
    "65 levels": '{"a":' + "[" * 64 + "]" * 64 + "}",
    "65 levels of a large document": '{"a":"' + "x" * 9000 + '","b":' + "[" * 64 + "]" * 64 + "}",
    "too many values": '{"a":[' + "1," * 20_000 + "1]}",
    "no object": "[1]",
    "nothing": "",
    "an unfinished object": '{"a":1',
}


def _quickly(body: bytes) -> Parsed | None:
    return parse_with_items(body) if plainjson.read(body, 64, 20_000) is not None else None


def _strictly(body: bytes) -> Parsed | None:
    """What the scanner makes of it: white space in front keeps it from the quick way."""
    try:
        return parse_with_items(b" " + body)
    except BadJson:
        return None


def _parts(parsed: Parsed) -> list[bytes | None]:
    """The slices of everything that may be asked for."""
    found: list[bytes | None] = [parsed.slice(parsed.value)]
    items = parsed.value.get("orderedItems")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            about = item.get("object")
            found += [parsed.slice(one) for one in (item, about) if isinstance(one, dict)]
    return found


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_reads_what_is_spelled_plainly(text: str) -> None:
    """The usual spellings are read without the scanner, to the same value and the same bytes."""
    body = text.encode()
    quick, strict = _quickly(body), _strictly(body)

    assert quick is not None
    assert strict is not None
    assert repr(quick.value) == repr(strict.value)
    assert _parts(quick) == _parts(strict)


@pytest.mark.parametrize("text", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_leaves_the_rest_to_the_scanner(text: str) -> None:
    """What could be lost in reading shows when it is written back, and is not read quickly."""
    assert _quickly(text.encode()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=30,
)


@given(st.dictionaries(st.text(max_size=3), JSON), st.lists(JSON), st.booleans())
def test_both_ways_agree_on_values(more: dict[str, Any], items: list[Any], html: bool) -> None:
    """Whatever is read quickly is read strictly too, to the same value from the same bytes."""
    page = {**more, "orderedItems": [*items, {**more, "object": more}]}
    text = json.dumps(page, ensure_ascii=False, separators=(",", ":"))
    try:
        body = (_html(text) if html else text).encode()
    except UnicodeEncodeError:
        return
    _agree(body)


def test_the_writer_has_room_for_every_closing_bracket() -> None:
    """Deep documents of any size: orjson before 3.12 wrote the last brackets behind its buffer."""
    for size in range(300, 1200):
        value: list[Any] = [1] * size
        for _ in range(190):
            value = [value]
        assert len(orjson.dumps(value)) == 2 * (size + 190) + 1


def _spelled_object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


NUMBER = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
# fmt: off
_PIECES = (
    "a", "b", ":", ",", "{", "é", "<", "\\\\", '\\"', "\\/", "\\n", "\\u0022", "\\u003a", "\\u003c",
    "\\u003C", "\\ud83d\\ude00", "\\ud83d", "\\u0061", "\u2028",
)
# fmt: on
STRING = st.lists(st.sampled_from(_PIECES), max_size=4).map(lambda some: f'"{"".join(some)}"')
SPELLED = st.recursive(
    NUMBER | STRING | st.sampled_from(["true", "null", "NaN", ""]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda some: f"[{','.join(some)}]")
        | st.lists(st.tuples(STRING, inner), max_size=4).map(_spelled_object)
    ),
    max_leaves=12,
)


@given(st.lists(st.tuples(STRING | st.just('"orderedItems"'), SPELLED), min_size=1, max_size=4))
def test_both_ways_agree_on_spellings(pairs: list[tuple[str, str]]) -> None:
    """Keys twice, numbers and escapes of any kind: what is refused else is not taken quickly."""
    _agree(_spelled_object(pairs).encode())


def _agree(body: bytes) -> None:
    quick = _quickly(body)
    if quick is None:
        return
    strict = _strictly(body)
    assert strict is not None
    assert orjson.dumps(quick.value) == orjson.dumps(strict.value)
    assert repr(quick.value) == repr(strict.value)
    assert _parts(quick) == _parts(strict)
