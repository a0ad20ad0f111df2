"""Names and addresses as cards of Vietnam have them, by the thousand, from a seed; and the keys that write them.

Synthetic: parts that occur, put together by chance. Minorities, mixed families, numbers, abbreviations and English
names of buildings are there because a rule that knows only Kinh names would take them for damage.
"""

import random
import unicodedata
from collections.abc import Iterator


def listed(text: str) -> list[str]:
    """The parts between the commas."""
    return [part.strip() for part in text.split(",")]


FAMILIES = listed("""
    Nguyễn, Trần, Lê, Phạm, Hoàng, Huỳnh, Phan, Vũ, Võ, Đặng, Bùi, Đỗ, Hồ, Ngô, Dương, Lý, Đinh, Trương, Mai,
    Đoàn, Lâm, Hà, Tô, Thái, Ông, Ưng, Tạ, Cù, Kiều, Quách, Từ, Chế, Bế, Nông, Lò, Giàng, Sùng, Vàng, Thào,
    Lầu, Mùa, Quàng, Cà, Tòng, Lường, Thạch, Sơn, Danh, Kim, Châu, Voòng, Phoòng, Ksor, Rmah, Siu, Kpă,
    Rahlan, Puih, Rơ, Niê, Mlô, Byă, Êban, Ayun, Coor, Pơloong, Bríu, Bh'riu, Zơrâm, Alăng, Hôih, Lee, Park,
    Moon
""")
MIDDLES = listed("""
    Thị, Văn, Hữu, Đức, Minh, Ngọc, Thanh, Quốc, Xuân, Bảo, Gia, Như, Kim, Hồng, Thùy, Phương, Nhật, Anh,
    Công, Tằng, Tôn, Nữ, Đình, Bá, A, Y, H', Sa, Soo, Thị, Kim, Ngọc, Bảo, Maria, Max, Alex
""")
GIVEN = listed("""
    Thuận, Hiếu, Ưng, Thơ, Mẫu, Ánh, Ý, Út, Bảo, Sơn, Trường, Khánh, Ướt, Yến, Ẩn, Hùng, Dũng, Nguyệt, Tuyết,
    Hà, Trà, Huế, Quỳnh, Nghĩa, Lượng, Phước, Tiến, Đạt, Lĩnh, Vỹ, Nở, Bé, Tí, Kđăm, Bơ̆k, Kƀăm, Čil, Lan,
    Nam, Mai, An, Anh, Nhi, Hoa, Loan, Toan, Xoong, Páo, Sử, Tủa, Chò, Rết, Max, Rex, Lux, Bis, Amin, Jin,
    Min, Roos, Noor, Peter, Tess, Lewis, Thomas, Ella, Woo
""")
PLACES = listed("""
    Phường, Xã, Quận, Huyện, Thị trấn, TT., P., Q., TX, TP, Thành phố, Khu phố 4, KP4, KP 3B, Tổ 5, To5,
    Tổ dân phố 12, Ấp 3A, Ấp Tân Bắc, Số 12/3, Số 125 Bis, Hẻm 7/2A, Ngõ 15, Ngách 20/1, Thôn, Xóm, Buôn, Bon,
    Plei, QL1A, ĐT 741, Km 5, Lô B2, Lo2, Căn hộ A12.05, CT2A, Tòa S1.02, Toà nhà, Chung cư, Block C, Tầng 12,
    Tower 2, Căn 12A05
""")
WORDS = listed("""
    Bình, Tân, Phú, Hòa, Thạnh, Lợi, Mỹ, An, Long, Thới, Đông, Tây, Nam, Bắc, Cẩm, Hưng, Yên, Ninh, Giang,
    Vĩnh, Lộc, Quảng, Trị, Ea, Kao, Cư, Čư, M'gar, Krông, Ana, Đắk, Lắk, ĐắkR'lấp, Hà, Nội, Đà, Nẵng, Cần,
    Thơ, Ba, Vì, Lai, Châu, Gia, Lai, Kon, Tum, Cao, Lanh, Times City, Royal City, Green Bay, Sky View, Tower,
    Ecopark, Vinhomes, Star Garden, Park Hill, Keangnam, Landmark 81, The Manor, Masteri, Feliz, Sunrise
""")


