"""`tiepdon bridge deliveries`, `retry`, `replay`, `pause` and the like: the message desk without a browser.

Each asks the running bridge, and works on the database itself where none runs.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings, load
from hisbridge.desk import ActRequest, Message, MessageRequest, SwitchRequest, moment_of
from hisbridge.desk_records import DeskAct, Selection
from hisbridge.errors import UnknownDestination
from hisbridge.outbox import State
from hisbridge.values import PersonalId
from tiepdon.commands.asking import (
    add_answering,
    at_site,
    moment,
    number,
    printed_as_json,
    site_zone,
    user,
    words_of,
)
from tiepdon.commands.bridge_line import Line
from tiepdon.commands.bridge_tables import audit_lines, delivery_lines, probe_lines
from wire.codec import from_plain
from wire.errors import MalformedMessage

EXIT_FAILED = 1

_ACTS = {
    DeskAct.RETRY: "send again what ended badly, and at once what waits for its next attempt",
    DeskAct.REPLAY: "send again what was acknowledged: for a receiver that lost it",
    DeskAct.HOLD: "keep back what waits",
    DeskAct.RELEASE: "let go out what was held",
    DeskAct.CANCEL: "give up what is held or ended badly: it was entered by hand",
    DeskAct.COMPLETE: "say that somebody has completed what was open in acknowledged deliveries",
}
_SELECT = """\
Deliveries are named by their numbers or by what they have in common; every part that is given narrows the selection,
and without any nothing is done. Times without an offset are the site's own."""

_AUDIT = """\
Every act on deliveries, every message that was shown whole, every pause and pairing code, newest first: who, when, and
what was meant. A person is named by key, never by number or name. Times without an offset are the site's own."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the desk's commands to those of `bridge`."""
    deliveries = commands.add_parser("deliveries", help="list what is owed, delivered or refused, newest first")
    _add_usual(deliveries)
    _add_selection(deliveries)
    deliveries.add_argument(
        "--before", type=number, metavar="NUMBER", help="only those with a smaller number: next page"
    )
    deliveries.add_argument("--limit", type=number, default=100, help="at most so many (default: 100)")
    deliveries.set_defaults(run=_run_deliveries)

    for act, summary in _ACTS.items():
        parser = commands.add_parser(act.value, help=summary, description=f"{summary.capitalize()}. {_SELECT}")
        parser.add_argument("numbers", nargs="*", type=number, metavar="NUMBER", help="numbers of deliveries")
        _add_usual(parser)
        _add_selection(parser)
        parser.add_argument("--personal-id", type=_personal_id, metavar="NUMBER", help="only this person's, 12 digits")
        parser.add_argument("--by", default=user(), help="who does it, for the audit (default: the account)")
        parser.add_argument("--yes", action="store_true", help="do it: on a terminal it is only counted without this")
        parser.set_defaults(run=_run_act, act=act)

    pause = commands.add_parser("pause", help="send nothing more to a destination until resume")
    resume = commands.add_parser("resume", help="go on sending to a destination that was paused or stopped")
    for parser, switch in ((pause, Line.pause), (resume, Line.resume)):
        parser.add_argument("destination", help="its name in the settings")
        _add_usual(parser)
        parser.add_argument("--why", default="", help="shown to whoever looks")
        parser.add_argument("--by", default=user(), help="who does it, for the audit (default: the account)")
        parser.set_defaults(run=_run_switch, switch=switch, name="pause" if parser is pause else "resume")

    probe = commands.add_parser("probe", help="reach a destination, or each, without sending anything")
    probe.add_argument("destination", nargs="?", help="its name in the settings (default: all)")
    _add_usual(probe)
    probe.set_defaults(run=_run_probe)

    message = commands.add_parser("message", help="show what is sent for a delivery, the person hidden")
    message.add_argument("number", type=number, metavar="NUMBER", help="number of the delivery")
    _add_usual(message)
    message.add_argument("--whole", action="store_true", help="with the person: it is written down who asked")
    message.add_argument("--by", default=user(), help="who asks, for the audit (default: the account)")
    message.set_defaults(run=_run_message)

    audit = commands.add_parser(
        "audit", help="list who did what, and who asked to see a person's message", description=_AUDIT
    )
    _add_usual(audit)
    audit.add_argument("--since", type=moment, metavar="TIME", help="only at or after: 2026-11-21 or 2026-11-21T07:00")
    audit.add_argument("--limit", type=number, default=100, help="at most so many (default: 100)")
    audit.set_defaults(run=_run_audit)


