"""The pretend hospital system: an HL7 v2 receiver over MLLP that keeps what it was sent and breaks on command.

Reads tolerantly with a parser of its own (not the bridge's): what the desk page shows is what a receiver understood.
"""

import contextlib
import re
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import ON, Faults, Takes, one_of, switch

MAX_MESSAGES = 500
MAX_FRAME = 1 << 20
START, END = b"\x0b", b"\x1c"

FAULTS: Mapping[str, Callable[[str], bool]] = {
    "his.down": switch,  # nobody listens, connections are cut
    "his.ae": Takes(
        f"{ON}, a code of three digits", lambda value: re.fullmatch(r"on|[0-9]{3}", value) is not None
    ),  # answers AE with this code
    "his.ar": Takes(
        f"{ON}, a code of three digits", lambda value: re.fullmatch(r"on|[0-9]{3}", value) is not None
    ),  # answers AR with this code
    "his.mute": switch,  # takes the message and never answers
    "his.cut": one_of("before_ack", "mid_message"),  # hangs up
}
USUAL_CODE = {"his.ae": "101", "his.ar": "207"}

_ESCAPE = re.compile(r"\\([^\\]*)\\")
_DELIMITERS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}


class HospitalSystem:
    """The receiver. A message it has seen (MSH-10) is counted, not stored again."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._faults = Faults(FAULTS)
        self._lock = threading.Lock()
        self._messages: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._refused = 0
        self._listener: _Listener | None = None

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        self._faults.set(name, value)
        if self._listener is not None:
            self._listener.follow(down=self._faults.get("his.down") is not None)

    def faults(self) -> dict[str, str | None]:
        """Every fault with its value, None when off."""
        return self._faults.now()

    def takes(self) -> dict[str, str]:
        """Every fault with the values it takes, for people."""
        return self._faults.takes()

    def messages(self) -> list[dict[str, Any]]:
        """What was accepted, oldest first: parsed fields, the raw text, and how many copies came."""
        with self._lock:
            return [dict(message) for message in self._messages.values()]

    def refused(self) -> int:
        """How many messages were answered with AE or AR."""
        with self._lock:
            return self._refused

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[tuple[str, int]]:
        """Listen on loopback while the context lasts; yields the address (with the real port where 0 was asked)."""
        listener = _Listener(port, self._converse)
        self._listener = listener
        listener.follow(down=self._faults.get("his.down") is not None)
        try:
            yield "127.0.0.1", listener.port
        finally:
            self._listener = None
            self._faults.clear()
            listener.follow(down=True)

    def _converse(self, connection: socket.socket) -> None:
        """One connection: frame in, answer out, until the other side leaves or a fault cuts it."""
        buffer = b""
        while True:
            frame, buffer = _next_frame(connection, buffer, self._cuts_messages)
            if frame is None:
                return
            answer = self._received(frame)
            if self._faults.get("his.cut"):
                return
            if answer is not None:
                connection.sendall(START + answer + END + b"\r")

    def _cuts_messages(self) -> bool:
        return self._faults.get("his.cut") == "mid_message"

    def _received(self, frame: bytes) -> bytes | None:
        message = parse_message(frame)
        control_id = str(message["control_id"])
        for fault, code in (("his.ae", "AE"), ("his.ar", "AR")):
            if told := self._faults.get(fault):
                with self._lock:
                    self._refused += 1
                return _acknowledgement(message, code, USUAL_CODE[fault] if told == "on" else told, self._clock())
        with self._lock:
            seen = self._messages.setdefault(
                control_id, {**message, "received_at": self._clock().isoformat(timespec="seconds"), "copies": 0}
            )
            seen["copies"] += 1
            while len(self._messages) > MAX_MESSAGES:
                self._messages.popitem(last=False)
        if self._faults.get("his.mute"):
            return None
        return _acknowledgement(message, "AA", "", self._clock())


class _Listener:
    """The listening socket and its connections; taken off the network and put back on the same port."""

    def __init__(self, port: int, converse: Callable[[socket.socket], None]) -> None:
        self.port = port
        self._converse = converse
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    def follow(self, *, down: bool) -> None:
        with self._lock:
            if down and self._listening is not None:
                _hang_up(self._listening)
                for connection in self._connections:
                    _hang_up(connection)
                self._listening = None
            elif not down and self._listening is None:
                listening = socket.create_server(("127.0.0.1", self.port), backlog=16)
                self.port = listening.getsockname()[1]
                self._listening = listening
                threading.Thread(target=self._accept, args=(listening,), name="his", daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                if self._listening is not listening:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._run, args=(connection,), name="his-connection", daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                self._converse(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def parse_message(frame: bytes) -> dict[str, Any]:
    """The fields of an ADT message a receiver needs. Never raises; what is not there is empty."""
    text = frame.decode("utf-8", "replace")
    segments = {line[:3]: line.split("|") for line in reversed(re.split(r"[\r\n]+", text)) if line}
    header = segments.get("MSH", [])
    header = [*header[:1], "|", *header[1:]]  # MSH-1 is the separator itself
    patient, visit, insurance = (segments.get(name, []) for name in ("PID", "PV1", "IN1"))
    identifiers = [_identifier(repetition) for repetition in _field(patient, 3).split("~") if repetition]
    family, given, middle = (_part(_field(patient, 5), number) for number in (1, 2, 3))
    return {
        "control_id": _unescape(_field(header, 10)),
        "type": _field(header, 9),
        "version": _field(header, 12),
        "processing": _field(header, 11),
        "sender": _unescape(_field(header, 3)),
        "name": " ".join(part for part in (family, middle, given) if part),
        "family": family,
        "middle": middle,
        "given": given,
        "birth_date": _field(patient, 7),
        "sex": _field(patient, 8),
        "residence": _part(_field(patient, 11), 1),
        "phone": _part(_field(patient, 13), 12) or _part(_field(patient, 13), 1),
        "identifiers": identifiers,
        "personal_id": next((one["id"] for one in identifiers if one["type"] == "NI"), ""),
        "insurance_number": _unescape(_field(insurance, 36)),
        "insurance_valid_from": _field(insurance, 12),
        "insurance_valid_to": _field(insurance, 13),
        "insurance_status": _unescape(_field(insurance, 45)),
        "visit_id": _part(_field(visit, 19), 1),
        "ticket_number": _part(_field(visit, 50), 1),
        "service_code": _part(_field(visit, 3), 1),
        "service_name": _part(_field(visit, 3), 9),
        "arrived_at": _field(visit, 44),
        "text": text.replace("\r", "\n"),
    }


def _identifier(repetition: str) -> dict[str, str]:
    return {"id": _part(repetition, 1), "authority": _part(repetition, 4), "type": _part(repetition, 5)}


def _field(fields: list[str], number: int) -> str:
    return fields[number] if len(fields) > number else ""


def _part(field: str, number: int) -> str:
    parts = field.split("^")
    return _unescape(parts[number - 1]) if len(parts) >= number else ""


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(found: re.Match[str]) -> str:
    told = found[1]
    if told in _DELIMITERS:
        return _DELIMITERS[told]
    with contextlib.suppress(ValueError):
        if told.startswith("X"):
            return bytes.fromhex(told[1:]).decode("utf-8", "replace")
    return ""


def _next_frame(connection: socket.socket, buffer: bytes, cuts: Callable[[], bool]) -> tuple[bytes | None, bytes]:
    """The next frame and what came after it; None when the other side left, or is to be left in mid-message."""
    while True:
        begin = buffer.find(START)
        end = buffer.find(END, begin + 1) if begin >= 0 else -1
        if end >= 0:
            return buffer[begin + 1 : end], buffer[end + 1 :]
        if len(buffer) > MAX_FRAME:
            return None, b""
        # Asked when a message begins to come, not when the connection does: it may stand for hours.
        connection.recv(1, socket.MSG_PEEK)
        if cuts():
            connection.recv(16)
            return None, b""
        piece = connection.recv(65536)
        if not piece:
            return None, b""
        buffer += piece


def _acknowledgement(message: Mapping[str, Any], code: str, error: str, now: datetime) -> bytes:
    moment = now.strftime("%Y%m%d%H%M%S")
    control_id = str(message["control_id"])
    lines = [
        f"MSH|^~\\&|HIS||TIEPDON||{moment}||ACK^A04^ACK|A{control_id[:19]}|P|2.5|||||VNM|UNICODE UTF-8",
        f"MSA|{code}|{control_id}",
    ]
    if error:
        lines.append(f"ERR||PID^1|{error}^Sandbox fault^HL70357|E")
    return "".join(f"{line}\r" for line in lines).encode()


def _hang_up(connection: socket.socket) -> None:
    # shutdown wakes a thread that is blocked in accept or recv; close alone does not.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
