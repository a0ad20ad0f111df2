"""What `tiepdon doctor` says of insurance, register, clock and the files of their secrets, whole and wrong."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from config.destinations import DestinationSettings
from config.settings import Settings, load
from sandbox.portal import Portal
from sandbox.portal_tls import Certificates
from tests.support.site import Site, site_of
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.outside import look_at_clock, look_at_insurance, look_at_population
from tiepdon.checks.secrets import PUBLIC, look_at_secrets
from tiepdon.doctor import examine
from wire.server import Response, serving

LONGEST_SECONDS = 10.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_of(tmp_path) as made:
        yield made


@contextmanager
def tls_site(folder: Path) -> Iterator[tuple[Settings, Portal]]:
    """The same with the portal over https; the register still speaks without."""
    certificates = Certificates(folder / "tls")
    with site_of(folder) as site, site.portal.serving(0, site.portal.certificate(certificates)) as (_, port):
        settings = load(site.file)
        portal = replace(settings.portal, base_url=f"https://127.0.0.1:{port}", ca_file=str(certificates.ca))
        yield replace(settings, portal=portal), site.portal


def test_doctor_finds_both_well_and_tells_how_long_they_took(site: Site) -> None:
    settings = load(site.file)
    for (finding,) in (list(look_at_insurance(settings)), list(look_at_population(settings))):
        assert finding.code is None, finding
        assert float(str(finding.data["milliseconds"])) < 4000


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("portal.500", "portal.server_error"),
        ("portal.bad_account", "portal.bad_account"),
        ("portal.html", "portal.garbled_answer"),
        ("portal.down", "portal.unreachable"),
        ("portal.address", "portal.not_allowed"),
        ("portal.forbidden", "portal.not_allowed"),
        ("portal.maintenance", "portal.server_error"),
        ("portal.half", "portal.garbled_answer"),
        ("portal.code=055", "portal.officer_name"),
        ("portal.code=205", "portal.parameters"),
        ("portal.code=101", "portal.register_down"),
        ("population.down", "population.unreachable"),
        ("population.bad_account", "population.bad_account"),
        ("population.401", "population.not_allowed"),
        ("population.maintenance", "population.server_error"),
        ("population.html", "population.token_failed"),
        ("population.fault", "population.server_error"),
    ],
)
def test_doctor_says_what_is_wrong_with_whoever_is_asked(site: Site, fault: str, code: str) -> None:
    name, _, value = fault.partition("=")
    system, look = (
        (site.portal, look_at_insurance) if name.startswith("portal.") else (site.population, look_at_population)
    )
    system.set_fault(name, value or True)
    (finding,) = look(load(site.file))
    assert (finding.probe, finding.status, finding.code) == (name.partition(".")[0], Status.WARN, code)


def test_doctor_finds_an_officer_the_portal_does_not_know(tmp_path: Path) -> None:
    stranger = 'officer_name = "Người Lạ"\nofficer_id = "000011111111"\n'
    with site_of(tmp_path, officer=stranger) as site:
        (finding,) = look_at_insurance(load(site.file))
        assert finding.code == "portal.officer_unknown"


def test_doctor_compares_the_clock_with_the_portals(site: Site) -> None:
    settings = load(site.file)
    (finding,) = look_at_clock(settings)
    assert (finding.code, finding.data["compared"]) == (None, True)
    assert abs(int(str(finding.data["seconds_ahead"]))) <= 2
    later = datetime.now(UTC) + timedelta(hours=7)  # a clock set to local time and taken for UTC
    (finding,) = look_at_clock(settings, lambda: later)
    assert finding.code == "doctor.clock_wrong"
    assert abs(int(str(finding.data["seconds_ahead"])) - 7 * 3600) <= 2
    for system in (site.portal, site.population):
        system.set_fault(f"{'portal' if system is site.portal else 'population'}.down", True)
    (finding,) = look_at_clock(settings)
    assert (finding.code, finding.data) == (None, {"compared": False})


def test_a_clock_so_wrong_that_certificates_look_expired_is_told_by_whoever_speaks_without_them(
    tmp_path: Path,
) -> None:
    with tls_site(tmp_path) as (settings, portal):
        portal.set_fault("portal.tls", "expired")
        later = datetime.now(UTC) + timedelta(days=4000)
        (finding,) = look_at_clock(settings, lambda: later)
        assert finding.code == "doctor.clock_wrong"


@pytest.mark.parametrize(
    ("fault", "why"), [("name", "wrong_name"), ("expired", "expired"), ("self_signed", "self_signed")]
)
def test_doctor_names_what_is_wrong_with_the_portals_certificate(tmp_path: Path, fault: str, why: str) -> None:
    with tls_site(tmp_path) as (settings, portal):
        (well,) = look_at_insurance(settings)
        assert well.code is None
        portal.set_fault("portal.tls", fault)
        (finding,) = look_at_insurance(settings)
        assert (finding.code, finding.data) == ("portal.certificate", {"why": why})


def test_doctor_asks_nobody_who_is_not_configured(tmp_path: Path) -> None:
    (finding,) = look_at_population(load(None))
    assert (finding.code, finding.data) == (None, {"configured": False})
    (finding,) = look_at_insurance(load(None))
    assert finding.code == "portal.disabled"


# The files of the secrets.


def secrets_of(site: Site, more: str = "") -> dict[str, tuple[Status, object]]:
    with site.file.open("a") as file:
        file.write(more)
    return {str(found.code): (found.status, found.data.get("setting")) for found in look_at_secrets(load(site.file))}


def test_secrets_that_only_their_owner_reads_are_in_order(site: Site) -> None:
    assert secrets_of(site) == {"None": (Status.OK, None)}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_that_others_may_read_is_told_with_its_setting(site: Site, mode: int) -> None:
    (site.file.parent / "portal").chmod(mode)
    assert secrets_of(site) == {"doctor.secret_open": (Status.WARN, "portal.password_file")}


@pytest.mark.parametrize("look", [look_at_insurance, look_at_population])
def test_a_secret_that_is_empty_or_gone_is_told_by_the_part_that_needs_it(
    site: Site, look: Callable[[Settings], Iterator[Finding]]
) -> None:
    settings = load(site.file)
    (well,) = look(settings)
    secret = site.file.parent / well.probe
    for spoil in (lambda: secret.write_text(""), secret.unlink):
        spoil()
        (finding,) = look(settings)
        assert finding.code == f"{well.probe}.password_missing"
    assert secrets_of(site) == {"None": (Status.OK, None)}


# A destination of each kind that has secrets, and its settings that name them.
DESTINATIONS = {
    "hl7v2": ("tls = true\ncertificate_file = 'c'", ["key_file"]),
    "fhir": ("token_url = 'http://127.0.0.1/token'\nclient_id = 'c'", ["client_secret_file"]),
    "rest": ("", ["password_file"]),
    "webhook": ("", ["secret_file", "next_secret_file"]),
    "dangky_kcb": ("merchant_id = 'M'", ["secret_file"]),
    "checkin_xml": ("folder = '/nowhere'", ["password_file"]),
    "desk": ("", ["token_file"]),
}
NEEDS = {"hl7v2": "host = '127.0.0.1'\nport = 1", "checkin_xml": ""}


def destination_block(kind: str, secret: Path) -> str:
    more, keys = DESTINATIONS[kind]
    needs = NEEDS.get(kind, "base_url = 'http://127.0.0.1'")
    files = "".join(f"{key} = '{secret}'\n" for key in keys)
    prefix = "[kiosk]\nticket_prefix = 'A'\n" if kind == "desk" else ""
    return f"{prefix}[[destinations]]\nname = 'his'\nconnector = '{kind}'\n{needs}\n{more}\n{files}"


def test_every_kind_of_destination_that_has_secrets_is_tried_here() -> None:
    kinds = [msgspec.inspect.type_info(kind) for kind in get_args(DestinationSettings)]
    secret = {
        str(kind.cls.__struct_config__.tag)
        for kind in kinds
        if isinstance(kind, msgspec.inspect.StructType)
        and any(key.endswith("_file") and key not in PUBLIC for key in kind.cls.__struct_fields__)
    }
    assert secret == set(DESTINATIONS)


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_each_secret_of_a_destination_is_missed_found_empty_open_or_in_order(site: Site, kind: str) -> None:
    secret, keys = site.file.parent / "secret", DESTINATIONS[kind][1]
    block = destination_block(kind, secret)

    def told(more: str = "") -> list[tuple[str | None, Status, object]]:
        secrets_of(site, more)
        return [(one.code, one.status, one.data.get("setting")) for one in look_at_secrets(load(site.file))]

    assert told(block) == [("doctor.secret_missing", Status.FAIL, f"his.{key}") for key in keys]
    secret.touch(mode=0o600)
    secret.write_text("\n")
    assert told() == [("doctor.secret_empty", Status.FAIL, f"his.{key}") for key in keys]
    secret.write_text("synthetic")
    assert told() == [(None, Status.OK, None)]
    secret.chmod(0o644)
    assert told() == [("doctor.secret_open", Status.WARN, f"his.{key}") for key in keys]
    secret.unlink()
    secret.mkdir()
    assert told() == [("doctor.secret_unreadable", Status.FAIL, f"his.{key}") for key in keys]


@pytest.mark.parametrize(
    ("content", "mode", "code", "status"),
    [
        (None, 0o600, "key.missing", Status.FAIL),
        (b"too short", 0o600, "key.unusable", Status.FAIL),
        (bytes(range(100, 132)), 0o644, "key.exposed", Status.FAIL),
        (bytes(range(100, 132)), 0o640, "doctor.secret_open", Status.WARN),
        (bytes(range(100, 132)), 0o600, "None", Status.OK),
    ],
)
def test_the_key_of_the_days_answers_is_looked_at(
    site: Site, content: bytes | None, mode: int, code: str, status: Status
) -> None:
    key = site.file.parent / "key"
    if content is not None:
        key.write_bytes(content)
        key.chmod(mode)
    told = secrets_of(site, f'[lookups]\ncache_key_file = "{key}"\n')
    assert {name: found[0] for name, found in told.items()} == {code: status}


def test_a_database_that_others_may_read_is_told(site: Site) -> None:
    database = site.file.parent / "tiepdon.db"
    database.touch(mode=0o600)
    assert secrets_of(site) == {"None": (Status.OK, None)}
    database.with_name("tiepdon.db-wal").touch()
    database.with_name("tiepdon.db-wal").chmod(0o644)
    assert secrets_of(site) == {"doctor.secret_open": (Status.WARN, "paths.state")}


def test_the_report_is_there_in_time_though_everybody_outside_hangs(site: Site) -> None:
    """Whoever listens and never takes a connection: the kernel says yes, then nothing comes."""
    with ExitStack() as held:
        deaf = [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
        portal, register, hospital = deaf
        with site.file.open("a") as file:
            file.write(
                f"""
