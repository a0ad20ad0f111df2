"""What `tiepdon lookup` shows people: an answer in words of the catalogue, our code for it beside it in brackets.

Programs take `--json`, which is the record itself. Must not ask anybody anything.
"""

from collections.abc import Iterable

from hisbridge.questions import Citizen, Coverage, Entitlement, RegisteredAddress
from ui.words import Words

_INDENT = "  "
_COLUMN = 18  # where the values stand; longer than every label in both languages

Fact = tuple[str, str | None]  # name of the field, its text; None is left out


def coverage_lines(coverage: Coverage, words: Words) -> list[str]:
    """The insurance answer: what it means, what is to be done, why, for which card, asked when and by whom."""
    facts: list[Fact] = [
        ("insurance", _word(words, "verdict", coverage.verdict)),
        ("act", _word(words, "act", coverage.act)),
        ("result", _result(words, coverage.result_code)),
        *_reason(words, coverage.reason),
        ("found_by", _word(words, "found_by", coverage.found_by)),
        ("card_number", coverage.card_number),
        ("valid", _between(words, coverage.valid_from, coverage.valid_to)),
        ("other_card_number", coverage.other_card_number),
        ("other_valid", _between(words, coverage.other_valid_from, coverage.other_valid_to)),
        ("recheck", words.get("lookup.recheck") if coverage.recheck_before_discharge else None),
        ("social_security_number", coverage.social_security_number),
        ("registered_facility", coverage.registered_facility),
        ("living_area", coverage.living_area),
        ("five_year_date", coverage.five_year_date),
        ("asked", _asked(words, coverage.asked_at, coverage.asked_by)),
    ]
    return [*_lines(words, facts), *_proposals(words, coverage.entitlement)]


def citizen_lines(citizen: Citizen, words: Words) -> list[str]:
    """The register's answer: whether it knows the person, what it holds, and where that differs from the card."""
    facts: list[Fact] = [
        ("register", _word(words, "register", citizen.verdict)),
        *_reason(words, citizen.reason),
        ("full_name", citizen.full_name),
        ("birth_date", citizen.birth_date),
        ("sex", _word(words, "sex", citizen.sex)),
        ("personal_id", citizen.personal_id),
        ("previous_id", citizen.previous_id),
        ("ethnicity_code", _ethnicity(citizen.ethnicity_code)),
        ("nationality", citizen.nationality),
        ("residence", _address(words, citizen.residence)),
        ("current_address", _address(words, citizen.current_address)),
        ("place_of_origin", _address(words, citizen.place_of_origin)),
        ("source", citizen.source),
        ("asked", citizen.asked_at),
    ]
    lines = _lines(words, facts)
    if citizen.differences:
        lines.append(words.get("lookup.differences"))
        differ = [
            (
                one.field,
                words.get(
                    "lookup.difference", card=_differing(words, one.card), register=_differing(words, one.register)
                ),
            )
            for one in citizen.differences
        ]
        lines += [_INDENT + line for line in _lines(words, differ)]
    return lines


def _proposals(words: Words, hints: Entitlement | None) -> list[str]:
    if hints is None:
        return []
    days, five, percent = hints.expires_in_days, hints.five_years_reached, hints.benefit_percent
    share = None if percent is None else words.get("lookup.percent", percent=percent)
    facts: list[Fact] = [
        ("benefit", _coded(share, hints.benefit_level)),
        ("route", _word(words, "route", hints.route)),
        ("object_code", _object(words, hints.object_code)),
        ("five_years", None if five is None else words.get("lookup.yes" if five else "lookup.no")),
        ("expires", None if days is None else words.get("lookup.days", days=days)),
    ]
    return [words.get("lookup.proposals"), *(_INDENT + line for line in _lines(words, facts))]


def _lines(words: Words, facts: Iterable[Fact]) -> list[str]:
    return [f"{_label(words, name) + ':':<{_COLUMN}} {text}" for name, text in facts if text]


def _label(words: Words, name: str) -> str:
    """The field's word; a field of a newer bridge is called by its own name."""
    key = f"lookup.field.{name}"
    return words.get(key) if key in words else name


def _word(words: Words, kind: str, code: str | None) -> str | None:
    """What a code of ours means, the code beside it; a code of a newer bridge stands alone."""
    if code is None:
        return None
    key = f"lookup.{kind}.{code}"
    return _coded(words.get(key) if key in words else None, str(code))


def _differing(words: Words, value: str | None) -> str:
    """One side of a difference: the person's own text, or the word of a sex."""
    key = f"lookup.sex.{value}"
    return words.get(key) if key in words else value or "-"


def _coded(text: str | None, code: str | None) -> str | None:
    if text is None or code is None:
        return text or code
    return f"{text} [{code}]"


def _result(words: Words, code: str | None) -> str | None:
    if code is None:
        return None
    key = f"lookup.result.{code}"
    return _coded(words.get(key if key in words else "lookup.result.unknown"), code)


def _reason(words: Words, code: str | None) -> tuple[Fact, ...]:
    if code is None:
        return ()
    told = words.error(code)
    return ("reason", _coded(told.cause, code)), ("cure", told.cure)


def _between(words: Words, first: str | None, last: str | None) -> str | None:
    if first is None and last is None:
        return None
    return words.get("lookup.valid_between", from_day=first or "?", to_day=last or "?")


def _asked(words: Words, at: str | None, by: str | None) -> str | None:
    return at if at is None or by is None else words.get("lookup.asked_by", at=at, by=by)


def _object(words: Words, code: str | None) -> str | None:
    if code is None:
        return None
    # Imported here: a list of its own, read only where there is such a code.
    from config.codelists.groups import object_codes

    row = object_codes().get(code)
    name = None if row is None else row.name_vi if words.language == "vi" else row.name_en
    return _coded(name, code)


def _ethnicity(code: str | None) -> str | None:
    if code is None:
        return None
    from config.codelists.groups import ethnic_groups

    return _coded(next((group.name for group in ethnic_groups() if group.code == code), None), code)


def _address(words: Words, address: RegisteredAddress | None) -> str | None:
    """Its free part and its codes; without their names, for a code alone does not tell which era's it is."""
    if address is None:
        return None
    codes = [
        words.get(f"lookup.place.{name}", code=code)
        for name in ("ward_code", "district_code", "province_code")
        if (code := getattr(address, name))
    ]
    return ", ".join(part for part in (address.detail, *codes, address.country) if part) or None
