"""From what the bridge tells to what the message desk says: which words, which icon, which tone. Pure; no Flask."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from hisbridge.outbox import State
from hisbridge.outbox_desk import Delivery
from hisbridge.records import HospitalAnswer
from ui.counter.views import Fact, moment_text
from ui.masking import DOTS, plain
from ui.screens import Line
from ui.technician.bridge import Act, Destination
from ui.technician.picture import Picture, picture_of
from ui.technician.watch import Seen
from ui.words import Words

UNREACHABLE = "bridge.unreachable"
_CONDITIONS = {
    "idle": ("clock", "plain"),
    "working": ("check", "good"),
    "failing": ("warning", "care"),
    "stopped": ("cross", "bad"),
}
_STATES = {
    State.QUEUED: ("clock", "plain"),
    State.SENDING: ("clock", "plain"),
    State.HELD: ("hand", "care"),
    State.ACKNOWLEDGED: ("check", "good"),
    State.REJECTED: ("cross", "bad"),
    State.DEAD: ("cross", "bad"),
    State.CANCELLED: ("no", "plain"),
}
ACTS_OF: dict[State, tuple[Act, ...]] = {
    State.QUEUED: ("retry", "hold"),
    State.HELD: ("release", "cancel"),
    State.REJECTED: ("retry", "cancel"),
    State.DEAD: ("retry", "cancel"),
    State.CANCELLED: ("retry",),
    State.ACKNOWLEDGED: ("replay",),
}
BAD = (State.REJECTED, State.DEAD)


@dataclass(frozen=True, repr=False)
class Why:
    """A code in words: what happened and what to do. Both empty where nothing did."""

    code: str = ""
    cause: str = ""
    cure: str = ""


@dataclass(frozen=True, repr=False)
class DestinationView:
    """One destination of the overview. `counters`: what is counted, the figure, and whether it wants a look."""

    name: str
    connector: str
    health: Line
    since: str
    why: Why
    paused: Line | None
    waits_for_us: bool  # nothing is sent before somebody resumes
    counters: tuple[tuple[str, str, bool], ...]
    picture: Picture
    picture_text: str


@dataclass(frozen=True, repr=False)
class DeliveryView:
    """One line of the list."""

    number: int
    made: str
    destination: str
    event: str
    record_id: str
    state: Line
    why: Why
    receipt: str
    attempts: int
    next_attempt: str


def destinations_of(
    seen: Seen, minutes: int, now: datetime, utc_offset_minutes: int, words: Words
) -> tuple[DestinationView, ...]:
    """The overview; `minutes` is how far the pictures look back."""
    return tuple(_destination(one, seen, minutes, now, utc_offset_minutes, words) for one in seen.health.destinations)


def _destination(
    one: Destination, seen: Seen, minutes: int, now: datetime, offset: int, words: Words
) -> DestinationView:
    samples = seen.history.get(one.name, ())
    picture = picture_of(samples, int(now.timestamp() // 60), minutes)
    icon, tone = _CONDITIONS.get(one.condition, ("help", "plain"))
    since = seen.since.get(one.name)
    paused = None
    if one.paused:
        told = words.get("technician.paused")
        if one.paused_at:
            told += " " + words.get("technician.since", time=moment_text(one.paused_at, offset))
        if one.why_paused:
            told += f": {plain(one.why_paused)[:200]}"
        paused = Line(told, "hand", "care")
    return DestinationView(
        name=one.name,
        connector=one.connector,
        health=Line(_known(words, "technician.condition", one.condition), icon, tone),
        since=words.get("technician.since", time=moment_text(since.isoformat(), offset)) if since else "",
        why=why_of(one.problem, words),
        paused=paused,
        waits_for_us=one.paused or one.condition == "stopped",
        counters=_counters(one, now, offset, words),
        picture=picture,
        picture_text=words.get("technician.picture", span=span_text(minutes, words), most=picture.most),
    )


def _counters(one: Destination, now: datetime, offset: int, words: Words) -> tuple[tuple[str, str, bool], ...]:
    told = {
        "waiting": (str(one.waiting), False),
        "oldest": (age_text(one.oldest_created_at, now, words) or "–", False),
        "held": (str(one.held), one.held > 0),
        "acknowledged": (str(one.acknowledged), False),
        "rejected": (str(one.rejected), one.rejected > 0),
        "dead": (str(one.dead), one.dead > 0),
        "last": (moment_text(one.last_acknowledged_at, offset) if one.last_acknowledged_at else "–", False),
    }
    return tuple((words.get(f"technician.counter.{name}"), text, wants) for name, (text, wants) in told.items())


def strip_text(seen: Seen, words: Words) -> Line:
    """How all of it is doing, in one line above the other pages."""
    destinations = seen.health.destinations
    ill = [one.name for one in destinations if one.condition in ("failing", "stopped")]
    told = words.get(
        "technician.strip",
        waiting=sum(one.waiting for one in destinations),
        held=sum(one.held for one in destinations),
        bad=sum(one.rejected + one.dead for one in destinations),
        acknowledged=sum(one.acknowledged for one in destinations),
    )
    if ill:
        told += " " + words.get("technician.strip.ill", names=", ".join(ill))
    return Line(told, "warning" if ill else "check", "care" if ill else "good")


def row_of(delivery: Delivery, utc_offset_minutes: int, words: Words) -> DeliveryView:
    """One line of the list."""
    return DeliveryView(
        number=delivery.delivery_id,
        made=moment_text(delivery.created_at, utc_offset_minutes),
        destination=delivery.destination,
        event=event_text(delivery, words),
        record_id=plain(delivery.record_id)[:64],
        state=state_line(delivery.state, words),
        why=why_of(delivery.last_error, words) if delivery.state is not State.ACKNOWLEDGED else Why(),
        receipt=plain(delivery.receipt or "")[:80] if delivery.state in BAD else "",
        attempts=delivery.attempts,
        next_attempt=moment_text(delivery.next_attempt_at, utc_offset_minutes) if delivery.next_attempt_at else "",
    )


def way_of(delivery: Delivery, utc_offset_minutes: int, words: Words) -> tuple[Fact, ...]:
    """The way of one delivery: made, attempts, what the receiver answered."""
    when = {name: getattr(delivery, name) for name in ("created_at", "next_attempt_at", "finished_at")}
    moments = {name: moment_text(told, utc_offset_minutes) for name, told in when.items() if told}
    told = {
        "created_at": moments.get("created_at"),
        "destination": delivery.destination,
        "event": event_text(delivery, words),
        "record_id": delivery.record_id,
        "idempotency_key": delivery.idempotency_key,
        "attempts": str(delivery.attempts),
        "next_attempt_at": moments.get("next_attempt_at"),
        "finished_at": moments.get("finished_at"),
        "last_error": delivery.last_error,
        "receipt": delivery.receipt,
    }
    return tuple(Fact(words.get(f"technician.way.{name}"), plain(text)[:300]) for name, text in told.items() if text)


def answer_of(answer: HospitalAnswer | None, words: Words) -> tuple[Fact, ...]:
    """What came back. The person's number there is personal and shown by its end alone."""
    if answer is None:
        return ()
    told = {
        "record_number": DOTS + plain(answer.record_number)[-2:] if answer.record_number else None,
        "visit_number": answer.visit_number,
        "queue_number": answer.queue_number,
        "room": answer.room,
        "fees": str(len(answer.fees)) if answer.fees else None,
    }
    return tuple(Fact(words.get(f"technician.answer.{name}"), plain(text)[:200]) for name, text in told.items() if text)


