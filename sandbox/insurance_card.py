"""The QR code of a synthetic person's insurance card, as on paper and in the insurer's app (card.md 1.4). Pure."""

from datetime import date

from sandbox.person import Person
from sandbox.portal_answer import portal_date


def insurance_number(person: Person) -> str | None:
    """The number printed on the card: the ten digits where they find the person, else all 15 characters."""
    held = person.insurance
    ten = held.social_security_number if "social_security_number" in held.found_by else None
    return ten or held.card_number


def insurance_text(person: Person, today: date) -> str | None:
    """The code's text: nine fields that all sources agree on, the rest as one of them has it. None without a card."""
    held = person.insurance
    number = insurance_number(person)
    if number is None:
        return None
    facility = held.registered_facility or "00000"
    fields = [
        number,
        _hex(held.full_name or person.full_name),
        portal_date(held.birth_date or person.birth_date),
        {"male": "1", "female": "2"}[held.sex or person.sex],
        _hex(person.residence),
        f"{facility[:2]} - {facility[2:]}",
        portal_date(held.valid_from, today),
        "-",
        portal_date(held.valid_from, today),
        "0000" + (held.social_security_number or "0000000000"),
        "-",
        "4",
        portal_date(held.five_year_date, today) or "-",
        "0123456789abcdef-0000",
        "4",
        _hex("Tỉnh Mẫu"),
    ]
    return "|".join([*fields, "$"])


def _hex(text: str) -> str:
    return text.encode().hex()
