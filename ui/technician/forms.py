"""What technicians type and choose, understood: filters, which deliveries an act is meant for. No Flask."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import get_args

import msgspec

from hisbridge.outbox import State
from ui.technician.bridge import Act, Chosen, Filter, utc

ACTS: tuple[Act, ...] = get_args(Act)
SCOPES = ("ticked", "filter", "person")
# What the list can be narrowed to: groups that are looked for, then each state.
STATES: Mapping[str, tuple[State, ...]] = {
    "open": (State.QUEUED, State.SENDING, State.HELD),
    "bad": (State.REJECTED, State.DEAD),
    "open_work": (State.ACKNOWLEDGED,),
    **{state.value: (state,) for state in State},
}
MOST_TICKED = 200
_SHAPES = ("%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_FIELDS = ("destination", "state", "since", "until", "record_id", "before")


@dataclass(frozen=True, repr=False)
class Wish:
    """An act that may be counted and confirmed, or the fields that stand in its way: field to problem."""

    act: Act
    chosen: Chosen
    problems: Mapping[str, str]


def typed_filter(told: Mapping[str, str]) -> dict[str, str]:
    """The list's filter as it was typed, for its form and its addresses; what is not given is not in it."""
    return {name: text for name in _FIELDS if (text := told.get(name, "").strip()[:80])}


def filter_of(typed: Mapping[str, str], utc_offset_minutes: int) -> tuple[Filter, tuple[str, ...]]:
    """What the list shows, and the fields that cannot be understood: they narrow nothing."""
    since, until = (moment_of(typed.get(name, ""), utc_offset_minutes) for name in ("since", "until"))
    number = typed.get("before", "")
    before = int(number) if re.fullmatch(r"[0-9]{1,18}", number) else None
    wanted = Filter(
        destination=typed.get("destination"),
        states=STATES.get(typed.get("state", ""), ()),
        since=since,
        until=until,
        record_id=typed.get("record_id"),
        before=before,
        open_work=typed.get("state") == "open_work",
    )
    wrong = [name for name, found in (("since", since), ("until", until)) if typed.get(name) and found is None]
    return wanted, tuple(wrong)


def wish_of(form: Mapping[str, str], numbers: Sequence[str], utc_offset_minutes: int, now: datetime) -> Wish:
    """The act that was asked for. One without an end in time ends now: what comes later was not counted."""
    problems: dict[str, str] = {}
    act = next((one for one in ACTS if one == form.get("act")), None)
    if act is None:
        problems["act"] = "choose"
    scope = form.get("scope", "")
    if scope == "ticked":
        ticked = tuple(int(number) for number in numbers if re.fullmatch(r"[0-9]{1,18}", number))
        chosen = Chosen(numbers=ticked[:MOST_TICKED])
        if not ticked:
            problems["number"] = "none"
    else:
        chosen, more = _wide(form, scope, utc_offset_minutes)
        problems.update(more)
        if not chosen.empty and chosen.until is None:
            chosen = msgspec.structs.replace(chosen, until=utc(now))
    return Wish(act or "hold", chosen, problems)


def _wide(form: Mapping[str, str], scope: str, offset: int) -> tuple[Chosen, dict[str, str]]:
    """All that fits the filter, or of it what one person's visits gave."""
    wanted, wrong = filter_of(typed_filter(form), offset)
    problems = dict.fromkeys(wrong, "moment")
    number = None
    if scope == "person":
        number = re.sub(r"[\s.-]", "", form.get("personal_id", ""))
        if not re.fullmatch(r"[0-9]{12}", number):
            problems["personal_id"] = "digits"
    chosen = Chosen(
        destination=wanted.destination,
        states=wanted.states,
        since=wanted.since,
        until=wanted.until,
        record_id=wanted.record_id,
        personal_id=number,
        open_work=wanted.open_work,
    )
    if scope == "filter" and chosen.empty:
        problems["scope"] = "everything"
    if scope not in SCOPES:
        problems["scope"] = "choose"
    return chosen, problems


def moment_of(text: str, utc_offset_minutes: int) -> str | None:
    """A date, or date and time, as people at the site write it (`21/11/2026 07:45`, `2026-11-21T07:45`), as the
    bridge takes it; None where it is neither. A date alone is its beginning."""
    for shape in _SHAPES:
        try:
            local = datetime.strptime(text.strip(), shape)  # noqa: DTZ007 - its zone follows
            return utc(local.replace(tzinfo=timezone(timedelta(minutes=utc_offset_minutes))))
        except (ValueError, OverflowError):
            continue
    return None
