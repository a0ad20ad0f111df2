"""The data groups become one Holder: DG13 first, which has the diacritics and the full dates, then DG11, DG12, DG1.

They must tell the same story. What the issuer wrote twice is compared here, and so is what stands printed on the card.
Must not read files or judge signatures.

What a disagreement means: number and birth date are who somebody is, and both files carry them letter for letter, so
there it fails the check. Sex, issue and expiry are corrected and reissued in life; the zone's name is transliterated
and cut by rules that states follow loosely. There it is a warning. A printed name comes from the same register as
DG13, so it fails the check when more than diacritics differ.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date

from reader.lds.dates import fold, precision
from reader.lds.dg1 import VIETNAM, Mrz
from reader.lds.dg11 import Dg11
from reader.lds.dg12 import Dg12
from reader.lds.dg13 import Dg13
from reader.reading import Check, Document, Holder, Outcome, Sex

ONE_SOURCE = "agreement.one_source"
_CUT_NAME = 20  # letters; a name this long may have been cut to fit its line (Doc 9303-3, 4.6)
_D_WITH_STROKE = str.maketrans("đð", "dd")  # a letter of its own in Unicode, where other diacritics come apart


@dataclass(frozen=True)
class Agreement:
    """Whether two sides tell the same story, and a code for each thing in which they do not."""

    check: Check
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merged:
    """The holder, the document, whether the data groups agree, and codes of what is odd."""

    holder: Holder
    document: Document
    agreement: Check
    warnings: tuple[str, ...]


def from_dg13(dg13: Dg13) -> Holder | None:
    """The holder from DG13 alone; None when it does not give number, name and birth date."""
    if dg13.personal_id is None or dg13.full_name is None or dg13.birth_date is None:
        return None
    return _holder(dg13)


def from_mrz(mrz: Mrz, today: date) -> Holder:
    """The holder from a machine-readable zone alone, printed or in the chip."""
    return Holder(
        personal_id=mrz.personal_id,
        full_name=mrz.full_name or None,
        birth_date=mrz.birth_date(today),
        sex=mrz.sex,
        expiry_date=mrz.expiry_date,
    )


def merge(mrz: Mrz, dg13: Dg13 | None, dg11: Dg11 | None, dg12: Dg12 | None, today: date) -> Merged:
    """All files as one holder; `personal_id` stays None where the document has none: a passport, another state's card.

    The layout of DG13 is every state's own, so what a document that is not Vietnamese has there says nothing: it must
    not make a Vietnamese citizen of a foreigner.
    """
    warnings: list[str] = []
    if dg13 is not None and mrz.issuing_state != VIETNAM:
        dg13 = None
        warnings.append("dg13.foreign")
    said, details, issue = dg13 or Dg13(), dg11 or Dg11(), dg12 or Dg12()
    warnings += [*said.warnings, *details.warnings, *issue.warnings]
    warnings += [f"dg1.check_digit_{name}" for name in mrz.faults]
    if said.full_name is None and details.full_name is None:
        warnings.append("holder.name_without_diacritics")
    zone, own = from_mrz(mrz, today), _holder(said)
    known_sex = own.sex in (Sex.MALE, Sex.FEMALE)
    merged = Holder(
        personal_id=own.personal_id or _personal_number(mrz, details) or zone.personal_id,
        full_name=own.full_name or details.full_name or zone.full_name,
        birth_date=own.birth_date or details.birth_date or zone.birth_date,
        sex=own.sex if known_sex else zone.sex,
        residence=own.residence or details.address,
        issue_date=own.issue_date or issue.issue_date,
        expiry_date=own.expiry_date or zone.expiry_date,
        previous_id=own.previous_id,
        ethnicity=own.ethnicity,
        nationality=own.nationality,
        place_of_origin=own.place_of_origin,
    )
    agreement = _inside(mrz, said, details, issue)
    return Merged(merged, mrz.document, agreement.check, tuple(dict.fromkeys([*warnings, *agreement.warnings])))


def agree_with_printed(holder: Holder, mrz: Mrz, printed: Holder) -> Agreement:
    """Whether the chip's holder is the one whose card was held up, scanned or typed.

    Failed when number, name or birth date differ; passed when at least one of them could be compared and none does;
    `agreement.one_source` when nothing could. Every difference is a warning of its own, the lesser ones only that.
    """
    same: dict[str, bool | None] = {
        "personal_id": _equal(holder.personal_id, printed.personal_id),
        "birth_date": _same_date(holder.birth_date, printed.birth_date),
        "name": _same_printed_name(holder, mrz, printed.full_name),
    }
    lesser = {
        "issue_date": _same_date(holder.issue_date, printed.issue_date),
        "expiry_date": _same_date(holder.expiry_date, printed.expiry_date),
        "sex": _same_sex(holder.sex, printed.sex),
    }
    return _agreement(same, lesser, "agreement.printed_")


def _inside(mrz: Mrz, dg13: Dg13, dg11: Dg11, dg12: Dg12) -> Agreement:
    """What the issuer wrote more than once."""
    number = _personal_number(mrz, dg11)
    same: dict[str, bool | None] = {
        "personal_id": _all(
            _same_number(mrz, dg13.personal_id), _same_number(mrz, number), _equal(dg13.personal_id, number)
        ),
        "birth_date": _all(
            _same_birth(mrz, dg13.birth_date),
            _same_birth(mrz, dg11.birth_date),
            _same_date(dg13.birth_date, dg11.birth_date),
        ),
    }
    lesser = {
        "name": _all(_same_zone_name(dg13.full_name, mrz), _same_zone_name(_plain_latin(dg11.full_name), mrz)),
        "sex": _same_sex(dg13.sex, mrz.sex),
        "issue_date": _same_date(dg13.issue_date, dg12.issue_date),
        "expiry_date": _same_date(dg13.expiry_date, mrz.expiry_date),
    }
    return _agreement(same, lesser, "agreement.")


def _agreement(same: dict[str, bool | None], lesser: dict[str, bool | None], prefix: str) -> Agreement:
    """One check from comparisons (None: nothing to compare); `lesser` ones only warn."""
    wrong = [prefix + name for name, equal in same.items() if equal is False]
    warnings = (*wrong, *(prefix + name for name, equal in lesser.items() if equal is False))
    if wrong:
        return Agreement(Check(result=Outcome.FAILED, reason=wrong[0]), warnings)
    if any(same.values()):
        return Agreement(Check(result=Outcome.PASSED), warnings)
    return Agreement(Check(reason=ONE_SOURCE), warnings)


def _holder(dg13: Dg13) -> Holder:
    return Holder(
        personal_id=dg13.personal_id,
        full_name=dg13.full_name,
        birth_date=dg13.birth_date,
        sex=dg13.sex,
        residence=dg13.residence,
        issue_date=dg13.issue_date,
        expiry_date=dg13.expiry_date,
        previous_id=dg13.previous_id,
        ethnicity=dg13.ethnicity,
        nationality=dg13.nationality,
        place_of_origin=dg13.place_of_origin,
    )


def _personal_number(mrz: Mrz, dg11: Dg11) -> str | None:
    """The personal number of DG11 where it is the Vietnamese one of twelve digits."""
    number = dg11.personal_number or ""
    is_one = mrz.issuing_state == VIETNAM and len(number) == 12 and number.isascii() and number.isdigit()
    return number if is_one else None


def _all(*comparisons: bool | None) -> bool | None:
    """False when any differs, None when none could be made."""
    made = [one for one in comparisons if one is not None]
    return all(made) if made else None


def _equal(one: str | None, other: str | None) -> bool | None:
    return None if one is None or other is None else one == other


def _same_sex(one: Sex | None, other: Sex | None) -> bool | None:
    known = (Sex.MALE, Sex.FEMALE)
    return one is other if one in known and other in known else None


def _same_date(one: str | None, other: str | None) -> bool | None:
    """Two ISO dates, or `none`, at the precision that both know."""
    if one is None or other is None:
        return None
    if not (one[:1].isdigit() and other[:1].isdigit()):
        return one == other
    left, right = precision(one, other)
    return left == right


def _same_number(mrz: Mrz, personal_id: str | None) -> bool | None:
    """The whole number where the zone holds it; on the card also its last nine digits, the document number."""
    if personal_id is None:
        return None
    whole = mrz.personal_id
    if mrz.type.startswith("I"):
        return whole in (None, personal_id) and mrz.document_number == personal_id[3:]
    return _equal(whole, personal_id)  # a passport's own number is another one


def _same_birth(mrz: Mrz, iso: str | None) -> bool | None:
    """The zone has two digits of the year and may fill unknown parts; compare what both know."""
    digits = mrz.birth.rstrip("<")
    known = (iso or "").replace("-", "")[2:]
    size = min(len(known), len(digits))
    return known[:size] == digits[:size] if size >= 2 else None


def _same_zone_name(name: str | None, mrz: Mrz) -> bool | None:
    """The zone has no diacritics and is cut at its end; spaces, hyphens and apostrophes are fillers or gone there."""
    left, right = _letters(name or ""), _letters(mrz.full_name)
    if not left or not right:
        return None
    return left == right or (len(right) >= _CUT_NAME and left.startswith(right))


def _same_printed_name(holder: Holder, mrz: Mrz, printed: str | None) -> bool | None:
    """As the chip's name, or as its zone has it; diacritics may be lost on either side, but not exchanged."""
    if not printed or holder.full_name is None:
        return None
    if _same_but_for_marks(holder.full_name, printed):
        return True
    if holder.full_name == mrz.full_name:  # nothing better is known
        return _same_zone_name(printed, mrz)
    return printed.isascii() and _letters(printed) == _letters(mrz.full_name)


