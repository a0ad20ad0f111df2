"""The population register behind its port: ask over the transport the settings choose, compare, tell the difference.

A person is found only where number, name and birth date all agree (services.md 4.3). Where card and register differ,
both sides are shown and neither is merged into the other; a register that describes somebody else is told as such and
its data go no further. Where the settings say `verify`, the register only confirms the data and tells none of its own;
what it did not say stays empty. No failure of the other side reaches the check-in as an exception.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from typing import Protocol
from uuid import uuid4

from config.settings import PopulationSettings
from hisbridge.errors import LookupOffline
from hisbridge.http import Post
from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.persons import PartialDay, iso_day, same_day, same_name
from hisbridge.lookups.population_access import LgspAccess, XRoadAccess
from hisbridge.lookups.population_answer import Entry, clean, confirmed, entries, sex_codes
from hisbridge.lookups.population_errors import (
    PopulationDisabled,
    PopulationError,
    PopulationGarbled,
    PopulationIncomplete,
    PopulationSetup,
)
from hisbridge.lookups.population_question import Sought, sought, without_marks
from hisbridge.lookups.population_rest import RestTransport
from hisbridge.lookups.population_soap import SoapTransport
from hisbridge.lookups.residence import lives_elsewhere, readable
from hisbridge.questions import Citizen, CitizenQuestion, Difference, Register
from hisbridge.site_time import SiteTime
from hisbridge.xml import Node

NUMBER_DISAGREES = "population.number_disagrees"
NAME_DISAGREES = "population.name_disagrees"
BIRTH_DATE_DISAGREES = "population.birth_date_disagrees"
ONLY_CONFIRMED = "population.only_confirmed"
NOT_CONFIRMED = "population.not_confirmed"

LONGEST_WAIT = 86400.0  # seconds
# For diagnosis: a number that no province issued (services.md 0.3).
NOBODY = CitizenQuestion(personal_id="000000000000", full_name="Không Có Ai", birth_date="1900")


class Transport(Protocol):
    """One way to the register."""

    def answer(self, sought: Sought, deadline: float) -> Node:
        """What the register says about this number, name and birth date. Raises a PopulationError."""
        ...


TRANSPORTS: Mapping[str, Callable[[PopulationSettings, Post, SiteTime], Transport | None]] = {
    "none": lambda *_: None,
    "soap_xroad": lambda settings, post, time: SoapTransport(settings, XRoadAccess(settings, post, time)),
    "soap_lgsp": lambda settings, post, time: SoapTransport(settings, LgspAccess(settings, post, time, with_pass=True)),
    "rest_lgsp": lambda settings, post, time: RestTransport(
        settings, LgspAccess(settings, post, time, with_pass=False)
    ),
}


def population(settings: PopulationSettings, post: Post, time: SiteTime) -> PopulationLookup:
    """The look-up for `settings.transport`; `post` takes at most population_access.MAX_ANSWER bytes."""
    return PopulationRegister(settings, TRANSPORTS[settings.transport](settings, post, time), time)


class PopulationRegister:
    """The register over one transport. May be asked from several threads."""

    def __init__(
        self,
        settings: PopulationSettings,
        transport: Transport | None,
        time: SiteTime,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._time = time
        self._new_id = new_id

    def ask(self, question: CitizenQuestion, seconds: float | None = None) -> Citizen:
        """Ask for this person within `seconds` (default: the setting). Never raises for the register's sake."""
        asked_at = self._asked_at()
        try:
            told = self._told(question, seconds)
            if self._settings.operation == "verify":
                return self._verified(told, asked_at)
            people = entries(told, sex_codes(self._settings.sex_codes))
            return compared(people, question, self._settings, asked_at)
        except PopulationSetup as error:
            return Citizen(verdict=Register.CONFIGURATION_ERROR, reason=error.code, asked_at=asked_at)
        except (PopulationError, LookupOffline) as error:
            return Citizen(verdict=Register.UNVERIFIED, reason=error.code, asked_at=asked_at)

    def probe(self, seconds: float | None = None) -> None:
        """Ask for a number that nobody has, for diagnosis. Raises the PopulationError that says why that fails."""
        told = self._told(NOBODY, seconds)
        if self._settings.operation == "verify":
            confirmed(told, self._settings.verified_fields)
        else:
            entries(told)

    def _verified(self, told: Node, asked_at: str) -> Citizen:
        """Yes or no to the data as a whole; which of them is wrong, or whether nobody has the number, is not told."""
        there = confirmed(told, self._settings.verified_fields)
        return Citizen(
            verdict=Register.FOUND if there else Register.NOT_FOUND,
            reason=ONLY_CONFIRMED if there else NOT_CONFIRMED,
            source=f"population:{self._settings.transport}",
            asked_at=asked_at,
        )

    def _told(self, question: CitizenQuestion, seconds: float | None) -> Node:
        if self._transport is None:
            raise PopulationDisabled
        wait = self._settings.timeout_seconds if seconds is None else seconds
        deadline = self._time.monotonic() + min(max(wait, 0.0), LONGEST_WAIT)
        return self._transport.answer(sought(question, self._settings, self._new_id()), deadline)

    def _asked_at(self) -> str:
        zone = timezone(timedelta(minutes=self._time.utc_offset_minutes))
        return self._time.now().astimezone(zone).isoformat(timespec="seconds")


