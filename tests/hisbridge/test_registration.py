"""The kiosk contract of services.md 3.5 against a pretend hospital system that checks every signature by itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.destinations import RegistrationDestination
from config.settings import load
from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.registration import RegistrationConnector, signature, told
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer, PersonAmbiguous
from hisbridge.http import poster
from hisbridge.lookups.his_proxy import MAX_ANSWER, HisProxy
from hisbridge.questions import CoverageQuestion, Verdict
from hisbridge.records import AddressCodes, Event, FeeLine, PatientRecord
from sandbox.hospital_rest import MERCHANT, SECRET, HospitalRest
from sandbox.people import all_people, find
from tests.hisbridge.making import coverage, patient, record
from tests.hisbridge.speaking import reply, request_on, speaking


@pytest.fixture
def hospital() -> HospitalRest:
    return HospitalRest(all_people())


@pytest.fixture
def port(hospital: HospitalRest) -> Iterator[int]:
    with hospital.serving() as (_, number):
        yield number


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return file


def settings(port: int, secret: Path, **more: Any) -> RegistrationDestination:
    usual: dict[str, Any] = {
        "name": "kiosk",
        "base_url": f"http://127.0.0.1:{port}",
        "merchant_id": MERCHANT,
        "secret_file": str(secret),
        "timeout_seconds": 2,
    }
    return msgspec.convert({"connector": "dangky_kcb", **usual, **more}, RegistrationDestination)


@pytest.fixture
def connector(port: int, secret: Path) -> Iterator[RegistrationConnector]:
    made = RegistrationConnector(settings(port, secret))
    yield made
    made.close()


def carried(made: RegistrationConnector, wanted: PatientRecord, attempt: int = 1) -> Receipt:
    message = made.render(wanted, made.identify(wanted))
    assert message is not None
    return made.send(message, Sending("KEY", attempt))


def test_a_new_person_is_registered_and_numbers_and_fees_come_back(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    receipt = carried(connector, record())
    (number,), (visit,) = hospital.patients, hospital.bookings
    assert (receipt.outcome, receipt.text) == (Outcome.ACKNOWLEDGED, "code_000")
    assert receipt.answer is not None
    assert (receipt.answer.record_number, receipt.answer.visit_number, receipt.answer.queue_number) == (
        number,
        visit,
        "1",
    )
    assert receipt.answer.fees == (FeeLine(name="Khám bệnh", amount="38700"),)


def test_the_record_goes_out_under_the_data_standards_names(connector: RegistrationConnector) -> None:
    codes = AddressCodes(province_code="01", ward_code="00070")
    whole = record(
        patient=patient(residence_codes=codes, nationality_code="000", ethnicity_code="01", occupation_code="00000")
    )
    visit = msgspec.structs.replace(
        whole.visit, object_code="1.3", visit_type="01", referral_number="GCT-1", referring_facility="01029"
    )
    message = connector.render(msgspec.structs.replace(whole, visit=visit), Known("P1\tID1"))
    assert message is not None
    body = json.loads(message)
    key = body["THONG_TIN_DICH_VU"].pop("DU_PHONG")
    assert len(key) == 20
    assert body == {
        "THONG_TIN_BN": {
            "ID_BN": "ID1",
            "MA_BN": "P1",
            "HO_TEN": "Nguyễn Thị Hoài Thử",
            "HO_BN": "Nguyễn",
            "TEN_BN": "Thị Hoài Thử",
            "MATINH_CUTRU": "01",
            "MAHUYEN_CU_TRU": "",
            "MAXA_CU_TRU": "00070",
            "MA_DANTOC": "01",
            "MA_QUOCTICH": "000",
            "MA_NGHE_NGHIEP": "00000",
            "DIA_CHI": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
            "NGAY_SINH": "2003-02-14",
            "GIOI_TINH": 2,
            "SO_GTTT": "001303900017",
            "NGAY_CAP_GTTT": "2021-05-20",
            "MA_THE_BHYT": "GD4000000000017",
            "MA_DKBD": "01028",
            "GT_THE_TU": "2026-01-01",
            "GT_THE_DEN": "2026-12-31",
            "MA_DOITUONG_KCB": "1.3",
            "NGAY_VAO": "2026-11-21 07:45:00",
            "MA_LOAI_KCB": "01",
            "MA_CSKCB": "01028",
            "DIEN_THOAI": "0912345678",
        },
        "THONG_TIN_DICH_VU": {"ID_KHOA": None, "ID_DICH_VU": "KB", "TEN_DICH_VU": "Khám bệnh"},
        "SO_GIAY_CHUYEN_TUYEN": "GCT-1",
        "MA_BENH_CHUYEN_TUYEN": None,
        "DON_VI_CHUYEN_TUYEN": "01029",
    }


def test_a_card_that_the_insurer_holds_for_somebody_else_is_not_told(connector: RegistrationConnector) -> None:
    message = connector.render(record(coverage=coverage(verdict=Verdict.MISMATCH)), Known())
    assert message is not None
    assert json.loads(message)["THONG_TIN_BN"]["MA_THE_BHYT"] is None


def test_somebody_who_is_known_is_registered_under_both_of_their_names_there(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    carried(connector, record("visit-1"))
    (number,) = hospital.patients
    assert connector.identify(record("visit-2")) == Known(f"{number}\tID{number}")
    carried(connector, record("visit-2"))
    assert list(hospital.patients) == [number]
    assert len(hospital.bookings) == 2


def test_whom_nobody_knows_yet_is_asked_for_anew_before_every_attempt(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    """Somebody made by hand while the line was down is not made a second time."""
    assert connector.identify(record()) == Known()  # not kept
    carried(connector, record("by-hand"))
    carried(connector, record(), 2)
    assert len(hospital.patients) == 1


def test_twins_and_another_name_under_the_number_go_to_a_person(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    carried(connector, record())
    hospital.set_fault("rest.twins", "on")
    with pytest.raises(PersonAmbiguous):
        connector.identify(record())
    hospital.set_fault("rest.twins", None)
    next(iter(hospital.patients.values()))["name"] = "Khác"
    with pytest.raises(PersonAmbiguous):
        connector.identify(record())


def test_the_signature_is_the_one_that_the_contract_shows() -> None:
    # Computed with openssl: printf '20170829103111|BN-0011||300' | openssl dgst -sha256 -hmac key
    assert signature(b"key", ["20170829103111", "BN-0011", None, 300]) == (
        "e737aafb1e55583e56519452197f0ec762ca265ff237ee370513a48a8a2f1b5c"
    )


def test_a_wrong_secret_or_a_clock_that_is_off_stops_the_destination(
    hospital: HospitalRest, connector: RegistrationConnector, port: int, secret: Path
) -> None:
    late = RegistrationConnector(settings(port, secret), clock=lambda: 1_000_000.0)
    with pytest.raises(DestinationSetup) as caught:
        late.identify(record())
    assert caught.value.data == {"key": "search_path", "why": "http_401"}
    message = connector.render(record(), Known())
    assert message is not None
    secret.write_text("another secret")
    assert connector.send(message, Sending("KEY", 1)) == Receipt(Outcome.MISCONFIGURED, "http_401")
    secret.write_text(SECRET)
    assert connector.send(message, Sending("KEY", 2)).outcome is Outcome.ACKNOWLEDGED
    late.close()


def test_a_signed_name_that_is_not_sent_is_a_setting_to_mend(port: int, secret: Path) -> None:
    made = RegistrationConnector(settings(port, secret, signed_fields=["SO_GTTT", "HO_TENN"]))
    with pytest.raises(DestinationSetup) as caught:
        made.send(b'{"THONG_TIN_BN":{"SO_GTTT":"1"},"THONG_TIN_DICH_VU":{}}', Sending("KEY", 1))
    assert caught.value.data == {"key": "signed_fields", "why": "unknown_name"}


def test_a_failure_is_taken_as_trouble_a_few_times_and_then_goes_to_a_person(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    hospital.set_fault("rest.refused", "on")
    told = [carried(connector, record(), attempt) for attempt in (1, 2, 7, 8)]
    assert [one.outcome for one in told] == [Outcome.TRY_LATER] * 3 + [Outcome.REJECTED]
    assert {one.text for one in told} == {"code_999"}
    hospital.set_fault("rest.refused", None)
    assert carried(connector, record(), 9).outcome is Outcome.ACKNOWLEDGED


def test_a_registration_in_doubt_goes_to_a_person_once_and_then_out_again_when_they_say_so(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    message = connector.render(record(), Known())
    assert message is not None
    hospital.set_fault("rest.lost", "registration")
    with pytest.raises(NoAnswer):
        connector.send(message, Sending("KEY", 1))
    hospital.set_fault("rest.lost", None)
    told = connector.send(message, Sending("KEY", 2, doubtful=True))
    assert told == Receipt(Outcome.REJECTED, "registration_unknown", doubtful=False)
    assert len(hospital.bookings) == 1
    assert connector.send(message, Sending("KEY", 3)).outcome is Outcome.ACKNOWLEDGED


def test_where_the_hospital_recognises_our_key_a_registration_in_doubt_goes_out_again(
    hospital: HospitalRest, port: int, secret: Path
) -> None:
    made = RegistrationConnector(settings(port, secret, when_unknown="resend"))
    message = made.render(record(), Known())
    assert message is not None
    hospital.set_fault("rest.lost", "registration")
    with pytest.raises(NoAnswer):
        made.send(message, Sending("KEY", 1))
    hospital.set_fault("rest.lost", None)
    assert made.send(message, Sending("KEY", 2)).outcome is Outcome.ACKNOWLEDGED
    assert len({one["order"] for one in hospital.bookings.values()}) == 1
    made.close()


def test_an_outage_before_anything_was_sent_casts_no_doubt(
    hospital: HospitalRest, connector: RegistrationConnector
) -> None:
    carried(connector, record("visit-0"))
    message = connector.render(record(), Known())
    assert message is not None
    hospital.set_fault("rest.down", "on")
    with pytest.raises(DestinationUnreachable):
        connector.send(message, Sending("NEW", 1))
    hospital.set_fault("rest.down", None)
    assert connector.send(message, Sending("NEW", 2)).outcome is Outcome.ACKNOWLEDGED


@pytest.mark.parametrize(("fault", "value"), [("html", "on"), ("maintenance", "200"), ("half", "body")])
def test_an_answer_without_the_envelope_is_no_acknowledgement(
    hospital: HospitalRest, connector: RegistrationConnector, fault: str, value: str
) -> None:
    message = connector.render(record(), Known())
    assert message is not None
    hospital.set_fault(f"rest.{fault}", value)
    with pytest.raises(GarbledAnswer):
        connector.identify(record())
    with pytest.raises(GarbledAnswer):
        connector.send(message, Sending("KEY", 1))


@pytest.mark.parametrize(
    ("status", "body", "outcome", "text"),
    [
        ("500 X", b"", Outcome.TRY_LATER, "http_500"),
        ("503 X", b"", Outcome.TRY_LATER, "http_503"),
        ("404 X", b"<html>", Outcome.MISCONFIGURED, "http_404"),
        ("200 OK", b'{"code":"404","data":null}', Outcome.REJECTED, "code_404"),
        ("200 OK", b'{"code":401,"data":null}', Outcome.MISCONFIGURED, "code_401"),
        ("400 X", b'{"code":"12x","data":null}', Outcome.REJECTED, "http_400"),
        ("200 OK", b'{"code":"12x","data":null}', Outcome.REJECTED, "code_12x"),
        ("200 OK", b'{"code":0,"data":{"STT_LK":7}}', Outcome.ACKNOWLEDGED, "code_000"),
    ],
)
def test_http_and_the_envelope_are_read_together(
    secret: Path, status: str, body: bytes, outcome: Outcome, text: str
) -> None:
    def serve(_: int, connection: Any) -> None:
        request_on(connection)
        connection.sendall(reply(body, status=status))

    with speaking(serve) as (base, _):
        made = RegistrationConnector(settings(int(base.rpartition(":")[2]), secret))
        message = made.render(record(), Known())
        assert message is not None
        receipt = made.send(message, Sending("KEY", 1))
        made.close()
    assert (receipt.outcome, receipt.text) == (outcome, text)
    # A failing server may have registered the visit before it failed.
    assert receipt.doubtful is (True if text == "http_500" else None)


@pytest.mark.parametrize("data", [7, "none", True])
def test_a_search_that_answers_no_person_and_no_list_is_not_taken_for_nobody(data: object, secret: Path) -> None:
    def serve(_: int, connection: Any) -> None:
        request_on(connection)
        connection.sendall(reply(msgspec.json.encode({"code": "000", "data": data})))

    with speaking(serve) as (base, _):
        made = RegistrationConnector(settings(int(base.rpartition(":")[2]), secret))
        with pytest.raises(GarbledAnswer):
            made.identify(record())
        made.close()


def test_only_arrivals_are_told(connector: RegistrationConnector) -> None:
    for event in (Event.UPDATED, Event.CANCELLED, Event.MERGED):
        assert connector.render(record(event=event, revision=1), Known()) is None
        assert connector.identify(record(event=event, revision=1)) == Known()


def test_hostile_answers_give_what_can_be_read_and_nothing_else() -> None:
    lines: list[Any] = [
        {"TEN_DICH_VU": "A", "DON_GIA": "1e400", "SO_LUONG": "NaN"},
        {"TEN_DICH_VU": "B", "DON_GIA": 1.5, "SO_LUONG": 2},
        {"TEN_DICH_VU": None, "DON_GIA": 1},
        "?",
    ]
    answer = told({"MA_BN": {"x": 1}, "MA_LK": "L" * 1000, "x": {"CHI_TIET_DANG_KY": lines, "STT_LK": 3}})
    assert answer is not None
    assert (answer.record_number, answer.visit_number, answer.queue_number) == (None, None, "3")
    assert answer.fees == (FeeLine(name="A"), FeeLine(name="B", amount="3"))
    assert told("x") is told(None) is told({}) is None


def test_a_probe_asks_for_nobody_and_proves_address_merchant_secret_and_clock(
    hospital: HospitalRest, connector: RegistrationConnector, secret: Path
) -> None:
    connector.probe()
    assert hospital.calls == ["GET /benhnhan"]
    hospital.set_fault("rest.signature", "on")
    with pytest.raises(DestinationSetup):
        connector.probe()
    hospital.set_fault("rest.down", "on")
    with pytest.raises(DestinationUnreachable):
        connector.probe()


def test_the_same_server_answers_for_the_insurance_portal_as_the_proxy_asks(
    hospital: HospitalRest, port: int, secret: Path
) -> None:
    usual = load()
    asking = msgspec.structs.replace(
        usual.his_proxy,
        enabled=True,
        base_url=f"http://127.0.0.1:{port}",
        merchant_id=MERCHANT,
        secret_file=str(secret),
        answer_sex_codes={"male": "1", "female": "0", "unknown": ""},
    )
    person = find("mau")
    question = CoverageQuestion(
        personal_id=person.personal_id,
        full_name=person.full_name,
        birth_date=person.birth_date,
        sex=person.sex,
        visit_date="2026-11-21",
    )
    answer = HisProxy(asking, usual.site, poster(MAX_ANSWER)).ask(question)
    assert (answer.verdict, answer.card_number) == (Verdict.VALID, person.insurance.card_number)


def test_the_settings_choose_the_connector(port: int, secret: Path) -> None:
    assert isinstance(make(settings(port, secret)), RegistrationConnector)
