"""The hospital system that asks the portal for us: which numbers it is asked about, and what becomes of its trouble."""

import io
import logging
import traceback
from pathlib import Path

import pytest

from hisbridge.errors import LookupOffline, PortalCertificate, PortalError
from hisbridge.http import Answer, Question
from hisbridge.lookups.contract import InsuranceLookup
from hisbridge.lookups.his_proxy import HisProxy
from hisbridge.lookups.his_proxy_errors import (
    HisProxyFailed,
    HisProxyNoService,
    HisProxyPortalSetup,
    HisProxyRefused,
    HisProxySecretMissing,
)
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.questions import Act, Verdict
from tests.hisbridge import hostile
from tests.hisbridge.his_hospital import CARD, KEY, SITE, Hospital, asking, client, question, settings
from tests.hisbridge.making import FakeClock
from wire.codec import to_json
from wire.server import Response, json_response

# Which number finds the card


def test_the_numbers_are_asked_in_order_until_one_finds_the_card(tmp_path: Path) -> None:
    hospital = Hospital({"0000000017": {**CARD, "MA_KQ": "050"}, "GD4000000000017": CARD})
    asked = question(insurance_number="GD4000000000017", previous_id="000000017")
    answer = asking(tmp_path, hospital, asked)
    assert (answer.verdict, answer.found_by) == (Verdict.VALID, "card_number")
    assert [(told["SO_GTTT"], told["LOAI_GTTT"]) for told in hospital.asked] == [
        ("000099999999", "CCCD"),
        ("0000000017", "BHXH"),
        ("GD4000000000017", "BHYT"),
    ]


def test_a_person_known_only_by_the_earlier_number_is_found(tmp_path: Path) -> None:
    answer = asking(tmp_path, Hospital({"000000017": CARD}), question(personal_id=None, previous_id="000000017"))
    assert (answer.verdict, answer.found_by) == (Verdict.VALID, "previous_id")


def test_nobody_known_by_any_number_is_asked_for_another(tmp_path: Path) -> None:
    answer = asking(tmp_path, Hospital({}), question(previous_id="000000017"))
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.not_found")
    assert (answer.act, answer.result_code) == (Act.ASK_OTHER_NUMBER, None)


def test_a_small_child_and_a_card_of_the_forces_never_end_at_not_found(tmp_path: Path) -> None:
    child = asking(tmp_path, Hospital({}), question(birth_date="2022-05-01"))
    assert (child.verdict, child.act) == (Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD)
    soldier = asking(tmp_path, Hospital({}), question(insurance_number="QN5000000000017"))
    assert (soldier.verdict, soldier.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)


def test_an_ended_card_stands_where_no_other_number_says_better(tmp_path: Path) -> None:
    hospital = Hospital({"000099999999": {"MA_KQ": "121"}})
    answer = asking(tmp_path, hospital, question(previous_id="000000017"))
    assert (answer.verdict, answer.result_code, answer.act) == (Verdict.NOT_INSURED, "121", Act.ASK_RENEWED_CARD)
    hospital.answers = {"000099999999": {"MA_KQ": "121"}, "000000017": CARD}
    assert asking(tmp_path, hospital, question(previous_id="000000017")).verdict is Verdict.VALID


def test_trouble_at_a_later_number_leaves_the_question_open(tmp_path: Path) -> None:
    hospital = Hospital({"000099999999": {"MA_KQ": "121"}, "000000017": Response(503)})
    answer = asking(tmp_path, hospital, question(previous_id="000000017"))
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.server_error")


# Trouble


ENVELOPE = to_json({"code": "000", "message": "", "data": CARD})
UNVERIFIED, SETUP = Verdict.UNVERIFIED, Verdict.CONFIGURATION_ERROR


@pytest.mark.parametrize(
    ("misbehave", "verdict", "reason"),
    [
        (hostile.answer(ENVELOPE), Verdict.VALID, None),
        (hostile.answer(ENVELOPE, content_type="text/html"), Verdict.VALID, None),
        (hostile.answer(b'{"code":"999","message":"fail","data":null}'), UNVERIFIED, "his_proxy.failed"),
        (hostile.answer(b'{"code":"123","data":{}}'), UNVERIFIED, "his_proxy.failed"),
        (hostile.answer(b'{"code":"401","data":null}'), SETUP, "his_proxy.refused"),
        (hostile.answer(b'{"code":"404","data":null}'), UNVERIFIED, "his_proxy.not_found"),
        (hostile.answer(b'{"code":404}'), UNVERIFIED, "his_proxy.not_found"),
        (hostile.answer(b'{"code":"404","data":null}', "404 Not Found"), UNVERIFIED, "his_proxy.not_found"),
        (hostile.answer(b'{"status":404,"error":"Not Found"}', "404 Not Found"), SETUP, "his_proxy.no_service"),
        (hostile.answer(b"<html>404</html>", "404 Not Found", "text/html"), SETUP, "his_proxy.no_service"),
        (hostile.answer(ENVELOPE, "404 Not Found"), SETUP, "his_proxy.no_service"),
        (hostile.answer(ENVELOPE, "403 Forbidden"), SETUP, "his_proxy.refused"),
        (hostile.answer(ENVELOPE, "500 Oops"), UNVERIFIED, "his_proxy.server_error"),
        (hostile.answer(ENVELOPE, "201 Created"), UNVERIFIED, "his_proxy.server_error"),
        (hostile.answer(b"<html>maintenance</html>", content_type="text/html"), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(ENVELOPE[:60]), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(ENVELOPE + ENVELOPE), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(b""), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(b"[]"), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(b'{"code":"000","code":"404","data":{}}'), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(b"[" * 100_000), UNVERIFIED, "his_proxy.garbled_answer"),
        (hostile.answer(b"{}"), UNVERIFIED, "his_proxy.incomplete_answer"),
        (hostile.answer(b'{"code":"000"}'), UNVERIFIED, "his_proxy.incomplete_answer"),
        (hostile.answer(b'{"code":"000","data":[]}'), UNVERIFIED, "his_proxy.incomplete_answer"),
        (hostile.answer(b'{"code":null,"data":{}}'), UNVERIFIED, "his_proxy.incomplete_answer"),
        (hostile.cut, UNVERIFIED, "his_proxy.unreachable"),
        (hostile.not_http, UNVERIFIED, "his_proxy.unreachable"),
        (hostile.redirect, UNVERIFIED, "his_proxy.server_error"),
        (hostile.flood, UNVERIFIED, "his_proxy.answer_too_large"),
        (hostile.bomb, UNVERIFIED, "his_proxy.garbled_answer"),
    ],
)
def test_a_hospital_system_in_trouble_never_costs_the_check_in_more_than_an_answer(
    tmp_path: Path, misbehave: hostile.Misbehave, verdict: Verdict, reason: str | None
) -> None:
    with hostile.lying(misbehave) as port:
        answer = client(settings(tmp_path, port)).ask(question())
    assert (answer.verdict, answer.reason) == (verdict, reason)
    if reason not in (None, "his_proxy.not_found"):
        assert answer.act is (Act.WAIT if verdict is UNVERIFIED else Act.CALL_ADMINISTRATOR)
        assert (answer.card_number, answer.result_code) == (None, None)