def state_line(state: State, words: Words) -> Line:
    """Where a delivery stands."""
    icon, tone = _STATES[state]
    return Line(words.get(f"technician.state.{state.value}"), icon, tone)


def event_text(delivery: Delivery, words: Words) -> str:
    """What the record tells of the visit; a later one with its number."""
    told = _known(words, "technician.event", delivery.event)
    return f"{told} · {delivery.revision}" if delivery.revision else told


def why_of(code: str | None, words: Words) -> Why:
    """A code of the catalogue in words."""
    if not code:
        return Why()
    told = words.error(UNREACHABLE if code == "wire.unreachable" else code)
    return Why(code, told.cause, told.cure)


def age_text(moment: str | None, now: datetime, words: Words) -> str:
    """How long ago, in the two largest units that tell something; empty where there is no such moment."""
    try:
        since = datetime.fromisoformat(moment or "")
    except ValueError:
        return ""
    minutes = max(int((now - since.replace(tzinfo=since.tzinfo or UTC)).total_seconds() // 60), 0)
    if minutes < 1:
        return words.get("technician.age.now")
    if minutes < 60:
        return words.get("technician.age.minutes", minutes=minutes)
    if minutes < 24 * 60:
        return words.get("technician.age.hours", hours=minutes // 60, minutes=minutes % 60)
    return words.get("technician.age.days", days=minutes // 1440, hours=minutes % 1440 // 60)


def span_text(minutes: int, words: Words) -> str:
    """How far a picture looks back."""
    return words.get("technician.span", hours=minutes // 60)


def visible(text: str) -> str:
    """A message's text with every character that is not seen, or turns the line about, put as a sign of its own."""
    return "".join(_sign(letter) for letter in text)


def _sign(letter: str) -> str:
    if letter in "\n\t" or not unicodedata.category(letter).startswith("C"):
        return letter
    return chr(0x2400 + ord(letter)) if ord(letter) < 0x20 else f"⟨{ord(letter):04X}⟩"


def _known(words: Words, prefix: str, name: str) -> str:
    """The words of a name; one that a newer bridge made up, as it is."""
    key = f"{prefix}.{name}"
    return words.get(key) if key in words else plain(name)[:40]
