"""The technicians' calls of the bridge's socket: read, done at the desk, and told to the couriers they concern."""

import threading
from collections.abc import Sequence

from hisbridge.agent.codes import PairRequest
from hisbridge.answers import Answering, Busy, Failed, TooLate
from hisbridge.carrier import Carrier
from hisbridge.desk import ActRequest, Desk, Done, MessageRequest, SwitchRequest, moment_of
from hisbridge.desk_records import Selection
from hisbridge.errors import DeliveryError, NoAnswer
from hisbridge.outbox import State
from hisbridge.outbox_desk import MAX_LISTED
from wire.codec import from_json
from wire.errors import MalformedMessage
from wire.server import Request, Response, Routes, json_response

PROBES_AT_ONCE = 8
PROBE_GRACE_SECONDS = 2.0  # over the destination's own time-out
MOST = 999_999_999_999


class DeskCalls:
    """Handlers by method and path."""

    def __init__(self, desk: Desk, couriers: Sequence[Carrier]) -> None:
        self._desk = desk
        self._couriers = {courier.name: courier for courier in couriers}
        self._probing: Answering[Done] = Answering(PROBES_AT_ONCE)
        self._switching = threading.Lock()  # pause and resume reach database and courier in one order

    def routes(self) -> Routes:
        """Method and path to handler."""
        return {
            ("GET", "/v1/deliveries"): self._deliveries,
            ("GET", "/v1/delivery"): self._delivery,
            ("POST", "/v1/delivery/message"): self._message,
            ("POST", "/v1/deliveries/act"): self._act,
            ("POST", "/v1/deliveries/count"): self._count,
            ("POST", "/v1/destinations/pause"): self._pause,
            ("POST", "/v1/destinations/resume"): self._resume,
            ("POST", "/v1/destinations/probe"): self._probe,
            ("GET", "/v1/answers"): self._answers,
            ("GET", "/v1/audit"): self._audit,
            ("POST", "/v1/agent/pair"): self._pair,
        }

    def _deliveries(self, request: Request) -> Response:
        limit = whole_number(request, "limit", 100, 0, MAX_LISTED)
        return json_response(self._desk.deliveries(_selection(request), limit))

    def _delivery(self, request: Request) -> Response:
        if "number" not in request.query:
            raise MalformedMessage(why="missing", where="query.number")
        return json_response(self._desk.delivery(whole_number(request, "number", 0, 0, MOST)))

    def _message(self, request: Request) -> Response:
        return json_response(self._desk.message(from_json(request.body, MessageRequest)))

    def _act(self, request: Request) -> Response:
        changed = self._desk.act(from_json(request.body, ActRequest))
        for courier in self._couriers.values():
            courier.wake()
        return json_response(changed)

    def _count(self, request: Request) -> Response:
        return json_response(self._desk.count(from_json(request.body, ActRequest)))

    def _pause(self, request: Request) -> Response:
        asked = from_json(request.body, SwitchRequest)
        with self._switching:
            done = self._desk.pause(asked)
            self._couriers[asked.destination].let_go()
        return json_response(done)

    def _resume(self, request: Request) -> Response:
        asked = from_json(request.body, SwitchRequest)
        with self._switching:
            done = self._desk.resume(asked)
            self._couriers[asked.destination].resume()
        return json_response(done)

    def _probe(self, request: Request) -> Response:
        asked = from_json(request.body, SwitchRequest)
        seconds = self._desk.seconds(asked.destination) + PROBE_GRACE_SECONDS
        try:
            done = self._probing.ask(lambda: self._desk.probe(asked), seconds)
        except (Busy, TooLate, Failed) as outcome:
            done = Done(ok=False, code=NoAnswer.code if isinstance(outcome, TooLate) else DeliveryError.code)
        return json_response(done)

    def _audit(self, request: Request) -> Response:
        limit = whole_number(request, "limit", 100, 0, MAX_LISTED)
        return json_response(self._desk.audit(moment_of(request.query.get("since") or None, "query.since"), limit))

    def _pair(self, request: Request) -> Response:
        return json_response(self._desk.pair(from_json(request.body, PairRequest)))

    def _answers(self, request: Request) -> Response:
        since = whole_number(request, "since", 0, 0, MOST)
        return json_response(self._desk.answers(since, whole_number(request, "limit", 100, 0, MAX_LISTED)))


def whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A number of the query, within its bounds. Raises MalformedMessage."""
    text = request.query.get(name, "")
    if not text:
        return min(max(default, least), most)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST))):
        raise MalformedMessage(why="not a whole number", where=f"query.{name}")
    return min(max(int(text), least), most)


def _selection(request: Request) -> Selection:
    query = request.query
    states = [state for state in query.get("state", "").split(",") if state]
    if unknown := [state for state in states if state not in tuple(State)]:
        raise MalformedMessage(why="no such state", where=f"query.state[{states.index(unknown[0])}]")
    return Selection(
        states=tuple(State(state) for state in states),
        destination=query.get("destination") or None,
        since=moment_of(query.get("since") or None, "query.since"),
        until=moment_of(query.get("until") or None, "query.until"),
        record_id=query.get("record_id") or None,
        before=whole_number(request, "before", 0, 0, MOST) if query.get("before") else None,
        open_work=query.get("open_work") == "true",
    )
