"""What the counter's pages stand on: the day's records, the queue, the questions to the bridge, and who may be called.

Must not import Flask.
"""

from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings, socket_path
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion
from kiosk.accounts import Accounts, open_accounts
from kiosk.clock import Clock
from kiosk.counter import Counter, open_counter
from kiosk.counter_asking import Asking
from kiosk.counter_edit import CounterEdit, open_edit
from kiosk.counter_entry import CounterEntry, open_entry
from kiosk.help_calls import HelpCalls, open_help_calls
from kiosk.queue.desk import Queue, open_queue
from kiosk.reprints import open_reprints
from kiosk.store import Store, open_store
from kiosk.visit_views import VisitViews, open_visit_views
from wire.client import Client


@dataclass(frozen=True)
class Desk:
    """`set_place` keeps the counter somebody chose with their session; `reprint` asks for a ticket's second copy by
    account (None: there is no printer)."""

    counter: Counter
    queue: Queue
    help: HelpCalls
    store: Store
    entry: CounterEntry
    edit: CounterEdit
    views: VisitViews
    accounts: Accounts
    clock: Clock
    ask: Callable[[CoverageQuestion], Coverage]
    look_up: Callable[[CitizenQuestion], Citizen]
    ask_seconds: float
    set_place: Callable[[str, str], None]
    reprint: Callable[[str, str], object] | None = None

    def close(self) -> None:
        """Let the database go."""
        for part in (self.counter, self.queue, self.help, self.entry, self.edit, self.views, self.accounts, self.store):
            part.close()


def open_desk(settings: Settings, clock: Clock, set_place: Callable[[str, str], None]) -> Desk:
    """The desk on the site's database and the bridge's socket. Raises DatabaseUnavailable, DatabaseOutdated."""
    asking = Asking(Client(socket_path(settings, "bridge")), settings, clock)
    store = open_store(settings, clock)
    printing = settings.kiosk.printer.kind != "none"
    return Desk(
        counter=open_counter(settings, clock),
        queue=open_queue(settings, clock),
        help=open_help_calls(settings, clock),
        store=store,
        entry=open_entry(settings, store, clock),
        edit=open_edit(settings, clock),
        views=open_visit_views(settings, clock),
        accounts=open_accounts(settings, clock),
        clock=clock,
        ask=asking.ask,
        look_up=asking.citizen,
        ask_seconds=asking.seconds,
        set_place=set_place,
        reprint=open_reprints(settings, clock).ask if printing else None,
    )