@pytest.mark.parametrize("misbehave", [hostile.nothing, hostile.drip_head, hostile.drip_body])
def test_a_hospital_system_that_hangs_is_given_up_at_the_deadline(tmp_path: Path, misbehave: hostile.Misbehave) -> None:
    with hostile.lying(misbehave) as port:
        assert client(settings(tmp_path, port)).ask(question(), 0.3).reason == "his_proxy.timeout"


def test_the_deadline_is_one_for_all_numbers(tmp_path: Path) -> None:
    deadlines: list[float] = []

    def post(_question: Question, deadline: float) -> Answer:
        deadlines.append(deadline)
        return Answer(200, b'{"code":"404","data":null}')

    clocks = Clocks(now=FakeClock(), monotonic=lambda: 100.0)
    proxy = HisProxy(settings(tmp_path), SITE, post, clocks)
    proxy.ask(question(previous_id="000000017"), 2.5)
    proxy.ask(question())
    assert deadlines == [102.5, 102.5, 105.0]


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    with Hospital().serving() as port:
        chosen = settings(tmp_path, port)
    answer = client(chosen).ask(question())
    assert (answer.verdict, answer.reason, answer.act) == (UNVERIFIED, "his_proxy.unreachable", Act.WAIT)


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [(LookupOffline(), UNVERIFIED, "lookup.offline"), (PortalCertificate(why="expired"), SETUP, "portal.certificate")],
)
def test_what_the_door_knows_better_keeps_its_own_name(
    tmp_path: Path, error: PortalError, verdict: Verdict, reason: str
) -> None:
    def post(_question: Question, _deadline: float) -> Answer:
        raise error

    answer = HisProxy(settings(tmp_path), SITE, post).ask(question())
    assert (answer.verdict, answer.reason) == (verdict, reason)


# Diagnosis


def test_to_be_told_that_nobody_is_there_is_a_probe_passed(tmp_path: Path) -> None:
    hospital = Hospital({})
    with hospital.serving() as port:
        proxy: InsuranceLookup = client(settings(tmp_path, port))
        proxy.probe()
        hospital.answers = {"000099999999": {"MA_KQ": "050"}}
        proxy.probe(1.0)
    assert len(hospital.asked) == 2


def test_a_probe_says_why_an_answer_cannot_be_had(tmp_path: Path) -> None:
    hospital = Hospital({"000099999999": {"MA_KQ": "054"}})
    with hospital.serving() as port:
        with pytest.raises(HisProxyPortalSetup) as caught:
            client(settings(tmp_path, port)).probe()
        assert caught.value.data == {"result_code": "054"}
        with pytest.raises(HisProxyNoService):
            client(settings(tmp_path, port, path="/nowhere")).probe()
        with pytest.raises(HisProxyRefused):
            client(settings(tmp_path, port, merchant_id="OTHER")).probe()
        with pytest.raises(HisProxySecretMissing):
            client(settings(tmp_path, port, secret_file="")).probe()
        for down in (json_response({"code": "999"}), {"MA_KQ": "100"}):
            hospital.answers = {"000099999999": down}
            with pytest.raises(HisProxyFailed):
                client(settings(tmp_path, port)).probe()


# Secrets and persons


def test_neither_key_nor_person_is_in_any_log_error_or_repr(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    written: list[str] = []
    try:
        faults = [b'{"code":"000","data":{"MA_KQ":"000","HO_TEN":[]}}', b"<html>", b'{"code":"999","message":"Thu"}']
        for misbehave in [*(hostile.answer(body) for body in faults), hostile.cut, hostile.flood]:
            with hostile.lying(misbehave) as port:
                proxy = client(settings(tmp_path, port))
                written.append(repr(proxy) + repr(proxy.ask(question())))
                try:
                    proxy.probe()
                except PortalError:
                    written.append(traceback.format_exc())
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    everything = stream.getvalue() + "".join(written)
    assert everything
    for private in (KEY, "000099999999", "Nguyễn", "Nguy%E1", "1999-01-02"):
        assert private not in everything
