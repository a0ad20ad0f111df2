"""From the machine's session to what stands on the screen: which page, which words, which buttons. Pure; no Flask.

Everything personal is masked here, so that no template ever sees a whole name or number.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.settings import Settings
from hisbridge.questions import Act, Coverage, Verdict
from kiosk.insurance_card import NUMBER_DIGITS
from kiosk.moves import (
    CARD_AWAITED,
    COVERAGE_NOT_FOUND,
    DIGITS_WRONG,
    INSURANCE_MISMATCH,
    INSURANCE_OTHER,
    INSURANCE_WANTED,
    TWO_PEOPLE,
)
from kiosk.states import (
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    Confirm,
    CounterReason,
    Devices,
    Failed,
    Finishing,
    Help,
    Keypad,
    KeypadPurpose,
    NextPath,
    NoCard,
    OutOfOrder,
    ReadingChip,
    Session,
    Start,
    State,
    TicketShown,
)
from reader.phases import Phase
from reader.reading import Checks, Evidence, Outcome, Reading, Source
from ui.hospital import NUMBER, fees_text, number_text, room_text, shortened, where_text
from ui.masking import birth_year, mask_name, mask_number, plain
from ui.words import LANGUAGES, Words

DIGITS = {KeypadPurpose.CARD_KEY: 6, KeypadPurpose.PERSONAL_ID: 12}

SIZES = {"short": 5, "medium": 7, "long": 10}  # letters that a ticket's number may have in each size

# Icon and tone say the same as the words, so that nothing depends on colour alone.
TONES = {
    Verdict.VALID: ("check", "good"),
    Verdict.VALID_NEW_CARD: ("check", "good"),
    Verdict.MANUAL_CHECK: ("person", "care"),
    Verdict.MISMATCH: ("person", "care"),
    Verdict.CHILD_TEMPORARY: ("person", "care"),
    Verdict.NOT_INSURED: ("cross", "care"),
    Verdict.UNVERIFIED: ("clock", "plain"),
    Verdict.CONFIGURATION_ERROR: ("clock", "plain"),
}

# What was wrong with an insurance card or its digits, in few words: beside the keypad there is room for one line.
INSURANCE_PROBLEMS = {
    INSURANCE_OTHER: "other",
    TWO_PEOPLE: "other",
    INSURANCE_MISMATCH: "mismatch",
    INSURANCE_WANTED: "wanted",
    COVERAGE_NOT_FOUND: "again",
    DIGITS_WRONG: "digits",
}


@dataclass(frozen=True)
class Line:
    """One line of plain words with its icon; `tone` is `good`, `care`, `plain` or `busy`."""

    text: str
    icon: str
    tone: str


@dataclass(frozen=True)
class Screen:
    """One screen: its stable name, its language, and what its template needs.

    `token` is the same while it is the same screen for the same person: a touch that was meant for another one is
    recognised by it. It holds nothing personal.
    """

    name: str
    language: str
    token: str
    warned: bool
    context: Mapping[str, Any] = field(default_factory=dict)


def screen_of(session: Session, settings: Settings, words: Words) -> Screen:
    """The screen for a session, in the session's language."""
    name, context = _page(session, settings, words)
    language = session.language if session.language in LANGUAGES else settings.kiosk.language
    # Each state has its moment of entry. Start and reading keep one token: their picture and bar go on smoothly.
    seed = name if name in ("start", "reading") else f"{name} {session.run} {session.entered}"
    return Screen(
        name=name,
        language=language,
        token=hashlib.blake2s(seed.encode(), digest_size=6).hexdigest(),
        warned=session.warned,
        context=context,
    )


def _page(session: Session, settings: Settings, words: Words) -> tuple[str, dict[str, Any]]:
    """The screen's name and what its template needs."""
    state: State = session.state
    match state:
        case Start():
            return "start", _start(state, session, words)
        case AskKey():
            return "ask_key", _asks("ask_key", session.devices, words) | _problem(state.problem, words)
        case AskQr():
            asks = _asks("ask_qr", session.devices, words)
            # Whoever has shown an insurance card only may be a small child, who has no other.
            return "ask_qr", asks | _problem(state.problem, words) | {
                "mrz": state.mrz,
                "no_card": session.insurance is not None,
            }
        case AskMrz():
            return "ask_mrz", {}
        case Keypad():
            return "keypad", _keypad(state, words)
        case ReadingChip():
            return "reading", _reading(state, words)
        case Confirm():
            return "confirm", _confirm(state, words)
        case Finishing():
            return "finishing", _finishing(state, words)
        case AskInsurance():
            return "ask_insurance", _ask_insurance(state, session.devices, words)
        case AwaitAnswer():
            return "finishing", _awaits(words)
        case NoCard():
            return "no_card", {"reasons": [reason.value for reason in CounterReason if reason]}
        case TicketShown():
            return "ticket", _ticket(state, session, settings, words)
        case Failed():
            return "failed", _failed(state, words)
        case Help():
            return "help", {}
        case OutOfOrder():
            return "out_of_order", {"code": plain(state.code)[:40]}


