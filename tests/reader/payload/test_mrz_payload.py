"""The machine-readable zone as a payload: swiped, typed, or found by a camera (card.md 3.1, 10.3; ICAO Doc 9303)."""

from datetime import date

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reader.payload import PayloadResult, parse_payload
from reader.reading import Document, Holder, Sex, Size
from sandbox.card.mrz import check_digit
from tests.reader.lds.vectors import GERMAN_PASSPORT, MRZ, PASSPORT, TD1, TD1_LONG, TD2, TD2_LONG

TODAY = date(2026, 11, 21)
DATES = ("birth_date", "expiry_date")
MAU = PayloadResult(
    kind="mrz",
    holder=Holder(
        personal_id="001303900017",
        full_name="TRAN THI MAU",
        birth_date="2003-02-14",
        sex=Sex.FEMALE,
        expiry_date="2028-02-14",
    ),
    document=Document(type="ID", issuing_state="VNM", number="303900017", nationality="VNM", size=Size.TD1),
    warnings=("diacritics_lost",),
)
LINES = [MRZ["A"][at : at + 30] for at in (0, 30, 60)]


def refusal(payload: str) -> str | None:
    result = parse_payload(payload, TODAY)
    assert (result.kind, result.holder, result.document) == ("unknown", None, None)
    return result.reason


def rewritten(zone: str, at: int, text: str) -> str:
    """The zone with other text at a place, and all check digits of a Vietnamese card made right again."""
    z = zone[:at] + text + zone[at + len(text) :]
    z = z[:14] + check_digit(z[5:14]) + z[15:29] + check_digit(z[15:29]) + z[30:]
    z = z[:36] + check_digit(z[30:36]) + z[37:44] + check_digit(z[38:44]) + z[45:]
    return z[:59] + check_digit(z[5:30] + z[30:37] + z[38:45] + z[48:59]) + z[60:]


@pytest.mark.parametrize(
    "payload",
    [
        MRZ["A"],
        MRZ["A"].lower(),
        "\r".join(LINES) + "\r",
        "\r\n".join(LINES) + "\r\n",
        "\n".join(f"  {line} " for line in LINES),
        "\x02" + "\r".join(LINES) + "\x03",
        " ".join(LINES[0]),
    ],
)
def test_a_card_is_read_in_lines_or_not_and_in_any_case(payload: str) -> None:
    whole = payload if len(payload) > 60 else payload + LINES[1] + LINES[2]
    result = parse_payload(whole, TODAY)
    assert msgspec.structs.replace(result, warnings=()) == msgspec.structs.replace(MAU, warnings=())
    assert set(result.warnings) <= {"diacritics_lost", "repaired.frame", "repaired.spaces", "repaired.case"}
    assert ("repaired.case" in result.warnings) == (payload != payload.upper())
    assert ("repaired.spaces" in result.warnings) == (" " in payload.strip())
    assert parse_payload(whole) == result


@pytest.mark.parametrize(
    ("zone", "size", "name", "born"),
    [
        (PASSPORT, Size.TD3, "ERIKSSON ANNA MARIA", "1974-08-12"),
        (TD1, Size.TD1, "ERIKSSON ANNA MARIA", "1974-08-12"),
        (TD1_LONG, Size.TD1, "STEVENSON PETER JOHN", "1934-07-12"),
        (TD2, Size.TD2, "ERIKSSON ANNA MARIA", "1974-08-12"),
        (TD2_LONG, Size.TD2, "STEVENSON PETER JOHN", "1934-07-12"),
        (GERMAN_PASSPORT, Size.TD3, "MUSTERMANN ERIKA", "1964-08-12"),
    ],
)
def test_documents_of_other_states_give_a_holder_without_a_personal_id(
    zone: str, size: Size, name: str, born: str
) -> None:
    result = parse_payload(zone, TODAY)
    assert result.holder is not None
    assert result.document is not None
    assert (result.holder.personal_id, result.holder.full_name, result.holder.birth_date) == (None, name, born)
    beyond = ("expiry_date_unreadable",) if name.startswith("STEVENSON") else ()  # 950712
    assert (result.document.size, result.warnings) == (size, ("diacritics_lost", *beyond))
    assert (result.holder.expiry_date is None) == bool(beyond)


