"""The staff's address as somebody hostile in the house meets it who wants to be somebody else: guessing, and sessions.

What one part decides is tried beside that part (tests/ui/test_sign_in.py, test_oidc.py, test_machines.py;
tests/kiosk/test_sessions.py); here it is the whole: gunicorn, every part on one address, the files it leaves behind.
"""

import json
import time
from contextlib import closing
from urllib.parse import urlencode

import pytest

from config.settings import database_path
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines
from tests.hostile.house import House
from tests.support.waiting import wait_until
from tests.ui.test_desk_server import PIN, PRESS
from ui.api.operations import BASE
from ui.desk import csrf
from ui.desk.streams import MOST_OF_ONE
from wire import sqlite


def test_one_who_guesses_from_anywhere_waits_and_no_colleague_is_kept_from_work(house: House) -> None:
    tries = [house.press("/sign-in", source=f"127.0.1.{number}", name="mai", secret="999999") for number in range(8)]
    assert [told.status for told in tries[:4]] == [401] * 4
    assert {told.status for told in tries[4:]} == {401, 429}
    assert int(tries[-1].headers["Retry-After"]) >= 1
    for number in range(8):  # and goes on as soon as the wait is over
        house.press("/sign-in", source=f"127.0.2.{number}", name="mai", secret="999999")
    assert house.press("/sign-in", name="mai", secret=PIN).status == 204  # where she signed in before
    waits = house.press("/sign-in", source="127.0.3.1", name="mai", secret=PIN)
    assert waits.status == 429


def test_one_who_guesses_over_many_names_waits_and_fills_nothing(house: House) -> None:
    statuses = [
        house.press("/sign-in", source="127.0.4.1", name=f"nobody{number}", secret="999999").status
        for number in range(53)
    ]
    assert statuses[:50] == [401] * 50
    assert 429 in statuses[50:]
    assert len(house.rows("SELECT 1 FROM sign_in_tries")) < 120


def test_at_her_own_counter_a_guesser_makes_nobody_wait_for_long(house: House) -> None:
    statuses = [house.press("/sign-in", name="tuan", secret="999999").status for _ in range(6)]
    assert 429 in statuses
    ((longest,),) = house.rows("SELECT until - last FROM sign_in_tries WHERE whom LIKE 'known:tuan|%'")
    assert isinstance(longest, float)
    assert longest <= 60
    with closing(sqlite.connect(database_path(house.settings))) as connection, connection:
        connection.execute("UPDATE sign_in_tries SET failures = 60, until = 0 WHERE whom LIKE 'known:tuan|%'")
    assert house.press("/sign-in", name="tuan", secret="999999").status == 401
    ((longest,),) = house.rows("SELECT until - last FROM sign_in_tries WHERE whom LIKE 'known:tuan|%'")
    assert longest == 60
    with closing(sqlite.connect(database_path(house.settings))) as connection, connection:
        connection.execute("UPDATE sign_in_tries SET failures = 0, until = 0 WHERE whom LIKE 'known:tuan|%'")


def test_no_word_and_no_time_tells_which_names_exist(house: House) -> None:
    took: dict[str, list[float]] = {"mai": [], "nobody-here": []}
    words = set()
    for turn in range(4):
        for number, name in enumerate(took):
            began = time.perf_counter()
            told = house.press("/sign-in", source=f"127.0.{5 + number}.{turn}", name=name, secret="999999")
            took[name].append(time.perf_counter() - began)
            words.add((told.status, told.body, "Set-Cookie" in told.headers))
    assert len(words) == 1
    there, not_there = (min(times) for times in took.values())
    assert max(there, not_there) < 3 * min(there, not_there)  # without a hash of nobody's it would be tenfold
    assert house.press("/secret", name="mai", code="AAAA-AAAA-AAAA", secret=PIN, again=PIN).body == (
        house.press("/secret", name="nobody-here", code="AAAA-AAAA-AAAA", secret=PIN, again=PIN).body
    )


def test_many_pins_at_once_at_a_lock_screen_are_no_more_than_five(house: House) -> None:
    cookie = house.desk.signed_in("mai")
    assert house.press("/lock", cookie).status == 204
    sent = []
    for number in range(16):
        connection = house.desk.connection()
        more = {"Cookie": f"tiepdon={cookie}", csrf.HEADER: csrf.token_for(cookie)}
        connection.request("POST", "/unlock", urlencode({"secret": f"88112{number:02}"}), {**PRESS, **more})
        sent.append(connection)
    assert {connection.getresponse().status for connection in sent} == {401}
    assert house.ask("GET", "/session", cookie).text == '{"lock_seconds":0,"state":"over"}\n'
    assert house.press("/unlock", cookie, secret=PIN).status == 401


