"""What stands before every connector: it is handed records with their codes (hisbridge/enrichment.py)."""

from hisbridge.connectors.contract import Connector, Known, Receipt, Sending
from hisbridge.enrichment import enriched
from hisbridge.records import PatientRecord


class Enriching:
    """A connector that is handed records with their codes. The record that is kept stays what the kiosk said."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    @property
    def content_type(self) -> str:
        """As the connector's."""
        return self._connector.content_type

    @property
    def stale_answers(self) -> int:
        """As the connector's."""
        return self._connector.stale_answers

    def identify(self, record: PatientRecord) -> Known:
        """As the connector's."""
        return self._connector.identify(record)

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """As the connector's, of the enriched record."""
        return self._connector.render(enriched(record), known)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """As the connector's."""
        return self._connector.send(message, sending)

    def probe(self) -> None:
        """As the connector's."""
        self._connector.probe()

    def close(self) -> None:
        """As the connector's."""
        self._connector.close()
