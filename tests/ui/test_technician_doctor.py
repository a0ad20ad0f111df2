"""The page of the machine's state: the worst first, how old, another look, in real Chromium and both languages."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from kiosk.accounts import Role
from tests.ui.browsing import MEASURE, opened_page, served
from tests.ui.desk_site import DeskSite
from tests.ui.technician_desk import MARKUP, NOW, PRESS, text_of
from ui.technician.doctor import blueprint
from ui.words import LANGUAGES
from wire.findings import REPORT, REQUEST, Finding, Report, Status, answered, read_report, write_report

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


class Site:
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


@pytest.fixture
def site(run_dir: Path) -> Iterator[Site]:
    opened = Site(run_dir)
    yield opened
    opened.desk.close()


def test_the_worst_comes_first_with_cause_cure_and_age(site: Site) -> None:
    site.found(*FINDINGS)
    site.now = NOW + timedelta(minutes=7)
    page = site.desk.sign_in(Role.TECHNICIAN).get("/technician/doctor").get_data(as_text=True)
    places = [page.index(f'data-part="{name}"') for name in ("outside", "devices", "data", "machine", "settings")]
    assert places == sorted(places)
    told = text_of(page)
    assert "7 phút trước" in told
    assert "1 cần sửa, 2 cần xem, 1 nên biết" in told
    assert "delivery.unreachable" in told
    assert "<img" not in page


def test_of_a_site_that_is_well_it_says_so(site: Site) -> None:
    site.found(*(one for one in FINDINGS if one.status is Status.OK))
    page = site.desk.sign_in(Role.SUPERVISOR).get("/technician/doctor").get_data(as_text=True)
    assert 'data-worst="good"' in page
    assert "Mọi thứ đều ổn" in text_of(page)


def test_it_is_for_technicians_and_supervisors_alone(site: Site) -> None:
    site.found(*FINDINGS)
    assert site.desk.sign_in(Role.RECEPTIONIST).get("/technician/doctor").status_code == 403


@pytest.mark.parametrize("content", [b"", b"{", b'{"findings": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_report_that_cannot_be_read_is_told_and_can_be_asked_for_anew(site: Site, content: bytes) -> None:
    (site.run / REPORT).write_bytes(content)
    answer = site.desk.sign_in(Role.TECHNICIAN).get("/technician/doctor")
    assert answer.status_code == 200
    assert 'hx-post="/technician/doctor/look"' in answer.get_data(as_text=True)


def test_a_press_asks_for_another_look_and_shows_that_it_is_on_its_way(site: Site) -> None:
    site.found(*FINDINGS)
    client = site.desk.sign_in(Role.TECHNICIAN)
    pressed = client.post("/technician/doctor/look", headers=PRESS)
    began = site.asks()
    assert pressed.status_code == 200
    assert "data-looking" in pressed.get_data(as_text=True)
    site.found(FINDINGS[0], began=NOW + timedelta(seconds=5))
    answered(site.run, began + 1)
    page = client.get("/technician/doctor/report").get_data(as_text=True)
    assert "data-looking" not in page
    assert "hx-trigger" not in page  # nothing is asked any more
    assert 'data-worst="good"' in page


def test_where_nobody_makes_reports_it_says_so_instead_of_waiting_for_ever(site: Site) -> None:
    site.found(*FINDINGS)
    client = site.desk.sign_in(Role.TECHNICIAN)
    client.post("/technician/doctor/look", headers=PRESS)
    site.seconds = site.asks() + 31
    page = client.get("/technician/doctor/report").get_data(as_text=True)
    assert "data-late" in page
    assert "data-report" in page  # the old one is still there
    assert "hx-trigger" not in page


def test_a_look_that_began_before_somebody_asked_does_not_answer_them(site: Site) -> None:
    client = site.desk.sign_in(Role.TECHNICIAN)
    client.post("/technician/doctor/look", headers=PRESS)
    answered(site.run, site.asks() - 1)
    assert (site.run / REQUEST).exists()


def test_a_report_is_whole_or_not_at_all_and_anybody_may_read_it(site: Site) -> None:
    site.found(*FINDINGS)
    assert read_report(site.run / REPORT).findings == FINDINGS
    assert (site.run / REPORT).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in site.run.glob("*doctor*")] == [REPORT]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"probe": 1}', type=Finding)


@pytest.fixture
def page(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    with served(site.desk.app, site.desk.leases) as at:
        cookies = {"language": request.param, **site.desk.cookie(Role.SUPERVISOR)}
        with opened_page(chromium, at, cookies, ("503",)) as opened:
            opened.goto(f"{at}/technician/doctor")
            yield opened


@pytest.mark.parametrize("page", LANGUAGES, indirect=True)
def test_the_page_looks_by_itself_where_no_report_is_there_and_shows_what_came(
    site: Site, page: Page, pictures: Path, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["page"]
    page.wait_for_selector("[data-looking]")
    page.screenshot(path=pictures / f"doctor-looking-{language}.png")
    began = site.asks()
    site.found(*FINDINGS)
    answered(site.run, began + 1)
    page.wait_for_selector("[data-report]")
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(MEASURE) == [], width
        page.screenshot(path=pictures / f"doctor-{language}-{width}.png", full_page=True)
    page.click("#look")
    page.wait_for_selector("[data-looking]")
