"""`tiepdon lookup`: ask the insurance, the population register or the lists of places, as the counter would."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from config.settings import Settings, load, socket_path
from hisbridge.lookups.openness import is_answer
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion, Register
from hisbridge.values import CardNumber, FullDate, PartialDate, PersonalId, PreviousId
from tiepdon.commands import lookup_address
from tiepdon.commands.asking import LANGUAGES
from wire.client import Client
from wire.codec import from_plain, to_json
from wire.errors import MalformedMessage, ServiceUnreachable, TiepDonError

EXIT_UNANSWERED = 3
MOST_SECONDS = 60.0
FIRST_OF_ALL = "0000-01-01"  # what a date of less precision is completed from

_COVERAGE = """\
Ask whether a person is insured on the day of the visit, by whatever numbers are known; name and date of birth are
needed, for the insurer compares them. Asks the running bridge, or the outside itself where none runs. Exit code 0: the
insurer answered (whatever it said), 3: no answer or wrongly set up, 2: wrong usage or settings."""

_CITIZEN = """\
Ask the population register for a person and show where it differs from what was given. Exit code 0: the register
answered (found or not), 3: no answer or wrongly set up, 2: wrong usage or settings."""

T = TypeVar("T")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `lookup` and its own commands."""
    lookup = subparsers.add_parser("lookup", help="ask insurance, register, lists of places", description=__doc__)
    commands = lookup.add_subparsers(metavar="WHAT", required=True)

    coverage = commands.add_parser("coverage", help="is this person insured on that day", description=_COVERAGE)
    _add_person(coverage)
    coverage.add_argument(
        "--insurance-number",
        type=_shaped(CardNumber, "15 characters as GD4000000000000, or the last 10 digits"),
        metavar="NUMBER",
        help="15 characters, or the last 10 digits",
    )
    coverage.add_argument(
        "--visit-date", type=_dated(FullDate, "YYYY-MM-DD"), metavar="DATE", help="YYYY-MM-DD (default: today there)"
    )
    coverage.add_argument(
        "--circumstance", choices=("none", "emergency", "transfer", "appointment"), default="none", help="why here"
    )
    coverage.add_argument("--fresh", action="store_true", help="ask the insurer, whatever was answered today")
    coverage.set_defaults(run=_run_coverage, refuse=coverage.error)

    citizen = commands.add_parser("citizen", help="what the population register holds", description=_CITIZEN)
    _add_person(citizen)
    citizen.add_argument("--residence", help="as on the card")
    citizen.set_defaults(run=_run_citizen, refuse=citizen.error)

    lookup_address.register(commands)


def _add_person(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--personal-id", type=_shaped(PersonalId, "12 digits"), metavar="NUMBER", help="12 digits")
    add("--previous-id", type=_shaped(PreviousId, "9 digits"), metavar="NUMBER", help="9 digits, of the old ID card")
    add("--name", type=_name, help="with diacritics, as on the card")
    add(
        "--birth",
        type=_dated(PartialDate, "YYYY-MM-DD, YYYY-MM or YYYY"),
        metavar="DATE",
        help="YYYY-MM-DD, or what is known of it",
    )
    add("--sex", choices=("male", "female", "unknown"), help="as on the card")
    add("--config", type=Path, help="the site's settings file")
    add("--seconds", type=_seconds, help=f"how long to wait, at most {MOST_SECONDS:.0f} (default: the setting)")
    add("--language", choices=LANGUAGES, help="of the words (default: the site's, kiosk.language)")
    add("--json", action="store_true", help="print the whole answer as one JSON object")


def _shaped(kind: Any, wanted: str) -> Callable[[str], str]:
    """Reads an option as the bridge would; `wanted` is what a wrong one is told, never the person's own text."""

    def read(text: str) -> str:
        try:
            shaped: str = from_plain(text.strip(), kind)
        except MalformedMessage:
            raise argparse.ArgumentTypeError(wanted) from None
        return shaped

    return read


def _dated(kind: Any, wanted: str) -> Callable[[str], str]:
    """The same for a day, month or year of the calendar."""
    shaped = _shaped(kind, wanted)

    def read(text: str) -> str:
        told = shaped(text)
        try:
            date.fromisoformat(told + FIRST_OF_ALL[len(told) :])
        except ValueError:
            raise argparse.ArgumentTypeError(wanted) from None
        return told

    return read


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= 200:
        raise argparse.ArgumentTypeError("the name as on the card, at most 200 characters")
    return text.strip()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"more than 0 and at most {MOST_SECONDS:.0f}")
    return seconds


