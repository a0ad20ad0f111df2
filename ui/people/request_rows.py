"""What the page of persons' requests shows, made of what is kept. Persons stand on it by a reference alone. Must not
import Flask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kiosk.requests import Kind, Request, due_day, is_late
from ui.words import Words

CHANNELS = ("counter", "letter", "phone", "mail")
SHOWN_OF_REFERENCE = 8  # characters: enough to tell two persons of a page apart
MOST_DONE = 100
ACT = {Kind.VIEW: "copy", Kind.COPY: "copy", Kind.ERASE: "look", Kind.WITHDRAW: "withdraw"}


@dataclass(frozen=True)
class RequestRow:
    """One request. `due`: of what comes next, its answer or the whole; `act`: what is done here with the person's
    number typed: `copy`, `look` (before erasing), `withdraw`, or nothing; `ended`: how, when and by whom."""

    number: int
    kind: str
    kind_text: str
    asker: str
    channel: str
    person: str
    asked: str
    taken_by: str
    due: str
    due_text: str
    latest: str
    late: bool
    answered: str
    act: str
    ended: str
    ended_at: str
    ended_by: str


def open_rows(requests: Sequence[Request], today: date, words: Words) -> tuple[RequestRow, ...]:
    """Those that wait, the one that is due first before the others: what is late longest stands on top."""
    waiting = sorted((one for one in requests if one.done_at is None), key=lambda one: (due_day(one), one.number))
    return tuple(_row(one, today, words) for one in waiting)


def done_rows(requests: Sequence[Request], today: date, words: Words) -> tuple[RequestRow, ...]:
    """Those that ended, the last first."""
    ended = sorted(
        (one for one in requests if one.done_at is not None), key=lambda one: one.done_at or "", reverse=True
    )
    return tuple(_row(one, today, words) for one in ended[:MOST_DONE])


def _row(one: Request, today: date, words: Words) -> RequestRow:
    return RequestRow(
        number=one.number,
        kind=one.kind.value,
        kind_text=words.get(f"person.kind.{one.kind.value}"),
        asker=words.get(f"person.asker.{one.asked_by.value}"),
        channel=words.get(f"person.channel.{one.channel}") if one.channel in CHANNELS else one.channel,
        person=one.person[:SHOWN_OF_REFERENCE],
        asked=_day(one.asked_at),
        taken_by=one.taken_by,
        due=_day(due_day(one)),
        due_text=words.get("people.requests.due.whole" if one.answered_at else "people.requests.due.answer"),
        latest=_day(one.latest_due),
        late=is_late(one, today),
        answered=_day(one.answered_at) if one.answered_at else "",
        act=ACT.get(one.kind, ""),
        ended=words.get(f"person.outcome.{one.outcome.value}") if one.outcome else "",
        ended_at=_day(one.done_at) if one.done_at else "",
        ended_by=one.done_by or "",
    )


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d/%m/%Y}"