def compared(
    people: tuple[Entry, ...], question: CitizenQuestion, settings: PopulationSettings, asked_at: str
) -> Citizen:
    """What the register's answer means for this question.

    Raises PopulationIncomplete where nothing proves that the answer is about the person asked for, PopulationGarbled
    where it describes several.
    """
    source = f"population:{settings.transport}"
    if not people:
        return Citizen(verdict=Register.NOT_FOUND, source=source, asked_at=asked_at)
    held = _by_number(people, question)
    if held is None:
        return Citizen(verdict=Register.MISMATCH, reason=NUMBER_DISAGREES, source=source, asked_at=asked_at)
    if reason := _disagreement(held, question, settings):
        return Citizen(
            verdict=Register.MISMATCH,
            reason=reason,
            differences=tuple(_identity_differences(held, question, settings)),
            source=source,
            asked_at=asked_at,
        )
    return Citizen(
        verdict=Register.FOUND,
        personal_id=held.personal_id,
        previous_id=held.previous_id,
        full_name=held.full_name,
        birth_date=_iso(held.birth_date),
        sex=held.sex,
        ethnicity_code=held.ethnicity_code,
        nationality=held.nationality,
        residence=held.residence,
        current_address=held.current_address,
        place_of_origin=held.place_of_origin,
        differences=tuple(differences(held, question)),
        source=source,
        asked_at=asked_at,
    )


def differences(held: Entry, question: CitizenQuestion) -> list[Difference]:
    """Where card and register do not say the same of a person who is the same, field by field."""
    found = []
    if not same_name(clean(question.full_name), held.full_name):
        # Only the marks may be missing here, see _name_agrees; whether they would be the same ones nobody knows.
        found.append(Difference(field="full_name", card=question.full_name, register=held.full_name))
    if question.sex in ("male", "female") and held.sex in ("male", "female") and question.sex != held.sex:
        found.append(Difference(field="sex", card=question.sex, register=held.sex))
    if question.previous_id and held.previous_id and question.previous_id != held.previous_id:
        found.append(Difference(field="previous_id", card=question.previous_id, register=held.previous_id))
    if question.residence and held.residence and lives_elsewhere(clean(question.residence), held.residence):
        told = readable(held.residence)
        found.append(Difference(field="residence", card=question.residence, register=told))
    return found


def _by_number(people: tuple[Entry, ...], question: CitizenQuestion) -> Entry | None:
    """The one person under the number that was asked for; None where the register names others."""
    key = "personal_id" if question.personal_id else "previous_id"
    asked = getattr(question, key)
    numbered = list(dict.fromkeys(person for person in people if getattr(person, key) == asked))
    if len(numbered) > 1:
        # Nine-digit numbers were issued by each province for itself and are not unique; twelve digits are.
        raise PopulationGarbled(why="several persons")
    if numbered:
        return numbered[0]
    if any(getattr(person, key) is None for person in people):
        raise PopulationIncomplete
    return None


def _disagreement(held: Entry, question: CitizenQuestion, settings: PopulationSettings) -> str | None:
    """Why the register's person is not the card's; None where name and birth date agree as far as both are known."""
    born = iso_day(question.birth_date)
    if held.birth_date is None or born is None:
        raise PopulationIncomplete
    if not _name_agrees(held, question, settings):
        return NAME_DISAGREES
    return None if same_day(held.birth_date, born) else BIRTH_DATE_DISAGREES


def _identity_differences(held: Entry, question: CitizenQuestion, settings: PopulationSettings) -> list[Difference]:
    """Of somebody who may be another person: what disagrees, and nothing else."""
    found = []
    if not _name_agrees(held, question, settings):
        found.append(Difference(field="full_name", card=question.full_name, register=held.full_name))
    born = iso_day(question.birth_date)
    if born is not None and held.birth_date is not None and not same_day(held.birth_date, born):
        found.append(Difference(field="birth_date", card=question.birth_date, register=_iso(held.birth_date)))
    return found


def _name_agrees(held: Entry, question: CitizenQuestion, settings: PopulationSettings) -> bool:
    """The same person's name; a gateway that takes names without marks may give them back without."""
    asked = clean(question.full_name)
    if same_name(asked, held.full_name):
        return True
    bare = settings.name_style == "upper_ascii" and without_marks(held.full_name) == held.full_name
    return bare and same_name(without_marks(asked), held.full_name)


def _iso(day: PartialDay | None) -> str | None:
    return "-".join(f"{part:0{4 if place == 0 else 2}d}" for place, part in enumerate(day)) if day else None
