"""What `tiepdon bridge` shows people: tables that fit 80 columns, moments in the site's time, codes with their words.

Programs take `--json`. Must not ask anybody anything.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from hisbridge.audit import Entry
from hisbridge.desk import Done
from hisbridge.desk_records import Delivery
from hisbridge.outbox import State
from ui.words import Words

WIDTH = 80  # columns, as a terminal has at least
_INDENT = " " * 8
_ENDED_WELL = (State.ACKNOWLEDGED, State.CANCELLED)


def delivery_lines(found: Sequence[Delivery], words: Words, zone: timezone) -> Iterator[str]:
    """Two or more lines for each delivery: where it stands, then its visit and what the receiver said or why not."""
    if not found:
        yield words.get("bridge.deliveries.none")
        return
    states = {one.state: words.get(f"technician.state.{one.state}") for one in found}
    names = [max(len(text) for text in texts) for texts in ([one.destination for one in found], list(states.values()))]

    def row(number: str, made: str, destination: str, state: str, attempts: str) -> str:
        return f"{number:>6}  {made:<19}  {destination:<{names[0]}}  {state:<{names[1]}}  {attempts:>3}".rstrip()

    heads = ("number", "made", "destination", "state", "attempts")
    yield row(*(words.get(f"bridge.column.{name}") for name in heads))
    for one in found:
        made = _moment(one.created_at, zone)
        yield row(str(one.delivery_id), made, one.destination, states[one.state], str(one.attempts))
        event = words.get(f"technician.event.{one.event}")
        yield _INDENT + f"{event} {one.record_id}" + (f" ({one.revision})" if one.revision else "")
        if one.receipt:
            yield from _wrapped(one.receipt)
        if one.open_work and one.state is State.ACKNOWLEDGED:
            yield from _wrapped(words.get("technician.open_work", fields=", ".join(one.open_work)))
        if one.last_error and one.state not in _ENDED_WELL:
            yield from _wrapped(_why(one.last_error, words))
        if one.next_attempt_at and one.state is State.QUEUED and one.attempts:
            yield from _wrapped(words.get("bridge.deliveries.next", time=_moment(one.next_attempt_at, zone)))


def probe_lines(found: Mapping[str, Done], kinds: Mapping[str, str], words: Words) -> Iterator[str]:
    """One line for each that is reached; why not, and what to do, for the others. `kinds`: connectors by name."""
    if not found:
        yield words.get("bridge.probe.none")
    for name, done in found.items():
        told = f"{name} ({kinds[name]})"
        if done.ok or done.code is None:
            yield words.get("bridge.probe.ok", destination=told)
        else:
            yield words.get("bridge.probe.failed", destination=told)
            yield from _wrapped(_why(done.code, words) + (f" ({done.detail})" if done.detail else ""))


def audit_lines(entries: Sequence[Entry], words: Words, zone: timezone) -> Iterator[str]:
    """One line for each entry, and what was meant below it. Persons stand there by key."""
    if not entries:
        yield words.get("bridge.audit.none")
    for one in entries:
        key = f"technician.audit.act.{one.act}"
        told = [words.get(key) if key in words else one.act]
        if one.delivery_id is not None:
            told.append(words.get("technician.delivery", number=one.delivery_id))
        if one.destination is not None:
            told.append(one.destination)
        if one.changed is not None:
            told.append(words.get("bridge.audit.changed", count=one.changed))
        yield f"{_moment(one.at, zone)}  {one.who}"
        yield from _wrapped(" · ".join(told))
        if meant := _meant(one):
            yield from _wrapped(meant)


def _meant(entry: Entry) -> str:
    """The parts of a selection that its line has not told yet."""
    selection = json.loads(entry.selection or "{}")
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in selection.items()
                    if name != "destination")  # fmt: skip


def _why(code: str, words: Words) -> str:
    told = words.error(code)
    return f"{told.cause}. {told.cure}. [{code}]"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)


def _moment(text: str, zone: timezone) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S}"
