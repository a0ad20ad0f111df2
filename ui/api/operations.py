"""The one table of the API's operations: the routes answer by it and the OpenAPI document is written from it.

Must not import Flask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hisbridge.arrivals import NumberArrival, VisitArrival
from hisbridge.records import PatientRecord
from kiosk.accounts import Role
from kiosk.machines import Scope
from ui.api import handlers, views
from ui.api.handlers import Handler

BASE = "/api/v1"
STREAM = "text/event-stream"
SMALL = 4096  # bytes of a body
LARGE = 1 << 16

FRONT = frozenset({Role.RECEPTIONIST, Role.SUPERVISOR})
EVERYBODY: frozenset[Role | Scope] = frozenset({*Role, *Scope})
LOOKING = FRONT | {Scope.QUEUE, Scope.CALL}
CALLING = FRONT | {Scope.CALL}
OF_TICKET = (404, 409)


@dataclass(frozen=True)
class Operation:
    """One operation. `name` is its operationId, `who` may call it, `errors` are those besides what each can meet.

    `keyed`: needs an Idempotency-Key; `tagged`: answers with an ETag and knows If-None-Match; `dated`: heeds Date.
    """

    name: str
    method: str
    path: str
    summary: str
    who: frozenset[Role | Scope]
    handler: Handler | None  # None: the routes' own
    answer: Any
    parameters: type[Any] = views.Nothing  # in the path
    query: type[Any] = views.Nothing
    body: Any = None
    most_bytes: int = SMALL
    errors: Sequence[int] = ()
    keyed: bool = False
    tagged: bool = False
    dated: bool = False
    tag: str = "queue"


def _look(name: str, path: str, summary: str, handler: Handler | None, answer: Any, **more: Any) -> Operation:
    who = more.pop("who", LOOKING)
    return Operation(name, "GET", path, summary, who, handler, answer, **more)


def _deed(name: str, summary: str, handler: Handler, body: Any = views.Deed) -> Operation:
    return Operation(
        f"{name}Ticket",
        "POST",
        f"/tickets/{{ticket_id}}/{name}",
        summary,
        CALLING,
        handler,
        views.TicketView,
        parameters=views.OfTicket,
        body=body,
        errors=OF_TICKET,
        keyed=True,
        tag="acts",
    )


OPERATIONS: tuple[Operation, ...] = (
    _look("health", "/health", "Whether the desk works", handlers.health, views.Health, who=EVERYBODY, tag="desk"),
    _look("document", "/openapi.json", "This document", None, dict[str, Any], who=EVERYBODY, tagged=True, tag="desk"),
    _look(
        "problem",
        "/problems/{code}",
        "What an error's code means",
        handlers.problem,
        views.ProblemKind,
        who=EVERYBODY,
        parameters=views.OfProblem,
        errors=(404,),
        tag="desk",
    ),
    _look(
        "services",
        "/services",
        "What people come for",
        handlers.services,
        views.Services,
        who=LOOKING | {Scope.BOARD, Scope.KIOSK},
        tagged=True,
    ),
    _look(
        "counters",
        "/counters",
        "Who calls from which queues",
        handlers.counters,
        views.Counters,
        who=LOOKING | {Scope.BOARD, Scope.KIOSK},
        tagged=True,
    ),
    _look("queues", "/queues", "How many wait, and how long it may take", handlers.queues, views.Queues, tagged=True),
    _look(
        "counter",
        "/counters/{counter}",
        "Whom a counter has, and who comes next",
        handlers.counter,
        views.CounterNow,
        parameters=views.AtCounter,
        errors=(404,),
        tagged=True,
    ),
    _look(
        "calls",
        "/calls",
        "The newest calls, as the boards show them",
        handlers.calls,
        views.Calls,
        who=LOOKING | {Scope.BOARD},
        query=views.WhichCalls,
        tagged=True,
    ),
    _look(
        "callEvents",
        "/calls/events",
        "The calls as they come: events `call` with a CallView each; Last-Event-ID goes on behind that one",
        None,
        STREAM,
        who=LOOKING | {Scope.BOARD},
        query=views.WhichCalls,
    ),
    _look(
        "tickets",
        "/tickets",
        "Today's tickets of a number",
        handlers.tickets,
        views.Tickets,
        query=views.ByNumber,
    ),
    _look(
        "ticket",
        "/tickets/{ticket_id}",
        "One ticket, and how long it may wait",
        handlers.ticket,
        views.TicketNow,
        parameters=views.OfTicket,
        errors=(404,),
        tagged=True,
    ),
    Operation(
        "callNext",
        "POST",
        "/counters/{counter}/call-next",
        "Call the next; whom the counter serves is done, whom it called and did not begin with is missed",
        CALLING,
        handlers.call_next,
        views.Called,
        parameters=views.AtCounter,
        errors=(404, 409),
        keyed=True,
        tag="acts",
    ),
    Operation(
        "undo",
        "POST",
        "/counters/{counter}/undo",
        "Take back what the counter did last",
        CALLING,
        handlers.undo,
        views.Tickets,
        parameters=views.AtCounter,
        errors=(404, 409),
        keyed=True,
        tag="acts",
    ),
    _deed("call", "Call this one, out of order", handlers.call),
    _deed("recall", "Call once more", handlers.recall),
    _deed("begin", "The person is at the counter", handlers.begin),
    _deed("hold", "Put aside; the counter takes it up again", handlers.hold),
    _deed("return", "Let wait again, where they were", handlers.give_back),
    _deed("transfer", "Let wait in another queue", handlers.transfer, views.Onward),
    _deed("miss", "Nobody came", handlers.miss),
    _deed("finish", "Done here", handlers.finish),
    _look(
        "visit",
        "/visits/{visit_id}",
        "One visit's whole record; each reading is written down",
        handlers.visit,
        PatientRecord,
        who=FRONT | {Scope.RECORDS},
        parameters=views.OfVisit,
        errors=(404,),
        tag="visits",
    ),
    _look(
        "helpCalls",
        "/help",
        "Who waits for somebody at a touchscreen",
        handlers.help_calls,
        views.HelpList,
        who=CALLING,
        tagged=True,
        tag="help",
    ),
    Operation(
        "askHelp",
        "POST",
        "/help",
        "Somebody pressed help at this kiosk",
        frozenset({Scope.KIOSK}),
        handlers.ask_help,
        views.HelpAsked,
        body=views.Ask,
        tag="help",
    ),
    _look(
        "helpCall",
        "/help/{call_id}",
        "Whether somebody is coming; a kiosk is told of its own calls alone",
        handlers.help_call,
        views.HelpAsked,
        who=CALLING | {Scope.KIOSK},
        parameters=views.OfHelpCall,
        errors=(404,),
        tag="help",
    ),
    Operation(
        "answerHelp",
        "POST",
        "/help/{call_id}/answer",
        "Somebody is coming",
        CALLING,
        handlers.answer_help,
        views.HelpView,
        parameters=views.OfHelpCall,
        errors=(404,),
        tag="help",
    ),
    _look(
        "figures",
        "/figures",
        "How long people waited and were served, by hour; nobody named, and nothing of fewer than five",
        handlers.figures_by_day,
        views.Figures,
        who=frozenset({Role.SUPERVISOR, Scope.QUEUE}),
        query=views.Days,
        tag="figures",
    ),
    Operation(
        "arrive",
        "POST",
        "/arrivals",
        "Another kiosk's check-in, a later revision of it, or a number for the counter",
        frozenset({Scope.KIOSK}),
        handlers.arrive,
        handlers.Taken,
        body=VisitArrival | NumberArrival,
        most_bytes=LARGE,
        errors=(409,),
        dated=True,
        tag="arrivals",
    ),
)


def statuses(operation: Operation) -> tuple[int, ...]:
    """Every status of a problem that this operation can answer."""
    found = {400, 401, 403, 429, 500, 503, *operation.errors}
    if operation.parameters is not views.Nothing:
        found.add(404)
    if operation.method == "POST":
        found |= {413, 415} if operation.body is not None else {413}
    return tuple(sorted(found))