def _add_usual(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    states = [state.value for state in State]
    parser.add_argument("--state", action="append", choices=states, default=[], help="only these; may be repeated")
    parser.add_argument("--destination", metavar="NAME", help="only for this one")
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="only made at or after: 2026-11-21 or 2026-11-21T07:00"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="only made before")
    parser.add_argument("--record-id", metavar="ID", help="only of this visit")
    parser.add_argument("--open-work", action="store_true", help="only those that somebody still has to complete")


def _run_deliveries(options: argparse.Namespace) -> int:
    settings = load(options.config)
    selection = Selection(
        states=tuple(State(state) for state in options.state),
        destination=options.destination,
        since=moment_of(at_site(options.since, settings), "since"),
        until=moment_of(at_site(options.until, settings), "until"),
        record_id=options.record_id,
        before=options.before,
        open_work=options.open_work,
    )
    found = Line(settings).deliveries(selection, options.limit)
    if not found.deliveries:
        _check_name(settings, options.destination)
    if printed_as_json(found, options):
        return 0
    for line in delivery_lines(found.deliveries, words_of(options, settings), site_zone(settings)):
        _print(line)
    return 0


def _run_audit(options: argparse.Namespace) -> int:
    settings = load(options.config)
    found = Line(settings).audit(moment_of(at_site(options.since, settings), "since"), options.limit)
    if not printed_as_json(found, options):
        for line in audit_lines(found.entries, words_of(options, settings), site_zone(settings)):
            _print(line)
    return 0


def _run_act(options: argparse.Namespace) -> int:
    settings = load(options.config)
    words, line = words_of(options, settings), Line(settings)
    asked = ActRequest(
        act=options.act,
        by=options.by,
        numbers=tuple(options.numbers),
        destination=options.destination,
        states=tuple(State(state) for state in options.state),
        since=at_site(options.since, settings),
        until=at_site(options.until, settings),
        personal_id=options.personal_id,
        record_id=options.record_id,
        open_work=options.open_work,
    )
    if sys.stdin.isatty() and not options.yes:
        would = line.count(asked)
        if not would.changed:
            _check_name(settings, options.destination)
        if not printed_as_json(would, options):
            _print(words.get(f"bridge.would.{options.act}", count=would.changed))
            _print(words.get("bridge.add_yes"))
        return EXIT_FAILED
    done = line.act(asked)
    if not done.changed:
        _check_name(settings, options.destination)
    if not printed_as_json(done, options):
        _print(words.get(f"bridge.did.{options.act}", count=done.changed))
    return 0


def _run_switch(options: argparse.Namespace) -> int:
    settings = load(options.config)
    asked = SwitchRequest(destination=options.destination, why=options.why, by=options.by)
    switch: Callable[[Line, SwitchRequest], object] = options.switch
    done = switch(Line(settings), asked)
    if not printed_as_json(done, options):
        _print(words_of(options, settings).get(f"bridge.did.{options.name}", destination=options.destination))
    return 0


def _run_probe(options: argparse.Namespace) -> int:
    settings = load(options.config)
    line, kinds = Line(settings), {one.name: one.connector for one in settings.destinations}
    names = [options.destination] if options.destination else list(kinds)
    found = {name: line.probe(SwitchRequest(destination=name)) for name in names}
    if not printed_as_json({"destinations": found}, options):
        for told in probe_lines(found, kinds, words_of(options, settings)):
            _print(told)
    return 0 if all(done.ok for done in found.values()) else EXIT_FAILED


def _run_message(options: argparse.Namespace) -> int:
    settings = load(options.config)
    found: Message = Line(settings).message(MessageRequest(number=options.number, whole=options.whole, by=options.by))
    if not printed_as_json(found, options):
        terminal = sys.stdout.isatty()
        sys.stdout.buffer.write((found.body.replace("\r", "\n") if terminal else found.body).encode())
        if found.masked and terminal:
            sys.stderr.write(words_of(options, settings).get("bridge.masked") + "\n")
    return 0


def _check_name(settings: Settings, name: str | None) -> None:
    """Nothing was found under it: a slip of the pen must not look like an empty outbox. Raises UnknownDestination."""
    known = [one.name for one in settings.destinations]
    if name is not None and name not in known:
        raise UnknownDestination(name=name[:50], known=", ".join(known) or None)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _personal_id(text: str) -> str:
    try:
        return from_plain(text, PersonalId)
    except MalformedMessage:
        raise argparse.ArgumentTypeError("12 digits") from None
