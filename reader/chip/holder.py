"""DG1 and DG13 become one Holder. DG13 has the diacritics and the full dates; DG1 fills what it lacks, and the two
must tell the same story. Must not read files or judge signatures.
"""

from dataclasses import dataclass
from datetime import date

from reader.chip.dates import fold
from reader.chip.dg1 import Mrz
from reader.chip.dg13 import Dg13
from reader.errors import NotAnIdCard
from reader.reading import Check, Holder, Outcome, Sex


@dataclass(frozen=True)
class Merged:
    """The holder, whether both files agree, and codes of what is odd."""

    holder: Holder
    agreement: Check
    warnings: tuple[str, ...]


def from_dg13(dg13: Dg13) -> Holder | None:
    """The holder from DG13 alone; None when it does not give number, name and birth date."""
    if dg13.personal_id is None or dg13.full_name is None or dg13.birth_date is None:
        return None
    return _holder(dg13.personal_id, dg13)


def merge(mrz: Mrz, dg13: Dg13 | None, today: date) -> Merged:
    """Both files as one holder.

    Raises NotAnIdCard when neither gives a personal ID number of twelve digits: a passport, or another state's card.
    """
    said = dg13 or Dg13()
    personal_id = said.personal_id or mrz.personal_id
    if personal_id is None:
        raise NotAnIdCard(where="personal_id")
    warnings = [*said.warnings, *(f"dg1.check_digit_{name}" for name in mrz.faults)]
    if said.full_name is None:
        warnings.append("holder.name_without_diacritics")
    elif not _same_name(said.full_name, mrz.full_name):
        warnings.append("agreement.name")
    if said.sex in (Sex.MALE, Sex.FEMALE) and mrz.sex is not Sex.UNKNOWN and said.sex is not mrz.sex:
        warnings.append("agreement.sex")
    holder = _holder(personal_id, said)
    filled = Holder(
        personal_id=personal_id,
        full_name=holder.full_name or mrz.full_name or None,
        birth_date=holder.birth_date or mrz.birth_date(today),
        sex=said.sex if said.sex in (Sex.MALE, Sex.FEMALE) else mrz.sex,
        residence=holder.residence,
        issue_date=holder.issue_date,
        expiry_date=holder.expiry_date or mrz.expiry_date,
        previous_id=holder.previous_id,
        ethnicity=holder.ethnicity,
        nationality=holder.nationality,
        place_of_origin=holder.place_of_origin,
    )
    return Merged(filled, _agreement(mrz, dg13), tuple(dict.fromkeys(warnings)))


def _holder(personal_id: str, dg13: Dg13) -> Holder:
    return Holder(
        personal_id=personal_id,
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


def _agreement(mrz: Mrz, dg13: Dg13 | None) -> Check:
    if dg13 is None or dg13.personal_id is None:
        return Check(reason="agreement.one_source")
    if not _same_number(mrz, dg13.personal_id):
        return Check(result=Outcome.FAILED, reason="agreement.personal_id")
    if dg13.birth_date is not None and not _same_birth(mrz.birth, dg13.birth_date):
        return Check(result=Outcome.FAILED, reason="agreement.birth_date")
    return Check(result=Outcome.PASSED)


def _same_number(mrz: Mrz, personal_id: str) -> bool:
    """The whole number where the zone holds it, and always its last nine digits (card.md 3.1)."""
    whole = mrz.personal_id
    return (whole is None or whole == personal_id) and mrz.document_number == personal_id[3:]


def _same_birth(printed: str, iso: str) -> bool:
    """The zone has two digits of the year and may fill unknown parts; compare what both know."""
    known = iso.replace("-", "")[2:]
    digits = printed.rstrip("<")
    size = min(len(known), len(digits))
    return size >= 2 and known[:size] == digits[:size]


def _same_name(name: str, printed: str) -> bool:
    """The zone has no diacritics and is cut at its end; spaces and hyphens are fillers there."""
    left = "".join(c for c in fold(name) if c.isalnum())
    right = "".join(c for c in fold(printed) if c.isalnum())
    return left == right or (len(right) >= 20 and left.startswith(right))
