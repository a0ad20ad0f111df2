"""`tiepdon person`: what is kept of one person, a copy for them, erased; and what persons asked for.

The twelve digits are typed or read from standard input, never an argument: every process of the machine could read it
there, and the shell keeps it.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings, load
from tiepdon.commands.asking import add_answering, number, printed_as_json, user, words_of

if TYPE_CHECKING:
    from kiosk.persons import Found
    from kiosk.requests import Request
    from ui.words import Words
    from wire import sqlite

LONGEST_LINE = 100  # characters of standard input


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("person", help="what is kept of one person: find, export, erase", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    find = actions.add_parser("find", help="what is kept of the person")
    find.set_defaults(run=run_find)
    export = actions.add_parser("export", help="a copy for the person: JSON for machines, a sheet to read and print")
    export.add_argument("--out", type=Path, required=True, help="a folder that is made: copy.json and copy.html")
    export.set_defaults(run=run_export)
    erase = actions.add_parser("erase", help="remove what is kept; says what stays, and who else was told")
    erase.add_argument("--yes", action="store_true", help="do it; without it only what would go is said")
    erase.set_defaults(run=run_erase)
    withdraw = actions.add_parser("withdraw", help="the person takes their consent back")
    withdraw.set_defaults(run=run_withdraw)
    request = actions.add_parser("request", help="take down what the person asks for; says until when it is due")
    request.add_argument("kind", choices=("view", "copy", "correct", "erase", "withdraw", "restrict", "object",
                                          "protect"), help="what is asked for")  # fmt: skip
    request.add_argument("--asked-by", default="self", choices=("self", "parent", "guardian", "representative"),
                         help="who asks (default: the person)")  # fmt: skip
    request.add_argument("--channel", default="counter", choices=("counter", "letter", "phone", "mail"),
                         help="by which way it came (default: counter)")  # fmt: skip
    request.set_defaults(run=run_request)
    listed = actions.add_parser("requests", help="what was asked for, the most urgent first")
    listed.add_argument("--all", dest="every", action="store_true", help="also what is done")
    listed.set_defaults(run=run_requests)
    answered = actions.add_parser("answered", help="the person was told that it is being done, or why not")
    answered.add_argument("number", type=number, help="of the request")
    answered.set_defaults(run=run_answered)
    done = actions.add_parser("done", help="a request is carried out, or refused")
    done.add_argument("number", type=number, help="of the request")
    done.add_argument("--outcome", default="done", choices=("done", "partly", "refused"), help="default: done")
    done.set_defaults(run=run_done)
    for one in (find, export, erase, withdraw, request, listed, answered, done):
        one.add_argument("--config", type=Path, help="the site's settings file")
        add_answering(one)


def run_find(options: argparse.Namespace) -> int:
    """What is kept; that somebody looked is in the audit. Raises NotANumber."""
    from kiosk.persons import look

    settings = load(options.config)
    with _opened(settings) as (connection, now):
        found = look(connection, _number(options, settings), user(), now)
    if not printed_as_json(found, options):
        sys.stdout.write("\n".join(_found_lines(found, words_of(options, settings))) + "\n")
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the copy into a folder that nobody else may read. Raises NotANumber, FolderUnusable."""
    from kiosk.person_copy import export
    from ui.person_sheet import sheet
    from wire.codec import to_json

    settings = load(options.config)
    personal_id = _number(options, settings)
    try:
        options.out.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise _folder_problem(error) from None
    with _opened(settings) as (connection, now):
        copy = export(connection, settings, personal_id, user(), now)
    for name, content in (("copy.json", to_json(copy)), ("copy.html", sheet(copy).encode())):
        descriptor = os.open(options.out / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    if not printed_as_json({"files": ["copy.json", "copy.html"], "visits": len(copy.records)}, options):
        told = words_of(options, settings).get("person.exported", folder=options.out, visits=len(copy.records))
        sys.stdout.write(told + "\n")
    return 0


def run_erase(options: argparse.Namespace) -> int:
    """Erase, then clean file and snapshots. Raises NotANumber, PurgeUnfinished."""
    from kiosk.persons import erase, look
    from kiosk.retention import PurgeUnfinished, clean_file, renew_snapshots

    settings = load(options.config)
    words = words_of(options, settings)
    with _opened(settings) as (connection, now):
        personal_id = _number(options, settings)
        if not options.yes:
            found = look(connection, personal_id, user(), now)
            if not printed_as_json({"erased": False, "found": found}, options):
                lines = [*_found_lines(found, words), words.get("person.erase.ask")]
                sys.stdout.write("\n".join(lines) + "\n")
            return 0
        told = erase(connection, settings, personal_id, user(), now)
        clean = clean_file(connection)
        renew_snapshots(settings, now)
    if not printed_as_json({"erased": True, "clean": clean, **_plain(told)}, options):
        lines = [words.get("person.erased", visits=told.visits, reference=told.reference)]
        lines += [words.get(f"person.stays.{code}") for code in told.stays]
        if told.told:
            lines.append(words.get("person.told", names=", ".join(told.told)))
        sys.stdout.write("\n".join(lines) + "\n")
    if not clean:
        raise PurgeUnfinished(codes="purge.log_held")
    return 0


def run_withdraw(options: argparse.Namespace) -> int:
    """Raises NotANumber, NoSuchConsent."""
    from kiosk.legal_basis import withdraw
    from wire.database import transaction

    settings = load(options.config)
    with _opened(settings) as (connection, now):
        personal_id = _number(options, settings)
        with transaction(connection):
            told = withdraw(connection, personal_id, user(), now)
    if not printed_as_json(told, options):
        sys.stdout.write(words_of(options, settings).get("person.withdrawn", version=told.version) + "\n")
    return 0


def run_request(options: argparse.Namespace) -> int:
    """Raises NotANumber."""
    from kiosk.requests import Asked, Asker, Kind, add
    from wire.database import transaction

    settings = load(options.config)
    with _opened(settings) as (connection, now):
        asked = Asked(Kind(options.kind), _number(options, settings), Asker(options.asked_by), options.channel)
        with transaction(connection):
            request = add(connection, asked, user(), now, settings.retention.days_off)
    return _told(request, options, settings)


def run_requests(options: argparse.Namespace) -> int:
    """The open ones; 0 also where one is late, which is said."""
    from kiosk.requests import listed

    settings = load(options.config)
    with _opened(settings) as (connection, now):
        found = listed(connection, options.every)
    if printed_as_json({"requests": found}, options):
        return 0
    words = words_of(options, settings)
    lines = [_request_line(one, words, now) for one in found] or [words.get("person.requests.none")]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def run_answered(options: argparse.Namespace) -> int:
    """Raises NoSuchRequest."""
    from kiosk.requests import answer
    from wire.database import transaction

    settings = load(options.config)
    with _opened(settings) as (connection, now), transaction(connection):
        request = answer(connection, options.number, user(), now)
    return _told(request, options, settings)


def run_done(options: argparse.Namespace) -> int:
    """Raises NoSuchRequest."""
    from kiosk.requests import Outcome, finish
    from wire.database import transaction

    settings = load(options.config)
    with _opened(settings) as (connection, now), transaction(connection):
        request = finish(connection, options.number, Outcome(options.outcome), user(), now)
    return _told(request, options, settings)


@contextmanager
def _opened(settings: Settings) -> "Iterator[tuple[sqlite.Connection, datetime]]":
    """The site's database, and the moment at the site."""
    from kiosk.clock import SystemClock, at_site
    from kiosk.connection import site_database

    with closing(site_database(settings)()) as connection:
        yield connection, at_site(SystemClock().now(), settings.site.utc_offset_minutes)


def _number(options: argparse.Namespace, settings: Settings) -> str:
    """Typed without being shown, or one line of standard input. Raises NotANumber."""
    from kiosk.persons import number_of

    if sys.stdin.isatty():
        return number_of(getpass.getpass(words_of(options, settings).get("person.number") + " "))
    return number_of(sys.stdin.readline(LONGEST_LINE))


def _told(request: "Request", options: argparse.Namespace, settings: Settings) -> int:
    from kiosk.clock import SystemClock, at_site

    if not printed_as_json(request, options):
        now = at_site(SystemClock().now(), settings.site.utc_offset_minutes)
        sys.stdout.write(_request_line(request, words_of(options, settings), now) + "\n")
    return 0


def _request_line(request: "Request", words: "Words", now: datetime) -> str:
    from kiosk.requests import is_late

    told = words.get(
        "person.request.line",
        number=request.number,
        kind=words.get(f"person.kind.{request.kind.value}"),
        asked=request.asked_at[:10],
        answer=request.answer_due,
        due=request.due,
        latest=request.latest_due,
    )
    if request.outcome is not None:
        return f"{told} · {words.get(f'person.outcome.{request.outcome.value}')} ({request.done_by})"
    if is_late(request, now.date()):
        return f"{told} · {words.get('person.late')}"
    return f"{told} · {words.get('person.answered')}" if request.answered_at else told


def _found_lines(found: "Found", words: "Words") -> Iterator[str]:
    yield words.get("person.found", reference=found.reference, visits=len(found.visits), seen=found.seen,
                    guardian=found.guardian_of)  # fmt: skip
    for visit in found.visits:
        yield f"  {visit.at}  {visit.ticket or '-'}  {words.get(f'person.visit.{visit.state}')}"
    for one in found.handed:
        yield f"  {one.at}  {one.destination}  {words.get(f'technician.state.{one.state}')}"
    for given in found.consents:
        yield f"  {given.at}  {words.get(f'person.consent.{given.act}', version=given.version)}"
    if found.erased_at:
        yield words.get("person.erased_before", at=found.erased_at)


def _folder_problem(error: OSError) -> Exception:
    from kiosk.persons import FolderUnusable

    return FolderUnusable(why=error.strerror or "unusable")


def _plain(told: Any) -> dict[str, Any]:
    from wire.codec import to_plain

    plain: dict[str, Any] = to_plain(told)
    return plain
