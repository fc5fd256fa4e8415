"""What RFC 4287 says of an Atom feed, as a RELAX NG grammar after its appendix B, and what no
grammar can say: `faults` names everything in which a feed is not valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

ATOM = "{http://www.w3.org/2005/Atom}"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_IRI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+", re.IGNORECASE)

GRAMMAR = b"""<grammar xmlns="http://relaxng.org/ns/structure/1.0"
  ns="http://www.w3.org/2005/Atom"
  datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
 <start><choice><ref name="feed"/><ref name="entry"/></choice></start>
 <define name="common">
  <optional><attribute name="xml:base"/></optional>
  <optional><attribute name="xml:lang"/></optional>
  <zeroOrMore><attribute><anyName><except><nsName ns=""/>
   <name>xml:base</name><name>xml:lang</name></except></anyName></attribute></zeroOrMore>
 </define>
 <define name="text"><ref name="common"/>
  <optional><attribute name="type" ns=""><choice><value>text</value><value>html</value></choice>
  </attribute></optional><text/></define>
 <define name="date"><ref name="common"/><data type="dateTime"/></define>
 <define name="uri"><ref name="common"/><text/></define>
 <define name="person"><ref name="common"/><interleave>
  <element name="name"><text/></element>
  <optional><element name="uri"><text/></element></optional>
  <optional><element name="email"><data type="string"><param name="pattern">.+@.+</param></data>
  </element></optional>
  <zeroOrMore><ref name="extension"/></zeroOrMore></interleave></define>
 <define name="link"><element name="link"><ref name="common"/>
  <attribute name="href" ns=""/>
  <optional><attribute name="rel" ns=""/></optional>
  <optional><attribute name="type" ns=""><data type="string"><param name="pattern">.+/.+</param>
  </data></attribute></optional>
  <optional><attribute name="hreflang" ns=""><data type="language"/></attribute></optional>
  <optional><attribute name="title" ns=""/></optional>
  <optional><attribute name="length" ns=""/></optional>
  <ref name="undefined"/></element></define>
 <define name="category"><element name="category"><ref name="common"/>
  <attribute name="term" ns=""/>
  <optional><attribute name="scheme" ns=""/></optional>
  <optional><attribute name="label" ns=""/></optional>
  <ref name="undefined"/></element></define>
 <define name="feed"><element name="feed"><ref name="common"/><interleave>
  <zeroOrMore><element name="author"><ref name="person"/></element></zeroOrMore>
  <zeroOrMore><ref name="category"/></zeroOrMore>
  <zeroOrMore><element name="contributor"><ref name="person"/></element></zeroOrMore>
  <optional><element name="generator"><ref name="common"/>
   <optional><attribute name="uri" ns=""/></optional>
   <optional><attribute name="version" ns=""/></optional><text/></element></optional>
  <optional><element name="icon"><ref name="uri"/></element></optional>
  <element name="id"><ref name="uri"/></element>
  <zeroOrMore><ref name="link"/></zeroOrMore>
  <optional><element name="logo"><ref name="uri"/></element></optional>
  <optional><element name="rights"><ref name="text"/></element></optional>
  <optional><element name="subtitle"><ref name="text"/></element></optional>
  <element name="title"><ref name="text"/></element>
  <element name="updated"><ref name="date"/></element>
  <zeroOrMore><ref name="extension"/></zeroOrMore>
  <zeroOrMore><ref name="entry"/></zeroOrMore></interleave></element></define>
 <define name="entry"><element name="entry"><ref name="common"/><interleave>
  <zeroOrMore><element name="author"><ref name="person"/></element></zeroOrMore>
  <zeroOrMore><ref name="category"/></zeroOrMore>
  <optional><element name="content"><ref name="text"/></element></optional>
  <zeroOrMore><element name="contributor"><ref name="person"/></element></zeroOrMore>
  <element name="id"><ref name="uri"/></element>
  <zeroOrMore><ref name="link"/></zeroOrMore>
  <optional><element name="published"><ref name="date"/></element></optional>
  <optional><element name="rights"><ref name="text"/></element></optional>
  <optional><element name="summary"><ref name="text"/></element></optional>
  <element name="title"><ref name="text"/></element>
  <element name="updated"><ref name="date"/></element>
  <zeroOrMore><ref name="extension"/></zeroOrMore></interleave></element></define>
 <define name="undefined"><zeroOrMore><choice><text/><ref name="extension"/></choice></zeroOrMore>
 </define>
 <define name="extension"><element>
  <anyName><except><nsName ns="http://www.w3.org/2005/Atom"/></except></anyName>
  <zeroOrMore><choice><attribute><anyName/></attribute><text/><ref name="extension"/></choice>
  </zeroOrMore></element></define>
</grammar>"""


def parsed(feed: bytes) -> Any:
    """The feed as a tree; raises where it is not well-formed."""
    return etree.fromstring(feed, etree.XMLParser(resolve_entities=False, no_network=True))


def faults(feed: bytes) -> list[str]:
    """In what a feed is not valid."""
    tree = parsed(feed)
    return [*_by_the_grammar(tree), *_beyond_it(tree)]


def _by_the_grammar(tree: Any) -> Iterator[str]:
    grammar = etree.RelaxNG(etree.fromstring(GRAMMAR))
    if not grammar.validate(tree):
        yield from (str(one) for one in grammar.error_log)


def _beyond_it(tree: Any) -> Iterator[str]:
    """Sections 3.3, 4.1.1, 4.1.2, 4.2.6 and 4.2.7."""
    if not tree.findall(f"{ATOM}author"):
        for entry in tree.findall(f"{ATOM}entry"):
            if not entry.findall(f"{ATOM}author"):
                yield "an entry without an author in a feed without one"
    seen = set()
    for entry in tree.iter(f"{ATOM}entry"):
        name = (entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated"))
        if name in seen:
            yield f"two entries {name}"
        seen.add(name)
        kinds = [
            (link.get("type"), link.get("hreflang"))
            for link in entry.findall(f"{ATOM}link")
            if link.get("rel", "alternate") == "alternate"
        ]
        if len(kinds) != len(set(kinds)):
            yield "two alternate links of a kind"
        if not kinds and entry.find(f"{ATOM}content") is None:
            yield "an entry with neither content nor an alternate link"
    for one in tree.iter(f"{ATOM}id", f"{ATOM}uri"):
        if not _IRI.fullmatch(one.text or ""):
            yield f"{one.tag}: {one.text!r} is no IRI"
    for link in tree.iter(f"{ATOM}link"):
        if not _IRI.fullmatch(link.get("href")):
            yield f"link: {link.get('href')!r} is no IRI"
    for one in tree.iter(f"{ATOM}updated", f"{ATOM}published"):
        if not _DATE.fullmatch(one.text or ""):
            yield f"{one.tag}: {one.text!r} is no time"
