"""That the kiosk is out of order, and why, outlives a restart: kept in a small file beside the database.

A file, because most often it is the database that nothing can be written to. Must not import Flask, a device library or
a connector.
"""

import logging
import os
from pathlib import Path

from config.front import Device
from kiosk.states import OutOfOrder
from wire.codec import Record, from_json, to_json
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
                self._write(to_json(_Kept(code=outage.code, device=outage.device)))
        except OSError as error:
            log.warning("outage: %s", type(error).__name__)

    def _write(self, content: bytes) -> None:
        draft = self._file.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
