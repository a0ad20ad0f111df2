"""The staff's address as somebody hostile in the house meets it: other pages, words, programs; the real process,
attacked over its own sockets. Guessing and sessions: test_desk_sign_in.py.

What one part decides is tried beside that part (tests/ui/test_sign_in.py, test_machines.py, test_api.py); here it is
the whole: gunicorn, every part on one address, the files it leaves behind.
"""

import json
import re
import socket
import stat
import time
from contextlib import closing
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from kiosk.clock import SystemClock
from kiosk.machines import Scope
from kiosk.printing import escpos
from kiosk.printing.paper import TicketPaper, ribbon
from kiosk.store import open_store
from tests.hostile.house import EVIL, House
from tests.kiosk.people import by_chip, covered
from tests.kiosk.tickets_on_paper import FONTS, paper, say
from tests.ui.test_desk_server import PIN, PRESS
from ui.api.operations import BASE, OPERATIONS
from ui.desk import csrf
from ui.desk.worker import SHORT_ASKING_SECONDS

POLICY = "default-src 'none'"


# Other pages and other names.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HX_Request": "true"},
        {"HX_Request": "true", "X_CSRF_Token": "0" * 64},
        {"X_CSRF_Token": "own"},
        {"HX_Request": "true", "X_CSRF_Token": "own", "Origin": "https://evil.example"},
        {"HX_Request": "true", "X_CSRF_Token": "own", "Origin": "null"},
        {"HX_Request": "true", "X_CSRF_Token": "own", "Sec_Fetch_Site": "same-site"},
        {"HX_Request": "true", "X_CSRF_Token": "own", "Host": "evil.example"},
    ],
)
def test_no_other_page_presses_in_her_name(house: House, headers: dict[str, str]) -> None:
    told = {name: value.replace("own", csrf.token_for(house.hoa)) for name, value in headers.items()}
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = house.ask("POST", "/people/mai/disable", house.hoa, "", Content_Type=kind, **told)
        assert answer.status == 403
        assert "touchscreen" not in answer.text
    key = {"Idempotency_Key": "12345678", "Content_Type": "application/json"}
    assert house.ask("POST", f"{BASE}/counters/1/call-next", house.hoa, "{}", **key, **told).status == 403
    assert house.desk.get("/counter/list", house.mai) == 200


def test_a_name_that_was_made_to_point_here_is_refused_in_words_of_the_desk(house: House) -> None:
    told = house.ask("GET", "/sign-in", Host="evil.example", Accept="text/html", Accept_Language="en")
    assert told.status == 403
    assert "Trang nhân viên" in told.text
    assert "cảm ứng" not in told.text
    assert "kiosk.listen" not in told.text
    assert house.ask("GET", "/static/staff.js", Host="evil.example").status == 403


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "\\\\x",
     "/%0d%0aSet-Cookie:x=1\r\nX: y", "/sign-in?back=//evil.example"],
)  # fmt: skip
def test_nobody_is_led_elsewhere_after_signing_in(house: House, back: str) -> None:
    told = house.press("/sign-in", name="mai", secret=PIN, back=back)
    assert told.headers["HX-Redirect"] in ("/counter", "/")
    page = house.ask("GET", "/sign-in?" + urlencode({"back": back}), Accept="text/html")
    assert 'name="back" value=""' in page.text


def test_every_answer_whatever_it_says_forbids_frames_inline_scripts_and_keeping(house: House) -> None:
    pages = ["/", "/sign-in", "/secret", "/own-secret", "/lock", "/people", "/machines", "/counter", "/counter/list",
             "/technician", "/board", "/board/hall", "/board/nowhere", "/board/enter?code=x", "/nowhere", "/session",
             f"{BASE}/queues", f"{BASE}/nowhere", f"{BASE}/openapi.json", "/voice/vi/index.json"]  # fmt: skip
    for cookie in (house.hoa, ""):
        for path in pages:
            told = house.ask("GET", path, cookie, Accept="text/html")
            policy = told.headers["Content-Security-Policy"]
            assert POLICY in policy, path
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert told.headers["X-Frame-Options"] == "DENY"
            assert told.headers["X-Content-Type-Options"] == "nosniff"
            assert told.headers["Cache-Control"] == "no-store", path
            assert "Access-Control-Allow-Origin" not in told.headers
            assert _inline(told.body.decode("utf-8", "replace")) == [], path


