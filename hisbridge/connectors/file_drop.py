"""Each record as one file in a folder, for systems with no interface: JSON, CSV or XML1's administrative part.

What is written is settled in `render`; the file's name follows from the message and the idempotency key, so that a
resend is recognised. Delivered means: renamed into place and synced (docs/integration/file-drop.md).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Final

from config.destinations.files import FileDropDestination
from hisbridge.connectors import file_drop_csv
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.file_drop_errors import DropFailed
from hisbridge.connectors.file_drop_folder import Disk, Folder
from hisbridge.connectors.xml_documents import Mark, mark_of, marked, summary_document
from hisbridge.connectors.xml_tables import SUMMARY, problems
from hisbridge.connectors.xml_values import plain, summary
from hisbridge.identity import idempotency_key
from hisbridge.records import Event, PatientRecord
from wire.codec import from_json, to_json

CONTENT_TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8", "xml1": "application/xml"}
WITHDRAWN: Final = ".cancelled"  # end of a name that no importer of *.xml takes for a check-in

_LOCAL = timezone(timedelta(hours=7))
_UNKNOWN = "0" * 14


class FileDropConnector:
    """A destination that is a folder."""

    stale_answers = 0

    def __init__(self, destination: FileDropDestination, disk: Disk | None = None) -> None:
        self._destination = destination
        self._folder = Folder(destination, disk)
        self.content_type = CONTENT_TYPES[destination.form]

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002 - nobody is asked
        """A folder knows nobody."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The file's content. XML1 has no words for `merged`: None."""
        match self._destination.form:
            case "json":
                return to_json(record) + b"\n"
            case "csv":
                return file_drop_csv.write(record, byte_order_mark=self._destination.byte_order_mark)
            case "xml1":
                return self._summary(record, known)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Put the file there. Raises hisbridge.connectors.file_drop_errors.DropFailed."""
        name = self._name(message, sending.key)
        new = self._folder.put(name, message, again=sending.attempt > 1)
        return Receipt(Outcome.ACKNOWLEDGED, f"{'written' if new else 'was there'} {name}")

    def probe(self) -> None:
        """Write and remove a hidden file. Raises DropFailed."""
        self._folder.probe()

    def close(self) -> None:
        """Nothing is held."""

    def _summary(self, record: PatientRecord, known: Known) -> bytes | None:
        if record.event is Event.MERGED:
            return None
        values = {**summary(record, self._destination.district_code), "MA_BN": plain(known.record_number)}
        return marked(
            summary_document(values), mark(record, self._destination.name, map(str, problems(SUMMARY, values)))
        )

    def _name(self, message: bytes, key: str) -> str:
        arrived, revision, ending = _STAMPS[self._destination.form](message)
        return f"{arrived}-{revision:04d}-{key}{ending}"


def mark(record: PatientRecord, destination: str, left: Iterable[str]) -> Mark:
    """What a file made of this record for this destination is."""
    return Mark(
        arrived=arrival(record.visit.arrived_at),
        visit=idempotency_key(destination, record.visit.visit_id),
        revision=record.revision,
        event=record.event,
        synthetic=record.synthetic,
        open=tuple(left),
    )


def arrival(moment: str) -> str:
    """yyyyMMddHHmmss in Viet Nam's time; zeros where it is no moment."""
    try:
        told = datetime.fromisoformat(moment).astimezone(_LOCAL)
    except (ValueError, OverflowError):
        return _UNKNOWN
    return f"{told:%Y%m%d%H%M%S}".rjust(14, "0")


def _of_json(message: bytes) -> tuple[str, int, str]:
    record = from_json(message, PatientRecord)
    return arrival(record.visit.arrived_at), record.revision, ".json"


def _of_csv(message: bytes) -> tuple[str, int, str]:
    arrived, revision = file_drop_csv.stamp(message)
    return arrival(arrived), revision, ".csv"


def _of_xml(message: bytes) -> tuple[str, int, str]:
    found = mark_of(message)
    if found is None:
        raise DropFailed(why="not a file of ours")
    return found.arrived, found.revision, WITHDRAWN if found.event is Event.CANCELLED else ".xml"


_STAMPS: dict[str, Callable[[bytes], tuple[str, int, str]]] = {"json": _of_json, "csv": _of_csv, "xml1": _of_xml}