def _problem(code: str | None, words: Words) -> dict[str, Any]:
    return {"notice": words.error(code).title if code else None}


def _start(state: Start, session: Session, words: Words) -> dict[str, Any]:
    sees_codes = session.devices.sees_codes
    other_ways = words.get("start.other_ways" if sees_codes else "start.other_ways.none")
    ready = {"reader_ready": session.reader_ready, "sees_codes": sees_codes, "other_ways": other_ways}
    return ready | _problem(state.notice, words)


def eyes_of(devices: Devices) -> str:
    """What a code can be held up to: `scanner`, `camera`, `both`, `none`."""
    if devices.scans:
        return "both" if devices.camera else "scanner"
    return "camera" if devices.camera else "none"


def _asks(screen: str, devices: Devices, words: Words) -> dict[str, Any]:
    """The words by which a screen asks for a code: never where nothing looks."""
    eyes = eyes_of(devices)
    title = {
        "scanner": f"{screen}.title",
        "none": "keypad.card_key.title" if screen == "ask_key" else "ask_qr.title.none",
    }.get(eyes, f"{screen}.title.{eyes}")
    return {"eyes": eyes, "title": words.get(title)}


def _keypad(state: Keypad, words: Words) -> dict[str, Any]:
    problem = None
    if state.problem is not None:
        own = f"error.{state.problem}.title"
        problem = words.get(own if own in words else "keypad.problem")
    return {
        "title": words.get(
            "start.place_card" if state.problem == CARD_AWAITED else f"keypad.{state.purpose.value}.title"
        ),
        "purpose": state.purpose.value,
        "length": DIGITS[state.purpose],
        "groups": (3,) * (DIGITS[state.purpose] // 3),
        "problem": problem,
    }


def _ask_insurance(state: AskInsurance, devices: Devices, words: Words) -> dict[str, Any]:
    seen = "ask_insurance.title" if devices.sees_codes else "ask_insurance.title.none"
    problem = INSURANCE_PROBLEMS.get(state.problem, "unreadable") if state.problem else "none"
    return {
        "title": words.get(seen),
        "purpose": "insurance",
        "length": NUMBER_DIGITS,
        "groups": (3, 3, 4),
        "problem": words.get(f"ask_insurance.{problem}"),
    }


def _reading(state: ReadingChip, words: Words) -> dict[str, Any]:
    known = {phase.value for phase in Phase}
    name = Phase(state.phase).name.lower() if state.phase in known else "other"
    percent = max(0, min(100, state.progress))
    return {"phase": words.get(f"reading.phase.{name}"), "percent": percent}


def _person(reading: Reading, words: Words) -> dict[str, Any]:
    year = birth_year(reading.holder.birth_date)
    number = mask_number(reading.holder.personal_id)
    name = mask_name(reading.holder.full_name)
    return {
        "name": name,
        "size": "short" if len(name) <= 17 else "long",
        "born": words.get("confirm.born", year=year) if year else "",
        "number": words.get("confirm.number", number=number) if number else "",
    }


def _confirm(state: Confirm, words: Words) -> dict[str, Any]:
    return {
        "person": _person(state.reading, words),
        "coverage": _refused(words) if state.problem else coverage_line(state.coverage, words),
        "proof": proof_line(state.reading.evidence, state.complete, words),
    }


def _finishing(state: Finishing, words: Words) -> dict[str, Any]:
    if state.committing or state.reading is None:
        key = "finishing.commit"
    elif not state.complete:
        key = "finishing.proof"
    else:
        key = "finishing.coverage"
    return {"title": words.get("finishing.title"), "line": words.get(key), "answer": False}


def _awaits(words: Words) -> dict[str, Any]:
    """No number yet: whoever has learned one by heart is not shown another."""
    return {"title": words.get("finishing.title.done"), "line": words.get("finishing.answer"), "answer": True}


def _ticket(state: TicketShown, session: Session, settings: Settings, words: Words) -> dict[str, Any]:
    services = {service.code: service for service in settings.kiosk.services}
    service = services.get(state.ticket.service_code)
    name = "" if service is None else service.name_en if session.language == "en" else service.name_vi
    return (
        _numbers(state, words)
        | _lines(state, words)
        | {
            "service": plain(name),
            "needs_counter": state.needs_counter,
            "take_card": session.card_present,
        }
    )


def _numbers(state: TicketShown, words: Words) -> dict[str, Any]:
    """One number stands large, the one that is called next: at the counter ours, at the room the hospital's own."""
    told, own = state.told, plain(state.ticket.number)[:16]
    theirs, room = number_text(told), room_text(told, words)
    here = shortened(room) if not state.needs_counter else ""
    number, title = (own, "ticket.title") if state.needs_counter or not theirs else (theirs, "ticket.title.hospital")
    return {
        "own": own,
        "number": number,
        "size": next((size for size, most in SIZES.items() if len(number) <= most), "longest"),
        "title": words.get(title),
        "room": here,
        "next": words.get("ticket.next.room" if here else "ticket.next"),
    }


def _lines(state: TicketShown, words: Words) -> dict[str, Any]:
    """What stands below the number, in letters that are read from afar: room for two lines, or one and what is next.

    Whoever goes to the counter first has one way to go: of room and fees they hear there, where nothing is to be said
    of their insurance the room is told behind it.
    """
    told = state.told
    coverage = None if state.coverage is None else coverage_line(state.coverage, words, at_the_end=True)
    where = where_text(told, words)
    if state.needs_counter and where and coverage is None:
        return {"after": Line(words.get("ticket.after", where=where), "door", "plain"), "coverage": None, "more": ()}
    more: list[Line] = []
    if told is not None and not state.needs_counter:
        fees, record = fees_text(told.fees, words), plain(told.record_number or "")[:NUMBER]
        more += [Line(fees, "coins", "plain")] if fees else []
        more += [Line(words.get("ticket.record", number=record), "card", "plain")] if record else []
    return {"after": None, "coverage": coverage, "more": more[: 1 if coverage else 2]}


def _failed(state: Failed, words: Words) -> dict[str, Any]:
    paths = [(path.value, words.get(f"path.{path.value}")) for path in state.paths]
    if not paths:
        paths = [(NextPath.STAFF.value, words.get("path.staff"))]
    return {"title": words.error(state.code).title, "paths": paths, "code": plain(state.code)[:40]}


def _refused(words: Words) -> Line:
    """The insurance card held up is not this person's."""
    return Line(words.get("confirm.insurance_other"), "warning", "care")


def coverage_line(coverage: Coverage | None, words: Words, at_the_end: bool = False) -> Line:
    """The insurance answer in plain words; None: still being asked. `at_the_end` it says who goes on with it."""
    if coverage is None:
        return Line(words.get("coverage.pending"), "clock", "busy")
    if coverage.act is Act.ASK_OTHER_NUMBER:
        return Line(words.get("coverage.at_counter" if at_the_end else "coverage.not_found"), "person", "care")
    icon, tone = TONES[coverage.verdict]
    return Line(words.get(f"coverage.{coverage.verdict.value}"), icon, tone)


def proof_line(evidence: Evidence, complete: bool, words: Words) -> Line:
    """How strongly the identity is proven, never said stronger than it is."""
    match evidence.source:
        case Source.CHIP if not complete:
            return Line(words.get("proof.running"), "clock", "busy")
        case Source.CHIP:
            key, icon, tone = _chip_proof(evidence.checks or Checks())
            return Line(words.get(key), icon, tone)
        case Source.TYPED:
            return Line(words.get("proof.typed"), "person", "plain")
        case Source.MRZ:
            return Line(words.get("proof.mrz"), "person", "plain")
        case Source.CARD_QR | Source.PHONE_QR | Source.INSURANCE_QR:
            return Line(words.get("proof.qr"), "person", "plain")


def _chip_proof(checks: Checks) -> tuple[str, str, str]:
    """Verified means: the data is the state's own (passive authentication, Doc 9303-11, 5.1) and the chip no copy."""
    genuine = (checks.hashes, checks.signature, checks.chain)
    original = (checks.chip_authentication, checks.active_authentication)
    if any(check.result is Outcome.FAILED for check in (checks.access, *genuine, *original, checks.agreement)):
        return "proof.failed", "person", "care"
    passed = Outcome.PASSED
    if all(check.result is passed for check in genuine) and any(check.result is passed for check in original):
        return "proof.verified", "shield", "good"
    return "proof.partial", "shield", "plain"
