"""The pages of this package and the provider's, as parts of the staff's application."""

import time

from config.settings import Settings
from kiosk.clock import Clock
from kiosk.machines import Machines
from kiosk.person_desk import open_person_desk
from kiosk.subjects import Subjects
from kiosk.visit_views import open_visit_views
from ui.desk.app import Part, Staff
from ui.people import entrance, machines, person_requests, routes, sessions
from ui.people.entrance import Door
from ui.people.tries import Tries


def parts_of(settings: Settings, staff: Staff, known: Machines, clock: Clock) -> tuple[Part, ...]:
    """Accounts, sessions, persons' requests, machines, the boards' way in, and the identity provider where there is
    one."""
    seen = open_visit_views(settings, clock)
    asked = open_person_desk(settings, clock)
    parts: list[Part] = [
        lambda app, build: routes.blueprint(app, settings, staff.accounts, seen, clock, build),
        lambda app, build: sessions.blueprint(app, settings, staff.sessions, build),
        lambda app, build: person_requests.blueprint(app, settings, asked, build),
        lambda app, build: machines.blueprint(app, settings, known, clock.now, build),
        lambda app, build: entrance.blueprint(app, settings, Door(known, Tries(time.monotonic)), build),
    ]
    if settings.staff.oidc.enabled:
        from ui.desk import provider_pages  # what judges tokens is loaded where there is a provider

        provider = provider_pages.ProviderAtFirstUse(settings.staff.oidc, lambda: clock.now().timestamp())
        subjects = Subjects(staff.accounts, clock)
        people = (staff.accounts, staff.sessions, subjects)
        parts.append(lambda app, build: provider_pages.blueprint(app, settings, *people, provider, build))
    return tuple(parts)
