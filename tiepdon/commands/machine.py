"""`tiepdon machine`: let boards, kiosks and other systems in, list them, end them; as the page /machines does."""

import argparse
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from config.settings import load
from kiosk.clock import SystemClock
from kiosk.machines import CODE_SECONDS, Machine, Scope, open_machines
from tiepdon.commands.asking import add_answering, printed_as_json, site_zone, words_of

BY = "command"
ENTER = "/board/enter"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `machine` and its own commands."""
    machine = subparsers.add_parser("machine", help="boards, kiosks and other systems", description=__doc__)
    commands = machine.add_subparsers(metavar="ACTION", required=True)
    enrol = commands.add_parser("enrol", help="print a code that lets one machine in, once")
    listed = commands.add_parser("list", help="list the machines that are let in")
    revoke = commands.add_parser("revoke", help="end a machine's token at once")
    for one in (enrol, listed, revoke):
        one.add_argument("--config", type=Path, help="the site's settings file")
        add_answering(one)
    enrol.add_argument("name", help="what it is called; another machine of this name gives way")
    enrol.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        required=True,
        help="what its token is good for; may be given several times",
    )
    enrol.add_argument("--page", default="", metavar="PATH", help="where a board's browser goes on, as /board/hall")
    enrol.add_argument("--token", action="store_true", help="print the token itself: for a program on this machine")
    revoke.add_argument("name", help="as the list shows it")
    enrol.set_defaults(run=_run_enrol)
    listed.set_defaults(run=_run_list)
    revoke.set_defaults(run=_run_revoke)


def _run_enrol(options: argparse.Namespace) -> int:
    settings = load(options.config)
    words = words_of(options, settings)
    with closing(open_machines(settings, SystemClock())) as machines:
        code = machines.new_code(options.name, [Scope(one) for one in options.scope], BY, options.page)
        token = machines.enrol(code).token if options.token else None
    told = {"token": token} if token else {"code": code, "page": f"{ENTER}?code={code}", "seconds": CODE_SECONDS}
    if printed_as_json({"name": options.name, **told}, options):
        return 0
    sys.stdout.write((token or code) + "\n")
    how = "machine.command.token" if token else "machine.command.code"
    sys.stderr.write(words.get(how, name=options.name, minutes=CODE_SECONDS // 60, page=told.get("page", "")) + "\n")
    return 0


def _run_list(options: argparse.Namespace) -> int:
    settings = load(options.config)
    with closing(open_machines(settings, SystemClock())) as machines:
        known = machines.all()
    if printed_as_json({"machines": [_plain(one) for one in known]}, options):
        return 0
    words, zone = words_of(options, settings), site_zone(settings)
    for one in known:
        seen = f"{datetime.fromtimestamp(one.last_seen, zone):%Y-%m-%d %H:%M}" if one.last_seen is not None else ""
        sys.stdout.write(f"{seen or words.get('machines.never'):<16}  {' '.join(sorted(one.scopes)):<12}  {one.name}\n")
    if not known:
        sys.stderr.write(words.get("machine.command.nobody") + "\n")
    return 0


def _run_revoke(options: argparse.Namespace) -> int:
    settings = load(options.config)
    with closing(open_machines(settings, SystemClock())) as machines:
        name = machines.revoke_named(options.name, BY)
    if not printed_as_json({"revoked": name}, options):
        sys.stdout.write(words_of(options, settings).get("machine.command.revoked", name=name) + "\n")
    return 0


def _plain(machine: Machine) -> dict[str, object]:
    def moment(seconds: int | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

    return {
        "name": machine.name,
        "scopes": sorted(machine.scopes),
        "page": machine.page,
        "created_at": moment(machine.created_at),
        "created_by": machine.created_by,
        "last_seen": moment(machine.last_seen),
    }
