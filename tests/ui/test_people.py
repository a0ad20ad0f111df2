"""Supervisors keep the accounts: nobody's PIN passes by them, nobody shuts themself out, everything is noted."""

import html
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kiosk.accounts import AccountAct, Role
from kiosk.sign_in import CodeRefused, SignInRefused
from kiosk.visit_views import open_visit_views
from tests.kiosk.people import by_chip, covered
from tests.ui.desk_site import PIN
from tests.ui.people_site import PeopleSite, handed_code, press, text_of

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PeopleSite]:
    with closing(PeopleSite(tmp_path)) as made:
        yield made


@pytest.fixture
def hoa(desk: PeopleSite) -> FlaskClient:
    """A supervisor."""
    return desk.sign_in(Role.SUPERVISOR)


def add(client: FlaskClient, name: str = "lan", role: str = "receptionist", officer_id: str = "") -> tuple[int, str]:
    return press(client, "/people/add", name=name, full_name="Mẫu Thị Lan", role=role, officer_id=officer_id)


def acts(desk: PeopleSite, name: str) -> list[tuple[str, str]]:
    found: list[AccountAct] = [one for one in desk.accounts.acts() if one.account == name]
    return [(one.act, one.by) for one in reversed(found)]


def test_a_new_account_chooses_its_own_pin_with_the_code_that_is_shown_once(desk: PeopleSite, hoa: FlaskClient) -> None:
    status, page = add(hoa)
    code = handed_code(page)
    assert status == 200
    assert f"http://localhost/secret#{code}" in page
    desk.door.choose("lan", code, PIN, "127.0.0.1")
    assert desk.door.sign_in("lan", PIN, "127.0.0.1")
    assert code not in hoa.get("/people").get_data(as_text=True)
    assert acts(desk, "lan")[0] == ("added", "hoa")


def test_a_code_chooses_one_pin(desk: PeopleSite, hoa: FlaskClient) -> None:
    code = handed_code(add(hoa)[1])
    desk.door.choose("lan", code, PIN, "127.0.0.1")
    with pytest.raises(CodeRefused):
        desk.door.choose("lan", code, "918273", "127.0.0.1")


def test_a_reset_ends_sessions_and_the_old_pin(desk: PeopleSite, hoa: FlaskClient) -> None:
    mai = desk.sign_in(Role.RECEPTIONIST)
    assert mai.get("/probe").status_code == 200
    code = handed_code(press(hoa, "/people/mai/reset")[1])
    assert mai.get("/probe").status_code == 401
    with pytest.raises(SignInRefused):
        desk.door.sign_in("mai", PIN, "127.0.0.1")
    desk.door.choose("mai", code, "918273", "127.0.0.1")
    assert desk.door.sign_in("mai", "918273", "127.0.0.1")
    assert ("reset", "hoa") in acts(desk, "mai")


def test_an_account_that_is_switched_off_is_out_at_once_and_comes_back(desk: PeopleSite, hoa: FlaskClient) -> None:
    mai = desk.sign_in(Role.RECEPTIONIST)
    status, page = press(hoa, "/people/mai/disable")
    assert (status, 'data-done="disabled"' in page) == (200, True)
    assert mai.get("/probe").status_code == 401
    press(hoa, "/people/mai/enable")
    assert desk.accounts.one("mai").enabled
    assert [one for one in acts(desk, "mai") if one[1] == "hoa"] == [("disabled", "hoa"), ("enabled", "hoa")]


def test_another_role_ends_sessions_and_the_officers_number_stays_where_none_is_typed(
    desk: PeopleSite, hoa: FlaskClient
) -> None:
    add(hoa, officer_id="000088888888")
    change = {"full_name": "Mẫu Thị Lan Anh", "role": "technician", "officer_id": ""}
    status, page = press(hoa, "/people/lan/change", **change)
    assert status == 200
    lan = desk.accounts.one("lan")
    assert (lan.full_name, lan.role, lan.officer_id) == ("Mẫu Thị Lan Anh", Role.TECHNICIAN, "000088888888")
    assert "000088888888" not in page
    assert "••••8888" in page
    press(hoa, "/people/lan/change", **change, no_officer_id="1")
    assert desk.accounts.one("lan").officer_id == ""