def _inline(page: str) -> list[str]:
    """What a policy without `unsafe-inline` would forbid, and what comes from elsewhere."""
    found = []

    class Looks(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            told = dict(attrs)
            if tag == "style" or (tag == "script" and "src" not in told):
                found.append(tag)
            found.extend(name for name in told if name == "style" or name.startswith(("on", "hx-on")))
            found.extend(str(told[name]) for name in ("src", "href") if "//" in (told.get(name) or ""))

    Looks().feed(page)
    return found


def test_what_is_no_request_is_not_repeated_in_the_answer_or_in_the_log(house: House) -> None:
    for sent in (
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n" + b"Y: y\r\n" * 100 + b"\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"b" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad\x00Name<script>: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
    ):
        told = house.raw(sent)
        assert told.startswith(b"HTTP/1.1 4"), sent[:60]
        assert b"script" not in told.partition(b"\r\n\r\n")[2]
        assert POLICY.encode() in told
    assert "<script>" not in house.log()
    assert "Traceback" not in house.log()


@pytest.mark.parametrize(
    "path",
    ["/static/../../tiepdon.toml", "/static/..%2f..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd",
     "/voice/..%2f..%2f/index.json", "/voice/vi/..%2f..%2fapp.ogg", "/voice/../x.ogg", "/static/%00",
     "/voice/vi/%00.ogg", "/board/..%2fx", "/counter/visits/..%2f..%2fx"],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_served(house: House, path: str) -> None:
    told = house.ask("GET", path, house.hoa)
    if told.status == 308:  # only ever to a path of ours
        path = told.headers["Location"].removeprefix(f"http://127.0.0.1:{house.desk.port}")
        assert path.startswith("/static/")
        told = house.ask("GET", path, house.hoa)
    assert told.status in (200, 400, 404), told.text
    assert b"create_app" not in told.body
    assert b"root:" not in told.body
    assert b"[paths]" not in told.body
    assert told.status != 200 or told.body.strip() == b"{}"


def test_large_and_crooked_bodies_are_refused_without_being_kept(house: House) -> None:
    press = {"HX_Request": "true", "X_CSRF_Token": csrf.token_for(house.hoa)}
    large = "a=" + "x" * 200_000
    form = "application/x-www-form-urlencoded"
    assert house.ask("POST", "/sign-in", body=large, HX_Request="true", Content_Type=form).status == 413
    many = "&".join(f"k{number}=1" for number in range(1500))
    assert house.ask("POST", "/people/add", house.hoa, many, Content_Type=form, **press).status in (413, 422, 400)
    parts = (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(250)) + b"--x--"
    )
    multipart = "multipart/form-data; boundary=x"
    assert house.ask("POST", "/sign-in", body=parts, HX_Request="true", Content_Type=multipart).status in (400, 413)
    torn = "multipart/form-data; boundary=" + "y" * 500
    assert house.ask("POST", "/sign-in", body=b"--y", HX_Request="true", Content_Type=torn).status in (400, 401, 413)
    api = {"Idempotency_Key": "12345678", "Content_Type": "application/json", **press}
    assert house.ask("POST", f"{BASE}/counters/1/call-next", house.hoa, large, **api).status == 413
    deep = '{"counter":' + "[" * 3000
    assert house.ask("POST", f"{BASE}/tickets/{'0' * 32}/call", house.hoa, deep, **api).status == 400
    assert "Traceback" not in house.log()


# Words of others on our pages, on paper, in the log.


def test_a_name_is_text_wherever_it_stands(house: House) -> None:
    with closing(open_store(house.settings, SystemClock())) as store:
        ticket = store.check_in("hostile-1", by_chip(full_name=EVIL), covered()).ticket
    ((visit,),) = house.rows("SELECT visit_id FROM tickets WHERE id = ?", ticket.ticket_id)
    assert house.press("/people/add", house.hoa, name="x" * 10, full_name=EVIL, role="receptionist").status == 200
    assert house.press("/machines/code", house.hoa, kind="program", name=EVIL, scope="queue").status == 200
    paths = ("/people", "/machines", "/board/hall", "/board", "/counter/list", "/counter", f"/counter/visits/{visit}",
             f"/counter/visits/{visit}/edit", f"/counter/ask?ticket={ticket.ticket_id}", "/counter/enter", "/place",
             "/",
             f"/counter/panel/transfer/{ticket.ticket_id}", "/sessions", "/people/readings?" + urlencode({"by": EVIL}),
             "/sign-in?" + urlencode({"back": "/" + EVIL}), "/lock?" + urlencode({"back": "/" + EVIL}))  # fmt: skip
    told = {path: house.ask("GET", path, house.hoa).text for path in paths}
    for path, page in told.items():
        assert "<img src=x" not in page, path
        assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\S{2})", page)
    assert "&lt;img src=x" in told[f"/counter/visits/{visit}"].lower()
    for path in ("/people", "/place", "/counter", "/counter/enter", f"/counter/visits/{visit}/edit"):
        assert "&lt;img src=x" in told[path], path
    house.press("/people/hoa/change", house.hoa, full_name=EVIL, role="supervisor")
    assert "<img src=x" not in house.ask("GET", "/", house.hoa).text
    assert "&lt;img src=x" in house.ask("GET", "/sessions", house.hoa).text
    house.press("/people/hoa/change", house.hoa, full_name="Mẫu", role="supervisor")
    assert "<img src=x" not in house.press("/counter/search", house.hoa, text=EVIL[:20]).text


