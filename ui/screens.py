"""From the machine's session to what stands on the screen: which page, which words, which buttons. Pure; no Flask.

Everything personal is masked here, so that no template ever sees a whole name or number.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.front import ServiceSettings
from config.settings import Settings
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
from kiosk.queue.model import DECLARED
from kiosk.states import (
    Adjust,
    AskConsent,
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    ChoosePriority,
    ChooseService,
    Confirm,
    CounterReason,
    Devices,
    Failed,
    Finishing,
    Goodbye,
    Hand,
    Help,
    Keypad,
    KeypadPurpose,
    NextPath,
    NoCard,
    OutOfOrder,
    ReadingChip,
    Session,
    Size,
    Start,
    State,
    Theme,
    TicketShown,
    View,
)
from reader.phases import Phase
from reader.reading import Reading
from ui.lines import TONES as TONES
from ui.lines import Line as Line
from ui.lines import coverage_line as coverage_line
from ui.lines import proof_line as proof_line
from ui.masking import birth_year, mask_name, mask_number, plain
from ui.saying import Said, Saying, clips_of
from ui.screens_ticket import goodbye_page, name_in, ticket_page, ticket_speech
from ui.voice import CONSENT, SERVICE, clips_of_count
from ui.words import Words

DIGITS = {KeypadPurpose.CARD_KEY: 6, KeypadPurpose.PERSONAL_ID: 12}

# What each screen says first, where its title is always the same; the others bring their own.
TITLES = {
    "ask_mrz": "ask_mrz.title",
    "reading": "reading.title",
    "ask_consent": "consent.title",
    "confirm": "confirm.title",
    "choose_service": "services.title",
    "choose_priority": "priority.title",
    "no_card": "no_card.title",
    "out_of_order": "out_of_order.title",
    "adjust": "adjust.title",
    "goodbye": "goodbye.title",
}

# Failures whose title asks for the card to be laid there again.
PLACE_AGAIN = frozenset({"reader.card_mute", "reader.card_shared", "reader.busy", "reader.too_slow"})

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
class Screen:
    """One screen: its stable name, its language, and what its template needs.

    `token` is the same while it is the same screen for the same person: a touch that was meant for another one is
    recognised by it. It holds nothing personal.
    """

    name: str
    language: str
    token: str
    warned: bool
    called: bool = False  # help was called, and nobody has said yet that they are coming
    view: View = field(default_factory=View)
    speech: tuple[str, ...] = ()  # clips that say it; nothing personal but the ticket's number
    warning: Mapping[str, Said] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


def screen_of(session: Session, settings: Settings, words: Words) -> Screen:
    """The screen for a session, in the session's language."""
    said = Saying(words)
    name, context = _page(session, settings, said)
    offered = settings.kiosk.display.languages
    language = session.language if session.language in offered else settings.kiosk.language
    warning = _warning(session.card_taken, said) if session.warned else {}
    # Each state has its moment of entry. Start and reading keep one token: their picture and bar go on smoothly.
    seed = name if name in ("start", "reading") else f"{name} {session.run} {session.entered}"
    return Screen(
        name=name,
        language=language,
        token=hashlib.blake2s(seed.encode(), digest_size=6).hexdigest(),
        warned=session.warned,
        called=session.help_call is not None,
        view=view_of(session, settings),
        speech=_spoken(*warning.values()) if warning else _called(session, said) + _speech(name, context, said),
        warning=warning,
        context=context,
    )


def view_of(session: Session, settings: Settings) -> View:
    """How the screen looks and sounds: as the person wants it, else as the site has it."""
    wanted, display = session.view, settings.kiosk.display
    return View(
        theme=wanted.theme or Theme(display.theme),
        size=wanted.size or Size(display.size),
        hand=wanted.hand or Hand(display.hand),
        muted=wanted.muted or not settings.kiosk.voice.enabled,
    )


def consent_shown(settings: Settings, language: str) -> tuple[str, str]:
    """The consent's text for a person of this language, and the language it really is in."""
    consent = settings.kiosk.consent
    texts = {**consent.texts, "vi": consent.text_vi, "en": consent.text_en}
    for one in (language, settings.kiosk.language, "vi", "en"):
        if text := " ".join(texts.get(one, "").split()):
            return text, one
    return "", language


def _warning(card_taken: bool, words: Saying) -> dict[str, Said]:
    """What covers the screen before it starts over: why, what happens, and the button that stops it."""
    kind = "card_taken" if card_taken else "idle"
    return {"title": words.get(f"{kind}.title"), "note": words.get("idle.note"), "stay": words.get(f"{kind}.stay")}


