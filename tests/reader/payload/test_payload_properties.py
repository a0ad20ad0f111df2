"""What holds for every payload: a card reads back as printed, garbage is never a person, nothing raises."""

import datetime
import unicodedata

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reader.payload import CardForm, InsuranceForm, format_citizen_card, format_insurance_card, parse_payload
from reader.payload.bare_number import find_number
from reader.payload.text import mend
from reader.reading import Holder, InsuranceCard, Sex
from tests.reader.payload.vietnam import syllables

WORDS = st.sampled_from(syllables()).map(str.capitalize)
NAMES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
PLACES = st.lists(
    st.one_of(NAMES, st.from_regex(r"\A(Số|Tổ|Ấp) [0-9]{1,3}(/[0-9]{1,2}[AB]?)?\Z")), min_size=1, max_size=6
).map(", ".join)
DIGITS = "0123456789"


@st.composite
def holders(draw: st.DrawFn) -> Holder:
    born = draw(st.dates(datetime.date(1900, 1, 1), datetime.date(2030, 12, 31)))
    issued = draw(st.dates(born, datetime.date(2399, 12, 31)))
    return Holder(
        personal_id=draw(st.text(alphabet=DIGITS, min_size=12, max_size=12)),
        previous_id=draw(st.none() | st.text(alphabet=DIGITS, min_size=9, max_size=9)),
        full_name=draw(NAMES),
        birth_date=born.isoformat()[: draw(st.sampled_from([4, 7, 10]))],
        sex=draw(st.sampled_from([Sex.MALE, Sex.FEMALE])),
        residence=draw(st.none() | PLACES),
        issue_date=issued.isoformat(),
    )


FORMS = st.sampled_from(list(CardForm))


@settings(deadline=None)  # a shared machine is slow at times
@given(holders(), FORMS)
def test_a_card_reads_back_as_it_was_printed(holder: Holder, form: CardForm) -> None:
    result = parse_payload(format_citizen_card(holder, form))
    assert (result.kind, result.holder, result.reason) == ("citizen_card", holder, None)
    assert {code.split(".")[0] for code in result.warnings}.isdisjoint({"repaired", "extra_fields"})


@st.composite
def insurance_cards(draw: st.DrawFn) -> InsuranceCard:
    born = draw(st.dates(datetime.date(1900, 1, 1), datetime.date(2030, 12, 31)))
    day = st.dates(max(born, datetime.date(1990, 1, 1)), datetime.date(2099, 12, 31)).map(str)
    days = st.none() | day
    valid = sorted(draw(st.tuples(day, day)))
    return InsuranceCard(
        card_number=draw(st.from_regex(r"\A([0-9]{10}|[A-Z]{2}[0-9]{13})\Z")),
        full_name=draw(NAMES),
        birth_date=born.isoformat()[: draw(st.sampled_from([4, 7, 10]))],
        sex=draw(st.sampled_from([None, Sex.MALE, Sex.FEMALE])),
        address=draw(st.none() | PLACES),
        registered_facility=draw(st.none() | st.from_regex(r"\A[0-9A-Z]{5}\Z")),
        valid_from=draw(st.sampled_from([None, valid[0]])),
        valid_to=draw(st.sampled_from([None, valid[1]])),
        issue_date=draw(days),
        five_year_date=draw(days),
    )


@settings(deadline=None)  # a shared machine is slow at times
@given(insurance_cards(), st.sampled_from(list(InsuranceForm)))
def test_an_insurance_card_reads_back_as_it_was_printed(card: InsuranceCard, form: InsuranceForm) -> None:
    if form is InsuranceForm.SHORT:
        card = msgspec.structs.replace(card, five_year_date=None)
    result = parse_payload(format_insurance_card(card, form))
    assert (result.kind, result.insurance, result.reason) == ("insurance_card", card, None)


@settings(deadline=None)  # a shared machine is slow at times
@given(st.from_regex(r"\A([0-9]{9}|[0-9]{10}|[0-9]{12}|[A-Z]{2}[0-9]{13})\Z"))
def test_a_bare_number_reads_back_as_it_is(number: str) -> None:
    result = parse_payload(number)
    told = [result.insurance and result.insurance.card_number]
    told += [result.holder and result.holder.personal_id, result.holder and result.holder.previous_id]
    assert [one for one in told if one] == [number]
    assert result.warnings == ()