[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = {hospital}
"""
            )
        settings = load(site.file)
        settings = replace(
            settings,
            portal=replace(settings.portal, base_url=f"https://127.0.0.1:{portal}"),
            population=replace(settings.population, base_url=f"http://127.0.0.1:{register}"),
        )
        begun = time.monotonic()
        found = {finding.probe: finding.code for finding in examine(settings, None)}
        assert time.monotonic() - begun < LONGEST_SECONDS
    assert (found["portal"], found["population"]) == ("portal.timeout", "population.timeout")
    assert found["clock"] is None


# The hospital system in the portal's place.


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status=500), "his_proxy.server_error"),
        (Response(status=401), "his_proxy.refused"),
        (Response(status=404), "his_proxy.no_service"),
        (Response(body=b"<html>", content_type="text/html"), "his_proxy.garbled_answer"),
        (None, "his_proxy.unreachable"),
    ],
)
def test_doctor_says_what_is_wrong_with_the_hospital_system_that_asks_for_us(
    site: Site, answer: Response | None, code: str
) -> None:
    settings = load(site.file)
    with serving(("127.0.0.1", 0), {("GET", "/bhyt"): lambda _: answer or Response()}) as address:
        port = 9 if answer is None else int(address[1])
        proxy = replace(
            settings.his_proxy,
            enabled=True,
            base_url=f"http://127.0.0.1:{port}",
            merchant_id="KIOSK",
            secret_file=str(site.file.parent / "portal"),
        )
        (finding,) = look_at_insurance(replace(settings, his_proxy=proxy))
    assert (finding.probe, finding.status, finding.code) == ("his_proxy", Status.WARN, code)
    (told,) = look_at_secrets(replace(settings, his_proxy=proxy))
    assert told.code is None


def test_a_hospital_systems_key_that_is_nowhere_is_told_by_its_own_finding(site: Site) -> None:
    settings = load(site.file)
    proxy = replace(
        settings.his_proxy, enabled=True, base_url="http://127.0.0.1:9", merchant_id="KIOSK", secret_file="/nowhere"
    )
    (finding,) = look_at_insurance(replace(settings, his_proxy=proxy))
    assert finding.code == "his_proxy.secret_missing"