def test_no_name_opens_the_drawer_cuts_the_paper_or_speaks_to_the_printer() -> None:
    orders = "\x1bp\x00\x19\xfa\x1dVA\x00\x10\x14\x01\x1b@\x1c.\n\r\x00" + EVIL
    hostile = paper(service=orders, place=orders, kiosk=orders, site=orders, number="A1\x1bp\x00", code=orders)
    assert _orders(hostile) == b"".join([escpos.INITIALIZE, escpos.CENTRED, escpos.CUT])  # the number is drawn, too
    assert _orders(paper(service=orders)) == _orders(paper())


def _orders(ticket: TicketPaper) -> bytes:
    """What a printer is told but the pictures."""
    job, told = escpos.job(ribbon(ticket, say("vi"), FONTS, 576), 576, cut=True), b""
    while job:
        size = 8 + int.from_bytes(job[4:6], "little") * int.from_bytes(job[6:8], "little")
        told, job = (told, job[size:]) if job.startswith(b"\x1dv0\x00") else (told + job[:1], job[1:])
    return told


def test_no_forwarded_address_is_believed(house: House) -> None:
    """There is no proxy in the settings: whoever names another address is counted at their own."""
    for number in range(8):
        forged = {"X_Forwarded_For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
        body = urlencode({"name": "forwarded", "secret": "999999"})
        told = house.ask("POST", "/sign-in", body=body, source="127.0.30.1", **forged, **PRESS)
    assert told.status == 429
    assert house.rows("SELECT 1 FROM sign_in_tries WHERE whom LIKE '%203.0.113.%'") == []


def test_no_line_of_the_log_is_somebody_elses(house: House) -> None:
    house.press("/sign-in", name="x\nERROR root: forged\x1b[2J", secret="1")
    house.ask("GET", "/board/x%0aERROR%20root:%20forged%1b[2J", house.hoa)
    house.ask("GET", f"{BASE}/problems/x%0aERROR%20root:%20forged", house.hoa)
    house.ask("GET", "/sign-in/oidc/back?error=x%0aERROR%20root:%20forged", house.hoa)
    told = house.log()
    assert "\nERROR root: forged" not in told
    assert "\x1b" not in told
    for cookie in (house.hoa, house.mai, house.tuan):
        assert cookie not in told
    assert PIN not in told


# Machines, keys, files.


def test_each_token_opens_what_its_scope_names_and_nothing_else(house: House) -> None:
    path_of = {"counter": "1", "ticket_id": "0" * 32, "visit_id": "0" * 32, "call_id": "1", "code": "internal"}
    for scope in Scope:
        token = house.bearer(scope, name=f"m-{scope.value}")
        for one in OPERATIONS:
            path = BASE + re.sub(r"{(\w+)}", lambda found: path_of[found[1]], one.path)
            if one.name == "callEvents" and scope in one.who:
                continue
            told = house.ask(
                one.method,
                path,
                body="{}" if one.body is not None else None,
                Authorization=f"Bearer {token}",
                Idempotency_Key="12345678",
                Content_Type="application/json",
            )
            assert (told.status == 403) is (scope not in one.who), (scope, one.name, told.status)
            assert told.status < 500
        for page in ("/", "/counter", "/people", "/machines", "/technician", "/own-secret"):
            assert house.ask("GET", page, Authorization=f"Bearer {token}").status in (401, 403)


def test_a_machine_never_acts_under_the_name_of_somebody(house: House) -> None:
    with closing(open_store(house.settings, SystemClock())) as store:
        ticket = store.check_in("hostile-2", by_chip(), covered()).ticket.ticket_id
    ((visit,),) = house.rows("SELECT visit_id FROM tickets WHERE id = ?", ticket)
    token = house.bearer(Scope.RECORDS, name="hoa")
    assert house.ask("GET", f"{BASE}/visits/{visit}", Authorization=f"Bearer {token}").status == 200
    assert house.rows("SELECT by FROM visit_views WHERE visit_id = ?", visit) == [("machine:hoa",)]
    assert house.ask("GET", f"{BASE}/visits/{visit}", house.hoa).status == 200
    assert house.rows("SELECT by FROM visit_views WHERE visit_id = ? ORDER BY id DESC LIMIT 1", visit) == [("hoa",)]
    code = {"kind": "program", "name": "own", "scope": "records"}
    assert house.press("/machines/code", house.tuan, **code).status == 403


def test_a_key_of_one_caller_says_nothing_to_another(house: House) -> None:
    for number in (3, 4):
        with closing(open_store(house.settings, SystemClock())) as store:
            store.counter_ticket(f"hostile-{number}")
    first, second = house.bearer(Scope.CALL, name="one"), house.bearer(Scope.CALL, name="two")
    told = []
    for token in (first, second, first):
        headers = {"Authorization": f"Bearer {token}", "Idempotency_Key": "the-same-key"}
        called = house.ask("POST", f"{BASE}/counters/1/call-next", **headers)
        told.append(json.loads(called.body)["ticket"]["number"])
    assert told[0] == told[2]
    assert told[0] != told[1]


def test_an_answer_that_is_the_same_is_the_same_to_whom_it_is_for_alone(house: House) -> None:
    token = house.bearer(Scope.QUEUE, name="etag")
    told = house.ask("GET", f"{BASE}/queues", Authorization=f"Bearer {token}")
    tag = told.headers["ETag"]
    assert house.ask("GET", f"{BASE}/queues", Authorization=f"Bearer {token}", If_None_Match=tag).status == 304
    assert house.ask("GET", f"{BASE}/queues", If_None_Match=tag).status == 401
    kiosk = house.bearer(Scope.KIOSK, name="etag2")
    assert house.ask("GET", f"{BASE}/queues", Authorization=f"Bearer {kiosk}", If_None_Match=tag).status == 403


def test_another_user_of_this_machine_reads_no_file_and_speaks_to_no_socket(house: House) -> None:
    for path in (house.folder / "state", house.folder / "run"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    files = [one for one in (house.folder / "state").rglob("*") if one.is_file()]
    sockets = list((house.folder / "run").iterdir())
    assert any("desk.sock" in one.name for one in sockets)
    assert any("wal" in one.name for one in files)
    for one in (*files, *sockets):
        assert stat.S_IMODE(one.stat().st_mode) & 0o077 == 0, one
    assert b"tdm_" not in b"".join(one.read_bytes() for one in files)  # no token, only its hash


def test_clients_that_speak_slowly_give_way_to_those_who_ask(house: House) -> None:
    slow = []
    for number in range(3):  # three addresses, more connections than the desk has threads
        for _ in range(40):
            one = socket.create_connection(("127.0.0.1", house.desk.port), source_address=(f"127.0.20.{number}", 0))
            half = (
                b"GET / HTTP/1.1\r\n"
                if number
                else b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
            )
            one.sendall(half)
            slow.append(one)
    try:
        began = time.monotonic()
        assert house.ask("GET", "/health").status == 200
        assert time.monotonic() - began < SHORT_ASKING_SECONDS + 4
    finally:
        for one in slow:
            one.close()
