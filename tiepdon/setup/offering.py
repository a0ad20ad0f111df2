"""The other end of a one-time code: hands one machine its answers, once, over TLS with a certificate of the moment.

The code holds the certificate's fingerprint, so nobody has to sign it and nothing has to be installed; key and
certificate live as long as the offer. For a technician's own machine, in the network of the house.
"""

import hmac
import secrets
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tiepdon.setup.sources import Address
from wire.durable import put
from wire.errors import TiepDonError

if TYPE_CHECKING:
    from cryptography import x509

PATH = "/setup"
TOKEN_BYTES = 18
CALL_SECONDS = 10.0  # whoever calls and is slower is left
DAY = timedelta(days=1)


class CannotOffer(TiepDonError):
    """The address is not this machine's, or its port is taken (`why`: the system's word for it)."""

    code = "setup.cannot_offer"


class Offer:
    """Answers that wait for one machine. `address` is what its code says; `taken` is set once they were fetched."""

    def __init__(self, content: bytes) -> None:
        self.taken = threading.Event()
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.content = content
        self._lock = threading.Lock()
        self._under_way = False

    def begins(self, authorization: str) -> bool:
        """Whether whoever says this is handed the answers now: once, and to one at a time."""
        if not hmac.compare_digest(authorization.encode("utf-8", "replace"), f"Bearer {self.token}".encode()):
            return False
        with self._lock:
            if self._under_way or self.taken.is_set():
                return False
            self._under_way = True
            return True

    def ended(self, whole: bool) -> None:
        """All of it went out, or the line broke: then the code is still good."""
        with self._lock:
            self._under_way = False
            if whole:
                self.taken.set()


@contextmanager
def offered(offer: Offer, host: str, port: int) -> Iterator[Address]:
    """While the context lasts they can be fetched there. Raises CannotOffer."""
    context, fingerprint = _identity(host)
    try:
        server = _Server(offer, context, host, port)
    except OSError as error:
        raise CannotOffer(address=f"{host}:{port}", why=error.strerror or type(error).__name__) from None
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            name = f"[{host}]" if ":" in host else host
            yield Address(f"https://{name}:{server.server_port}{PATH}", offer.token, fingerprint)
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # one that hangs keeps nobody

    def __init__(self, offer: Offer, context: ssl.SSLContext, host: str, port: int) -> None:
        self.offer = offer
        self._context = context
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        """The handshake is done by the thread that answers: nobody holds up who calls next."""
        connection, place = super().get_request()
        connection.settimeout(CALL_SECONDS)
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), place

    def handle_error(self, request: object, client_address: object) -> None:
        """A call that broke off; the code is still good."""


class _Handler(BaseHTTPRequestHandler):
    timeout = CALL_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """The answers for the one token, once."""
        offer = self.server.offer
        if self.path != PATH or not offer.begins(self.headers.get("Authorization", "")):
            self.send_error(403)
            return
        whole = False
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/toml")
            self.send_header("Content-Length", str(len(offer.content)))
            self.end_headers()
            self.wfile.write(offer.content)
            whole = True
        finally:
            offer.ended(whole)

    def version_string(self) -> str:
        """What we are is nobody's business."""
        return "TiepDon"

    def log_message(self, *_: object) -> None:
        """A line of the log would hold nothing that helps."""


def fingerprint_of(certificate: "x509.Certificate") -> bytes:
    """The SHA-256 of the whole certificate, as `openssl x509 -fingerprint -sha256` tells it."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256())


def _identity(host: str) -> tuple[ssl.SSLContext, bytes]:
    """The server's side of TLS with a key and a certificate that nobody ever saw before, and its fingerprint."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="tiepdon-offer-") as folder:  # `ssl` takes a key from a file alone
        put(Path(folder) / "offer.pem", key.private_bytes(pem, form, plain) + certificate.public_bytes(pem))
        context.load_cert_chain(Path(folder) / "offer.pem")
    return context, fingerprint_of(certificate)
