"""The page at `/`: what this is and where to go from here, for a person with a browser.

It shows nothing that came from another server, and nothing of the store.
"""

from __future__ import annotations

from .api_http import Answer

_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Fedpull</title>
<h1>Fedpull</h1>
<p>A pull-first ActivityPub crawler and cache. This is its private API: it answers from a local
copy of what public actors of the Fediverse have published, and is meant for programs on this
machine.</p>
<ul>
<li><a href="/v1/status">/v1/status</a>: how much is held, and what is going on
<li><a href="/metrics">/metrics</a>: the same and more, for Prometheus
<li><a href="/v1/follows">/v1/follows</a>: who is followed
<li><a href="/v1/objects">/v1/objects</a>: what came in, newest first
<li><a href="/v1/changes">/v1/changes</a>: the change log
<li><a href="/v1/hosts">/v1/hosts</a>: the servers that are asked
<li><a href="/openapi.json">/openapi.json</a>: all calls, for programs
<li><a href="/readyz">/readyz</a>, <a href="/healthz">/healthz</a>: for supervisors
<li>/v1/document?id=, /v1/reference?id=, /v1/history?id=, /v1/collection?id=
<li>POST /v1/fetch, /v1/pull, /v1/follows
</ul>
"""


def front_page() -> Answer:
    return Answer(200, _PAGE, "text/html; charset=utf-8")