def _called(session: Session, words: Saying) -> tuple[str, ...]:
    """That help is called, where its button has said so in a corner only."""
    stays = session.help_call is not None and not isinstance(session.state, Help | Goodbye)
    return _spoken(words.get("help.title.called")) if stays else ()


def _speech(name: str, context: Mapping[str, Any], words: Saying) -> tuple[str, ...]:
    """What is said when the screen comes: what is wrong, then what is asked. Never who somebody is."""
    if name == "ticket":
        return ticket_speech(dict(context), words)
    title = words.get(TITLES[name]) if name in TITLES else context.get("title", "")
    behind = [context.get(more, "") for more in ("text", "body", "device", "go", "card")]
    told = _spoken(context.get("notice") or "", context.get("problem") or "", title, *behind)
    # What there is to choose from, for whoever cannot read it; a name without a clip is left out.
    return told + tuple(SERVICE + code for code, _ in context["services"]) if name == "choose_service" else told


def _spoken(*texts: str) -> tuple[str, ...]:
    return tuple(clip for text in texts for clip in clips_of(text))


def _page(session: Session, settings: Settings, words: Saying) -> tuple[str, dict[str, Any]]:
    """The screen's name and what its template needs."""
    state: State = session.state
    match state:
        case Start():
            return "start", _start(state, session, words)
        case Adjust():
            return "adjust", {"voice": settings.kiosk.voice.enabled}
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
        case Failed():
            return "failed", _failed(state, words)
        case Help():
            return "help", _help(state, words)
        case OutOfOrder():
            return "out_of_order", _out_of_order(state, words)
        case _:
            return _page_of_a_visit(session, settings, words)


def _page_of_a_visit(session: Session, settings: Settings, words: Saying) -> tuple[str, dict[str, Any]]:
    """The screens from the question "is this you?" to the goodbye."""
    state: State = session.state
    match state:
        case AskConsent():
            text, language = consent_shown(settings, session.language)
            # What it is about in one sentence of ours, then the site's own text, where there is a clip of it.
            spoken = (*clips_of(words.get("consent.about")), CONSENT)
            return "ask_consent", {"text": Said(text, spoken), "text_language": language}
        case Confirm():
            several = len(_offered(settings)) > 1
            # Where a service is chosen next, the priority is asked for there.
            asked = {"priority": session.choice.priority.value, "asks_priority": not several}
            return "confirm", _confirm(state, words) | asked
        case ChooseService():
            services = _services(_offered(settings), words)
            return "choose_service", {"services": services, "priority": session.choice.priority.value}
        case ChoosePriority():
            declared = [priority.value for priority in DECLARED]
            return "choose_priority", {"declared": declared, "priority": session.choice.priority.value}
        case Finishing():
            return "finishing", _finishing(state, words)
        case AskInsurance():
            return "ask_insurance", _ask_insurance(state, session.devices, words)
        case AwaitAnswer():
            return "finishing", _awaits(words)
        case NoCard():
            free = [service for service in settings.kiosk.services if service.offered and not service.identity]
            reasons = [reason.value for reason in CounterReason if reason]
            return "no_card", {"reasons": reasons, "services": _services(free, words)}
        case TicketShown():
            return "ticket", ticket_page(state, session, settings, words)
        case Goodbye():
            return "goodbye", goodbye_page(state, session, settings, words)
        case _:
            raise AssertionError(type(state).__name__)  # `_page` has the others


def _offered(settings: Settings) -> list[ServiceSettings]:
    """What is chosen from after somebody was read, as `kiosk.policy.Policy.offered` has it."""
    return [service for service in settings.kiosk.services if service.offered and service.identity]


def _services(services: Sequence[ServiceSettings], words: Saying) -> list[tuple[str, str]]:
    """Code and name of each. Its place among them is heard in any case, its name where the site has a clip of it."""
    choice = clips_of(words.get("services.choice"))
    named = [(service.code, name_in(service.name_vi, service.name_en, service.names, words)) for service in services]
    return [
        (code, Said(name, (*choice, *clips_of_count(place), SERVICE + code), name.foreign))
        for place, (code, name) in enumerate(named, 1)
    ]


def _help(state: Help, words: Saying) -> dict[str, Any]:
    how = "answered" if state.answered else "called" if state.call_id is not None else ""
    behind = f".{how}" if how else ""
    return {"how": how, "title": words.get(f"help.title{behind}"), "body": words.get(f"help.body{behind}")}


