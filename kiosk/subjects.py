"""Who an account is at the identity provider: bound the first time somebody signs in there, the same ever after.

A provider's names for people (`preferred_username`, an address) may be given to others one day, its `sub` never is
(OpenID Connect Core 1.0, 5.7). A reset of the account forgets it (kiosk/accounts.py). Must not import Flask.
"""

from kiosk.accounts import Accounts, note
from kiosk.clock import Clock
from wire.database import transaction
from wire.errors import TiepDonError

_ONE = "SELECT issuer, subject FROM account_subjects WHERE account = ?"
_BIND = "INSERT INTO account_subjects (account, issuer, subject) VALUES (?, ?, ?)"


class OtherPerson(TiepDonError):
    """The account belongs to somebody else at the identity provider, who had this name before."""

    code = "oidc.other_person"


class Subjects:
    """The bindings, on the accounts' own connection. Raises DatabaseUnavailable."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._connection = accounts.connection
        self._clock = clock

    def check(self, account: str, issuer: str, subject: str) -> None:
        """That it is still the person it was; whoever is the first is bound. Raises OtherPerson."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            row = connection.execute(_ONE, (account,)).fetchone()
            if row is None:
                connection.execute(_BIND, (account, issuer, subject))
                note(connection, int(self._clock.now().timestamp()), account, "bound", account)
            elif (row["issuer"], row["subject"]) != (issuer, subject):
                raise OtherPerson
