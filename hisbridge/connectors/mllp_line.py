"""One connection to an MLLP receiver, plain or TLS, with a deadline over everything; knows no frame and no HL7.

The only place of this connector that touches a socket.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import cached_property

from config.destinations import Hl7v2Destination
from hisbridge.connectors.hl7errors import DestinationCertificate
from hisbridge.errors import DestinationSetup, DestinationUnreachable, NoAnswer, PortalCaFile
from hisbridge.trust import client_refused, refusal, trust
from wire.names import Resolve, reach, resolve_within

PIECE = 65536  # bytes read at once


class PeerLeft(NoAnswer):
    """The connection ended."""


class Line:
    """A connection that is made when needed. `left` gives the seconds left, and raises NoAnswer when none are."""

    def __init__(self, destination: Hl7v2Destination, resolve: Resolve = resolve_within) -> None:
        self._destination = destination
        self._resolve = resolve
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether a connection is held."""
        return self._socket is not None

    def open(self, left: Callable[[], float]) -> None:
        """Connect, and speak TLS where the settings say so.

        Raises DestinationUnreachable (DestinationCertificate where TLS refused), DestinationSetup.
        """
        destination = self._destination
        try:
            plain = self._reach(left)
        except (OSError, UnicodeError, NoAnswer) as error:
            # UnicodeError: a host name that cannot be one at all.
            raise DestinationUnreachable(why=type(error).__name__) from None
        if not destination.tls:
            self._socket = plain
            return
        try:
            plain.settimeout(left())
            self._socket = self._context.wrap_socket(plain, server_hostname=destination.host)
        except ssl.SSLError as error:
            plain.close()
            raise _refused(error) or DestinationUnreachable(why=type(error).__name__) from None
        except (OSError, ValueError, NoAnswer) as error:
            # ValueError: a host name that no certificate can have.
            plain.close()
            raise DestinationUnreachable(why=type(error).__name__) from None
        except BaseException:
            plain.close()
            raise

    def send(self, frame: bytes, left: Callable[[], float]) -> None:
        """The whole frame in one write: receivers exist that lose a message split over two segments.

        Raises NoAnswer: the receiver may have got it.
        """
        connection = self._held()
        rest = memoryview(frame)
        try:
            while rest:
                connection.settimeout(left())
                rest = rest[connection.send(rest) :]
        except TimeoutError:
            raise NoAnswer(why="time-out while sending") from None
        except ssl.SSLError as error:
            raise _refused(error) or PeerLeft(why="connection lost while sending") from None
        except OSError:
            raise PeerLeft(why="connection lost while sending") from None

    def receive(self, left: Callable[[], float]) -> bytes:
        """What came, empty at the end of the stream. Raises NoAnswer."""
        connection = self._held()
        try:
            connection.settimeout(left())
            return connection.recv(PIECE)
        except TimeoutError:
            raise NoAnswer(why="time-out") from None
        except ssl.SSLError as error:
            raise _refused(error) or PeerLeft(why="connection lost") from None
        except OSError:
            raise PeerLeft(why="connection lost") from None

    def early(self) -> bytes | None:
        """What came though nothing was asked: None where the connection stands and is silent, empty where it ended."""
        connection = self._held()
        try:
            connection.setblocking(False)
            return connection.recv(4096)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Drop the connection, if one is held."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None

    def _reach(self, left: Callable[[], float]) -> socket.socket:
        connection = reach(self._destination.host, self._destination.port, left, self._resolve)
        # Without it the answer waits for Nagle and delayed ACK: 35 ms a message were measured.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _held(self) -> socket.socket:
        if self._socket is None:
            raise DestinationUnreachable(why="not connected")
        return self._socket

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Whom is trusted and what is shown. Raises DestinationSetup."""
        destination = self._destination
        try:
            return trust(destination.ca_file, destination.certificate_file, destination.key_file)
        except PortalCaFile:
            raise DestinationSetup(key="ca_file", why="unusable") from None


def _refused(error: ssl.SSLError) -> DestinationCertificate | None:
    """Who refused whom; None where the line broke. TLS 1.3 tells a client only after the handshake that its own
    certificate was not accepted.
    """
    if client_refused(error):
        return DestinationCertificate(why="client_refused")
    why = refusal(error)
    return None if why is None else DestinationCertificate(why=why)