def _out_of_order(state: OutOfOrder, words: Saying) -> dict[str, Any]:
    device = words.get(f"out_of_order.{state.device}") if state.device else ""
    return {"code": plain(state.code)[:40], "device": device, "go": words.get("out_of_order.go")}


def _problem(code: str | None, words: Saying) -> dict[str, Any]:
    return {"notice": words.title(code) if code else None}


def _start(state: Start, session: Session, words: Saying) -> dict[str, Any]:
    sees_codes = session.devices.sees_codes
    other_ways = words.get("start.other_ways" if sees_codes else "start.other_ways.none")
    ready = {"reader_ready": session.reader_ready, "sees_codes": sees_codes}
    title = words.get("start.place_card") if session.reader_ready else other_ways
    return ready | {"title": title} | _problem(state.notice, words)


def eyes_of(devices: Devices) -> str:
    """What a code can be held up to: `scanner`, `camera`, `both`, `none`."""
    if devices.scans:
        return "both" if devices.camera else "scanner"
    return "camera" if devices.camera else "none"


def _asks(screen: str, devices: Devices, words: Saying) -> dict[str, Any]:
    """The words by which a screen asks for a code: never where nothing looks."""
    eyes = eyes_of(devices)
    title = {
        "scanner": f"{screen}.title",
        "none": "keypad.card_key.title" if screen == "ask_key" else "ask_qr.title.none",
    }.get(eyes, f"{screen}.title.{eyes}")
    return {"eyes": eyes, "title": words.get(title)}


def _keypad(state: Keypad, words: Saying) -> dict[str, Any]:
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


def _ask_insurance(state: AskInsurance, devices: Devices, words: Saying) -> dict[str, Any]:
    seen = "ask_insurance.title" if devices.sees_codes and not state.typed else "ask_insurance.title.none"
    problem = INSURANCE_PROBLEMS.get(state.problem, "unreadable") if state.problem else "none"
    return {
        "title": words.get(seen),
        "purpose": "insurance",
        "length": NUMBER_DIGITS,
        "groups": (3, 3, 4),
        "problem": words.get(f"ask_insurance.{problem}"),
    }


def _reading(state: ReadingChip, words: Saying) -> dict[str, Any]:
    known = {phase.value for phase in Phase}
    name = Phase(state.phase).name.lower() if state.phase in known else "other"
    percent = max(0, min(100, state.progress))
    return {"phase": words.get(f"reading.phase.{name}"), "percent": percent}


def _person(reading: Reading, words: Saying) -> dict[str, Any]:
    year = birth_year(reading.holder.birth_date)
    number = mask_number(reading.holder.personal_id)  # its last digits may be heard: by headphones, when asked for
    name = mask_name(reading.holder.full_name)
    return {
        "name": name,
        "size": "short" if len(name) <= 17 else "long",
        "born": words.get("confirm.born", year=year) if year else "",
        "number": words.get("confirm.number", number=number) if number else "",
    }


def _confirm(state: Confirm, words: Saying) -> dict[str, Any]:
    return {
        "person": _person(state.reading, words),
        "coverage": _refused(words) if state.problem else coverage_line(state.coverage, words),
        "proof": proof_line(state.reading.evidence, state.complete, words),
    }


def _finishing(state: Finishing, words: Saying) -> dict[str, Any]:
    if state.committing or state.reading is None:
        key = "finishing.commit"
    elif not state.complete:
        key = "finishing.proof"
    else:
        key = "finishing.coverage"
    return {"title": words.get("finishing.title"), "line": words.get(key), "answer": False}


def _awaits(words: Saying) -> dict[str, Any]:
    """No number yet: whoever has learned one by heart is not shown another."""
    return {"title": words.get("finishing.title.done"), "line": words.get("finishing.answer"), "answer": True}


def _failed(state: Failed, words: Saying) -> dict[str, Any]:
    paths = [(path.value, words.get(f"path.{path.value}")) for path in state.paths]
    if not paths:
        paths = [(NextPath.STAFF.value, words.get("path.staff"))]
    # Whoever is not to lay the card there once more is not told to.
    worn = state.code in PLACE_AGAIN and NextPath.CARD_AGAIN not in state.paths
    return {
        "title": words.title("reader.failed" if worn else state.code),
        "go": words.get("failed.choose"),
        "paths": paths,
        "code": plain(state.code)[:40],
    }


def _refused(words: Saying) -> Line:
    """The insurance card held up is not this person's."""
    return Line(words.get("confirm.insurance_other"), "warning", "care")
