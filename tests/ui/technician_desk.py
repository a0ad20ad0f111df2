"""The message desk's pages beside a small bridge on a real socket, whose state the test sets."""

import html
import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from flask.testing import FlaskClient

from config.destinations import Hl7v2Destination
from config.settings import Settings
from hisbridge.desk_records import Delivery
from hisbridge.outbox import State
from kiosk.accounts import Role
from tests.kiosk.world import site
from tests.ui.desk_site import DeskSite
from ui.technician.bridge import Bridge, Chosen, utc
from ui.technician.routes import Technician, blueprint
from ui.technician.views import acts_of
from ui.technician.watch import Watch
from wire.client import Client
from wire.errors import RemoteError
from wire.server import Request, Response, error_response, json_response, serving

PRESS = {"HX-Request": "true"}
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MARKUP = "<img src=x onerror=alert(1)>"
NUMBER = "001303900017"
HL7 = (
    "MSH|^~\\&|TIEPDON|99999|HIS||20261122100000||ADT^A04^ADT_A01|KEY7|P|2.5\r"
    f"PID|1||{NUMBER}^^^NATIONAL^NI||MẪU^MAI^THỊ||19900101|F|||12 Phố {MARKUP}\r"
)
MESSAGES = {
    "hl7": ("application/hl7-v2+er7; charset=utf-8", HL7),
    "json": ("application/fhir+json", '{"a":{"name":"Trần","n":1.0},"b":[1,2]}'),
    "xml": ("application/xml; charset=utf-8", "<HS><TEN>Mai &lt;b&gt;</TEN><CT><A/><B>2</B></CT></HS>"),
    "csv": ("text/csv; charset=utf-8", '\ufeffMA_LK,HO_TEN\r\n7,"Trần, Mai"\r\n'),
}


def destination(name: str, **told: Any) -> dict[str, Any]:
    return {
        "name": name,
        "connector": "hl7v2",
        "condition": "working",
        "problem": None,
        "failures_in_a_row": 0,
        "stale_answers": 0,
        "last_acknowledged_at": "2026-11-22T02:59:00+00:00",
        "paused": False,
        **told,
    }


def delivery(number: int, state: State = State.ACKNOWLEDGED, **told: Any) -> Delivery:
    usual = Delivery(
        delivery_id=number,
        record_id=f"visit-{number}",
        destination="his",
        idempotency_key=f"KEY{number}",
        state=state,
        attempts=1,
        created_at=utc(NOW - timedelta(minutes=10_000 - min(number, 10_000))),
        receipt="AA" if state is State.ACKNOWLEDGED else None,
    )
    return msgspec.structs.replace(usual, **told)


