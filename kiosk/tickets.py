"""Rules of the ticket: how its number looks, and when its holder must still see the staff.

Pure. Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass
from datetime import date

from hisbridge.questions import Verdict
from hisbridge.records import PatientRecord

LARGEST = 9999
LETTERS = 26
ROUND = 1_000_000  # keeps the places of repeated ranges apart
SETTLED = frozenset({Verdict.VALID, Verdict.VALID_NEW_CARD})


@dataclass(frozen=True)
class Number:
    """A ticket's number: what is called and shown, and its place among the day's numbers of one prefix."""

    text: str
    sequence: int


def number(prefix: str, count: int, first: int = 1, last: int = LARGEST) -> Number:
    """The `count`th number of the day (from 1) in the range `first` to `last`, at least four digits.

    A range that is used up begins anew with a letter behind, for the next may be another service's; above the largest
    number there is nobody's, so they just grow. No number is called twice in one day.
    """
    if last == LARGEST:
        return Number(f"{prefix}{first + count - 1:04d}", first + count - 1)
    again, place = divmod(count - 1, last - first + 1)
    letter = "" if not again else chr(ord("A") + again) if again < LETTERS else f"-{again}"
    return Number(f"{prefix}{first + place:04d}{letter}", first + place + again * ROUND)


def source_of(prefix: str, first: int) -> str:
    """Under which name the numbers of a range are counted."""
    return prefix if first == 1 else f"{prefix}:{first}"


def needs_counter(record: PatientRecord | None, today: date) -> bool:
    """Whether staff must complete the record: no identity or only a typed number, a check of the chip that failed, an
    expired card, or an insurance answer that is not simply yes.
    """
    if record is None or record.evidence.source == "typed":
        return True
    if record.coverage is None or record.coverage.verdict not in SETTLED:
        return True
    failed = any(check.result == "failed" for check in record.evidence.checks.values())
    return failed or _expired(record, today)


def _expired(record: PatientRecord, today: date) -> bool:
    try:
        return date.fromisoformat(record.patient.expiry_date or "none") < today
    except ValueError:
        return False  # `none`: a card without expiry; anything else is not this function's to judge
