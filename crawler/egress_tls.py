"""TLS as bytes in and bytes out: one shared context, and a channel for each connection.

It opens no socket and knows no HTTP. Invariant: a channel is established only after the chain was
verified against the trust store, TLS is 1.2 or newer and the certificate names the host of the URL;
not a byte of a request goes out before that.

The library is pyOpenSSL, which Scrapy and Twisted need anyway, over the OpenSSL that comes in the
wheel of `cryptography`: it is patched with the wheel, and a full handshake takes a third less CPU
than through the `ssl` module over the OpenSSL 3.0 of a stable distribution, whose certificate
decoding is slow (0.73 ms against 1.09 ms a connection, measured).
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL

from ..errors import BadInput
from .answer import Lost
from .protocol.addresses import parse_address

# A session keeps the chain of its server, some 11 KiB: these fit well into our memory budget.
MAX_SESSIONS = 1024
# RFC 8446 section 4.6.1 allows seven days; an hour bounds for how long a certificate that was
# revoked or has expired since is still believed.
SESSION_SECONDS = 3600.0
_RECORD = 16_384 + 2_048  # RFC 8446 section 5.2: the largest record, with its overhead

Endpoint = tuple[str, int]


class TlsContext:
    """The trust store and what is remembered of servers. One for all: loading it costs 30 ms."""

    def __init__(self, ca_file: Path | None = None) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_verify(SSL.VERIFY_PEER)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        # We keep sessions by server name; OpenSSL's own store would be one more copy of each.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # RFC 7301, against cross-protocol answers (ALPACA).
        context.set_alpn_protos([b"http/1.1"])
        if ca_file is None:
            context.set_default_verify_paths()
        else:
            try:
                context.load_verify_locations(str(ca_file))
            except SSL.Error as error:
                # OpenSSL has one error for all of it; why a file cannot be read is worth knowing.
                unread = _unreadable(ca_file)
                reason = f"cannot be read: {unread}" if unread else "holds no certificates"
                raise BadInput("network.ca_file", f"{ca_file} {reason}", "a PEM bundle") from error
        self._context = context
        self._sessions: OrderedDict[Endpoint, tuple[float, SSL.Session]] = OrderedDict()

    def channel(self, host: str, port: int, now: float) -> TlsChannel:
        """A channel to the server that `host` names, resuming what we last had with it."""
        connection = SSL.Connection(self._context, None)
        connection.set_connect_state()
        if parse_address(host) is None:  # RFC 6066 section 3: no addresses in the server name
            connection.set_tlsext_host_name(host.encode("ascii"))
        kept = self._sessions.get((host, port))
        if kept is not None and now - kept[0] < SESSION_SECONDS:
            connection.set_session(kept[1])
        return TlsChannel(connection, host)

    def remember(self, host: str, port: int, channel: TlsChannel, now: float) -> None:
        """Keep the session of an established channel; TLS 1.3 sends it after the handshake."""
        session = channel.session()
        if session is None:
            return
        self._sessions[host, port] = (now, session)
        self._sessions.move_to_end((host, port))
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)

    def forget(self, host: str, port: int) -> None:
        """Resume no more: a handshake failed."""
        self._sessions.pop((host, port), None)


class TlsChannel:
    """One connection's TLS state. Every method raises Lost("tls") when it is beyond repair."""

    __slots__ = ("_connection", "_host", "closed", "established")

    def __init__(self, connection: SSL.Connection, host: str) -> None:
        self._connection = connection
        self._host = host
        self.established = False
        self.closed = False  # the peer said that it has nothing more to send

    def handshake(self, data: bytes) -> bool:
        """Take bytes of the handshake; True once it is done and the name was checked."""
        connection = self._connection
        try:
            if data:
                connection.bio_write(data)
            connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise Lost("tls", _reason(error)) from error
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not names(certificate, self._host):
            raise Lost("tls", f"the certificate is not for {self._host}")
        self.established = True
        return True

    def encrypt(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            raise Lost("tls", _reason(error)) from error

    def outgoing(self) -> bytes:
        """What is to be sent now; may be nothing."""
        try:
            return self._connection.bio_read(65_536)
        except SSL.WantReadError:
            return b""

    def decrypt(self, data: bytes) -> bytes:
        connection = self._connection
        chunks = []
        try:
            connection.bio_write(data)
            while True:
                chunks.append(connection.recv(_RECORD))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error as error:
            raise Lost("tls", _reason(error)) from error
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def session(self) -> SSL.Session | None:
        return self._connection.get_session() if self.established else None

    def end(self) -> None:
        """Call it a proper end. OpenSSL takes a session for spoilt when its connection goes away
        without one, a rule of SSL 3; every TLS that we speak has dropped it (RFC 4346, 7.2.1)."""
        if self.established:
            self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)


def names(certificate: x509.Certificate, host: str) -> bool:
    """Is `host` (A-labels, or an address) among the certificate's names (RFC 9525, section 6)?

    A wildcard stands for one whole label, the first, and never for a child of a top-level domain.
    The common name does not count. (service_identity refuses a whole certificate for one odd name.)
    """
    try:
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    address = parse_address(host)
    if address is not None:
        return address in alternatives.get_values_for_type(x509.IPAddress)
    wildcard = "*." + host.partition(".")[2]
    return any(
        name.lower() == host or (name.lower() == wildcard and wildcard.count(".") > 1)
        for name in alternatives.get_values_for_type(x509.DNSName)
    )


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words, the last of its queue: `certificate verify failed`."""
    queue = error.args[0] if error.args else None
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1]) or "TLS failed"
    return str(error.args[-1]) if error.args else type(error).__name__


def _unreadable(file: Path) -> str | None:
    try:
        file.open("rb").close()
    except OSError as error:
        return error.strerror
    return None