@pytest.mark.parametrize("act", ["reset", "disable"])
def test_nobody_shuts_themself_out(desk: PeopleSite, hoa: FlaskClient, act: str) -> None:
    status, page = press(hoa, f"/people/hoa/{act}")
    assert status == 422
    assert "chính mình" in text_of(page) or "của mình" in text_of(page)
    assert desk.accounts.one("hoa").enabled
    assert hoa.get("/people").status_code == 200


def test_nobody_takes_the_supervisors_role_from_themself_but_may_mend_their_name(
    desk: PeopleSite, hoa: FlaskClient
) -> None:
    change = {"full_name": "Mẫu Thị Hòa", "officer_id": ""}
    assert press(hoa, "/people/hoa/change", **change, role="receptionist")[0] == 422
    assert press(hoa, "/people/hoa/change", **change, role="supervisor")[0] == 200
    assert desk.accounts.one("hoa").full_name == "Mẫu Thị Hòa"


def test_two_supervisors_who_switch_each_other_off_leave_one(desk: PeopleSite, hoa: FlaskClient) -> None:
    add(hoa, "lan", "supervisor")
    token = desk.sessions.begin("lan")
    assert press(hoa, "/people/lan/disable")[0] == 200
    assert desk.sessions.find(token) is None
    assert [one.name for one in desk.accounts.all() if one.enabled and one.role is Role.SUPERVISOR] == ["hoa"]


@pytest.mark.parametrize(
    ("name", "field"), [("", "name"), ("a b", "name"), ("lần", "name"), (MARKUP, "name"), ("x" * 65, "name")]
)
def test_a_name_that_cannot_be_is_said_beside_its_field_and_what_was_typed_stays(
    desk: PeopleSite, hoa: FlaskClient, name: str, field: str
) -> None:
    status, page = add(hoa, name)
    assert status == 422
    assert f'id="f-{field}"' in page
    assert 'aria-invalid="true"' in page
    assert 'value="Mẫu Thị Lan"' in page
    assert MARKUP not in page
    assert [one.name for one in desk.accounts.all()] == ["hoa"]


def test_a_name_that_is_taken_is_said(hoa: FlaskClient) -> None:
    add(hoa)
    status, page = add(hoa)
    assert status == 422
    assert "data-handed" not in page


def test_markup_in_a_full_name_is_text(desk: PeopleSite, hoa: FlaskClient) -> None:
    desk.accounts.add("lan", MARKUP, Role.RECEPTIONIST, "", "command")
    assert MARKUP not in hoa.get("/people").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/people/nobody/reset", "/people/nobody/disable", "/people/nobody/enable"])
def test_an_account_that_is_not_there_is_said(hoa: FlaskClient, path: str) -> None:
    assert press(hoa, path)[0] == 422


def test_a_role_that_does_not_exist_is_refused(desk: PeopleSite, hoa: FlaskClient) -> None:
    assert add(hoa, role="director")[0] == 400
    assert len(desk.accounts.all()) == 1


@pytest.mark.parametrize("role", [Role.RECEPTIONIST, Role.TECHNICIAN])
def test_others_than_supervisors_neither_see_nor_keep_accounts(desk: PeopleSite, role: Role) -> None:
    client = desk.sign_in(role)
    assert client.get("/people").status_code == 403
    assert add(client)[0] == 403
    assert press(client, "/people/hoa/reset")[0] == 403
    assert len(desk.accounts.all()) == 1


def test_a_press_without_the_pages_own_token_changes_nothing(desk: PeopleSite, hoa: FlaskClient) -> None:
    del hoa.environ_base["HTTP_X_CSRF_TOKEN"]
    assert add(hoa)[0] == 403
    assert len(desk.accounts.all()) == 1


# Sessions and readings


