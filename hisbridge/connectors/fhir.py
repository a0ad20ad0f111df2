"""FHIR R4: one transaction for each record, sent and judged (bridge.md 2).

Before the transaction goes, whatever it would update is read, so that only what the kiosk owns changes there.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from config.destinations import FhirDestination
from config.destinations.fhir import SystemKind
from hisbridge.connectors import fhir_answers as answers
from hisbridge.connectors import fhir_bundle
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.fhir_errors import FhirNoStatement, FhirNoTransactions, FhirWrongVersion
from hisbridge.connectors.fhir_held import Refused, overlaid, renamed
from hisbridge.connectors.fhir_types import Json, token
from hisbridge.connectors.http_caller import HttpCaller, joined, later, outcome_of
from hisbridge.connectors.oauth import FORM, ClientToken
from hisbridge.errors import DestinationSetup, GarbledAnswer, NoAnswer
from hisbridge.http import Answer, Question
from hisbridge.records import PatientRecord

CONTENT_TYPE = "application/fhir+json; charset=utf-8"
ACCEPT = "application/fhir+json; fhirVersion=4.0, application/fhir+json;q=0.9"
NOTHING: Mapping[str, str] = MappingProxyType({})
KNOWN_ALREADY = "Patient.identifier:known_already"  # open work: two records there are one person's, perhaps
MAX_ANSWER = 4 << 20  # bytes; a CapabilityStatement of everything has one or two million
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(-[a-z0-9]{1,20})?\Z")


@dataclass(frozen=True)
class _Plan:
    """The transaction as it goes out; `read`: it was made from what the receiver held; `left`: what was left out."""

    bundle: Json
    read: bool
    left: tuple[str, ...] = ()


class _Stopped(Exception):
    """The exchange ends here with this receipt."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__()
        self.receipt = receipt


