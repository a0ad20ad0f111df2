"""Further tries: when, with what, and what is no reason for one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hisbridge.connectivity import Breaker, Outcome
from hisbridge.errors import PortalTimeout, PortalUnreachable
from hisbridge.http import Answer, Question, poster
from hisbridge.lookups.his_proxy import HisProxy
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.lookups.patience import FIRST_PAUSE, Pacing, steadfast, trouble, wanted_pause
from hisbridge.lookups.population import population
from hisbridge.lookups.population_access import MAX_ANSWER
from hisbridge.questions import Register, Verdict
from hisbridge.site_time import SiteTime
from tests.hisbridge.gateway import PERSON, asking, enveloped, fault, gateway, population_settings
from tests.hisbridge.his_hospital import CARD, DOOR, SITE, Hospital, question, settings
from tests.hisbridge.making import FakeClock
from tests.hisbridge.test_connectivity import ASKED, FINE, RULES, Scripted, Time, call, pacing
from wire.server import Response

DATE = "Sat, 21 Nov 2026 00:45:00 GMT"
XML = "text/xml; charset=utf-8"
JSON = "application/json"


def told(retry_after: str, status: int = 503, date: str = DATE) -> Answer:
    return Answer(status, b"", "text/html", date, retry_after)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("asked_for", ["3", "Sat, 21 Nov 2026 00:45:03 GMT"])
def test_who_asks_to_be_left_alone_is_left_alone_so_long(status: int, asked_for: str) -> None:
    time = Time()
    system = Scripted(time, told(asked_for, status), FINE)
    assert call(steadfast(system, Breaker("portal", RULES, time), 1, pacing(time)), time) == "fine"
    assert time.paused == [pytest.approx(3 + FIRST_PAUSE)]  # and not all who were told so at the same moment


@pytest.mark.parametrize("asked_for", ["11", "99999999999999999999", "Sat, 21 Nov 2026 01:45:00 GMT"])
def test_a_wait_past_the_deadline_is_not_begun(asked_for: str) -> None:
    time = Time()
    system = Scripted(time, told(asked_for))
    assert call(steadfast(system, Breaker("portal", RULES, time), 3, pacing(time)), time) == "portal.server_error"
    assert (system.asked, time.paused) == (1, [])


@pytest.mark.parametrize(
    "nonsense", ["", "-5", "soon", "1.5", "0x10", "٣", "Sat, 99 Nov 2026", "Sat, 21 Nov 1999 00:00:00 GMT"]
)
def test_a_wish_that_cannot_be_read_or_is_over_changes_nothing(nonsense: str) -> None:
    assert wanted_pause(told(nonsense), FakeClock()) == 0.0


def test_without_a_date_of_its_own_a_moment_counts_from_our_clock() -> None:
    clock = FakeClock()
    later = clock().astimezone().strftime("%a, %d %b %Y %H:%M:%S %z")
    assert wanted_pause(told(later, date=""), clock) == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, fault("S:Server", "Lỗi"), XML),
        Answer(500, fault("S:Client"), XML),
        Answer(500, fault("S:Server").decode().encode("utf-16"), XML),
        Answer(200, enveloped(PERSON), "text/html"),  # right answers, wrongly named
        Answer(200, enveloped(PERSON), "application/json"),
        Answer(200, b"\n\n" + enveloped(PERSON), "text/html"),
        Answer(200, b'{"ghiChu": "two\nlines"}', JSON),  # whatever the portal's reader understands
        Answer(200, '{"ghiChu": "Thử"}'.encode("latin-1", "replace") + b"<!-- proxy -->", JSON),
        Answer(200, b'{"ghiChu": "\xea"}', JSON),
        Answer(200, '{"ghiChu": "Thử"}'.encode("utf-16"), JSON),
    ],
)
def test_a_fault_and_a_document_of_another_name_are_answers(answer: Answer) -> None:
    time = Time()
    system = Scripted(time, answer)
    breaker = Breaker("population", RULES, time)
    post = steadfast(system, breaker, 1, pacing(time))
    for _ in range(5):
        assert post(ASKED, time() + 10) is answer
    assert (system.asked, breaker.health().online) == (5, True)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, fault("S:Server"), XML),  # the gateway's own word for "not now"
        Answer(500, b"<html><body>Fault</body></html>", "text/html"),
        Answer(500, fault("S:Server")[:90], XML),
        Answer(500, enveloped(PERSON).replace("THỬ".encode(), b"Fault"), XML),
        Answer(500, b"", XML),
        Answer(200, b'{"ghiChu": "ha', JSON),
        Answer(200, b"", JSON),
        Answer(200, "<html>".encode("utf-16"), JSON),
        Answer(200, b'<?xml version="1.0"?>\n<!DOCTYPE html><html></html>', "text/xml"),
        Answer(200, b"  <HTML>", "text/plain"),
    ],
)
def test_what_is_no_fault_and_no_document_is_trouble(answer: Answer) -> None:
    assert trouble(answer) is not None


def test_our_own_queue_says_nothing_of_the_other_side() -> None:
    time = Time()
    breaker = Breaker("portal", RULES, time)
    post = steadfast(Scripted(time, PortalTimeout(asked=False), takes=10.0), breaker, 0, pacing(time))
    for _ in range(5):
        assert call(post, time) == "portal.timeout"
    assert breaker.health().online


def test_a_question_that_is_signed_is_signed_anew_for_every_try() -> None:
    time, stamps = Time(), iter(range(100))
    asked: list[str] = []

    def signed() -> Question:
        return Question("https://portal.invalid/", str(next(stamps)).encode(), "", {}, anew=signed)

    def post(sent: Question, _deadline: float) -> Answer:
        asked.append(sent.body.decode())
        raise PortalUnreachable

    with pytest.raises(PortalUnreachable):
        steadfast(post, Breaker("portal", RULES, time), 2, pacing(time))(signed(), time() + 10)
    assert asked == ["0", "1", "2"]


def test_the_hospital_system_gets_a_fresh_stamp_and_signature_with_each_try(tmp_path: Path) -> None:
    clock = FakeClock()
    hospital = Hospital({"000099999999": Response(503)})
    hospital.now = clock

    def meanwhile(_seconds: float) -> None:
        clock.advance(400)  # more than the other side takes for fresh
        hospital.answers = {"000099999999": CARD}

    with hospital.serving() as port:
        post = steadfast(DOOR, Breaker("his_proxy", RULES, Time()), 1, Pacing(lambda: 1.0, pause=meanwhile))
        answer = HisProxy(settings(tmp_path, port), SITE, post, Clocks(now=clock)).ask(question())
    assert answer.verdict is Verdict.VALID
    assert int(hospital.stamps[1]) - int(hospital.stamps[0]) == 400_000


def test_x_road_gets_a_fresh_stamp_and_hash_with_each_try(tmp_path: Path) -> None:
    clock = FakeClock(datetime.now(UTC))
    with gateway(tmp_path, "soap_xroad") as (server, _):
        server.answer = lambda _request: Response(503)

        def meanwhile(_seconds: float) -> None:
            clock.advance(7)
            server.answer = None

        post = steadfast(
            poster(MAX_ANSWER), Breaker("population", RULES, Time()), 1, Pacing(lambda: 1.0, pause=meanwhile)
        )
        register = population(population_settings(tmp_path, server.port, "soap_xroad"), post, SiteTime(420, clock))
        assert register.ask(asking()).verdict is Register.FOUND
        first, second = server.headers
    assert server.refused == []
    assert int(second["timestamp"]) - int(first["timestamp"]) == 7000
    assert second["authorization"] != first["authorization"]


def test_a_register_whose_service_faults_stays_online_and_is_asked_once(tmp_path: Path) -> None:
    breaker = Breaker("population", RULES, Time())
    with gateway(tmp_path, "soap_xroad") as (server, _):
        server.answer = lambda _request: Response(500, fault("S:Server", "Hết phiên"), XML)
        post = steadfast(poster(MAX_ANSWER), breaker, 3, Pacing(lambda: 0.0))
        register = population(population_settings(tmp_path, server.port, "soap_xroad"), post, SiteTime(420))
        assert [register.ask(asking()).reason for _ in range(4)] == ["population.fault"] * 4
        assert len(server.asked) == 4
    assert breaker.health().online


def test_nobody_tries_again_once_the_system_counts_as_offline_and_a_trial_is_one_request() -> None:
    time = Time()
    system = Scripted(time, PortalUnreachable())
    breaker = Breaker("portal", RULES, time)
    others = [breaker.enter(), breaker.enter()]

    def meanwhile(_seconds: float) -> None:
        breaker.leave(others.pop(), Outcome(0.1, "portal.unreachable"))  # a call of somebody else fails too

    post = steadfast(system, breaker, 3, Pacing(lambda: 1.0, time, meanwhile))
    assert call(post, time) == "portal.unreachable"
    assert (system.asked, others) == (2, [])  # its first try, and one after the first of the two
    time.now += 15
    assert call(post, time) == "portal.unreachable"
    assert system.asked == 3


def test_the_wish_to_be_left_alone_comes_over_the_wire(tmp_path: Path) -> None:
    paused: list[float] = []
    with gateway(tmp_path, "rest_lgsp") as (server, _):

        def meanwhile(seconds: float) -> None:
            paused.append(seconds)
            server.answer = None

        server.answer = lambda _request: Response(429, b"", "text/plain", {"Retry-After": "2"})
        post = steadfast(
            poster(MAX_ANSWER), Breaker("population", RULES, Time()), 1, Pacing(lambda: 0, pause=meanwhile)
        )
        register = population(population_settings(tmp_path, server.port, "rest_lgsp"), post, SiteTime(420))
        assert register.ask(asking(), 10).verdict is Register.FOUND
        server.answer = lambda _request: Response(429, b"", "text/plain", {"Retry-After": "20"})
        assert register.ask(asking(), 10).reason == "population.server_error"
    assert paused == [2]
