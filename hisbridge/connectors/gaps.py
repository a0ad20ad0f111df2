"""What of a record a receiver's format has no place for: work for the staff there, told with the delivery. Pure.

Each is a word such as `guardian:no_place`, as in a Receipt's `open_work`. What a connector tells in another way, or
cannot tell for any record, is in the gaps of its page under docs/integration and no work of one delivery.
"""

from config.destinations import DestinationSettings, FileDropDestination, RegistrationDestination, RestDestination
from hisbridge.records import Event, PatientRecord

GUARDIAN = "guardian:no_place"


def left_out(record: PatientRecord, destination: DestinationSettings) -> tuple[str, ...]:
    """The open work that this record leaves at this receiver, whatever it answers."""
    match destination:
        case RegistrationDestination():
            # It hears of arrivals alone, so that a number known since has to be entered by hand.
            return () if record.event is Event.CANCELLED else (*_number(record), *_guardian(record))
        case RestDestination():
            told = destination.fields.get("guardian_name") or record.event not in (Event.ARRIVED, Event.UPDATED)
            return () if told else _guardian(record)
        case FileDropDestination(form="xml1"):
            return () if record.event is Event.CANCELLED else _guardian(record)
        case _:
            return ()


def _number(record: PatientRecord) -> tuple[str, ...]:
    if record.local_id is None:
        return ()
    return ("SO_GTTT:later",) if record.patient.personal_id else ("SO_GTTT:required",)


def _guardian(record: PatientRecord) -> tuple[str, ...]:
    return () if record.guardian is None else (GUARDIAN,)
