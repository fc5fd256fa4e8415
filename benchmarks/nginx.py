"""nginx on loopback with a configuration of its own, in a folder of its own: the one server of all.

It needs no root, touches nothing of an installed nginx and is ended by its process id. Invariant:
what it serves for https://HOST/PATH is the file FOLDER/HOST/PATH.json, whatever connects; each POST
to an /inbox is answered 202 and leaves one line in its log.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import authority
import corpus

INSTALL = "apt-get install nginx-light"
_START_SECONDS = 10.0

# One worker: the machine's other core is the contender's. Connections live on unless the shape
# says that each request is to have a new one.
_CONF = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    etag on;
    keepalive_timeout {keepalive};
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets on;
    types {{ }}
    default_type application/activity+json;
    log_format post '$request_method $host $status';
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl;
        root {documents}/$host;
        location / {{ try_files $uri{suffix} =404; }}
        location = /.well-known/webfinger {{
            default_type application/jrd+json;
            try_files $uri{suffix} =404;
        }}
        location = /inbox {{
            access_log {folder}/posted.log post;
            return 202;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running nginx."""

    http: int
    https: int
    ca_file: Path
    posted: Path  # a line for each request to an inbox

    def port(self, scheme: str) -> int:
        return self.https if scheme == "https" else self.http


def path() -> str | None:
    """The program; it may stand where ordinary users have no path to."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def version() -> str:
    program = path()
    if program is None:
        return "none"
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    return told.stderr.strip().rpartition("/")[2]


@contextlib.contextmanager
def serving(folder: Path, documents: Path, *, keep_alive: bool) -> Iterator[Server]:
    """Serve `documents` until the block ends; `folder` is for nginx's own files."""
    program = path()
    if program is None:
        raise FileNotFoundError(f"nginx is not installed: {INSTALL}")
    folder.mkdir(parents=True, exist_ok=True)
    authority.write(folder, corpus.HOST)
    server = Server(_free_port(), _free_port(), folder / "ca.pem", folder / "posted.log")
    conf = folder / "nginx.conf"
    conf.write_text(
        _CONF.format(
            folder=folder,
            documents=documents,
            http=server.http,
            https=server.https,
            keepalive="300s" if keep_alive else "0",
            suffix=corpus.SUFFIX,
        )
    )
    with (folder / "stderr.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(conf)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_it_listens(process, server, folder)
        yield server
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], server: Server, folder: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.https), 1.0).close()
            return
        time.sleep(0.02)
    log = (folder / "error.log").read_text("utf-8", "replace")
    raise RuntimeError(f"nginx did not start: {log.strip() or 'no reason given'}")
