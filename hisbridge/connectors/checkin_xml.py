"""The check-in table (XML0) from what reception knows: a draft for the hospital, or submitted where it delegates that.

Required fields that reception cannot know come from the settings or stay open; a draft with an open field is never
submitted. Whatever is not submitted lies in the folder, and the end of its name says why (services.md 1.6, 3.2).
"""

import contextlib
from collections.abc import Mapping
from typing import Final

from config.destinations.files import CheckinXmlDestination
from hisbridge.connectors.checkin_xml_portal import CheckinPortal
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.file_drop import WITHDRAWN, mark
from hisbridge.connectors.file_drop_errors import DropFailed
from hisbridge.connectors.file_drop_folder import Disk, Folder
from hisbridge.connectors.xml_documents import Mark, check_in, mark_of, marked, unmarked
from hisbridge.connectors.xml_tables import CHECK_IN, check_in_problems, fitted
from hisbridge.connectors.xml_values import NOT_AN_INSURANCE_VISIT, card, object_code, person, plain, visit
from hisbridge.errors import GarbledAnswer
from hisbridge.records import Event, PatientRecord
from hisbridge.xml import read

INCOMPLETE: Final = ".incomplete"
COMPLETE: Final = ".xml"


class CheckinXmlConnector:
    """A folder of drafts, and the insurance portal behind it where `submit` is set."""

    content_type = "application/xml"
    stale_answers = 0

    def __init__(
        self, destination: CheckinXmlDestination, portal: CheckinPortal | None = None, disk: Disk | None = None
    ) -> None:
        self._destination = destination
        self._folder = Folder(destination, disk)
        self._portal = portal or (CheckinPortal(destination) if destination.submit else None)

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002 - nobody is asked
        """Neither folder nor portal tells a record number."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The file with its mark. The table has no words for `merged`: None."""
        if record.event is Event.MERGED:
            return None
        values, left = check_in_row(record, self._destination, known)
        return marked(check_in([values]), mark(record, self._destination.name, left))

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Submit what may be submitted; put the rest into the folder. Raises DeliveryError, DestinationSetup."""
        found = mark_of(message)
        if found is None:
            raise GarbledAnswer(why="not a file of ours")
        why = self._why_kept(message, found)
        if self._portal is not None and why is None:
            receipt = self._portal.submit(unmarked(message))
        else:
            self._folder.put(_name(found), message, again=sending.attempt > 1)
            left = () if found.event is Event.CANCELLED else found.open
            receipt = Receipt(Outcome.ACKNOWLEDGED, f"draft {_name(found)} ({why or 'complete'})", open_work=left)
        if receipt.outcome is Outcome.ACKNOWLEDGED and found.revision:
            # What was submitted must not go out again because a folder is away: the old draft then stays.
            with contextlib.suppress(DropFailed):
                self._folder.remove(lambda name: _superseded(name, found))
        return receipt

    def probe(self) -> None:
        """Write and remove a hidden file; take a token where drafts are submitted."""
        self._folder.probe()
        if self._portal is not None:
            self._portal.probe()

    def close(self) -> None:
        """Drop the connections to the portal."""
        if self._portal is not None:
            self._portal.close()

    def _why_kept(self, message: bytes, found: Mark) -> str | None:
        """What speaks against submitting this draft, where drafts are submitted, or against using it; None: nothing."""
        if found.event is Event.CANCELLED:
            return "cancelled"
        if found.open:
            return f"open {','.join(found.open)}"
        if self._portal is None:
            return None
        if found.synthetic and not self._destination.submit_synthetic:
            return "synthetic"
        told = {node.name: node.text for node in read(message).walk()}
        if told["ma_doituong_kcb"] == NOT_AN_INSURANCE_VISIT:
            return "no insurance visit"  # the insurer has no business with it
        return None


def check_in_row(
    record: PatientRecord, settings: CheckinXmlDestination, known: Known
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """One TRANG_THAI_KCB as far as it is known, and each `FIELD:rule` that keeps it from being complete. Pure.

    The order time is the arrival's, and only where the hospital names the service that every visit begins with.
    """
    moments = visit(record.visit)
    delegated = bool(settings.service_code and settings.service_name)
    number = record.patient.personal_id if settings.patient_number == "personal_id" else None
    values = {
        **moments,
        "STT": "1",
        "MA_BN": plain(known.record_number or number),
        **person(record.patient),
        **card(record),
        "MA_DOITUONG_KCB": object_code(record),
        "MA_LOAI_KCB": moments["MA_LOAI_KCB"] or settings.visit_type,
        "MA_CSKCB": plain(record.site.facility_code),
        "MA_DICH_VU": plain(settings.service_code) if delegated else "",
        "TEN_DICH_VU": plain(settings.service_name) if delegated else "",
        "NGAY_YL": moments["NGAY_VAO"] if delegated else "",
    }
    kept, unfit = fitted(CHECK_IN, values)
    named = {problem.field: problem for problem in (*check_in_problems(kept), *unfit)}
    return kept, tuple(str(problem) for problem in named.values())


def _name(found: Mark) -> str:
    whole = INCOMPLETE if found.open else COMPLETE
    ending = WITHDRAWN if found.event is Event.CANCELLED else whole
    return f"{found.arrived}-{found.visit}-{found.revision:04d}{ending}"


def _superseded(name: str, by: Mark) -> bool:
    """Whether this is an incomplete draft of an earlier record of the same visit: nobody is to finish it any more."""
    stem, dot, ending = name.rpartition(".")
    parts = stem.split("-")
    return (
        f"{dot}{ending}" == INCOMPLETE
        and len(parts) == 3
        and parts[1] == by.visit
        and parts[2].isdecimal()
        and int(parts[2]) < by.revision
    )
