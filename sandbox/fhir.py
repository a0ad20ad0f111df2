"""The pretend hospital's FHIR R4 server: transactions whole or not at all, conditions, versions, and faults on command.

Reads by its own hand, not the bridge's. Its base is `/fhir`; `/token` gives tokens for client credentials where an
account is asked for. Only what a check-in needs: no search but by identifier, tag and id, and no delete.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from sandbox.faults import ON, Check, Takes, one_of, switch
from sandbox.trouble import COMMON, Troubled
from wire.server import Handler, Request, Response, Routes

BASE = "/fhir"
TOKEN_PATH = "/token"  # noqa: S105 - an address
RECORD_NUMBERS = "urn:sandbox:record-number"
VISIT_NUMBERS = "urn:sandbox:visit-number"
KINDS = ("Patient", "RelatedPerson", "Coverage", "Encounter", "Appointment", "Provenance")
FHIR_JSON = "application/fhir+json; charset=utf-8"
TOKEN = "sandbox-fhir-token"  # noqa: S105 - synthetic
RETRY_AFTER = "2"  # seconds
USUAL_STATUS = "422"

OWN: Mapping[str, Check] = {
    # Each transaction is refused so.
    "status": Takes(f"{ON}, 400 to 599", lambda value: re.fullmatch(r"on|[45][0-9]{2}", value) is not None),
    "several": switch,  # each condition finds more than one: 412
    "token": one_of("expired", "refused"),  # tokens given so far are not taken any more; none is given
    "statement": one_of("r5", "no_transaction"),  # what /metadata says
    "minimal": switch,  # answers without the resources
}
FAULTS: Mapping[str, Check] = {f"fhir.{name}": check for name, check in {**COMMON, **OWN}.items()}

Resource = dict[str, Any]


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class FhirServer(Troubled):
    """The server. With an `account` (client id, secret) every call but /metadata needs a token."""

    def __init__(
        self, account: tuple[str, str] | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__("fhir", OWN)
        self._account = account
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Resource] = {}  # by `Type/id`, in the order they came
        self._tokens = 0
        self._counts = {"transactions": 0, "refused": 0, "tokens": 0}

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        super().set_fault(name, value)
        if name == "fhir.token" and self._fault("token") in ("on", "expired"):
            with self._lock:
                self._tokens += 1

    def resources(self, kind: str = "") -> list[Resource]:
        """What it keeps, oldest first."""
        with self._lock:
            return [deepcopy(one) for one in self._kept.values() if kind in ("", one["resourceType"])]

    def messages(self) -> list[dict[str, Any]]:
        """The visits it was told of, oldest first, with the fields of the MLLP receiver's messages."""
        with self._lock:
            return [_shown(one, self._kept) for one in self._kept.values() if one["resourceType"] == "Encounter"]

    def refused(self) -> int:
        """How many calls it would not answer as asked."""
        with self._lock:
            return self._counts["refused"]

    def put(self, resource: Resource) -> Resource:
        """Keep a resource as somebody else's system would."""
        with self._lock:
            return deepcopy(_kept(self._kept, deepcopy(resource), self._clock()))

    def counts(self) -> dict[str, int]:
        """How many transactions were taken and refused, and tokens given."""
        with self._lock:
            return dict(self._counts)

    def routes(self) -> Routes:
        """Every address below the base, and the token's."""
        return _Below(self._answered, {("POST", TOKEN_PATH): self._token})

    def _token(self, request: Request) -> Response:
        if instead := self._instead():
            return instead
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials" or self._fault("token") == "refused":
            return _json({"error": "invalid_client"}, 401)
        with self._lock:
            self._counts["tokens"] += 1
            return _json({"access_token": f"{TOKEN}-{self._tokens}", "token_type": "Bearer", "expires_in": 300})

    def _answered(self, request: Request) -> Response:
        if instead := self._instead():
            return instead
        try:
            return self._on_the_way(self._done(request))
        except _Refused as refused:
            with self._lock:
                self._counts["refused"] += 1
            return _outcome(refused.status, refused.code)

    def _done(self, request: Request) -> Response:
        path = request.path.removeprefix(BASE).strip("/")
        if path == "metadata":
            return _json(self._statement())
        if self._account is not None and request.headers.get("authorization") != f"Bearer {TOKEN}-{self._tokens}":
            raise _Refused(401, "login")
        if request.method == "POST" and not path:
            if status := self._fault("status"):
                raise _Refused(int(USUAL_STATUS if status == ON else status), "exception")
            return self._transaction(request)
        kind, _, rest = path.partition("/")
        searched = (request.method, rest) == ("POST", "_search")
        if request.method != "GET" and not searched:
            raise _Refused(405, "not-supported")
        with self._lock:
            if rest and not searched:
                return _json(_read(self._kept, path))
            form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
            found = _found(self._kept, kind, form if searched else request.query)
        return _json({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in found]})

    def _transaction(self, request: Request) -> Response:
        try:
            bundle = json.loads(request.body)
            entries = bundle["entry"]
        except (ValueError, KeyError, TypeError):
            raise _Refused(400, "invalid") from None
        if bundle.get("type") != "transaction":
            raise _Refused(400, "not-supported")
        if self._fault("several"):
            raise _Refused(412, "multiple-matches")
        with self._lock:
            world = deepcopy(self._kept)
            answers = _carried_out(world, entries, self._clock())
            self._kept = world  # all of it or nothing
            self._counts["transactions"] += 1
        if self._fault("minimal"):
            answers = [{"response": one["response"]} for one in answers]
        return _json({"resourceType": "Bundle", "type": "transaction-response", "entry": answers})

    def _statement(self) -> Resource:
        said = self._fault("statement")
        interaction = [{"code": "search-system" if said == "no_transaction" else "transaction"}]
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "kind": "instance",
            "fhirVersion": "5.0.0" if said in ("r5", "on") else "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "interaction": interaction}],
        }


