"""The look-ups put together as the settings say: who is asked, with what patience, what is kept, what is proposed.

Composes; decides nothing itself.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from config.settings import Settings
from hisbridge.connectivity import Breaker
from hisbridge.http import Post, poster
from hisbridge.lookups import his_proxy, insurance_portal, population_access
from hisbridge.lookups.contract import InsuranceLookup, PopulationLookup
from hisbridge.lookups.coverage import CoverageLookup, coverage_lookup
from hisbridge.lookups.entitlement import entitlement
from hisbridge.lookups.his_proxy import HisProxy
from hisbridge.lookups.insurance_portal import Clocks, InsurancePortal
from hisbridge.lookups.openness import is_answer
from hisbridge.lookups.patience import Pacing, rules, steadfast
from hisbridge.lookups.population import population
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion, Entitlement
from hisbridge.site_time import SiteTime
from hisbridge.trust import trust
from wire import sqlite

PORTAL, HIS_PROXY, POPULATION = "portal", "his_proxy", "population"  # names of the lines in /v1/health

T = TypeVar("T")


@dataclass(frozen=True)
class Around:
    """What the look-ups take from outside: clocks, and chance (0 to 1)."""

    clocks: Clocks = field(default_factory=Clocks)
    draw: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)


@dataclass(frozen=True)
class Source:
    """Who is asked for insurance: the portal, or the hospital system in its place. `seconds`: its own deadline;
    `address`: where it is, so that answers of a training system never serve for the real one."""

    lookup: InsuranceLookup
    line: Breaker
    seconds: float
    address: str


@dataclass(frozen=True)
class Register:
    """Who is asked for a citizen."""

    lookup: PopulationLookup
    line: Breaker


def insurance_source(settings: Settings, around: Around | None = None) -> Source:
    """The source the settings name, behind its breaker. Raises PortalCaFile."""
    around = around or Around()
    if settings.his_proxy.enabled:
        post, line = _line(HIS_PROXY, his_proxy.MAX_ANSWER, settings.his_proxy.ca_file, settings, around)
        asked: InsuranceLookup = HisProxy(
            settings.his_proxy, settings.site, post, around.clocks, settings.his_proxy.id_kinds
        )
        return Source(asked, line, settings.his_proxy.timeout_seconds, settings.his_proxy.base_url)
    post, line = _line(PORTAL, insurance_portal.MAX_ANSWER, settings.portal.ca_file, settings, around)
    asked = InsurancePortal(settings.portal, settings.site, post, around.clocks)
    return Source(asked, line, settings.portal.timeout_seconds, settings.portal.base_url)


def register(settings: Settings, around: Around | None = None) -> Register:
    """The population register over the transport the settings name. Raises PortalCaFile."""
    around = around or Around()
    post, line = _line(POPULATION, population_access.MAX_ANSWER, settings.population.ca_file, settings, around)
    return Register(population(settings.population, post, site_time(settings, around.clocks)), line)


def kept_for_the_day(
    settings: Settings, source: Source, open_connection: Callable[[], sqlite.Connection], around: Around
) -> CoverageLookup:
    """The source with the day's answers before it and the hints behind it.

    Raises KeyMissing, KeyUnusable.
    """
    return coverage_lookup(
        source.lookup,
        hints(settings),
        open_connection,
        site_time(settings, around.clocks),
        settings.lookups.cache_key_file,
        source.address,
        source.seconds,
    )


def hints(settings: Settings) -> Callable[[Coverage, CoverageQuestion], Entitlement]:
    """The rules of entitlement for this facility."""
    return lambda coverage, question: entitlement(coverage, question, settings.site, settings.facility)


def site_time(settings: Settings, clocks: Clocks) -> SiteTime:
    """The bridge's clocks with the site's day."""
    return SiteTime(settings.site.utc_offset_minutes, clocks.now, clocks.monotonic)


def answer_once(settings: Settings, question: Any, kind: type[T], seconds: float) -> T:
    """The answer to one question without a running bridge: nothing is kept, nothing is taken from what was kept."""
    answer: Coverage | Citizen
    if isinstance(question, CitizenQuestion):
        answer = register(settings).lookup.ask(question, seconds)
    else:
        answer = insurance_source(settings).lookup.ask(question, seconds)
        if is_answer(answer):
            answer = msgspec.structs.replace(answer, entitlement=hints(settings)(answer, question))
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} is not the {kind.__name__} that was asked for")
    return answer


def _line(name: str, most: int, ca_file: str, settings: Settings, around: Around) -> tuple[Post, Breaker]:
    """A post of its own for each outside system, so that one that hangs takes no connection from another."""
    breaker = Breaker(name, rules(settings.lookups), around.clocks.monotonic)
    pacing = Pacing(around.draw, around.clocks.monotonic)
    return steadfast(poster(most, trust(ca_file)), breaker, settings.lookups.retries, pacing), breaker
