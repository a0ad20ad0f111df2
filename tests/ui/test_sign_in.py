"""Signing in over HTTP: cookies, tokens, the lock, and what strangers and other sites get."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from flask import Blueprint, Flask, Response

from kiosk.accounts import Role
from tests.kiosk.world import site
from tests.ui.desk_site import PIN, DeskSite
from ui.desk.access import allow
from ui.desk.streams import MOST_OF_ONE, Leases

READS = {"Accept": "text/html", "HX-Request": ""}
HERE = {"HX-Current-URL": "http://localhost/some/page?x=1"}


def part(app: Flask, build: str) -> Blueprint:
    pages = Blueprint("some", __name__, url_prefix="/some")

    @pages.get("/page")
    def page() -> str:
        return "a record"

    @pages.post("/press")
    def press() -> str:
        return "done"

    @pages.get("/stream")
    def stream() -> Response:
        return Response((f"data: {number}\n\n".encode() for number in range(9)), mimetype="text/event-stream")

    return allow(pages, Role.RECEPTIONIST)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskSite]:
    made = DeskSite(tmp_path, lambda _: [part])
    yield made
    made.close()


def test_a_name_and_a_pin_sign_in_and_lead_back_to_the_page_that_was_wanted(desk: DeskSite) -> None:
    desk.account(Role.RECEPTIONIST)
    client = desk.stranger()
    turned = client.get("/some/page?x=1", headers=READS)
    assert (turned.status_code, turned.headers["Location"]) == (303, "/sign-in?back=%2Fsome%2Fpage%3Fx%3D1")
    told = client.post("/sign-in", data={"name": "mai", "secret": PIN, "back": "/some/page?x=1"})
    assert (told.status_code, told.headers["HX-Redirect"]) == (204, "/some/page?x=1")
    cookie = told.headers["Set-Cookie"]
    assert cookie.startswith("tiepdon=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/some/page").text == "a record"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_no_sign_in_leads_to_another_site(desk: DeskSite, back: str) -> None:
    desk.account(Role.RECEPTIONIST)
    told = desk.stranger().post("/sign-in", data={"name": "mai", "secret": PIN, "back": back})
    assert told.headers["HX-Redirect"] == "/"


def test_a_cookie_that_was_there_before_is_never_the_sessions(desk: DeskSite) -> None:
    desk.account(Role.RECEPTIONIST)
    client = desk.stranger()
    client.set_cookie("tiepdon", "planted")
    client.post("/sign-in", data={"name": "mai", "secret": PIN})
    cookie = client.get_cookie("tiepdon")
    assert cookie is not None
    assert cookie.value != "planted"
    assert desk.sessions.find("planted") is None


def test_over_tls_the_cookie_is_bound_to_this_host_and_to_tls(tmp_path: Path) -> None:
    from tests.ui.desk_tls import certificate

    settings = site(tmp_path)
    certificate_file, key_file = certificate(tmp_path, "tiepdon.example.test")
    staff = msgspec.structs.replace(
        settings.staff, listen="0.0.0.0:8443", certificate_file=str(certificate_file), key_file=str(key_file)
    )
    desk = DeskSite(tmp_path, settings=msgspec.structs.replace(settings, staff=staff))
    desk.account(Role.RECEPTIONIST)
    client = desk.stranger()
    told = client.post("/sign-in", data={"name": "mai", "secret": PIN}, base_url="https://tiepdon.example.test")
    cookie = told.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tiepdon=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert client.get("/sign-in", base_url="https://evil.example").status_code == 403
    desk.close()


def test_a_wrong_pin_is_told_in_words_and_signs_nobody_in(desk: DeskSite) -> None:
    desk.account(Role.RECEPTIONIST)
    client = desk.stranger()
    told = client.post("/sign-in", data={"name": "mai", "secret": "999999"})
    assert told.status_code == 401
    assert "không khớp" in told.text
    assert "Set-Cookie" not in told.headers
    for _ in range(5):
        told = client.post("/sign-in", data={"name": "mai", "secret": "999999"})
    assert told.status_code == 429
    assert int(told.headers["Retry-After"]) >= 1
    assert "giây" in told.text


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"Host": "evil.example"},
    ],
)
def test_a_press_from_anywhere_but_our_own_page_is_refused(desk: DeskSite, headers: dict[str, str]) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    assert client.post("/some/press").text == "done"
    assert client.post("/some/press", headers=headers).status_code == 403


def test_one_sessions_presses_are_not_anothers(desk: DeskSite) -> None:
    from ui.desk import csrf

    client = desk.sign_in(Role.RECEPTIONIST)
    other = csrf.token_for(desk.token(Role.RECEPTIONIST))
    assert client.post("/some/press", headers={"X-CSRF-Token": other}).status_code == 403


def test_an_idle_session_shows_nothing_until_the_pin_is_typed(desk: DeskSite) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    desk.clock.jump(seconds=desk.settings.staff.idle_lock_seconds)
    turned = client.get("/some/page?x=1", headers=READS)
    assert (turned.status_code, turned.headers["Location"]) == (303, "/lock?back=%2Fsome%2Fpage%3Fx%3D1")
    pressed = client.post("/some/press", headers=HERE)
    assert (pressed.status_code, pressed.headers["HX-Redirect"]) == (401, "/lock?back=%2Fsome%2Fpage%3Fx%3D1")
    assert client.get("/some/stream", headers={"Accept": "text/event-stream", "HX-Request": ""}).status_code == 401
    assert "a record" not in client.get("/lock").text
    assert client.post("/unlock", data={"secret": "999999"}).status_code == 401
    opened = client.post("/unlock", data={"secret": PIN, "back": "/some/page?x=1"})
    assert opened.headers["HX-Redirect"] == "/some/page?x=1"
    assert client.get("/some/page").text == "a record"


def test_what_a_page_does_by_itself_keeps_nobody_awake(desk: DeskSite) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    half = desk.settings.staff.idle_lock_seconds / 2
    for _ in range(2):
        desk.clock.jump(seconds=half)
        client.get("/some/page")
        client.get("/session")
        client.get("/some/stream").get_data()
        client.post("/some/press", headers={"X-Background": "1"})
    assert client.get("/session").get_json()["state"] == "locked"


def test_presses_and_keys_keep_somebody_awake(desk: DeskSite) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    half = desk.settings.staff.idle_lock_seconds / 2
    for address in ("/awake", "/some/press", "/awake"):
        desk.clock.jump(seconds=half)
        client.post(address)
    assert client.get("/session").get_json()["state"] == "open"


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(desk: DeskSite) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    cookie = client.get_cookie("tiepdon")
    assert cookie is not None
    assert client.post("/sign-out").headers["HX-Redirect"] == "/sign-in"
    assert desk.sessions.find(cookie.value) is None


def test_a_stream_tells_nothing_more_once_its_session_locked_or_ended(desk: DeskSite) -> None:
    client = desk.sign_in(Role.RECEPTIONIST)
    stream = iter(client.get("/some/stream", buffered=False).response)
    assert b"data: 0" in next(stream)
    desk.accounts.disable("mai", "hoa")
    assert b"event: over" in next(stream)
    assert list(stream) == []


def test_one_account_cannot_hold_all_the_streams(tmp_path: Path) -> None:
    leases = Leases(most=MOST_OF_ONE + 1)
    desk = DeskSite(tmp_path, lambda _: [part], leases=leases)
    client = desk.sign_in(Role.RECEPTIONIST)
    opened = [client.get("/some/stream", buffered=False) for _ in range(MOST_OF_ONE)]
    refused = client.get("/some/stream")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "10"
    opened.pop().close()
    again = client.get("/some/stream")
    assert again.status_code == 200
    for one in (*opened, again):
        one.close()
    assert leases.open() == 0
    desk.close()


def test_a_pin_is_chosen_with_a_code_and_typed_twice(desk: DeskSite) -> None:
    code = desk.accounts.add("lan", "Mẫu Thị Lan", Role.RECEPTIONIST)
    client, form = desk.stranger(), {"name": "lan", "code": code, "secret": PIN}
    assert client.get("/secret").status_code == 200
    assert client.post("/secret", data={**form, "again": "270595"}).status_code == 422
    easy = client.post("/secret", data={**form, "secret": "123456", "again": "123456"})
    assert easy.status_code == 422
    assert "account.secret_unusable" in easy.text
    assert client.post("/secret", data={**form, "again": PIN}).status_code == 200
    assert client.post("/sign-in", data={"name": "lan", "secret": PIN}).status_code == 204


def test_every_answer_forbids_inline_scripts_other_sites_and_keeping(desk: DeskSite) -> None:
    client = desk.stranger()
    for address in ("/sign-in", "/secret", "/some/page", "/nowhere", "/health"):
        told = client.get(address)
        policy = told.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "http" not in policy
        assert told.headers["Cache-Control"] == "no-store"
        assert "<style" not in told.text
        assert " onclick" not in told.text
        assert "style=" not in told.text


def test_what_is_not_there_is_told_in_words_and_a_stranger_is_not_told_what_is(desk: DeskSite) -> None:
    assert desk.stranger().get("/nowhere", headers=READS).status_code == 303
    assert desk.stranger().get("/some/press", headers=READS).status_code == 303
    told = desk.sign_in(Role.SUPERVISOR).get("/nowhere", headers=READS)
    assert told.status_code == 404
    assert "Không có trang này" in told.text
    assert desk.sign_in(Role.RECEPTIONIST).get("/some/press", headers=READS).status_code == 405
