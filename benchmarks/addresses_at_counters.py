"""Addresses as clerks and patients write them by hand, in spellings found after those of `benchmarks.addresses`.

Streets and hamlets are named like wards and districts, kinds and provinces are shortened every way, words run together,
and both eras are mixed in one address.
"""

import random
import unicodedata
from collections.abc import Callable

from benchmarks.addresses import Spelling, Text, bare, full, unaccented
from benchmarks.table import Table
from config.codelists.places import GONE, Era, Places, Ward, places

Render = Callable[[str, str], str]

_WRITTEN = {
    "Ph. TTr. Tx.": ("X.", "Ph. ", "TTr. ", "ĐK ", "Q", "H.", "Tx.", "Tp.", "T."),
    "F. T.X T.P": ("X ", "F.", "Tt ", "đk ", "Q. ", "H. ", "T.X ", "T.P ", "tỉnh "),
    "run together": ("X.", "F", "T.T ", "ĐK.", "Q", "H ", "TX", "TP", "T. "),
}
_KINDS = ("xã", "phường", "thị trấn", "đặc khu", "quận", "huyện", "thị xã", "thành phố", "tỉnh")
# By the code and era of a province: names that no list has.
_PROVINCES = {
    ("79", Era.OLD): ("TPHCM", "Tp HCM", "HCM", "Sài Gòn", "T.P. Hồ Chí Minh", "TP. HCM", "SG", "Tp.Ho Chi Minh"),
    ("79", Era.NEW): ("TPHCM", "TP.HCM", "HCM", "tp hcm", "Sai Gon", "T.P HCM"),
    ("01", Era.OLD): ("HN", "TP HN", "Hanoi", "T.P Hà Nội"),
    ("01", Era.NEW): ("HN", "TPHN", "Ha Noi"),
    ("77", Era.OLD): ("BR-VT", "BRVT", "Bà Rịa Vũng Tàu", "BR - VT"),
    ("46", Era.OLD): ("TT Huế", "Thừa Thiên - Huế", "TT-Huế", "T.T. Huế", "TTH"),
    ("46", Era.NEW): ("TP Huế", "Thừa Thiên Huế"),
    ("31", Era.OLD): ("HP", "TP HP"),
    ("31", Era.NEW): ("HP", "TPHP"),
    ("66", Era.OLD): ("Daklak", "Đắc Lắc", "ĐắkLắk"),
    ("66", Era.NEW): ("Dak Lak", "Đăk Lăk"),
    ("62", Era.OLD): ("Kontum", "KonTum"),
    ("06", Era.OLD): ("Bắc Cạn",),
    ("92", Era.NEW): ("TPCT", "Tp Cần Thơ"),
}


def _chance(text: Text) -> random.Random:
    return random.Random(text.ward.code + text.detail)  # noqa: S311 - texts, no secret


def _province(text: Text) -> str:
    return _chance(text).choice(_PROVINCES.get((text.province.code, text.ward.era), (text.province.name,)))


def _detail(text: Text) -> str:
    """A street, house or hamlet named like the ward, its neighbour or its district."""
    chance = _chance(text)
    wards = list(places().old_wards.values())
    other = chance.choice([ward.name for ward in chance.sample(wards, 20) if not ward.name.isdigit()])
    own = other if text.ward.name.isdigit() else text.ward.name
    district = text.district.name if text.district and not text.district.name.isdigit() else other
    number = chance.randint(1, 20)
    forms = (
        "12 {own}", "Số {n} đường {own}", "{n} Lý Thường Kiệt", "Tổ {n}, Khu phố 5", "Ấp {other}", "Thôn {own}",
        "Bản {other}", "Làng {other}", "Thôn {district}", "KP{n}", "TDP số {n}", "Tổ dân phố {other}", "SN {n}",
        "Khu {other}", "Khối {n}", "Số {n}/{n}/3 đường {district}", "Chung cư {district}, Lô B{n}", "KDC {other}",
        "{n} phố {own}", "Ngõ {n} {other}", "Hẻm {n} {district}", "Buôn {other}", "Khóm {other}", "Tiểu khu {n}",
        "Đường số {n}", "Thôn {n} {other}", "Ấp {other} A",
    )  # fmt: skip
    return chance.choice(forms).format(own=own, other=other, district=district, n=number)