@pytest.mark.parametrize(("sign", "warning"), [("M", False), ("F", False), ("<", False), ("X", True), ("0", True)])
def test_a_sex_that_no_document_has_is_told(sign: str, warning: bool) -> None:
    for zone, at in ((MRZ["A"], 37), (PASSPORT, 64), (TD2, 56)):
        assert ("sex_unreadable" in parse_payload(zone[:at] + sign + zone[at + 1 :], TODAY).warnings) == warning


def test_without_a_day_only_a_century_that_is_sure_is_told() -> None:
    assert parse_payload(PASSPORT).holder == parse_payload(PASSPORT, TODAY).holder
    later = GERMAN_PASSPORT[:-31] + "200101" + check_digit("200101") + GERMAN_PASSPORT[-24:]
    second = later[44:]
    later = later[:-1] + check_digit(second[:10] + second[13:20] + second[21:43])
    assert parse_payload(later, TODAY).holder.birth_date == "2020-01-01"  # type: ignore[union-attr]
    result = parse_payload(later)
    assert result.holder is not None
    assert result.holder.birth_date is None
    assert "birth_century_unknown" in result.warnings


@pytest.mark.parametrize("at", [*range(5, 30), *range(30, 37), *range(38, 45), 59])
@pytest.mark.parametrize(("digit", "letter"), ["0O", "1I", "5S", "8B", "2Z", "6G", "0Q", "0D", "1L"])
def test_a_letter_misread_for_a_digit_is_mended_and_told(at: int, digit: str, letter: str) -> None:
    for zone in MRZ.values():
        if zone[at] == digit:
            result = parse_payload(zone[:at] + letter + zone[at + 1 :], TODAY)
            assert result.holder == parse_payload(zone, TODAY).holder
            assert "repaired.mrz" in result.warnings


@pytest.mark.parametrize("beginning", ["LDVNM", "TDVNM", "1DVNM"])
def test_a_beginning_misread_is_mended(beginning: str) -> None:
    result = parse_payload(beginning + MRZ["A"][5:], TODAY)
    assert (result.holder, result.document) == (MAU.holder, MAU.document)
    assert result.warnings == ("repaired.mrz", "diacritics_lost")


