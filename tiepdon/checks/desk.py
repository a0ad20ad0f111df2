"""Looks at the staff's address: is its certificate good, and for how long; can somebody sign in who keeps it.

Whether the process answers is asked with the other processes. Without the staff's pages people still check in, so the
worst here is a warning.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.front import StaffSettings
from config.settings import Settings, database_path
from tiepdon.checks.finding import Finding, Status
from wire.errors import Datum

SOON = timedelta(days=30)
DESK = "desk"
CERTIFICATE = "certificate"
ACCOUNTS = "accounts"


def look_at_desk(settings: Settings) -> Iterator[Finding]:
    """The address itself; a kiosk of several in a hall has none, its tickets are called elsewhere."""
    staff = settings.staff
    if not staff.listen:
        yield Finding(probe=DESK, status=Status.OK, data={"configured": False})
        return
    places: Datum = len(settings.queue.counters) or 1
    data: dict[str, Datum] = {"listen": staff.listen, "tls": bool(staff.certificate_file), "counters": places}
    yield Finding(probe=DESK, status=Status.OK, data=data)


def look_at_certificate(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Can it be used with its key, does it hold today, and for how many days. Nothing where there is none."""
    from ui.desk.hosts import CertificateUnusable, allowed_hosts, tls_context

    staff = settings.staff
    if not staff.listen or not staff.certificate_file:
        return
    data: dict[str, Datum] = {"file": staff.certificate_file}
    try:
        tls_context(staff)
        names = allowed_hosts(staff) - allowed_hosts(_without_certificate(staff))
    except CertificateUnusable as error:
        yield Finding(probe=CERTIFICATE, status=Status.WARN, code=error.code, data={**data, **error.data})
        return
    begins, ends = _validity(staff)
    today = now or datetime.now(UTC)
    data |= {"names": " ".join(sorted(names)) or None, "days": (ends - today).days, "until": f"{ends:%Y-%m-%d}"}
    code = None
    if today < begins:
        code = "doctor.certificate_early"
    elif today >= ends:
        code = "doctor.certificate_ended"
    elif ends - today < SOON:
        code = "doctor.certificate_ends"
    elif not names:
        code = "doctor.certificate_nameless"
    yield Finding(probe=CERTIFICATE, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_accounts(settings: Settings) -> Iterator[Finding]:
    """How many of each role can sign in. One supervisor is needed: that role may do all that the others do."""
    from kiosk.accounts import Role, open_accounts
    from kiosk.clock import SystemClock
    from wire.database import DatabaseOutdated, DatabaseUnavailable

    if not settings.staff.listen or not database_path(settings).exists():
        return
    accounts = open_accounts(settings, SystemClock())
    try:
        known = [account for account in accounts.all() if account.enabled]
        choosing = accounts.choosing()
    except (DatabaseOutdated, DatabaseUnavailable):
        return  # told of the database itself
    finally:
        accounts.close()
    # Whom an identity provider lets in needs no PIN.
    able = Counter(account.role for account in known if account.ready or settings.staff.oidc.enabled)
    waiting = len(known) - able.total()
    data: dict[str, Datum] = {**{role.value: able[role] for role in Role}, "without_pin": waiting}
    if able[Role.SUPERVISOR]:
        yield Finding(probe=ACCOUNTS, status=Status.OK, data=data)
    elif any(account.role is Role.SUPERVISOR and account.name in choosing for account in known):
        yield Finding(probe=ACCOUNTS, status=Status.NOTE, code="doctor.supervisor_chooses", data=data)
    else:
        code = "doctor.no_supervisor" if known else "doctor.no_account"
        yield Finding(probe=ACCOUNTS, status=Status.WARN, code=code, data=data)


def _without_certificate(staff: StaffSettings) -> StaffSettings:
    return StaffSettings(listen=staff.listen)


def _validity(staff: StaffSettings) -> tuple[datetime, datetime]:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(Path(staff.certificate_file).read_bytes())
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc
