"""The pretend hospital system: an HL7 v2 receiver over MLLP that keeps what it was sent and breaks on command.

Reads tolerantly with a parser of its own (not the bridge's): what the desk page shows is what a receiver understood.
It numbers persons and visits, tells them back with its acknowledgement, and answers the demographics query.
"""

import re
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import ON, Faults, Takes, one_of, switch
from sandbox.his_answers import Found, Place, acknowledgement, response
from sandbox.his_line import Listener, framed, next_frame
from sandbox.his_messages import parse_message

MAX_MESSAGES = 500
MAX_PERSONS = 5000
OPENING = ("A04", "A28")  # events that bring a person the hospital may not know yet

_error_code = Takes(f"{ON}, a code of three digits", lambda value: re.fullmatch(r"on|[0-9]{3}", value) is not None)

FAULTS: Mapping[str, Callable[[str], bool]] = {
    "his.down": switch,  # nobody listens, connections are cut
    "his.ae": _error_code,  # answers AE with this code
    "his.ar": _error_code,  # answers AR with this code
    "his.mute": switch,  # takes the message and never answers
    "his.cut": one_of("before_ack", "mid_message"),  # hangs up
    "his.no_verdict": switch,  # in enhanced mode: says CA and never AA
    "his.pdq": one_of("many", "error"),  # finds two persons, or fails
}
USUAL_CODE = {"his.ae": "101", "his.ar": "207"}


class HospitalSystem:
    """The receiver. A message it has seen (MSH-10) is counted, not stored again."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._faults = Faults(FAULTS)
        self._lock = threading.Lock()
        self._messages: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._persons: OrderedDict[str, Found] = OrderedDict()
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._numbers = 0
        self._refused = 0
        self._listener: Listener | None = None

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

    def record_number(self, personal_id: str) -> str | None:
        """The number under which the hospital knows this person."""
        with self._lock:
            found = self._persons.get(personal_id)
            return None if found is None else found.record_number

    @contextmanager
    def serving(self, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, int]]:
        """Listen on loopback while the context lasts; yields the address (with the real port where 0 was asked)."""
        listener = Listener(port, self._converse, tls)
        self._listener = listener
        listener.follow(down=self._faults.get("his.down") is not None)
        try:
            yield "127.0.0.1", listener.port
        finally:
            self._listener = None
            self._faults.clear()
            listener.follow(down=True)

    def _converse(self, connection: socket.socket) -> None:
        """One connection: frame in, answers out, until the other side leaves or a fault cuts it."""
        buffer = b""
        while True:
            frame, buffer = next_frame(connection, buffer, self._cuts_messages)
            if frame is None:
                return
            answers = self._received(frame)
            if self._faults.get("his.cut"):
                return
            for answer in answers:
                connection.sendall(framed(answer))

    def _cuts_messages(self) -> bool:
        return self._faults.get("his.cut") == "mid_message"

    def _received(self, frame: bytes) -> list[bytes]:
        message = parse_message(frame)
        if str(message["type"]).startswith("QBP"):
            return [self._searched(message)]
        for fault, code in (("his.ae", "AE"), ("his.ar", "AR")):
            if told := self._faults.get(fault):
                with self._lock:
                    self._refused += 1
                return self._answers(message, code, USUAL_CODE[fault] if told == ON else told)
        self._keep(message)
        return [] if self._faults.get("his.mute") else self._answers(message, "AA", "")

    def _keep(self, message: dict[str, Any]) -> None:
        control_id = str(message["control_id"])
        with self._lock:
            if control_id not in self._messages:
                received = {**message, "received_at": self._clock().isoformat(timespec="seconds"), "copies": 0}
                self._messages[control_id] = received
                self._register(message)
            self._messages[control_id]["copies"] += 1
            while len(self._messages) > MAX_MESSAGES:
                self._messages.popitem(last=False)

    def _register(self, message: dict[str, Any]) -> None:
        """Number the person and the visit of a message that brings them; merge what a person decided to merge."""
        personal_id, visit_id = str(message["personal_id"]), str(message["visit_id"])
        if message["event"] == "A40":
            for key, found in self._persons.items():
                if found.record_number == message["given_up"]:
                    self._persons[key] = self._found(message, str(message["record_number"]), key)
            return
        if message["event"] not in OPENING or not personal_id:
            return
        known = self._persons.get(personal_id)
        number = known.record_number if known is not None else str(message["record_number"])
        self._numbers += 1
        self._persons[personal_id] = self._found(message, number or f"BN{self._numbers:06}", personal_id)
        if visit_id:
            self._places[visit_id] = Place("", f"LK{self._numbers:06}", f"{self._numbers:03}", "P.101")
        for kept in (self._persons, self._places):
            while len(kept) > MAX_PERSONS:
                kept.popitem(last=False)

    @staticmethod
    def _found(message: Mapping[str, Any], number: str, personal_id: str) -> Found:
        # Its own writing of the name: family^given^middle, with nothing in it that would need an escape.
        name = "^".join(re.sub(r"[|^&~\\]", " ", str(message[part])) for part in ("family", "given", "middle"))
        return Found(personal_id, number, name, str(message["birth_date"]), str(message["sex"]))

    def _answers(self, message: Mapping[str, Any], code: str, error: str) -> list[bytes]:
        """One answer in the original mode; in the enhanced mode those that MSH-15 and MSH-16 ask for."""
        now = self._clock()
        verdict = acknowledgement(message, code, error, now, self._place(message) if code == "AA" else None)
        if not message["accept_wanted"] and not message["application_wanted"]:
            return [verdict]
        stored = acknowledgement(message, "CA", "", now, None)
        wanted = message["application_wanted"] == "AL" and not self._faults.get("his.no_verdict")
        return [stored, verdict] if wanted else [stored]

    def _place(self, message: Mapping[str, Any]) -> Place | None:
        with self._lock:
            found = self._persons.get(str(message["personal_id"]))
            if found is None:
                return None
            place = self._places.get(str(message["visit_id"]), Place(""))
            return Place(found.record_number, place.visit_number, place.queue_number, place.room)

    def _searched(self, message: Mapping[str, Any]) -> bytes:
        fault = self._faults.get("his.pdq")
        if fault == "error":
            return response(message, "AE", [], self._clock())
        personal_id = str(message["query"].get("@PID.3.1", ""))
        with self._lock:
            found = self._persons.get(personal_id)
        hits = [found] if found is not None else []
        if fault is not None:
            hits = [Found(personal_id, f"BN90000{number}") for number in (1, 2)]
        return response(message, "OK" if hits else "NF", hits, self._clock())
