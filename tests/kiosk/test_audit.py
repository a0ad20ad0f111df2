"""What the law wants to be known later is in the audit: who, from where, to whom, and never the person's own data."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, database_file, database_path
from hisbridge import audit as bridge_audit
from kiosk import audit
from kiosk.accounts import Role, open_accounts
from kiosk.counter_edit import edits_of, open_edit, shown_of
from kiosk.counter_entry import Signer
from kiosk.machines import Scope, open_machines
from kiosk.reprints import open_reprints
from kiosk.secret_hash import SecretHash
from kiosk.sessions import open_sessions
from kiosk.sign_in import SignIn, SignInRefused
from kiosk.store import Store
from kiosk.visit_views import open_visit_views
from tests.kiosk.people import LAN, by_chip, covered
from tests.kiosk.world import MORNING, HandClock, site
from wire import chain, sqlite
from wire.chain import AuditBroken, AuditCut
from wire.chain_witness import AuditHeadMissing
from wire.keys import write_new_key

SIGNER = Signer(account="hoa.le", full_name="Lê Thị Mẫu")
PERSONAL = (LAN, "LAN", "12 Phố Thử", "0000000000")


def told(database: sqlite.Connection) -> list[tuple[str, str, str]]:
    """Act, who and whose it was, the oldest first."""
    chain.verify(database)
    return [(one.act, one.who, one.about) for one in reversed(chain.entries(database))]


def test_what_staff_see_and_do_with_a_visit_is_about_its_person(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    issued = store.check_in("run-1", by_chip(), covered())
    visit = issued.ticket.visit_id or ""
    with closing(open_visit_views(settings, clock)) as views:
        record = views.whole(visit, "machine:his")
        views.seen((visit,), "hoa.le", "counter")
    form = {f"was_{name}": text for name, text in shown_of(record).items()}
    form |= {name.removeprefix("was_"): text for name, text in form.items()}
    form |= {"phone": "0000000000", "reason": "told at the counter"}
    with closing(open_edit(settings, clock)) as edit:
        edit.correct(visit, edits_of(form, ("KB",), MORNING.date()), SIGNER)
    with closing(open_reprints(settings, clock)) as reprints:
        reprints.ask(issued.ticket.ticket_id, "hoa.le")
    store.cancel(visit, "hoa.le", "came twice")
    number = store.counter_ticket("run-2").ticket.ticket_id
    store.cancel_number(number, "hoa.le", "left")
    person = chain.reference(database, LAN)
    assert told(database) == [
        ("visit.told", "machine:his", person),
        ("visit.seen", "hoa.le", person),
        ("visit.corrected", "hoa.le", person),
        ("ticket.reprint", "hoa.le", ""),
        ("visit.cancelled", "hoa.le", person),
        ("ticket.cancelled", "hoa.le", ""),
    ]
    corrected = chain.entries(database, act="visit.corrected")[0]
    assert corrected.data == {"visit": visit, "fields": "phone", "stands": visit}
    everything = repr(chain.entries(database))
    assert not [text for text in PERSONAL if text in everything]


def test_accounts_sessions_and_machines_are_in_it(
    settings: Settings, clock: HandClock, database: sqlite.Connection
) -> None:
    with closing(open_accounts(settings, clock)) as accounts:
        accounts.add("hoa.le", "Lê Thị Mẫu", Role.SUPERVISOR, by="mai.tran")
        accounts.add("an.vo", "Võ Văn Mẫu", Role.RECEPTIONIST)
        accounts.disable("an.vo", "hoa.le")
        with closing(open_sessions(settings, clock)) as sessions:
            sign_in = SignIn(accounts, sessions, SecretHash(), clock)
            for name in ("hoa.le", "270594", "an.vo"):
                with pytest.raises(SignInRefused):
                    sign_in.sign_in(name, "000000", "192.0.2.9")
            token = sessions.begin("hoa.le", "192.0.2.7")
            held = sessions.find(token)
            assert held is not None
            sessions.end(held.session)
    with closing(open_machines(settings, clock)) as machines:
        machines.enrol(machines.new_code("board-1", [Scope.BOARD], "hoa.le"))
        machines.revoke_named("board-1", "hoa.le")
    assert [act for act, _, _ in told(database)] == [
        "account.added",
        "account.added",
        "account.disabled",
        "account.refused",
        "account.refused",
        "account.refused",
        "account.signed_in",
        "account.signed_out",
        "machine.code",
        "machine.enrolled",
        "machine.revoked",
    ]
    refused = chain.entries(database, act="account.refused")
    # What was typed as a name that is nobody's may be a PIN.
    assert [(one.who, one.place) for one in refused] == [
        ("an.vo", "192.0.2.9"),
        ("", "192.0.2.9"),
        ("hoa.le", "192.0.2.9"),
    ]


def test_a_message_seen_whole_is_about_the_same_person(
    store: Store, settings: Settings, database: sqlite.Connection
) -> None:
    store.check_in("run-1", by_chip(), covered())
    bridge_audit.note(database, "an.vo", "message.whole", MORNING, delivery_id=1, destination="his")
    bridge_audit.note(database, "an.vo", "pause", MORNING, destination="his")
    person = chain.reference(database, LAN)
    assert told(database) == [("delivery.message.whole", "an.vo", person), ("delivery.pause", "an.vo", "")]


def test_starts_stops_and_other_settings_are_in_it(
    settings: Settings, clock: HandClock, database: sqlite.Connection
) -> None:
    with audit.noted(settings, "kiosk", clock):
        pass
    other = msgspec.structs.replace(settings, kiosk=msgspec.structs.replace(settings.kiosk, ticket_prefix="B"))
    with audit.noted(other, "kiosk", clock):
        pass
    acts = [act for act, _, _ in told(database)]
    assert [act for act in acts if act != "audit.head_begun"] == [
        "process.started", "process.stopped", "settings.changed", "process.started", "process.stopped",
    ]  # fmt: skip
    audit.verify(settings)


def test_a_process_starts_where_nothing_can_be_noted(settings: Settings, clock: HandClock) -> None:
    database_path(settings).unlink()
    ran = []
    with audit.noted(settings, "kiosk", clock):
        ran.append(1)
    assert ran == [1]


def test_an_encrypted_site_seals_its_audit_under_its_own_key(tmp_path: Path, clock: HandClock) -> None:
    from tiepdon.migrations import MIGRATIONS
    from wire.database import migrate

    plain = site(tmp_path / "state", make=False)
    write_new_key(tmp_path / "site.key")
    settings = msgspec.structs.replace(
        plain, paths=msgspec.structs.replace(plain.paths, key_file=str(tmp_path / "site.key"))
    )
    migrate(database_file(settings), MIGRATIONS)
    with audit.noted(settings, "kiosk", clock):
        pass
    audit.verify(settings)
    head = audit.head_file(settings)
    head.write_bytes(head.read_bytes().replace(b"0", b"1"))
    with pytest.raises((AuditHeadMissing, AuditCut, AuditBroken)):
        audit.verify(settings)
