"""What receivers tell back of a visit, made fit for people: bounded, without what is not seen.

Receivers are hostile: whatever they tell may be long, empty, or made to break a line. Pure.
"""

import unicodedata

import msgspec

from hisbridge.records import MAX_FEES, MAX_TOLD, FeeLine, HospitalAnswer

MAX_RAW = 4 * MAX_TOLD  # characters looked at


def bounded(answer: HospitalAnswer | None) -> HospitalAnswer | None:
    """The answer as its record allows it; None where nothing is left of it. A fee without a name is left out."""
    if answer is None:
        return None
    fees = (
        FeeLine(name=name, amount=_clean(fee.amount), insured=fee.insured)
        for fee in answer.fees[:MAX_FEES]
        if (name := _clean(fee.name)) is not None
    )
    clean = HospitalAnswer(
        record_number=_clean(answer.record_number),
        visit_number=_clean(answer.visit_number),
        queue_number=_clean(answer.queue_number),
        room=_clean(answer.room),
        fees=tuple(fees),
    )
    return None if clean == HospitalAnswer() else clean


def renewed(older: HospitalAnswer | None, newer: HospitalAnswer) -> HospitalAnswer:
    """The newer answer, with what only the older one told: who acknowledges a change need not say all again."""
    if older is None:
        return newer
    kept = {
        field: value
        for field in HospitalAnswer.__struct_fields__
        if not getattr(newer, field) and (value := getattr(older, field))
    }
    return msgspec.structs.replace(newer, **kept)


def _clean(text: str | None) -> str | None:
    """Text in one line, without control, direction, private and unassigned characters; None where nothing is left."""
    if not isinstance(text, str):
        return None
    shown = []
    for letter in unicodedata.normalize("NFC", text[:MAX_RAW]):
        category = unicodedata.category(letter)
        if category.startswith("Z") or letter in "\t\n\r":
            shown.append(" ")
        elif not category.startswith("C"):
            shown.append(letter)
    return " ".join("".join(shown).split())[:MAX_TOLD].rstrip() or None
