"""Who gets which page: every route of the desk as the process makes it, asked by everybody; deny by default."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from flask import Blueprint, Flask

from kiosk.accounts import Role
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines
from tests.kiosk.people import LAN, by_chip, covered
from tests.kiosk.world import site
from tests.ui.desk_site import DeskSite
from tests.ui.scripted import ScriptedController
from ui.app import create_app
from ui.desk.access import allow
from ui.desk.app import CLOSERS
from ui.desk.parts import desk_of

REFUSED = (401, 403)
OPEN = {
    "static", "staff.sign_in_page", "staff.sign_in", "staff.secret_page", "staff.choose", "staff.state",
    "staff.choose_language", "staff.health", "health.live", "health.ready", "entrance.enter",
    "entrance.token",
}  # fmt: skip
JUDGED = ("staff.sign_in", "staff.choose", "entrance.token")  # refuse whoever says nothing
RECEPTION = {Role.RECEPTIONIST, Role.SUPERVISOR}
WHOSE: dict[str, set[Role | Scope]] = {
    "counter": {*RECEPTION},
    "technician": {Role.TECHNICIAN, Role.SUPERVISOR},
    "people": {Role.SUPERVISOR},
    "person_requests": {Role.SUPERVISOR},
    "sessions": {*Role},
    "machines": {Role.SUPERVISOR, Role.TECHNICIAN},
    "board": {*Role, Scope.BOARD},
    "voice": {*Role, Scope.BOARD},
    "fonts": {*Role, Scope.BOARD},
    "staff": {*Role},
    "statistics": {Role.TECHNICIAN, Role.SUPERVISOR},
    "doctor": {Role.TECHNICIAN, Role.SUPERVISOR},
    "metrics": {Role.TECHNICIAN, Scope.METRICS},
    "health": set(),  # its figures are told on the process's own socket alone
    "api": {*Role, *Scope},  # each operation by its own list, tests/ui/test_api*.py
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskSite]:
    settings = site(tmp_path)
    settings = msgspec.structs.replace(
        settings, staff=msgspec.structs.replace(settings.staff, listen="127.0.0.1:1", idle_lock_seconds=3600)
    )
    made = DeskSite(tmp_path, settings=settings)
    made.app = desk_of(settings)
    made.clock.wall = SystemClock().now()
    yield made
    for close in made.app.extensions[CLOSERS]:
        close()
    made.close()


def routes(app: Flask, **known: str) -> list[tuple[str, str, str]]:
    """Endpoint, method and an address of every route; what in it is not `known` is 1."""
    found = []
    for rule in app.url_map.iter_rules():
        parts = {name: known.get(name, "1") for name in rule.arguments}
        address = app.url_map.bind("localhost").build(rule.endpoint, parts, method=min(rule.methods or {"GET"}))
        found += [(rule.endpoint, method, address) for method in (rule.methods or ()) if method in ("GET", "POST")]
    return found


def test_a_stranger_gets_the_door_and_nothing_else(desk: DeskSite) -> None:
    client = desk.stranger()
    for endpoint, method, address in routes(desk.app):
        status = client.open(address, method=method).status_code
        if endpoint not in JUDGED:
            assert (status in REFUSED) is (endpoint not in OPEN), (endpoint, status)


def test_every_part_says_whom_it_is_for(desk: DeskSite) -> None:
    for endpoint, _, _ in routes(desk.app):
        assert endpoint in OPEN or endpoint.partition(".")[0] in WHOSE, endpoint


@pytest.mark.parametrize("role", list(Role))
def test_a_role_gets_its_own_pages_and_no_others(desk: DeskSite, role: Role) -> None:
    client = desk.sign_in(role)
    for endpoint, method, address in routes(desk.app):
        part = endpoint.partition(".")[0]
        if endpoint in OPEN or part == "api" or endpoint in ("staff.sign_out", "staff.lock"):
            continue
        if role in WHOSE[part] and (method == "POST" or address.endswith("/events")):
            continue  # that it may is seen by its pages; here nothing shall be done, and no stream be held
        answer = client.open(address, method=method)
        assert (answer.status_code in REFUSED) is (role not in WHOSE[part]), (endpoint, answer.status_code)
        answer.close()


@pytest.mark.parametrize("who", [Role.TECHNICIAN, Scope.BOARD, Scope.QUEUE, Scope.CALL, Scope.KIOSK])
def test_no_answer_to_a_technician_or_a_machine_without_records_holds_anything_of_a_person(
    desk: DeskSite, who: Role | Scope
) -> None:
    ticket = desk.store.check_in("access", by_chip(full_name="MẪU THỊ KHÔNG AI"), covered()).ticket
    known = {"visit_id": str(ticket.visit_id), "ticket_id": ticket.ticket_id, "counter": "1", "name": "mai"}
    if isinstance(who, Role):
        client = desk.sign_in(who)
    else:
        with closing(open_machines(desk.settings, desk.clock)) as machines:
            token = machines.enrol(machines.new_code("a machine", {who}, "hoa")).token
        client = desk.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    answered = 0
    for endpoint, method, address in routes(desk.app, **known):
        if method != "GET" or address.endswith("/events"):
            continue
        with client.get(address + "?number=" + ticket.number) as answer:
            answered += answer.status_code == 200
            for told in ("KHÔNG AI", LAN, "GD4010130390001"):
                assert told not in answer.get_data(as_text=True), endpoint
    assert answered > 3


@pytest.mark.parametrize("scope", list(Scope))
def test_a_machine_gets_what_its_token_is_good_for_and_no_page_of_a_person(desk: DeskSite, scope: Scope) -> None:
    machines = open_machines(desk.settings, desk.clock)
    token = machines.enrol(machines.new_code("a machine", {scope}, "hoa")).token
    client = desk.app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for endpoint, method, address in routes(desk.app):
        part = endpoint.partition(".")[0]
        if endpoint in OPEN or part == "api" or address.endswith("/events"):
            continue
        answer = client.open(address, method=method)
        assert (answer.status_code in REFUSED) is (scope not in WHOSE[part] or part == "staff"), endpoint
        answer.close()
    machines.close()


def test_a_token_that_is_nobodys_is_not_replaced_by_a_cookie(desk: DeskSite) -> None:
    client = desk.sign_in(Role.SUPERVISOR)
    assert client.get("/people").status_code == 200
    assert client.get("/people", headers={"Authorization": "Bearer tdm_nobodys"}).status_code == 401


def test_pages_that_name_nobody_are_nobodys(tmp_path: Path) -> None:
    def forgotten(app: Flask, build: str) -> Blueprint:
        pages = Blueprint("forgotten", __name__)
        pages.get("/forgotten")(lambda: "a record")
        return pages

    desk = DeskSite(tmp_path, lambda _: [forgotten, lambda *_: allow(Blueprint("none", __name__))])
    for role in Role:
        assert desk.sign_in(role).get("/forgotten").status_code == 403
    desk.close()


def test_nothing_of_the_staffs_can_be_reached_from_the_touchscreen(desk: DeskSite) -> None:
    app = create_app(desk.settings, ScriptedController())
    both = ("static", "staff.health", "health.live", "health.ready", "health.figures")
    staffs = {rule.rule for rule in desk.app.url_map.iter_rules() if rule.endpoint not in both}
    own = {rule.rule for rule in app.url_map.iter_rules()}
    shared = {rule.rule for rule in desk.app.url_map.iter_rules() if rule.endpoint.startswith(("voice", "fonts"))}
    assert staffs & own - shared <= {"/"}  # where both begin, each at its own address
    client = app.test_client()
    page = client.get("/").text
    assert not [part for part in ("/counter", "/technician", "/sign-in", "/people", "/machines") if part in page]
    for part in (
        "/counter",
        "/technician",
        "/sign-in",
        "/people",
        "/machines",
        "/board",
        "/api/v1/health",
        "/metrics",
        "/v1/metrics",
    ):
        assert client.get(part).status_code == 404
