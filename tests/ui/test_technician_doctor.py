"""The page of the machine's state: the worst first, how old, another look, in real Chromium and both languages."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from kiosk.accounts import Role
from tests.ui.browsing import MEASURE, opened_page, served
from tests.ui.doctor_site import FINDINGS, DoctorSite
from tests.ui.technician_desk import NOW, PRESS, text_of
from ui.words import LANGUAGES
from wire.findings import REPORT, REQUEST, Finding, Status, answered, read_report


@pytest.fixture
def site(run_dir: Path) -> Iterator[DoctorSite]:
    opened = DoctorSite(run_dir)
    yield opened
    opened.desk.close()


def test_the_worst_comes_first_with_cause_cure_and_age(site: DoctorSite) -> None:
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


def test_of_a_site_that_is_well_it_says_so(site: DoctorSite) -> None:
    site.found(*(one for one in FINDINGS if one.status is Status.OK))
    page = site.desk.sign_in(Role.SUPERVISOR).get("/technician/doctor").get_data(as_text=True)
    assert 'data-worst="good"' in page
    assert "Mọi thứ đều ổn" in text_of(page)


def test_it_is_for_technicians_and_supervisors_alone(site: DoctorSite) -> None:
    site.found(*FINDINGS)
    assert site.desk.sign_in(Role.RECEPTIONIST).get("/technician/doctor").status_code == 403


@pytest.mark.parametrize("content", [b"", b"{", b'{"findings": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_report_that_cannot_be_read_is_told_and_can_be_asked_for_anew(site: DoctorSite, content: bytes) -> None:
    (site.run / REPORT).write_bytes(content)
    answer = site.desk.sign_in(Role.TECHNICIAN).get("/technician/doctor")
    assert answer.status_code == 200
    assert 'hx-post="/technician/doctor/look"' in answer.get_data(as_text=True)


def test_a_press_asks_for_another_look_and_shows_that_it_is_on_its_way(site: DoctorSite) -> None:
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


def test_where_nobody_makes_reports_it_says_so_instead_of_waiting_for_ever(site: DoctorSite) -> None:
    site.found(*FINDINGS)
    client = site.desk.sign_in(Role.TECHNICIAN)
    client.post("/technician/doctor/look", headers=PRESS)
    site.seconds = site.asks() + 31
    page = client.get("/technician/doctor/report").get_data(as_text=True)
    assert "data-late" in page
    assert "data-report" in page  # the old one is still there
    assert "hx-trigger" not in page


def test_a_look_that_began_before_somebody_asked_does_not_answer_them(site: DoctorSite) -> None:
    client = site.desk.sign_in(Role.TECHNICIAN)
    client.post("/technician/doctor/look", headers=PRESS)
    answered(site.run, site.asks() - 1)
    assert (site.run / REQUEST).exists()


def test_a_report_is_whole_or_not_at_all_and_anybody_may_read_it(site: DoctorSite) -> None:
    site.found(*FINDINGS)
    assert read_report(site.run / REPORT).findings == FINDINGS
    assert (site.run / REPORT).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in site.run.glob("*doctor*")] == [REPORT]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"probe": 1}', type=Finding)


@pytest.fixture
def page(chromium: Browser, site: DoctorSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    with served(site.desk.app, site.desk.leases) as at:
        cookies = {"language": request.param, **site.desk.cookie(Role.SUPERVISOR)}
        with opened_page(chromium, at, cookies, ("503",)) as opened:
            opened.goto(f"{at}/technician/doctor")
            yield opened


@pytest.mark.parametrize("page", LANGUAGES, indirect=True)
def test_the_page_looks_by_itself_where_no_report_is_there_and_shows_what_came(
    site: DoctorSite, page: Page, pictures: Path, request: pytest.FixtureRequest
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