def _run_coverage(options: argparse.Namespace) -> int:
    settings = load(options.config)
    _require_name_and_birth(options)
    question = _question(
        CoverageQuestion,
        personal_id=options.personal_id,
        previous_id=options.previous_id,
        insurance_number=options.insurance_number,
        full_name=options.name,
        birth_date=options.birth,
        sex=options.sex,
        visit_date=options.visit_date or _today(settings).isoformat(),
        circumstance=options.circumstance,
    )
    path = "/v1/coverage/fresh" if options.fresh else "/v1/coverage"
    usual = settings.his_proxy.timeout_seconds if settings.his_proxy.enabled else settings.portal.timeout_seconds
    coverage = _ask(settings, path, question, Coverage, options.seconds or usual)
    if not _printed_as_json(coverage, options):
        from tiepdon.commands.lookup_output import coverage_lines
        from ui.words import Words

        _print(coverage_lines(coverage, Words(options.language or settings.kiosk.language)))
    return 0 if is_answer(coverage) else EXIT_UNANSWERED


def _run_citizen(options: argparse.Namespace) -> int:
    settings = load(options.config)
    _require_name_and_birth(options)
    question = _question(
        CitizenQuestion,
        personal_id=options.personal_id,
        previous_id=options.previous_id,
        full_name=options.name,
        birth_date=options.birth,
        sex=options.sex,
        residence=options.residence,
    )
    citizen = _ask(settings, "/v1/citizen", question, Citizen, options.seconds or settings.population.timeout_seconds)
    if not _printed_as_json(citizen, options):
        from tiepdon.commands.lookup_output import citizen_lines
        from ui.words import Words

        _print(citizen_lines(citizen, Words(options.language or settings.kiosk.language)))
    return EXIT_UNANSWERED if citizen.verdict in (Register.UNVERIFIED, Register.CONFIGURATION_ERROR) else 0


def _require_name_and_birth(options: argparse.Namespace) -> None:
    """Ends the command as wrong usage. Not argparse's own check: settings that cannot be read are told first."""
    missing = [f"--{name}" for name in ("name", "birth") if getattr(options, name) is None]
    if missing:
        options.refuse(f"needed too, for they are compared: {', '.join(missing)}")


def _question(kind: type[T], **fields: Any) -> T:
    """The question, checked as the bridge would check it. Raises MalformedMessage."""
    return from_plain({name: value for name, value in fields.items() if value is not None}, kind)


def _ask(settings: Settings, path: str, question: Any, kind: type[T], seconds: float) -> T:
    """The bridge's answer; where none runs, that of one made for this question."""
    patience = min(seconds, MOST_SECONDS)
    asked = f"{path}?deadline_ms={max(1, int(patience * 1000))}"
    try:
        return Client(socket_path(settings, "bridge")).post(asked, question, kind, timeout=patience + 1.0)
    except ServiceUnreachable:
        # Imported here: mostly the bridge runs, and its HTTP client need not be loaded.
        from hisbridge.assembly import answer_once

        try:
            return answer_once(settings, question, kind, patience)
        except TiepDonError:
            raise
        except Exception as error:
            # The kind alone: text of an unexpected error may quote the person or the address with its secrets.
            raise TiepDonError(kind=type(error).__name__) from None


def _printed_as_json(answer: Any, options: argparse.Namespace) -> bool:
    if options.json:
        sys.stdout.buffer.write(to_json(answer) + b"\n")
    return bool(options.json)


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _today(settings: Settings) -> date:
    zone = timezone(timedelta(minutes=settings.site.utc_offset_minutes))
    return datetime.now(zone).date()
