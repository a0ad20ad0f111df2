"""That the kiosk is out of order, and why, outlives a restart: kept in a small file beside the database.

A file, because most often it is the database that nothing can be written to. Must not import Flask, a device library or
a connector.
"""

import logging
from pathlib import Path

from config.front import Device
from kiosk.states import OutOfOrder
from wire.codec import Record, from_json, to_json
from wire.durable import write_durably
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

NAME = "out-of-order.json"


class _Kept(Record, frozen=True, kw_only=True):
    code: str
    device: Device | None = None


class Outage:
    """The file in `folder`. Raises nothing: a kiosk that cannot write it serves as well as it can."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME

    def kept(self) -> OutOfOrder | None:
        """What the kiosk went down with; None: it was in order."""
        try:
            kept = from_json(self._file.read_bytes(), _Kept)
        except FileNotFoundError:
            return None
        except (OSError, MalformedMessage) as error:
            log.warning("outage: %s", type(error).__name__)
            return OutOfOrder(TiepDonError.code)  # it was kept: the next look tells
        return OutOfOrder(kept.code, kept.device)

    def keep(self, outage: OutOfOrder | None) -> None:
        """Durable when this returns, whole or not at all (rename, POSIX.1); None: in order again."""
        try:
            if outage is None:
                self._file.unlink(missing_ok=True)
            else:
                write_durably(self._file, to_json(_Kept(code=outage.code, device=outage.device)))
        except OSError as error:
            log.warning("outage: %s", type(error).__name__)
