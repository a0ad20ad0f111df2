"""What supervisors do for a person who asks about their data: take it down, tell what is kept, hand out a copy, erase.

The person's number is typed for each act and must be theirs who asked; it is never kept. Every act is in the audit with
its own transaction. May be called from any thread; raises DatabaseUnavailable. Must not import Flask, a device library
or a connector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings
from kiosk import legal_basis, persons, requests
from kiosk.clock import Clock, at_site
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.person_copy import Copy, export
from kiosk.persons import Erased, Found
from kiosk.requests import Asked, Asker, Kind, Outcome, Request
from kiosk.retention import clean_file, renew_snapshots
from wire import chain, sqlite
from wire.database import DatabaseUnavailable, transaction
from wire.errors import TiepDonError


class OtherPerson(TiepDonError):
    """The number that was typed is not that of the person who asked."""

    code = "person.other_person"


class OtherKind(TiepDonError):
    """The person asked for something else: nothing is handed out or removed that nobody asked for."""

    code = "person.other_kind"


@dataclass(frozen=True)
class Gone:
    """What erasing did. `clean`: nothing of it is in free pages, log or snapshots; otherwise it goes at night."""

    erased: Erased
    clean: bool


class PersonDesk:
    """The requests on the site's database, opened at the first use."""

    def __init__(self, open_connection: Open, settings: Settings, clock: Clock) -> None:
        self._connection = SharedConnection(open_connection)
        self._settings = settings
        self._clock = clock
        self.close = self._connection.close

    def now(self) -> datetime:
        """At the site."""
        return at_site(self._clock.now(), self._settings.site.utc_offset_minutes)

    def all(self) -> Sequence[Request]:
        """Those that are open, then those that are done."""
        with self._connection.using() as connection:
            return requests.listed(connection, every=True)

    def add(self, kind: Kind, typed: str, asker: Asker, channel: str, by: str) -> Request:
        """Raises NotANumber."""
        asked = Asked(kind, persons.number_of(typed), asker, channel)
        with self._connection.using(writes=True) as connection, transaction(connection):
            return requests.add(connection, asked, by, self.now(), self._settings.retention.days_off)

    def answer(self, number: int, by: str) -> Request:
        """The person was told that it is being done, or why not. Raises NoSuchRequest."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            return requests.answer(connection, number, by, self.now())

    def finish(self, number: int, outcome: Outcome, by: str) -> Request:
        """Raises NoSuchRequest."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            return requests.finish(connection, number, outcome, by, self.now())

    def copy(self, number: int, typed: str, by: str) -> Copy:
        """Everything that is kept of the person, for them. Raises NotANumber, NoSuchRequest, OtherPerson, OtherKind."""
        with self._connection.using(writes=True) as connection:
            personal_id = _theirs(connection, number, typed, (Kind.VIEW, Kind.COPY))
            return export(connection, self._settings, personal_id, by, self.now())

    def look(self, number: int, typed: str, by: str) -> tuple[Found, tuple[str, ...]]:
        """What erasing would remove, and codes of what would stay. Raises as `copy`."""
        with self._connection.using(writes=True) as connection:
            found = persons.look(connection, _theirs(connection, number, typed, (Kind.ERASE,)), by, self.now())
            return found, persons.stays(found, self._settings)

    def erase(self, number: int, typed: str, by: str) -> Gone:
        """Raises as `copy`."""
        with self._connection.using(writes=True) as connection:
            personal_id = _theirs(connection, number, typed, (Kind.ERASE,))
            try:
                erased = persons.erase(connection, self._settings, personal_id, by, self.now())
            except OSError as error:  # the tombstone could not be kept: nothing is erased
                raise DatabaseUnavailable(why=type(error).__name__) from None
            clean = clean_file(connection)
        try:
            renew_snapshots(self._settings, self.now())
        except (TiepDonError, OSError):  # the person is gone; the purge renews them at night
            clean = False
        return Gone(erased, clean)

    def withdraw(self, number: int, typed: str, by: str) -> None:
        """The person takes their consent back. Raises as `copy`, and NoSuchConsent."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            personal_id = _theirs(connection, number, typed, (Kind.WITHDRAW,))
            legal_basis.withdraw(connection, personal_id, by, self.now())


def open_person_desk(settings: Settings, clock: Clock) -> PersonDesk:
    """On the site's database, which is opened at the first use."""
    return PersonDesk(site_database(settings), settings, clock)


def _theirs(connection: sqlite.Connection, number: int, typed: str, kinds: Sequence[Kind]) -> str:
    """The number that was typed, where it is theirs who asked for this and still wait."""
    personal_id, asked = persons.number_of(typed), requests.one(connection, number)
    if asked.done_at is not None:
        raise requests.NoSuchRequest
    if asked.kind not in kinds:
        raise OtherKind
    if chain.reference(connection, personal_id) != asked.person:
        raise OtherPerson
    return personal_id
