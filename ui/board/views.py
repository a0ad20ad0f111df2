"""What a board shows, as text in its languages: names masked here, so that nothing else ever reaches the page.

Must not import Flask.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.front import RECEPTION, BoardSettings, CounterPlace, ServiceSettings
from kiosk.queue.board import BoardRead
from kiosk.queue.model import Call, Priority
from kiosk.queue.rules import Rules
from ui.masking import mask_name
from ui.voice import Clip, clips_of_call
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
    """What a page is told beside its picture: the site's clock against UTC, the calls to be spoken."""

    offset_minutes: int
    calls: tuple[SpokenCall, ...]


Clips = Callable[[str], Mapping[str, Clip]]  # the clips there are in a language


def board_view(read: BoardRead, board: BoardSettings, rules: Rules, words: Mapping[str, Words]) -> BoardView:
    """A board as it stands. `words`: by the board's languages."""
    said = [words[language] for language in board.languages]
    return BoardView(
        tuple(_row(call, board, rules, said) for call in read.calls),
        tuple(
            CountView(_unlike(queue_name(rules.services, queue, one) for one in said), count)
            for queue, count in read.waiting.items()
        ),
        read.next_up,
    )


def calls_told(read: BoardRead, board: BoardSettings, clips: Clips, utc_offset_minutes: int) -> Calls:
    """What may have to be spoken, in each of the board's languages."""
    calls = tuple(
        SpokenCall(
            sequence=call.sequence,
            at=call.at,
            spoken=_spoken(call, board.languages, clips),
        )
        for call in read.fresh
    )
    return Calls(offset_minutes=utc_offset_minutes, calls=calls)


def _spoken(call: Call, languages: Iterable[str], clips: Clips) -> tuple[Spoken, ...]:
    """A call in each language that has a voice of its own: what would sound alike is said once."""
    found: dict[object, Spoken] = {}
    for language in languages:
        there = clips(language)
        told = clips_of_call(call.number, call.counter, there)
        sounds = tuple(there[clip].file for clip in told if clip in there)
        found.setdefault(sounds or language, Spoken(language=language, clips=told))
    return tuple(found.values())


def titles_of(board: BoardSettings, said: Iterable[Words]) -> tuple[Label, ...]:
    """The board's own title in each language, or what every board is called."""
    own = {"vi": board.title_vi, "en": board.title_en, **board.titles}
    return _unlike(
        Label(words.language, own[words.language])
        if own.get(words.language)
        else Label(words.language_of("board.title"), words.get("board.title"))
        for words in said
    )


def _named(own: Mapping[str, str], words: Words) -> Label:
    """The site's own name; in a language that it wrote none in, what that language's missing words are told in."""
    language = words.language if own.get(words.language) else words.base
    return Label(language, own[language])


def place_name(counter: CounterPlace, words: Words) -> Label:
    """Where people are called to."""
    return _named({"vi": counter.name_vi, "en": counter.name_en, **counter.names}, words)


def queue_name(services: Mapping[str, ServiceSettings], queue: str, words: Words) -> Label:
    """What people wait for."""
    if queue == RECEPTION or queue not in services:
        return Label(words.language_of("board.reception"), words.get("board.reception"))
    service = services[queue]
    return _named({"vi": service.name_vi, "en": service.name_en, **service.names}, words)


def told_in(key: str, said: Iterable[Words]) -> tuple[Label, ...]:
    """The words of `key` in a board's languages, their placeholders left to the page; what one lacks is told in
    another, and stands there once."""
    return _unlike(Label(words.language_of(key), words.raw(key)) for words in said)


def _row(call: Call, board: BoardSettings, rules: Rules, said: Sequence[Words]) -> RowView:
    mark = {Priority.NONE: "", Priority.EMERGENCY: "emergency"}.get(call.priority, "priority")
    place = rules.counters.get(call.counter)
    return RowView(
        sequence=call.sequence,
        number=call.number,
        counter=call.counter,
        places=_unlike(place_name(place, one) if place else Label(one.language, call.counter) for one in said),
        name=mask_name(call.full_name) if board.names == "masked" else "",
        mark=mark,
        # Why somebody goes first is nobody's business in a hall; that it is by law, everybody's.
        marks=told_in(f"board.{mark}", said) if mark else (),
    )


def _unlike(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Each text once: a room that is called alike in two languages stands there once."""
    found: dict[str, Label] = {}
    for label in labels:
        found.setdefault(label.text, label)
    return tuple(found.values())
