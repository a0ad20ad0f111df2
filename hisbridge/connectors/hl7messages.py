"""Which HL7 v2 message tells what happened to a visit, and of which segments it is made (bridge.md 1.2, 1.5). Pure."""

from config.destinations.hl7_fields import rules
from hisbridge.connectors import hl7segments as make
from hisbridge.connectors.hl7fields import apply
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.hl7text import Segment, encode
from hisbridge.records import Event

# Trigger event and message structure (HL7 v2.5, chapter 3; table 0354).
_ABOUT_VISITS = {
    Event.ARRIVED: ("A04", "ADT_A01"),
    Event.UPDATED: ("A08", "ADT_A01"),
    Event.CANCELLED: ("A11", "ADT_A09"),
    Event.MERGED: ("A40", "ADT_A39"),
}
# An index of persons hears nothing of a visit that was taken back: the person is who it is.
_ABOUT_PERSONS = {
    Event.ARRIVED: ("A28", "ADT_A05"),
    Event.UPDATED: ("A31", "ADT_A05"),
    Event.MERGED: ("A40", "ADT_A39"),
}


def render(making: Making) -> bytes | None:
    """The whole message; equal input gives equal bytes, so resends are identical. None: the receiver is not told.

    Raises ValueError for a merge without its record numbers.
    """
    kind = _kind(making)
    if kind is None:
        return None
    trigger, structure = kind
    body = _merge(making) if trigger == "A40" else _body(making, structure)
    segments = [
        make.header(making, f"ADT^{trigger}^{structure}", make.control_id(making)),
        make.event(making, trigger),
        *(segment for segment in body if segment is not None),
    ]
    destination = making.destination
    return encode(apply(segments, rules(destination.fields, destination.version)))


def _kind(making: Making) -> tuple[str, str] | None:
    event = making.record.event
    if making.destination.about == "visit":
        return _ABOUT_VISITS[event]
    if event is Event.ARRIVED and making.record_number:
        # The index knows this person already: adding it (A28) would make a second one.
        event = Event.UPDATED
    return _ABOUT_PERSONS.get(event)


def _body(making: Making, structure: str) -> list[Segment | None]:
    if structure == "ADT_A05":
        return [*_whose(making), make.guardian(making), make.no_visit(), *make.insurances(making)]
    visit = [make.visit(making), make.reason(making)]
    # A cancellation has no place for insurance, nor for relatives.
    if structure == "ADT_A09":
        return [*_whose(making), *visit]
    return [*_whose(making), make.guardian(making), *visit, *make.insurances(making)]


def _whose(making: Making) -> list[Segment | None]:
    return [make.person(making), make.primary_facility(making)]


def _merge(making: Making) -> list[Segment | None]:
    """The surviving record number stands in PID-3, the other in MRG-1 (HL7 v2.5, 3.3.40)."""
    merge = making.record.merge
    kept = Making(making.record, making.destination, merge.kept if merge is not None else None)
    return [make.person(kept), make.merged(making)]
