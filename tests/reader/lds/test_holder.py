"""Several data groups, one holder: what fills what, and which disagreement means what."""

from dataclasses import replace

import msgspec
import pytest

from reader.lds import dg13, holder
from reader.lds.dg1 import Mrz
from reader.lds.dg11 import Dg11
from reader.lds.dg12 import Dg12
from reader.lds.dg13 import Dg13
from reader.reading import Check, Document, Holder, Outcome, Sex, Size
from tests.reader.lds.vectors import DG13_A, DG13_D, MRZ, PASSPORT, TODAY, dg13_of, field, mrz_of, text

MAU = Holder(
    personal_id="001303900017",
    full_name="Trần Thị Mẫu",
    birth_date="2003-02-14",
    sex=Sex.FEMALE,
    issue_date="2021-05-20",
    expiry_date="2028-02-14",
)


def merged(key: str = "A", said: Dg13 | None = None, details: Dg11 | None = None, issue: Dg12 | None = None):
    return holder.merge(mrz_of(MRZ[key]), said, details, issue, TODAY)


def zone_with_name(name: str) -> Mrz:
    return mrz_of(MRZ["A"][:60] + name.ljust(30, "<"))


# One holder.


def test_all_files_of_one_person_agree():
    both = merged(said=dg13.parse(DG13_A))
    assert both.agreement == Check(result=Outcome.PASSED)
    assert both.warnings == ()
    assert both.holder.full_name == "Trần Thị Mẫu"
    assert both.document == Document(
        type="ID", issuing_state="VNM", number="303900017", nationality="VNM", size=Size.TD1
    )


def test_dg1_fills_what_dg13_lacks():
    both = merged("B", dg13.parse(DG13_D))
    assert (both.holder.birth_date, both.holder.sex) == ("2000-07-01", Sex.MALE)
    assert both.agreement.result is Outcome.PASSED


def test_a_card_without_dg13_is_known_by_its_zone():
    alone = merged()
    assert alone.holder == Holder(
        personal_id="001303900017",
        full_name="TRAN THI MAU",
        birth_date="2003-02-14",
        sex=Sex.FEMALE,
        expiry_date="2028-02-14",
    )
    assert alone.agreement == Check(reason="agreement.one_source")
    assert alone.warnings == ("holder.name_without_diacritics",)


def test_a_passport_gives_a_holder_without_personal_id():
    passport = holder.merge(
        mrz_of(PASSPORT),
        None,
        Dg11(full_name="Eriksson Anna-María", address="1 Street"),
        Dg12(None, "2007-04-16"),
        TODAY,
    )
    assert passport.holder == Holder(
        personal_id=None,
        full_name="Eriksson Anna-María",
        birth_date="1974-08-12",
        sex=Sex.FEMALE,
        residence="1 Street",
        issue_date="2007-04-16",
        expiry_date="2012-04-15",
    )
    assert (passport.document.type, passport.document.size, passport.warnings) == ("P", Size.TD3, ())


def test_another_states_dg13_makes_nobody_a_vietnamese_citizen():
    passport = holder.merge(mrz_of(PASSPORT), dg13.parse(DG13_A), Dg11(personal_number="001303900017"), None, TODAY)
    assert (passport.holder.personal_id, passport.holder.full_name) == (None, "ERIKSSON ANNA MARIA")
    assert "dg13.foreign" in passport.warnings


def test_a_personal_number_of_dg11_counts_where_it_is_the_vietnamese_one():
    zone = mrz_of(MRZ["A"][:15] + "<" * 15 + MRZ["A"][30:])
    assert holder.merge(zone, None, Dg11(personal_number="001303900017"), None, TODAY).holder.personal_id == (
        "001303900017"
    )
    assert holder.merge(zone, None, Dg11(personal_number="AB 1"), None, TODAY).holder.personal_id is None


