"""The staff's application with the pages of accounts and machines on it, and the provider's where one is given."""

import re
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from config.front import BoardSettings, OidcSettings
from kiosk.accounts import Role
from kiosk.machines import Machines, Scope, open_machines
from tests.kiosk.world import HandClock, site
from tests.ui.desk_site import DeskSite
from tests.ui.technician_desk import text_of as text_of
from ui.desk.access import allow, signed
from ui.desk.gate import cookie_name
from ui.desk.machines import COOKIE, finder
from ui.people.parts import parts_of


class PeopleSite(DeskSite):
    """A site whose supervisors keep accounts and machines. `/probe` tells who is signed in."""

    def __init__(self, folder: Path, oidc: OidcSettings | None = None, **staffs: Any) -> None:
        settings = site(folder)
        staff = msgspec.structs.replace(settings.staff, oidc=oidc or settings.staff.oidc, **staffs)
        queue = msgspec.structs.replace(settings.queue, boards=(BoardSettings(name="hall"), BoardSettings(name="lab")))
        settings = msgspec.structs.replace(settings, staff=staff, queue=queue)
        self.machines: Machines = open_machines(settings, HandClock())
        super().__init__(folder, self._parts, settings, finder(self.machines, cookie_name(settings, COOKIE)))

    def _parts(self, _: DeskSite) -> tuple[Any, ...]:
        return (*parts_of(self.settings, self.staff, self.machines, self.clock), probe)

    def enrolled(self, name: str = "Hall", *scopes: Scope, page: str = "/probe") -> str:
        """The token of a machine that was let in."""
        return self.machines.enrol(self.machines.new_code(name, scopes or (Scope.BOARD,), "hoa", page)).token

    def close(self) -> None:
        self.machines.close()
        super().close()


def probe(_: Flask, __: str) -> Blueprint:
    """A page for boards and supervisors."""
    pages = allow(Blueprint("probe", __name__), Role.SUPERVISOR, Role.RECEPTIONIST, Scope.BOARD)

    @pages.get("/probe")
    def who() -> dict[str, object]:
        found = signed()
        return {"account": found.account, "machine": found.machine, "scopes": sorted(found.scopes)}

    return pages


def press(client: FlaskClient, path: str, **form: Any) -> tuple[int, str]:
    """A press of a button of the pages; status and answer."""
    answer = client.post(path, data=form)
    return answer.status_code, answer.get_data(as_text=True)


def handed_code(page: str) -> str:
    """The code that stands on a page."""
    found = re.search(r"data-handed>([A-Z0-9-]+)<", page)
    assert found is not None, text_of(page)
    return found[1]
