"""The controller and what is around a check-in: paper, copies for the staff, help, outages that outlive a restart."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, database_path, socket_path
from kiosk.clock import SystemClock
from kiosk.events import Cancelled, CounterTicketAsked, HelpAsked, PathChosen, PrintAgainAsked, ServiceChosen
from kiosk.help_calls import open_help_calls
from kiosk.outage import Outage
from kiosk.printing.errors import PrinterPaperOut
from kiosk.printing.paper import TicketPaper
from kiosk.printing.spool import PAPER_LOW, PrinterStatus
from kiosk.reprints import open_reprints
from kiosk.states import Help, NextPath, NoCard, OutOfOrder, Paper, Session, Start, TicketShown
from kiosk.store import Store, open_store
from tests.kiosk.running import Kiosk, running
from tests.kiosk.stubs import StubReader
from tests.kiosk.world import HandClock, rows, store_of
from tests.support.waiting import LONG_SECONDS, wait_until
from tiepdon.printing import make_printer
from wire.database import DatabaseUnavailable


class ScriptedPrinter:
    """Prints on a list; `wrong` is what it says instead, `gate` how long it takes."""

    def __init__(self) -> None:
        self.papers: list[tuple[str, TicketPaper]] = []
        self.wrong: PrinterPaperOut | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.looks = 0

    def status(self) -> PrinterStatus:
        self.looks += 1
        return PrinterStatus(True, PAPER_LOW) if self.wrong is None else PrinterStatus(False, self.wrong.code)

    def print(self, paper: TicketPaper) -> None:
        self._out("ticket", paper)

    def reprint(self, paper: TicketPaper) -> None:
        self._out("copy", paper)

    def _out(self, kind: str, paper: TicketPaper) -> None:
        assert self.gate.wait(LONG_SECONDS)
        self.papers.append((kind, paper))
        if self.wrong is not None:
            raise self.wrong


@pytest.fixture
def printer() -> ScriptedPrinter:
    return ScriptedPrinter()


def on_paper(kiosk: Kiosk, what: Paper) -> TicketShown:
    def so(session: Session) -> bool:
        return isinstance(session.state, TicketShown) and session.state.paper is what

    state = kiosk.until(TicketShown, so).state
    assert isinstance(state, TicketShown)
    return state


def requiring(settings: Settings, *devices: str) -> Settings:
    kiosk = msgspec.structs.replace(settings.kiosk, required_devices=devices)
    return msgspec.structs.replace(settings, kiosk=kiosk)


# Paper.


def test_the_number_is_durable_before_the_printer_hears_of_it(settings: Settings, printer: ScriptedPrinter) -> None:
    printer.gate.clear()
    with running(settings, SystemClock(), printer=printer) as kiosk:
        kiosk.controller.dispatch(CounterTicketAsked())
        shown = on_paper(kiosk, Paper.PRINTING)
        assert rows(settings, "SELECT number FROM tickets") == [(shown.ticket.number,)]
        assert printer.papers == []
        printer.gate.set()
        on_paper(kiosk, Paper.PRINTED)
        assert rows(settings, "SELECT printed_at NOTNULL, paper_code, paper_language FROM tickets") == [(1, None, "vi")]
        ((kind, paper),) = printer.papers
        assert (kind, paper.number, paper.code, paper.language) == ("ticket", "A0001", shown.ticket.ticket_id, "vi")
        assert (paper.site, paper.service, paper.needs_counter) == ("Bệnh viện Mẫu", "Khám bệnh", True)


def test_a_printer_without_paper_takes_no_number_from_anybody(settings: Settings, printer: ScriptedPrinter) -> None:
    printer.wrong = PrinterPaperOut()
    with running(settings, SystemClock(), printer=printer) as kiosk:
        kiosk.until(Start, lambda session: session.printer_problem == "printer.paper_out")
        kiosk.controller.dispatch(CounterTicketAsked())
        shown = kiosk.until(
            TicketShown, lambda now: isinstance(now.state, TicketShown) and now.state.paper_problem is not None
        ).state
        assert isinstance(shown, TicketShown)
        assert (shown.paper, shown.paper_problem) == (Paper.NONE, "printer.paper_out")
        assert rows(settings, "SELECT printed_at, paper_code FROM tickets") == [(None, "printer.paper_out")]
        printer.wrong = None
        kiosk.controller.dispatch(PrintAgainAsked())
        on_paper(kiosk, Paper.PRINTED)
        assert [kind for kind, _ in printer.papers] == ["ticket", "copy"]


def test_a_copy_that_a_counter_asks_for_comes_out_of_the_kiosk(settings: Settings, printer: ScriptedPrinter) -> None:
    with running(settings, SystemClock(), printer=printer) as kiosk:
        kiosk.controller.dispatch(CounterTicketAsked())
        ticket = on_paper(kiosk, Paper.PRINTED).ticket
        with closing(open_reprints(settings, SystemClock())) as counter:
            counter.ask(ticket.ticket_id, "lan.nt")
        wait_until(lambda: len(printer.papers) == 2, what="the copy")
        assert (printer.papers[1][0], printer.papers[1][1].number) == ("copy", "A0001")
        wait_until(lambda: rows(settings, "SELECT code FROM reprints WHERE done_at NOTNULL") == [(None,)], what="noted")


def test_a_ticket_whose_paper_was_never_begun_is_printed_after_the_restart(
    settings: Settings, printer: ScriptedPrinter
) -> None:
    with store_of(settings, HandClock(SystemClock().now())) as store:
        store.counter_ticket("before-1")
    with running(settings, SystemClock(), printer=printer) as kiosk:
        on_paper(kiosk, Paper.PRINTED)
    assert [kind for kind, _ in printer.papers] == ["ticket"]


def test_a_ticket_whose_paper_was_begun_is_not_printed_twice(settings: Settings, printer: ScriptedPrinter) -> None:
    with store_of(settings, HandClock(SystemClock().now())) as store:
        ticket = store.counter_ticket("before-1").ticket
    with closing(open_reprints(settings, SystemClock())) as paper:
        paper.begin_ticket(ticket.ticket_id, "vi")
    with running(settings, SystemClock(), printer=printer) as kiosk:
        assert kiosk.ticket().paper_problem == "printer.unknown"
        kiosk.until(TicketShown, lambda session: printer.looks == 0 or session.printer_seen)
    assert printer.papers == []


def test_the_real_printer_is_given_the_ticket(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "paper.bin"
    kind = msgspec.structs.replace(settings.kiosk.printer, kind="file", address=str(out))
    printing = msgspec.structs.replace(settings, kiosk=msgspec.structs.replace(settings.kiosk, printer=kind))
    with running(printing, SystemClock(), printer=make_printer(printing)) as kiosk:
        kiosk.controller.dispatch(CounterTicketAsked())
        on_paper(kiosk, Paper.PRINTED)
    assert b"A0001" in out.read_bytes()


# Help.


def test_help_reaches_the_counters_and_their_answer_the_screen(settings: Settings) -> None:
    with running(settings, SystemClock()) as kiosk, closing(open_help_calls(settings, SystemClock())) as counter:
        kiosk.controller.dispatch(PathChosen(NextPath.NO_CARD))
        kiosk.until(NoCard)
        kiosk.controller.dispatch(HelpAsked())
        kiosk.until(Help, lambda session: session.help_call is not None)
        (call,) = counter.open()
        assert (call.kiosk_id, call.screen) == (settings.site.kiosk_id, "no_card")
        counter.answer(call.call_id, "lan.nt")
        kiosk.until(Help, lambda session: session.state == Help(call.call_id, answered=True))


def test_help_that_the_database_does_not_take_is_no_dead_end(settings: Settings) -> None:
    with running(settings, SystemClock()) as kiosk:
        kiosk.until(Start)
        database_path(settings).rename(database_path(settings).with_suffix(".gone"))
        kiosk.controller.dispatch(HelpAsked())
        assert kiosk.until(Help).state == Help()


# Out of order.


def broken() -> Store:
    raise DatabaseUnavailable(why="broken")


def kept(settings: Settings) -> Callable[[], OutOfOrder | None]:
    return Outage(Path(settings.paths.state)).kept


def test_an_outage_outlives_a_restart_and_ends_when_a_look_shows_that_all_is_well(settings: Settings) -> None:
    with running(settings, SystemClock(), broken) as kiosk:
        kiosk.until(OutOfOrder)
    lost = OutOfOrder("database.unavailable")
    assert kept(settings)() == lost
    looked = threading.Event()

    def open_it() -> Store:
        assert looked.wait(LONG_SECONDS)
        return open_store(settings, SystemClock())

    starting = Kiosk(settings, SystemClock(), open_it)
    thread = threading.Thread(target=starting.controller.start)
    thread.start()
    wait_until(lambda: starting.session.state == lost, what="out of order from the first moment")
    looked.set()
    thread.join()
    starting.until(Start)
    wait_until(lambda: kept(settings)() is None, what="forgotten")
    starting.controller.stop()


def test_a_missing_device_is_kept_and_the_kiosk_comes_back_with_it(settings: Settings) -> None:
    needs = requiring(settings, "scanner")
    Outage(Path(settings.paths.state)).keep(OutOfOrder("scanner.missing", "scanner"))
    reader = StubReader()
    with reader.serving(socket_path(needs, "reader")), running(needs, SystemClock()) as kiosk:
        kiosk.until(OutOfOrder, lambda session: session.reader_ready)
        reader.sees(scanner=True)
        kiosk.until(Start)
        wait_until(lambda: kept(settings)() is None, what="forgotten")


def test_a_device_that_is_no_longer_required_keeps_nobody_out(settings: Settings) -> None:
    Outage(Path(settings.paths.state)).keep(OutOfOrder("scanner.missing", "scanner"))
    with running(settings, SystemClock()) as kiosk:
        kiosk.until(Start)


def test_a_required_printer_that_prints_again_ends_the_outage(settings: Settings, printer: ScriptedPrinter) -> None:
    Outage(Path(settings.paths.state)).keep(OutOfOrder("printer.paper_out", "printer"))
    printer.wrong = PrinterPaperOut()
    clock = HandClock()
    with running(requiring(settings, "printer"), clock, printer=printer) as kiosk:
        kiosk.until(OutOfOrder, lambda session: session.printer_seen)
        printer.wrong = None
        clock.seconds += 11
        kiosk.until(Start)


# What was chosen.


def test_what_was_chosen_is_committed(settings: Settings) -> None:
    first = settings.kiosk.services[0]
    more = (first, msgspec.structs.replace(first, code="THUOC", number_prefix="T", identity=False))
    chosen = msgspec.structs.replace(settings, kiosk=msgspec.structs.replace(settings.kiosk, services=more))
    with running(chosen, SystemClock()) as kiosk:
        kiosk.controller.dispatch(PathChosen(NextPath.NO_CARD))
        kiosk.controller.dispatch(ServiceChosen("THUOC"))
        assert kiosk.ticket().ticket.service_code == "THUOC"
        kiosk.controller.dispatch(Cancelled())
    assert rows(settings, "SELECT service_code, visit_id FROM tickets") == [("THUOC", None)]
