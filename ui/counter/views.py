"""From the counter's records to what its pages say: which words, which icon, which tone. Pure; no Flask.

Names are shown whole: the screen is turned to the staff, who call people by them. Text from cards is hostile: markup is
escaped by the templates, everything else that could break a line is taken out here.
"""

from dataclasses import dataclass
from datetime import datetime

from hisbridge.questions import Act, Coverage, Entitlement, Verdict
from hisbridge.records import FeeLine, PatientRecord
from kiosk.changes import Answered
from kiosk.clock import at_site
from kiosk.counter import Correction, Page, Row, Visit
from kiosk.counter_acts import NUMBER_TYPED, Strength, act_of, settled_by_hand, strength_of
from kiosk.counter_question import Path, people_date
from kiosk.states import CounterReason
from ui.hospital import fee_text, room_text, where_text
from ui.masking import plain
from ui.screens import TONES, Line
from ui.words import Words

_STRENGTHS = {
    Strength.VERIFIED: ("shield", "good"),
    Strength.PARTIAL: ("shield", "plain"),
    Strength.FAILED: ("warning", "care"),
    Strength.CODE: ("qr", "plain"),
    Strength.PRINT: ("lines", "plain"),
    Strength.TYPED: ("keypad", "care"),
}
_PATHS_OF = {CounterReason.CHILD: Path.CHILD, CounterReason.NEWBORN: Path.NEWBORN, CounterReason.FORCES: Path.FORCES}
LONG = 300  # letters of one field that are shown


@dataclass(frozen=True, repr=False)
class RowView:
    """One line of the list. `where` is the address that Enter opens."""

    key: str
    number: str
    time: str
    name: str
    where: str
    waiting: bool
    proof: Line | None
    coverage: Line
    tasks: tuple[str, ...]
    told: str = ""  # where the hospital sends the person


@dataclass(frozen=True, repr=False)
class Fact:
    """One thing known: what it is, what it says; `proposal` marks what only the hospital can decide."""

    name: str
    text: str
    proposal: bool = False


def rows_of(page: Page, words: Words) -> tuple[RowView, ...]:
    """The lines of one page."""
    return tuple(row_view(row, words) for row in page.rows)


def row_view(row: Row, words: Words) -> RowView:
    """One line; a ticket without a visit says why it was asked for."""
    if row.visit_id is None:
        reason = row.reason.value or "none"
        coverage = Line(words.get(f"counter.reason.{reason}"), "ticket", "plain")
        tasks: tuple[str, ...] = (words.get(f"counter.task.reason.{reason}"),)
        where = f"/counter/tickets/{row.ticket_id}"
    else:
        coverage = coverage_line(row.coverage, words)
        tasks = tuple(words.get(f"counter.task.{task.value}") for task in row.tasks)
        tasks = (words.get("counter.cancelled"),) if row.cancelled else tasks
        where = f"/counter/visits/{row.visit_id}"
    return RowView(
        key=row.ticket_id,
        number=plain(row.number)[:16],
        time=row.issued_at[11:16],
        name=plain(row.full_name or "")[:LONG] or words.get("counter.no_name"),
        where=where,
        waiting=row.needs_counter,
        proof=proof_line(row.strength, words),
        coverage=coverage,
        tasks=tasks,
        told=where_text(row.told, words),
    )


def answer_facts(told: Answered, words: Words) -> tuple[Fact, ...]:
    """All that one receiver told of the visit."""
    answer = told.answer
    known = {
        "record_number": answer.record_number,
        "visit_number": answer.visit_number,
        "queue_number": answer.queue_number,
        "room": room_text(answer, words),
    }
    facts = [Fact(words.get(f"counter.field.{name}"), plain(text)[:LONG]) for name, text in known.items() if text]
    return (*facts, *(Fact(words.get("counter.field.fee"), _fee(fee, words)) for fee in answer.fees))


