"""The least that twisted.web can do: one resource that answers the same bytes to every GET.

    python bare_twisted.py FILE BYTES

It writes its address into FILE, as the daemon does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scrapy.utils.reactor import install_reactor

install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor", "uvloop.Loop")

from twisted.internet import reactor  # noqa: E402 - it is installed first
from twisted.web.resource import Resource  # noqa: E402
from twisted.web.server import Site  # noqa: E402


class Same(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, body: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._body = body

    def render_GET(self, request: Any) -> bytes:  # noqa: N802 - Twisted's name
        request.setHeader(b"content-type", b"application/json")
        return self._body


def main() -> None:
    file, size = Path(sys.argv[1]), int(sys.argv[2])
    running: Any = reactor
    port = running.listenTCP(0, Site(Same(b"x" * size)), interface="127.0.0.1")
    file.write_text(f"http://127.0.0.1:{port.getHost().port}", "utf-8")
    running.run()


if __name__ == "__main__":
    main()
