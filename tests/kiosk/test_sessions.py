"""Sessions: they end by themselves, lock when nobody acts, and open by the PIN alone. And who guesses waits."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kiosk.accounts import Role
from kiosk.sessions import MOST_OF_ONE, MOST_WRONG, Held
from kiosk.sign_in import LONGEST_WAIT_SECONDS, MOST_KEPT, SignInRefused, SignInWait, network_of
from tests.kiosk.test_accounts import PIN, House
from tests.kiosk.world import rows
from wire import chain

HERE = "192.168.5.7"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.somebody()
    yield made
    made.close()


def held(house: House, token: str) -> Held:
    found = house.sessions.find(token)
    assert found is not None
    return found


def wrong(house: House, name: str, address: str = HERE) -> None:
    with pytest.raises(SignInRefused):
        house.door.sign_in(name, "999999", address)


def test_each_sign_in_gives_a_token_of_its_own(house: House) -> None:
    first, second = (house.door.sign_in("mai", PIN, HERE) for _ in range(2))
    assert first != second
    assert len(first) >= 43
    assert held(house, first).session != held(house, second).session


def test_a_session_ends_after_its_hours_whatever_is_done(house: House) -> None:
    token = house.sessions.begin("mai")
    for _ in range(house.settings.staff.session_hours * 20):
        house.clock.jump(minutes=3)
        if (found := house.sessions.find(token)) is not None:
            house.sessions.act(found)
            assert not found.locked
    assert house.sessions.find(token) is None


def test_it_locks_when_nobody_acts_and_no_act_opens_it(house: House) -> None:
    token = house.sessions.begin("mai")
    house.clock.jump(seconds=house.settings.staff.idle_lock_seconds - 1)
    open_yet = held(house, token)
    assert not open_yet.locked
    house.clock.jump(seconds=1)
    assert held(house, token).locked
    house.sessions.act(held(house, token))
    house.sessions.act(open_yet)  # a press that was on its way
    assert held(house, token).locked


def test_looking_keeps_nobody_awake_and_acting_does(house: House) -> None:
    token = house.sessions.begin("mai")
    idle = house.settings.staff.idle_lock_seconds
    house.clock.jump(seconds=idle / 2)
    house.sessions.act(held(house, token))
    house.clock.jump(seconds=idle / 2 + 1)
    assert not held(house, token).locked  # without the act it would be
    house.clock.jump(seconds=idle / 2)
    assert held(house, token).locked


def test_the_pin_opens_it_and_five_wrong_ones_end_it(house: House) -> None:
    token = house.sessions.begin("mai")
    house.sessions.lock(held(house, token).session)
    house.door.unlock(held(house, token), PIN)
    assert not held(house, token).locked
    house.sessions.lock(held(house, token).session)
    for _ in range(MOST_WRONG):
        locked = held(house, token)
        with pytest.raises(SignInRefused):
            house.door.unlock(locked, "999999")
    assert house.sessions.find(token) is None


def test_a_wrong_pin_at_the_lock_screen_is_in_the_audit_with_where_and_without_the_pin(house: House) -> None:
    token = house.sessions.begin("mai", HERE)
    house.sessions.lock(held(house, token).session)
    with pytest.raises(SignInRefused):
        house.door.unlock(held(house, token), "999999")
    with pytest.raises(SignInRefused):
        house.door.change(held(house, token), "888888", PIN)
    with house.accounts.connection.using() as connection:
        chain.verify(connection)
        told = [one for one in chain.entries(connection, 10) if one.act == "account.refused"]
    assert [(one.who, one.place, one.data) for one in told] == [
        ("mai", HERE, {"page": "change"}),
        ("mai", HERE, {"page": "lock"}),
    ]


def test_a_clock_that_goes_back_gives_no_session_more_than_its_hours(house: House) -> None:
    token = house.sessions.begin("mai")
    house.clock.jump(days=-2)
    assert house.sessions.find(token) is None


def test_one_account_has_few_sessions_and_the_oldest_makes_room(house: House) -> None:
    tokens = []
    for _ in range(MOST_OF_ONE + 1):
        tokens.append(house.sessions.begin("mai"))
        house.clock.jump(seconds=1)
    assert [house.sessions.find(token) is not None for token in tokens] == [False] + [True] * MOST_OF_ONE


def test_who_guesses_waits_longer_and_longer_also_after_a_restart(house: House, tmp_path: Path) -> None:
    waits = []
    for _ in range(14):
        wrong_or_wait = _tried(house)
        if wrong_or_wait:
            waits.append(wrong_or_wait)
            house.clock.jump(seconds=wrong_or_wait)
            assert _tried(house) == 0
    assert waits == sorted(waits)
    assert waits[-1] >= 60
    assert max(waits) <= LONGEST_WAIT_SECONDS + 1
    house.close()  # the next call opens the database anew, as another process would
    with pytest.raises(SignInWait):
        house.door.sign_in("mai", PIN, "192.168.5.8")  # the right PIN from elsewhere waits too


def _tried(house: House) -> int:
    try:
        house.door.sign_in("mai", "999999", HERE)
    except SignInWait as wait:
        return int(str(wait.data["seconds"]))
    except SignInRefused:
        return 0
    raise AssertionError("a wrong PIN was taken")


def test_an_address_that_tries_many_names_waits_and_the_others_do_not(house: House) -> None:
    for number in range(51):
        wrong(house, f"nobody{number}")
    with pytest.raises(SignInWait):
        house.door.sign_in("another", "999999", HERE)
    assert house.door.sign_in("mai", PIN, "192.168.5.9")


def test_one_who_fails_keeps_no_colleague_behind_the_same_address_waiting(house: House) -> None:
    """A hospital's proxy is one address to us, and hundreds sign in from it for the first time."""
    for _ in range(80):
        house.clock.jump(seconds=1)
        with suppress(SignInRefused, SignInWait):
            house.door.sign_in("neighbour", "999999", HERE)
    with pytest.raises(SignInWait):
        house.door.sign_in("neighbour", "999999", HERE)
    assert house.door.sign_in("mai", PIN, HERE)
    failures = "SELECT failures FROM sign_in_tries WHERE whom = ?"
    assert rows(house.settings, failures, f"address:{HERE}") == [(1,)]  # one name, however often


