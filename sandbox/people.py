"""The synthetic persons: who they are, what their cards say, what the insurer holds about them.

Nobody here is real: the last six digits of every ID number begin with 9000, insurance numbers with zeros, and the
facility 99999 does not exist (services.md 0.3). Data only; what is wrong with a person's data is on purpose.
"""

from typing import Literal

from sandbox.errors import UnknownPerson
from wire.codec import Record

FACILITY = "99999"


class NewCard(Record, frozen=True, kw_only=True):
    """The card the insurer issued in place of the old one. Dates are ISO."""

    card_number: str
    valid_from: str
    valid_to: str
    registered_facility: str = FACILITY


class Insurance(Record, frozen=True, kw_only=True):
    """What the insurance portal answers (services.md 1.3 and 1.4). Dates are ISO; absent is None.

    `result_code` is its `maKetQua`; name and birth date are the insurer's own, which may differ from the card's.
    """

    result_code: str
    full_name: str | None = None
    birth_date: str | None = None
    card_number: str | None = None
    social_security_number: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    registered_facility: str | None = None
    living_area: str | None = None
    five_year_date: str | None = None
    new_card: NewCard | None = None


class Person(Record, frozen=True, kw_only=True):
    """One person and their card.

    `birth_date` is ISO at the precision known; `expiry_date` ISO or `none`; `generation` the year of the card's model.
    `about_vi` and `about_en` say what this person is there to show.
    """

    key: str
    personal_id: str
    full_name: str
    birth_date: str
    sex: Literal["male", "female"]
    residence: str
    place_of_origin: str
    issue_date: str
    expiry_date: str
    generation: Literal[2021, 2024]
    insurance: Insurance
    about_vi: str
    about_en: str
    ethnicity: str = "Kinh"
    religion: str = "Không"
    nationality: str = "Việt Nam"
    features: str = "Nốt ruồi C:1cm dưới sau đuôi mắt trái"
    father: str = ""
    mother: str = ""
    spouse: str | None = None
    previous_id: str | None = None
    serial: str = "0123456789ABCDEF"
    portrait: bool = True
    qr_birth_date: str | None = None  # when the printed code knows less than the chip

    @property
    def can(self) -> str:
        """Card access number: the last six digits of the ID number (card.md 4)."""
        return self.personal_id[-6:]


def all_people() -> tuple[Person, ...]:
    """Everybody, in the order the desk shows them."""
    return PEOPLE


def find(key: str) -> Person:
    """The person with this key. Raises UnknownPerson."""
    for person in PEOPLE:
        if person.key == key:
            return person
    raise UnknownPerson


def qr_text(person: Person) -> str:
    """The text of the card's QR code: 7 fields on the 2021 card, 11 on the 2024 card (card.md 1.1, 1.2)."""
    fields = [
        person.personal_id,
        person.previous_id or "",
        person.full_name,
        _digits(person.qr_birth_date or person.birth_date),
        {"male": "Nam", "female": "Nữ"}[person.sex],
        person.residence,
        _digits(person.issue_date),
    ]
    return "|".join(fields + [""] * 4 if person.generation == 2024 else fields)


def _digits(iso: str) -> str:
    """`ddmmyyyy`, `mmyyyy` or `yyyy`."""
    return "".join(reversed(iso.split("-")))


def _insured(number: int, group: str = "GD4", **differences: object) -> Insurance:
    """A valid card of the synthetic series: group letters and benefit digit, province 00, the ten-digit number."""
    ten = f"{number:010}"
    usual = {
        "result_code": "000",
        "card_number": f"{group}00{ten}",
        "social_security_number": ten,
        "valid_from": "2020-01-01",
        "valid_to": "2049-12-31",
        "registered_facility": FACILITY,
        "five_year_date": "2025-01-01",
    }
    return Insurance(**{**usual, **differences})  # type: ignore[arg-type]  # keyword names are checked at run time


