"""The words of the formats that are fuzzed: what a fuzzer puts together. Values only.

Each table holds what a reader looks for, what it must refuse, and what two readers could take for
two things.
"""

from __future__ import annotations

from ingest_cases import ALICE, OUTBOX

URI_WORDS = (
    "https://", "http://", "HTTPS://", "//", "/", ":", ":443", ":80", ":65536", "@", "?", "#",
    "%", "%2e", "%00", "[", "]", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1", "0x7f.1",
    "2130706433", "social.example", "b\u00fccher.example", "xn--bcher-kva.example", "xn--",
    "xn--a", "a", ".", "..", "-", "_", "\u3002", "\u2460", "localhost", "a" * 64, "\\", " ", "\t",
    "\r\n", "\x00", "\u202e", "\ud83d", "file:", "javascript:", "data:", "acct:", "alice",
    "users/alice", "*", "!", "~", "&", "=", "\u00df",
)  # fmt: skip
_NAMES = """
id @id type @type actor object attributedTo to cc bto bcc audience tag name nameMap content
contentMap url href rel inReplyTo context conversation published updated attachment outbox inbox
preferredUsername mediaType @context @value @list @language @graph startTime endTime items
orderedItems first next prev last totalItems partOf replies likes shares endpoints sharedInbox
publicKey publicKeyPem owner controller publicKeyMultibase assertionMethod expires revoked
indexable discoverable searchableBy manuallyApprovesFollowers summary movedTo alsoKnownAs
formerType deleted followers following webfinger links subject aliases proof signature quote
interactionPolicy featured icon image contextHistory target result instrument location
"""
NAMES = tuple(_NAMES.split())
VALUES = (
    ALICE, f"{ALICE}/posts/1", f"{ALICE}#main-key", OUTBOX, f"{OUTBOX}?page=2", f"{ALICE}/inbox",
    "https://elsewhere.example/1", "http://127.0.0.1/", "https://pull.example/actor", "/relative",
    "https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public", "_:b0", "tag:x,2026:1",
    "https://www.w3.org/ns/activitystreams", "as:Note", "Note", "Person", "Group", "Create",
    "Announce", "Update", "Delete", "Undo", "Move", "Like", "Follow", "Accept", "Tombstone",
    "Link", "OrderedCollection", "OrderedCollectionPage", "Collection", "CollectionPage", "Event",
    "Video", "Hashtag", "#nobot", "#caf\xe9", "PropertyValue", "Multikey", "CryptographicKey",
    "acct:a@b.c", "2026-01-01T00:00:00Z", "2026-13-01", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60+99:99", "text/html", "self", "application/activity+json", "@reverse",
    "<p>\xe9</p>", "&#9", "<a href=", "-----BEGIN PUBLIC KEY-----\n", "z6Mk", "u7QEd", "alice",
    "@alice@social.example", "@id", "none",
)  # fmt: skip
HEADERS = (
    "retry-after", "date", "age", "cache-control", "etag", "last-modified", "expires", "link",
    "x-robots-tag", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
    "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit", "ratelimit-policy",
    "content-type",
)  # fmt: skip
HEADER_WORDS = (
    "0", "1", "-1", "120", "999999999999", "9" * 400, "1e9", "1.5", "\u0664", ", ", "; ", "=",
    ":", '"', "W/", "max-age=", "s-maxage=", "no-store", "no-cache", "public",
    "stale-while-revalidate=", "noindex", "noarchive", "fedpull: ", "unavailable_after: ",
    "Tue, 14 Nov 2023 22:13:20 GMT", "Tuesday, 14-Nov-23 22:13:20 GMT",
    "Tue Nov 14 22:13:20 2023", "2023-11-14T22:13:20.000Z", "99999-01-01T00:00:00Z", "r=", "t=",
    "q=", "w=", "limit=", "default", "charset=", "utf-16", "application/activity+json",
    "application/ld+json", "profile=", '"x"', "\\", "(", ")", "?1", "@1", "\x00", "\r\n", "\xe9",
    "GMT", "Feb", "30", "+0000",
)  # fmt: skip
ROBOT_WORDS = (
    "User-agent: ", "user-agent:", "Fedpull", "fedpull", "*", "\n", "\r", "\r\n", "Disallow: ",
    "Allow: ", "Crawl-delay: ", "Sitemap: ", "#", "/", "/users/", "$", "?", "%", "%2A", "%e9",
    "a", "\xe9", "\x00", "\ufeff", "9" * 50, "1.5", ":", " ", "\t", "<html>", "*" * 40, "*a" * 20,
)  # fmt: skip
SIGNATURE_NAMES = (
    "signature", "signature-input", "authorization", "host", "date", "digest", "content-digest",
    "content-type", "x-a",
)  # fmt: skip
SIGNATURE_WORDS = (
    'keyId="https://s.example/k"', 'headers="(request-target) host date digest"', "algorithm=",
    'headers="(request-target) (created) (expires) host digest"', 'signature="', "QUJD" * 30, '"',
    "sig1=:", ":", "sig1=(", '"@method" ', '"@target-uri" ', '"content-digest" ', ")", "(", ";",
    "created=1790000000", "expires=1e9", 'keyid="https://s.example/k"', 'alg="ed25519"',
    "sha-256=:", "SHA-256=", "Signature ", "pull.example", "Mon, 21 Sep 2026 14:13:20 GMT", ",",
    ", ", "\\", "@-9", '%"%ff"', "99999999999999.9", '"@query";', "sf", "bs", "key=", "req", "tr",
    "\xe9", "\x00", "?1",
)  # fmt: skip
LIST_WORDS = (
    "#domain,#severity,#reject_media,#public_comment,#obfuscate", "domain", "domain,severity",
    "\n", "\r\n", "\r", ",", '"', '""', "suspend", "silence", "noop", "true", "false",
    "spam.example", "*.", "*", "ex*mple.com", "192.0.2.1", "[2001:db8::1]", "2001:db8::1",
    "b\u00fccher.example", ".", "#", " ", "\ufeff", "\x00", "xn--", ":443", "https://", "/", "id",
    "undo", "{", "Account address,Show boosts", "@alice@social.example", "<opml><body><outline ",
    'xmlUrl="', "/>", "</body></opml>", "<!DOCTYPE", "<!ENTITY a 'b'>", "&a;",
    "2026-01-01T00:00:00Z",
)  # fmt: skip
WIRE_WORDS = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 N\r\n", b"HTTP/1.1 100 C\r\n\r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"\r\n", b"\n", b"Content-Encoding: gzip\r\n",
    b"Connection: close\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"ffffffff", b"{}", b"X: y\r\n",
    b" ", b"\x1f\x8b\x08", b"\x00", b"Content-Type: application/activity+json\r\n",
)  # fmt: skip
JSON_WORDS = (
    "{", "}", "[", "]", '"', ":", ",", "\\", "\\u", "d83d", "de00", "0", "1", "-", ".", "e", "9",
    " ", "true", "false", "null", "NaN", "id", "items", "object", "\n", "\ufeff", "\\ud83d\\ude00",
)  # fmt: skip
