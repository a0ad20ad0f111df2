"""Machines of the staff's address: enrolled by a code that works once, known by a token, ended at once."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import Settings
from kiosk.machines import (
    CODE_SECONDS,
    MOST_CODES,
    SEEN_SECONDS,
    Enrolled,
    MachineCodeWrong,
    Machines,
    MachineUnusable,
    NoSuchMachine,
    Scope,
    open_machines,
)
from tests.kiosk.world import HandClock, rows


@pytest.fixture
def machines(settings: Settings, clock: HandClock) -> Iterator[Machines]:
    with closing(open_machines(settings, clock)) as found:
        yield found


@pytest.fixture
def command_line(settings: Settings, clock: HandClock) -> Iterator[Machines]:
    """Another process on the same database."""
    with closing(open_machines(settings, clock)) as found:
        yield found


def enrolled(machines: Machines, name: str = "Hall", *scopes: Scope, page: str = "") -> Enrolled:
    return machines.enrol(machines.new_code(name, scopes or (Scope.BOARD,), "hoa", page))


def test_a_code_makes_a_token_that_is_known_from_then_on(machines: Machines, clock: HandClock) -> None:
    made = enrolled(machines, "Hall", Scope.BOARD, Scope.QUEUE, page="/board/hall")
    known = machines.known(made.token)
    assert known is not None
    assert (known.name, known.scopes, known.page) == ("Hall", {Scope.BOARD, Scope.QUEUE}, "/board/hall")
    assert (known.created_by, known.created_at) == ("hoa", int(clock.now().timestamp()))


def test_a_code_works_once(machines: Machines) -> None:
    code = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    machines.enrol(code)
    with pytest.raises(MachineCodeWrong):
        machines.enrol(code)


def test_of_two_who_use_one_code_at_once_one_gets_a_token(machines: Machines, command_line: Machines) -> None:
    code = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    got: list[Enrolled] = []
    refused: list[MachineCodeWrong] = []
    begin = threading.Barrier(2)

    def use(at: Machines) -> None:
        begin.wait()
        try:
            got.append(at.enrol(code))
        except MachineCodeWrong as error:
            refused.append(error)

    users = [threading.Thread(target=use, args=(at,)) for at in (machines, command_line)]
    for one in users:
        one.start()
    for one in users:
        one.join()
    assert (len(got), len(refused)) == (1, 1)


def test_a_code_is_over_after_its_time(machines: Machines, clock: HandClock) -> None:
    code = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    clock.jump(seconds=CODE_SECONDS)
    with pytest.raises(MachineCodeWrong):
        machines.enrol(code)


def test_a_new_code_for_the_same_name_ends_the_earlier_one(machines: Machines) -> None:
    first = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    machines.enrol(machines.new_code("Hall", (Scope.BOARD,), "hoa"))
    with pytest.raises(MachineCodeWrong):
        machines.enrol(first)


def test_a_code_may_be_typed_in_small_letters_and_with_spaces(machines: Machines) -> None:
    code = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    assert machines.enrol(f" {code.lower().replace('-', ' ')} ").machine.name == "Hall"


@pytest.mark.parametrize("code", ["", "-", "AAAAA-AAAAA-AAAA", "\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_what_is_no_code_enrols_nobody(machines: Machines, code: str) -> None:
    machines.new_code("Hall", (Scope.BOARD,), "hoa")
    with pytest.raises(MachineCodeWrong):
        machines.enrol(code)
    assert machines.all() == []


def test_open_codes_are_bounded(machines: Machines, settings: Settings) -> None:
    for number in range(MOST_CODES + 5):
        machines.new_code(f"Board {number}", (Scope.BOARD,), "hoa")
    assert rows(settings, "SELECT count(*) FROM machine_codes") == [(MOST_CODES,)]


def test_a_second_enrolment_under_a_name_ends_the_first_token(machines: Machines) -> None:
    old = enrolled(machines)
    new = enrolled(machines)
    assert machines.known(old.token) is None
    assert not machines.stands(old.machine.machine_id)
    assert machines.known(new.token) is not None
    assert [one.machine_id for one in machines.all()] == [new.machine.machine_id]


def test_the_first_token_lasts_until_the_second_enrolment_is_done(machines: Machines) -> None:
    old = enrolled(machines)
    machines.new_code("Hall", (Scope.BOARD,), "hoa")
    assert machines.known(old.token) is not None


def test_revoking_ends_a_token_at_once_in_every_process(machines: Machines, command_line: Machines) -> None:
    made = enrolled(machines)
    before = machines.version()
    assert machines.stands(made.machine.machine_id)
    assert command_line.revoke_named("Hall", "root") == "Hall"
    assert machines.version() != before
    assert not machines.stands(made.machine.machine_id)
    assert machines.known(made.token) is None
    with pytest.raises(NoSuchMachine):
        machines.revoke(made.machine.machine_id, "hoa")


def test_neither_code_nor_token_stands_in_the_database(machines: Machines, settings: Settings) -> None:
    code = machines.new_code("Hall", (Scope.BOARD,), "hoa")
    token = machines.enrol(code).token
    other = machines.new_code("Other", (Scope.BOARD,), "hoa")
    for file in Path(settings.paths.state).iterdir():
        for secret in (code, token, token.removeprefix("tdm_"), other, other.replace("-", "")):
            assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("token", ["", "tdm_", "tdm_x", "x" * 10_000, "\ud800", "tdm_\ud800"])
def test_what_is_no_token_is_nobodys(machines: Machines, token: str) -> None:
    enrolled(machines)
    assert machines.known(token) is None


def test_a_sign_of_life_is_written_at_most_once_a_minute(
    machines: Machines, command_line: Machines, clock: HandClock
) -> None:
    made = enrolled(machines)
    assert made.machine.last_seen is None
    machines.known(made.token)
    first = int(clock.now().timestamp())
    version = command_line.version()
    clock.jump(seconds=SEEN_SECONDS - 1)
    machines.known(made.token)
    assert command_line.version() == version
    assert machines.all()[0].last_seen == first
    clock.jump(seconds=1)
    machines.known(made.token)
    assert machines.all()[0].last_seen == first + SEEN_SECONDS


def test_a_clock_that_was_set_back_writes_the_sign_of_life_anew(machines: Machines, clock: HandClock) -> None:
    made = enrolled(machines)
    machines.known(made.token)
    clock.jump(days=-1)
    machines.known(made.token)
    assert machines.all()[0].last_seen == int(clock.now().timestamp())


def test_a_database_that_cannot_be_written_still_knows_its_machines(machines: Machines, settings: Settings) -> None:
    made = enrolled(machines)
    with machines._connection.using() as connection:
        connection.execute("PRAGMA query_only = ON")
    assert machines.known(made.token) is not None
    assert rows(settings, "SELECT last_seen FROM machines") == [(None,)]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_must_be_readable(machines: Machines, name: str) -> None:
    with pytest.raises(MachineUnusable) as caught:
        machines.new_code(name, (Scope.BOARD,), "hoa")
    assert caught.value.data == {"why": "name"}


@pytest.mark.parametrize("page", ["//elsewhere.invalid", "https://elsewhere.invalid", "board", "/\\e", "/a\nb"])
def test_a_machine_goes_on_to_a_page_of_ours_only(machines: Machines, page: str) -> None:
    with pytest.raises(MachineUnusable) as caught:
        machines.new_code("Hall", (Scope.BOARD,), "hoa", page)
    assert caught.value.data == {"why": "page"}


def test_a_machine_without_a_scope_is_of_no_use(machines: Machines) -> None:
    with pytest.raises(MachineUnusable):
        machines.new_code("Hall", (), "hoa")


def test_a_scope_of_another_version_is_good_for_nothing(machines: Machines, settings: Settings) -> None:
    made = enrolled(machines)
    with machines._connection.using(writes=True) as connection:
        connection.execute("UPDATE machines SET scopes = 'board everything'")
    known = machines.known(made.token)
    assert known is not None
    assert known.scopes == {Scope.BOARD}


def test_everything_is_noted_with_who_and_when(machines: Machines, clock: HandClock) -> None:
    enrolled(machines)
    clock.jump(hours=1)
    again = enrolled(machines)
    machines.revoke(again.machine.machine_id, "tuan")
    told = [(one.by, one.act, one.machine) for one in reversed(machines.acts())]
    assert told == [
        ("hoa", "code", "Hall"),
        ("hoa", "enrolled", "Hall"),
        ("hoa", "code", "Hall"),
        ("hoa", "replaced", "Hall"),
        ("hoa", "enrolled", "Hall"),
        ("tuan", "revoked", "Hall"),
    ]
    assert machines.acts()[0].at - machines.acts()[-1].at == 3600
