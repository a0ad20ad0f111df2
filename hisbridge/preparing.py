"""The next record is made ready while the receiver still has the one before: decoded, and given its codes.

Reading an address takes as long as a fast receiver's answer, and waiting for that costs no CPU. What is rendered stays
what it was: a record with the codes its texts surely mean. The record that is kept stays what the kiosk said.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from hisbridge.enrichment import enriched
from hisbridge.outbox import Claimed
from hisbridge.records import PatientRecord
from wire.codec import from_json


def prepared(payload: str) -> PatientRecord:
    """The record as connectors are handed it. Raises MalformedMessage, and whatever a record does to its readers."""
    return enriched(from_json(payload, PatientRecord))


class Preparing:
    """One delivery ahead, in a thread of its own that lives as long as deliveries follow each other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._ahead: tuple[int, Future[PatientRecord]] | None = None

    def begin(self, delivery: Claimed) -> None:
        """This one is next."""
        self._thread = self._thread or ThreadPoolExecutor(1, "preparing")
        self._ahead = (delivery.delivery_id, self._thread.submit(prepared, delivery.payload))

    def record(self, delivery: Claimed) -> PatientRecord:
        """The record, begun before or made now. Raises as `prepared`."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == delivery.delivery_id:
            return ahead[1].result()
        return prepared(delivery.payload)

    def close(self) -> None:
        """Let the thread go."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = None
