"""What `tiepdon doctor` says of what keeps a site well for years, and of a screen that nobody sees."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.settings import Settings, database_file, database_path, load, socket_path
from kiosk.requests import Asked, Kind, Outcome, add, finish
from sandbox.portal_tls import Certificates
from tests.hisbridge.certificates import authority, server_certificate
from tests.kiosk.people import LAN
from tests.support.database import migrated
from tiepdon.checks import certificates, screen, upkeep
from tiepdon.checks.finding import Finding
from tiepdon.keeping.backup_folder import name_of
from tiepdon.migrations import MIGRATIONS
from wire import chain
from wire.database import open_database, transaction
from wire.server import Request, Response, json_response, serving

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, run_dir: Path) -> Settings:
    told = load()
    (tmp_path / "state").mkdir(mode=0o700)
    return replace(told, paths=replace(told.paths, state=str(tmp_path / "state"), run=str(run_dir)))


@pytest.fixture
def site(settings: Settings) -> Settings:
    """With a database."""
    migrated(database_path(settings), MIGRATIONS)
    return settings


def told(found: Iterator[Finding]) -> tuple[str, str | None]:
    (finding,) = found
    return finding.status.value, finding.code


def visited(site: Settings, when: datetime) -> None:
    with closing(open_database(database_file(site))) as connection:
        connection.execute(
            "INSERT INTO visits (id, presentation, created_at, service_code, source, record) VALUES (?, ?, ?, ?, ?, ?)",
            ("v", "p", when.isoformat(), "KB", "typed", "{}"),
        )


def purged(site: Settings, when: datetime) -> None:
    with closing(open_database(database_file(site))) as connection:
        chain.note(connection, "purge", "system", "", when, {})


def test_old_data_that_stayed_is_told_and_a_purge_of_last_night_is_not(site: Settings) -> None:
    assert told(upkeep.look_at_purge(site, NOW)) == ("ok", None)
    visited(site, NOW - timedelta(days=9))
    assert told(upkeep.look_at_purge(site, NOW)) == ("warn", "doctor.purge_late")
    purged(site, NOW - timedelta(hours=7))
    assert told(upkeep.look_at_purge(site, NOW)) == ("ok", None)
    assert told(upkeep.look_at_purge(site, NOW + timedelta(days=3))) == ("warn", "doctor.purge_late")


def test_requests_of_persons_that_are_late_are_told_with_the_oldest_day(site: Settings) -> None:
    assert told(upkeep.look_at_requests(site, NOW)) == ("ok", None)
    with closing(open_database(database_file(site))) as connection, transaction(connection):
        for kind, days in ((Kind.COPY, 20), (Kind.ERASE, 9), (Kind.VIEW, 0)):
            add(connection, Asked(kind, LAN), "hoa", NOW - timedelta(days=days))
    (finding,) = upkeep.look_at_requests(site, NOW)
    assert (finding.status.value, finding.code) == ("warn", "doctor.requests_late")
    assert finding.data == {"open": 3, "late": 2, "due": "2026-11-05"}
    assert LAN not in str(finding)
    with closing(open_database(database_file(site))) as connection, transaction(connection):
        for number in (1, 2):
            finish(connection, number, Outcome.DONE, "hoa", NOW)
    assert told(upkeep.look_at_requests(site, NOW)) == ("ok", None)


def test_a_deadline_that_runs_through_a_tet_nobody_wrote_down_is_told(site: Settings) -> None:
    december, january = datetime(2026, 12, 20, 3, tzinfo=UTC), datetime(2027, 1, 15, 3, tzinfo=UTC)
    days_off = tuple(date(2027, 2, day) for day in range(4, 11))
    known = replace(site, retention=replace(site.retention, days_off=days_off))

    def looked(settings: Settings, now: datetime) -> list[tuple[str, str | None]]:
        return [(one.status.value, one.code) for one in upkeep.look_at_requests(settings, now)]

    assert looked(site, NOW) == [("ok", None)]
    assert looked(site, december) == [("ok", None), ("note", "doctor.days_off_unknown")]
    with closing(open_database(database_file(site))) as connection, transaction(connection):
        add(connection, Asked(Kind.ERASE, LAN), "hoa", january)
    assert looked(site, january) == [("ok", None), ("warn", "doctor.days_off_unknown")]
    assert looked(known, january) == [("ok", None)]


def test_an_audit_that_does_not_prove_itself_is_told(site: Settings) -> None:
    purged(site, NOW)
    assert told(upkeep.look_at_audit(site)) == ("ok", None)
    with closing(open_database(database_file(site))) as connection:
        connection.execute("DROP TRIGGER audit_kept")
        connection.execute("UPDATE audit SET who = 'nobody'")
    with pytest.raises(chain.AuditBroken):
        list(upkeep.look_at_audit(site))


def test_without_a_database_there_is_nothing_to_tell_of_it(settings: Settings) -> None:
    looks = (upkeep.look_at_purge, upkeep.look_at_requests, upkeep.look_at_audit, upkeep.look_at_snapshots)
    assert [finding for look in looks for finding in look(settings)] == []


def test_copies_that_are_not_made_late_or_away_are_told(settings: Settings, tmp_path: Path) -> None:
    def looked(folder: str) -> tuple[str, str | None]:
        return told(upkeep.look_at_backup(replace(settings, backup=replace(settings.backup, folder=folder)), NOW))

    assert looked("") == ("warn", "doctor.no_backup")
    assert looked(str(tmp_path / "stick")) == ("warn", "doctor.backup_folder")
    (tmp_path / "stick").mkdir()
    assert looked(str(tmp_path / "stick")) == ("warn", "doctor.backup_late")

    def made(by: Settings, hours: float) -> Path:
        file = tmp_path / "stick" / name_of(by, NOW - timedelta(hours=hours))
        file.touch()
        return file

    made(settings, 50)
    another = replace(settings, site=replace(settings.site, kiosk_id="another"))
    for other in (
        made(another, 1),
        made(settings, 1).rename(tmp_path / "stick" / "half.age.part"),
        made(settings, -60),
    ):
        assert other.exists()  # and is no copy of this kiosk, or of no time that has been
        assert looked(str(tmp_path / "stick")) == ("warn", "doctor.backup_late")
    made(settings, 1)
    assert looked(str(tmp_path / "stick")) == ("ok", None)


def test_snapshots_are_looked_for_beside_the_database(site: Settings) -> None:
    assert told(upkeep.look_at_snapshots(site, NOW)) == ("warn", "doctor.snapshot_late")
    folder = Path(site.paths.state) / "snapshots"
    folder.mkdir(exist_ok=True)
    (folder / "20261123T025900Z.db.part").touch()  # of a damaged database, tried again and again
    assert told(upkeep.look_at_snapshots(site, NOW)) == ("warn", "doctor.snapshot_late")
    (folder / "20261123T024000Z.db").touch()
    assert told(upkeep.look_at_snapshots(site, NOW)) == ("ok", None)


def test_sandbox_data_needs_no_copies_and_no_key(site: Settings) -> None:
    sandbox = replace(site, site=replace(site.site, synthetic=True))
    for look in (upkeep.look_at_encryption, upkeep.look_at_backup, upkeep.look_at_snapshots):
        assert told(look(sandbox)) == ("ok", None)
    assert told(upkeep.look_at_encryption(site)) == ("warn", "doctor.not_encrypted")


# ---- Certificates


def test_a_servers_certificate_that_ends_soon_is_told_before_it_ends(settings: Settings, tmp_path: Path) -> None:
    import http.server
    import ssl
    import threading

    from cryptography.hazmat.primitives.serialization import Encoding

    short = authority()
    (tmp_path / "ca.pem").write_bytes(short.certificate.public_bytes(Encoding.PEM))
    soon = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    soon.load_cert_chain(server_certificate(tmp_path, short))
    long = Certificates(tmp_path / "tls")
    for context, ca_file, expected in (
        (soon, tmp_path / "ca.pem", [("warn", "doctor.server_certificate_ends")]),
        (long.context(None), long.ca, [("ok", None)]),
        (long.context("expired"), long.ca, []),  # the server's own probe says that
    ):
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *_: None  # type: ignore[method-assign]
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                one = certificates.Server("portal", "127.0.0.1", server.server_port, str(ca_file))
                found = list(certificates.look_at_server(one))
            finally:
                server.shutdown()
                thread.join()
        assert [(finding.status.value, finding.code) for finding in found] == expected


def test_every_server_outside_that_is_asked_over_tls_is_looked_at(settings: Settings) -> None:
    from config.destinations import FhirDestination, Hl7v2Destination

    portal = replace(settings.portal, enabled=True, base_url="https://portal.example:8443/x")
    asked = replace(
        settings,
        portal=portal,
        destinations=(
            Hl7v2Destination(name="his", host="his.example", port=2575, tls=True),
            Hl7v2Destination(name="plain", host="his.example", port=2575),
            FhirDestination(name="fhir", base_url="https://fhir.example/r4"),
            FhirDestination(name="near", base_url="http://127.0.0.1/r4"),
        ),
    )
    assert [(one.name, one.host, one.port) for one in certificates.servers(asked)] == [
        ("portal", "portal.example", 8443),
        ("his", "his.example", 2575),
        ("fhir", "fhir.example", 443),
    ]


def test_authorities_that_end_are_told(settings: Settings, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    assert told(certificates.look_at_trust(settings)) == ("note", "doctor.no_trust")
    (tmp_path / "csca").mkdir()
    made = authority().certificate  # until tomorrow
    (tmp_path / "csca" / "vn.cer").write_bytes(made.public_bytes(Encoding.DER))
    trusting = replace(settings, reader=replace(settings.reader, trust_folder=str(tmp_path / "csca")))
    assert told(certificates.look_at_trust(trusting)) == ("warn", "doctor.trust_ends")
    long_ago = made.not_valid_after_utc - timedelta(days=400)
    assert told(certificates.look_at_trust(trusting, long_ago)) == ("ok", None)


# ---- The screen


@pytest.mark.parametrize(
    ("seen", "synthetic", "expected"),
    [
        ({"seen_seconds": 3.0, "visible": True}, False, [("ok", None)]),
        ({"seen_seconds": 3.0, "visible": False}, False, [("warn", "doctor.screen_hidden")]),
        ({"seen_seconds": 90.0, "visible": True}, False, [("fail", "doctor.screen_silent")]),
        ({"seen_seconds": None, "visible": False}, False, [("fail", "doctor.screen_unseen")]),
        ({"seen_seconds": None, "visible": False}, True, [("note", "doctor.screen_unseen")]),
        ("rubbish", False, []),
    ],
)
def test_a_page_that_does_not_show_is_told(
    settings: Settings, seen: object, synthetic: bool, expected: list[tuple[str, str | None]]
) -> None:
    asked = replace(settings, site=replace(settings.site, synthetic=synthetic))

    def health(_: Request) -> Response:
        return json_response({"screen": seen})

    with serving(socket_path(settings, "kiosk"), {("GET", "/health"): health}):
        found = list(screen.look_at_screen(asked))
    assert [(finding.status.value, finding.code) for finding in found] == expected
    assert list(screen.look_at_screen(asked)) == []  # the process itself is told of elsewhere
