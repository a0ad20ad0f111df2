"""Rules of the ticket: how its number looks, and when its holder must still see the staff.

Pure. Must not import Flask, a device library or a connector.
"""

from datetime import date

import msgspec

from hisbridge.records import Coverage, Verdict
from reader.reading import Check, Outcome, Reading, Source

SETTLED = frozenset({Verdict.VALID, Verdict.VALID_NEW_CARD})


def number(prefix: str, sequence: int) -> str:
    """What is called and shown: at least four digits, more from the ten-thousandth on."""
    return f"{prefix}{sequence:04d}"


def needs_counter(reading: Reading | None, coverage: Coverage | None, today: date) -> bool:
    """Whether staff must complete the record: no identity or only a typed number, a check of the chip that failed, an
    expired card, or an insurance answer that is not simply yes.
    """
    if reading is None or reading.evidence.source is Source.TYPED:
        return True
    if coverage is None or coverage.verdict not in SETTLED:
        return True
    return _check_failed(reading) or _expired(reading, today)


def _check_failed(reading: Reading) -> bool:
    checks = reading.evidence.checks
    if checks is None:
        return False
    found: list[Check] = [getattr(checks, field.name) for field in msgspec.structs.fields(checks)]
    return any(check.result is Outcome.FAILED for check in found)


def _expired(reading: Reading, today: date) -> bool:
    try:
        return date.fromisoformat(reading.holder.expiry_date or "none") < today
    except ValueError:
        return False  # `none`: a card without expiry; anything else is not this function's to judge