class FhirConnector:
    """A destination that takes FHIR R4 transactions."""

    content_type = CONTENT_TYPE
    stale_answers = 0  # HTTP pairs every answer with its question

    def __init__(self, destination: FhirDestination, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._destination = destination
        self._caller = HttpCaller(destination, monotonic, MAX_ANSWER)
        self._token = ClientToken(destination, self._caller, monotonic)

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002 - the conditions in the transaction ask
        """Nobody is asked: the transaction's own conditions find the person."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:  # noqa: ARG002 - none is known
        """See `fhir_bundle.render`."""
        return fhir_bundle.render(record, self._destination)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """The transaction, once."""
        try:
            plan = self._planned(json.loads(message), sending.attempt)
            body = answers.written(plan.bundle) if plan.read else message
            wanted = {"Prefer": "return=representation", "Idempotency-Key": sending.key}
            answer = self._ask("POST", "", body, wanted)
        except _Stopped as stopped:
            return stopped.receipt
        if receipt := answers.refusal(answer, attempt=sending.attempt, read_before=plan.read):
            return replace(receipt, retry_after_seconds=later(answer))
        told = answers.entries(answer, len(plan.bundle["entry"]))
        if receipt := answers.entry_refusal(told, attempt=sending.attempt, read_before=plan.read):
            return receipt
        found = answers.hospital_answer(plan.bundle, told, self._destination)
        return Receipt(Outcome.ACKNOWLEDGED, answers.statuses(told), found, plan.left)

    def probe(self) -> None:
        """Read the CapabilityStatement; what it does not say is not held against it.

        Raises FhirWrongVersion, FhirNoTransactions, FhirNoStatement and the errors of `send`.
        """
        answer = self._ask("GET", "metadata")
        if answer.status == 401 and not self._token.wanted:
            raise DestinationSetup(key="token_url", why="http_401")
        outcome = outcome_of(answer.status)
        if outcome is Outcome.TRY_LATER:
            raise NoAnswer(why="http_status", status=answer.status)
        told = answers.resource(answer)
        if outcome is not Outcome.ACKNOWLEDGED or told is None or told["resourceType"] != "CapabilityStatement":
            raise FhirNoStatement(status=answer.status)
        version = told.get("fhirVersion")
        # R4B (4.3) has changed nothing of what is sent here.
        if isinstance(version, str) and not version.startswith(("4.0", "4.3")):
            raise FhirWrongVersion(version=version if _VERSION.match(version) else None)
        if not _takes_transactions(told):
            raise FhirNoTransactions()

    def close(self) -> None:
        """Drop the connections."""
        self._caller.close()

    def _planned(self, bundle: Json, attempt: int) -> _Plan:
        """The bundle with every update laid over what is held there. Raises _Stopped."""
        changes = [one for one in bundle["entry"] if one["request"]["method"] == "PUT"]
        if not changes:
            return _Plan(bundle, read=False)
        held = {one["fullUrl"]: self._held(one, attempt) for one in changes}
        # Merged Patients refer to each other; both have to be known by their own names first.
        names = {
            url: f"{one['resourceType']}/{one['id']}"
            for url, one in held.items()
            if one is not None and isinstance(one.get("id"), str)
        }
        planned: list[Json] = []
        dropped: list[str] = []
        left: tuple[str, ...] = ()
        for one in bundle["entry"]:
            if one not in changes:
                planned.append(one)
                continue
            before = held[one["fullUrl"]]
            if self._anothers_number(one, before, attempt):
                one, left = self._numberless(one), (KNOWN_ALREADY,)
            try:
                changed = _change(one, before, names)
            except Refused as refused:
                raise _Stopped(answers.rejected(refused.why)) from None
            planned += [changed] if changed else []
            dropped += [] if changed or before else [one["request"]["url"]]
        return _Plan({**bundle, "entry": [_without(one, dropped) for one in planned]}, read=True, left=left)

    def _anothers_number(self, one: Json, held: Json | None, attempt: int) -> bool:
        """Whether the number that somebody of ours was given since belongs to another Patient there: were it on both,
        every later visit would find two. Raises _Stopped."""
        number = self._has(one, "personal_id")
        if number is None or self._has(one, "local") is None:
            return False
        condition = token(number["system"], number["value"])
        answer = self._ask("POST", "Patient/_search", f"{condition}&_count=2".encode(), {"Content-Type": FORM})
        if receipt := answers.refusal(answer, attempt=attempt, read_before=False):
            raise _Stopped(replace(receipt, retry_after_seconds=later(answer)))
        found = answers.matches(answer, "Patient")
        return any(held is None or other.get("id") != held.get("id") for other in found)

    def _numberless(self, one: Json) -> Json:
        number = self._has(one, "personal_id")
        kept = [each for each in one["resource"]["identifier"] if each != number]
        return {**one, "resource": {**one["resource"], "identifier": kept}}

    def _has(self, one: Json, kind: SystemKind) -> Json | None:
        """The identifier of this kind in a Patient of ours."""
        if one["resource"]["resourceType"] != "Patient":
            return None
        system = self._destination.identifier_systems[kind]
        numbers = answers.objects(one["resource"].get("identifier"))
        return next((number for number in numbers if number.get("system") == system), None)

    def _held(self, one: Json, attempt: int) -> Json | None:
        """What the receiver holds of it; None where nothing. Raises _Stopped."""
        address, kind = one["request"]["url"], one["resource"]["resourceType"]
        place, searched, condition = address.partition("?")
        # By POST: a search in an address would leave the person's number in every log on the way (FHIR R4, 3.1.1.4).
        answer = (
            self._ask("POST", f"{place}/_search", f"{condition}&_count=2".encode(), {"Content-Type": FORM})
            if searched
            else self._ask("GET", address)
        )
        if not searched and answer.status in (404, 410):
            return None
        if receipt := answers.refusal(answer, attempt=attempt, read_before=False):
            raise _Stopped(replace(receipt, retry_after_seconds=later(answer)))
        if searched:
            found = answers.matches(answer, kind)
            if len(found) > 1:
                raise _Stopped(answers.rejected(f"{answers.AMBIGUOUS} {kind}"))
            if found and not answers.bears(found[0], condition):
                raise _Stopped(answers.rejected(f"{answers.OTHER} {kind}"))
            return found[0] if found else None
        held = answers.resource(answer)
        if held is None or held["resourceType"] != kind:
            raise GarbledAnswer(why="resource")
        return held

    def _ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NOTHING) -> Answer:
        """One call with the token; with a new one, once, where it is not accepted."""
        answer = self._called(method, path, body, headers)
        if answer.status == 401 and self._token.wanted:
            self._token.drop()
            answer = self._called(method, path, body, headers)
        return answer

    def _called(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        return self._caller.call(
            Question(
                url=joined(self._destination.base_url, path),
                body=body,
                content_type=CONTENT_TYPE,
                query={},
                method=method,
                headers={"Accept": ACCEPT, **headers, **self._token.headers()},
            )
        )


def _change(one: Json, held: Json | None, names: Mapping[str, str]) -> Json | None:
    """The entry to send instead of a conditional update; None: nothing to tell. Raises Refused."""
    ours = renamed(one["resource"], names)
    kind, address = ours["resourceType"], one["request"]["url"]
    merging = kind == "Patient" and "link" in ours
    if held is None:
        if merging:
            raise Refused("record_number_unknown")
        return None if kind == "Appointment" else _creation(one)
    changed = overlaid(held, ours)
    if changed == held and not merging:
        return None if kind == "Appointment" else _creation(one)
    request = {"method": "PUT", "url": address}
    version = held.get("meta", {}).get("versionId") if isinstance(held.get("meta"), dict) else None
    if isinstance(version, str) and re.fullmatch(r"[A-Za-z0-9.-]{1,64}", version):
        request["ifMatch"] = f'W/"{version}"'
    return {"fullUrl": one["fullUrl"], "resource": changed, "request": request}


def _creation(one: Json) -> Json:
    kind, _, condition = one["request"]["url"].partition("?")
    return {**one, "request": {"method": "POST", "url": kind, "ifNoneExist": condition}}


def _without(one: Json, dropped: list[str]) -> Json:
    """The entry without references to an appointment that is not there."""
    booked = one["resource"].get("appointment")
    if not dropped or not isinstance(booked, list) or one["resource"]["resourceType"] != "Encounter":
        return one
    left = [each for each in booked if not (isinstance(each, dict) and each.get("reference") in dropped)]
    kept = {name: value for name, value in one["resource"].items() if name != "appointment"}
    return {**one, "resource": {**kept, **({"appointment": left} if left else {})}}


def _takes_transactions(statement: Mapping[str, Any]) -> bool:
    """Whether a server's interactions name `transaction`; many list none and take them all the same."""
    told = [
        one.get("code")
        for rest in answers.objects(statement.get("rest"))
        for one in answers.objects(rest.get("interaction"))
    ]
    return not told or "transaction" in told
