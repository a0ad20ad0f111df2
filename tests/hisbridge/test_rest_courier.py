"""The registration API behind the real courier and outbox: lost answers, outages and restarts, and nothing twice."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from config.destinations import RegistrationDestination, RestDestination, WebhookDestination
from hisbridge import outbox
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.http_caller import HttpCaller
from hisbridge.connectors.registration import RegistrationConnector
from hisbridge.connectors.rest import RestConnector
from hisbridge.connectors.webhook import WebhookConnector
from hisbridge.delivery import Courier
from hisbridge.desk_records import Delivery
from hisbridge.errors import DeliveryError, DestinationSetup, PersonAmbiguous
from hisbridge.http import Answer, Question
from hisbridge.outbox import State
from hisbridge.pacing import Backoff
from hisbridge.records import MAX_TOLD, Event, PatientRecord
from sandbox.hospital_rest import ACCOUNT, HospitalRest
from tests.hisbridge.making import FakeClock, database, listed, patient, record
from tests.hisbridge.rest_making import account_file, settings
from wire.database import open_database, transaction

VISITS = 30
FIND = "/api/v1/booking?orderId={order_id}"
TROUBLES = (("lost", "save"), ("lost", "booking"), ("500", "on"), ("down", "on"), ("token_expired", "once"))
SEEDS = (1, 2, 3)


class Killed(BaseException):
    """The process died."""


class Unlucky(RestConnector):
    """Before each of its calls something may break, and after each its process may die."""

    def __init__(self, settings: RestDestination, hospital: HospitalRest, chance: random.Random) -> None:
        super().__init__(settings)
        self._hospital, self._chance = hospital, chance

    def identify(self, record: PatientRecord) -> Known:
        self._befall()
        return super().identify(record)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        self._befall()
        try:
            return super().send(message, sending)
        finally:
            if self._chance.random() < 0.2:
                raise Killed

    def _befall(self) -> None:
        for fault in ("lost", "500", "down"):
            self._hospital.set_fault(f"rest.{fault}", None)
        if self._chance.random() < 0.5:
            name, value = self._chance.choice(TROUBLES)
            self._hospital.set_fault(f"rest.{name}", value)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_visit_is_saved_and_booked_exactly_once_whatever_happens_on_the_way(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same troubles each time
    password = tmp_path / "password"
    password.write_text(ACCOUNT[1])
    password.chmod(0o600)
    path, clock, hospital = database(tmp_path), FakeClock(), HospitalRest()
    db = open_database(path)
    deaths = 0
    with hospital.serving() as (_, port):
        finding = RestDestination(
            name="dhg",
            base_url=f"http://127.0.0.1:{port}",
            username=ACCOUNT[0],
            password_file=str(password),
            paths={"find_booking": FIND},
            timeout_seconds=2,
        )

        def courier() -> Courier:
            pause = Backoff(first_seconds=1.0, longest_seconds=1.0, draw=lambda: 1.0)
            made = Unlucky(finding, hospital, chance)
            return Courier("dhg", "rest", made, lambda: open_database(path), pause, clock)

        for number in range(VISITS):
            person = patient(personal_id=f"0013039{number % 10:05}", previous_id=None)  # three visits each
            with transaction(db):
                outbox.enqueue(db, record(f"v{number}", patient=person), ("dhg",), clock())
        at_work = courier()
        for _ in range(3000):
            try:
                at_work.step()
            except Killed:
                deaths += 1
                at_work._drop_connection()
                at_work._connector.close()
                at_work = courier()
            clock.advance(1.0)
            if not listed(db, State.QUEUED, State.SENDING):
                break
        at_work.stop()
        at_work.run(0.01)
    told = listed(db)
    db.close()
    assert deaths > 5
    assert {one.state for one in told} == {State.ACKNOWLEDGED}
    assert len(told) == VISITS
    assert len({held["cmnd"] for held in hospital.patients.values()}) == len(hospital.patients) == 10
    assert len({one["order"] for one in hospital.bookings.values()}) == len(hospital.bookings) == VISITS


def test_a_visit_taken_back_after_a_restart_reaches_its_booking(tmp_path: Path) -> None:
    path, clock, hospital = database(tmp_path), FakeClock(), HospitalRest()
    db = open_database(path)
    with hospital.serving() as (_, port):
        his = settings(port, account_file(tmp_path))

        def delivered(told: PatientRecord) -> Delivery:
            with transaction(db):
                outbox.enqueue(db, told, ("dhg",), clock())
            pause = Backoff(1.0, 1.0, lambda: 1.0)
            courier = Courier("dhg", "rest", RestConnector(his), lambda: open_database(path), pause, clock)
            courier.step()
            courier.stop()
            courier.run(0.01)
            return listed(db)[0]

        assert delivered(record("v1")).receipt == delivered(record("v2")).receipt == "booked"
        gone = delivered(record("v1", event=Event.CANCELLED, revision=1))
    db.close()
    assert (gone.state, gone.receipt) == (State.ACKNOWLEDGED, "cancelled")
    assert len(hospital.bookings) == 1


class Scripted(HttpCaller):
    """Answers whatever is asked with the next of these."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers

    def call(self, question: Question) -> Answer:
        json.dumps([question.url, *question.headers.values()]).encode()
        return self._answers.pop(0) if self._answers else Answer(200, b"{}")

    def close(self) -> None:
        pass


