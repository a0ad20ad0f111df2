"""The staff's application with the page of the machine's state on it, and a report as doctor would write it."""

from datetime import datetime
from pathlib import Path

from tests.ui.desk_site import DeskSite
from tests.ui.technician_desk import MARKUP, NOW
from ui.technician.doctor import blueprint
from wire.findings import REPORT, REQUEST, Finding, Report, Status, write_report

FINDINGS = (
    Finding(probe="settings", group="settings", status=Status.OK, data={"file": "/etc/tiepdon/tiepdon.toml"}),
    Finding(probe="reader", group="devices", status=Status.OK, data={"name": "ACS ACR1252 Dual Reader"}),
    Finding(probe="printer", group="devices", status=Status.WARN, code="printer.paper_low", data={"kind": "network"}),
    Finding(probe="screen", group="screen", status=Status.OK, data={"seen_seconds": 2.1}),
    Finding(probe="database", group="data", status=Status.OK, data={"size_mb": 12, "free_mb": 20_480}),
    Finding(probe="backup", group="data", status=Status.WARN, code="doctor.no_backup", data={"configured": False}),
    Finding(
        probe="destination:his",
        group="outside",
        status=Status.FAIL,
        code="delivery.unreachable",
        data={"why": MARKUP, "milliseconds": 5001},
    ),
    Finding(probe="process:reader", group="processes", status=Status.OK),
    Finding(probe="rtc", group="machine", status=Status.NOTE, code="doctor.no_rtc"),
)


class DoctorSite:
    """The desk with the page; `now` and `seconds` are the test's."""

    def __init__(self, folder: Path) -> None:
        self.now, self.seconds = NOW, 0.0
        self.desk = DeskSite(
            folder,
            lambda one: [
                lambda app, build: blueprint(app, one.settings, build, lambda: self.now, lambda: self.seconds)
            ],
        )
        self.run = Path(self.desk.settings.paths.run)
        self.run.mkdir(parents=True, exist_ok=True)

    def found(self, *findings: Finding, began: datetime = NOW) -> None:
        ok = all(one.status is not Status.FAIL for one in findings)
        made = Report(made_at=began.isoformat(), version="0.1.0", seconds=2.6, ok=ok, findings=findings)
        write_report(self.run / REPORT, made)

    def asks(self) -> float:
        """That somebody asked, as the file of the run tells it: the clock stands there from now on."""
        self.seconds = (self.run / REQUEST).stat().st_mtime
        return self.seconds
