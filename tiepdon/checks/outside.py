"""Looks at whoever answers for insurance and population: reachable, certificate, account, officer, address, speed.

A question about nobody is asked. The check-in goes on without an answer, so the worst of findings is a warning.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from wire.errors import TiepDonError

PORTAL, HIS_PROXY, POPULATION, CLOCK = "portal", "his_proxy", "population", "clock"
MOST_SKEW_SECONDS = 60
MAX_ANSWER = 1 << 20  # bytes
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


def look_at_clock(settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Finding]:
    """One finding: this machine's clock beside that of whoever is asked for insurance or population (RFC 9110, 6.6.1).

    Tokens, signatures and certificates end by the clock; a Raspberry Pi has none that runs without power.
    """
    until = time.monotonic() + LONGEST_SECONDS
    # One after the other: a clock that is far off makes certificates look expired, and only http still tells the time.
    moments = (_told_by(url, ca_file, until) for url, ca_file in _addresses(settings))
    told = next((moment for moment in moments if moment is not None), None)
    if told is None:
        yield Finding(probe=CLOCK, status=Status.OK, data={"compared": False})
        return
    ahead = round((now() - told).total_seconds())
    if abs(ahead) > MOST_SKEW_SECONDS:
        yield Finding(probe=CLOCK, status=Status.WARN, code="doctor.clock_wrong", data={"seconds_ahead": ahead})
    else:
        yield Finding(probe=CLOCK, status=Status.OK, data={"compared": True, "seconds_ahead": ahead})


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Whose clocks can be asked for, and the authorities they are trusted by."""
    if settings.his_proxy.enabled:
        yield settings.his_proxy.base_url, settings.his_proxy.ca_file
    elif settings.portal.enabled:
        yield settings.portal.base_url, settings.portal.ca_file
    if settings.population.transport != "none":
        yield settings.population.base_url, settings.population.ca_file


def _told_by(url: str, ca_file: str, until: float) -> datetime | None:
    """The moment that an answer from there names; None where none comes before `until` (monotonic seconds)."""
    from hisbridge.http import Question, poster
    from hisbridge.trust import trust

    half = time.monotonic() + (until - time.monotonic()) / 2  # so that one that hangs leaves time for the next
    try:
        post = poster(MAX_ANSWER, trust(ca_file))
        return _moment(post(Question(url, b"", "text/plain", {}, method="GET"), half).date)
    except TiepDonError:
        return None  # the system's own probe says why


def _moment(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return told if told.tzinfo is not None else None


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