def _carried_out(world: dict[str, Resource], entries: list[Resource], now: datetime) -> list[Resource]:
    """Every entry done in `world`; references between them by their real names. Raises _Refused."""
    chosen = [(one, *_chosen(world, one)) for one in entries]
    names = {
        one["fullUrl"]: f"{one['resource']['resourceType']}/{kept['id'] if kept else identity}"
        for one, kept, identity in chosen
    }
    answers = []
    for one, kept, identity in chosen:
        if kept is not None and one["request"]["method"] == "POST":
            answers.append(_entry(kept, 200))
            continue
        resource = _renamed(deepcopy(one["resource"]), names)
        resource["id"] = kept["id"] if kept else identity
        answers.append(_entry(_kept(world, resource, now, kept), 200 if kept else 201))
    return answers


def _chosen(world: dict[str, Resource], one: Resource) -> tuple[Resource | None, str]:
    """The resource an entry is about, where there is one, and the id of a new one. Raises _Refused."""
    request, kind = one.get("request", {}), one.get("resource", {}).get("resourceType")
    address, _, query = str(request.get("url", "")).partition("?")
    if request.get("method") not in ("POST", "PUT") or kind not in KINDS or address.partition("/")[0] != kind:
        raise _Refused(400, "not-supported")
    condition = request.get("ifNoneExist") if request["method"] == "POST" else query
    if condition:
        asked = {name: values[0] for name, values in parse_qs(condition).items()}
        found = _found(world, kind, asked)
    else:
        found = [world[address]] if address in world else []
    if len(found) > 1:
        raise _Refused(412, "multiple-matches")
    version = f'W/"{found[0]["meta"]["versionId"]}"' if found else ""
    if request.get("ifMatch", version) != version:
        raise _Refused(412, "conflict")
    _, _, asked_id = address.partition("/")
    number = sum(1 for other in world.values() if other["resourceType"] == kind) + 1
    return (found[0] if found else None), asked_id or f"{kind.lower()}-{number}"


def _found(world: Mapping[str, Resource], kind: str, query: Mapping[str, str]) -> list[Resource]:
    wanted = {name: _token_of(value) for name, value in query.items() if name in ("identifier", "_tag")}
    if not wanted or kind not in KINDS:
        raise _Refused(400, "not-supported")
    return [
        one
        for one in world.values()
        if one["resourceType"] == kind
        and wanted.get("identifier") in (None, *_pairs(one.get("identifier", ()), "value"))
        and wanted.get("_tag") in (None, *_pairs(one.get("meta", {}).get("tag", ()), "code"))
    ]


