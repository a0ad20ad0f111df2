"""What a FHIR server's answers mean (FHIR R4, RESTful API). Pure; of an OperationOutcome only its codes are read."""

import codecs
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from config.destinations import FhirDestination
from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.connectors.fhir_types import Json, token
from hisbridge.connectors.http_caller import outcome_of
from hisbridge.errors import GarbledAnswer
from hisbridge.http import Answer
from hisbridge.records import MAX_TOLD, HospitalAnswer

MAX_CODES = 5  # of an OperationOutcome, told in a receipt
CONFLICT_ATTEMPTS = 8  # a conflict that lasts so long does not pass by itself (bridge.md 5.3)

AMBIGUOUS = "multiple-matches"
OTHER = "other_identifier"  # what a search found does not have the number it was asked for
_CODE = re.compile(r"[a-z]+(-[a-z]+)*\Z")
_STATUS = re.compile(r"([1-5][0-9]{2})(?![0-9])")
_LOCATION = re.compile(r"([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?\Z")


# A FHIR decimal keeps its digits (FHIR R4, 2.24.0.1): what is read goes back as it was.
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def written(bundle: Json) -> bytes:
    """A bundle as JSON, with the numbers of what was read as they were."""
    return _ENCODER.encode(bundle)


def resource(answer: Answer) -> Json | None:
    """The FHIR resource of an answer's body; None where it is none."""
    try:
        told = _DECODER.decode(answer.body.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("resourceType"), str) else None


def refusal(answer: Answer, *, attempt: int, read_before: bool) -> Receipt | None:
    """What a status other than 2xx means; None for a 2xx.

    `read_before`: the message was made from what the receiver held a moment ago, so that a failed precondition may be
    somebody else's change in between (FHIR R4, 3.1.0.5).
    """
    return _judged(answer.status, _codes(resource(answer)), attempt, read_before)


def entries(answer: Answer, count: int) -> list[Json]:
    """The entries of a transaction's answer, in the order of the request. Raises GarbledAnswer."""
    bundle = resource(answer)
    if bundle is None or bundle["resourceType"] != "Bundle":
        raise GarbledAnswer(why="not_a_bundle")
    told = bundle.get("entry")
    if not isinstance(told, list) or len(told) != count or not all(isinstance(one, dict) for one in told):
        raise GarbledAnswer(why="entries")
    return told


def entry_refusal(told: list[Json], *, attempt: int, read_before: bool) -> Receipt | None:
    """The refusal of a single entry by a server that answers 200 all the same. Raises GarbledAnswer."""
    for one in told:
        response = one.get("response")
        response = response if isinstance(response, dict) else {}
        found = _STATUS.match(str(response.get("status", "")))
        if found is None:
            raise GarbledAnswer(why="entry_status")
        outcome = response.get("outcome")
        codes = _codes(outcome if isinstance(outcome, dict) else None)
        if receipt := _judged(int(found[1]), codes, attempt, read_before):
            return receipt
    return None


def statuses(told: list[Json]) -> str:
    """The entries' statuses for a receipt, such as `200 201`."""
    found = (_STATUS.match(str(one["response"].get("status"))) for one in told)
    return " ".join(one[1] for one in found if one)


def matches(answer: Answer, kind: str) -> list[Json]:
    """The resources of this type that a search found. Raises GarbledAnswer."""
    bundle = resource(answer)
    if bundle is None or bundle["resourceType"] != "Bundle":
        raise GarbledAnswer(why="not_a_bundle")
    found: list[Json] = []
    for one in objects(bundle.get("entry")):
        search, held = one.get("search"), one.get("resource")
        included = isinstance(search, dict) and search.get("mode") not in (None, "match")
        if not included and isinstance(held, dict) and held.get("resourceType") == kind:
            found.append(held)
    return found


def hospital_answer(bundle: Json, told: list[Json], his: FhirDestination) -> HospitalAnswer | None:
    """The person's and the visit's numbers as the receiver tells them."""
    systems = his.identifier_systems
    kept: dict[str, tuple[Json, str | None]] = {}
    for asked, answered in zip(bundle["entry"], told, strict=True):
        held = answered.get("resource")
        kind = asked["resource"]["resourceType"]
        kept.setdefault(kind, (held if isinstance(held, dict) else {}, _id(answered, kind)))
    person, person_id = kept.get("Patient", ({}, None))
    visit, visit_id = kept.get("Encounter", ({}, None))
    system = systems.get("record_number")
    ours = {systems["visit"], systems["ticket"]}
    number = _value(person, lambda one: one.get("system") == system) if system else person_id
    visit_number = _value(visit, lambda one: one.get("system") not in ours) or visit_id
    if number is None and visit_number is None:
        return None
    return HospitalAnswer(record_number=number, visit_number=visit_number)


def rejected(why: str) -> Receipt:
    """A refusal of our own, before anything was sent."""
    return Receipt(Outcome.REJECTED, why)


def _judged(status: int, codes: tuple[str, ...], attempt: int, read_before: bool) -> Receipt | None:
    outcome = outcome_of(status)
    if outcome is Outcome.ACKNOWLEDGED:
        return None
    if status in (400, 415, 422) and "not-supported" in codes:
        outcome = Outcome.MISCONFIGURED  # no record will pass: it takes no transaction, or not this content
    elif status in (406, 415):
        outcome = Outcome.MISCONFIGURED
    elif status == 410:
        outcome = Outcome.REJECTED  # the resource was deleted there; others are not concerned
    elif status == 409 or (status == 412 and read_before and AMBIGUOUS not in codes):
        outcome = Outcome.TRY_LATER if attempt < CONFLICT_ATTEMPTS else Outcome.REJECTED
    return Receipt(outcome, " ".join((f"HTTP {status}", *codes)))


def _codes(outcome: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Issue codes of an OperationOutcome, each a word of FHIR's list; never its diagnostics or texts."""
    if outcome is None or outcome.get("resourceType", "OperationOutcome") != "OperationOutcome":
        return ()
    told = (one.get("code") for one in objects(outcome.get("issue")))
    words = (one for one in told if isinstance(one, str) and len(one) <= 30 and _CODE.match(one))
    return tuple(dict.fromkeys(words))[:MAX_CODES]


def bears(held: Json, condition: str) -> bool:
    """Whether the resource has the number that `condition` (`identifier=system|value`) asked for.

    A server may pass over a search parameter it does not know (FHIR R4, 3.1.1.5) and answer with anybody.
    """
    told = (one.get("value") for one in objects(held.get("identifier")))
    asked = condition.casefold()
    return any(isinstance(one, str) and asked.endswith(_sought(one.strip())) for one in told)


def _sought(value: str) -> str:
    return token("", value).removeprefix("identifier=").casefold()


def objects(value: Any) -> Iterator[Json]:
    """The objects of a list; nothing of anything else."""
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _id(answered: Json, kind: str) -> str | None:
    held = answered.get("resource")
    if isinstance(held, dict) and held.get("resourceType") == kind and isinstance(held.get("id"), str):
        return _told(held["id"])
    response = answered.get("response")
    location = response.get("location") if isinstance(response, dict) else None
    found = _LOCATION.search(location) if isinstance(location, str) and len(location) < 1000 else None
    return found[2] if found and found[1] == kind else None


def _value(held: Json, wanted: Any) -> str | None:
    for one in objects(held.get("identifier")):
        if wanted(one) and isinstance(one.get("value"), str) and one["value"].strip():
            return _told(one["value"])
    return None


def _told(value: str) -> str:
    return value.strip()[:MAX_TOLD]
