"""The population register through every transport, against a gateway that checks who asks."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.settings import load
from hisbridge.lookups.population import TRANSPORTS
from hisbridge.lookups.population_errors import (
    PopulationDisabled,
)
from hisbridge.questions import Citizen, CitizenQuestion, Difference, Officer, Register, RegisteredAddress
from tests.hisbridge.gateway import (
    ALL,
    PERSON,
    SECRETS_OF_A_PERSON,
    Standing,
    asking,
    gateway,
    lookup,
    standing_gateways,
)
from wire.codec import to_json


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing_gateways(tmp_path_factory.mktemp("gateways")) as gateways:
        yield gateways


def changed(*pairs: tuple[str, str]) -> str:
    person = PERSON
    for old, new in pairs:
        assert old in person
        person = person.replace(old, new)
    return person


@pytest.mark.parametrize("transport", ALL)
def test_a_person_is_found_over_every_transport(standing: Standing, transport: str) -> None:
    server, register = standing(transport)
    found = register.ask(asking())
    assert server.refused == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", found.asked_at or "")
    assert msgspec.structs.replace(found, asked_at=None) == Citizen(
        verdict=Register.FOUND,
        personal_id="001303900017",
        previous_id="012345678",
        full_name="NGUYỄN THỊ HOÀI THỬ",
        birth_date="2003-02-14",
        sex="female",
        ethnicity_code="01",
        nationality="VN",
        residence=RegisteredAddress(province_code="01", ward_code="00070", detail="Số 1 Đường Mẫu", country="VN"),
        place_of_origin=RegisteredAddress(province_code="01", ward_code="00004", country="VN"),
        source=f"population:{transport}",
    )


@pytest.mark.parametrize("transport", ALL)
def test_religion_relatives_and_the_like_never_leave_the_parser(standing: Standing, transport: str) -> None:
    _, register = standing(transport)
    told = to_json(register.ask(asking())).decode()
    assert not [secret for secret in SECRETS_OF_A_PERSON if secret in told]


@pytest.mark.parametrize(
    ("settings", "name", "born", "sent_name", "sent_born"),
    [
        ({}, "Đặng  Thị Ðào", "2003-02-14", "ĐẶNG THỊ ÐÀO", "NgayThangNam=20030214"),
        ({"name_style": "upper_ascii"}, "Đặng Thị Ðào", "1955", "DANG THI DAO", "Nam=1955"),
        ({"date_format": "yyyy-MM-dd"}, "Nguye\u0302\u0303n Ơ", "2003-02-14", "NGUYỄN Ơ", "NgayThangNam=2003-02-14"),
        ({}, "Y & <B> Êban", "1955-03", "Y & <B> ÊBAN", "Nam=1955"),
        ({}, "Lê\x00\u200b Văn\ud800 An", "0987-01-02", "LÊ VĂN AN", "NgayThangNam=09870102"),
    ],
)
def test_name_and_birth_date_go_out_in_the_form_that_is_set(
    tmp_path: Path, settings: dict[str, str], name: str, born: str, sent_name: str, sent_born: str
) -> None:
    with gateway(tmp_path, "soap_xroad", **settings) as (server, register):
        register.ask(asking(full_name=name, birth_date=born))
    (asked,) = server.asked
    assert (asked["HoVaTen"], asked["NgayThangNamSinh"]) == (sent_name, sent_born)


def test_the_request_says_who_asks_for_what_purpose(standing: Standing) -> None:
    server, register = standing("soap_xroad")
    for _ in range(3):
        register.ask(asking())
    register.ask(asking(personal_id=None, previous_id="012345678"))
    first, *_, last = server.asked
    assert {key: first[key] for key in ("MaDVC", "MaTichHop", "MaCanBo", "MaDonVi", "SoDinhDanh")} == {
        "MaDVC": "0.000000",
        "MaTichHop": "037",
        "MaCanBo": "canbo01",
        "MaDonVi": "000.00.00.H00",
        "SoDinhDanh": "001303900017",
    }
    assert "SoCMND" not in first
    assert (last["SoCMND"], "SoDinhDanh" in last) == ("012345678", False)
    numbers = [asked["MaYeuCau"] for asked in server.asked]
    assert len(set(numbers)) == 4
    assert all(0 < len(number) <= 40 for number in numbers)


def test_over_rest_only_documented_fields_are_sent(standing: Standing) -> None:
    server, register = standing("rest_lgsp")
    register.ask(asking())
    register.ask(asking(personal_id=None, previous_id="012345678", birth_date="1955"))
    first, second = server.asked
    assert first.keys() == {"maYeuCau", "maDVC", "maCanBo", "soDinhDanh", "hoVaTen", "ngayThangNam"}
    assert (second["soCMND"], second["ngayThangNam"]) == ("012345678", "1955")


def test_with_no_officer_set_the_one_who_asks_is_named_by_number(tmp_path: Path) -> None:
    officer = Officer(full_name="Trần Thị Mẫu", personal_id="000088888888")
    with gateway(tmp_path, "soap_xroad", officer="") as (server, register):
        assert register.ask(asking(officer=officer)).verdict is Register.FOUND
        unknown = register.ask(asking())
    assert [asked["MaCanBo"] for asked in server.asked] == ["000088888888"]
    assert (unknown.verdict, unknown.reason) == (Register.CONFIGURATION_ERROR, "population.not_configured")


@pytest.mark.parametrize("transport", ALL)
def test_nobody_is_not_found(standing: Standing, transport: str) -> None:
    nameless = changed(("NGUYỄN", ""), ("THỊ HOÀI", ""), ("<n:Ten>THỬ</n:Ten>", "<n:Ten/>"))
    server, register = standing(transport)
    for people in ("", nameless, "<n:CongDan/>"):
        server.people = people
        answer = register.ask(asking())
        assert (answer.verdict, answer.reason, answer.full_name) == (Register.NOT_FOUND, None, None)


@pytest.mark.parametrize("transport", ALL)
@pytest.mark.parametrize(
    ("change", "reason", "differences"),
    [
        (
            ("THỬ", "KHÁC"),
            "population.name_disagrees",
            [("full_name", "Nguyễn Thị Hoài Thử", "NGUYỄN THỊ HOÀI KHÁC")],
        ),
        (("20030214", "20030215"), "population.birth_date_disagrees", [("birth_date", "2003-02-14", "2003-02-15")]),
        (("001303900017", "001303900018"), "population.number_disagrees", []),
    ],
)
def test_a_register_that_describes_another_person_is_a_mismatch(
    standing: Standing,
    transport: str,
    change: tuple[str, str],
    reason: str,
    differences: list[tuple[str, str, str]],
) -> None:
    server, register = standing(transport)
    server.people = changed(change)
    answer = register.ask(asking())
    assert msgspec.structs.replace(answer, asked_at=None) == Citizen(
        verdict=Register.MISMATCH,
        reason=reason,
        differences=tuple(Difference(field=f, card=card, register=held) for f, card, held in differences),
        source=f"population:{transport}",
    ), "nothing else of somebody who may be another person"


def test_differences_that_do_not_change_the_person_are_told_and_not_merged(standing: Standing) -> None:
    _, register = standing("soap_xroad")
    found = register.ask(asking(sex="male", previous_id="876543210", residence="Số 1 Đường Mẫu, Hà Nội"))
    assert found.verdict is Register.FOUND
    assert found.sex == "female"
    assert found.differences == (
        Difference(field="sex", card="male", register="female"),
        Difference(field="previous_id", card="876543210", register="012345678"),
        Difference(
            field="residence", card="Số 1 Đường Mẫu, Hà Nội", register="Số 1 Đường Mẫu, Phường Hoàn Kiếm, Hà Nội"
        ),
    )


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        ("<n:Ho/><n:ChuDem/><n:Ten>NGUYỄN THỊ HOÀI THỬ</n:Ten>", "Nguyễn Thị Hoài Thử"),
        ("<n:Ten>nguyễn  thị hoài thử</n:Ten>", "NGUYỄN THỊ HOÀI THỬ"),
        ("NGUYỄN THỊ HOÀI THỬ", "Nguyễn Thị Hoài Thử"),
        ("<n:Ho>Ðinh</n:Ho><n:Ten>HÒA</n:Ten>", "Đinh Hoà"),
    ],
)
def test_names_are_compared_as_a_persons(standing: Standing, held: str, asked: str) -> None:
    server, register = standing("soap_xroad")
    server.people = changed(("<n:Ho>NGUYỄN</n:Ho><n:ChuDem>THỊ HOÀI</n:ChuDem><n:Ten>THỬ</n:Ten>", held))
    answer = register.ask(asking(full_name=asked))
    assert (answer.verdict, answer.differences) == (Register.FOUND, ())


def test_a_gateway_without_marks_finds_the_person_and_the_marks_are_told_as_unknown(tmp_path: Path) -> None:
    bare = changed(("NGUYỄN", "NGUYEN"), ("THỊ HOÀI", "THI HOAI"), ("THỬ", "THU"))
    for style, verdict in (("upper_ascii", Register.FOUND), ("upper", Register.MISMATCH)):
        with gateway(tmp_path, "soap_lgsp", name_style=style) as (server, register):
            server.people = bare
            answer = register.ask(asking())
        assert answer.verdict is verdict
        assert [difference.field for difference in answer.differences] == ["full_name"]


@pytest.mark.parametrize(
    ("held", "asked", "verdict", "birth_date"),
    [
        ("<n:Nam>2003</n:Nam>", "2003-02-14", Register.FOUND, "2003"),
        ("<n:Nam>2003</n:Nam><n:NgayThangNam/>", "2003", Register.FOUND, "2003"),
        ("<n:Nam>2003</n:Nam><n:NgayThangNam>2003-02-14</n:NgayThangNam>", "2003", Register.FOUND, "2003-02-14"),
        ("<n:NgayThangNam>20030200</n:NgayThangNam>", "2003-02-14", Register.FOUND, "2003-02"),
        ("<n:NgayThangNam>20030000</n:NgayThangNam>", "2003-02-14", Register.FOUND, "2003"),
        ("<n:NgayThangNam>2003-02-14+07:00</n:NgayThangNam>", "2003-02-14", Register.FOUND, "2003-02-14"),
        ("<n:Nam>2004</n:Nam>", "2003-02-14", Register.MISMATCH, None),
        ("<n:Nam>2003</n:Nam><n:NgayThangNam>20040214</n:NgayThangNam>", "2003-02-14", Register.UNVERIFIED, None),
        ("<n:NgayThangNam>20030230</n:NgayThangNam>", "2003-02-14", Register.UNVERIFIED, None),
        ("<n:Nam>2003</n:Nam><n:NgayThangNam>20030230</n:NgayThangNam>", "2003-02-14", Register.UNVERIFIED, None),
        ("<n:NgayThangNam>14022003</n:NgayThangNam>", "2003-02-14", Register.UNVERIFIED, None),
        ("", "2003-02-14", Register.UNVERIFIED, None),
    ],
)
def test_birth_dates_are_compared_as_far_as_both_are_known(
    standing: Standing, held: str, asked: str, verdict: Register, birth_date: str | None
) -> None:
    server, register = standing("soap_xroad")
    server.people = changed(("<n:NgayThangNam>20030214</n:NgayThangNam>", held))
    answer = register.ask(asking(birth_date=asked))
    assert (answer.verdict, answer.birth_date) == (verdict, birth_date)


def test_a_number_is_only_the_right_one_where_the_register_says_it(standing: Standing) -> None:
    server, register = standing("soap_xroad")
    server.people = changed(("<n:SoDinhDanh>001303900017</n:SoDinhDanh>", "<n:SoDinhDanh/>"))
    assert register.ask(asking()).reason == "population.incomplete_answer"
    server.people = changed(("<n:SoCMND>012345678</n:SoCMND>", ""))
    old = register.ask(asking(personal_id=None, previous_id="012345678"))
    assert (old.verdict, old.reason) == (Register.UNVERIFIED, "population.incomplete_answer")


def test_several_persons_are_told_apart_by_number_and_never_chosen_among(standing: Standing) -> None:
    other = changed(("001303900017", "001303900018"), ("THỬ", "KHÁC"))
    twin = changed(("THỊ HOÀI", "THỊ"))
    server, register = standing("soap_xroad")
    server.people = other + PERSON
    assert register.ask(asking()).verdict is Register.FOUND
    server.people = PERSON + PERSON
    assert register.ask(asking()).verdict is Register.FOUND
    server.people = PERSON + twin
    assert register.ask(asking()).reason == "population.garbled_answer"


def test_a_register_that_is_not_set_up_is_asked_nothing() -> None:
    register = lookup(load().population)
    answer = register.ask(CitizenQuestion(full_name="?", birth_date="nonsense"))
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, "population.disabled")
    with pytest.raises(PopulationDisabled):
        register.probe()


def test_every_transport_of_the_settings_is_registered() -> None:
    (known,) = (f.type for f in msgspec.structs.fields(type(load().population)) if f.name == "transport")
    assert set(TRANSPORTS) == set(known.__args__)
