"""Tickets as the tests print them, and a pretend printer with the product's own settings for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.front import PrinterSettings
from kiosk.printing.paper import Say, TicketPaper
from kiosk.printing.spool import Printer
from kiosk.printing.typesetting import Fonts
from sandbox.printer import ReceiptPrinter
from ui.words import Words

ROOT = Path(__file__).parents[2]
FONTS = Fonts(
    (ROOT / "ui/static/fonts/NotoSans-Regular.ttf",),
    (ROOT / "ui/static/fonts/NotoSans-Bold.ttf",),
)
CODE = "0198f3a2-7c1e-7d11-9a35-3a6f1b2c4d5e"


def say(language: str) -> Say:
    return Words(language).get


def paper(**other: Any) -> TicketPaper:
    usual: dict[str, Any] = {
        "number": "A0042",
        "service": "Khám bệnh",
        "place": "Tầng 2, phòng 204",
        "kiosk": "Kiosk 1, sảnh chính",
        "site": "Bệnh viện Mẫu",
        "issued_at": datetime(2026, 8, 12, 7, 45, tzinfo=UTC),
        "code": CODE,
        "language": "vi",
        "ahead": 12,
        "least_minutes": 20,
        "most_minutes": 35,
        "synthetic": True,
    }
    return TicketPaper(**usual | other)


@dataclass
class Desk:
    """A pretend printer on the network and the product's printer that is set to it."""

    pretend: ReceiptPrinter
    settings: PrinterSettings
    printer: Printer

    def another(self) -> Printer:
        """As after a restart."""
        return Printer(self.settings, say, FONTS)

    @property
    def digits(self) -> list[str]:
        return [ticket.digits for ticket in self.pretend.tickets()]


@contextmanager
def printing(**other: Any) -> Iterator[Desk]:
    pretend = ReceiptPrinter(dots=384 if other.get("paper_mm") == 58 else 576)
    with pretend.serving() as (host, port):
        settings = PrinterSettings(kind="network", address=f"{host}:{port}", timeout_seconds=5)
        settings = replace(settings, **other)
        yield Desk(pretend, settings, Printer(settings, say, FONTS))
