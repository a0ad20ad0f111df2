"""What served its purpose is gone: from every table, and from the bytes of every file."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, database_file, database_path
from hisbridge import pending
from hisbridge.identity import person_key
from hisbridge.outbox import Ended, State, claim, settle
from hisbridge.questions import Coverage, CoverageQuestion, Verdict
from hisbridge.records import HospitalAnswer
from kiosk import audit
from kiosk.accounts import Role, open_accounts
from kiosk.retention import Purged, purge
from kiosk.retention_rules import RULES, How, Rule
from kiosk.states import Choice, Consent
from kiosk.store import Store, open_store
from kiosk.visit_views import open_visit_views
from tests.kiosk.people import LAN, MINH, by_chip, covered
from tests.kiosk.world import MORNING, HandClock, rows, site, store_of
from tests.support.traces import Known, traces
from tiepdon.migrations import MIGRATIONS
from wire import chain
from wire.database import migrate, open_database
from wire.database_copies import take_snapshot
from wire.keys import write_new_key

NAME, ADDRESS, HOSPITAL = "NGUYỄN THỊ LAN", "12 Phố Thử, Phường Mẫu, Hà Nội", "BN-0077-LAN"
SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout")


def settled(settings: Settings, state: State = State.ACKNOWLEDGED, at: datetime = MORNING) -> None:
    """Every receiver has said what became of what it was owed."""
    with closing(open_database(database_path(settings))) as connection:
        for name in ("his", "archive"):
            while taken := claim(connection, name, at, 100, 60.0):
                answer = HospitalAnswer(record_number=HOSPITAL) if state is State.ACKNOWLEDGED else None
                settle(
                    connection, [Ended(one.delivery_id, state, at, receipt=HOSPITAL, answer=answer) for one in taken]
                )


def came(settings: Settings, store: Store, clock: HandClock, run: str = "run-1", person: str = LAN) -> str:
    """One synthetic person through everything that keeps something of them."""
    choice = Choice(consent=Consent("1", "vi"))
    visit = store.check_in(run, by_chip(person, run), SLOW, choice).ticket.visit_id
    assert visit is not None
    with closing(open_database(database_path(settings))) as connection:
        question = CoverageQuestion(personal_id=person, full_name=NAME, visit_date="2026-11-21")
        pending.note_open_question(connection, visit, question, "portal.timeout", MORNING)
        pending.answer(connection, visit, covered(), MORNING)
    with closing(open_visit_views(settings, clock)) as views:
        views.seen((visit,), "lan.nguyen", "counter")
    store.take_late_answers()
    return visit


def purged(settings: Settings, clock: HandClock, **later: float) -> Purged:
    clock.jump(**later)
    return purge(settings, clock)


def test_every_table_and_every_column_has_its_rule(settings: Settings) -> None:
    with closing(open_database(database_path(settings))) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        schema = {
            name: sorted(row["name"] for row in connection.execute(f"PRAGMA table_info({name})")) for (name,) in names
        }
    assert {rule.table: sorted(rule.columns) for rule in RULES} == schema


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.persons], ids=lambda rule: str(rule.table))
def test_what_holds_persons_goes_with_its_visit_or_by_its_day(rule: Rule) -> None:
    assert rule.how in (How.WITH_VISIT, How.OWN_DAY)


def test_a_settled_visit_goes_after_its_days_and_not_before(settings: Settings, store: Store, clock: HandClock) -> None:
    came(settings, store, clock)
    settled(settings)
    assert "visits" not in purged(settings, clock, days=1).removed
    assert rows(settings, "SELECT count(*) FROM visits") == [(1,)]
    told = purged(settings, clock, days=1)
    assert (told.removed["visits"], told.problems, told.clean) == (1, (), True)
    for rule in RULES:
        if rule.persons and rule.table != "bridge_audit":
            assert rows(settings, f"SELECT count(*) FROM {rule.table}") == [(0,)], rule.table  # noqa: S608
    assert rows(settings, "SELECT count(*) FROM tickets") == [(0,)]
    assert rows(settings, "SELECT count(*) FROM consents WHERE person <> '' AND text_hash <> ''") == [(1,)]


def test_the_day_after_numbers_and_late_answers_go_on_where_they_were(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    came(settings, store, clock)
    settled(settings)
    purged(settings, clock, days=3)
    visit = came(settings, store, clock, "run-2", MINH)
    assert rows(settings, "SELECT record ->> '$.coverage.verdict' FROM visits WHERE id = ?", visit) == [("valid",)]
    assert store.take_late_answers() == []


def test_what_nobody_has_taken_stays_is_told_and_goes_at_last_by_name(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    visit = came(settings, store, clock)
    left = purged(settings, clock, days=10)
    assert (left.undelivered.visits, left.undelivered.days) == (1, 20)
    assert left.given_up == {}
    assert rows(settings, "SELECT count(*) FROM visits") == [(1,)]
    gone = purged(settings, clock, days=21)
    assert gone.given_up == {"his": 2, "archive": 2}
    assert rows(settings, "SELECT count(*) FROM visits") == [(0,)]
    with closing(open_database(database_path(settings))) as connection:
        told = chain.entries(connection, act="delivery.expired")
        assert {one.data["destination"] for one in told} == {"his", "archive"}
        assert {one.about for one in told} == {chain.reference(connection, LAN)}
        assert {one.data["visit"] for one in told} == {visit}


@pytest.mark.parametrize("state", [State.REJECTED, State.DEAD])
def test_what_a_receiver_refused_stays_as_long_as_what_it_has_not_taken(
    settings: Settings, store: Store, clock: HandClock, state: State
) -> None:
    came(settings, store, clock)
    settled(settings, state)
    assert "visits" not in purged(settings, clock, days=30).removed
    assert purged(settings, clock, days=1).removed["visits"] == 1


def test_what_is_under_way_this_moment_is_not_torn(settings: Settings, store: Store, clock: HandClock) -> None:
    came(settings, store, clock)
    with closing(open_database(database_path(settings))) as connection:
        (taken,) = claim(connection, "his", MORNING, 1, 60.0)
        told = purged(settings, clock, days=400)
        assert "visits" not in told.removed
        settle(connection, [Ended(taken.delivery_id, State.ACKNOWLEDGED, MORNING)])
    assert purged(settings, clock).removed["visits"] == 1


def test_numbers_without_a_visit_go_with_their_day(settings: Settings, store: Store, clock: HandClock) -> None:
    store.counter_ticket("run-9")
    assert purged(settings, clock, days=2).removed["tickets"] == 1


def test_a_visit_of_a_day_to_come_is_told_and_goes_with_those_that_came_after_it(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    clock.jump(days=365)
    came(settings, store, clock)
    clock.jump(days=-365)
    came(settings, store, clock, "run-2", MINH)
    settled(settings)
    assert purged(settings, clock).ahead == 1
    assert rows(settings, "SELECT count(*) FROM visits") == [(2,)]
    told = purged(settings, clock, days=2)
    assert (told.removed["visits"], told.ahead) == (2, 0)
    assert left_of(settings) == []


def test_a_day_ends_at_the_sites_own_midnight(settings: Settings, store: Store, clock: HandClock) -> None:
    """17:00 UTC in Viet Nam: the last second of a day and the first one of the next."""
    clock.wall = datetime(2026, 11, 21, 16, 59, 59, tzinfo=UTC)
    came(settings, store, clock)
    clock.jump(seconds=1)
    came(settings, store, clock, "run-2", MINH)
    settled(settings)
    clock.wall = datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC)
    assert "visits" not in purge(settings, clock).removed  # the next day, whole
    clock.jump(seconds=1)
    assert purge(settings, clock).removed["visits"] == 1
    assert rows(settings, "SELECT record ->> '$.patient.personal_id' FROM visits") == [(MINH,)]
    clock.jump(days=1, seconds=-1)
    assert "visits" not in purge(settings, clock).removed
    clock.jump(seconds=1)
    assert purge(settings, clock).removed["visits"] == 1


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("consents", 1095), ("person_requests", 1095), ("visit_views", 400), ("bridge_audit", 400),
        ("account_acts", 400), ("machine_acts", 400), ("machines", 400), ("help_calls", 1), ("coverage_answers", 1),
    ],
)  # fmt: skip
def test_each_purpose_keeps_to_its_own_days_to_the_second(
    settings: Settings, clock: HandClock, rule: str, days: int
) -> None:
    """`days`: of the settings. What is of the first moment of the first day that stays, stays."""
    clock.wall = datetime(2026, 11, 21, 17, 0, 0, tzinfo=UTC)  # the 22nd begins
    kept = clock.wall
    over = kept - timedelta(seconds=1)
    with closing(open_database(database_path(settings))) as connection:
        for number, at in enumerate((kept, over)):
            site, seconds = at.astimezone(timezone(timedelta(hours=7))), int(at.timestamp())
            values = {
                "consents": ("version, language, given_at", ("1", "vi", site.isoformat())),
                "person_requests": (
                    "kind, person, asked_by, channel, asked_at, answer_due, due, latest_due, taken_by, done_at",
                    ("copy", "p", "self", "mail", *[site.date().isoformat()] * 4, "h", site.isoformat()),
                ),
                "visit_views": ("at, by, visit_id", (seconds, "h", "v")),
                "bridge_audit": ("at, who, act", (chain.moment(at), "h", "pause")),
                "account_acts": ("at, account, act, by", (seconds, "h", "added", "m")),
                "machine_acts": ("at, machine, act, by, scopes", (seconds, "b", "enrolled", "h", "board")),
                "machines": (
                    "name, scopes, page, token_hash, created_at, created_by, ended_at",
                    (f"b{number}", "board", "", str(number), 1, "h", seconds),
                ),
                "help_calls": ("kiosk_id, screen, at", ("k", "start", seconds)),
                "coverage_answers": ("key, day, kept_at, sealed", (str(number), str(site.date()), "", b"")),
            }[rule]
            places = ", ".join("?" * len(values[1]))
            connection.execute(f"INSERT INTO {rule} ({values[0]}) VALUES ({places})", values[1])  # noqa: S608
    clock.jump(days=days, hours=23)
    assert purge(settings, clock).removed.get(rule) == 1
    assert rows(settings, f"SELECT count(*) FROM {rule}") == [(1,)]  # noqa: S608
    clock.jump(hours=1)
    assert purge(settings, clock).removed.get(rule) == 1


def test_a_purge_by_a_clock_that_went_back_removes_nothing_of_today(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    came(settings, store, clock)
    settled(settings)
    for back in (1, 30, 3650):
        clock.jump(days=-back)
        assert purge(settings, clock).removed == {}
        clock.jump(days=back)
    assert rows(settings, "SELECT count(*) FROM visits") == [(1,)]


def test_who_did_what_outlives_the_persons_and_proves_itself(
    settings: Settings, store: Store, clock: HandClock
) -> None:
    visit = came(settings, store, clock)
    settled(settings)
    purged(settings, clock, days=3)
    with closing(open_database(database_path(settings))) as connection:
        (seen,) = chain.entries(connection, about=chain.reference(connection, LAN), act="visit.seen")
        assert (seen.who, seen.data) == ("lan.nguyen", {"visit": visit, "page": "counter"})
    audit.verify(settings)
    assert purged(settings, clock, days=500).removed["audit"] >= 2
    audit.verify(settings)


def test_statistics_are_made_before_persons_go(settings: Settings, store: Store, clock: HandClock) -> None:
    came(settings, store, clock)
    settled(settings)
    purged(settings, clock, days=3)
    assert rows(settings, "SELECT visits FROM statistics_days WHERE day = '2026-11-21'") == [(1,)]


def test_old_snapshots_go_and_a_new_one_holds_nobody(settings: Settings, store: Store, clock: HandClock) -> None:
    came(settings, store, clock)
    settled(settings)
    old = take_snapshot(database_file(settings), clock.now())
    assert left_of(settings) != []
    assert purged(settings, clock, days=3).snapshots == 1
    assert not old.exists()
    assert left_of(settings) == []


def test_codes_and_sessions_that_are_over_go(settings: Settings, clock: HandClock) -> None:
    with closing(open_accounts(settings, clock)) as accounts:
        accounts.add("mai.tran", "Trần Thị Mẫu", Role.RECEPTIONIST)
    purged(settings, clock, days=2)
    assert rows(settings, "SELECT code FROM accounts") == [(None,)]


KNOWN = Known(NAME, ADDRESS, LAN, MINH, HOSPITAL, "Thị Lan", person_key(LAN), person_key(MINH))  # soon tried through


def left_of(settings: Settings) -> list[tuple[str, bytes]]:
    """What the bytes of any file of the site still say of the persons."""
    return traces(Path(settings.paths.state), KNOWN)


def test_no_byte_of_a_person_is_left_in_any_file(settings: Settings, store: Store, clock: HandClock) -> None:
    for number in range(10):
        came(settings, store, clock, f"run-{number}", (LAN, MINH)[number % 2])
    for number in range(10, 230):  # so many that pages split, join and are freed, in more than one batch
        store.check_in(f"run-{number}", by_chip(LAN, f"run-{number}"), covered())
    settled(settings)
    assert left_of(settings) != []
    told = purged(settings, clock, days=3)
    assert (told.removed["visits"], told.clean) == (230, True)
    assert left_of(settings) == []


def test_no_byte_is_left_while_a_kiosk_goes_on_writing(settings: Settings, store: Store, clock: HandClock) -> None:
    for number in range(20):
        came(settings, store, clock, f"run-{number}")
    settled(settings)
    clock.jump(days=3)
    over, written, failed = threading.Event(), [0], list[BaseException]()

    def go_on() -> None:
        """The kiosk's own process at night: others come, none of whom is searched for."""
        try:
            with closing(open_store(settings, clock)) as busy:
                while not over.wait(0.02):
                    name = {"full_name": "TRẦN VĂN KHÁC", "residence": "1 Ngõ Khác"}
                    busy.check_in(f"night-{written[0]}", by_chip("001200999990", **name), covered())
                    busy.probe()
                    written[0] += 1
        except BaseException as error:
            failed.append(error)

    kiosk = threading.Thread(target=go_on)
    kiosk.start()
    try:
        told = purge(settings, clock)
        again = purge(settings, clock)
    finally:
        over.set()
        kiosk.join()
    assert failed == []
    assert written[0] > 0
    assert told.removed["visits"] == 20
    assert again.clean
    assert left_of(settings) == []
    assert rows(settings, "SELECT count(*) FROM visits") == [(written[0],)]


