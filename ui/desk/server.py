"""The desk process: gunicorn with one worker of threads, on the staff's address, with TLS where others reach it.

One worker, because streams and what waits for a confirmation live in memory; threads, because each open stream holds
one. The arbiter only listens and restarts, so Flask and the pages are loaded in the worker alone.
"""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from config.settings import Settings, socket_path
from ui.arbiter import run_attended
from ui.desk.hosts import allowed_hosts, tls_context
from ui.desk.streams import MOST
from ui.server_log import SharedLog
from wire.errors import TiepDonError
from wire.systemd import Manager

if TYPE_CHECKING:
    from flask import Flask

THREADS = MOST + 40  # so that all streams together leave this many for everything else
GRACEFUL_SECONDS = 3


class NoAddress(TiepDonError):
    """The settings name no address for the staff."""

    code = "desk.no_address"


class DeskServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, configured in code: no file, environment or argument of its own changes it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__(prog="tiepdon desk")

    def load_config(self) -> None:
        from ui.desk.worker import DeskWorker

        staff, unix = self._settings.staff, socket_path(self._settings, "desk")
        unix.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        tls = {"certfile": staff.certificate_file, "keyfile": staff.key_file, "ssl_context": self._tls}
        for name, value in {
            "bind": [staff.listen, f"unix:{unix}"],
            "umask": 0o077,  # the Unix socket is ours alone
            "workers": 1,
            "threads": THREADS,
            "worker_class": DeskWorker,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 0,  # a kept connection would delay every stop
            "timeout": 30,
            "backlog": 128,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "logger_class": SharedLog,
            "control_socket_disable": True,
            "limit_request_line": 4094,  # an identity provider's code may have some 2000 letters
            "limit_request_fields": 40,
            "limit_request_field_size": 4096,
            "worker_exit": _end_streams,
            **(tls if staff.certificate_file else {}),
        }.items():
            if name in self.cfg.settings:  # `control_socket_disable` came with gunicorn 25
                self.cfg.set(name, value)

    def _tls(self, _: Any, __: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return tls_context(self._settings.staff)

    def load(self) -> "Flask":
        """The application with all its parts; runs in the worker."""
        from ui.desk.parts import desk_of

        return desk_of(self._settings)


def serve(settings: Settings, manager: Manager | None = None) -> None:
    """Serve the staff's pages on `staff.listen` and RUN/desk.sock until told to stop; ends the process.

    `manager`: who started the process. Raises NoAddress, CertificateUnusable.
    """
    if not settings.staff.listen:
        raise NoAddress
    allowed_hosts(settings.staff)  # here, where it can still be told in words
    if settings.staff.certificate_file:
        tls_context(settings.staff)
    run_attended(DeskServer(settings), manager or Manager(), socket_path(settings, "desk"))


def _end_streams(_: Any, worker: Any) -> None:
    """However the worker ends, also orphaned or interrupted: no stream may outlive it, its thread would keep it."""
    from ui.desk.worker import end_streams

    if worker.wsgi is not None:
        end_streams(worker.wsgi)