def _fee(fee: FeeLine, words: Words) -> str:
    pays = {True: "counter.fee.insured.yes", False: "counter.fee.insured.no", None: None}[fee.insured]
    text = fee_text(fee, words)
    return words.get(pays, fee=text) if pays else text


def path_for(row: Row) -> Path:
    """The way of asking that a ticket's reason speaks for."""
    return _PATHS_OF.get(row.reason, Path.USUAL)


def proof_line(strength: Strength | None, words: Words) -> Line | None:
    """How strongly the identity is proven, in short; None: nobody was read."""
    if strength is None:
        return None
    icon, tone = _STRENGTHS[strength]
    return Line(words.get(f"counter.proof.{strength.value}"), icon, tone)


def coverage_line(coverage: Coverage | None, words: Words) -> Line:
    """The insurance verdict for staff."""
    if coverage is None:
        return Line(words.get("counter.verdict.none"), "clock", "plain")
    if coverage.reason == NUMBER_TYPED:
        return Line(words.get("counter.verdict.number_typed"), "clock", "care")
    if settled_by_hand(coverage):
        return Line(words.get("counter.verdict.from_paper"), "check", "good")
    if coverage.verdict is Verdict.UNVERIFIED and coverage.act is Act.ASK_OTHER_NUMBER:
        return Line(words.get("counter.verdict.not_under_this_number"), "person", "care")
    icon, tone = TONES[coverage.verdict]
    return Line(words.get(f"counter.verdict.{coverage.verdict.value}"), icon, tone)


def act_text(coverage: Coverage, path: Path, words: Words) -> str:
    """What to do with this answer; where the path has an act of its own, that one. Never empty."""
    act = act_of(coverage)
    own = f"counter.act.{path.value}.{act.value}"
    return words.get(own if own in words else f"counter.act.{act.value}")


def why_text(coverage: Coverage, words: Words) -> str:
    """What lies behind the answer, for staff: our own reason in words; empty where there is none."""
    key = f"error.{coverage.reason}"
    return words.error(coverage.reason).cause if coverage.reason and key in words else ""


def person_facts(record: PatientRecord, words: Words) -> tuple[Fact, ...]:
    """Everything that was read of the person."""
    patient = record.patient
    told = {
        "full_name": patient.full_name,
        "birth_date": people_date(patient.birth_date),
        "sex": words.get(f"card.value.sex.{patient.sex}") if patient.sex else None,
        "personal_id": patient.personal_id,
        "previous_id": patient.previous_id,
        "residence": patient.residence,
        "current_address": patient.current_address,
        "phone": patient.phone,
        "place_of_origin": patient.place_of_origin,
        "nationality": patient.nationality,
        "ethnicity": patient.ethnicity,
        "issue_date": people_date(patient.issue_date),
        "expiry_date": words.get("card.value.expiry_date.none")
        if patient.expiry_date == "none"
        else people_date(patient.expiry_date),
    }
    return tuple(Fact(words.get(f"card.field.{name}"), plain(text)[:LONG]) for name, text in told.items() if text)


def proof_facts(record: PatientRecord, utc_offset_minutes: int, words: Words) -> tuple[Fact, ...]:
    """By what the person was proven, each check of a chip by its name."""
    proof = record.evidence
    facts = [
        Fact(words.get("counter.field.source"), words.get(f"counter.source.{proof.source}")),
        Fact(words.get("counter.field.read_at"), moment_text(proof.read_at, utc_offset_minutes)),
    ]
    for name, check in proof.checks.items():
        key = f"counter.check.{name}"
        if key in words:
            result = words.get(f"counter.result.{check.result}")
            facts.append(Fact(words.get(key), f"{result} ({plain(check.protocol)[:20]})" if check.protocol else result))
    return tuple(facts)