class PretendBridge:
    """What the bridge tells and takes; `calls` keeps every POST."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.destinations = [destination("his")]
        self.deliveries: dict[int, Delivery] = {}
        self.answer: dict[str, Any] | None = None
        self.kind = "hl7"
        self.probe: dict[str, Any] = {"ok": True, "code": None}
        self.persons: dict[str, list[int]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.audit: list[dict[str, Any]] = []
        self.looks = 0
        self._stack = ExitStack()

    def start(self) -> None:
        self._stack.enter_context(serving(self.path, self._routes()))

    def stop(self) -> None:
        self._stack.close()

    def add(self, *found: Delivery) -> None:
        self.deliveries.update({one.delivery_id: one for one in found})

    def _routes(self) -> dict[tuple[str, str], Callable[[Request], Response]]:
        routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/v1/health"): self._health,
            ("GET", "/v1/deliveries"): self._list,
            ("GET", "/v1/delivery"): self._one,
            ("POST", "/v1/delivery/message"): self._message,
            ("POST", "/v1/deliveries/count"): self._count,
            ("POST", "/v1/deliveries/act"): self._act,
        }
        routes["GET", "/v1/audit"] = lambda _: json_response({"entries": self.audit})
        routes["POST", "/v1/agent/pair"] = self._pair
        for what in ("pause", "resume", "probe"):
            routes["POST", f"/v1/destinations/{what}"] = lambda request, what=what: self._switch(what, request)
        return routes

    def _health(self, _: Request) -> Response:
        self.looks += 1
        return json_response({"database": None, "destinations": self.destinations, "portal": {"enabled": False}})

    def _list(self, request: Request) -> Response:
        asked = request.query
        states = [State(one) for one in asked.get("state", "").split(",") if one]
        found = [
            one
            for number, one in sorted(self.deliveries.items(), reverse=True)
            if (not states or one.state in states)
            and asked.get("destination") in (None, one.destination)
            and asked.get("record_id") in (None, one.record_id)
            and ("since" not in asked or one.created_at >= asked["since"])
            and ("until" not in asked or one.created_at < asked["until"])
            and ("before" not in asked or number < int(asked["before"]))
            and ("open_work" not in asked or one.open_work)
        ]
        return json_response({"deliveries": found[: int(asked["limit"])]})

    def _one(self, request: Request) -> Response:
        found = self.deliveries.get(int(request.query["number"]))
        if found is None:
            return error_response(RemoteError("delivery.unknown"), 404)
        return json_response({"delivery": found, "answer": self.answer})

    def _message(self, request: Request) -> Response:
        asked = self._called("message", request)
        content_type, body = MESSAGES[self.kind]
        shown = body if asked["whole"] else body.replace(NUMBER, "000000000000")
        return json_response({"content_type": content_type, "body": shown, "masked": not asked["whole"]})

    def _meant(self, asked: dict[str, Any]) -> list[Delivery]:
        chosen = Chosen(**{name: asked[name] for name in Chosen.__struct_fields__})
        assert not chosen.empty
        person = self.persons.get(chosen.personal_id or "", [])
        return [
            one
            for one in self.deliveries.values()
            if asked["act"] in acts_of(one)
            and (not chosen.open_work or one.open_work)
            and (not chosen.numbers or one.delivery_id in chosen.numbers)
            and (not chosen.states or one.state.value in chosen.states)
            and (chosen.destination in (None, one.destination))
            and (chosen.since is None or one.created_at >= chosen.since)
            and (chosen.until is None or one.created_at < chosen.until)
            and (chosen.personal_id is None or one.delivery_id in person)
        ]

    def _count(self, request: Request) -> Response:
        return json_response({"changed": len(self._meant(self._called("count", request)))})

    def _act(self, request: Request) -> Response:
        asked = self._called("act", request)
        meant = self._meant(asked)
        becomes = {"hold": State.HELD, "cancel": State.CANCELLED, "complete": State.ACKNOWLEDGED}
        state = becomes.get(asked["act"], State.QUEUED)
        left = {"open_work": ()} if asked["act"] == "complete" else {}
        self.add(*(msgspec.structs.replace(one, state=state, **left) for one in meant))
        return json_response({"changed": len(meant)})

    def _switch(self, what: str, request: Request) -> Response:
        asked = self._called(what, request)
        if what == "probe":
            return json_response(self.probe)
        for one in self.destinations:
            if one["name"] == asked["destination"]:
                one.update(paused=what == "pause", why_paused=asked["why"], paused_at=utc(NOW))
        return json_response({"ok": True, "code": None})

    def _pair(self, request: Request) -> Response:
        asked = self._called("pair", request)
        return json_response({"code": "042917", "destination": asked["destination"], "seconds": 300.0})

    def _called(self, name: str, request: Request) -> dict[str, Any]:
        asked: dict[str, Any] = msgspec.json.decode(request.body)
        self.calls.append((name, asked))
        return asked


class MessageDesk:
    """A site with a pretend bridge and the pages; the watch looks by itself only where `watching`."""

    def __init__(self, folder: Path, watching: bool = False) -> None:
        self.bridge = PretendBridge(folder / "bridge.sock")
        self.bridge.start()
        self.now = NOW
        self.settings: Settings = msgspec.structs.replace(
            site(folder),
            destinations=tuple(Hl7v2Destination(name=name, host="127.0.0.1", port=1) for name in ("his", "archive")),
        )
        line = Bridge(Client(self.bridge.path))
        self.watch = Watch(line.health, lambda: self.now)
        self.desk = Technician(line, self.watch, lambda: self.now)
        self.site = DeskSite(
            folder, lambda one: [lambda app, build: blueprint(app, one.settings, self.desk, build)], self.settings
        )
        self.app: Flask = self.site.app
        self.streams = self.site.leases
        if watching:
            self.watch.start()

    def client(self, role: Role = Role.TECHNICIAN) -> FlaskClient:
        """Somebody signed in, who opens pages; `press` presses."""
        client = self.site.sign_in(role)
        del client.environ_base["HTTP_HX_REQUEST"]
        return client

    def close(self) -> None:
        self.desk.close()
        self.bridge.stop()
        self.site.close()


def text_of(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def press(client: FlaskClient, path: str, **form: Any) -> tuple[int, str]:
    """A press of a button of the pages; status and answer."""
    answer = client.post(f"/technician/{path}", data=form, headers=PRESS)
    return answer.status_code, answer.get_data(as_text=True)
