"""From what a counter has before it to what its page says: who is here, who is next, which key does what. Pure.

Whole names stand here: the screen is turned to the staff. They are in no address and in no log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.front import RECEPTION
from hisbridge.questions import Citizen
from hisbridge.records import Guardian
from kiosk.counter_desk import DeskView, Line, Someone
from kiosk.counter_edit import Changed
from kiosk.help_calls import HelpCall
from kiosk.queue.model import Entry, MoveKind, Priority, PriorityBy, Standing
from kiosk.queue.rules import Rules
from ui.counter.views import LONG, Fact, moment_text
from ui.masking import plain
from ui.words import Words

CALL_NEXT = "call_next"
UNDO = "undo"
KEYS: Mapping[str, str] = {
    CALL_NEXT: "F9",
    MoveKind.CALL: "F9",
    MoveKind.BEGIN: "F10",
    MoveKind.RECALL: "F8",
    MoveKind.MISS: "F7",
    MoveKind.HOLD: "F6",
    MoveKind.FINISH: "F4",
    MoveKind.RETURN: "q",
    MoveKind.TRANSFER: "t",
    MoveKind.PRIORITY: "p",
    UNDO: "u",
}
_HERE = (MoveKind.HOLD, MoveKind.FINISH, MoveKind.RETURN, MoveKind.TRANSFER, MoveKind.PRIORITY)
POSSIBLE: Mapping[Standing, tuple[MoveKind, ...]] = {
    Standing.WAITING: (MoveKind.CALL, MoveKind.TRANSFER, MoveKind.PRIORITY),
    Standing.CALLED: (MoveKind.BEGIN, MoveKind.RECALL, MoveKind.MISS, *_HERE),
    Standing.SERVED: _HERE,
    Standing.HELD: (MoveKind.CALL, MoveKind.RETURN, MoveKind.TRANSFER, MoveKind.PRIORITY),
    Standing.MISSED: (MoveKind.CALL, MoveKind.RETURN, MoveKind.TRANSFER, MoveKind.PRIORITY),
    Standing.DONE: (MoveKind.TRANSFER,),
    Standing.CANCELLED: (),
}
PANELS = (MoveKind.TRANSFER, MoveKind.PRIORITY)  # ask something first


@dataclass(frozen=True)
class ActView:
    """One act: what it is, its key as pressed and as shown, its words; `panel`: it asks something first."""

    kind: str
    key: str
    label: str
    panel: bool = False

    @property
    def shown(self) -> str:
        """The key as it stands on the button."""
        return self.key.upper() if len(self.key) == 1 else self.key


@dataclass(frozen=True, repr=False)
class PersonView:
    """Somebody in a list. `since`: seconds since the epoch; `priority`: why they go first, empty where they do not."""

    key: str
    number: str
    name: str
    where: str
    since: int
    queue: str
    priority: str
    confirmed: bool


@dataclass(frozen=True, repr=False)
class CurrentView:
    """Whom the counter has. `standing`: the state in words; `spoken`: what a screen reader says of it."""

    person: PersonView
    standing: str
    called: bool
    calls: int
    visit_id: str | None
    acts: tuple[ActView, ...]
    spoken: str
    onward: str = ""  # where they wait next, once done here


@dataclass(frozen=True)
class LineView:
    """One queue: its name, how many wait, since when the first does."""

    name: str
    waiting: int
    since: int | None


@dataclass(frozen=True)
class HelpView:
    """A call for help: which kiosk, on which screen, since when."""

    call_id: int
    text: str
    since: int


@dataclass(frozen=True)
class Target:
    """Where somebody may be sent: a queue, or one counter of it."""

    queue: str
    counter: str
    name: str
    waiting: int | None = None


def act_view(kind: str, words: Words) -> ActView:
    """An act with its key and words."""
    return ActView(kind, KEYS[kind], words.get(f"counter.do.{kind}"), kind in PANELS)


def next_view(current: "CurrentView | None", words: Words) -> ActView:
    """The call of the next, with what becomes of whom the counter has."""
    if current is None:
        return act_view(CALL_NEXT, words)
    key = f"counter.do.call_next.{'called' if current.called else 'served'}"
    return ActView(CALL_NEXT, KEYS[CALL_NEXT], words.get(key, number=current.person.number))


def absent_text(absent: Sequence[tuple[Entry, MoveKind]], words: Words) -> str:
    """What became of whoever did not come; empty where everybody did."""
    return ". ".join(words.get(f"counter.absent.{kind.value}", number=plain(one.number)[:16]) for one, kind in absent)


def acts_of(entry: Entry, counter: str, words: Words) -> tuple[ActView, ...]:
    """What this counter may do with this ticket; nothing while another has called it."""
    place = entry.place
    elsewhere = place.standing in (Standing.CALLED, Standing.SERVED) and place.counter != counter
    return () if elsewhere else tuple(act_view(kind, words) for kind in POSSIBLE[place.standing])


def person_view(someone: Someone, rules: Rules, words: Words) -> PersonView:
    """Somebody as the lists show them."""
    entry = someone.entry
    return PersonView(
        key=entry.ticket_id,
        number=plain(entry.number)[:16],
        name=plain(someone.full_name or "")[:LONG] or words.get("counter.no_name"),
        where=f"/counter/visits/{entry.visit_id}" if entry.visit_id else f"/counter/tickets/{entry.ticket_id}",
        since=entry.since,
        queue=queue_name(entry.place.queue, rules, words),
        priority=priority_text(entry, words),
        confirmed=entry.place.confirmed,
    )


def current_view(someone: Someone | None, rules: Rules, counter: str, words: Words) -> CurrentView | None:
    """Whom the counter has, with what can be done."""
    if someone is None:
        return None
    person, place = person_view(someone, rules, words), someone.entry.place
    standing = words.get(f"counter.standing.{place.standing.value}")
    follows = rules.follows(place, counter)
    return CurrentView(
        person=person,
        standing=standing,
        called=place.standing is Standing.CALLED,
        calls=place.calls,
        visit_id=someone.entry.visit_id,
        acts=acts_of(someone.entry, counter, words),
        spoken=". ".join(part for part in (standing, person.number, person.name, person.priority) if part),
        onward=queue_name(follows, rules, words) if follows else "",
    )


def line_view(line: Line, rules: Rules, words: Words) -> LineView:
    """One queue of the counter."""
    return LineView(queue_name(line.queue, rules, words), line.waiting, line.since)


def help_view(call: HelpCall, words: Words) -> HelpView:
    """A call for help in words."""
    screen = f"counter.help.screen.{call.screen}"
    where = words.get(screen) if screen in words else ""
    text = words.get("counter.help.call", kiosk=plain(call.kiosk_id)[:32])
    return HelpView(call.call_id, f"{text} ({where})" if where else text, call.at)


def lists_of(view: DeskView) -> tuple[tuple[str, tuple[Someone, ...]], ...]:
    """The lists of people beside whom the counter has, by the key of their title."""
    return ("next", view.next_up), ("held", view.held), ("missed", view.missed)


def queue_name(queue: str, rules: Rules, words: Words) -> str:
    """A queue as people call it."""
    if queue == RECEPTION:
        return words.get("counter.queue.reception")
    service = rules.services.get(queue)
    if service is None:
        return plain(queue)[:16]
    return service.name_vi if words.language == "vi" else service.name_en


def counter_name(code: str, rules: Rules, words: Words) -> str:
    """A counter as people call it."""
    place = rules.counters[code]
    return place.name_vi if words.language == "vi" else place.name_en


def targets_of(rules: Rules, words: Words) -> tuple[Target, ...]:
    """Where somebody may be sent: each queue that is called from, then each counter alone."""
    queues = dict.fromkeys(queue for place in rules.counters.values() for queue in place.queues)
    found = [Target(queue, "", queue_name(queue, rules, words)) for queue in queues]
    for code, place in rules.counters.items():
        found += [
            Target(queue, code, f"{counter_name(code, rules, words)} · {queue_name(queue, rules, words)}")
            for queue in place.queues
        ]
    return tuple(found)


def priority_text(entry: Entry, words: Words) -> str:
    """Why somebody goes first, and who says so; empty where they do not."""
    place = entry.place
    if place.priority is Priority.NONE:
        return ""
    by = place.priority_by or PriorityBy.STAFF
    said = "confirmed" if place.confirmed and by is not PriorityBy.AGE else by.value
    return f"{words.get(f'counter.priority.{place.priority.value}')} ({words.get(f'counter.priority.by.{said}')})"


def guardian_facts(guardian: Guardian | None, words: Words) -> tuple[Fact, ...]:
    """Who came with the person."""
    if guardian is None:
        return ()
    told = {
        "guardian_name": guardian.full_name,
        "guardian_relation": words.get(f"counter.relation.{guardian.relation}"),
        "guardian_id": guardian.personal_id,
        "guardian_phone": guardian.phone,
    }
    return tuple(Fact(words.get(f"counter.form.{name}"), plain(text)[:LONG]) for name, text in told.items() if text)


def changed_lines(changes: Sequence[Changed], offset: int, words: Words) -> tuple[str, ...]:
    """What was corrected, one line each."""
    return tuple(
        words.get(
            "counter.corrected.field",
            field=words.get(f"counter.form.{one.field}"),
            before=_shown(one.field, one.before, words),
            after=_shown(one.field, one.after, words),
            reason=plain(one.reason)[:LONG],
            who=plain(one.who)[:LONG],
            time=moment_text(one.at, offset),
        )
        if one.field != "entry"
        else words.get(
            "counter.corrected.entry",
            case=words.get(f"counter.case.{one.reason}"),
            who=plain(one.who)[:LONG],
            time=moment_text(one.at, offset),
        )
        for one in changes
    )


def register_lines(citizen: Citizen, words: Words) -> tuple[str, ...]:
    """Each field in which card and population register differ."""
    return tuple(
        words.get(
            "counter.register.differs",
            field=words.get(f"card.field.{one.field}") if f"card.field.{one.field}" in words else one.field,
            card=plain(one.card or "")[:LONG] or "–",
            register=plain(one.register or "")[:LONG] or "–",
        )
        for one in citizen.differences
    )


def _shown(name: str, text: str, words: Words) -> str:
    for field, key in (("sex", "counter.form.sex"), ("guardian_relation", "counter.relation")):
        if name == field and f"{key}.{text}" in words:
            return words.get(f"{key}.{text}")
    return plain(text)[:LONG] or "–"
