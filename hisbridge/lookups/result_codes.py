"""Every documented result code of the insurance portal's card lookup (`maKetQua`) and what it means at reception.

Source: letter 1923/BHXH-CNTT, appendix 03 section 4, as set out in services.md 1.4. Codes in brackets there (080, 090,
500) belong to older functions and are kept for tolerance. Data only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hisbridge.questions import Act, Verdict


@dataclass(frozen=True)
class Meaning:
    """What a code says about the cover, and what the counter is expected to do."""

    verdict: Verdict
    act: Act


_VALID = Meaning(Verdict.VALID, Act.NONE)
_NEW_CARD = Meaning(Verdict.VALID_NEW_CARD, Act.USE_NEW_CARD)
_FORCES = Meaning(Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
_NOT_FOUND = Meaning(Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER)
_WRONG_NUMBER = Meaning(Verdict.MANUAL_CHECK, Act.ASK_OTHER_NUMBER)
_NO_COVER = Meaning(Verdict.NOT_INSURED, Act.ASK_RENEWED_CARD)
_OTHER_PERSON = Meaning(Verdict.MISMATCH, Act.COMPARE_PERSON)
_CHILD = Meaning(Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD)
_SYSTEM = Meaning(Verdict.UNVERIFIED, Act.WAIT)
_SETUP = Meaning(Verdict.CONFIGURATION_ERROR, Act.CALL_ADMINISTRATOR)
UNDOCUMENTED = Meaning(Verdict.MANUAL_CHECK, Act.DECIDE)

RESULT_CODES: Mapping[str, Meaning] = {
    "000": _VALID,  # the card's dates are still to be compared with the visit
    "001": _FORCES,  # card managed by the Ministry of Defence
    "002": _FORCES,  # card managed by the Ministry of Public Security
    "003": _NEW_CARD,  # old card expired, a new one was issued
    "004": _NEW_CARD,  # old card still valid, a new one was issued
    "010": _NO_COVER,  # card expired
    "050": _NOT_FOUND,  # nothing known of this number: another number may still find the card
    "051": _WRONG_NUMBER,  # card number wrong
    "052": _WRONG_NUMBER,  # province part of the number wrong
    "053": _WRONG_NUMBER,  # benefit digit of the number wrong
    "054": _SETUP,  # officer's ID not on the facility's list
    "055": _SETUP,  # officer's name does not belong to that ID
    "060": _OTHER_PERSON,  # name wrong
    "061": _OTHER_PERSON,  # name wrong, first characters right
    "070": _OTHER_PERSON,  # date of birth wrong
    "080": _OTHER_PERSON,  # sex wrong
    "090": _OTHER_PERSON,  # registered facility wrong
    "100": _SYSTEM,  # error while reading the card register
    "101": _SYSTEM,  # server error
    "110": _NO_COVER,  # card revoked
    "120": _NO_COVER,  # participation ended
    "121": _NO_COVER,  # moved to another province
    "122": _NO_COVER,  # moved within the province
    "123": _NO_COVER,  # ended because added again in the same unit
    "124": _NO_COVER,  # stopped participating
    "130": _CHILD,  # child without a card
    "205": _SETUP,  # our parameters have the wrong form
    "401": _SETUP,  # account refused, also with a fresh token
    "500": _SYSTEM,  # server error, as some gateways say it
}

ACCEPTED = frozenset({"000", "003", "004"})  # the answer describes a card
OLD_CARD_EXPIRED = "003"
OLD_CARD_STILL_VALID = "004"  # the visit may span both cards
NOT_FOUND = "050"
WRONG_NUMBER = frozenset({"051", "052", "053"})
MOVED = frozenset({"121", "122", "123"})  # this card ended, the person probably has a new one
ASK_NEXT = frozenset({NOT_FOUND, *WRONG_NUMBER, *MOVED})  # another number of the person may still decide
NAME_NEARLY_RIGHT = "061"
BIRTH_DATE_WRONG = "070"
OFFICER_UNKNOWN = "054"
OFFICER_NAME_WRONG = "055"
PARAMETERS_REFUSED = "205"
ACCOUNT_REFUSED = "401"


def meaning_of(result_code: str) -> Meaning:
    """Verdict and act of a code; one that is not in the table needs a person's decision."""
    return RESULT_CODES.get(result_code, UNDOCUMENTED)


def verdict_of(result_code: str) -> Verdict:
    """The verdict of a code; one that is not in the table needs a person's eye."""
    return meaning_of(result_code).verdict
