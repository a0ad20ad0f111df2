"""`tiepdon bridge`: the bridge process, and the integrator's view of what it sends and what it still owes."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from config.destinations import DestinationSettings, LocalAgentDestination
from config.settings import Settings, load
from hisbridge import connectors
from hisbridge.connectors.contract import Known
from hisbridge.enrichment import enriched
from hisbridge.errors import UnknownDestination
from tiepdon.commands import bridge_desk
from tiepdon.commands.record import EXIT_MALFORMED, malformed_line, read_record
from tiepdon.stopping import stop_on_signals
from wire.codec import from_plain, to_json
from wire.errors import MalformedMessage
from wire.log import set_up

_AGENT_WORDS = ("agent.", "error.agent.")  # keys of what the agent's own page says
_RENDER = """\
Read one PatientRecord as JSON on standard input and write exactly what the connector would send. HL7 v2 segments end
with CR; on a terminal each stands on its own line. Nothing is sent, no system is asked."""

_NOWHERE = {"base_url": "http://127.0.0.1"}
_FOLDER = {"folder": "/nowhere"}
_SECRET = {"secret_file": "/nowhere/secret"}
# What a destination of each kind needs at least: enough to render for it, never to send.
_USUAL: Mapping[str, Mapping[str, object]] = {
    "desk": {"base_url": "https://desk.example", "token_file": "token"},
    "hl7v2": {"host": "127.0.0.1", "port": 2575},
    "fhir": _NOWHERE,
    "rest": _NOWHERE,
    "webhook": {**_NOWHERE, **_SECRET},
    "dangky_kcb": {**_NOWHERE, **_SECRET, "merchant_id": "TIEPDON"},
    "file_drop": _FOLDER,
    "checkin_xml": _FOLDER,
    "local_agent": {},
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bridge` and its own commands."""
    bridge = subparsers.add_parser(
        "bridge", help="the bridge to hospital systems: serve, render, deliveries, audit", description=__doc__
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

    bridge_desk.register(commands)


def _run_serve(options: argparse.Namespace) -> int:
    # Imported here: the other actions must not load the HTTP client.
    from hisbridge.service import Surroundings, serve
    from kiosk.audit import noted
    from kiosk.clock import SystemClock
    from wire.systemd import taken_from

    settings = load(options.config)
    set_up(settings.log, "bridge")
    stop = stop_on_signals()
    words = _agent_words() if _has_agent(settings) else {}
    with noted(settings, "bridge", SystemClock()):
        serve(settings, stop, Surroundings(words=words, manager=taken_from(os.environ, os.getpid())))
    return 0


def _has_agent(settings: Settings) -> bool:
    return any(isinstance(destination, LocalAgentDestination) for destination in settings.destinations)


def _agent_words() -> dict[str, dict[str, str]]:
    """The words of the agent's own page, by language: hisbridge knows no catalogue."""
    from ui.words import LANGUAGES, Words, keys

    return {
        language: {key: Words(language).get(key) for key in keys(language) if key.startswith(_AGENT_WORDS)}
        for language in LANGUAGES
    }


def _run_render(options: argparse.Namespace) -> int:
    destination = _destination(options)
    connector = connectors.make(destination)
    try:
        body = connector.render(enriched(read_record(sys.stdin.buffer)), Known()) or b""
    except MalformedMessage as error:
        sys.stderr.write(malformed_line(error))
        return EXIT_MALFORMED
    if options.json:
        told = {"connector": options.connector, "content_type": connector.content_type, "body": body.decode()}
        sys.stdout.buffer.write(to_json(told) + b"\n")
    else:
        sys.stdout.buffer.write(body.replace(b"\r", b"\n") if sys.stdout.isatty() else body)
    return 0


def _destination(options: argparse.Namespace) -> DestinationSettings:
    """The destination to render for: the named one, the first that uses the connector, or a usual one."""
    settings = load(options.config)
    fitting = [one for one in settings.destinations if one.connector == options.connector]
    if options.destination is not None:
        for one in fitting:
            if one.name == options.destination:
                return one
        known = ", ".join(one.name for one in fitting)
        raise UnknownDestination(name=options.destination, known=known or None)
    return fitting[0] if fitting else usual(options.connector)


def usual(connector: str) -> DestinationSettings:
    """A destination of this kind as a site's settings would have it at least."""
    plain = [{"connector": connector, "name": "his", **_USUAL[connector]}]
    return from_plain(plain, list[DestinationSettings])[0]
