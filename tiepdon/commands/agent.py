"""`tiepdon agent`: pairing codes for pages at the counter, and the typing helper of a clerk's own session."""

import argparse
import http.client
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.destinations import LocalAgentDestination
from config.settings import Settings, database_path, load
from hisbridge.agent import keyboard, pairing, typing
from hisbridge.agent.errors import AgentNoOffer, AgentUnreachable, UnknownScreen
from hisbridge.agent.typing import Block
from hisbridge.desk import open_outbox
from hisbridge.errors import UnknownDestination
from hisbridge.site_time import SiteTime
from wire.codec import from_plain, to_json
from wire.errors import RemoteError

_TYPE = """\
Take the record that is on offer and type it, field by field, into the window that has the focus: texts and Tab only,
never Enter; saving stays the clerk's own act. Runs in the clerk's session (X11 with xdotool, or Wayland with wtype).
Turn off any input method that composes Vietnamese: it would compose what is typed a second time."""
ANSWER_SECONDS = 10.0


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `agent` and its own commands."""
    agent = subparsers.add_parser("agent", help="the local agent: pair a page, type for a clerk", description=__doc__)
    commands = agent.add_subparsers(metavar="ACTION", required=True)

    pair = commands.add_parser("pair", help="print a code that pairs one page")
    listed = commands.add_parser("pairings", help="list the pages that are paired")
    unpair = commands.add_parser("unpair", help="end pairings")
    for one in (pair, listed, unpair):
        one.add_argument("--config", type=Path, help="the site's settings file")
        one.add_argument("--destination", metavar="NAME", help="which local agent (default: the first)")
    unpair.add_argument("--origin", help="of this page only (default: of all)")
    pair.set_defaults(run=_run_pair)
    listed.set_defaults(run=_run_pairings)
    unpair.set_defaults(run=_run_unpair)

    types = commands.add_parser("type", help="type the record on offer into the focused window", description=_TYPE)
    types.add_argument("--url", default="http://127.0.0.1:8000", help="the agent (default: %(default)s)")
    types.add_argument("--token-file", type=Path, required=True, help="where this program's pairing is kept")
    types.add_argument("--pair", metavar="CODE", help="pair this program first")
    types.add_argument("--screen", help="name of the screen (default: the only one)")
    types.add_argument("--after", type=float, default=3.0, metavar="SECONDS", help="time to put the cursor in place")
    types.set_defaults(run=_run_type)
    for one in (pair, listed, unpair, types):
        one.add_argument("--json", action="store_true", help="print one JSON object")


def _run_pair(options: argparse.Namespace) -> int:
    settings = load(options.config)
    destination = _destination(settings, options.destination)
    with closing(open_outbox(database_path(settings))) as connection:
        now = SiteTime(settings.site.utc_offset_minutes).now()
        code = pairing.new_code(connection, destination.name, now, destination.pairing_seconds)
    if options.json:
        told = {"code": code, "destination": destination.name, "seconds": destination.pairing_seconds}
        sys.stdout.write(json.dumps(told) + "\n")
        return 0
    minutes = round(destination.pairing_seconds / 60, 1)
    sys.stdout.write(f"{code[:3]} {code[3:]}\n")
    sys.stderr.write(f"pairs one page with {destination.name} within {minutes:g} minutes\n")
    return 0


def _run_pairings(options: argparse.Namespace) -> int:
    settings = load(options.config)
    with closing(open_outbox(database_path(settings))) as connection:
        known = pairing.pairings(connection, options.destination)
    if options.json:
        sys.stdout.buffer.write(to_json({"pairings": known}) + b"\n")
        return 0
    for one in known:
        sys.stdout.write(f"{one.paired_at}  {one.destination:<12}  {one.origin or '(program)'}\n")
    return 0


def _run_unpair(options: argparse.Namespace) -> int:
    settings = load(options.config)
    destination = _destination(settings, options.destination)
    with closing(open_outbox(database_path(settings))) as connection:
        ended = pairing.unpair(connection, destination.name, options.origin)
    sys.stdout.write(json.dumps({"ended": ended}) + "\n" if options.json else f"{ended}\n")
    return 0


def _run_type(options: argparse.Namespace) -> int:
    if options.pair:
        token = _call(options.url, "", "POST", "/v1/pair", {"code": options.pair})["token"]
        options.token_file.touch(mode=0o600)
        options.token_file.write_text(token, "utf-8")
    token = options.token_file.read_text("utf-8").strip()
    screen = _screen(_call(options.url, token, "GET", "/v1/screens")["screens"], options.screen)
    board = keyboard.keyboard(screen["delay_ms"])
    if method := keyboard.input_method():
        sys.stderr.write(f"this session uses the input method {method}: turn it off, or it may change what is typed\n")
    time.sleep(options.after)
    # Before the record is taken: nothing is lost when the cursor stands elsewhere.
    keyboard.press(board, (), screen["window"])
    offers = _call(options.url, token, "GET", "/v1/waiting")["offers"]
    if not offers:
        raise AgentNoOffer()
    told = _call(options.url, token, "POST", "/v1/take/blocks", {"offer": offers[0]["offer"], "screen": screen["name"]})
    try:
        keyboard.press(board, typing.keys(from_plain(told["blocks"], list[Block])), screen["window"])
    finally:
        board.close()
    if options.json:
        sys.stdout.write(json.dumps({"screen": screen["name"], "fields": len(told["blocks"])}) + "\n")
    return 0


def _screen(known: list[dict[str, Any]], name: str | None) -> dict[str, Any]:
    fitting = [one for one in known if name in (None, one["name"])]
    if len(fitting) != 1:
        raise UnknownScreen(name=name, known=", ".join(one["name"] for one in known) or None)
    return fitting[0]


def _destination(settings: Settings, name: str | None) -> LocalAgentDestination:
    fitting = [one for one in settings.destinations if isinstance(one, LocalAgentDestination)]
    for one in fitting:
        if name in (None, one.name):
            return one
    raise UnknownDestination(name=name, known=", ".join(one.name for one in fitting) or None)


def _call(url: str, token: str, method: str, path: str, body: Any = None) -> Any:
    """One call to the agent. Raises RemoteError, AgentUnreachable."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise AgentUnreachable(why="not an http address")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    sent = None if body is None else json.dumps(body)
    try:
        with closing(http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=ANSWER_SECONDS)) as line:
            line.request(method, path, sent, headers)
            answer = line.getresponse()
            told = json.loads(answer.read(1 << 20))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AgentUnreachable(why=type(error).__name__) from None
    if answer.status != 200:
        raise RemoteError(str(told.get("code")), bool(told.get("retriable")))
    return told