@settings(deadline=None)  # a shared machine is slow at times
@given(holders(), FORMS, st.sampled_from([*"|;\n\r", "\r\n"]), st.sampled_from(["", "\ufeff", "]Q1"]), st.booleans())
def test_a_card_survives_its_way_through_a_scanner(
    holder: Holder, form: CardForm, separator: str, prefix: str, decomposed: bool
) -> None:
    text = prefix + format_citizen_card(holder, form).replace("|", separator) + "\r\n"
    assert parse_payload(unicodedata.normalize("NFD", text) if decomposed else text).holder == holder


@settings(deadline=None)  # a shared machine is slow at times
@given(holders(), st.sampled_from(["latin-1", "cp1252", "cp1258"]))
def test_a_card_survives_a_wrong_code_page(holder: Holder, codec: str) -> None:
    page = {byte: bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(256)}
    assert parse_payload("".join(page[byte] for byte in format_citizen_card(holder).encode())).holder == holder


@settings(deadline=None)  # a shared machine is slow at times
@given(PLACES)
def test_good_vietnamese_is_never_repaired(text: str) -> None:
    assert mend(text) == (text, ())


@settings(deadline=None)  # a shared machine is slow at times
@given(st.text() | st.binary() | st.text(alphabet="0123456789|;$-/ab\n\r\0\ufeff", max_size=200))
def test_garbage_is_unknown_with_a_reason_and_nothing_raises(payload: str | bytes) -> None:
    text = payload.decode("latin-1") if isinstance(payload, bytes) else payload
    assume(not any(sign.isdigit() for sign in text) or find_number(text.strip()) is None)
    result = parse_payload(payload)
    assert (result.kind, result.holder, result.insurance) == ("unknown", None, None)
    assert result.reason is not None


@settings(deadline=None)  # a shared machine is slow at times
@given(holders(), FORMS, st.data())
def test_one_changed_letter_gives_a_valid_card_or_none(holder: Holder, form: CardForm, data: st.DataObject) -> None:
    text = format_citizen_card(holder, form)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters())
    assert_valid_or_nothing(text[:at] + letter + text[at + 1 :])


@settings(deadline=None)  # a shared machine is slow at times
@given(holders(), FORMS, st.data())
def test_one_changed_byte_gives_a_valid_card_or_none(holder: Holder, form: CardForm, data: st.DataObject) -> None:
    raw = bytearray(format_citizen_card(holder, form).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert_valid_or_nothing(bytes(raw))


@settings(deadline=None)  # a shared machine is slow at times
@given(insurance_cards(), st.data())
def test_one_changed_letter_gives_a_valid_insurance_card_or_none(card: InsuranceCard, data: st.DataObject) -> None:
    text = format_insurance_card(card)
    at = data.draw(st.integers(0, len(text) - 1))
    result = parse_payload(text[:at] + data.draw(st.characters()) + text[at + 1 :])
    assert result.holder is None
    if result.insurance is not None:
        sex = None if result.insurance.sex is Sex.UNKNOWN else result.insurance.sex
        whole = msgspec.structs.replace(result.insurance, sex=sex)
        assert parse_payload(format_insurance_card(whole)).insurance == whole


@settings(deadline=None)  # a shared machine is slow at times
@given(st.lists(st.text(max_size=20) | st.sampled_from(["", "001303900017", "14022003", "Nam", "Mẫu"]), max_size=12))
def test_fields_in_any_order_give_a_valid_card_or_none(fields: list[str]) -> None:
    assert_valid_or_nothing("|".join(["001303900017", *fields]))


def assert_valid_or_nothing(payload: str | bytes) -> None:
    """Whatever is accepted can be printed on a card again, its gaps filled, and then reads the same."""
    result = parse_payload(payload)
    if result.kind in ("personal_id", "previous_id", "insurance_number"):
        assert b"\0" not in (payload if isinstance(payload, bytes) else payload.encode())
        return  # the number is all there was
    if result.holder is None:
        assert result.reason is not None
        return
    gaps = {code.rpartition("_")[0] for code in result.warnings if code.endswith(("_missing", "_unreadable"))}
    whole = result.holder
    if "sex" in gaps:
        assert whole.sex in (None, Sex.UNKNOWN)
        whole = msgspec.structs.replace(whole, sex=Sex.MALE)
    if "issue_date" in gaps:
        assert whole.issue_date is None
        whole = msgspec.structs.replace(whole, issue_date="2399-12-31")
    assert parse_payload(format_citizen_card(whole)).holder == whole