def test_the_holder_is_known_from_dg13_alone_when_it_says_enough():
    known = holder.from_dg13(dg13.parse(DG13_A))
    assert known is not None
    assert (known.personal_id, known.full_name) == ("001303900017", "Trần Thị Mẫu")
    assert holder.from_dg13(dg13.parse(DG13_D)) is None


# What the issuer wrote twice.


@pytest.mark.parametrize(
    ("fields", "result", "reason"),
    [
        ([field(1, text("001303900099"))], Outcome.FAILED, "agreement.personal_id"),
        ([field(1, text("079303900017"))], Outcome.FAILED, "agreement.personal_id"),
        ([field(1, text("001303900017")), field(3, text("15/02/2003"))], Outcome.FAILED, "agreement.birth_date"),
        ([field(1, text("001303900017")), field(3, text("2004"))], Outcome.FAILED, "agreement.birth_date"),
        ([field(1, text("001303900017")), field(3, text("2003"))], Outcome.PASSED, None),
        ([field(3, text("14/02/2003"))], Outcome.PASSED, None),
        ([field(2, text("Trần Thị Mẫu"))], Outcome.NOT_DONE, "agreement.one_source"),
    ],
)
def test_disagreement_on_number_or_birth_is_a_failed_check(fields, result, reason):
    both = merged(said=dg13.parse(dg13_of(*fields)))
    assert (both.agreement.result, both.agreement.reason) == (result, reason)
    assert reason is None or result is Outcome.NOT_DONE or reason in both.warnings


def test_every_disagreement_is_a_finding_of_its_own():
    other = replace(
        dg13.parse(DG13_A),
        personal_id="001303900099",
        birth_date="2003-02-15",
        full_name="Trần Thị Mộng",
        sex=Sex.MALE,
        expiry_date="2030-01-01",
    )
    both = merged(said=other, issue=Dg12(None, "2021-05-21"))
    assert both.agreement == Check(result=Outcome.FAILED, reason="agreement.personal_id")
    assert both.warnings == (
        "agreement.personal_id",
        "agreement.birth_date",
        "agreement.name",
        "agreement.sex",
        "agreement.issue_date",
        "agreement.expiry_date",
    )


def test_another_name_or_sex_alone_is_a_warning():
    other = dg13.parse(dg13_of(field(1, text("001303900017")), field(2, text("Trần Thị Mộng")), field(4, text("Nam"))))
    both = merged(said=other)
    assert (both.agreement.result, both.warnings) == (Outcome.PASSED, ("agreement.name", "agreement.sex"))


def test_dg11_must_agree_with_the_zone_too():
    both = merged(said=dg13.parse(DG13_A), details=Dg11(birth_date="2003-02-15"))
    assert both.agreement == Check(result=Outcome.FAILED, reason="agreement.birth_date")


def test_a_name_cut_at_the_end_of_the_zone_agrees():
    zone = zone_with_name("NGUYEN<<HOANG<PHUONG<THAO<NGOC")
    said = dg13.parse(dg13_of(field(1, text("001303900017")), field(2, text("Nguyễn Hoàng Phương Thảo Ngọc Đan"))))
    assert "agreement.name" not in holder.merge(zone, said, None, None, TODAY).warnings


# What is printed.


def against(printed: Holder, chip: Holder = MAU, zone: str = MRZ["A"]) -> holder.Agreement:
    return holder.agree_with_printed(chip, mrz_of(zone), printed)


def but(**changes: object) -> Holder:
    return msgspec.structs.replace(MAU, **changes)


def test_the_card_that_was_held_up_is_the_card_that_was_read():
    assert against(MAU) == holder.Agreement(Check(result=Outcome.PASSED))
    assert against(holder.from_mrz(mrz_of(MRZ["A"]), TODAY)) == holder.Agreement(Check(result=Outcome.PASSED))
    assert against(Holder(personal_id="001303900017")).check.result is Outcome.PASSED


