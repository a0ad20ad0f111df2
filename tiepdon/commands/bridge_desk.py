"""`tiepdon bridge deliveries`, `retry`, `replay`, `pause` and the like: the message desk without a browser.

Each asks the running bridge, and works on the database itself where none runs.
"""

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from config.settings import Settings, load
from hisbridge.desk import ActRequest, Message, MessageRequest, SwitchRequest, moment_of
from hisbridge.outbox import State
from hisbridge.outbox_desk import DeskAct, Selection
from hisbridge.values import PersonalId
from tiepdon.commands.bridge_line import Line
from tiepdon.commands.lookup import LANGUAGES
from ui.words import Words, error_words
from wire.codec import from_plain, to_json
from wire.errors import MalformedMessage

EXIT_FAILED = 1

_ACTS = {
    DeskAct.RETRY: "send again what ended badly, and at once what waits for its next attempt",
    DeskAct.REPLAY: "send again what was acknowledged: for a receiver that lost it",
    DeskAct.HOLD: "keep back what waits",
    DeskAct.RELEASE: "let go out what was held",
    DeskAct.CANCEL: "give up what is held or ended badly: it was entered by hand",
}
_SELECT = """\
Deliveries are named by their numbers or by what they have in common; every part that is given narrows the selection,
and without any nothing is done. Times without an offset are the site's own."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the desk's commands to those of `bridge`."""
    deliveries = commands.add_parser("deliveries", help="list what is owed, delivered or refused, newest first")
    _add_usual(deliveries)
    _add_selection(deliveries)
    deliveries.add_argument("--before", type=int, metavar="NUMBER", help="only those with a smaller number: next page")
    deliveries.add_argument("--limit", type=int, default=100, help="at most so many (default: 100)")
    deliveries.set_defaults(run=_run_deliveries)

    for act, summary in _ACTS.items():
        parser = commands.add_parser(act.value, help=summary, description=f"{summary.capitalize()}. {_SELECT}")
        parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="numbers of deliveries")
        _add_usual(parser)
        _add_selection(parser)
        parser.add_argument("--personal-id", type=_personal_id, metavar="NUMBER", help="only this person's, 12 digits")
        parser.add_argument("--by", default=_user(), help="who does it, for the audit (default: the account)")
        parser.add_argument("--yes", action="store_true", help="do it: on a terminal it is only counted without this")
        parser.set_defaults(run=_run_act, act=act)

    pause = commands.add_parser("pause", help="send nothing more to a destination until resume")
    resume = commands.add_parser("resume", help="go on sending to a destination that was paused or stopped")
    for parser, switch in ((pause, Line.pause), (resume, Line.resume)):
        parser.add_argument("destination", help="its name in the settings")
        _add_usual(parser)
        parser.add_argument("--why", default="", help="shown to whoever looks")
        parser.add_argument("--by", default=_user(), help="who does it, for the audit (default: the account)")
        parser.set_defaults(run=_run_switch, switch=switch, name="pause" if parser is pause else "resume")

    probe = commands.add_parser("probe", help="reach a destination, or each, without sending anything")
    probe.add_argument("destination", nargs="?", help="its name in the settings (default: all)")
    _add_usual(probe)
    probe.set_defaults(run=_run_probe)

    message = commands.add_parser("message", help="show what is sent for a delivery, the person hidden")
    message.add_argument("number", type=int, metavar="NUMBER", help="number of the delivery")
    _add_usual(message)
    message.add_argument("--whole", action="store_true", help="with the person: it is written down who asked")
    message.add_argument("--by", default=_user(), help="who asks, for the audit (default: the account)")
    message.set_defaults(run=_run_message)


