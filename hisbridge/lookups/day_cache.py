"""The day's answers: the same person asked about twice on one day costs the outside one question, however many ask.

Wraps an insurance look-up and is one itself. Only decided answers are kept, sealed, with the moment at which they
were really asked; what cannot be kept is simply asked again. One question at a time per person is on its way; the
others wait for its answer, none longer than its own deadline.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC

from hisbridge.errors import PortalTimeout
from hisbridge.lookups.contract import InsuranceLookup
from hisbridge.lookups.kept_answers import KeptAnswers
from hisbridge.lookups.openness import is_answer, is_worth_keeping
from hisbridge.lookups.persons import tidy
from hisbridge.lookups.portal_answer import Asked
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
from hisbridge.site_time import SiteTime

LONGEST_SECONDS = 86_400.0
WORTH_ASKING_SECONDS = 0.5  # with this much more time than the one who asked in vain, it is worth asking again

Naming = Callable[[list[str | None]], str]


@dataclass(eq=False)
class _Flight:
    """One question on its way. `answer` stays None when who asked came to grief."""

    deadline: float  # monotonic seconds
    fresh: bool
    done: threading.Event = field(default_factory=threading.Event)
    answer: Coverage | None = None


class DayCache:
    """Answers of the day before questions to `source`. May be used from several threads.

    `told_by` names who answers (an address): another source's answers are another day's work. `name` gives a keyed
    hash (hisbridge.sealing). `usual_seconds` is the deadline of a question that names none.
    """

    def __init__(
        self,
        source: InsuranceLookup,
        kept: KeptAnswers,
        name: Naming,
        time: SiteTime,
        told_by: str,
        usual_seconds: float,
    ) -> None:
        self._source = source
        self._kept = kept
        self._name = name
        self._time = time
        self._told_by = told_by
        self._usual_seconds = usual_seconds
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}
        self._clean_day: str | None = None  # the day for which all others were forgotten

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """Today's answer if there is one, else the source's within `seconds` (default: the usual)."""
        key, deadline = self._key(question), self._deadline(seconds)
        self.forget_past_days()
        known = self._kept.find(key, self._time.today())
        return known if known is not None else self._asked_outside(key, question, deadline, fresh=False)

    def ask_fresh(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """The source's answer within `seconds`, whatever was answered before; it takes the place of the day's."""
        key, deadline = self._key(question), self._deadline(seconds)
        self.forget_past_days()
        return self._asked_outside(key, question, deadline, fresh=True)

    def probe(self, seconds: float | None = None) -> None:
        """As the source's own."""
        self._source.probe(seconds)

    def asked(self) -> Asked:
        """As the source's own."""
        return self._source.asked()

    def forget_past_days(self) -> None:
        """Remove the answers of every day but the site's present one; to be called now and then also while idle."""
        today = self._time.today()
        if self._clean_day != today and self._kept.forget_all_but(today):
            self._clean_day = today

    def close(self) -> None:
        """Let the database go."""
        self._kept.close()

    def _asked_outside(self, key: str, question: CoverageQuestion, deadline: float, fresh: bool) -> Coverage:
        while (remaining := deadline - self._time.monotonic()) > 0:
            mine = _Flight(deadline, fresh)
            flight = self._joined(key, mine)
            if flight is mine:
                return self._flown(key, question, mine, remaining)
            if not flight.done.wait(remaining):
                break
            if flight.answer is not None and not _worth_another(flight, deadline):
                return flight.answer
        asked = self._source.asked()
        return Coverage(
            verdict=Verdict.UNVERIFIED,
            reason=PortalTimeout.code,
            act=Act.WAIT,
            asked_at=asked.at,
            asked_by=asked.by,
        )

    def _joined(self, key: str, mine: _Flight) -> _Flight:
        """The flight to wait for: one already on its way, or mine. A fresh question overtakes one that is not."""
        with self._lock:
            under_way = self._flights.get(key)
            if under_way is not None and (under_way.fresh or not mine.fresh):
                return under_way
            self._flights[key] = mine
            return mine

    def _flown(self, key: str, question: CoverageQuestion, flight: _Flight, seconds: float) -> Coverage:
        today = self._time.today()
        try:
            # Another may have landed between the look at the day's answers and this flight's start.
            known = None if flight.fresh else self._kept.find(key, today)
            flight.answer = answer = known if known is not None else self._source.ask(question, seconds)
            if known is None and is_answer(answer):
                flight.done.set()  # nobody waits for the disk but the one who writes
                self._remember(key, today, answer, flight)
            return answer
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.done.set()

    def _remember(self, key: str, day: str, answer: Coverage, flight: _Flight) -> None:
        """Keep an answer of `day`, unless the day is over or a fresher question has been asked meanwhile."""
        if not is_worth_keeping(answer) or day != self._time.today():
            if self._is_newest(key, flight):
                self._kept.drop(key)  # it is not true any more
            return
        kept_at = self._time.now().astimezone(UTC).isoformat(timespec="seconds")
        self._kept.keep(key, day, answer, lambda: self._is_newest(key, flight), kept_at)

    def _is_newest(self, key: str, flight: _Flight) -> bool:
        with self._lock:
            return self._flights.get(key) is flight

    def _key(self, question: CoverageQuestion) -> str:
        """All that the answer depends on; who asks is not part of it."""
        return self._name(
            [
                self._told_by,
                question.personal_id,
                question.insurance_number,
                question.previous_id,
                None if question.full_name is None else tidy(question.full_name),
                question.birth_date,
                question.sex,
                question.visit_date,
                question.circumstance,
            ]
        )

    def _deadline(self, seconds: float | None) -> float:
        wanted = self._usual_seconds if seconds is None else seconds
        return self._time.monotonic() + min(wanted, LONGEST_SECONDS)


def _worth_another(flight: _Flight, deadline: float) -> bool:
    """Whether who waited has time left that the one who asked in vain had not."""
    return not is_answer(flight.answer) and deadline - flight.deadline >= WORTH_ASKING_SECONDS  # type: ignore[arg-type]