_STOP_TONES = ("", "\u0301", "\u0323")  # sắc and nặng: the only ones before c, ch, p and t
_ONSETS = listed("b, c, ch, d, đ, g, gh, gi, h, k, kh, l, m, n, ng, ngh, nh, p, ph, qu, r, s, t, th, tr, v, x")
# Rhymes; a capital is the vowel that carries the tone: either where people differ (`hòa`, `hoà`).
_RHYMES = listed("""
    A, Ai, Ao, Au, Ay, Ac, Ach, Am, An, Ang, Anh, Ap, At, Ăc, Ăm, Ăn, Ăng, Ăp, Ăt, Âc, Âm, Ân, Âng, Âp, Ât, Âu, Ây,
    E, Eo, Ec, Em, En, Eng, Ep, Et, Ê, Êu, Êch, Êm, Ên, Ênh, Êp, Êt, I, Ia, Iu, Ich, Im, In, Inh, Ip, It, iÊc, iÊm,
    iÊn, iÊng, iÊp, iÊt, iÊu, O, Oi, Oc, Om, On, Ong, Op, Ot, Oa, oA, Oe, oE, oAi, oAy, oAn, oAng, oAnh, oAc, oĂn,
    oĂng, oĂt, oEn, oOng, Ô, Ôi, Ôc, Ôm, Ôn, Ông, Ôp, Ôt, Ơ, Ơi, Ơm, Ơn, Ơp, Ơt, U, Ua, Ui, Uc, Um, Un, Ung, Up, Ut,
    uÂn, uÂt, uÂy, uÊ, uÔi, uÔc, uÔm, uÔn, uÔng, uÔt, Uy, uY, uI, uInh, uYnh, uyÊn, uyÊt, uYa, Ư, Ưa, Ưi, Ưu, Ưc, Ưn,
    Ưng, Ưt, ưƠi, ưƠu, ưƠc, ưƠm, ưƠn, ưƠng, ưƠp, ưƠt, Y, yÊn, yÊu, yÊt
""")


def syllables() -> list[str]:
    """Every syllable that Vietnamese spelling makes, and more, with each tone that it can have; small letters."""
    rhymes = [
        "".join(sign.lower() + tone if sign.isupper() else sign for sign in rhyme)
        for rhyme in _RHYMES
        for tone in ("", *_TONES)
        if tone in _STOP_TONES or not rhyme.endswith(("c", "ch", "p", "t"))
    ]
    return [unicodedata.normalize("NFC", onset + rhyme) for onset in ("", *_ONSETS) for rhyme in rhymes]


def names(dice: random.Random) -> Iterator[str]:
    """Names without end; a third in capitals."""
    while True:
        parts = [dice.choice(FAMILIES), *(dice.choice(MIDDLES) for _ in range(dice.randint(0, 2))), dice.choice(GIVEN)]
        name = unicodedata.normalize("NFC", " ".join(parts))
        yield name.upper() if dice.random() < 1 / 3 else name


def addresses(dice: random.Random) -> Iterator[str]:
    """Addresses without end."""
    while True:
        parts = [
            " ".join([dice.choice(PLACES), *(dice.choice(WORDS) for _ in range(dice.randint(0, 2)))])
            for _ in range(dice.randint(1, 4))
        ]
        yield unicodedata.normalize("NFC", ", ".join(parts))


def payloads(dice: random.Random) -> Iterator[str]:
    """Payloads of citizen cards without end, of both forms."""
    for name, address in zip(names(dice), addresses(dice), strict=False):
        number = f"{dice.randrange(10**12):012}"
        old = dice.choice(["", f"{dice.randrange(10**9):09}"])
        born = f"{dice.randint(1, 28):02}{dice.randint(1, 12):02}{dice.randint(1940, 2020)}"
        sex = dice.choice(["Nam", "Nữ"])
        yield "|".join([number, old, name, born, sex, address, "01072021", *([""] * dice.choice([0, 4]))])


def folded(text: str) -> str:
    """Without any marks, as an ASCII channel leaves it."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return bare.translate(str.maketrans("đĐƀɃ", "dDbB"))


_TONES = {"\u0300": ("f", "2"), "\u0301": ("s", "1"), "\u0303": ("x", "4"), "\u0309": ("r", "3"), "\u0323": ("j", "5")}
_SHAPES = {"\u0302": (None, "6"), "\u031b": ("w", "7"), "\u0306": ("w", "8")}


def keyed(text: str, method: int, late: bool) -> str:
    """The keys that write this text: `method` 0 is Telex, 1 VNI. `late`: the tone is typed behind the word."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d\u0336").replace("Đ", "D\u0336"))
    typed, waiting, vowel = "", "", ""
    for sign in apart:
        if sign in _SHAPES:
            typed += _SHAPES[sign][method] or vowel
        elif sign in _TONES and late:
            waiting = _TONES[sign][method]
        elif sign in _TONES:
            typed += _TONES[sign][method]
        elif sign == "\u0336":
            typed += "d9"[method]
        else:
            typed += sign if sign.isalpha() else waiting + sign
            waiting, vowel = waiting if sign.isalpha() else "", sign.lower()
    return typed + waiting