@pytest.mark.parametrize(
    ("printed", "result", "codes"),
    [
        (but(personal_id="001303900018"), Outcome.FAILED, ("agreement.printed_personal_id",)),
        (but(birth_date="2003-02-15"), Outcome.FAILED, ("agreement.printed_birth_date",)),
        (but(birth_date="2004"), Outcome.FAILED, ("agreement.printed_birth_date",)),
        (but(birth_date="2003"), Outcome.PASSED, ()),
        (but(full_name="Lê Thị Ví Dụ"), Outcome.FAILED, ("agreement.printed_name",)),
        (but(issue_date="2024-01-01"), Outcome.PASSED, ("agreement.printed_issue_date",)),
        (but(expiry_date="none"), Outcome.PASSED, ("agreement.printed_expiry_date",)),
        (but(sex=Sex.MALE), Outcome.PASSED, ("agreement.printed_sex",)),
        (but(sex=Sex.UNKNOWN, issue_date=None), Outcome.PASSED, ()),
        (but(personal_id=None, birth_date=None, full_name=None), Outcome.NOT_DONE, ()),
        (
            but(personal_id="079200900024", full_name="Nguyễn Văn Thử", birth_date="2000-07-01", sex=Sex.MALE),
            Outcome.FAILED,
            (
                "agreement.printed_personal_id",
                "agreement.printed_birth_date",
                "agreement.printed_name",
                "agreement.printed_sex",
            ),
        ),
    ],
)
def test_a_disagreement_with_what_is_printed_is_its_own_finding(printed, result, codes):
    found = against(printed)
    assert (found.check.result, found.warnings) == (result, codes)
    reason = {Outcome.FAILED: codes[0] if codes else None, Outcome.NOT_DONE: "agreement.one_source"}
    assert found.check.reason == reason.get(result)


@pytest.mark.parametrize(
    "printed",
    [
        "Tran Thi Mau",  # a wedge that loses diacritics
        "TRẦN THỊ MẪU",
        "Trâ\u0300n  Thi\u0323 Ma\u0302\u0303u",  # composed otherwise
        "Trân Thị Mâu",  # tones lost, letters kept
        "trần-thị mẫu",
    ],
)
def test_a_name_is_the_same_however_its_diacritics_came_through(printed):
    assert against(but(full_name=printed)).check.result is Outcome.PASSED


@pytest.mark.parametrize("printed", ["Trần Thị Mảu", "Trần Thị Mau Mau", "Trần Thị", "Trấn Thị Mẫu", "?"])
def test_other_diacritics_or_words_are_another_name(printed):
    assert against(but(full_name=printed)).check.reason == "agreement.printed_name"


def test_the_vietnamese_d_may_lose_its_stroke():
    chip = but(full_name="Đặng Đình Đức")
    assert against(but(full_name="Dang Dinh Duc"), chip).check.result is Outcome.PASSED
    assert against(but(full_name="ĐẶNG ĐÌNH ĐỨC"), chip).check.result is Outcome.PASSED


def test_a_name_known_only_from_the_zone_may_have_been_cut_there():
    zone = MRZ["A"][:60] + "NGUYEN<<HOANG<PHUONG<THAO<NGOC"
    chip = but(full_name="NGUYEN HOANG PHUONG THAO NGOC")
    assert against(but(full_name="Nguyễn Hoàng Phương Thảo Ngọc Đan"), chip, zone).check.result is Outcome.PASSED


def test_a_cut_name_of_a_scanned_zone_is_the_chips_own():
    zone = MRZ["A"][:60] + "NGUYEN<<HOANG<PHUONG<THAO<NGOC"
    chip = but(full_name="Nguyễn Hoàng Phương Thảo Ngọc Đan")
    assert against(holder.from_mrz(mrz_of(zone), TODAY), chip, zone).check.result is Outcome.PASSED


def test_a_citizens_code_beside_a_passport_disagrees_by_name_and_birth():
    passport = holder.merge(mrz_of(PASSPORT), None, None, None, TODAY)
    found = holder.agree_with_printed(passport.holder, mrz_of(PASSPORT), MAU)
    assert found.check == Check(result=Outcome.FAILED, reason="agreement.printed_birth_date")