def _add_usual(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--language", choices=LANGUAGES, help="language of the answer (default: the kiosk's)")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    states = [state.value for state in State]
    parser.add_argument("--state", action="append", choices=states, default=[], help="only these; may be repeated")
    parser.add_argument("--destination", metavar="NAME", help="only for this one")
    parser.add_argument(
        "--since", type=_moment, metavar="TIME", help="only made at or after: 2026-11-21 or 2026-11-21T07:00"
    )
    parser.add_argument("--until", type=_moment, metavar="TIME", help="only made before")
    parser.add_argument("--record-id", metavar="ID", help="only of this visit")


def _run_deliveries(options: argparse.Namespace) -> int:
    settings = load(options.config)
    selection = Selection(
        states=tuple(State(state) for state in options.state),
        destination=options.destination,
        since=moment_of(_at_site(options.since, settings), "since"),
        until=moment_of(_at_site(options.until, settings), "until"),
        record_id=options.record_id,
        before=options.before,
    )
    found = Line(settings).deliveries(selection, options.limit)
    if _printed_as_json(found, options):
        return 0
    for one in found.deliveries:
        told = " ".join(part for part in (one.last_error, one.receipt) if part) or "-"
        columns = (f"{one.delivery_id:>6}", one.created_at, f"{one.destination:<12}", f"{one.state.value:<12}")
        sys.stdout.write("  ".join((*columns, f"{one.attempts:>3}", one.record_id, told)) + "\n")
    return 0


def _run_act(options: argparse.Namespace) -> int:
    settings = load(options.config)
    words, line = _words(options, settings), Line(settings)
    asked = ActRequest(
        act=options.act,
        by=options.by,
        numbers=tuple(options.numbers),
        destination=options.destination,
        states=tuple(State(state) for state in options.state),
        since=_at_site(options.since, settings),
        until=_at_site(options.until, settings),
        personal_id=options.personal_id,
        record_id=options.record_id,
    )
    if sys.stdin.isatty() and not options.yes:
        would = line.count(asked)
        if not _printed_as_json(would, options):
            _print(words.get(f"bridge.would.{options.act}", count=would.changed))
            _print(words.get("bridge.add_yes"))
        return EXIT_FAILED
    done = line.act(asked)
    if not _printed_as_json(done, options):
        _print(words.get(f"bridge.did.{options.act}", count=done.changed))
    return 0


def _run_switch(options: argparse.Namespace) -> int:
    settings = load(options.config)
    asked = SwitchRequest(destination=options.destination, why=options.why, by=options.by)
    switch: Callable[[Line, SwitchRequest], object] = options.switch
    done = switch(Line(settings), asked)
    if not _printed_as_json(done, options):
        _print(_words(options, settings).get(f"bridge.did.{options.name}", destination=options.destination))
    return 0


def _run_probe(options: argparse.Namespace) -> int:
    settings = load(options.config)
    words, line = _words(options, settings), Line(settings)
    names = [options.destination] if options.destination else [one.name for one in settings.destinations]
    found = {name: line.probe(SwitchRequest(destination=name)) for name in names}
    if not _printed_as_json({"destinations": found}, options):
        for name, done in found.items():
            if done.ok or done.code is None:
                _print(words.get("bridge.probe.ok", destination=name))
            else:
                told = error_words(done.code, words.language)
                _print(f"{name}: {told.cause}. {told.cure}. [{done.code}]")
        if not found:
            _print(words.get("bridge.probe.none"))
    return 0 if all(done.ok for done in found.values()) else EXIT_FAILED


def _run_message(options: argparse.Namespace) -> int:
    settings = load(options.config)
    found: Message = Line(settings).message(MessageRequest(number=options.number, whole=options.whole, by=options.by))
    if not _printed_as_json(found, options):
        terminal = sys.stdout.isatty()
        sys.stdout.buffer.write((found.body.replace("\r", "\n") if terminal else found.body).encode())
        if found.masked and terminal:
            sys.stderr.write(_words(options, settings).get("bridge.masked") + "\n")
    return 0


def _words(options: argparse.Namespace, settings: Settings) -> Words:
    return Words(options.language or settings.kiosk.language)


def _printed_as_json(answer: object, options: argparse.Namespace) -> bool:
    if options.json:
        sys.stdout.buffer.write(to_json(answer) + b"\n")
    return bool(options.json)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _personal_id(text: str) -> str:
    try:
        return from_plain(text, PersonalId)
    except MalformedMessage:
        raise argparse.ArgumentTypeError("12 digits") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("2026-11-21 or 2026-11-21T07:00") from None


def _at_site(when: datetime | None, settings: Settings) -> str | None:
    """In RFC 3339; one without an offset is the site's own time."""
    if when is None:
        return None
    zone = timezone(timedelta(minutes=settings.site.utc_offset_minutes))
    whole = when if when.tzinfo else when.replace(tzinfo=zone)
    return whole.astimezone(UTC).isoformat(timespec="milliseconds")