def _same_but_for_marks(one: str, other: str) -> bool:
    """Letter by letter: the same bare letter, and the marks of one among the marks of the other.

    So a scanner that loses diacritics, wholly or in part, does not make a stranger; another mark on the letter does.
    """
    left, right = _marked(one), _marked(other)
    return len(left) == len(right) and all(
        bare == other_bare and (marks <= other_marks or other_marks <= marks)
        for (bare, marks), (other_bare, other_marks) in zip(left, right, strict=True)
    )


def _marked(name: str) -> list[tuple[str, frozenset[str]]]:
    """The letters of a name, each bare and with the set of its marks; case, spaces and hyphens do not count."""
    letters: list[tuple[str, frozenset[str]]] = []
    for letter in unicodedata.normalize("NFC", name).casefold():
        apart = unicodedata.normalize("NFD", letter)
        bare, marks = apart[:1], frozenset(apart[1:])
        if bare.isalnum():
            latin = bare.translate(_D_WITH_STROKE)
            letters.append((latin, marks if latin == bare else marks | {bare}))
    return letters


def _letters(name: str) -> str:
    return "".join(c for c in fold(name) if c.isalnum())


def _plain_latin(name: str | None) -> str | None:
    """A name that every state writes alike in the zone; `Müller` is MULLER or MUELLER there (Doc 9303-3, 6)."""
    return name if name is not None and name.isascii() else None
