"""`tiepdon bridge`: the bridge process, and the integrator's view of what it sends and what it still owes."""

import argparse
import logging
import signal
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

from config.destinations import Destination, Hl7v2Destination
from config.settings import Settings, database_path, load
from hisbridge import connectors, outbox, outbox_desk
from hisbridge.connectors.contract import Known
from hisbridge.errors import UnknownDestination
from hisbridge.outbox_desk import Selection
from hisbridge.schema import MIGRATIONS
from tiepdon.commands.record import EXIT_MALFORMED, malformed_line, read_record
from wire.codec import to_json
from wire.database import DatabaseUnavailable, require
from wire.errors import MalformedMessage

_RENDER = """\
Read one PatientRecord as JSON on standard input and write exactly what the connector would send. HL7 v2 segments end
with CR; on a terminal each stands on its own line. Nothing is sent, no system is asked."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bridge` and its own commands."""
    bridge = subparsers.add_parser(
        "bridge", help="the bridge to hospital systems: serve, render, deliveries", description=__doc__
    )
    commands = bridge.add_subparsers(metavar="ACTION", required=True)

    serve = commands.add_parser("serve", help="the bridge process")
    serve.add_argument("--config", type=Path, help="the site's settings file")
    serve.set_defaults(run=_run_serve)

    render = commands.add_parser("render", help="print what a connector sends for a record", description=_RENDER)
    render.add_argument("connector", choices=sorted(connectors.CONNECTORS), help="name of the connector")
    render.add_argument("--config", type=Path, help="the site's settings file; without it a usual destination")
    render.add_argument("--destination", metavar="NAME", help="which destination of the settings (default: the first)")
    render.add_argument("--json", action="store_true", help='print {"connector", "content_type", "body"}')
    render.set_defaults(run=_run_render)

    deliveries = commands.add_parser("deliveries", help="list what is owed, delivered or refused, newest first")
    deliveries.add_argument("--config", type=Path, help="the site's settings file")
    deliveries.add_argument("--state", choices=[state.value for state in outbox.State], help="only these")
    deliveries.add_argument("--limit", type=int, default=100, help="at most so many (default: 100)")
    deliveries.add_argument("--json", action="store_true", help='print {"deliveries": [...]}')
    deliveries.set_defaults(run=_run_deliveries)


def _run_serve(options: argparse.Namespace) -> int:
    # Imported here: the other actions must not load the HTTP client.
    from hisbridge.service import serve

    settings = load(options.config)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, stop)
    return 0


def _run_render(options: argparse.Namespace) -> int:
    destination = _destination(options)
    connector = connectors.make(destination)
    try:
        body = connector.render(read_record(sys.stdin.buffer), Known()) or b""
    except MalformedMessage as error:
        sys.stderr.write(malformed_line(error))
        return EXIT_MALFORMED
    if options.json:
        told = {"connector": options.connector, "content_type": connector.content_type, "body": body.decode()}
        sys.stdout.buffer.write(to_json(told) + b"\n")
    else:
        sys.stdout.buffer.write(body.replace(b"\r", b"\n") if sys.stdout.isatty() else body)
    return 0


def _run_deliveries(options: argparse.Namespace) -> int:
    settings = load(options.config)
    state = outbox.State(options.state) if options.state else None
    with closing(_read_only(settings)) as connection:
        found = outbox_desk.list_deliveries(connection, Selection(states=(state,) if state else ()), options.limit)
    if options.json:
        sys.stdout.buffer.write(to_json({"deliveries": found}) + b"\n")
        return 0
    for one in found:
        told = " ".join(part for part in (one.last_error, one.receipt) if part) or "-"
        columns = (one.created_at, f"{one.destination:<12}", f"{one.state.value:<12}", f"{one.attempts:>3}")
        sys.stdout.write("  ".join((*columns, one.record_id, told)) + "\n")
    return 0


def _destination(options: argparse.Namespace) -> Destination:
    """The destination to render for: the named one, the first that uses the connector, or a usual one."""
    settings = load(options.config)
    fitting = [one for one in settings.destinations if one.connector == options.connector]
    if options.destination is not None:
        for one in fitting:
            if one.name == options.destination:
                return one
        known = ", ".join(one.name for one in fitting)
        raise UnknownDestination(name=options.destination, known=known or None)
    return fitting[0] if fitting else Hl7v2Destination(name="his", host="127.0.0.1", port=2575)


def _read_only(settings: Settings) -> sqlite3.Connection:
    """The database for looking only: works beside the running processes and without them."""
    path = database_path(settings)
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
        connection.row_factory = sqlite3.Row
        require(connection, MIGRATIONS)
        connection.execute("SELECT 1 FROM deliveries LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise DatabaseUnavailable(why=str(error)) from None
    return connection
