"""What receivers told of a visit, in words: where to go, by which number, what it costs. Pure; no Flask.

The text is another system's and hostile: markup is escaped by the templates, everything else that could break a line is
taken out here, and nothing is longer than its place.
"""

import re
from collections.abc import Sequence

from hisbridge.records import FeeLine, HospitalAnswer
from ui.masking import plain
from ui.saying import Saying
from ui.words import Words

LONG = 60  # letters of a room or a fee's name that are shown
LARGE = 40  # of a room in large letters
NUMBER = 16  # of a number that is called


def number_text(answer: HospitalAnswer | None) -> str:
    """The hospital's own number in its queue; empty where it told none."""
    return plain(answer.queue_number or "")[:NUMBER] if answer is not None else ""


def room_text(answer: HospitalAnswer | None, words: Words | Saying) -> str:
    """Where to go; a bare number is said to be a room's. Empty where nothing was told."""
    room = plain(answer.room or "")[:LONG] if answer is not None else ""
    return words.get("hospital.room", room=room) if re.match(r"[0-9]", room) else room


def shortened(text: str) -> str:
    """At most what two large lines hold, ending with a word."""
    if len(text) <= LARGE:
        return text
    return text[:LARGE].rsplit(" ", 1)[0].rstrip(" ,;-") + "…"


def where_text(answer: HospitalAnswer | None, words: Words | Saying) -> str:
    """Room and number in few words; empty where neither was told."""
    number, room = number_text(answer), room_text(answer, words)
    key = "ticket.where" if room else "ticket.where.number"
    return words.get(key, room=room, number=number) if number else room


def amount_text(amount: str | None, words: Words | Saying) -> str:
    """Dong with their thousands apart; what is no decimal number as it was told."""
    told = plain(amount or "")[:NUMBER]
    whole = re.fullmatch(r"([0-9]{1,12})(?:\.0{1,2})?", told)
    return _dong(int(whole[1]), words) if whole else told


def fees_text(fees: Sequence[FeeLine], words: Words | Saying) -> str:
    """All that is to be paid in one line: the only fee by its name, several by their sum where each is known."""
    if not fees:
        return ""
    if len(fees) == 1:
        return fee_text(fees[0], words)
    amounts = [re.fullmatch(r"([0-9]{1,12})(?:\.0{1,2})?", fee.amount or "") for fee in fees]
    known = [int(amount[1]) for amount in amounts if amount]
    if len(known) < len(fees):
        return words.get("hospital.fees.some", count=len(fees))
    return words.get("hospital.fees", count=len(fees), amount=_dong(sum(known), words))


def fee_text(fee: FeeLine, words: Words | Saying) -> str:
    """One fee with its amount, where it was told."""
    name, amount = plain(fee.name)[:LONG], amount_text(fee.amount, words)
    return f"{name}: {amount}" if amount else name


def _dong(amount: int, words: Words | Saying) -> str:
    mark = words.get("hospital.thousands")
    return words.get("hospital.amount", amount=f"{amount:,}".replace(",", mark))