def test_everybody_sees_where_they_are_signed_in_and_ends_it_elsewhere(desk: PeopleSite) -> None:
    mai, token = desk.sign_in(Role.RECEPTIONIST), desk.token(Role.RECEPTIONIST)
    other = desk.sessions.find(desk.token(Role.TECHNICIAN))
    left = desk.sessions.find(desk.door.sign_in("mai", PIN, "192.0.2.7"))
    assert left is not None
    assert other is not None
    page = mai.get("/sessions").get_data(as_text=True)
    assert page.count('data-session="mai"') == 3
    assert 'data-session="tuan"' not in page
    assert "192.0.2.7" in page
    assert press(mai, f"/sessions/{left.session}/end")[0] == 200
    assert desk.sessions.named(left.session) is None
    assert press(mai, f"/sessions/{left.session}/end")[0] == 422
    assert press(mai, f"/sessions/{other.session}/end")[0] == 422  # somebody else's
    assert desk.sessions.named(other.session) is not None
    assert token not in page
    assert acts(desk, "mai")[-1] == ("session_ended", "mai")


def test_a_supervisor_sees_and_ends_every_session(desk: PeopleSite, hoa: FlaskClient) -> None:
    mai = desk.sign_in(Role.RECEPTIONIST)
    page = hoa.get("/sessions").get_data(as_text=True)
    assert 'data-session="hoa"' in page
    session = desk.sessions.open("mai")[0].session
    assert f"/sessions/{session}/end" in page
    assert press(hoa, f"/sessions/{session}/end")[0] == 200
    assert mai.get("/probe").status_code == 401
    assert acts(desk, "mai")[-1] == ("session_ended", "hoa")
    assert "kết thúc phiên" in text_of(hoa.get("/people").get_data(as_text=True))


def test_a_session_that_is_over_stands_in_no_list(desk: PeopleSite, hoa: FlaskClient) -> None:
    desk.token(Role.RECEPTIONIST)
    assert [one.locked for one in desk.sessions.open("mai")] == [False]
    desk.clock.jump(seconds=desk.settings.staff.idle_lock_seconds)
    assert [one.locked for one in desk.sessions.open("mai")] == [True]
    desk.clock.jump(seconds=desk.settings.staff.session_hours * 3600)
    assert desk.sessions.open() == []


def test_supervisors_see_who_opened_which_ticket_and_nobodys_name(desk: PeopleSite, hoa: FlaskClient) -> None:
    ticket = desk.store.check_in("readings", by_chip(), covered()).ticket
    assert ticket.visit_id is not None
    with closing(open_visit_views(desk.settings, desk.clock)) as views:
        for number in range(102):
            views.seen((ticket.visit_id,), f"staff{number:03}", "visit")
        views.whole(ticket.visit_id, "machine:archive")
    page = hoa.get("/people/readings").get_data(as_text=True)
    assert page.count("data-reading") == 100
    told = text_of(page)
    assert f"21/11/2026 07:45 machine:archive gửi cho phần mềm khác {ticket.number}" in told
    assert "Lan" not in told
    assert "001303900017" not in page
    older = html.unescape(re.search(r'href="(/people/readings\?[^"]+before=[^"]+)"', page)[1])  # type: ignore[index]
    assert hoa.get(older).get_data(as_text=True).count("data-reading") == 3
    named = hoa.get(f"/people/readings?by=staff007&number={ticket.number}&day=2026-11-21").get_data(as_text=True)
    assert named.count("data-reading") == 1
    for strange in ("by=<b>", "number=%27--", "day=2026-99-99", "before=-1", "before=%C2%B2"):
        assert hoa.get(f"/people/readings?{strange}").status_code == 200
    for role in (Role.RECEPTIONIST, Role.TECHNICIAN):
        assert desk.sign_in(role).get("/people/readings").status_code == 403


def test_the_history_tells_who_did_what_and_when(hoa: FlaskClient) -> None:
    add(hoa)
    told = text_of(hoa.get("/people").get_data(as_text=True))
    assert "21/11/2026 07:45 hoa thêm tài khoản lan" in told
