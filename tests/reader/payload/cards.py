"""Payloads as citizen cards print them, and who stands on one of them; all persons are made up."""

from reader.payload import parse_payload
from reader.reading import Holder, Sex
from tests.reader.payload.test_insurance_card import B1

Q1 = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
Q2 = "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
Q3 = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
Q5 = "001303900017||Tran Thi Mau|14022003|Nu|So 1 Duong Mau, Phuong Mau, Quan Thu, Ha Noi|20052021"
Q7 = "048155900031||Lê Thị Ví Dụ|1955|Nữ|Tổ 2, Phường Thử, Quận Mẫu, Đà Nẵng|10102022"
MAU = Holder(
    personal_id="001303900017",
    previous_id="012345678",
    full_name="Trần Thị Mẫu",
    birth_date="2003-02-14",
    sex=Sex.FEMALE,
    residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
    issue_date="2021-05-20",
)


def insured(name: str) -> str:
    return "|".join([B1.split("|")[0], name.encode().hex(), *B1.split("|")[2:]])


def changed(payload: str, field: int, value: str) -> str:
    fields = payload.split("|")
    fields[field] = value
    return "|".join(fields)


def refusal(payload: str | bytes) -> str | None:
    result = parse_payload(payload)
    assert (result.kind, result.holder, result.insurance) == ("unknown", None, None)
    return result.reason
