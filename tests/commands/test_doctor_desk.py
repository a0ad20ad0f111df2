"""What `tiepdon doctor` says of the staff's address: its certificate, its key, and who can sign in there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.front import OidcSettings
from config.settings import Settings
from kiosk.accounts import Role, open_accounts
from kiosk.clock import SystemClock
from tests.ui.desk_site import DeskSite
from tests.ui.desk_tls import certificate
from tiepdon.checks.desk import look_at_accounts, look_at_certificate, look_at_desk
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.secrets import look_at_secrets
from tiepdon.doctor import examine
from ui.words import Words, keys

NOW = datetime.now(UTC)


@pytest.fixture
def site(tmp_path: Path) -> DeskSite:
    return DeskSite(tmp_path)


def with_staff(settings: Settings, **staff: object) -> Settings:
    return replace(settings, staff=replace(settings.staff, **{"listen": "127.0.0.1:8443", **staff}))


def encrypted(settings: Settings, folder: Path) -> Settings:
    made, key = certificate(folder, "desk.example")  # holds from yesterday until the day after tomorrow
    return with_staff(settings, certificate_file=str(made), key_file=str(key))


def only(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


def told(found: Iterator[Finding]) -> tuple[Status, str | None]:
    finding = only(found)
    if finding.code is not None:
        assert {f"error.{finding.code}", f"error.{finding.code}.cure"} <= keys("vi") & keys("en")
    return finding.status, finding.code


def test_a_site_without_an_address_for_the_staff_is_no_trouble(site: DeskSite) -> None:
    settings = with_staff(site.settings, listen="")
    assert only(look_at_desk(settings)).data == {"configured": False}
    assert [*look_at_certificate(settings), *look_at_accounts(settings)] == []


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (-2.0, "doctor.certificate_early"),
        (0.0, "doctor.certificate_ends"),
        (3.0, "doctor.certificate_ended"),
    ],
)
def test_a_certificate_is_judged_by_its_days(site: DeskSite, tmp_path: Path, days: float, code: str) -> None:
    found = look_at_certificate(encrypted(site.settings, tmp_path), NOW + timedelta(days=days))
    assert told(found) == (Status.WARN, code)


def test_a_certificate_tells_for_whom_and_until_when(site: DeskSite, tmp_path: Path) -> None:
    finding = only(look_at_certificate(encrypted(site.settings, tmp_path), NOW))
    assert finding.data["names"] == "desk.example"
    assert finding.data["until"] == f"{NOW + timedelta(days=2):%Y-%m-%d}"


def test_a_certificate_without_its_key_is_told(site: DeskSite, tmp_path: Path) -> None:
    settings = encrypted(site.settings, tmp_path)
    Path(settings.staff.key_file).write_text("no key")
    assert told(look_at_certificate(settings)) == (Status.WARN, "desk.certificate")
    Path(settings.staff.certificate_file).unlink()
    assert told(look_at_certificate(settings)) == (Status.WARN, "desk.certificate")


def test_a_key_that_others_may_read_is_told(site: DeskSite, tmp_path: Path) -> None:
    settings = encrypted(site.settings, tmp_path)
    Path(settings.staff.key_file).chmod(0o644)
    found = [finding for finding in look_at_secrets(settings) if finding.data.get("setting") == "staff.key_file"]
    assert [(finding.status, finding.code) for finding in found] == [(Status.WARN, "doctor.secret_open")]


def test_a_site_without_accounts_hears_how_to_make_the_first(site: DeskSite) -> None:
    settings = with_staff(site.settings)
    assert told(look_at_accounts(settings)) == (Status.WARN, "doctor.no_account")
    assert "tiepdon account add" in Words("en").error("doctor.no_account").cure


def test_somebody_has_to_be_supervisor_with_a_pin(site: DeskSite) -> None:
    settings = with_staff(site.settings)
    site.account(Role.RECEPTIONIST)
    assert told(look_at_accounts(settings)) == (Status.WARN, "doctor.no_supervisor")
    site.accounts.add("hoa", "Mẫu Thị Hoa", Role.SUPERVISOR)  # by the site's clock: that code ended long ago
    assert told(look_at_accounts(settings)) == (Status.WARN, "doctor.no_supervisor")
    with closing(open_accounts(settings, SystemClock())) as accounts:
        accounts.add("lan", "Trần Thị Mẫu", Role.SUPERVISOR)
    assert told(look_at_accounts(settings)) == (Status.NOTE, "doctor.supervisor_chooses")
    through_a_provider = with_staff(site.settings, oidc=OidcSettings(enabled=True))
    assert told(look_at_accounts(through_a_provider)) == (Status.OK, None)


def test_a_staffed_site_is_well(site: DeskSite) -> None:
    for role in Role:
        site.account(role)
    finding = only(look_at_accounts(with_staff(site.settings)))
    assert finding.code is None
    assert finding.data == {"receptionist": 1, "supervisor": 1, "technician": 1, "without_pin": 0}


def test_the_report_has_all_of_it(site: DeskSite, tmp_path: Path) -> None:
    settings = encrypted(site.settings, tmp_path)
    found = {finding.probe: finding.code for finding in examine(settings, None, longest_seconds=5)}
    assert found["desk"] is None
    assert found["certificate"] == "doctor.certificate_ends"
    assert found["accounts"] == "doctor.no_account"
    assert found["process:desk"] == "doctor.process_silent"
