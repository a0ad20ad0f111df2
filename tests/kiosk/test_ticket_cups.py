"""Office printers: a real CUPS scheduler of our own with a file for a printer, and made-up `lp` programs for what that
one never says."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.front import PrinterSettings
from kiosk.printing.cups_door import CupsDoor
from kiosk.printing.errors import CupsMissing, PrinterError, PrinterNotAnswering, PrinterRefused
from kiosk.printing.pdf import page
from kiosk.printing.spool import Printer, PrinterStatus
from tests.kiosk.tickets_on_paper import FONTS, paper, say
from tests.support.waiting import wait_until

CUPSD = shutil.which("cupsd", path="/usr/sbin:/usr/bin")
SETTINGS = PrinterSettings(kind="cups", address="office", timeout_seconds=10)
ANSWER = "printer office is idle.  enabled since today\n\tAlerts: {}\n\tDescription: offline since media-empty\n"

Programs = Callable[..., CupsDoor]


class Office:
    """A network printer that takes pages as they are."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.pages: list[bytes] = []
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"socket://127.0.0.1:{self.listening.getsockname()[1]}"

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.listening.close()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as page:
                self.pages.append(page.read())


@pytest.fixture
def scheduler_folder() -> Iterator[Path]:
    """Where the user lp may pass, as whom CUPS starts what speaks to printers: pytest's own folders are private."""
    folder = Path(tempfile.mkdtemp(prefix="cups-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def office(scheduler_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A scheduler with one queue, "office", and the printer behind it."""
    tmp_path = scheduler_folder
    if CUPSD is None or not shutil.which("lpadmin") or os.geteuid() != 0:
        pytest.skip("no CUPS scheduler can be started here (cups, cups-client, root)")
    address, printer = tmp_path / "cups.sock", Office()
    folders = {"ServerRoot": "root", "RequestRoot": "spool", "CacheDir": "cache", "StateDir": "state", "TempDir": "tmp"}
    for folder in folders.values():
        (tmp_path / folder).mkdir()
    (tmp_path / "root" / "raw.convs").write_text("application/octet-stream application/vnd.cups-raw 0 -\n")
    (tmp_path / "root" / "raw.types").write_text("application/octet-stream\n")
    logs = "".join(f"{log} {tmp_path / log}\n" for log in ("AccessLog", "ErrorLog", "PageLog"))
    places = "".join(f"{name} {tmp_path / folder}\n" for name, folder in folders.items())
    (tmp_path / "files.conf").write_text(f"{places}{logs}")
    (tmp_path / "cupsd.conf").write_text(
        f"Listen {address}\nBrowsing Off\nWebInterface No\n<Location />\nOrder allow,deny\nAllow all\n</Location>\n"
        "<Policy default>\n<Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n"
    )
    monkeypatch.setenv("CUPS_SERVER", str(address))
    process = subprocess.Popen(
        [CUPSD, "-f", "-c", tmp_path / "cupsd.conf", "-s", tmp_path / "files.conf"], stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: address.exists() and told("lpstat", "-r").startswith("scheduler is running"))
        told("lpadmin", "-p", "office", "-E", "-v", printer.address, "-m", "raw")
        yield printer
    finally:
        process.terminate()
        process.wait()
        printer.close()


THE_PAGE = page(paper(), say("vi"), FONTS)


def told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.peer
def test_cups_prints_the_ticket_once_and_the_page_is_whole(office: Office) -> None:
    printer = Printer(SETTINGS, say, FONTS)
    assert printer.status() == PrinterStatus(ready=True)
    printer.print(paper())
    printer.print(paper())
    wait_until(lambda: office.pages)
    assert office.pages == [THE_PAGE]
    wait_until(lambda: not told("lpstat", "-o", "office"))
    assert told("lpstat", "-W", "completed", "-o", "office").count("office-") == 1


@pytest.mark.peer
def test_a_queue_that_takes_no_jobs_or_is_stopped_or_unknown_says_so(office: Office) -> None:
    printer = Printer(SETTINGS, say, FONTS)
    told("cupsreject", "office")
    assert printer.status() == PrinterStatus(ready=False, code="printer.refused")
    with pytest.raises(PrinterRefused):
        printer.print(paper())
    told("cupsaccept", "office")
    told("cupsdisable", "office")
    assert printer.status() == PrinterStatus(ready=False, code="printer.refused")
    told("cupsenable", "office")
    assert printer.status() == PrinterStatus(ready=True)
    unknown = PrinterSettings(kind="cups", address="nobody")
    assert Printer(unknown, say, FONTS).status() == PrinterStatus(ready=False, code="printer.address")
    assert office.pages == []


@pytest.mark.peer
def test_a_scheduler_that_does_not_run_says_so(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("lpstat"):
        pytest.skip("no CUPS here (cups-client)")
    monkeypatch.setenv("CUPS_SERVER", str(run_dir / "nobody.sock"))
    assert Printer(SETTINGS, say, FONTS).status() == PrinterStatus(ready=False, code="printer.offline")


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Made-up `lp` and `lpstat`: what they say and how they end."""

    def made(lpstat: str = "true", lp: str = "true", seconds: float = 10) -> CupsDoor:
        for name, script in {"lpstat": lpstat, "lp": lp}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        settings = PrinterSettings(kind="cups", address="office", timeout_seconds=seconds)
        return CupsDoor(settings, f"{tmp_path}:/usr/bin:/bin")

    return made


@pytest.mark.parametrize(
    ("alerts", "code"),
    [
        ("media-empty-error", "printer.paper_out"),
        ("media-needed-error", "printer.paper_out"),
        ("cover-open-report", "printer.cover_open"),
        ("offline-report", "printer.offline"),
        ("media-jam-error", "printer.broken"),
    ],
)
def test_what_an_office_printer_reports_is_understood(programs: Programs, alerts: str, code: str) -> None:
    door = programs(lpstat=f"cat <<'END'\n{ANSWER.format(alerts)}END")
    with pytest.raises(PrinterError) as error:
        door.low()
    assert error.value.code == code


def test_what_people_wrote_of_a_queue_is_not_its_state(programs: Programs) -> None:
    assert not programs(lpstat=f"cat <<'END'\n{ANSWER.format('none')}END").low()
    assert programs(lpstat=f"cat <<'END'\n{ANSWER.format('media-low-warning')}END").low()


def test_a_program_that_never_ends_is_given_up_and_the_ticket_may_have_come_out(programs: Programs) -> None:
    door = programs(lp="exec sleep 60", seconds=0.3)
    with pytest.raises(PrinterNotAnswering) as error:
        door.print(THE_PAGE)
    assert error.value.data["begun"]


def test_an_end_nobody_foresaw_is_an_error(programs: Programs) -> None:
    with pytest.raises(PrinterError) as error:
        programs(lp="echo nobody knows; exit 7").print(THE_PAGE)
    assert error.value.code == "printer.unknown"
    assert error.value.data["exit"] == 7


def test_without_cups_there_is_a_code_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(CupsMissing):
        CupsDoor(SETTINGS, str(tmp_path)).print(THE_PAGE)
