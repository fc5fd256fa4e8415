"""What a contender is told to fetch: one JSON file, the same for all of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Plan:
    """`port` on 127.0.0.1 stands for all hosts of the URLs' scheme."""

    actors: tuple[str, ...]
    outboxes: tuple[str, ...]  # when they are known already: then nobody needs to ask the actors
    port: int
    ca_file: str
    concurrency: int

    def local(self, url: str) -> tuple[str, str]:
        """Where `url` is served here, for who cannot connect elsewhere, and its Host header."""
        parts = urlsplit(url)
        return f"{parts.scheme}://127.0.0.1:{self.port}{parts.path}", parts.netloc

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), "utf-8")


def load(path: str) -> Plan:
    values = json.loads(Path(path).read_text("utf-8"))
    lists = {key: tuple(values[key]) for key in ("actors", "outboxes")}
    return Plan(**{**values, **lists})