KEYS = (
    *("mabn", "cmnd", "surname", "name", "dateOfBirth", "code", "token", "data", "number", "mgntHisId"),
    *("MA_BN", "ID_BN", "HO_TEN", "NGAY_SINH", "STT_LK", "MA_LK", "CHI_TIET_DANG_KY", "TEN_DICH_VU", "DON_GIA"),
    *("SO_LUONG", "record_number", "fees", "room", "amount", "insured", "THONG_TIN_TIEP_NHAN"),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.sampled_from(["000", "001303900017"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 404, 409, 500, 503]),
    BODIES,
    st.just("application/json"),
)


def key(folder: Any) -> str:
    file = Path(str(folder)) / "key"
    file.write_text("key")
    file.chmod(0o600)
    return str(file)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return key(tmp_path_factory.mktemp("hostile"))


@given(
    answers=st.lists(ANSWERS, max_size=6),
    attempt=st.builds(Sending, st.just("KEY"), st.integers(1, 3), st.booleans()),
    event=st.sampled_from(list(Event)),
)
@bounds(max_examples=150, deadline=None)
def test_no_answer_however_odd_ends_in_anything_but_a_receipt_or_a_named_error(
    key_file: str, answers: list[Answer], attempt: Sending, event: Event
) -> None:
    usual: Mapping[str, Any] = {"name": "x", "base_url": "http://127.0.0.1:9"}
    made = (
        RestConnector(RestDestination(**usual, username="u", password_file=key_file), Scripted(list(answers))),
        RegistrationConnector(
            RegistrationDestination(**usual, merchant_id="m", secret_file=key_file), caller=Scripted(list(answers))
        ),
        WebhookConnector(WebhookDestination(**usual, secret_file=key_file), caller=Scripted(list(answers))),
    )
    told = record(event=event)
    for connector in made:
        try:
            known = connector.identify(told)
        except (DeliveryError, DestinationSetup, PersonAmbiguous):
            known = Known()
        assert known.record_number is None or known.record_number.replace("\t", "").isprintable()
        message = connector.render(told, known)
        if message is None:
            continue
        try:
            receipt = connector.send(message, attempt)
        except (DeliveryError, DestinationSetup):
            continue
        assert len(receipt.text) < 40
        assert receipt.text.isascii()
        assert isinstance(receipt.outcome, Outcome)
        if receipt.answer is not None:
            assert all(len(value or "") <= MAX_TOLD for value in (receipt.answer.record_number, receipt.answer.room))
