"""Looks at the ticket printer: asks it, prints nothing."""

from collections.abc import Iterator

from msgspec.structs import replace

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from wire.errors import Datum

SECONDS = 2.0  # for each thing that may hang; the whole look has seven
PRINTER = "printer"


def look_at_printer(settings: Settings) -> Iterator[Finding]:
    """One finding: a printer that prints but says nothing of itself is a note, one that would not print a warning (the
    check-in goes on without it), a failure where the site requires it."""
    from tiepdon.printing import make_printer

    told = settings.kiosk.printer
    patience = min(told.timeout_seconds, SECONDS)
    hasty = replace(settings, kiosk=replace(settings.kiosk, printer=replace(told, timeout_seconds=patience)))
    printer = make_printer(hasty)
    if printer is None:
        yield Finding(probe=PRINTER, status=Status.OK, data={"configured": False})
        return
    found = printer.status()
    data: dict[str, Datum] = {"kind": told.kind, "address": told.address}
    worst = Status.FAIL if PRINTER in settings.kiosk.required_devices else Status.WARN
    if not found.ready:
        yield Finding(probe=PRINTER, status=worst, code=found.code, data=data)
    elif found.code == "printer.paper_low":
        yield Finding(probe=PRINTER, status=Status.WARN, code=found.code, data=data)
    else:
        yield Finding(probe=PRINTER, status=Status.NOTE if found.code else Status.OK, code=found.code, data=data)
