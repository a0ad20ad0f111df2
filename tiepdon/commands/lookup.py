"""`tiepdon lookup`: ask the insurance, the population register or the lists of places, as the counter would."""

import argparse
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from config.settings import Settings, load, socket_path
from hisbridge.records import Citizen, CitizenQuestion, Coverage, CoverageQuestion, Register, Verdict
from tiepdon.commands import lookup_address
from wire.client import Client
from wire.codec import from_plain, to_json, to_plain
from wire.errors import ServiceUnreachable

EXIT_UNANSWERED = 3
LEAST_SECONDS = 0.1

_COVERAGE = """\
Ask whether a person is insured on the day of the visit, by whatever numbers are known; name and date of birth are
needed, for the insurer compares them. Asks the running bridge, or the outside itself where none runs. Exit code 0: the
insurer answered (whatever it said), 3: no answer, 2: wrong usage or settings."""

_CITIZEN = """\
Ask the population register for a person and show where it differs from what was given. Exit code 0: the register
answered (found or not), 3: no answer, 2: wrong usage or settings."""

T = TypeVar("T")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `lookup` and its own commands."""
    lookup = subparsers.add_parser("lookup", help="ask insurance, register, lists of places", description=__doc__)
    commands = lookup.add_subparsers(metavar="WHAT", required=True)

    coverage = commands.add_parser("coverage", help="is this person insured on that day", description=_COVERAGE)
    _add_person(coverage)
    coverage.add_argument("--insurance-number", metavar="NUMBER", help="15 characters, or the last 10 digits")
    coverage.add_argument("--visit-date", metavar="DATE", help="YYYY-MM-DD (default: today at the site)")
    coverage.add_argument(
        "--circumstance", choices=("none", "emergency", "transfer", "appointment"), default="none", help="why here"
    )
    coverage.add_argument("--fresh", action="store_true", help="ask the insurer, whatever was answered today")
    coverage.set_defaults(run=_run_coverage)

    citizen = commands.add_parser("citizen", help="what the population register holds", description=_CITIZEN)
    _add_person(citizen)
    citizen.add_argument("--residence", help="as on the card")
    citizen.set_defaults(run=_run_citizen)

    lookup_address.register(commands)


def _add_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--personal-id", metavar="NUMBER", help="12 digits")
    parser.add_argument("--previous-id", metavar="NUMBER", help="9 digits, of the old ID card")
    parser.add_argument("--name", help="with diacritics, as on the card")
    parser.add_argument("--birth", metavar="DATE", help="YYYY-MM-DD, or what is known of it")
    parser.add_argument("--sex", choices=("male", "female", "unknown"), help="as on the card")
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--seconds", type=float, help="how long to wait (default: the setting)")
    parser.add_argument("--json", action="store_true", help="print the whole answer as one JSON object")


def _run_coverage(options: argparse.Namespace) -> int:
    settings = load(options.config)
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
    coverage = _ask(settings, path, question, Coverage, options.seconds or settings.portal.timeout_seconds)
    _print(coverage, ("verdict", "act", "result_code", "reason", "found_by", "card_number", "valid_to"), options.json)
    return EXIT_UNANSWERED if coverage.verdict is Verdict.UNVERIFIED and coverage.result_code is None else 0


def _run_citizen(options: argparse.Namespace) -> int:
    settings = load(options.config)
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
    _print(citizen, ("verdict", "reason", "full_name", "birth_date", "sex", "source"), options.json)
    if not options.json:
        for one in citizen.differences:
            sys.stdout.write(f"differs: {one.field}: card {one.card or '-'} / register {one.register or '-'}\n")
    return EXIT_UNANSWERED if citizen.verdict is Register.UNVERIFIED else 0


def _question(kind: type[T], **fields: Any) -> T:
    """The question, checked as the bridge would check it. Raises MalformedMessage."""
    return from_plain({name: value for name, value in fields.items() if value is not None}, kind)


def _ask(settings: Settings, path: str, question: Any, kind: type[T], seconds: float) -> T:
    """The bridge's answer; where none runs, that of one made for this question."""
    patience = max(LEAST_SECONDS, min(seconds, 60.0))
    asked = f"{path}?deadline_ms={int(patience * 1000)}"
    try:
        return Client(socket_path(settings, "bridge")).post(asked, question, kind, timeout=patience + 1.0)
    except ServiceUnreachable:
        # Imported here: mostly the bridge runs, and its HTTP client need not be loaded.
        from hisbridge.assembly import answer_once

        return answer_once(settings, question, kind, patience)


def _print(answer: Any, names: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(to_json(answer) + b"\n")
        return
    plain = to_plain(answer)
    for name in names:
        if plain.get(name) is not None:
            sys.stdout.write(f"{name}: {plain[name]}\n")


def _today(settings: Settings) -> date:
    zone = timezone(timedelta(minutes=settings.site.utc_offset_minutes))
    return datetime.now(zone).date()
