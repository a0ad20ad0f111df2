"""Every documented result code of the insurance portal's card lookup (`maKetQua`) and what it means at reception.

Source: letter 1923/BHXH-CNTT, appendix 03 section 4, as set out in services.md 1.4. Codes in brackets there (080, 090,
500) belong to older functions and are kept for tolerance. Data only.
"""

from collections.abc import Mapping

from hisbridge.records import Verdict

RESULT_CODES: Mapping[str, Verdict] = {
    "000": Verdict.VALID,  # the card's dates are still to be compared with the visit
    "001": Verdict.MANUAL_CHECK,  # card managed by the Ministry of Defence: look at card and ID
    "002": Verdict.MANUAL_CHECK,  # card managed by the Ministry of Public Security
    "003": Verdict.VALID_NEW_CARD,  # old card expired, a new one was issued
    "004": Verdict.VALID_NEW_CARD,  # old card still valid, a new one was issued
    "010": Verdict.NOT_INSURED,  # card expired
    "050": Verdict.UNVERIFIED,  # nothing known of this number: another number may still find the card
    "051": Verdict.MANUAL_CHECK,  # card number wrong
    "052": Verdict.MANUAL_CHECK,  # province part of the number wrong
    "053": Verdict.MANUAL_CHECK,  # benefit digit of the number wrong
    "054": Verdict.CONFIGURATION_ERROR,  # officer's ID not on the facility's list
    "055": Verdict.CONFIGURATION_ERROR,  # officer's name does not belong to that ID
    "060": Verdict.MISMATCH,  # name wrong
    "061": Verdict.MISMATCH,  # name wrong, first characters right
    "070": Verdict.MISMATCH,  # date of birth wrong
    "080": Verdict.MISMATCH,  # sex wrong
    "090": Verdict.MISMATCH,  # registered facility wrong
    "100": Verdict.UNVERIFIED,  # error while reading the card register
    "101": Verdict.UNVERIFIED,  # server error
    "110": Verdict.NOT_INSURED,  # card revoked
    "120": Verdict.NOT_INSURED,  # participation ended
    "121": Verdict.NOT_INSURED,  # moved to another province
    "122": Verdict.NOT_INSURED,  # moved within the province
    "123": Verdict.NOT_INSURED,  # ended because added again in the same unit
    "124": Verdict.NOT_INSURED,  # stopped participating
    "130": Verdict.CHILD_TEMPORARY,  # child without a card
    "205": Verdict.CONFIGURATION_ERROR,  # our parameters have the wrong form
    "401": Verdict.CONFIGURATION_ERROR,  # account refused, also with a fresh token
    "500": Verdict.UNVERIFIED,  # server error, as some gateways say it
}

ACCEPTED = frozenset({"000", "003", "004"})  # the answer describes a card
NAME_NEARLY_RIGHT = "061"
BIRTH_DATE_WRONG = "070"
ACCOUNT_REFUSED = "401"


def verdict_of(result_code: str) -> Verdict:
    """The verdict of a code; one that is not in the table needs a person's eye."""
    return RESULT_CODES.get(result_code, Verdict.MANUAL_CHECK)
