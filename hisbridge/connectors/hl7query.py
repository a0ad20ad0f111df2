"""Asking the receiver for a person's record number: QBP^Q22 and its answer RSP^K22 (IHE PDQ, ITI-21). Pure.

One person found under our number counts, and nobody is ever guessed: of two, or of one with another number, a member
of staff has to decide.
"""

from config.destinations.hl7_fields import rules
from hisbridge.connectors import hl7segments as make
from hisbridge.connectors.contract import Known, Outcome
from hisbridge.connectors.hl7ack import Answer, judge
from hisbridge.connectors.hl7errors import QueryFailed
from hisbridge.connectors.hl7fields import apply
from hisbridge.connectors.hl7read import Line, Reading
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.hl7text import Segment, components, encode, text
from hisbridge.errors import DestinationSetup, GarbledAnswer, PersonAmbiguous
from hisbridge.identity import idempotency_key
from hisbridge.records import MAX_TOLD

MOST = 10  # records asked for; two are enough to know that a person must look
NUMBER_TYPES = ("MR", "PI")  # CX.5 of a record number (table 0203)


def control_id(making: Making) -> str:
    """MSH-10 and query tag: as stable as the delivery's own key, and never equal to it."""
    record = making.record
    return idempotency_key(f"{making.destination.name}?", record.visit.visit_id, record.revision)


def question(making: Making) -> bytes:
    """Who has this personal ID number there?"""
    destination, record = making.destination, making.record
    key = control_id(making)
    asked = [("@PID.3.1", text(record.patient.personal_id))]
    for number, part in enumerate(destination.personal_id_authority.split("&"), 1):
        asked.append((f"@PID.3.4.{number}", text(part)))
    demographics = "~".join(components(name, value) for name, value in asked if value)
    segments = [
        # A query is answered by its response, in either mode.
        make.header(making, "QBP^Q22^QBP_Q21", key, answers=False),
        Segment("QPD", {1: "IHE PDQ Query", 2: key, 3: demographics}),
        Segment("RCP", {1: "I", 2: components(str(MOST), "RD")}),
    ]
    return encode(apply(segments, rules(destination.fields, destination.version)))


def found(answer: Answer, making: Making) -> Known:
    """What a response says of the person.

    Raises PersonAmbiguous, QueryFailed, DestinationSetup (the receiver knows no such query), GarbledAnswer.
    """
    told = answer.told
    receipt = judge(answer.acknowledgement, making.destination.retry_errors)
    if receipt.outcome is Outcome.MISCONFIGURED:
        raise DestinationSetup(key="query", why=receipt.text)
    if receipt.outcome is not Outcome.ACKNOWLEDGED:
        raise QueryFailed(why=receipt.text)
    if told.first("MSH").component(9, 1) != "RSP":
        raise GarbledAnswer(why="no response to the query")
    status = told.first("QAK").field(2)
    if status == "NF":
        return Known(none_told=True)
    if status != "OK":
        # AE and AR of table 0208, or nothing: never taken for "nobody".
        raise QueryFailed(why=f"QAK {status}" if status in ("AE", "AR") else "QAK")
    return _one(told, making)


def _one(told: Reading, making: Making) -> Known:
    persons = told.all("PID")
    hits = told.first("QAK").field(4)
    if (hits.isdigit() and int(hits) > 1 and len(persons) < 2) or any(_contradicts(one, making) for one in persons):
        raise PersonAmbiguous
    numbers = {number for one in persons for number in _record_numbers(one, making)}
    if len(numbers) > 1 or (len(persons) > 1 and not numbers):
        raise PersonAmbiguous
    number = next(iter(numbers), None)
    if number is not None and len(number) > MAX_TOLD:
        raise GarbledAnswer(why="record number too long")
    return Known(number, none_told=number is None)


def _contradicts(person: Line, making: Making) -> bool:
    """Whether the person found has another personal ID number than the one that was asked for."""
    ours = (making.record.patient.personal_id or "").strip()
    issuer = making.destination.personal_id_authority.split("&")[0]
    theirs = {one.number for one in person.identifiers() if one.kind == "NI" and one.authority in ("", issuer)}
    return bool(theirs) and ours not in theirs


def _record_numbers(person: Line, making: Making) -> set[str]:
    issuer = making.destination.record_number_authority.split("&")[0]
    identifiers = [one for one in person.identifiers() if one.number]
    if issuer:
        return {one.number for one in identifiers if one.authority == issuer}
    for kind in NUMBER_TYPES:
        if numbers := {one.number for one in identifiers if one.kind == kind}:
            return numbers
    return set()
