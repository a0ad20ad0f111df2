"""What no single setting can tell: names used twice, a part switched on without what it needs.

Each section's own rules stand beside it (`config.front`, `config.care`); here are they all, and those that speak of
several sections. Must not read a file: it judges settings that were read.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from config.care import heartbeat_problems
from config.front import consent_problems, front_problems, staff_problems

if TYPE_CHECKING:
    from config.settings import Settings

Problem = tuple[str, str]  # the key as it is written with dots, and why


def problems(settings: "Settings") -> Iterator[Problem]:
    """Everything that is wrong with settings whose fields are right each by itself, as (key, why)."""
    kiosk = settings.kiosk
    if not 1 <= int(kiosk.listen.rpartition(":")[2]) <= 65535:
        yield "kiosk.listen", "no such port (1 to 65535)"
    if _same_place(kiosk.listen, settings.staff.listen):
        yield "staff.listen", "taken by kiosk.listen: another port is wanted"
    yield from _without_touchscreen(settings)
    if "printer" in kiosk.required_devices and kiosk.printer.kind == "none":
        yield "kiosk.required_devices", "printer: kiosk.printer.kind is none"
    yield from front_problems(kiosk.services, settings.queue)
    yield from consent_problems(kiosk.consent, (kiosk.language, *kiosk.display.languages))
    yield from staff_problems(settings.staff)
    yield from heartbeat_problems(settings.heartbeat)
    yield from _of_destinations(settings)
    yield from _lacking(settings)


def _same_place(one: str, other: str) -> bool:
    """Whether two addresses cannot both be listened on."""
    (host, _, port), (another, _, its_port) = one.rpartition(":"), other.rpartition(":")
    every = {"0.0.0.0", "[::]"}  # noqa: S104 - what is compared, never bound
    return bool(other) and int(port) == int(its_port) and (host == another or bool({host, another} & every))


def _without_touchscreen(settings: "Settings") -> Iterator[Problem]:
    """What contradicts a machine where nobody checks in."""
    if settings.kiosk.touchscreen:
        return
    if not settings.staff.listen:
        yield "staff.listen", "needed where kiosk.touchscreen = false: there would be nothing at this machine"
    if set(settings.kiosk.required_devices) - {"printer"}:
        yield "kiosk.required_devices", "only printer where kiosk.touchscreen = false"
    if any(destination.connector == "desk" for destination in settings.destinations):
        yield "destinations", "a machine without a touchscreen is the desk itself: it hands over to no other"


def _of_destinations(settings: "Settings") -> Iterator[Problem]:
    seen: set[str] = set()
    for number, destination in enumerate(settings.destinations):
        if destination.name in seen:
            yield f"destinations[{number}].name", "name used twice"
        seen.add(destination.name)
        # Two kiosks of one hall never give the same number, and what the desk takes over the desk hands on.
        if destination.connector == "desk":
            if not settings.kiosk.ticket_prefix:
                yield "kiosk.ticket_prefix", "needed with a desk: each kiosk of a hall has its own"
            if len(settings.destinations) > 1:
                yield f"destinations[{number}]", "a desk hands on to the others itself: it is the only destination"


def _lacking(settings: "Settings") -> Iterator[Problem]:
    """Parts that are switched on and lack what they need."""
    portal, his_proxy, population, oidc = settings.portal, settings.his_proxy, settings.population, settings.staff.oidc
    for key in ("base_url", "username", "password_file", "officer_name", "officer_id"):
        if portal.enabled and not getattr(portal, key):
            yield f"portal.{key}", "needed when portal.enabled = true"
    if portal.enabled and his_proxy.enabled:
        yield "his_proxy.enabled", "only one of portal and his_proxy can be asked"
    for key in ("issuer", "client_id"):
        if oidc.enabled and not getattr(oidc, key):
            yield f"staff.oidc.{key}", "needed when staff.oidc.enabled = true"
    for key in ("base_url", "merchant_id", "secret_file"):
        if his_proxy.enabled and not getattr(his_proxy, key):
            yield f"his_proxy.{key}", "needed when his_proxy.enabled = true"
    for key in ("base_url", "username", "password_file", "agency_code"):
        if population.transport != "none" and not getattr(population, key):
            yield f"population.{key}", "needed with a transport"
