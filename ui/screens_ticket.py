"""The ticket's screen: which number stands large, where to go, how long it may take, what became of the paper.

Pure; no Flask.
"""

from typing import Any

from config.settings import Settings
from hisbridge.records import HospitalAnswer
from kiosk.policy import Policy
from kiosk.queue.model import Wait
from kiosk.states import Goodbye, Paper, Session, Ticket, TicketShown
from ui.hospital import NUMBER, fees_text, number_text, room_text, shortened, where_text
from ui.lines import Line, coverage_line
from ui.masking import plain
from ui.saying import Said, Saying, clips_of
from ui.site_voice import folded, named_rooms
from ui.voice import NATIVE, clips_of_room, clips_of_ticket, clips_of_wait

SIZES = {"short": 5, "medium": 7, "long": 10}  # letters that a ticket's number may have in each size
ROOMY = 2  # lines that stand below the largest number


def ticket_page(state: TicketShown, session: Session, settings: Settings, words: Saying) -> dict[str, Any]:
    """What the ticket's template needs."""
    numbers, below = _numbers(state, settings, words), _lines(state, words)
    # Where the hospital named a room its own order holds, not ours.
    wait = "" if numbers["room"] else wait_text(state.wait, state.needs_counter, words)
    counted = sum((state.needs_counter, bool(below["after"]), bool(below["coverage"]), len(below["more"])))
    paper = state.paper_problem is not None and state.paper is Paper.NONE
    # Whoever got no paper has the number on the screen only: it matters more than what the hospital told besides.
    more = () if paper or (wait and counted >= ROOMY) else below["more"]
    # Where nothing else says what to do next, a line of its own does.
    leads = not (wait or paper or numbers["room"] or state.needs_counter)
    if leads:
        more = more[: 0 if below["coverage"] else 1]
    coverage = None if paper and (wait or state.needs_counter) else below["coverage"]
    if paper and state.needs_counter:
        wait = ""
    return (
        numbers
        | below
        | {
            "more": more,
            "leads": leads,
            "coverage": coverage,
            "service": service_name(state.ticket, settings, words),
            "needs_counter": state.needs_counter,
            "wait": wait,
            "paper": words.get("ticket.not_printed") if paper else "",
            "again": state.paper is Paper.PRINTED and state.printed_again < Policy.print_again,
            "hand": hand_text(state.paper, session.card_present, words),
            "snug": bool(numbers["room"] or paper or (wait and state.needs_counter) or counted > ROOMY),
        }
    )


def ticket_speech(context: dict[str, Any], words: Saying) -> tuple[str, ...]:
    """The number letter by letter, where to go with it, and what is not to be forgotten."""
    where = words.get("ticket.counter") if context["needs_counter"] else context["next"]
    told = [context["room"], where, context["wait"], context["paper"], context["hand"]]
    return (*clips_of_ticket(context["number"]), *(clip for text in told for clip in clips_of(text)))


def goodbye_page(state: Goodbye, session: Session, settings: Settings, words: Saying) -> dict[str, Any]:
    """Where to go now, and the card that is still there."""
    room = "" if state.needs_counter else room_text(HospitalAnswer(room=state.room), words)
    go = words.get("goodbye.counter" if state.needs_counter else "goodbye.wait")
    if room:
        told = words.get("goodbye.room", room=shortened(room))
        go = Said(told, _way_to(room, settings), told.foreign)
    return {"go": go, "card": words.get("ticket.take_card") if session.card_present else ""}


def wait_text(wait: Wait | None, needs_counter: bool, words: Saying) -> str:
    """People ahead and minutes as a range, said to be an estimate; short where the way to the counter is told too."""
    if wait is None:
        return ""
    least, most = max(0, wait.least_minutes), max(0, wait.most_minutes)
    minutes = f"{least}–{most}" if most > least else str(most)  # a range is written with this dash
    who = "next" if wait.ahead <= 0 else "one" if wait.ahead == 1 else "many"
    form = "ticket.wait.short" if needs_counter else "ticket.wait"
    told = words.get(f"{form}.{who}", ahead=wait.ahead, minutes=minutes)
    return Said(told, clips_of_wait(wait.ahead, least, most), told.foreign)


def hand_text(paper: Paper, card: bool, words: Saying) -> str:
    """What the hand does now: take the card, the paper, both; nothing: empty."""
    if paper is Paper.PRINTING:
        return words.get("ticket.printing")
    if paper is Paper.PRINTED:
        return words.get("ticket.take_both" if card else "ticket.take_paper")
    return words.get("ticket.take_card") if card else ""


def foreign_of(room: str, words: Saying) -> str:
    """The language of a room's name where it is not the screen's: hospitals name theirs in Vietnamese."""
    if isinstance(room, Said):
        return room.foreign
    return "" if words.language == NATIVE else NATIVE


def service_name(ticket: Ticket, settings: Settings, words: Saying) -> str:
    """The service's name in the person's language, as the site wrote it."""
    for service in settings.kiosk.services:
        if service.code == ticket.service_code:
            return name_in(service.name_vi, service.name_en, service.names, words)
    return ""


def name_in(vietnamese: str, english: str, others: dict[str, str], words: Saying) -> Said:
    """The site's own text in a language; one it wrote nothing in is told what its missing words are told in."""
    own = {"vi": vietnamese, "en": english, **others}
    language = words.language if own.get(words.language) else words.base
    return Said(plain(own[language]), foreign="" if language == words.language else language)


def _way_to(room: str, settings: Settings) -> tuple[str, ...]:
    """How the way to a room is said, by the site's own clip of it where the settings know the room."""
    return clips_of_room(room, named_rooms(settings).get(folded(room), ""))


def _numbers(state: TicketShown, settings: Settings, words: Saying) -> dict[str, Any]:
    """One number stands large, the one that is called next: at the counter ours, at the room the hospital's own."""
    told, own = state.told, plain(state.ticket.number)[:16]
    theirs, room = number_text(told), room_text(told, words)
    here = (
        Said(shortened(room), _way_to(room, settings), foreign_of(room, words))
        if room and not state.needs_counter
        else ""
    )
    number, title = (own, "ticket.title") if state.needs_counter or not theirs else (theirs, "ticket.title.hospital")
    return {
        "own": own,
        "number": number,
        "size": next((size for size, most in SIZES.items() if len(number) <= most), "longest"),
        "title": words.get("ticket.title.room" if here else title),
        "room": here,
        "next": words.get("ticket.next.room" if here else "ticket.next"),
    }


def _lines(state: TicketShown, words: Saying) -> dict[str, Any]:
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
    return {"after": None, "coverage": coverage, "more": tuple(more[: 1 if coverage else 2])}
