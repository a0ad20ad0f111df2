"""How the hospital system is asked: signed, in its own words, with a key that is kept; and what cannot be set."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hisbridge.errors import PortalSetup
from hisbridge.http import Answer, Question
from hisbridge.lookups.his_proxy import HisProxy
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from tests.hisbridge.his_hospital import (
    CARD,
    KEY,
    MERCHANT,
    SITE,
    Hospital,
    asking,
    client,
    own_hmac,
    question,
    settings,
    told,
)
from tests.hisbridge.making import MOMENT, FakeClock
from wire.codec import to_json
from wire.server import Request, Response, json_response, serving

# The question and its signature


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signed_question_is_accepted_and_answered(tmp_path: Path, method: str) -> None:
    hospital = Hospital()
    answer = asking(tmp_path, hospital, method=method)
    assert answer == Coverage(
        verdict=Verdict.VALID,
        result_code="000",
        act=Act.NONE,
        found_by="personal_id",
        card_number="GD4000000000000",
        valid_from="2026-01-01",
        valid_to="2026-12-31",
        registered_facility="99999",
        asked_at="2026-11-21T07:45:00+07:00",
        asked_by=SITE.kiosk_id,
    )
    assert hospital.asked == [
        {
            "SO_GTTT": "000099999999",
            "LOAI_GTTT": "CCCD",
            "HO_TEN": "Nguyễn Văn Thử",
            "NGAY_SINH": "1999-01-02",
            "GIOI_TINH": "1",
        }
    ]
    assert hospital.stamps == ["1795221900000"]  # 2026-11-21T00:45Z in milliseconds


def test_the_documented_example_has_the_signature_that_openssl_gives(tmp_path: Path) -> None:
    asked: list[Question] = []

    def post(sent: Question, _deadline: float) -> Answer:
        asked.append(sent)
        return Answer(200, b"{}")

    HisProxy(settings(tmp_path), SITE, post, Clocks(now=FakeClock())).ask(question())
    # printf '000099999999|Nguyễn Văn Thử|1999-01-02|1|1795221900000' | openssl dgst -sha256 -hmac 'khóa thử 0123456789'
    assert asked[0].headers == {
        "x-merchant-id": MERCHANT,
        "x-timestamp": "1795221900000",
        "x-sign": "2400df5c544a5c45bc91a09f605b37230624467ffaf3778b38d09dff2ecb84e1",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "asked",
    [
        question(sex=None),
        question(sex="unknown"),
        question(birth_date="1999"),
        question(birth_date="1999-01"),
        question(full_name="  Nguye\u0302\u0303n   Va\u0306n Thử "),
        question(full_name="Ô|Ê & ?=#%+ Thử"),
        question(full_name="Nguyễn" * 30),
    ],
)
def test_what_is_unknown_partial_or_odd_is_signed_as_it_is_sent(
    tmp_path: Path, method: str, asked: CoverageQuestion
) -> None:
    assert asking(tmp_path, Hospital(), asked, method=method).verdict is Verdict.VALID


def test_what_is_not_known_is_null_in_a_post_and_left_out_of_a_get(tmp_path: Path) -> None:
    hospital = Hospital()
    for method in ("GET", "POST"):
        asking(tmp_path, hospital, question(sex=None), method=method)
    assert "GIOI_TINH" not in hospital.asked[0]
    assert hospital.asked[1]["GIOI_TINH"] is None


@pytest.mark.parametrize(
    ("form", "born", "written"),
    [
        ("yyyy-MM-dd", "1999-01-02", "1999-01-02"),
        ("dd/MM/yyyy", "1999-01-02", "02/01/1999"),
        ("yyyyMMdd", "1999-01-02", "19990102"),
        ("yyyy-MM-dd", "1999-01", "1999-01"),
        ("dd/MM/yyyy", "1999-01", "01/1999"),
        ("yyyyMMdd", "1999-01", "199901"),
        ("dd/MM/yyyy", "1999", "1999"),
    ],
)
def test_dates_are_written_as_configured(tmp_path: Path, form: str, born: str, written: str) -> None:
    hospital = Hospital()
    assert asking(tmp_path, hospital, question(birth_date=born), date_format=form).verdict is Verdict.VALID
    assert hospital.asked[0]["NGAY_SINH"] == written


def test_names_and_codes_are_the_hospitals_own(tmp_path: Path) -> None:
    hospital = Hospital()
    hospital.signed = ("gioi", "SO_GTTT", "can_bo")
    asking(
        tmp_path,
        hospital,
        question(officer=Officer(full_name="Trần Thị Mẫu", personal_id="000088888888")),
        fields={
            "personal_id": "SO_GTTT",
            "id_kind": "",  # an empty name leaves a field out
            "sex": "gioi",
            "visit_date": "ngay",
            "officer_name": "can_bo",
            "officer_id": "cccd",
        },
        sex_codes={"male": "M", "female": "F", "unknown": "U"},
        signed_fields=("sex", "personal_id", "officer_name"),
    )
    assert hospital.asked == [
        {"SO_GTTT": "000099999999", "gioi": "M", "ngay": "2026-11-21", "can_bo": "Trần Thị Mẫu", "cccd": "000088888888"}
    ]


def test_the_merchant_id_can_be_signed_too(tmp_path: Path) -> None:
    sent: list[str] = []

    def handle(request: Request) -> Response:
        sent.append(request.headers["x-sign"])
        return json_response({"code": "000", "data": CARD})

    with serving(("127.0.0.1", 0), {("GET", "/his/bhyt"): handle}) as address:
        chosen = settings(tmp_path, int(str(address[1])), signed_fields=("merchant_id",))  # type: ignore[index]
        client(chosen).ask(question())
    assert sent == [own_hmac(KEY.encode(), f"{MERCHANT}|1795221900000".encode())]


# Refused


def test_another_key_another_merchant_and_other_signed_fields_are_refused(tmp_path: Path) -> None:
    for differences in ({"merchant_id": "OTHER"}, {"signed_fields": ("personal_id",)}):
        answer = asking(tmp_path, Hospital(), **differences)
        assert (answer.verdict, answer.reason) == (Verdict.CONFIGURATION_ERROR, "his_proxy.refused")
    Path(settings(tmp_path).secret_file).write_text("not the key")
    answer = asking(tmp_path, Hospital())
    assert (answer.reason, answer.act) == ("his_proxy.refused", Act.CALL_ADMINISTRATOR)


def test_a_clock_that_is_off_is_refused(tmp_path: Path) -> None:
    hospital = Hospital()
    hospital.now = lambda: MOMENT + timedelta(minutes=6)
    assert asking(tmp_path, hospital).reason == "his_proxy.refused"


# The key


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\n\n"])
def test_the_end_of_the_keys_line_is_no_part_of_the_key(tmp_path: Path, ending: bytes) -> None:
    chosen = settings(tmp_path)
    for start in (b"", b"\xef\xbb\xbf"):
        Path(chosen.secret_file).write_bytes(start + KEY.encode() + ending)
        assert asking(tmp_path, Hospital()).verdict is Verdict.VALID


def test_a_changed_key_needs_no_restart(tmp_path: Path) -> None:
    with Hospital().serving() as port:
        chosen = settings(tmp_path, port)
        proxy = client(chosen)
        Path(chosen.secret_file).write_text("an old one")
        assert proxy.ask(question()).reason == "his_proxy.refused"
        Path(chosen.secret_file).write_text(KEY, "utf-8")
        assert proxy.ask(question()).verdict is Verdict.VALID


def test_a_key_that_is_missing_empty_or_open_to_everybody_is_a_setup_error(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    key = Path(chosen.secret_file)
    for path in ("", str(tmp_path / "none"), str(tmp_path), "a\0b"):
        answer = told(tmp_path, CARD, secret_file=path)
        assert (answer.verdict, answer.reason) == (Verdict.CONFIGURATION_ERROR, "his_proxy.secret_missing")
    for mode in (0o604, 0o620, 0o602, 0o666):
        key.chmod(mode)
        assert told(tmp_path, CARD).reason == "his_proxy.secret_exposed"
    for mode in (0o400, 0o440, 0o600, 0o640):
        key.chmod(mode)
        assert told(tmp_path, CARD).verdict is Verdict.VALID
    key.chmod(0o600)
    key.write_text("\n")
    assert told(tmp_path, CARD).reason == "his_proxy.secret_missing"


# What can be set wrong


@pytest.mark.parametrize(
    ("differences", "key"),
    [
        ({"base_url": ""}, "his_proxy.base_url"),
        ({"base_url": "ftp://his.example"}, "his_proxy.base_url"),
        ({"base_url": "http://[::1"}, "his_proxy.base_url"),
        ({"merchant_id": ""}, "his_proxy.merchant_id"),
        ({"merchant_id": "A\r\nx-evil: 1"}, "his_proxy.merchant_id"),
        ({"merchant_id": "bệnh viện"}, "his_proxy.merchant_id"),
        ({"fields": {}}, "his_proxy.fields"),
        ({"fields": {"personal_id": "A", "full_name": "A"}}, "his_proxy.fields"),
        ({"fields": {"personal_id": "A", "religion": "B"}}, "his_proxy.fields.religion"),
        ({"signed_fields": ("timestamp",)}, "his_proxy.signed_fields"),
        ({"signed_fields": ("officer_id",)}, "his_proxy.signed_fields"),
        ({"sex_codes": {}}, "his_proxy.sex_codes.male"),
        ({"answers": {"result_code": "", "accepted": ""}}, "his_proxy.answers.result_code"),
        ({"answers": {"kode": "MA_KQ"}}, "his_proxy.answers.kode"),
    ],
)
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, differences: dict[str, Any], key: str) -> None:
    answer = told(tmp_path, CARD, **differences)
    assert (answer.verdict, answer.reason) == (Verdict.CONFIGURATION_ERROR, "his_proxy.not_configured")
    assert answer.act is Act.CALL_ADMINISTRATOR

    def post(_question: Question, _deadline: float) -> Answer:
        return Answer(200, to_json({"code": "000", "data": CARD}))

    with pytest.raises(PortalSetup) as caught:
        HisProxy(settings(tmp_path, **differences), SITE, post, Clocks(now=FakeClock())).probe()
    assert caught.value.data == {"key": key}


def test_a_look_up_that_is_switched_off_asks_nobody(tmp_path: Path) -> None:
    answer = told(tmp_path, CARD, enabled=False)
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.disabled")


@pytest.mark.parametrize(
    "missing", [{"full_name": None}, {"full_name": " "}, {"birth_date": None}, {"birth_date": "x"}]
)
def test_without_name_or_birth_date_nobody_is_asked(tmp_path: Path, missing: dict[str, Any]) -> None:
    hospital = Hospital()
    assert asking(tmp_path, hospital, question(**missing)).reason == "his_proxy.name_needed"
    assert hospital.asked == []


def test_without_any_number_the_counter_asks_for_one(tmp_path: Path) -> None:
    answer = told(tmp_path, CARD, question(personal_id=None))
    assert (answer.reason, answer.act) == ("his_proxy.number_needed", Act.ASK_OTHER_NUMBER)
    child = told(tmp_path, CARD, question(personal_id=None, birth_date="2026-11-01", full_name=None))
    assert (child.verdict, child.act) == (Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD)