def test_a_code_for_a_pin_works_once_and_guessing_it_is_slowed(house: House) -> None:
    made = json.loads(house.desk.command("account", "add", "nga", "Nga", "--role", "receptionist", "--json").stdout)
    assert set(made) == {"account", "code", "link"}
    form = {"name": "nga", "code": made["code"], "secret": PIN, "again": PIN}
    assert house.press("/secret", **form).status == 200
    assert house.press("/secret", **{**form, "secret": "150397", "again": "150397"}).status == 401
    assert 429 in [house.press("/secret", source="127.0.9.1", **{**form, "code": "A"}).status for _ in range(6)]
    assert PIN not in house.desk.command("account", "list", "--json").stdout
    assert "argon2" not in house.desk.command("account", "list", "--json").stdout


# Sessions.


def test_a_cookie_is_for_this_host_and_no_script_and_never_the_one_that_was_planted(house: House) -> None:
    told = house.ask("POST", "/sign-in", "planted", urlencode({"name": "mai", "secret": PIN}), **PRESS)
    cookie = told.headers["Set-Cookie"]
    assert told.status == 204
    assert "planted" not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert house.desk.get("/counter/list", "planted") == 401


@pytest.mark.parametrize("end", ["lock", "sign-out", "disable", "change", "reset"])
def test_what_is_open_ends_at_once_with_the_session(house: House, end: str) -> None:
    name = f"lan-{end}"
    cookie = house.desk.somebody(name, "receptionist")
    with closing(house.stream("/counter/list/events", cookie)) as stream:
        assert stream.readline() == b"event: part\n"
        began = time.monotonic()
        if end in ("lock", "sign-out"):
            assert house.press(f"/{end}", cookie).status == 204
        elif end == "disable":  # from another process
            assert house.desk.command("account", "disable", name).returncode == 0
            began = time.monotonic()
        else:
            form = {"full_name": "Lan", "role": "technician"} if end == "change" else {}
            assert house.press(f"/people/{name}/{end}", house.hoa, **form).status == 200
        assert b"event: over" in stream.read()
        assert time.monotonic() - began < 2.0
    assert house.desk.get("/counter/list", cookie) == 401


def test_a_machine_that_is_revoked_hears_nothing_more(house: House) -> None:
    token = house.bearer(Scope.BOARD, name="hall")
    with closing(house.stream("/board/hall/events", Authorization=f"Bearer {token}")) as stream:
        assert stream.readline() == b"event: hello\n"
        with closing(open_machines(house.settings, SystemClock())) as machines:
            machines.revoke_named("hall", "hoa")
        began = time.monotonic()
        assert b"event: over" in stream.read()
        assert time.monotonic() - began < 2.0
    assert house.ask("GET", "/board/hall", Authorization=f"Bearer {token}").status == 401


def test_a_stream_too_many_is_refused_in_every_part_and_costs_nothing_once_it_is_closed(house: House) -> None:
    held = [house.stream("/counter/list/events", house.hoa) for _ in range(MOST_OF_ONE)]
    for path in ("/counter/list/events", "/counter/events", "/board/hall/events", "/technician/events"):
        told = house.ask("GET", path, house.hoa, Accept="text/event-stream")
        assert (told.status, told.headers["Retry-After"]) == (503, "10"), path
        assert json.loads(told.body)["code"] == "desk.too_many_streams"
    problem = house.ask("GET", f"{BASE}/calls/events", house.hoa)
    assert (problem.status, problem.headers["Content-Type"]) == (503, "application/problem+json")
    assert problem.headers["Retry-After"]
    for stream in held:
        stream.close()
    for _ in range(2 * MOST_OF_ONE):
        assert house.ask("HEAD", "/counter/list/events", house.mai).status == 200  # holds no place
    wait_until(lambda: _opens(house, "/counter/list/events"), 3, "places that were given back")
    assert "Traceback" not in house.log()


def _opens(house: House, path: str) -> bool:
    with closing(house.stream(path, house.hoa)) as stream:
        return stream.status == 200


def test_the_pin_is_changed_by_who_knows_the_old_one_and_ends_every_other_session(house: House) -> None:
    cookie, other = house.desk.somebody("thu", "receptionist"), house.desk.signed_in("thu")
    new = {"secret": "150397", "again": "150397"}
    assert house.press("/own-secret", old=PIN, **new).status == 401  # nobody's
    assert house.press("/own-secret", cookie, old="999999", **new).status == 401
    assert house.press("/own-secret", cookie, old=PIN, secret="123456", again="123456").status == 422
    assert house.press("/own-secret", cookie, old=PIN, secret="150397", again="150398").status == 422
    assert house.press("/own-secret", cookie, old=PIN, **new).status == 200
    assert (house.desk.get("/own-secret", cookie), house.desk.get("/own-secret", other)) == (200, 401)
    assert house.press("/sign-in", source="127.0.10.1", name="thu", secret=PIN).status == 401
    assert house.press("/sign-in", name="thu", secret="150397").status == 204
    for _ in range(5):
        house.press("/own-secret", cookie, old="999999", **new)
    assert house.desk.get("/own-secret", cookie) == 401  # who guesses at a screen left open
    assert house.rows("SELECT count(*) FROM account_acts WHERE act = 'secret_changed' AND account = 'thu'") == [(1,)]
