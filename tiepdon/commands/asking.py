"""What commands take and how they answer: who asks, numbers, moments, the site's language.

Light, as what makes the database ready before every start goes through it: the words are loaded where they are told.
"""

import argparse
import getpass
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from config.settings import Settings
from wire.codec import to_json

if TYPE_CHECKING:
    from ui.words import Words

LANGUAGES = ("vi", "en")  # as ui.words, and no content pack
MOST = 999_999_999_999  # as the bridge's socket takes numbers
_YEARS = range(1970, 2500)  # within which no offset leads out of the calendar


def add_answering(parser: argparse.ArgumentParser) -> None:
    """`--language` and `--json`."""
    parser.add_argument("--language", choices=LANGUAGES, help="language of the answer (default: the kiosk's)")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def words_of(options: argparse.Namespace, settings: Settings) -> "Words":
    """The words of the language that was asked for, else the site's."""
    from ui.words import Words

    return Words(options.language or settings.kiosk.language)


def printed_as_json(answer: object, options: argparse.Namespace) -> bool:
    """Print it where `--json` was given; whether it was."""
    if options.json:
        sys.stdout.buffer.write(to_json(answer) + b"\n")
    return bool(options.json)


def user() -> str:
    """The account that asks, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def number(text: str) -> int:
    """A number of a delivery, or how many: from 1. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:13]) <= MOST and len(text) < 13):
        raise argparse.ArgumentTypeError(f"{text[:30]!r} is no whole number from 1")
    return int(text)


def moment(text: str) -> datetime:
    """A day or a moment, with an offset or without. Raises ArgumentTypeError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.year not in _YEARS:
        raise argparse.ArgumentTypeError("2026-11-21 or 2026-11-21T07:00")
    return when


def over(text: str) -> datetime:
    """A day or a moment at which something was over: a day counts whole, to its last moment. Raises
    ArgumentTypeError."""
    when = moment(text)
    return datetime.combine(when, time.max) if _is_day(text) else when


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def site_zone(settings: Settings) -> timezone:
    """The site's own time."""
    return timezone(timedelta(minutes=settings.site.utc_offset_minutes))


def at_site(when: datetime | None, settings: Settings) -> str | None:
    """In RFC 3339; one without an offset is the site's own time."""
    if when is None:
        return None
    whole = when if when.tzinfo else when.replace(tzinfo=site_zone(settings))
    return whole.astimezone(UTC).isoformat(timespec="milliseconds")
