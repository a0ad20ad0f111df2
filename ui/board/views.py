"""What a board shows, as text in its languages: names masked here, so that nothing else ever reaches the page.

Must not import Flask.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.front import RECEPTION, BoardSettings, CounterPlace, ServiceSettings
from kiosk.queue.board import BoardRead
from kiosk.queue.model import Call, Priority
from kiosk.queue.rules import Rules
from ui.masking import mask_name
from ui.voice import clips_of_call
from ui.words import Words
from wire.codec import Record


@dataclass(frozen=True)
class Label:
    """One text in one language."""

    language: str
    text: str


@dataclass(frozen=True)
class RowView:
    """One call. `mark`: "", "priority" or "emergency"; `name` is masked already."""

    sequence: int
    number: str
    counter: str
    places: tuple[Label, ...]
    name: str
    mark: str
    marks: tuple[Label, ...]


@dataclass(frozen=True)
class CountView:
    """How many wait in one queue."""

    labels: tuple[Label, ...]
    count: int


@dataclass(frozen=True)
class BoardView:
    """A board's changing part."""

    rows: tuple[RowView, ...]
    waiting: tuple[CountView, ...]
    next_up: tuple[str, ...]

    @property
    def marked(self) -> bool:
        """Whether somebody with a priority stands there, which the others are to understand."""
        return any(row.mark for row in self.rows)


class Spoken(Record, frozen=True, kw_only=True):
    """A call in one language, as clips."""

    language: str
    clips: tuple[str, ...]


class SpokenCall(Record, frozen=True, kw_only=True):
    """A call that may still have to be spoken. `at`: seconds since the epoch."""

    sequence: int
    at: int
    spoken: tuple[Spoken, ...]


class Calls(Record, frozen=True, kw_only=True):
    """What a page is told beside its picture: the server's clock (seconds since the epoch), the calls to be spoken."""

    now: float
    offset_minutes: int
    calls: tuple[SpokenCall, ...]


Clips = Callable[[str], Collection[str]]  # the clips there are in a language


def board_view(read: BoardRead, board: BoardSettings, rules: Rules, words: Mapping[str, Words]) -> BoardView:
    """A board as it stands. `words`: by the board's languages."""
    said = [words[language] for language in board.languages]
    return BoardView(
        tuple(_row(call, board, rules, said) for call in read.calls),
        tuple(
            CountView(tuple(Label(one.language, queue_name(rules.services, queue, one)) for one in said), count)
            for queue, count in read.waiting.items()
        ),
        read.next_up,
    )


def calls_told(read: BoardRead, board: BoardSettings, clips: Clips, now: datetime, utc_offset_minutes: int) -> Calls:
    """What may have to be spoken, in each of the board's languages."""
    calls = tuple(
        SpokenCall(
            sequence=call.sequence,
            at=call.at,
            spoken=tuple(
                Spoken(language=language, clips=clips_of_call(call.number, call.counter, clips(language)))
                for language in board.languages
            ),
        )
        for call in read.fresh
    )
    return Calls(now=now.timestamp(), offset_minutes=utc_offset_minutes, calls=calls)


def title_of(board: BoardSettings, language: str, words: Words) -> str:
    """The board's own title, or what every board is called."""
    own = {"vi": board.title_vi, "en": board.title_en, **board.titles}
    return own.get(language) or words.get("board.title")


def place_name(counter: CounterPlace, language: str) -> str:
    """Where people are called to; in English where this language has no name for it."""
    return {"vi": counter.name_vi, "en": counter.name_en, **counter.names}.get(language, counter.name_en)


def queue_name(services: Mapping[str, ServiceSettings], queue: str, words: Words) -> str:
    """What people wait for."""
    if queue == RECEPTION or queue not in services:
        return words.get("board.reception")
    service = services[queue]
    return {"vi": service.name_vi, "en": service.name_en, **service.names}.get(words.language, service.name_en)


def _row(call: Call, board: BoardSettings, rules: Rules, said: Sequence[Words]) -> RowView:
    mark = {Priority.NONE: "", Priority.EMERGENCY: "emergency"}.get(call.priority, "priority")
    place = rules.counters.get(call.counter)
    return RowView(
        sequence=call.sequence,
        number=call.number,
        counter=call.counter,
        places=_unlike(Label(one.language, place_name(place, one.language) if place else call.counter) for one in said),
        name=mask_name(call.full_name) if board.names == "masked" else "",
        mark=mark,
        # Why somebody goes first is nobody's business in a hall; that it is by law, everybody's.
        marks=tuple(Label(one.language, one.get(f"board.{mark}")) for one in said) if mark else (),
    )


def _unlike(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Each text once: a room that is called alike in two languages stands there once."""
    found: dict[str, Label] = {}
    for label in labels:
        found.setdefault(label.text, label)
    return tuple(found.values())
