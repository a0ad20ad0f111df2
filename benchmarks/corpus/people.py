"""Synthetic persons without end, for the codes and lines of a corpus: names, places and dates drawn from short lists.

Nobody is real, by the same marks as in sandbox/people.py: the last six digits of every ID number begin with 9000.
"""

import datetime

import numpy as np

from sandbox.people import Insurance, Person


def _words(text: str, divider: str = " ") -> list[str]:
    return text.split(divider)


_FAMILY = _words(
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Trịnh Mai Lương Tạ Quách Giàng Lò"
)
_MIDDLE_MALE = _words("Văn Hữu Đức Minh Quốc Thành Công Xuân Đình Bá Ngọc")
_MIDDLE_FEMALE = _words("Thị Ngọc Thu Thùy Thanh Kim Mỹ Diệu Bích Hồng")
_GIVEN = _words(
    "Mẫu Thử Dụ Giả Nghiệm Anh Bảo Bình Châu Chi Cường Dũng Duyên Đạt Giang Hà Hải Hạnh Hiếu Hòa Huệ Hùng Hưng Hương "
    "Khánh Khôi Kiên Lan Linh Long Mai My Nam Nga Ngân Nghĩa Nhung Oanh Phong Phúc Phương Quang Quyên Quỳnh Sơn Tâm "
    "Thảo Thắng Thiện Thịnh Thơ Thuận Thủy Tiến Toàn Trang Trâm Trí Trung Tú Tuấn Tuyết Uyên Vân Việt Vinh Vy Xuân Yến"
)
_PLACES = _words(
    "Phường Mẫu|Phường Thử Nghiệm|Xã Mẫu|Xã Thử|Thị trấn Mẫu|Phường An Thử|Xã Đông Mẫu|Xã Ea Mẫu|Phường Mẫu Thượng",
    "|",
)
_DISTRICTS = _words("Quận Thử|Huyện Mẫu|Thị xã Thử|Thành phố Mẫu|Huyện Thử Nghiệm|Quận Mẫu Đông", "|")
_PROVINCES = (
    ("001", "Hà Nội"), ("031", "Hải Phòng"), ("034", "Thái Bình"), ("038", "Thanh Hóa"), ("040", "Nghệ An"),
    ("046", "Thừa Thiên Huế"), ("048", "Đà Nẵng"), ("052", "Bình Định"), ("066", "Đắk Lắk"), ("075", "Đồng Nai"),
    ("079", "TP. Hồ Chí Minh"), ("086", "Vĩnh Long"), ("089", "An Giang"), ("092", "Cần Thơ"), ("096", "Cà Mau"),
)  # fmt: skip
_STREETS = _words(
    "Số {n} Đường Mẫu|Tổ {n}|Thôn {n}|Ấp Thử|Khu phố {n}|Số {n} Ngõ {m} Phố Thử|Xóm Mẫu|Buôn Thử|Tổ dân phố {n}|"
    "Căn hộ {n}, Tòa nhà B{m}, Khu đô thị Thử Nghiệm|{n}/{m} Đường Nguyễn Thử Nghiệm",
    "|",
)


def person(random: np.random.Generator) -> Person:
    """Another person each time."""
    male = bool(random.random() < 0.5)
    code, province = _PROVINCES[random.integers(len(_PROVINCES))]
    born = datetime.date(1940, 1, 1) + datetime.timedelta(days=int(random.integers(0, 25_500)))
    issued = datetime.date(2021, 3, 1) + datetime.timedelta(days=int(random.integers(0, 1_700)))
    century = (0 if born.year < 2000 else 2) + (not male)
    number = f"{code}{century}{born.year % 100:02}9000{random.integers(100):02}"
    locality = f"{_any(random, _PLACES)}, {_any(random, _DISTRICTS)}, {province}"
    street = _any(random, _STREETS).format(n=random.integers(1, 300), m=random.integers(1, 90))
    return Person(
        key="corpus",
        personal_id=number,
        full_name=_name(random, male),
        birth_date=born.isoformat(),
        sex="male" if male else "female",
        residence=f"{street}, {locality}",
        place_of_origin=locality,
        issue_date=issued.isoformat(),
        expiry_date=_expiry(born, issued),
        generation=2021,
        previous_id=f"{random.integers(10**8, 4 * 10**8):09}" if random.random() < 0.45 else None,
        insurance=Insurance(result_code="050"),
        about_vi="",
        about_en="",
    )


def _name(random: np.random.Generator, male: bool) -> str:
    middles = [_any(random, _MIDDLE_MALE if male else _MIDDLE_FEMALE)]
    if random.random() < 0.3:
        middles.append(_any(random, _GIVEN))
    return " ".join([_any(random, _FAMILY), *middles, _any(random, _GIVEN)])


def _expiry(born: datetime.date, issued: datetime.date) -> str:
    """The 25th, 40th or 60th birthday that is more than two years off (card.md 3.3)."""
    for age in (25, 40, 60):
        if issued < born + datetime.timedelta(days=round(365.25 * (age - 2))):
            day = 28 if (born.month, born.day) == (2, 29) else born.day
            return born.replace(year=born.year + age, day=day).isoformat()
    return "none"


def _any(random: np.random.Generator, words: list[str]) -> str:
    return words[random.integers(len(words))]
