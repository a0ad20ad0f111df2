"""The staff's application on a real database, with somebody signed in as each test needs.

`parts` makes the pages that a test wants on it: `DeskSite(folder, lambda site: [lambda app, build: blueprint(...)])`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from config.settings import Settings
from kiosk.accounts import Accounts, NameTaken, Role, open_accounts
from kiosk.queue.desk import Queue, open_queue
from kiosk.secret_hash import SecretHash
from kiosk.sessions import Sessions, open_sessions
from kiosk.sign_in import SignIn
from kiosk.store import Store, open_store
from tests.kiosk.world import HandClock, site
from ui.desk import csrf
from ui.desk.app import CLOSERS, FindMachine, Part, Staff, create_desk
from ui.desk.gate import cookie_name
from ui.desk.streams import LEASES, Leases

NAMES = {Role.RECEPTIONIST: "mai", Role.SUPERVISOR: "hoa", Role.TECHNICIAN: "tuan"}
FULL_NAMES = {Role.RECEPTIONIST: "Mẫu Thị Mai", Role.SUPERVISOR: "Mẫu Thị Hoa", Role.TECHNICIAN: "Mẫu Văn Tuấn"}
PIN = "270594"
QUICK = SecretHash(memory_kib=8, passes=1)  # as the real one, at once


class DeskSite:
    """A site with its store, its queue and the staff's pages. Give `settings` for others than the usual."""

    def __init__(
        self,
        folder: Path,
        parts: Callable[["DeskSite"], Sequence[Part]] = lambda _: (),
        settings: Settings | None = None,
        machine: FindMachine = lambda _: None,
        leases: Leases | None = None,
    ) -> None:
        self.settings: Settings = settings or site(folder)
        self.clock = HandClock()
        self.store: Store = open_store(self.settings, self.clock)
        self.queue: Queue = open_queue(self.settings, self.clock)
        self.accounts: Accounts = open_accounts(self.settings, self.clock)
        self.sessions: Sessions = open_sessions(self.settings, self.clock)
        self.door = SignIn(self.accounts, self.sessions, QUICK, self.clock)
        self.staff = Staff(self.accounts, self.sessions, self.door)
        self.app: Flask = create_desk(self.settings, self.staff, parts(self), machine, leases)
        self.leases: Leases = self.app.extensions[LEASES]

    def account(self, role: Role) -> str:
        """The name of somebody of this role, who has the PIN; made at the first call."""
        name = NAMES[role]
        with suppress(NameTaken):
            code = self.accounts.add(name, FULL_NAMES[role], role, "0" * 11 + "8")
            self.door.choose(name, code, PIN, "127.0.0.1")
        return name

    def token(self, role: Role) -> str:
        """A session of somebody of this role."""
        return self.sessions.begin(self.account(role))

    def cookie(self, role: Role) -> dict[str, str]:
        """The cookie of somebody signed in, for a browser."""
        return {cookie_name(self.settings): self.token(role)}

    def sign_in(self, role: Role) -> FlaskClient:
        """A client of somebody signed in, that presses as our own pages do."""
        client, token = self.stranger(), self.token(role)
        client.set_cookie(cookie_name(self.settings), token)
        client.environ_base["HTTP_X_CSRF_TOKEN"] = csrf.token_for(token)
        return client

    def stranger(self) -> FlaskClient:
        """A client of nobody, that presses as our own pages do."""
        client = self.app.test_client()
        client.environ_base["HTTP_HX_REQUEST"] = "true"
        return client

    def close(self) -> None:
        for close in self.app.extensions[CLOSERS]:
            close()
        self.staff.close()
        self.queue.close()
        self.store.close()
