"""Whether a record that a search found is this person: the ID number finds, name and birth must agree with it. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from hisbridge.connectors.rest_api import read
from hisbridge.connectors.rest_fields import Who
from hisbridge.errors import PersonAmbiguous
from hisbridge.lookups.persons import iso_day, portal_day, same_day, same_name


def match(found: Sequence[Mapping[str, Any]], who: Who, fields: Mapping[str, str], date_form: str) -> str | None:
    """The number of the one record that is this person, None where there is none.

    Raises PersonAmbiguous (`why`): several records hold the ID number, or the one that does is somebody else by name
    or birth date. A record under the earlier number counts only where it agrees: such numbers were given out twice.
    """
    ours = [one for one in found if who.personal_id and _text(one, fields, "personal_id") == who.personal_id]
    if not ours and who.previous_id:
        held = (one for one in found if _text(one, fields, "personal_id") == who.previous_id)
        ours = [one for one in held if _agrees(one, who, fields, date_form)]
    numbers = {_text(one, fields, "record_number") for one in ours}
    if not numbers:
        return None
    if len(numbers) > 1:
        raise PersonAmbiguous(why="several", count=len(numbers))
    number = numbers.pop()
    if number is None:
        raise PersonAmbiguous(why="no_number")
    if not all(_agrees(one, who, fields, date_form) for one in ours):
        raise PersonAmbiguous(why="disagrees")
    return number


def _agrees(one: Mapping[str, Any], who: Who, fields: Mapping[str, str], date_form: str) -> bool:
    whole = _text(one, fields, "full_name")
    parts = (_text(one, fields, "family_and_middle"), _text(one, fields, "given_name"))
    theirs = whole or " ".join(part for part in parts if part)
    return _same_name(theirs, who.full_name or "") and _same_birth(
        _text(one, fields, "birth_date") or "", who.birth_date or "", date_form
    )


def _same_name(theirs: str, ours: str) -> bool:
    """Also where the other side keeps names without any diacritics: the ID number is the same already."""
    if not theirs or not ours:
        return False
    return same_name(theirs, ours) or (theirs.isascii() and same_name(theirs, _bare(ours)))


def _same_birth(theirs: str, ours: str, form: str) -> bool:
    known = iso_day(ours)
    told = _day(theirs, form)
    return known is not None and told is not None and same_day(told, known)


def _day(text: str, form: str) -> tuple[int, ...] | None:
    if form != "MM/dd/yyyy":
        return portal_day(text)
    parts = text.split(" ")[0].split("/")  # databases of that habit add a time
    return portal_day("/".join([parts[1], parts[0], parts[2]]) if len(parts) == 3 else text)


def _text(one: Mapping[str, Any], fields: Mapping[str, str], name: str) -> str | None:
    return read(one, fields.get(name, ""))


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
