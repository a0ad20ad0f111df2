"""Boards, kiosks and other systems on the staff's pages: let in by a code, known by a token, out at once."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import request
from flask.testing import FlaskClient

from kiosk.accounts import Role
from kiosk.machines import CODE_SECONDS, Scope
from tests.ui.people_site import PeopleSite, handed_code, press, text_of
from ui.desk.gate import Gate
from ui.desk.machines import COOKIE, finder
from ui.people.tries import MOST_ADDRESSES, MOST_WRONG, WITHIN_SECONDS, TooManyTries, Tries


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PeopleSite]:
    with closing(PeopleSite(tmp_path)) as made:
        yield made


@pytest.fixture
def tuan(desk: PeopleSite) -> FlaskClient:
    """A technician."""
    return desk.sign_in(Role.TECHNICIAN)


def board_code(client: FlaskClient, name: str = "Sảnh chính", board: str = "hall") -> str:
    status, page = press(client, "/machines/code", kind="board", name=name, board=board)
    assert status == 200
    return handed_code(page)


def test_a_board_comes_in_by_a_link_and_is_known_from_then_on(desk: PeopleSite, tuan: FlaskClient) -> None:
    code = board_code(tuan)
    browser = desk.stranger()
    answer = browser.get(f"/board/enter?code={code}")
    assert answer.status_code == 200
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=tdm_")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert 'content="0;url=/board/hall"' in answer.get_data(as_text=True)
    assert "tdm_" not in answer.get_data(as_text=True)
    assert browser.get("/probe").json == {"account": "", "machine": "Sảnh chính", "scopes": ["board"]}


def test_the_link_stands_on_the_page_as_text_and_as_a_picture(tuan: FlaskClient) -> None:
    _, page = press(tuan, "/machines/code", kind="board", name="Sảnh", board="lab")
    assert f"http://localhost/board/enter?code={handed_code(page)}" in page
    assert 'class="qr"' in page
    assert "style=" not in page


def test_a_link_works_once(desk: PeopleSite, tuan: FlaskClient) -> None:
    code = board_code(tuan)
    desk.stranger().get(f"/board/enter?code={code}")
    other = desk.stranger()
    answer = other.get(f"/board/enter?code={code}")
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert other.get("/probe").status_code == 401


def test_a_link_that_is_too_old_is_said_to_be(desk: PeopleSite, tuan: FlaskClient) -> None:
    code = board_code(tuan)
    desk.machines._clock.jump(seconds=CODE_SECONDS)  # type: ignore[attr-defined]
    answer = desk.stranger().get(f"/board/enter?code={code}")
    assert answer.status_code == 403
    assert "Tạo mã mới" in text_of(answer.get_data(as_text=True))


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_a_browser_that_looks_ahead_uses_no_code_up(
    desk: PeopleSite, tuan: FlaskClient, headers: dict[str, str]
) -> None:
    code = board_code(tuan)
    browser = desk.stranger()
    assert "Set-Cookie" not in browser.get(f"/board/enter?code={code}", headers=headers).headers
    assert "Set-Cookie" not in browser.head(f"/board/enter?code={code}").headers
    assert "Set-Cookie" in browser.get(f"/board/enter?code={code}").headers


def test_whoever_guesses_codes_waits_and_others_do_not(desk: PeopleSite, tuan: FlaskClient) -> None:
    guesser, code = desk.stranger(), board_code(tuan)
    told = [guesser.get(f"/board/enter?code=WRONG{number}").status_code for number in range(MOST_WRONG + 1)]
    assert told == [403] * MOST_WRONG + [429]
    assert guesser.get(f"/board/enter?code={code}").status_code == 429
    guesser.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert guesser.get(f"/board/enter?code={code}").status_code == 200


def test_an_address_may_try_again_after_a_while_and_no_crowd_of_addresses_fills_the_memory() -> None:
    seconds = [0.0]
    tries = Tries(lambda: seconds[0])
    for _ in range(MOST_WRONG):
        tries.check("192.0.2.7")
        tries.count("192.0.2.7")
    with pytest.raises(TooManyTries) as caught:
        tries.check("192.0.2.7")
    assert caught.value.data == {"seconds": int(WITHIN_SECONDS) + 1}
    seconds[0] += WITHIN_SECONDS
    tries.check("192.0.2.7")
    for number in range(MOST_ADDRESSES + 10):
        tries.count(f"2001:db8:{number:x}::1")
    assert len(tries._wrong) == MOST_ADDRESSES


def test_a_program_is_known_by_its_token(desk: PeopleSite) -> None:
    token = desk.enrolled("Phòng khám", Scope.BOARD, Scope.QUEUE)
    answer = desk.app.test_client().get("/probe", headers={"Authorization": f"Bearer {token}"})
    assert answer.json == {"account": "", "machine": "Phòng khám", "scopes": ["board", "queue"]}


@pytest.mark.parametrize(
    "told", ["", "Bearer", "Bearer ", "Bearer x", "Bearer tdm_x", "Basic dTpw", "tdm_x", "Bearer a b"]
)
def test_a_wrong_authorization_is_nobody_and_no_cookie_speaks_in_its_place(desk: PeopleSite, told: str) -> None:
    client = desk.sign_in(Role.SUPERVISOR)
    client.set_cookie(COOKIE, desk.enrolled())
    assert client.get("/probe").status_code == 200
    assert client.get("/probe", headers={"Authorization": told}).status_code == 401


def test_a_token_without_the_scope_is_refused(desk: PeopleSite) -> None:
    token = desk.enrolled("Phòng khám", Scope.QUEUE)
    headers = {"Authorization": f"Bearer {token}"}
    assert desk.app.test_client().get("/probe", headers=headers).status_code == 403
    assert desk.app.test_client().get("/people", headers=headers).status_code == 403
    assert desk.app.test_client().get("/machines", headers=headers).status_code == 403


def test_somebody_who_is_signed_in_is_themself_on_a_board_too(desk: PeopleSite) -> None:
    client = desk.sign_in(Role.SUPERVISOR)
    client.set_cookie(COOKIE, desk.enrolled())
    found = client.get("/probe").json
    assert found is not None
    assert (found["account"], found["machine"]) == ("hoa", "")


def test_a_revoked_machine_is_out_at_once(desk: PeopleSite, tuan: FlaskClient) -> None:
    browser = desk.stranger()
    browser.set_cookie(COOKIE, desk.enrolled())
    assert browser.get("/probe").status_code == 200
    (found,) = desk.machines.all()
    status, page = press(tuan, f"/machines/{found.machine_id}/revoke")
    assert (status, 'data-done="revoked"' in page) == (200, True)
    assert browser.get("/probe").status_code == 401
    assert press(tuan, f"/machines/{found.machine_id}/revoke")[0] == 422


def test_a_second_board_of_a_name_takes_the_place_of_the_first(desk: PeopleSite, tuan: FlaskClient) -> None:
    old, new = desk.stranger(), desk.stranger()
    old.get(f"/board/enter?code={board_code(tuan)}")
    new.get(f"/board/enter?code={board_code(tuan)}")
    assert (old.get("/probe").status_code, new.get("/probe").status_code) == (401, 200)
    assert len(desk.machines.all()) == 1


def test_a_program_gets_a_code_and_no_link(desk: PeopleSite, tuan: FlaskClient) -> None:
    form = {"kind": "program", "name": "Khoa xét nghiệm", "scope": ["queue", "kiosk"]}
    _, page = press(tuan, "/machines/code", **form)
    assert "/board/enter" not in page
    assert desk.machines.enrol(handed_code(page)).machine.scopes == {Scope.QUEUE, Scope.KIOSK}


@pytest.mark.parametrize("scope", ["call", "records"])
def test_nobody_lets_a_machine_do_what_they_may_not_do_themself(
    desk: PeopleSite, tuan: FlaskClient, scope: str
) -> None:
    form = {"kind": "program", "name": "HIS", "scope": ["queue", scope]}
    assert f'value="{scope}"' not in tuan.get("/machines").text
    assert press(tuan, "/machines/code", **form)[0] == 403
    supervisor = desk.sign_in(Role.SUPERVISOR)
    assert f'value="{scope}"' in supervisor.get("/machines").text
    assert (
        Scope(scope) in desk.machines.enrol(handed_code(press(supervisor, "/machines/code", **form)[1])).machine.scopes
    )


def test_a_program_trades_its_code_for_a_token_once(desk: PeopleSite) -> None:
    code = desk.machines.new_code("HIS", (Scope.BOARD,), "hoa")
    client = desk.app.test_client()
    headers = {"Authorization": f"Bearer {code}"}
    answer = client.post("/machines/token", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json["token"] if answer.json else ""
    assert client.get("/probe", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    again = client.post("/machines/token", headers=headers)
    assert (again.status_code, (again.json or {})["code"]) == (403, "machine.code_wrong")
    for _ in range(MOST_WRONG):
        again = client.post("/machines/token", headers=headers)
    assert again.status_code == 429
    assert client.post("/machines/token").status_code == 403  # and no page may press here


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "program", "name": "x", "scope": ["everything"]},
        {"kind": "program", "name": "x", "scope": ["board"]},
        {"kind": "program", "name": "x"},
        {"kind": "program", "name": "", "scope": ["queue"]},
        {"kind": "board", "name": "x", "board": "//elsewhere.invalid"},
        {"kind": "board", "name": "x", "board": "cellar"},
        {},
    ],
)
def test_what_cannot_be_let_in_is_said(desk: PeopleSite, tuan: FlaskClient, form: dict[str, str]) -> None:
    status, page = press(tuan, "/machines/code", **form)
    assert status == 422
    assert "data-handed" not in page


def test_receptionists_let_no_machine_in(desk: PeopleSite) -> None:
    mai = desk.sign_in(Role.RECEPTIONIST)
    assert mai.get("/machines").status_code == 403
    assert press(mai, "/machines/code", kind="board", name="x", board="hall")[0] == 403


def test_the_page_tells_which_machines_are_there(desk: PeopleSite, tuan: FlaskClient) -> None:
    token = desk.enrolled("Sảnh")
    assert "không thấy" in text_of(tuan.get("/machines").get_data(as_text=True))
    desk.app.test_client().get("/probe", headers={"Authorization": f"Bearer {token}"})
    page = text_of(tuan.get("/machines").get_data(as_text=True))
    assert "đang hoạt động" in page
    assert re.search(r"21/11/2026 07:45 tuan|21/11/2026 07:45 hoa", page)
    assert token not in page


def test_a_stream_of_a_revoked_machine_ends(desk: PeopleSite) -> None:
    token = desk.enrolled()
    with desk.app.test_request_context("/probe", headers={"Authorization": f"Bearer {token}"}):
        find = finder(desk.machines)
        who = find(request._get_current_object())  # type: ignore[attr-defined]
        assert who is not None
        stands = Gate(desk.settings, desk.sessions, find, frozenset()).stands(who)
    assert stands()
    desk.machines.revoke_named("Hall", "hoa")
    assert not stands()
