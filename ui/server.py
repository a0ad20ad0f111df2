"""The kiosk process: gunicorn with one worker of threads, the real controller inside it.

One worker, because there is one screen and one state; threads, because each open stream holds one. The arbiter only
listens and restarts, so Flask and the controller are loaded in the worker alone.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from config.settings import Settings, socket_path
from ui.arbiter import run_attended
from ui.farewell import FarewellWorker
from ui.neighbours import user_of, welcome
from ui.server_log import SharedLog
from wire.systemd import Manager

if TYPE_CHECKING:
    from flask import Flask

    from kiosk.paper_lane import TicketPrinter

MakePrinter = Callable[[Settings], "TicketPrinter | None"]

THREADS = 16  # of which open streams may hold 6 (ui.touchscreen.stream)
GRACEFUL_SECONDS = 3
STREAMS = "tiepdon.streams"
CONTROLLER = "tiepdon.controller"
USERS = "tiepdon.users"
DATABASE = "tiepdon.database"
TALLY = "tiepdon.tally"


class PageWorker(FarewellWorker):
    """A worker that hears the panel's own user alone (ui/neighbours.py), and ends its open streams when it is told to
    stop: they would otherwise outlast any patience."""

    def enqueue_req(self, conn: Any) -> None:
        users = self.wsgi.extensions[USERS]
        if users is not None and isinstance(conn.client, tuple) and user_of(conn.sock) not in users:
            self.nr_conns -= 1
            conn.close()
            return
        super().enqueue_req(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive and self.wsgi is not None:
            _end_streams(self.wsgi)
        super().handle_exit(sig, frame)


class KioskServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, configured in code: no file, environment or argument of its own changes it."""

    def __init__(self, settings: Settings, make_printer: MakePrinter) -> None:
        self._settings = settings
        self._make_printer = make_printer
        super().__init__(prog="tiepdon kiosk")

    def load_config(self) -> None:
        socket = socket_path(self._settings, "kiosk")
        socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, value in {
            "bind": [self._settings.kiosk.listen, f"unix:{socket}"],
            "umask": 0o077,  # the Unix socket is ours alone
            "workers": 1,
            "threads": THREADS,
            "worker_class": PageWorker,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 0,  # a kept connection would delay every stop
            "timeout": 30,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "logger_class": SharedLog,
            "control_socket_disable": True,
            "limit_request_line": 2048,
            "limit_request_fields": 40,
            "limit_request_field_size": 4096,
            "worker_exit": _stop_controller,
        }.items():
            if name in self.cfg.settings:  # `control_socket_disable` came with gunicorn 25
                self.cfg.set(name, value)

    def load(self) -> "Flask":
        """The application on a started controller; runs in the worker."""
        from kiosk.clock import SystemClock
        from kiosk.connection import site_database
        from kiosk.controller import Controller
        from kiosk.database_look import DatabaseLook
        from kiosk.statistics_events import tallying
        from kiosk.store import open_store
        from kiosk.watching import Watching
        from ui.app import Care, create_app
        from ui.health import answers
        from ui.touchscreen.stream import Streams
        from wire.client import Client
        from wire.meter import Meter
        from wire.tally import Tally

        settings, clock, streams = self._settings, SystemClock(), Streams()
        meter, database, bridge = Meter(), DatabaseLook(settings), Client(socket_path(settings, "bridge"))
        tally = Tally(site_database(settings), clock.now, settings.site.utc_offset_minutes, settings.site.kiosk_id)
        controller = Controller(
            settings,
            clock,
            lambda: open_store(settings, clock),
            reader=Client(socket_path(settings, "reader")),
            bridge=bridge,
            printer=self._make_printer(settings),
            observe=tallying(tally.add, Watching(meter)),
        )
        app = create_app(settings, controller, streams, Care(meter, clock.monotonic, database, answers(bridge)))
        app.extensions[STREAMS] = streams
        app.extensions[CONTROLLER] = controller
        app.extensions[USERS] = welcome(settings)
        app.extensions[DATABASE] = database
        app.extensions[TALLY] = tally
        controller.start()
        tally.begin()
        return app


def serve(settings: Settings, make_printer: MakePrinter, manager: Manager | None = None) -> None:
    """Serve the pages on `kiosk.listen` and RUN/kiosk.sock until told to stop; ends the process.

    `make_printer`: the ticket printer of the settings, None where there is none; called in the worker. `manager`: who
    started the process.
    """
    run_attended(KioskServer(settings, make_printer), manager or Manager(), socket_path(settings, "kiosk"))


def _end_streams(app: Any) -> None:
    app.extensions[STREAMS].close()


def _stop_controller(_: Any, worker: Any) -> None:
    """However the worker ends, also orphaned or interrupted: no stream may outlive it, its thread would keep it."""
    if worker.wsgi is not None:
        _end_streams(worker.wsgi)
        worker.wsgi.extensions[CONTROLLER].stop()
        worker.wsgi.extensions[TALLY].end()
        worker.wsgi.extensions[DATABASE].close()
