"""A receiver that takes HL7 v2 over MLLP (bridge.md 1.2 to 1.4): asked for the person first, where it wants that."""

from config.destinations import Hl7v2Destination
from hisbridge.connectors import hl7messages, hl7query
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.hl7ack import RECORD_NUMBER_TYPE
from hisbridge.connectors.hl7read import read
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.mllp import MllpClient
from hisbridge.errors import GarbledAnswer
from hisbridge.records import Event, HospitalAnswer, PatientRecord

CONTENT_TYPE = "x-application/hl7-v2+er7; charset=utf-8"
NOT_ASKED = Known()


def render(record: PatientRecord, destination: Hl7v2Destination, known: Known = NOT_ASKED) -> bytes:
    """The whole message of an event that the receiver is told of. Raises ValueError for any other."""
    message = hl7messages.render(Making(record, destination, known.record_number))
    if message is None:
        raise ValueError("the receiver is not told of such an event")
    return message


class Hl7v2Connector:
    """A destination that takes HL7 v2 over MLLP."""

    content_type = CONTENT_TYPE

    def __init__(self, destination: Hl7v2Destination) -> None:
        self._destination = destination
        self._client = MllpClient(destination)

    @property
    def stale_answers(self) -> int:
        """Acknowledgements that named another message."""
        return self._client.stale_answers

    def identify(self, record: PatientRecord) -> Known:
        """The person's record number by IHE PDQ, where the settings say that it is asked for.

        Raises DeliveryError, PersonAmbiguous, DestinationSetup.
        """
        # A merge brings its own record numbers, and whoever came without a number is known there by our own.
        unasked = record.event is Event.MERGED or record.local_id is not None
        if self._destination.query == "none" or unasked or not self._told(record):
            return NOT_ASKED
        making = Making(record, self._destination)
        try:
            return hl7query.found(self._client.ask(hl7query.question(making), hl7query.control_id(making)), making)
        except GarbledAnswer:
            self._client.close()
            raise

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """See hl7messages.render."""
        return hl7messages.render(Making(record, self._destination, known.record_number))

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """One exchange over MLLP; the key is the message's MSH-10."""
        receipt = self._client.exchange(message, sending.key)
        if receipt.outcome is not Outcome.ACKNOWLEDGED or receipt.answer is not None:
            return receipt
        return Receipt(receipt.outcome, receipt.text, _known(message))

    def probe(self) -> None:
        """Connect, shake hands where TLS is spoken, and leave."""
        self._client.probe()

    def close(self) -> None:
        """Drop the connection."""
        self._client.close()

    def _told(self, record: PatientRecord) -> bool:
        return self._destination.about == "visit" or record.event is not Event.CANCELLED


def _known(message: bytes) -> HospitalAnswer | None:
    """The record number in our own message: what the query learnt is an answer too, for the ticket."""
    if RECORD_NUMBER_TYPE.encode() not in message:
        return None
    numbers = [one.number for one in read(message).first("PID").identifiers() if one.kind == RECORD_NUMBER_TYPE]
    return HospitalAnswer(record_number=numbers[0]) if numbers else None
