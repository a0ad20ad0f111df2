"""The staff's accounts: made, changed, switched off, forgotten; and who did it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.accounts import (
    CODE_SECONDS,
    Accounts,
    AccountUnusable,
    LastSupervisor,
    NameTaken,
    NoSuchAccount,
    Role,
    open_accounts,
)
from kiosk.secret_hash import SecretHash, SecretUnusable, check_secret
from kiosk.sessions import Sessions, open_sessions
from kiosk.sign_in import CodeRefused, SignIn, SignInRefused
from tests.kiosk.world import HandClock, rows, site

PIN = "270594"


class House:
    def __init__(self, folder: Path) -> None:
        self.settings, self.clock = site(folder), HandClock()
        self.accounts: Accounts = open_accounts(self.settings, self.clock)
        self.sessions: Sessions = open_sessions(self.settings, self.clock)
        self.door = SignIn(self.accounts, self.sessions, SecretHash(memory_kib=8, passes=1), self.clock)

    def somebody(self, name: str = "mai", role: Role = Role.RECEPTIONIST) -> str:
        self.door.choose(name, self.accounts.add(name, "Mẫu Thị Mai", role), PIN, "127.0.0.1")
        return name

    def close(self) -> None:
        self.accounts.close()
        self.sessions.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_a_new_account_signs_in_only_once_its_owner_chose_a_pin_with_the_code(house: House) -> None:
    code = house.accounts.add("Mai", " Mẫu  Thị Mai ", Role.RECEPTIONIST, "000088888888")
    assert house.accounts.one("mai").full_name == "Mẫu Thị Mai"
    assert not house.accounts.one("mai").ready
    with pytest.raises(SignInRefused):
        house.door.sign_in("mai", "", "127.0.0.1")
    house.door.choose("mai", code.lower().replace("-", " "), PIN, "127.0.0.1")
    held = house.sessions.find(house.door.sign_in("MAI ", PIN, "127.0.0.1"))
    assert held is not None
    assert held.account.ready


def test_a_code_works_once_and_for_a_day(house: House) -> None:
    code = house.accounts.add("mai", "Mẫu", Role.RECEPTIONIST)
    house.door.choose("mai", code, PIN, "127.0.0.1")
    with pytest.raises(CodeRefused):
        house.door.choose("mai", code, "999111", "127.0.0.1")
    late = house.accounts.reset("mai", "hoa")
    house.clock.jump(seconds=CODE_SECONDS)
    with pytest.raises(CodeRefused):
        house.door.choose("mai", late, PIN, "127.0.0.1")


@pytest.mark.parametrize("act", ["disable", "reset", "remove"])
def test_an_act_against_an_account_ends_its_sessions_and_its_pin(house: House, act: str) -> None:
    token = house.sessions.begin(house.somebody())
    getattr(house.accounts, act)("mai", "hoa")
    assert house.sessions.find(token) is None
    with pytest.raises(SignInRefused):
        house.door.sign_in("mai", PIN, "127.0.0.1")


def test_an_account_that_is_enabled_again_has_its_pin_and_no_old_session(house: House) -> None:
    token = house.sessions.begin(house.somebody())
    house.accounts.disable("mai", "hoa")
    house.accounts.enable("mai", "hoa")
    assert house.sessions.find(token) is None
    assert house.door.sign_in("mai", PIN, "127.0.0.1")


def test_another_role_ends_the_sessions_and_another_name_does_not(house: House) -> None:
    token = house.sessions.begin(house.somebody())
    house.accounts.change("mai", "Mẫu Thị Mai Lan", Role.RECEPTIONIST, "", "hoa")
    assert house.sessions.find(token) is not None
    house.accounts.change("mai", "Mẫu Thị Mai Lan", Role.TECHNICIAN, "", "hoa")
    assert house.sessions.find(token) is None


def test_the_last_supervisor_stays(house: House) -> None:
    house.somebody("hoa", Role.SUPERVISOR)
    for act in (house.accounts.disable, house.accounts.remove):
        with pytest.raises(LastSupervisor):
            act("hoa", "hoa")
    with pytest.raises(LastSupervisor):
        house.accounts.change("hoa", "Mẫu", Role.TECHNICIAN, "", "hoa")
    house.somebody("lan", Role.SUPERVISOR)
    house.accounts.disable("hoa", "lan")


def test_a_removed_name_is_nobodys_again_and_its_acts_stay(house: House) -> None:
    house.accounts.remove(house.somebody(), "hoa")
    with pytest.raises(NameTaken):
        house.accounts.add("mai", "Mẫu Thị Khác", Role.RECEPTIONIST)
    with pytest.raises(NoSuchAccount):
        house.accounts.one("mai")
    assert [(one.act, one.by) for one in house.accounts.acts()] == [
        ("removed", "hoa"),
        ("secret_chosen", "mai"),
        ("added", "command"),
    ]


@pytest.mark.parametrize(
    ("name", "full_name", "officer_id"),
    [("a", "Mẫu", ""), ("mai lan", "Mẫu", ""), ("mai", "", ""), ("mai", "Mẫu\x00", ""), ("mai", "Mẫu", "12")],
)
def test_what_an_account_cannot_be_is_refused(house: House, name: str, full_name: str, officer_id: str) -> None:
    with pytest.raises(AccountUnusable):
        house.accounts.add(name, full_name, Role.RECEPTIONIST, officer_id)


@pytest.mark.parametrize(
    "secret",
    ["27059", "111111", "123456", "987654", "121212", "270270", "mật khẩu", "mai-mai-mai!", "000088888888", "x" * 129],
)
def test_a_secret_that_others_would_try_first_is_refused(secret: str) -> None:
    with pytest.raises(SecretUnusable):
        check_secret(secret, "mai", "000088888888")


@pytest.mark.parametrize("secret", ["270594", "cầu vồng sau mưa"])
def test_six_digits_or_ten_letters_are_a_secret(secret: str) -> None:
    check_secret(secret, "mai", "")


def test_the_database_holds_no_pin_no_code_and_no_token(house: House) -> None:
    code = house.accounts.add("lan", "Mẫu Thị Lan", Role.RECEPTIONIST)
    token = house.sessions.begin(house.somebody())
    kept = str(rows(house.settings, "SELECT * FROM accounts") + rows(house.settings, "SELECT * FROM sessions"))
    assert not any(secret in kept for secret in (PIN, code, code.replace("-", ""), token))
    assert "$argon2id$" in kept


def test_a_check_takes_little_memory_and_little_time_for_a_pi() -> None:
    hashes = SecretHash()
    kept = hashes.keep(PIN)
    assert "m=19456,t=2,p=1" in kept  # 19 MiB, twice at once: less than 40 MiB
    assert hashes.right(kept, PIN)
    assert not hashes.right(kept, "270595")
    assert not hashes.right(None, PIN)
