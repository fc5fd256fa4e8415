"""nginx with the example of deploy/ as its configuration, in front of a public listener.

Nothing of an installed nginx is touched; it is ended by its process id.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from certificates import Authority
from public_station import free_port
from station import eventually

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"


def installed(tool: str) -> str:
    """The tool, wherever a system keeps it; the test is skipped where it is not."""
    found = shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return found


@contextmanager
def nginx(folder: Path, inbox: int, certificate: Path) -> Iterator[tuple[int, int]]:
    """The example as it stands, but for files and ports: those without and with TLS."""
    tool, plain, secure = installed("nginx"), free_port(), free_port()
    site = (DEPLOY / "nginx" / "fedpull.conf").read_text("utf-8")
    upstream, _, servers = site.partition("\n\n")
    # The part for port 80 is replaced by one that passes on in plain text, for the simulated hosts.
    served = servers[servers.index("server {", 10) :]
    changed = re.sub(r"    listen \[.*\n", "", served)
    changed = changed.replace(
        "listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl; listen 127.0.0.1:{plain};"
    )
    changed = changed.replace("pull.example.org;", "pull.example;")
    changed = re.sub(r"/etc/letsencrypt/\S+/(\w+)\.pem", rf"{certificate}/\1.pem", changed)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\n"
        f"{upstream.replace('8788', str(inbox))}\n{changed}\n}}\n"
    )
    process = subprocess.Popen([tool, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        eventually(lambda: _listens(plain), "nginx listens")
        yield plain, secure
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def make_certificate(folder: Path) -> None:
    """One for pull.example, and its key, under the names that Let's Encrypt gives them."""
    Authority.make(folder).server("pull.example")
    (both,) = folder.glob("server-*.pem")
    for name in ("fullchain.pem", "privkey.pem"):
        shutil.copy(both, folder / name)
