"""A controller at work on a real database, between whatever stands at its sockets."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import UnionType

from config.settings import Settings, socket_path
from kiosk.clock import Clock
from kiosk.controller import Controller
from kiosk.paper_lane import TicketPrinter
from kiosk.states import Session, Start, State, TicketShown
from kiosk.store import Store, open_store
from tests.support.waiting import BUSY_SECONDS
from wire.client import Client


class Kiosk:
    """A running controller and what surrounds it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        open_it: Callable[[], Store] | None = None,
        printer: TicketPrinter | None = None,
    ) -> None:
        self.settings = settings
        self.controller = Controller(
            settings,
            clock,
            open_it or (lambda: open_store(settings, clock)),
            Client(socket_path(settings, "reader")),
            Client(socket_path(settings, "bridge")),
            probe_seconds=0.05,
            printer=printer,
        )

    @property
    def session(self) -> Session:
        return self.controller.snapshot()[1]

    def until(self, kind: type[State] | UnionType, condition: Callable[[Session], bool] = lambda _: True) -> Session:
        """Follow the session as the page does until it is in such a state."""
        end = time.monotonic() + BUSY_SECONDS
        version, session = self.controller.snapshot()
        while not (isinstance(session.state, kind) and condition(session)):
            assert time.monotonic() < end, f"never {kind}, but {type(session.state).__name__}"
            version, session = self.controller.wait_for_change(version, 0.2)
        return session

    def ticket(self) -> TicketShown:
        state = self.until(TicketShown).state
        assert isinstance(state, TicketShown)
        return state


@contextmanager
def running(
    settings: Settings,
    clock: Clock,
    open_it: Callable[[], Store] | None = None,
    printer: TicketPrinter | None = None,
) -> Iterator[Kiosk]:
    """A kiosk that is started, and stopped in any case."""
    kiosk = Kiosk(settings, clock, open_it, printer)
    kiosk.controller.start()
    try:
        yield kiosk
    finally:
        kiosk.controller.stop()


def ready(kiosk: Kiosk) -> None:
    """The reader has told that it is there."""
    kiosk.until(Start, lambda session: session.reader_ready)
