"""What the pretend hospital system answers: acknowledgements, and found persons for the demographics query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Place:
    """What the hospital made of a visit: its numbers, and where the person shall go."""

    record_number: str
    visit_number: str = ""
    queue_number: str = ""
    room: str = ""


@dataclass(frozen=True)
class Found:
    """A person in the hospital's own register."""

    personal_id: str
    record_number: str
    name: str = ""
    birth_date: str = ""
    sex: str = ""


def acknowledgement(message: Mapping[str, Any], code: str, error: str, now: datetime, place: Place | None) -> bytes:
    """ACK in the message's own version; with `place`, what the hospital tells of the visit besides."""
    old = message["version"] == "2.3.1"
    event = str(message["event"])
    kind = "ACK" if old else f"ACK^{event}^ACK"
    lines = [*_head(message, kind, now), f"MSA|{code}|{message['control_id']}"]
    if error:
        told = f"PID^1^5^{error}&Sandbox fault&HL70357" if old else f"|PID^1|{error}^Sandbox fault^HL70357|E"
        lines.append(f"ERR|{told}")
    if place is not None:
        lines.append(f"PID|||{place.record_number}^^^HIS^MR")
    if place is not None and place.visit_number:
        gap = "|" * 31
        lines.append(f"PV1|||^{place.room}{'|' * 16}{place.visit_number}^^^HIS^VN{gap}{place.queue_number}^^^HIS")
    return _joined(lines)


def response(message: Mapping[str, Any], status: str, found: Sequence[Found], now: datetime) -> bytes:
    """RSP^K22 (IHE PDQ). `status`: QAK-2."""
    code = "AE" if status == "AE" else "AA"
    tag = str(message["query_tag"])
    asked = next((line for line in str(message["text"]).split("\n") if line.startswith("QPD")), "QPD")
    lines = [
        *_head(message, "RSP^K22^RSP_K21", now),
        f"MSA|{code}|{message['control_id']}",
        f"QAK|{tag}|{status}|IHE PDQ Query|{len(found)}|{len(found)}|0",
        asked,
    ]
    for number, one in enumerate(found, 1):
        identifiers = f"{one.record_number}^^^HIS^MR~{one.personal_id}^^^VNID^NI"
        lines.append(f"PID|{number}||{identifiers}||{one.name}||{one.birth_date}|{one.sex}")
    return _joined(lines)


def _head(message: Mapping[str, Any], kind: str, now: datetime) -> list[str]:
    moment = now.strftime("%Y%m%d%H%M%S")
    number = f"A{str(message['control_id'])[:19]}"
    version = message["version"] or "2.5"
    return [f"MSH|^~\\&|HIS||TIEPDON||{moment}||{kind}|{number}|P|{version}|||||VNM|UNICODE UTF-8"]


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r" for line in lines).encode()
