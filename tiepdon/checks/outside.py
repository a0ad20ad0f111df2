"""Looks at whoever answers for insurance and population: reachable, certificate, account, officer, address, speed.

A question about nobody is asked. The check-in goes on without an answer, so the worst of findings is a warning.
"""

import time
from collections.abc import Callable, Iterator

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from wire.errors import TiepDonError

PORTAL, HIS_PROXY, POPULATION = "portal", "his_proxy", "population"
LONGEST_SECONDS = 5.0  # how long an answer may take


def look_at_insurance(settings: Settings) -> Iterator[Finding]:
    """One finding of the source that the settings name."""
    if not (settings.portal.enabled or settings.his_proxy.enabled):
        yield Finding(probe=PORTAL, status=Status.WARN, code="portal.disabled")
        return
    from hisbridge.assembly import insurance_source

    source = insurance_source(settings)
    yield _asked(source.line.name, source.lookup.probe, source.seconds, settings)


def look_at_population(settings: Settings) -> Iterator[Finding]:
    """One finding of the register; none is wanted where the transport is `none`."""
    if settings.population.transport == "none":
        yield Finding(probe=POPULATION, status=Status.OK, data={"configured": False})
        return
    from hisbridge.assembly import register

    yield _asked(POPULATION, register(settings).lookup.probe, settings.population.timeout_seconds, settings)


def _asked(probe: str, ask: Callable[[float], None], seconds: float, settings: Settings) -> Finding:
    begun = time.monotonic()
    try:
        ask(min(seconds, LONGEST_SECONDS))
    except TiepDonError as error:
        return Finding(probe=probe, status=Status.WARN, code=error.code, data=error.data)
    took = time.monotonic() - begun
    data = {"milliseconds": round(1000 * took)}
    if took > settings.kiosk.coverage_deadline_seconds:
        # Every person would go on without an answer.
        return Finding(probe=probe, status=Status.WARN, code="doctor.answers_late", data=data)
    return Finding(probe=probe, status=Status.OK, data=data)