def test_whoever_signs_in_takes_back_what_they_mistyped_at_an_address(house: House) -> None:
    wrong(house, "mai")
    wrong(house, "mai")
    assert house.door.sign_in("mai", PIN, HERE)
    tried = "SELECT whom, failures FROM sign_in_tries WHERE whom LIKE ? AND whom NOT LIKE 'known:%'"
    assert rows(house.settings, tried, f"%{HERE}") == [(f"address:{HERE}", 0)]


def test_a_name_that_is_nobodys_is_told_apart_by_nothing(house: House) -> None:
    told = []
    for name in ("mai", "nobody"):
        answers = []
        for _ in range(6):
            try:
                house.door.sign_in(name, "999999", f"192.168.6.{len(told)}")
            except (SignInRefused, SignInWait) as error:
                answers.append(str(error))
        told.append(answers)
    assert told[0] == told[1]


def test_what_was_tried_never_fills_the_database_and_never_forgives_an_account(house: House) -> None:
    for number in range(5):
        wrong(house, "mai", f"10.9.{number}.1")
    connection = house.accounts.connection
    with connection.using(writes=True) as database:
        database.executemany(
            "INSERT INTO sign_in_tries VALUES (?, 1, 99999999999, 99999999999)",
            [(f"account:x{number}",) for number in range(MOST_KEPT + 100)],
        )
    wrong(house, "nobody", "10.8.0.1")
    ((kept,),) = rows(house.settings, "SELECT count(*) FROM sign_in_tries")
    assert isinstance(kept, int)
    assert kept <= MOST_KEPT + 2  # the account's own, and where its owner signed in
    with pytest.raises(SignInWait):
        house.door.sign_in("mai", PIN, "10.7.0.1")


def test_a_machine_with_a_network_of_its_own_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"


def test_the_role_of_a_session_is_the_accounts(house: House) -> None:
    assert held(house, house.sessions.begin("mai")).account.role is Role.RECEPTIONIST
