"""A person's insurance as the bridge answers it: the day's answers, then the source, then the hints for the counter.

Composes; the source (portal or hospital system) and the rules of entitlement are handed in.
"""

import logging
from collections.abc import Callable

import msgspec

from hisbridge.lookups.contract import InsuranceLookup
from hisbridge.lookups.day_cache import DayCache
from hisbridge.lookups.kept_answers import KeptAnswers
from hisbridge.lookups.openness import is_answer
from hisbridge.lookups.portal_answer import Asked
from hisbridge.questions import Coverage, CoverageQuestion, Entitlement
from hisbridge.sealing import sealer
from hisbridge.site_time import SiteTime
from wire import sqlite

log = logging.getLogger(__name__)

Entitling = Callable[[Coverage, CoverageQuestion], Entitlement | None]


class CoverageLookup:
    """The insurance look-up of the bridge process. May be used from several threads."""

    def __init__(self, answers: DayCache, entitlement: Entitling) -> None:
        self._answers = answers
        self._entitlement = entitlement

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """The answer within `seconds` (default: the source's setting), today's if it was asked before."""
        return self._with_hints(self._answers.ask(question, seconds), question)

    def ask_fresh(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """The answer within `seconds`, asked now, whatever was answered before."""
        return self._with_hints(self._answers.ask_fresh(question, seconds), question)

    def probe(self, seconds: float | None = None) -> None:
        """As the source's own."""
        self._answers.probe(seconds)

    def asked(self) -> Asked:
        """As the source's own."""
        return self._answers.asked()

    def forget_past_days(self) -> None:
        """Remove the answers of every day but the site's present one."""
        self._answers.forget_past_days()

    def close(self) -> None:
        """Let the database go."""
        self._answers.close()

    def _with_hints(self, answer: Coverage, question: CoverageQuestion) -> Coverage:
        """The answer with proposals, where the insurer answered; drawn anew each time, by the settings of now."""
        if not is_answer(answer):
            return answer
        try:
            hints = self._entitlement(answer, question)
        except Exception as error:
            # A proposal less, never an answer less. The text may quote the person.
            log.error("entitlement cannot be proposed (%s)", type(error).__name__)
            return answer
        return answer if hints is None else msgspec.structs.replace(answer, entitlement=hints)


def coverage_lookup(
    source: InsuranceLookup,
    entitlement: Entitling,
    open_connection: Callable[[], sqlite.Connection],
    time: SiteTime,
    key_file: str,
    told_by: str,
    usual_seconds: float,
) -> CoverageLookup:
    """The look-up with its day's answers in the shared database, sealed under the key in `key_file` (empty: a key
    that lives as long as the process, so that only one process may use the table).

    `told_by` names the source, `usual_seconds` is its own deadline. Raises KeyMissing, KeyExposed,
    KeyUnusable.
    """
    seals = sealer(key_file)
    kept = KeptAnswers(open_connection, seals)
    return CoverageLookup(DayCache(source, kept, seals.name, time, told_by, usual_seconds), entitlement)
