"""What the counter is expected to do with a person, as stable keys: by proof of identity and insurance answer.

Pure; the words are made in `ui/`. Must not import Flask, a device library or a connector.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import msgspec

from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.records import PatientRecord, Proof
from kiosk import tickets

FROM_PAPER = "coverage.from_paper_card"  # reason of a Coverage whose dates staff typed from the card they inspected

NUMBER_TYPED = "counter.number_typed"  # reason of a Coverage whose number staff corrected: nobody has asked by it yet

GENUINE = ("hashes", "signature", "chain")
ORIGINAL = ("chip_authentication", "active_authentication")


class Strength(StrEnum):
    """How strongly the identity is proven, in short."""

    VERIFIED = "verified"  # the state's own data, on a chip that is no copy (Doc 9303-11, 5.1)
    PARTIAL = "partial"  # a chip, some check was not done
    FAILED = "failed"  # a check of the chip failed
    CODE = "code"
    PRINT = "print"
    TYPED = "typed"


class Task(StrEnum):
    """What the counter does beside what the insurance answer asks for."""

    COMPARE_CHIP = "compare_chip"  # a check of the chip failed: look at card and person
    COMPARE_CARD = "compare_card"  # nothing but a typed number
    EXPIRED_CARD = "expired_card"
    FIND_NUMBER = "find_number"  # nobody was told of somebody without a number
    COMPLETE_NAME = "complete_name"
    ASK_INSURANCE = "ask_insurance"  # nobody has asked yet


# Services.md 1.4, last column. For answers that say no act of their own.
_USUAL: Mapping[Verdict, Act] = MappingProxyType(
    {
        Verdict.UNVERIFIED: Act.WAIT,
        Verdict.CONFIGURATION_ERROR: Act.CALL_ADMINISTRATOR,
        Verdict.MANUAL_CHECK: Act.DECIDE,
        Verdict.MISMATCH: Act.COMPARE_PERSON,
        Verdict.NOT_INSURED: Act.ASK_RENEWED_CARD,
        Verdict.CHILD_TEMPORARY: Act.TEMPORARY_CARD,
        Verdict.VALID_NEW_CARD: Act.USE_NEW_CARD,
    }
)


def strength_of(proof: Proof) -> Strength:
    """How strongly this proof proves; never said stronger than it is."""
    if proof.source != "chip":
        by_source = {"typed": Strength.TYPED, "mrz": Strength.PRINT}
        return by_source.get(proof.source, Strength.CODE)
    results = {name: check.result for name, check in proof.checks.items()}
    if "failed" in results.values():
        return Strength.FAILED
    genuine = all(results.get(name) == "passed" for name in GENUINE)
    original = any(results.get(name) == "passed" for name in ORIGINAL)
    return Strength.VERIFIED if genuine and original else Strength.PARTIAL


def act_of(coverage: Coverage) -> Act:
    """What the insurance answer asks of the counter; NONE only where nothing is left to do."""
    if coverage.act is not Act.NONE or settled_by_hand(coverage):
        return coverage.act
    return _USUAL.get(coverage.verdict, Act.NONE)


def settled_by_hand(coverage: Coverage) -> bool:
    """Whether staff have inspected the paper card and typed its dates: nothing is left to do."""
    return coverage.reason == FROM_PAPER


def tasks_of(record: PatientRecord, today: date) -> tuple[Task | Act, ...]:
    """What is expected of the counter, who the person is before what they are insured for."""
    strength = strength_of(record.evidence)
    found: list[Task | Act] = []
    if strength is Strength.FAILED:
        found.append(Task.COMPARE_CHIP)
    if not record.patient.personal_id:
        found.append(Task.FIND_NUMBER)
    elif strength is Strength.TYPED:
        found.append(Task.COMPARE_CARD)
    elif not record.patient.full_name:
        found.append(Task.COMPLETE_NAME)
    if expired(record, today):
        found.append(Task.EXPIRED_CARD)
    if record.coverage is None or record.coverage.reason == NUMBER_TYPED:
        found.append(Task.ASK_INSURANCE)
    elif (act := act_of(record.coverage)) is not Act.NONE:
        found.append(act)
    return tuple(found)


def still_needs_counter(record: PatientRecord, today: date) -> bool:
    """As `tickets.needs_counter`, but what staff have inspected and typed needs them no more."""
    if record.coverage is not None and settled_by_hand(record.coverage):
        settled = msgspec.structs.replace(record.coverage, verdict=Verdict.VALID)
        record = msgspec.structs.replace(record, coverage=settled)
    return tickets.needs_counter(record, today)


def expired(record: PatientRecord, today: date) -> bool:
    """Whether the citizen card's last day is past; one without expiry or with an odd date is not said to be."""
    try:
        return date.fromisoformat(record.patient.expiry_date or "none") < today
    except ValueError:
        return False