def test_a_site_keeps_for_as_long_as_its_settings_say(settings: Settings, clock: HandClock) -> None:
    longer = msgspec.structs.replace(
        settings, retention=msgspec.structs.replace(settings.retention, visit_days=7, consent_days=10)
    )
    with store_of(longer, clock) as store:
        came(longer, store, clock)
    settled(longer)
    assert "visits" not in purged(longer, clock, days=7).removed
    assert purged(longer, clock, days=1).removed["visits"] == 1
    assert purged(longer, clock, days=3).removed["consents"] == 1


def test_an_encrypted_database_is_purged_and_written_anew_the_same_way(tmp_path: Path, clock: HandClock) -> None:
    plain = site(tmp_path / "state", make=False)
    write_new_key(tmp_path / "site.key")
    paths = msgspec.structs.replace(plain.paths, key_file=str(tmp_path / "site.key"))
    settings = msgspec.structs.replace(plain, paths=paths)
    migrate(database_file(settings), MIGRATIONS)
    with store_of(settings, clock) as store:
        store.check_in("run-1", by_chip(), covered())
    with closing(open_database(database_file(settings))) as connection:
        connection.execute("UPDATE deliveries SET state = 'acknowledged'")
    told = purged(settings, clock, days=3)
    assert (told.removed["visits"], told.clean, told.problems) == (1, True, ())
    audit.verify(settings)


def test_a_purge_cut_off_in_the_middle_is_finished_by_the_next_one(
    settings: Settings, store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        came(settings, store, clock, f"run-{number}")
    settled(settings)
    clock.jump(days=3)
    with monkeypatch.context() as cut:
        cut.setattr("kiosk.retention._tickets", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            purge(settings, clock)
    told = purge(settings, clock)
    assert (told.removed["tickets"], told.clean) == (5, True)
    assert left_of(settings) == []
