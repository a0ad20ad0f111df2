"""The pretend ticket printer as the desk shows it, and as a hostile host finds it."""

import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from sandbox.card import trust
from sandbox.desk import routes
from sandbox.errors import UnknownTicket
from sandbox.people import all_people
from sandbox.printer import KEPT, MOST_LINES, ReceiptPrinter, Roll
from sandbox.world import World
from wire.server import Request, Response
from wire.stream import Event

TICKET = b"\x1b@\x1d!\x77A0001\n\x1d!\x00\x1dv0\x00\x02\x00\x02\x00\xff\x00\x00\xff\x1dVB\x03"


class Nothing:
    """A device or system that nobody uses here."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: {} if name in ("faults", "takes") else [] if name == "messages" else 0


@pytest.fixture
def printer() -> ReceiptPrinter:
    return ReceiptPrinter()


@pytest.fixture
def world(printer: ReceiptPrinter) -> Iterator[World]:
    nothing: Any = Nothing()
    made = World(all_people(), trust.create(), lambda _: b"", *[nothing] * 5, printer=printer)
    yield made
    made.events.close()


def asked(world: World, name: str) -> Response:
    call = routes(world, {})["GET", "/printer/ticket"]
    request = Request(
        method="GET", path="/printer/ticket", query={"name": name}, headers={"host": "localhost"}, body=b""
    )
    return call(request)


def test_the_desk_tells_what_came_out_and_shows_it(printer: ReceiptPrinter, world: World) -> None:
    assert world.state()["printed"] == []
    printer.received(TICKET)
    (ticket,) = world.state()["printed"]
    assert (ticket["digits"], ticket["cut"], ticket["unknown"]) == ("A0001", True, 0)
    answer = asked(world, str(ticket["name"]))
    assert answer.content_type == "image/png"
    with Image.open(BytesIO(answer.body)) as shown:
        assert shown.size == (576, 24 * 8 + 2)


@pytest.mark.parametrize("name", ["", "2", "-1", "9" * 30, "٣", "../../etc/passwd"])
def test_a_ticket_that_is_not_there_is_an_error(printer: ReceiptPrinter, world: World, name: str) -> None:
    printer.received(TICKET)
    with pytest.raises(UnknownTicket):
        asked(world, name)


def test_whoever_follows_is_told_of_a_ticket_that_came_out_by_itself(printer: ReceiptPrinter, world: World) -> None:
    stop = threading.Event()
    followed = world.events.follow(Event(name="state", data=world.state()))
    next(followed)
    thread = threading.Thread(target=world.follow, args=(stop,))
    thread.start()
    try:
        printer.received(TICKET)
        assert b'"digits":"A0001"' in next(followed)
    finally:
        stop.set()
        thread.join()


def test_only_the_last_tickets_are_kept(printer: ReceiptPrinter) -> None:
    for _ in range(KEPT + 3):
        printer.received(TICKET)
    assert [ticket.name for ticket in printer.tickets()] == list(range(4, KEPT + 4))
    assert printer.picture(1) is None


def test_no_host_makes_the_roll_longer_than_a_metre() -> None:
    roll = Roll(576)
    list(roll.feed(b"\x1bd\xff" * 1000 + b"\x1dv0\x00\x01\x00\xff\xff" + b"\x00" * 65535))
    assert roll.take().height <= MOST_LINES


def test_bytes_come_one_at_a_time_and_mean_the_same(printer: ReceiptPrinter) -> None:
    for byte in TICKET:
        printer.received(bytes([byte]))
    printer.received(TICKET)
    one, other = (printer.picture(ticket.name) for ticket in printer.tickets())
    assert one is not None
    assert other is not None
    assert one.tobytes() == other.tobytes()