@settings(deadline=None)
@example("A", 40, "<")
@given(st.sampled_from(sorted(MRZ)), st.integers(0, 59), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"))
def test_one_misread_character_never_makes_another_person(key: str, at: int, sign: str) -> None:
    zone = MRZ[key]
    result = parse_payload(zone[:at] + sign + zone[at + 1 :], TODAY)
    if result.holder is not None:
        want = parse_payload(zone, TODAY).holder
        assert want is not None
        # The sex has no check digit, nor have document code and states. A filler weighs as much as a nought: a date
        # may be lost by it.
        lost = {name: getattr(want, name) for name in DATES if getattr(result.holder, name) is None and sign == "<"}
        read = msgspec.structs.replace(result.holder, sex=want.sex, personal_id=want.personal_id, **lost)
        assert read == want
        assert result.holder.personal_id in (want.personal_id, None)


@pytest.mark.parametrize(
    "payload", [MRZ["A"][:5] + "4" + MRZ["A"][6:], MRZ["A"][:30] + "04" + MRZ["A"][32:], PASSPORT[:-1] + "1"]
)
def test_a_check_digit_that_disagrees_refuses_the_zone(payload: str) -> None:
    assert refusal(payload) == "payload.mrz_check_digit"


@pytest.mark.parametrize("payload", [MRZ["A"][:-1], MRZ["A"] + "<", PASSPORT[:-2], TD2[:-1], LINES[0] + LINES[1]])
def test_a_zone_of_another_length_is_incomplete(payload: str) -> None:
    assert refusal(payload) == "payload.mrz_incomplete"


def test_a_single_line_is_not_a_zone() -> None:
    assert refusal(LINES[0]) == "payload.unrecognised"


def test_a_day_that_does_not_exist_is_refused_although_its_check_digit_agrees() -> None:
    assert refusal(rewritten(MRZ["A"], 30, "030231")) == "payload.birth_date"


def test_a_number_telling_another_story_is_a_warning_only() -> None:
    other_year = rewritten(rewritten(MRZ["A"], 15, "001304900017"), 5, "304900017")
    assert parse_payload(other_year, TODAY).warnings == ("diacritics_lost", "birth_year_disagrees")
    assert parse_payload(MRZ["A"][:37] + "M" + MRZ["A"][38:], TODAY).warnings == ("diacritics_lost", "sex_disagrees")
    other_number = parse_payload(rewritten(MRZ["A"], 5, "303900018"), TODAY)
    assert other_number.warnings == ("diacritics_lost", "document_number_disagrees")


def test_a_name_that_was_misread_is_left_out_and_one_that_was_cut_is_told() -> None:
    misread = parse_payload(MRZ["A"].replace("MAU", "MA0"), TODAY)
    assert misread.holder is not None
    assert (misread.holder.full_name, misread.warnings) == (None, ("name_unreadable",))
    cut = parse_payload(MRZ["A"][:60] + "CONG<<TANG<TON<NU<THU<NGHIEM<T", TODAY)
    assert cut.warnings == ("diacritics_lost", "name_cut")
    assert parse_payload(MRZ["A"][:60] + "<" * 30, TODAY).warnings == ("name_missing",)


DAYS = st.dates(date(1927, 1, 1), date(2026, 11, 21))
LETTERS = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6)


@settings(deadline=None)
@given(
    st.sampled_from(list(Size)), DAYS, st.dates(date(2027, 1, 1), date(2049, 12, 31)), st.sampled_from("MF<"), st.data()
)
def test_a_zone_reads_back_as_it_was_printed(size: Size, born: date, ends: date, sex: str, data: st.DataObject) -> None:
    number = data.draw(st.text(alphabet="ABC0123456789", min_size=9, max_size=9))
    name = data.draw(st.lists(LETTERS, min_size=2, max_size=3))
    printed = name[0] + "<<" + "<".join(name[1:])
    birth, expiry = (f"{day:%y%m%d}" + check_digit(f"{day:%y%m%d}") for day in (born, ends))
    first = number + check_digit(number)
    if size is Size.TD1:
        tail = "<" * 11
        composite = check_digit(first + "<" * 15 + birth + expiry + tail)
        zone = f"I<UTO{first}{'<' * 15}{birth}{sex}{expiry}UTO{tail}{composite}{printed:<<30}"
    elif size is Size.TD2:
        composite = check_digit(first + birth + expiry + "<" * 7)
        zone = f"I<UTO{printed:<<31}{first}UTO{birth}{sex}{expiry}{'<' * 7}{composite}"
    else:
        composite = check_digit(first + birth + expiry + "<" * 14 + "0")
        zone = f"P<UTO{printed:<<39}{first}UTO{birth}{sex}{expiry}{'<' * 14}0{composite}"
    result = parse_payload(zone, TODAY)
    assert result.holder == Holder(
        personal_id=None,
        full_name=" ".join(name),
        birth_date=born.isoformat(),
        sex={"M": Sex.MALE, "F": Sex.FEMALE}.get(sex, Sex.UNKNOWN),
        expiry_date=ends.isoformat(),
    )
    assert result.document is not None
    assert (result.document.number, result.document.size) == (number, size)
