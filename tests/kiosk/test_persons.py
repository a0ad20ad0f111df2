"""A person asks what is kept of them, wants a copy, wants it gone: by their number, in the terms of the law."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings
from hisbridge.outbox import claim
from kiosk import persons, requests
from kiosk.changes import NoSuchVisit
from kiosk.counter_edit import edits_of, open_edit
from kiosk.counter_entry import Signer
from kiosk.legal_basis import NoSuchConsent, Purpose, consents_of, note_bases, text_hash, withdraw
from kiosk.person_copy import Copy, export
from kiosk.persons import NotANumber, erased_file, number_of, reapply
from kiosk.requests import Asked, Kind, NoSuchRequest, Outcome, is_late
from kiosk.retention import clean_file, purge, renew_snapshots
from kiosk.states import Choice, Consent
from kiosk.store import Store
from kiosk.working_days import after_days, after_working_days, is_working_day, unknown_tet
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.kiosk.test_retention import came, left_of, settled
from tests.kiosk.world import HandClock, rows
from wire import chain, sqlite
from wire.codec import from_json, to_json
from wire.database import open_database, transaction

SIGNER = Signer(account="hoa.le", full_name="Lê Thị Mẫu")
SITE = timezone(timedelta(hours=7))
FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=SITE)


def test_what_is_kept_of_a_person_is_found_and_that_somebody_looked_is_written_down(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    visit = came(settings, store, clock)
    came(settings, store, clock, "run-2", MINH)
    found = persons.look(database, LAN, "mai.tran", clock.now())
    assert [(one.visit_id, one.state) for one in found.visits] == [(visit, "under_way")]
    assert {one.destination for one in found.handed} == {"his", "archive"}
    assert [one.act for one in found.consents] == ["given"]
    assert chain.entries(database, 1)[0].about == found.reference
    assert found.seen == 2
    assert persons.find(database, "001200900999").visits == ()


def test_a_copy_holds_all_of_it_and_nothing_of_anybody_else(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    came(settings, store, clock, "run-2", MINH)
    copy = export(database, settings, LAN, "mai.tran", clock.now())
    assert from_json(to_json(copy), Copy) == copy
    (record,) = copy.records
    assert record["patient"]["personal_id"] == LAN
    assert MINH not in to_json(copy).decode()
    assert {"lan.nguyen", "mai.tran"} == {one["by"] for one in copy.seen_by}
    assert {one["purpose"] for one in copy.purposes} >= {"check_in", "insurance_check"}


def test_an_erased_person_is_in_no_byte_of_any_file(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    settled(settings)
    told = persons.erase(database, settings, LAN, "mai.tran", clock.now())
    assert (told.visits, told.under_way, told.told) == (1, 0, ("archive", "his"))
    assert "receivers" in told.stays
    assert clean_file(database)
    renew_snapshots(settings, clock.now())
    assert left_of(settings) == []
    chain.verify(database)


def test_a_delivery_under_way_is_not_torn_and_its_visit_goes_the_night_after(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    claim(database, "his", clock.now(), 1, 60.0)
    told = persons.erase(database, settings, LAN, "mai.tran", clock.now())
    assert (told.visits, told.under_way) == (0, 1)
    assert "under_way" in told.stays
    assert rows(settings, "SELECT count(*) FROM deliveries WHERE state = 'sending'") == [(1,)]
    database.execute("UPDATE deliveries SET state = 'queued' WHERE state = 'sending'")
    settled(settings)
    assert purge(settings, clock).removed["visits"] == 1


def test_a_copy_that_is_put_back_erases_the_person_again_and_nobody_else(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection, tmp_path: Path
) -> None:
    came(settings, store, clock)
    came(settings, store, clock, "run-2", MINH)
    settled(settings)
    with closing(sqlite.connect(tmp_path / "copy.db")) as copy:
        database.backup(copy)
    clock.jump(minutes=1)
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    with closing(open_database(tmp_path / "copy.db")) as restored:
        assert reapply(restored, erased_file(settings))["visits"] == 1
        assert reapply(restored, erased_file(settings)) == {}
        assert persons.find(restored, LAN).visits == ()
        assert len(persons.find(restored, MINH).visits) == 1


def test_who_comes_again_after_being_erased_is_kept_as_anybody(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    settled(settings)
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    clock.jump(hours=1)
    came(settings, store, clock, "run-2")
    settled(settings)
    assert reapply(database) == {}
    assert len(persons.find(database, LAN).visits) == 1


def test_erasing_twice_and_erasing_nobody_harm_nobody(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    came(settings, store, clock, "run-2", MINH)
    settled(settings)
    assert [persons.erase(database, settings, LAN, "mai.tran", clock.now()).visits for _ in range(2)] == [1, 0]
    unknown = persons.erase(database, settings, "001200900999", "mai.tran", clock.now())
    assert (unknown.visits, unknown.rows, unknown.told) == (0, {}, ())
    assert len(persons.find(database, MINH).visits) == 1
    chain.verify(database)


def test_who_waits_in_a_queue_keeps_the_number_and_is_called_by_it(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    visit = came(settings, store, clock)
    settled(settings)
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    (waiting,) = rows(settings, "SELECT standing, visit_id FROM tickets")
    assert waiting == ("waiting", None)
    with pytest.raises(NoSuchVisit), closing(open_edit(settings, clock)) as edit:
        edit.correct(
            visit, edits_of({"phone": "0900000001", "was_phone": "", "reason": "told"}, (), FRIDAY.date()), SIGNER
        )
    assert purge(settings, clock).problems == ()


def test_what_erasing_removed_is_in_the_audit_by_table(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    settled(settings)
    told = persons.erase(database, settings, LAN, "mai.tran", clock.now())
    assert (told.rows["visits"], told.rows["deliveries"]) == (1, 4)
    noted = chain.entries(database, 1)[0]
    assert (noted.act, noted.data["rows"], noted.data["stays"]) == ("person.erased", told.rows, list(told.stays))


def test_copies_of_a_site_that_makes_them_are_named_among_what_stays(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    found = persons.find(database, LAN)
    copies = msgspec.structs.replace(settings, backup=msgspec.structs.replace(settings.backup, folder="/mnt/stick"))
    assert "copies" not in persons.stays(found, settings)
    assert "copies" in persons.stays(found, copies)


def test_tombstones_go_when_no_proof_is_owed_and_no_copy_is_that_old(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    short = msgspec.structs.replace(settings.retention, consent_days=2, backup_days=30)
    brief = msgspec.structs.replace(settings, retention=short)
    persons.erase(database, settings, LAN, "mai.tran", clock.now())
    clock.jump(days=30)
    persons.erase(database, settings, MINH, "mai.tran", clock.now())
    purge(brief, clock)  # a copy of thirty days ago may still be put back
    assert len(erased_file(settings).read_text("ascii").splitlines()) == 2
    clock.jump(days=2)
    assert purge(brief, clock).removed["erased"] == 1
    (left,) = erased_file(settings).read_text("ascii").splitlines()
    assert left.split()[0] == chain.reference(database, MINH)
    assert rows(settings, "SELECT person FROM erased") == [(left.split()[0],)]
    assert erased_file(settings).stat().st_mode & 0o077 == 0


def test_nothing_is_erased_where_the_tombstone_cannot_be_kept(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    came(settings, store, clock)
    settled(settings)
    erased_file(settings).mkdir()
    with pytest.raises(OSError, match="directory"):
        persons.erase(database, settings, LAN, "mai.tran", clock.now())
    assert len(persons.find(database, LAN).visits) == 1


@pytest.mark.parametrize("line", ["", "half", "ab 2026", "\x00 x", "é 2026-11-21T00:00:00+00:00", "ab  "])
def test_a_damaged_list_of_the_erased_harms_nobody(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection, line: str
) -> None:
    came(settings, store, clock)
    erased_file(settings).write_bytes(line.encode() + b"\n")
    assert reapply(database, erased_file(settings)) == {}


def test_a_tet_that_nobody_wrote_down_is_known_before_a_term_runs_through_it() -> None:
    known = [date(2027, 2, day) for day in range(4, 11)]
    assert unknown_tet(date(2026, 11, 23), date(2027, 1, 7), ()) is None
    assert unknown_tet(date(2026, 12, 20), date(2027, 1, 20), ()) == 2027
    assert unknown_tet(date(2027, 2, 20), date(2027, 3, 2), ()) == 2027
    assert unknown_tet(date(2027, 2, 28), date(2027, 3, 30), ()) is None
    assert unknown_tet(date(2027, 1, 15), date(2027, 3, 2), known) is None
    assert unknown_tet(date(2027, 1, 15), date(2028, 3, 2), known) == 2028


@pytest.mark.parametrize("text", ["", "00130390001", "0013039000170", "00130390001x", "٠٠١٣٠٣٩٠٠٠١٧", "' OR 1=1 --"])
def test_what_is_no_number_is_refused_without_saying_it(text: str) -> None:
    with pytest.raises(NotANumber) as caught:
        number_of(text)
    assert caught.value.data == {}


def test_a_number_may_be_typed_in_groups() -> None:
    assert number_of(" 001303 900017\n") == LAN


@pytest.mark.parametrize(
    ("kind", "due", "latest"),
    [
        (Kind.VIEW, "2026-11-30", "2026-12-07"),
        (Kind.WITHDRAW, "2026-12-07", "2026-12-10"),
        (Kind.ERASE, "2026-12-10", "2026-12-21"),
        (Kind.PROTECT, "2026-12-07", "2026-12-07"),
    ],
)
def test_a_request_is_due_when_the_law_says(database: sqlite.Connection, kind: Kind, due: str, latest: str) -> None:
    request = requests.add(database, Asked(kind, LAN), "mai.tran", FRIDAY)
    assert (request.answer_due, request.due, request.latest_due) == ("2026-11-24", due, latest)
    assert LAN not in to_json(request).decode()


def test_a_request_is_taken_answered_and_done_by_somebody_each_once(database: sqlite.Connection) -> None:
    first = requests.add(database, Asked(Kind.COPY, LAN), "mai.tran", FRIDAY)
    urgent = requests.add(database, Asked(Kind.VIEW, MINH), "mai.tran", FRIDAY - timedelta(days=9))
    assert [one.number for one in requests.listed(database)] == [urgent.number, first.number]
    assert is_late(urgent, FRIDAY.date())
    assert not is_late(first, date(2026, 11, 24))
    assert is_late(first, date(2026, 11, 25))
    assert not is_late(requests.answer(database, first.number, "mai.tran", FRIDAY), date(2026, 11, 25))
    with pytest.raises(NoSuchRequest):
        requests.answer(database, first.number, "mai.tran", FRIDAY)
    done = requests.finish(database, first.number, Outcome.DONE, "hoa.le", FRIDAY)
    assert (done.done_by, done.outcome) == ("hoa.le", Outcome.DONE)
    with pytest.raises(NoSuchRequest):
        requests.finish(database, first.number, Outcome.REFUSED, "hoa.le", FRIDAY)
    assert [one.number for one in requests.listed(database)] == [urgent.number]
    assert len(requests.listed(database, every=True)) == 2
    assert [one.act for one in chain.entries(database)][:2] == ["person.finished", "person.answered"]


def test_days_off_make_deadlines_later_and_never_earlier() -> None:
    tet = [date(2027, 2, day) for day in range(4, 11)]
    assert not is_working_day(date(2026, 4, 30))
    assert not is_working_day(date(2026, 11, 21))
    assert after_working_days(date(2027, 2, 3), 2, tet) == date(2027, 2, 12)
    assert after_days(date(2027, 1, 25), 10, tet) == date(2027, 2, 11)
    assert after_days(date(2027, 1, 25), 10) == date(2027, 2, 4)


def test_a_consent_proves_to_which_words_when_and_where_it_was_given(
    settings: Settings, store: Store, clock: HandClock, database: sqlite.Connection
) -> None:
    store.check_in("run-1", by_chip(), covered(), Choice(consent=Consent("7", "vi")))
    (given,) = consents_of(database, LAN)
    assert (given.act, given.version, given.language, given.channel) == ("given", "7", "vi", "kiosk")
    assert given.text_hash == text_hash(settings.kiosk.consent.text_vi)
    assert given.at == "2026-11-21T07:45:00+07:00"
    with transaction(database):
        withdraw(database, LAN, "mai.tran", clock.now())
    assert [one.act for one in consents_of(database, LAN)] == ["given", "withdrawn"]
    for nobody in (LAN, MINH):
        with pytest.raises(NoSuchConsent):
            withdraw(database, nobody, "mai.tran", clock.now())


def test_each_purpose_stands_on_a_basis_that_is_kept_with_its_words(
    settings: Settings, database: sqlite.Connection
) -> None:
    with transaction(database):
        assert set(note_bases(database, settings, datetime(2026, 11, 21, tzinfo=UTC))) == set(Purpose)
        assert note_bases(database, settings, datetime(2026, 11, 22, tzinfo=UTC)) == []