def _written(style: str) -> Render:
    marks = dict(zip(_KINDS, _WRITTEN[style], strict=True))
    return lambda kind, name: marks[kind] + name


def _numbered(form: str) -> Render:
    return lambda kind, name: form.format(kind.capitalize(), int(name)) if name.isdigit() else full(kind, name)


def _with(text: Text, render: Render, detail: str = "", sign: str = ", ", province: str | None = None) -> str:
    units = [render(*unit) for unit in text.units()[:-1]]
    return sign.join(part for part in (detail, *units, province or text.province.name) if part)


def _other_tone(text: Text) -> str:
    """As on the card, one tone of the ward's name another one."""
    letters = list(unicodedata.normalize("NFD", text.ward.name))
    tones = "\u0300\u0301\u0303\u0309\u0323"
    places_of = [at for at, letter in enumerate(letters) if letter in tones]
    chance = _chance(text)
    if places_of:
        at = chance.choice(places_of)
        letters[at] = chance.choice([tone for tone in tones if tone != letters[at]])
    name = unicodedata.normalize("NFC", "".join(letters))
    return ", ".join([full(text.ward.kind, name), *(full(*unit) for unit in text.units()[1:])])


def _under_before(text: Text) -> str:
    """A new ward under the district and province it was made in, as people go on writing; an old one under today's."""
    known = places()
    if text.ward.era is Era.OLD:
        today = known.new_provinces[text.province.new_code]
        return _with(text, full, province=_PROVINCES.get((today.code, Era.NEW), (today.name,))[0])
    part = next((ward for ward in known.old_wards.values() if text.ward.code in ward.new_codes), None)
    if part is None:
        return _with(text, full)
    district = known.districts[part.district]
    old_province = known.old_provinces[part.province]
    return ", ".join((full(text.ward.kind, text.ward.name), full(district.kind, district.name), old_province.name))


SPELLINGS: dict[str, Spelling] = {
    **{f"kinds as {style}": lambda t, style=style: _with(t, _written(style)) for style in _WRITTEN},  # type: ignore[misc]
    "province as people call it": lambda t: _with(t, full, province=_province(t)),
    "all short, no commas": lambda t: _with(t, _written("Ph. TTr. Tx."), sign=" ", province=_province(t)),
    "street named like a place": lambda t: _with(t, full, _detail(t)),
    "street named like a place, names alone": lambda t: _with(t, bare, _detail(t), province=_province(t)),
    "street, no commas": lambda t: _with(t, lambda k, n: f"{k} {n}", _detail(t), " "),
    "street, capitals, no accents": lambda t: unaccented(_with(t, full, _detail(t))).upper(),
    "eth for đ": lambda t: _with(t, full).translate(str.maketrans("đĐ", "ðÐ")),
    "đ lost, accents kept": lambda t: _with(t, full).translate(str.maketrans("đĐ", "dD")),
    "Phường Số 3": lambda t: _with(t, _numbered("{} Số {}")),
    "Phường 03": lambda t: _with(t, _numbered("{} {:02}")),
    "dashes without blanks": lambda t: _with(t, full, sign="\u2013"),
    "full stops": lambda t: _with(t, full, sign=". ") + ".",
    "line breaks": lambda t: _with(t, full, sign="\n"),
    "a label before, a postcode behind": lambda t: "Nơi thường trú: " + _with(t, full) + " 700000",
    "another tone": _other_tone,
    "the other era's district or province": _under_before,
}


def cards_of(known: Places, ward: Ward) -> str:
    """The card of someone in a ward that was gone by June 2025."""
    district = known.district(ward.district)
    assert district
    province = known.old_provinces[ward.province]
    return ", ".join((full(ward.kind, ward.name), full(district.kind, district.name), province.name))


def gone(known: Places) -> Table:
    """What is made of cards of wards that were merged or renamed before June 2025."""
    from hisbridge.addresses import parse_address

    wards = [ward for ward in known.earlier_wards if ward.fate == GONE]
    found = [(ward, parse_address(cards_of(known, ward))) for ward in wards]
    offered = sum(set(ward.new_codes) <= {one.ward_code for one in answer.candidates} for ward, answer in found)
    named = sum(answer.new_ward_code is not None for _, answer in found)
    columns = ("cards of wards gone by June 2025", "all offered that it may be today", "a ward named")
    return Table("Wards of earlier cards", columns, ((len(wards), offered, named),))
