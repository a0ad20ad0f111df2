"""What is sent to the population register, whatever the transport: one person, in the forms that provinces want.

Pure. Lengths and fields: services.md 4.3.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date

from config.settings import PopulationSettings
from hisbridge.lookups.persons import iso_day, tidy
from hisbridge.lookups.population_errors import PopulationNotConfigured, PopulationQuestionUnusable
from hisbridge.questions import CitizenQuestion

MAX_REQUEST_ID = 40  # characters
MAX_NAME = 100
_MAX_SETTING = {"procedure_code": 20, "integration_code": 20, "agency_code": 35}
_MAX_OFFICER = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class Sought:
    """One request's fields, ready to be written; exactly one of the numbers and one of the dates is there."""

    request_id: str
    procedure_code: str
    integration_code: str
    officer: str
    agency_code: str
    account: str
    phone: str
    personal_id: str | None
    previous_id: str | None
    name: str
    birth_day: str | None
    birth_year: str | None


def sought(question: CitizenQuestion, settings: PopulationSettings, request_id: str) -> Sought:
    """The request for this question. Raises PopulationQuestionUnusable or PopulationNotConfigured."""
    for key, longest in _MAX_SETTING.items():
        if len(getattr(settings, key)) > longest:
            raise PopulationNotConfigured(key=f"population.{key}")
    name = styled(question.full_name, settings.name_style)
    if not name or len(name) > MAX_NAME:
        raise PopulationQuestionUnusable(why="name")
    personal_id, previous_id = _numbers(question)
    day, year = _birth(question.birth_date, settings.date_format)
    return Sought(
        request_id=request_id[:MAX_REQUEST_ID],
        procedure_code=settings.procedure_code,
        integration_code=settings.integration_code,
        officer=_officer(question, settings),
        agency_code=settings.agency_code,
        account=settings.account,
        phone=settings.phone,
        personal_id=personal_id,
        previous_id=previous_id,
        name=name,
        birth_day=day,
        birth_year=year,
    )


def styled(name: str, style: str) -> str:
    """The name in capitals; with `upper_ascii` without diacritics, as some gateways want it."""
    upper = tidy(_printable(name)).upper()
    return without_marks(upper) if style == "upper_ascii" else unicodedata.normalize("NFC", upper)


def without_marks(text: str) -> str:
    """Đ and eth as D, every mark above, through and below a letter gone."""
    plain = text.translate({0x110: "D", 0x111: "d", 0xD0: "D", 0xF0: "d"})
    letters = unicodedata.normalize("NFD", plain)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _printable(text: str) -> str:
    """Control and format characters, lone surrogates and the like belong to no name."""
    return "".join(" " if letter.isspace() else letter for letter in text if _belongs(letter))


def _belongs(letter: str) -> bool:
    return letter.isspace() or not unicodedata.category(letter).startswith("C")


def _numbers(question: CitizenQuestion) -> tuple[str | None, str | None]:
    if question.personal_id:
        if not _digits(question.personal_id, 12):
            raise PopulationQuestionUnusable(why="personal_id")
        return question.personal_id, None
    if question.previous_id and _digits(question.previous_id, 9):
        return None, question.previous_id
    raise PopulationQuestionUnusable(why="number")


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _birth(text: str, form: str) -> tuple[str | None, str | None]:
    """Day, or where it is not known the year; the register has no form for year and month alone."""
    parts = iso_day(text)
    if parts is None:
        raise PopulationQuestionUnusable(why="birth_date")
    try:
        day = date(*(*parts, 1, 1)[:3])
    except ValueError:
        raise PopulationQuestionUnusable(why="birth_date") from None
    if len(parts) < 3:
        return None, f"{day.year:04d}"
    return (day.isoformat() if form == "yyyy-MM-dd" else day.isoformat().replace("-", "")), None


def _officer(question: CitizenQuestion, settings: PopulationSettings) -> str:
    """MaCanBo: the one set up; with none set up the officer who asks, by ID number, as one system does."""
    officer = settings.officer or (question.officer.personal_id if question.officer else "")
    if not officer or len(officer) > _MAX_OFFICER:
        raise PopulationNotConfigured(key="population.officer")
    return officer
