"""HL7 v2 acknowledgements: read tolerantly, judged strictly (bridge.md 1.3). Pure; knows no socket."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.connectors.hl7read import Line, Reading
from hisbridge.errors import GarbledAnswer
from hisbridge.records import MAX_TOLD, HospitalAnswer

UNSUPPORTED_CODES = frozenset({"200", "201", "202", "203"})  # table 0357: message type, event, processing id, version
OWN_TROUBLE = ("207",)  # application internal error
RECORD_NUMBER_TYPE = "MR"
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_LOCATION = re.compile(r"[0-9A-Za-z^]{1,32}")


@dataclass(frozen=True)
class Acknowledgement:
    """MSA-1, MSA-2, and of the first ERR segment the error code (table 0357) and where it points.

    `answer`: what the receiver told of the visit, in segments beyond what an acknowledgement needs.
    """

    code: str
    control_id: str
    error: str = ""
    location: str = ""
    answer: HospitalAnswer | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer, and what it says of our message."""

    told: Reading
    acknowledgement: Acknowledgement


def acknowledgement(told: Reading) -> Acknowledgement:
    """MSA and ERR of a message. Raises GarbledAnswer when it has no MSA segment."""
    if not told.all("MSA"):
        raise GarbledAnswer(why="no MSA segment")
    acknowledged = told.first("MSA")
    error, location = _error(told.first("ERR"))
    return Acknowledgement(
        code=acknowledged.field(1).upper(),
        control_id=acknowledged.field(2),
        error=error or _matching(_CODE, acknowledged.component(6, 1)),
        location=location,
        answer=_answer(told),
    )


def judge(answer: Acknowledgement, retry_errors: Collection[str] = OWN_TROUBLE) -> Receipt:
    """What an acknowledgement of our message means. Raises GarbledAnswer for a code outside table 0008.

    `retry_errors`: error codes of an AE or CE after which the same message may pass later.
    """
    text = " ".join(part for part in (answer.code, answer.error, answer.location) if part)
    if answer.code in ("AA", "CA"):
        return Receipt(Outcome.ACKNOWLEDGED, text, answer.answer)
    if answer.code in ("AE", "CE"):
        return Receipt(Outcome.TRY_LATER if answer.error in retry_errors else Outcome.REJECTED, text)
    if answer.code in ("AR", "CR"):
        return Receipt(_refusal(answer.error), text)
    raise GarbledAnswer(why="acknowledgement code")


def is_interim(answer: Acknowledgement) -> bool:
    """CA says "stored"; a peer in enhanced mode sends its verdict on the content afterwards."""
    return answer.code == "CA"


def _refusal(error: str) -> Outcome:
    if error in UNSUPPORTED_CODES:
        return Outcome.MISCONFIGURED
    # A reject for "a reason unrelated to content" (HL7 v2.5, table 0008) is the receiver's own trouble, with or
    # without a code; only codes that speak of content end the delivery.
    content = error.startswith("1") or error in ("204", "205")
    return Outcome.REJECTED if content else Outcome.TRY_LATER


def _error(line: Line) -> tuple[str, str]:
    """Error code and location: ERR-3 and ERR-2 since v2.5; before it both are in ERR-1 (code in component 4)."""
    component = line.marks.component
    code = _matching(_CODE, line.field(3).split(component)[0])
    if code:
        return code, _matching(_LOCATION, line.field(2).replace(component, "^"))
    old = line.field(1).split(component)
    code = _matching(_CODE, old[3].split(line.marks.subcomponent)[0]) if len(old) > 3 else ""
    return code, _matching(_LOCATION, "^".join(old[:3]))


def _answer(told: Reading) -> HospitalAnswer | None:
    """What some receivers add to an acknowledgement: the record number (PID-3), visit number, queue number, room (PV1).

    Nothing else of it is kept, for it may be personal.
    """
    person, visit = told.first("PID"), told.first("PV1")
    numbers = [one.number for one in person.identifiers() if one.kind == RECORD_NUMBER_TYPE]
    answer = HospitalAnswer(
        record_number=_told(numbers[0] if numbers else ""),
        visit_number=_told(visit.component(19, 1)),
        queue_number=_told(visit.component(50, 1)),
        room=_told(visit.component(3, 2)),
    )
    return None if answer == HospitalAnswer() else answer


def _told(value: str) -> str | None:
    return value[:MAX_TOLD] or None


def _matching(pattern: re.Pattern[str], text: str) -> str:
    """Only codes pass; free text from outside may be personal."""
    return text if pattern.fullmatch(text) else ""
