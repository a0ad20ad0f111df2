"""From what the bridge tells to what the message desk says: which words, which icon, which tone. Pure; no Flask."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from hisbridge.desk_records import Delivery
from hisbridge.outbox import State
from hisbridge.records import HospitalAnswer
from ui.counter.views import Fact, moment_text
from ui.masking import DOTS, plain
from ui.screens import Line
from ui.technician.bridge import Act, Destination, Entry
from ui.technician.picture import Picture, picture_of
from ui.technician.receipts import field_words, receipt_words
from ui.technician.watch import Seen
from ui.words import Words

UNREACHABLE = "bridge.unreachable"
MOST_RECEIPT = 300  # characters shown
MOST_NAMED = 20  # deliveries named in one line of the audit
_TELL_RECEIPT = ("delivery.misconfigured", "delivery.try_later")  # their detail is what the receiver answered
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


@dataclass(frozen=True, repr=False)
class Why:
    """A code in words: what happened, what to do, and its facts. All empty where nothing did."""

    code: str = ""
    cause: str = ""
    cure: str = ""
    detail: str = ""


@dataclass(frozen=True, repr=False)
class Receipt:
    """What a receiver answered, in words where its kind is known, and as it came."""

    words: str
    raw: str


@dataclass(frozen=True, repr=False)
class Counter:
    """One figure of a destination. `shows`: the list's state it leads to, `wants`: whether it wants a look."""

    name: str
    words: str
    figure: str
    shows: str = ""
    wants: bool = False


@dataclass(frozen=True, repr=False)
class DestinationView:
    """One destination of the overview. `receipt`: the receiver's answer, where that is what it suffers from."""

    name: str
    connector: str
    health: Line
    since: str
    why: Why
    receipt: Receipt | None
    paused: Line | None
    waits_for_us: bool  # nothing is sent before somebody resumes
    pairs: bool  # a local agent: it gives pairing codes
    counters: tuple[Counter, ...]
    picture: Picture
    picture_text: str


@dataclass(frozen=True, repr=False)
class AuditView:
    """One line of the audit. `delivery`: its number, where it was about one."""

    number: int
    at: str
    who: str
    act: str
    delivery: int | None
    about: str
    changed: str


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
    receipt: Receipt | None
    open_work: str
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
        why=why_of(one.problem, words, None if one.problem in _TELL_RECEIPT else one.problem_detail),
        receipt=receipt_of(one.problem_detail, words) if one.problem in _TELL_RECEIPT else None,
        paused=paused,
        waits_for_us=one.paused or one.condition == "stopped",
        pairs=one.connector == "local_agent",
        counters=_counters(one, now, offset, words),
        picture=picture,
        picture_text=words.get("technician.picture", span=span_text(minutes, words), most=picture.most),
    )


def _counters(one: Destination, now: datetime, offset: int, words: Words) -> tuple[Counter, ...]:
    def counter(name: str, figure: int | str, shows: str = "") -> Counter:
        wants = name not in ("waiting", "acknowledged") and isinstance(figure, int) and figure > 0
        return Counter(name, words.get(f"technician.counter.{name}"), str(figure), shows if figure else "", wants)

    last = moment_text(one.last_acknowledged_at, offset) if one.last_acknowledged_at else "–"
    told = [
        counter("waiting", one.waiting, "open"),
        counter("oldest", age_text(one.oldest_created_at, now, words) or "–"),
        counter("held", one.held, "held"),
        counter("acknowledged", one.acknowledged, "acknowledged"),
        counter("rejected", one.rejected, "rejected"),
        counter("dead", one.dead, "dead"),
        counter("open_work", one.open_work, "open_work"),
        counter("last", last),
    ]
    return tuple(one for one in told if one.name != "open_work" or one.wants)


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
    if left := sum(one.open_work for one in destinations):
        told += " " + words.get("technician.strip.open_work", count=left)
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
        receipt=receipt_of(delivery.receipt, words) if delivery.last_error else None,
        open_work=open_work_of(delivery, words),
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


def receipt_of(receipt: str | None, words: Words) -> Receipt | None:
    """What the receiver answered."""
    raw = plain(receipt or "")[:MOST_RECEIPT]
    return Receipt(receipt_words(raw, words), raw) if raw else None


def open_work_of(delivery: Delivery, words: Words) -> str:
    """What somebody still has to complete of what was taken, in words; empty where nothing."""
    if delivery.state is not State.ACKNOWLEDGED or not delivery.open_work:
        return ""
    fields = field_words([plain(one)[:60] for one in delivery.open_work], words)
    return words.get("technician.open_work", fields=fields)


def acts_of(delivery: Delivery) -> tuple[Act, ...]:
    """What may be done to a delivery."""
    acts = ACTS_OF.get(delivery.state, ())
    return ("complete", *acts) if delivery.state is State.ACKNOWLEDGED and delivery.open_work else acts


def audit_of(entry: Entry, utc_offset_minutes: int, words: Words) -> AuditView:
    """One line of who looked and who did what."""
    act = f"technician.audit.act.{entry.act}"
    return AuditView(
        number=entry.seq,
        at=moment_text(entry.at[:40], utc_offset_minutes),
        who=plain(entry.who)[:100],
        act=words.get(act) if act in words else plain(entry.act)[:40],
        delivery=entry.delivery_id,
        about=" · ".join(_about(entry, utc_offset_minutes, words)),
        changed="" if entry.changed is None else str(entry.changed),
    )


def _about(entry: Entry, utc_offset_minutes: int, words: Words) -> list[str]:
    """Which destination and deliveries an act was meant for, the latter of the audit's JSON."""
    try:
        meant = msgspec.json.decode(entry.selection or "{}", type=dict[str, object])
    except msgspec.DecodeError:
        meant = {}
    parts = [plain(entry.destination)[:60]] if entry.destination else []
    for name, value in meant.items():
        if (key := f"technician.audit.part.{name}") in words:
            told = [str(one) for one in value] if isinstance(value, list) else [str(value)]
            if name == "states":
                told = [_known(words, "technician.state", one) for one in told]
            if name in ("since", "until"):
                told = [moment_text(one[:40], utc_offset_minutes) for one in told]
            more = f" +{len(told) - MOST_NAMED}" if len(told) > MOST_NAMED else ""
            parts.append(words.get(key, told=plain(", ".join(told[:MOST_NAMED]))[:200] + more))
    return parts


def state_line(state: State, words: Words) -> Line:
    """Where a delivery stands."""
    icon, tone = _STATES[state]
    return Line(words.get(f"technician.state.{state.value}"), icon, tone)


def event_text(delivery: Delivery, words: Words) -> str:
    """What the record tells of the visit; a later one with its number."""
    told = _known(words, "technician.event", delivery.event)
    return f"{told} · {delivery.revision}" if delivery.revision else told


def why_of(code: str | None, words: Words, detail: str | None = None) -> Why:
    """A code of the catalogue in words."""
    if not code:
        return Why()
    told = words.error(UNREACHABLE if code == "wire.unreachable" else code)
    return Why(plain(code)[:80], told.cause, told.cure, plain(detail or "")[:200])


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
