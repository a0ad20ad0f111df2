"""The fields of a hospital system's answer by our names, whatever it calls them and wherever it nests them. Pure."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from config.settings import HisProxySettings
from hisbridge.lookups.his_proxy_errors import HisProxyIncomplete, HisProxyNotConfigured
from hisbridge.lookups.persons import PartialDay
from hisbridge.lookups.portal_json import text_of

ANSWERS = frozenset(
    {
        *("result_code", "accepted", "route", "full_name", "birth_date", "sex"),
        *("card_number", "valid_from", "valid_to", "registered_facility"),
        *("new_card_number", "new_valid_from", "new_valid_to", "new_registered_facility"),
        *("social_security_number", "living_area", "five_year_date"),
    }
)

_FLAGS = {"1": True, "true": True, "0": False, "false": False}
_YEAR = "(?:18|19|20|21|99)[0-9]{2}"
# Eight digits are taken year first; day first never looks like it, as month 18 to 21 does not exist. The data standard
# appends the hour, and zeros for what is not known (services.md 3.1). Year 0001 is how some systems write "none".
_DATES = tuple(
    re.compile(form)
    for form in (
        rf"(?P<year>{_YEAR})(?:-(?P<month>[0-9]{{2}})(?:-(?P<day>[0-9]{{2}}))?)?",
        rf"(?:(?:(?P<day>[0-9]{{1,2}})/)?(?P<month>[0-9]{{1,2}})/)?(?P<year>{_YEAR})",
        rf"(?P<year>{_YEAR})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:[0-9]{{4}})?",
    )
)


class Fields:
    """The answer's fields by our names, found by the paths of the settings (`a.b`: b inside a)."""

    def __init__(self, data: Mapping[str, Any], settings: HisProxySettings) -> None:
        self._data = data
        self._paths = {ours: path.lower() for ours, path in settings.answers.items() if path}
        for ours in self._paths:
            if ours not in ANSWERS:
                raise HisProxyNotConfigured(key=f"his_proxy.answers.{ours}")
        if not {"result_code", "accepted"} & set(self._paths):
            raise HisProxyNotConfigured(key="his_proxy.answers.result_code")

    def expected(self, name: str) -> bool:
        """Whether the settings name a field for it."""
        return name in self._paths

    def text(self, name: str, digits: int = 0) -> str:
        """The field as text, "" where it is missing or no text. Raises PortalGarbled where it is given twice.

        A number of `digits` gets the one zero back that it lost in front: codes of provinces, and with them those of
        facilities and the social security numbers, begin with no more.
        """
        inside, last = self._place(name)
        if inside is None:
            return ""
        text = text_of(inside, last)
        return text.zfill(digits) if isinstance(inside.get(last), int) and len(text) + 1 == digits else text

    def code(self, name: str) -> str:
        """The field as a code of three characters. Raises PortalGarbled."""
        inside, last = self._place(name)
        return "" if inside is None else code_of(inside, last)

    def given(self, name: str) -> bool:
        """Whether the answer holds anything there, readable or not."""
        inside, last = self._place(name)
        return inside is not None and inside.get(last) not in (None, "")

    def flag(self, name: str) -> bool | None:
        """True, False, or None where it is not told. Raises HisProxyIncomplete for anything else."""
        if not self.given(name):
            return None
        inside, last = self._place(name)
        value = inside[last] if inside is not None else None
        told = str(value).lower() if isinstance(value, bool) else self.text(name).lower()
        if told not in _FLAGS:
            raise HisProxyIncomplete(field=name)
        return _FLAGS[told]

    def day(self, name: str) -> date | None:
        """A whole date, or None where there is none. Raises HisProxyIncomplete where it cannot be read."""
        parts = self.partial_day(name)
        if parts is None:
            return None
        if len(parts) != 3:
            raise HisProxyIncomplete(field=name)
        return date(*parts)

    def partial_day(self, name: str) -> PartialDay | None:
        """A date as far as it is told. Raises HisProxyIncomplete where it cannot be read."""
        if not self.given(name):
            return None
        parts = read_day(self.text(name))
        if parts is None:
            raise HisProxyIncomplete(field=name)
        return parts

    def _place(self, name: str) -> tuple[Mapping[str, Any] | None, str]:
        path = self._paths.get(name)
        if path is None:
            return None, ""
        if path in self._data:
            return self._data, path
        inside: Any = self._data
        *way, last = path.split(".")
        for step in way:
            inside = inside.get(step) if isinstance(inside, dict) else None
        return (inside if isinstance(inside, dict) else None), last


def code_of(told: Mapping[str, Any], key: str) -> str:
    """A code of three characters; a number has lost its zeros on the way, and so has a single digit as text."""
    text = text_of(told, key)
    number = isinstance(told.get(key), int) or len(text) == 1 or text == "00"
    return text.zfill(3) if number and text.isdecimal() else text


def read_day(text: str) -> PartialDay | None:
    """`yyyy-MM-dd`, `dd/MM/yyyy` or `yyyyMMdd` (with or without the hour), as far as told; None where it is none."""
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    parts = tuple(int(part) for part in found.group("year", "month", "day") if part)
    known = parts[: parts.index(0)] if 0 in parts else parts
    try:
        date(*(*known, 1, 1)[:3])
    except ValueError:
        return None
    return known
