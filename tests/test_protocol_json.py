"""Strict JSON: what is refused, and where embedded items stand in the source."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpull.crawler.protocol.strictjson import (
    BadJson,
    parse,
    parse_object,
    parse_with_items,
)

REFUSED = {
    "a key stands twice": b'{"id":"a","id":"b"}',
    "a key stands twice, once escaped": b'{"id":"a","\\u0069d":"b"}',
    "a nested key stands twice": b'{"object":{"id":"a","id":"b"}}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a number beyond floats": b'{"a":1e999}',
    "an integer of 5000 digits": b'{"a":' + b"1" * 5000 + b"}",
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "the wrong half of a pair": b'{"a":"\\uDE00\\uD83D"}',
    "a pair with a backslash between": b'{"a":"\\ud83d\\\\\\ude00"}',
    "half a pair in a key": b'{"\\ud800":1}',
    "no UTF-8": b'{"a":"\xff"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-le"),
    "two documents": b"{} {}",
    "a comment": b"{} // no",
    "a trailing comma": b'{"a":1,}',
    "a missing comma": b'{"a":1 "b":2}',
    "a missing colon": b'{"a" 1}',
    "an unfinished object": b'{"a":1',
    "an unfinished list": b'{"items":[1,2',
    "a raw line feed in a key": b'{"a\n":1}',
    "a leading zero": b'{"a":01}',
    "nothing": b"",
    "100,000 opening brackets": b"[" * 100_000,
    "100,000 opening braces": b'{"a":' * 100_000,
    "400,000 tiny elements": b'{"a":[' + b"1," * 400_000 + b"1]}",
    "100,000 keys": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    "65 levels": b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
    "65 levels among wide ones": b'{"b":['
    + b"[]," * 99
    + b'1],"a":'
    + b"[" * 64
    + b"]" * 64
    + b"}",
}
TAKEN = {
    "64 levels": b'{"a":' + b"[" * 63 + b"]" * 63 + b"}",
    "brackets in strings are not levels": json.dumps({"a": ["[{" * 500, '"[' * 99, "\\"]}).encode(),
    "commas in strings are not values": json.dumps({"a": "," * 30_000}).encode(),
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a surrogate pair": b'{"a":"\\ud83d\\ude00"}',
    "an escaped backslash before u": b'{"a":"\\\\ud800"}',
    "NUL in text": b'{"a":"\\u0000"}',
    "white space everywhere": b' \n{ "a" :\t[ 1 , 2 ] , "items" : [ { } , [ ] ] }\r\n',
    "an empty object": b"{}",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_refuses(body: bytes) -> None:
    """What two parsers could read differently, or not at all, is refused by both readers,
    whether or not it may be read quickly (`plainjson`; a space in front keeps it from that)."""
    for spelled in (body, b" " + body):
        with pytest.raises(BadJson):
            parse(spelled)
        with pytest.raises(BadJson):
            parse_with_items(spelled)


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
def test_takes(body: bytes) -> None:
    """Unusual but unambiguous JSON is read, and both readers read the same."""
    expected = json.loads(body.removeprefix(b"\xef\xbb\xbf"))

    assert parse(body) == expected
    assert parse_with_items(body).value == expected


@pytest.mark.parametrize("body", [b"null", b"1", b'"a"', b"[]", b"true"])
def test_a_document_is_an_object(body: bytes) -> None:
    """A value that is not an object parses, but is no document."""
    parse(body)
    with pytest.raises(BadJson):
        parse_object(body)
    with pytest.raises(BadJson):
        parse_with_items(body)


def test_limits_are_the_callers() -> None:
    """Depth and number of values can be bounded more narrowly."""
    with pytest.raises(BadJson, match="deeper than 2"):
        parse(b"[[[]]]", max_depth=2)
    with pytest.raises(BadJson, match="more than 3"):
        parse(b"[1,2,3,4]", max_nodes=3)


def _sources() -> dict[str, tuple[str, Any]]:
    note = '{"id":"https://a.example/1", "content":"é \\u00e9","tag":[]}'
    inner = f'{{"type":"Create","object": {note} }}'
    return {
        "an item of a list": (f'{{"orderedItems":[1,{note}]}}', lambda v: v["orderedItems"][1]),
        "a single item": (f'{{"items":{note}}}', lambda v: v["items"]),
        "an item of an inline page": (
            f'{{"first":{{"items":[{note}]}}}}',
            lambda v: v["first"]["items"][0],
        ),
        "an item of a nested collection": (
            f'{{"orderedItems":{{"type":"OrderedCollection","orderedItems":[{note}]}}}}',
            lambda v: v["orderedItems"]["orderedItems"][0],
        ),
        "the object of an activity": (
            f'{{"items":[{{"object" : {note}}}]}}',
            lambda v: v["items"][0]["object"],
        ),
        "the post in an announced Create": (
            f'{{"items":[{{"type":"Announce","object":{inner}}}]}}',
            lambda v: v["items"][0]["object"]["object"],
        ),
        "the object of a document": (f'{{"object":{note}}}', lambda v: v["object"]),
    }


@pytest.mark.parametrize(("source", "find"), _sources().values(), ids=_sources())
def test_slices_are_the_source(source: str, find: Any) -> None:
    """The slice of an embedded object is what the origin sent, byte for byte."""
    parsed = parse_with_items(source.encode())

    assert parsed.slice(find(parsed.value)) == (
        '{"id":"https://a.example/1", "content":"é \\u00e9","tag":[]}'.encode()
    )
    assert parsed.slice(parsed.value) == source.encode()
    assert parsed.slice({}) is None


def test_slices_of_deep_nesting_end_somewhere() -> None:
    """Objects within objects beyond any real page are parsed, only not sliced."""
    body = b'{"object":' * 40 + b"{}" + b"}" * 40

    assert parse_with_items(body).value == json.loads(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["items", "orderedItems", "object", "first"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_reads_what_json_writes(value: Any, ascii_only: bool, indent: int | str | None) -> None:
    """Both readers read any value back, however it was written."""
    body = json.dumps({"object": value}, ensure_ascii=ascii_only, indent=indent)
    try:
        source = body.encode()
    except UnicodeEncodeError:
        return
    if "\\ud" in body:
        return

    assert parse(source) == {"object": value}
    parsed = parse_with_items(source)
    assert parsed.value == {"object": value}
    for start, end in parsed.spans.values():
        json.loads(parsed.text[start:end])


@settings(max_examples=300)
@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]",:\\u019 \naitems', max_size=60).map(str.encode)
)
def test_never_raises_anything_else(body: bytes) -> None:
    """Whatever the bytes, the outcome is a value or BadJson, and the same from both readers."""
    try:
        value = parse_object(body)
    except BadJson:
        with pytest.raises(BadJson):
            parse_with_items(body)
    else:
        assert parse_with_items(body).value == value
