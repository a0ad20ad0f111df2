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

from hisbridge.agent import keyboard, typing
from hisbridge.agent.errors import AgentNoOffer, AgentUnreachable, TokenUnusable, UnknownScreen
from hisbridge.agent.typing import Block
from tiepdon.commands import agent_pairing
from wire.codec import from_plain
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

    agent_pairing.register(commands)

    types = commands.add_parser("type", help="type the record on offer into the focused window", description=_TYPE)
    types.add_argument("--url", default="http://127.0.0.1:8000", help="the agent (default: %(default)s)")
    types.add_argument("--token-file", type=Path, required=True, help="where this program's pairing is kept")
    types.add_argument("--pair", metavar="CODE", help="pair this program first")
    types.add_argument("--screen", help="name of the screen (default: the only one)")
    types.add_argument("--after", type=float, default=3.0, metavar="SECONDS", help="time to put the cursor in place")
    types.set_defaults(run=_run_type)
    types.add_argument("--json", action="store_true", help="print one JSON object")


def _run_type(options: argparse.Namespace) -> int:
    token = _paired(options.url, options.token_file, options.pair) if options.pair else _kept(options.token_file)
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


def _paired(url: str, file: Path, code: str) -> str:
    """Pair this program and keep its token. Raises TokenUnusable, AgentUnreachable, RemoteError.

    The file first: a code works once, and a token that cannot be kept would be lost with it.
    """
    try:
        file.touch(mode=0o600)
        token = str(_call(url, "", "POST", "/v1/pair", {"code": code})["token"])
        file.write_text(token, "utf-8")
    except OSError as error:
        raise TokenUnusable(file=str(file), why=error.strerror) from None
    return token


def _kept(file: Path) -> str:
    """The token of an earlier pairing. Raises TokenUnusable."""
    try:
        token = file.read_text("ascii").strip()
    except FileNotFoundError:
        raise TokenUnusable(file=str(file), why="missing") from None
    except OSError as error:
        raise TokenUnusable(file=str(file), why=error.strerror) from None
    except ValueError:
        token = ""
    if not token.isprintable() or not token:
        raise TokenUnusable(file=str(file), why="no token")
    return token


def _screen(known: list[dict[str, Any]], name: str | None) -> dict[str, Any]:
    fitting = [one for one in known if name in (None, one["name"])]
    if len(fitting) != 1:
        raise UnknownScreen(name=name, known=", ".join(one["name"] for one in known) or None)
    return fitting[0]


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
