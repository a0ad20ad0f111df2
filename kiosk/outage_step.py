"""Out of order: entered when nobody is checking in, left by itself when store and required devices are there.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from config.front import Device
from kiosk.moves import CAMERA_MISSING, NO_READER, cleared, go, home
from kiosk.policy import Policy
from kiosk.printing.errors import PrinterOffline
from kiosk.states import Adjust, OutOfOrder, Session, Start

SCANNER_MISSING = "scanner.missing"  # reader.payload.errors.ScannerMissing
DEVICES: tuple[Device, ...] = ("card_reader", "scanner", "camera", "printer")  # named in this order when several miss


def trouble(session: Session, policy: Policy) -> OutOfOrder | None:
    """Why nobody could be checked in now, as far as is known; None: all that the site requires is there."""
    if session.store_problem is not None:
        return OutOfOrder(session.store_problem)
    for device in DEVICES:
        if device in policy.required and (code := _missing(session, device)) is not None:
            return OutOfOrder(code, device)
    return None


def minded(session: Session, now: float, policy: Policy) -> Session:
    """The session, out of order where it must be. Nobody's check-in is broken off; a goodbye is said to its end."""
    state = session.state
    if not isinstance(state, Start | Adjust | OutOfOrder):
        return session
    found = trouble(session, policy)
    if found == state:
        return session
    if isinstance(state, OutOfOrder):
        return home(session, now, policy)[0] if found is None else go(session, found, now)
    waits = found is not None and found.device is not None and now < grace_ends(session, policy)
    return session if found is None or waits else go(cleared(session), found, now)


def grace_ends(session: Session, policy: Policy) -> float:
    """Until when each device may still tell of itself."""
    return session.started + policy.grace_seconds


def awaits_devices(session: Session, policy: Policy) -> bool:
    """Whether something is still missing that the end of the grace would make an outage."""
    return isinstance(session.state, Start | Adjust) and trouble(session, policy) is not None


def _missing(session: Session, device: Device) -> str | None:
    """The code of what is wrong with it; None: it is there."""
    match device:
        case "card_reader":
            return None if session.reader_ready else session.reader_problem or NO_READER
        case "scanner":
            return None if session.devices.scans else SCANNER_MISSING
        case "camera":
            return None if session.devices.camera else CAMERA_MISSING
        case "printer":
            return session.printer_problem if session.printer_seen else PrinterOffline.code