PEOPLE: tuple[Person, ...] = (
    Person(
        key="mau",
        personal_id="001303900017",
        full_name="Trần Thị Mẫu",
        birth_date="2003-02-14",
        sex="female",
        residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
        place_of_origin="Phường Mẫu, Quận Thử, Hà Nội",
        father="Trần Văn Giả",
        mother="Lê Thị Dụ",
        issue_date="2021-05-20",
        expiry_date="2028-02-14",
        generation=2021,
        insurance=_insured(17),
        about_vi="Trường hợp thường gặp: thẻ 2021, bảo hiểm còn hạn",
        about_en="The usual case: 2021 card, insurance valid",
    ),
    Person(
        key="thu",
        personal_id="079200900024",
        full_name="Nguyễn Văn Thử",
        birth_date="2000-07-01",
        sex="male",
        residence="Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh",
        place_of_origin="Phường Thử, Quận Mẫu, TP. Hồ Chí Minh",
        issue_date="2024-08-15",
        expiry_date="2040-07-01",
        generation=2024,
        serial="1123456789ABCDEF",
        insurance=_insured(24, "DN4"),
        about_vi="Thẻ căn cước 2024: mã QR mặt sau có 11 trường",
        about_en="2024 card: its QR code on the back has 11 fields",
    ),
    Person(
        key="vi-du",
        personal_id="048155900031",
        full_name="Lê Thị Ví Dụ",
        birth_date="1955-09-20",
        sex="female",
        residence="Tổ 2, Phường Thử, Quận Mẫu, Đà Nẵng",
        place_of_origin="Xã Thử, Huyện Mẫu, Đà Nẵng",
        religion="Phật giáo",
        features="Sẹo chấm C:2cm trên trước đầu lông mày phải",
        father="Lê Văn Không",
        mother="Phan Thị Có",
        spouse="Hồ Văn Thử",
        previous_id="200000017",
        serial="FEDCBA9876543210",
        issue_date="2022-10-10",
        expiry_date="none",
        generation=2021,
        qr_birth_date="1955",
        insurance=_insured(31, "HT2", five_year_date="2020-01-01"),
        about_vi="Thẻ không thời hạn, có số CMND cũ, mã QR chỉ có năm sinh",
        about_en="Card without expiry, old 9-digit number, QR code with the year of birth only",
    ),
    Person(
        key="nhi",
        personal_id="092321900048",
        full_name="Phạm Mẫu Nhi",
        birth_date="2021-03-05",
        sex="female",
        residence="Ấp Mẫu, Xã Thử, Huyện Mẫu, Cần Thơ",
        place_of_origin="Quận Thử, Cần Thơ",
        father="Phạm Văn Mẫu",
        mother="Võ Thị Thử",
        features="",
        issue_date="2024-08-15",
        expiry_date="2035-03-05",
        generation=2024,
        serial="2123456789ABCDEF",
        portrait=False,
        insurance=_insured(48, "TE1", valid_to="2027-03-04", five_year_date=None),
        about_vi="Trẻ em: thẻ 2024 không có ảnh khuôn mặt trong chip",
        about_en="A child: 2024 card without a portrait in the chip",
    ),
    Person(
        key="nam-sinh",
        personal_id="034048900051",
        full_name="Bùi Văn Năm",
        birth_date="1948",
        sex="male",
        residence="Thôn Mẫu, Xã Thử, Huyện Mẫu, Thái Bình",
        place_of_origin="Xã Thử, Huyện Mẫu, Thái Bình",
        previous_id="100000051",
        issue_date="2021-07-01",
        expiry_date="none",
        generation=2021,
        serial="3123456789ABCDEF",
        insurance=_insured(51, "BT2", living_area="K1"),
        about_vi="Chỉ biết năm sinh, cả trên thẻ lẫn trong chip",
        about_en="Only the year of birth is known, on the card and in the chip",
    ),
    Person(
        key="dia-chi-dai",
        personal_id="079188900062",
        full_name="Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài",
        birth_date="1988-12-02",
        sex="female",
        residence=(
            "Căn hộ số 1234, Tòa nhà Thử Nghiệm B, Khu đô thị Mẫu Số Hai, Đường Nguyễn Thử Nghiệm, "
            "Phường Thử Nghiệm, Thành phố Mẫu"
        ),
        place_of_origin="Phường Thử Nghiệm, Thành phố Mẫu, Thừa Thiên Huế",
        spouse="Nguyễn Văn Chồng Mẫu",
        issue_date="2022-01-05",
        expiry_date="2028-12-02",
        generation=2021,
        serial="4123456789ABCDEF",
        insurance=_insured(62, "DN4"),
        about_vi="Tên dài hơn vùng đọc máy, địa chỉ dài hơn 127 byte",
        about_en="A name longer than the MRZ, an address over 127 bytes",
    ),
    Person(
        key="nie",
        personal_id="066195900073",
        full_name="H'Mẫu Niê Kđăm",
        birth_date="1995-04-30",
        sex="female",
        residence="Buôn Thử, Xã Ea Mẫu, Huyện Cư Thử, Đắk Lắk",
        place_of_origin="Xã Ea Mẫu, Huyện Cư Thử, Đắk Lắk",
        ethnicity="Ê Đê",
        religion="Tin Lành",
        issue_date="2023-03-15",
        expiry_date="2035-04-30",
        generation=2021,
        serial="5123456789ABCDEF",
        insurance=_insured(73, "DT2", living_area="K2"),
        about_vi="Tên Ê Đê có dấu nháy đơn",
        about_en="An Ê Đê name with an apostrophe",
    ),
    Person(
        key="eban",
        personal_id="066087900084",
        full_name="Y Bơ\u0306k Thử Êban",  # o with horn and breve exists only as letter and combining mark
        birth_date="1987-01-19",
        sex="male",
        residence="Buôn Mẫu, Xã Čư Thử, Huyện Krông Mẫu, Đắk Lắk",
        place_of_origin="Xã Čư Thử, Huyện Krông Mẫu, Đắk Lắk",
        ethnicity="Ba Na",
        issue_date="2024-09-09",
        expiry_date="2027-01-19",
        generation=2024,
        serial="6123456789ABCDEF",
        insurance=_insured(84, "DT2", living_area="K3"),
        about_vi="Tên có chữ cái phải ghép dấu (ơ̆, Č)",
        about_en="A name with letters that need combining marks (ơ̆, Č)",
    ),
    Person(
        key="het-han",
        personal_id="031198900095",
        full_name="Võ Thị Hết Hạn",
        birth_date="1998-06-10",
        sex="female",
        residence="Số 9 Ngõ Mẫu, Phường Thử, Quận Mẫu, Hải Phòng",
        place_of_origin="Phường Thử, Quận Mẫu, Hải Phòng",
        issue_date="2021-06-09",
        expiry_date="2023-06-10",
        generation=2021,
        serial="7123456789ABCDEF",
        insurance=_insured(95, "HC4"),
        about_vi="Thẻ căn cước đã hết hạn",
        about_en="The citizen card has expired",
    ),
    Person(
        key="khong-bao-hiem",
        personal_id="052092900006",
        full_name="Đỗ Không Bảo",
        birth_date="1992-11-11",
        sex="male",
        residence="Khu phố Mẫu, Phường Thử, Thị xã Mẫu, Bình Định",
        place_of_origin="Xã Mẫu, Huyện Thử, Bình Định",
        issue_date="2021-12-24",
        expiry_date="2032-11-11",
        generation=2021,
        serial="8123456789ABCDEF",
        insurance=Insurance(result_code="050"),
        about_vi="Không có thẻ bảo hiểm y tế",
        about_en="No health insurance",
    ),
    Person(
        key="the-het-han",
        personal_id="075184900013",
        full_name="Đặng Thị Trễ",
        birth_date="1984-05-17",
        sex="female",
        residence="Ấp Thử, Xã Mẫu, Huyện Thử, Đồng Nai",
        place_of_origin="Xã Mẫu, Huyện Thử, Đồng Nai",
        issue_date="2022-06-01",
        expiry_date="2044-05-17",
        generation=2021,
        serial="9123456789ABCDEF",
        insurance=_insured(13, result_code="010", valid_from="2022-01-01", valid_to="2023-12-31"),
        about_vi="Thẻ bảo hiểm y tế đã hết hạn",
        about_en="The health insurance card has expired",
    ),
    Person(
        key="khac-ten",
        personal_id="040190900028",
        full_name="Hoàng Thị Khác",
        birth_date="1990-08-08",
        sex="female",
        residence="Xóm Mẫu, Xã Thử, Huyện Mẫu, Nghệ An",
        place_of_origin="Xã Thử, Huyện Mẫu, Nghệ An",
        issue_date="2023-01-01",
        expiry_date="2030-08-08",
        generation=2021,
        serial="A123456789ABCDEF",
        insurance=_insured(28, result_code="060", full_name="Hoàng Thị Khắc", birth_date="1990-08-18"),
        about_vi="Cơ quan bảo hiểm ghi khác tên và ngày sinh",
        about_en="The insurer holds another name and birth date",
    ),
    Person(
        key="the-moi",
        personal_id="022075900039",
        full_name="Mai Văn Đổi",
        birth_date="1975-10-25",
        sex="male",
        residence="Tổ 3, Khu Mẫu, Phường Thử, Quảng Ninh",
        place_of_origin="Xã Mẫu, Huyện Thử, Quảng Ninh",
        previous_id="100000039",
        issue_date="2024-11-20",
        expiry_date="2035-10-25",
        generation=2024,
        serial="B123456789ABCDEF",
        insurance=_insured(
            39,
            "DN4",
            result_code="003",
            valid_to="2024-12-31",
            new_card=NewCard(card_number="HC4000000000039", valid_from="2025-01-01", valid_to="2049-12-31"),
        ),
        about_vi="Thẻ bảo hiểm cũ hết hạn, đã cấp thẻ mới",
        about_en="Old insurance card expired, a new one issued",
    ),
    Person(
        key="quoc-phong",
        personal_id="001082900041",
        full_name="Vũ Văn Giám",
        birth_date="1982-02-28",
        sex="male",
        residence="Số 2 Phố Mẫu, Phường Thử, Quận Mẫu, Hà Nội",
        place_of_origin="Xã Thử, Huyện Mẫu, Nam Định",
        issue_date="2022-02-27",
        expiry_date="2042-02-28",
        generation=2021,
        serial="C123456789ABCDEF",
        insurance=Insurance(result_code="001"),
        about_vi="Thẻ do bảo hiểm Bộ Quốc phòng quản lý: kiểm tra giấy tờ",
        about_en="Insured through the Ministry of Defence: papers are checked by hand",
    ),
)