def coverage_facts(coverage: Coverage, utc_offset_minutes: int, words: Words) -> tuple[Fact, ...]:
    """What the insurer told: card, validity, facility, how it was found, when it was asked and by which kiosk."""
    told = {
        "card_number": coverage.card_number,
        "validity": _validity(coverage.valid_from, coverage.valid_to, words),
        "registered_facility": coverage.registered_facility,
        "other_card": coverage.other_card_number,
        "other_validity": _validity(coverage.other_valid_from, coverage.other_valid_to, words),
        "other_registered_facility": coverage.other_registered_facility,
        "recheck": words.get("counter.recheck") if coverage.recheck_before_discharge else None,
        "social_security_number": coverage.social_security_number,
        "living_area": coverage.living_area,
        "five_year_date": people_date(coverage.five_year_date),
        "found_by": words.get(f"counter.found_by.{coverage.found_by}") if coverage.found_by else None,
        "result_code": coverage.result_code,
        "asked": _asked(coverage, utc_offset_minutes, words),
    }
    return tuple(Fact(words.get(f"counter.field.{name}"), plain(text)[:LONG]) for name, text in told.items() if text)


def hint_facts(hints: Entitlement | None, words: Words) -> tuple[Fact, ...]:
    """What is proposed of entitlement, each marked as a proposal."""
    if hints is None:
        return ()
    level = None
    if hints.benefit_level is not None:
        level = words.get("counter.hint.level", level=hints.benefit_level, percent=hints.benefit_percent)
    five = {True: "yes", False: "no", None: ""}[hints.five_years_reached]
    left = hints.expires_in_days
    told = {
        "benefit": level,
        "route": words.get(f"counter.route.{hints.route}"),
        "object_code": hints.object_code,
        "five_years": words.get(f"counter.hint.five_years.{five}") if five else None,
        "expires": words.get("counter.hint.expires", days=left) if left is not None else None,
    }
    return tuple(Fact(words.get(f"counter.field.{name}"), plain(text), True) for name, text in told.items() if text)


def warnings_of(visit: Visit, words: Words) -> tuple[str, ...]:
    """What the counter must do with this visit, most pressing first; the insurance's own act is said in full."""
    coverage = visit.record.coverage
    act = act_of(coverage) if coverage else None
    in_full = act is not Act.WAIT  # an open question is asked again: the short words say so
    return tuple(
        act_text(coverage, Path.USUAL, words)
        if coverage is not None and in_full and task is act
        else words.get(f"counter.task.{task.value}")
        for task in visit.row.tasks
    )


def correction_text(corrected: Correction | None, utc_offset_minutes: int, words: Words) -> str:
    """Who put the insurance answer there, when; empty where nobody did."""
    if corrected is None:
        return ""
    who = plain(corrected.officer_name or "") or words.get("counter.officer.kiosk")
    return words.get(
        f"counter.corrected.{corrected.grounds.value}", time=moment_text(corrected.at, utc_offset_minutes), who=who
    )


def identity_line(visit: Visit, words: Words) -> Line | None:
    """The proof in short; an expired card is said beside it by the tasks."""
    return proof_line(strength_of(visit.record.evidence), words)


def moment_text(moment: str, utc_offset_minutes: int) -> str:
    """An RFC 3339 moment, whatever its offset, by the site's wall: `07:45 21/11/2026`. One that is none, as it is."""
    try:
        local = at_site(datetime.fromisoformat(moment), utc_offset_minutes)
    except (ValueError, OverflowError):
        return plain(moment)[:30]
    return f"{local:%H:%M %d/%m/%Y}"


def _validity(first_day: str | None, last_day: str | None, words: Words) -> str | None:
    if not first_day and not last_day:
        return None
    begins, ends = people_date(first_day), people_date(last_day)
    return words.get("counter.validity", begins=begins or "?", ends=ends or words.get("counter.validity.open"))


def _asked(coverage: Coverage, utc_offset_minutes: int, words: Words) -> str | None:
    if coverage.asked_at is None:
        return None
    by = plain(coverage.asked_by or "")
    return words.get("counter.asked", time=moment_text(coverage.asked_at, utc_offset_minutes), by=by or "?")
