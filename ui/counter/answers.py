"""Answers the counter was given and has not yet taken over: kept here, so that no page can put in what nobody said.

Must not import Flask.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from hisbridge.questions import Coverage, CoverageQuestion
from kiosk.counter_question import Path
from ui.errors import AnswerGone

MOST = 200  # twenty counters, ten questions each
FORGOTTEN_SECONDS = 900.0


@dataclass(frozen=True, repr=False)
class Answer:
    """What was asked, by which path, for which visit (None: for nobody's), and what came."""

    question: CoverageQuestion
    coverage: Coverage
    path: Path
    visit_id: str | None


class Answers:
    """Answers by a name that cannot be guessed, in memory only, each for a quarter of an hour."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, answer: Answer, now: float) -> str:
        """Keep it; returns its name. `now` are seconds that never go back."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = (now, answer)
            for old in [key for key, (since, _) in self._kept.items() if now - since > FORGOTTEN_SECONDS]:
                del self._kept[old]
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return name

    def get(self, name: str, visit_id: str | None, now: float) -> Answer:
        """The answer of that name for that visit. Raises AnswerGone."""
        with self._lock:
            since, answer = self._kept.get(name, (0.0, None))
        if answer is None or answer.visit_id != visit_id or now - since > FORGOTTEN_SECONDS:
            raise AnswerGone
        return answer

    def drop(self, name: str) -> None:
        """It has been taken over: not a second time."""
        with self._lock:
            self._kept.pop(name, None)