def _token_of(value: str) -> tuple[str, str]:
    system, _, told = re.sub(r"\\(.)", r"\1", value).partition("|")
    return system, told


def _pairs(told: Any, name: str) -> Iterator[tuple[str, str]]:
    return ((one.get("system", ""), one.get(name, "")) for one in told)


def _read(world: Mapping[str, Resource], path: str) -> Resource:
    if path not in world:
        raise _Refused(404, "not-found")
    return world[path]


def _kept(world: dict[str, Resource], resource: Resource, now: datetime, before: Resource | None = None) -> Resource:
    """The resource with what a hospital adds: id, version, its own numbers."""
    kind = resource["resourceType"]
    number = sum(1 for other in world.values() if other["resourceType"] == kind) + 1
    resource.setdefault("id", f"{kind.lower()}-{number}")
    version = int(before["meta"]["versionId"]) + 1 if before else 1
    moment = now.isoformat(timespec="seconds")
    resource["meta"] = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": moment}
    if before is None and kind in ("Patient", "Encounter"):
        system, told = (RECORD_NUMBERS, f"BN{number:06}") if kind == "Patient" else (VISIT_NUMBERS, f"LK{number:06}")
        own = {"type": {"coding": [{"code": "MR" if kind == "Patient" else "VN"}]}, "system": system, "value": told}
        resource["identifier"] = [*resource.get("identifier", ()), own]
    world[f"{kind}/{resource['id']}"] = resource
    return resource


def _entry(resource: Resource, status: int) -> Resource:
    place = f"{resource['resourceType']}/{resource['id']}/_history/{resource['meta']['versionId']}"
    words = {200: "200 OK", 201: "201 Created"}
    return {"resource": resource, "response": {"status": words[status], "location": place}}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: names.get(told, told) if key == "reference" else _renamed(told, names) for key, told in value.items()
        }
    return [_renamed(one, names) for one in value] if isinstance(value, list) else value


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), FHIR_JSON)


def _outcome(status: int, code: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": "Nguyễn Văn Thử 001303900017"}
    answer = _json({"resourceType": "OperationOutcome", "issue": [issue]}, status)
    headers = {"Retry-After": RETRY_AFTER} if status in (429, 503) else {}
    return Response(status, answer.body, answer.content_type, headers=headers)


def _shown(visit: Resource, world: Mapping[str, Resource]) -> dict[str, Any]:
    """What the desk's page shows of a visit."""
    person = world.get(visit.get("subject", {}).get("reference", ""), {})
    name: Resource = next(iter(person.get("name", ())), {})
    beneficiary = {"reference": f"Patient/{person.get('id')}"}
    covers = [one for one in world.values() if one.get("beneficiary") == beneficiary]
    cover = covers[-1] if covers else {}
    numbers = [one.get("value", "") for one in visit.get("identifier", ())]
    return {
        "type": "FHIR",
        "name": name.get("text", ""),
        "birth_date": person.get("birthDate", ""),
        "sex": person.get("gender", ""),
        "personal_id": next((one.get("value", "") for one in person.get("identifier", ())), ""),
        "insurance_number": cover.get("subscriberId", ""),
        "insurance_status": cover.get("status", ""),
        "visit_id": numbers[0] if numbers else "",
        "ticket_number": next((one["value"] for one in visit.get("identifier", ()) if one.get("use") == "temp"), ""),
        "service_name": visit.get("serviceType", {}).get("text", ""),
        "arrived_at": visit.get("period", {}).get("start", ""),
        "received_at": visit["meta"]["lastUpdated"],
        "copies": int(visit["meta"]["versionId"]),
        "text": json.dumps([person, *covers, visit], ensure_ascii=False, indent=1),
    }


class _Below(dict[tuple[str, str], Handler]):
    """Routes of which one takes everything below the base."""

    def __init__(self, everything: Handler, others: Mapping[tuple[str, str], Handler]) -> None:
        super().__init__(others)
        self._everything = everything

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        """The handler of this method and path."""
        below = key[1] == BASE or key[1].startswith(f"{BASE}/")
        return self._everything if below else super().get(key, default)
