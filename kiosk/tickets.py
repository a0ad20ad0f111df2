"""Rules of the ticket: how its number looks, and when its holder must still see the staff.

Pure. Must not import Flask, a device library or a connector.
"""

from datetime import date

from hisbridge.questions import Verdict
from hisbridge.records import PatientRecord

SETTLED = frozenset({Verdict.VALID, Verdict.VALID_NEW_CARD})


def number(prefix: str, sequence: int) -> str:
    """What is called and shown: at least four digits, more from the ten-thousandth on."""
    return f"{prefix}{sequence:04d}"


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
