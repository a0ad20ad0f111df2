"""A stand-in for who answers for insurance, and questions about synthetic persons."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from hisbridge.lookups.portal_answer import Asked
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
from tests.hisbridge.making import coverage

ASKED = Asked(at="2026-11-21T07:45:00+07:00", by="kiosk-1")


def question(**differences: Any) -> CoverageQuestion:
    usual: dict[str, Any] = {
        "personal_id": "001303900017",
        "full_name": "Nguyễn Thị Hoài Thử",
        "birth_date": "2003-02-14",
        "sex": "female",
        "visit_date": "2026-11-21",
    }
    return CoverageQuestion(**{**usual, **differences})


def unanswered(reason: str = "portal.timeout", **differences: Any) -> Coverage:
    usual: dict[str, Any] = {"verdict": Verdict.UNVERIFIED, "reason": reason, "act": Act.WAIT, "asked_at": ASKED.at}
    return Coverage(**{**usual, **differences})


class Insurer:
    """Answers what it was told to, one after the other, and the last for ever; counts, and can be held up."""

    def __init__(self, *answers: Coverage | Exception) -> None:
        self.answers: deque[Coverage | Exception] = deque(answers or [coverage()])
        self.questions: list[CoverageQuestion] = []
        self.seconds: list[float | None] = []
        self.open = threading.Event()
        self.open.set()
        self.probed = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self.while_asking: Callable[[], None] = lambda: None

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        with self._lock:
            self.questions.append(question)
            self.seconds.append(seconds)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        try:
            self.while_asking()
            if not self.open.wait(30.0 if seconds is None else seconds):
                return unanswered()
        finally:
            with self._lock:
                self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def probe(self, seconds: float | None = None) -> None:
        self.seconds.append(seconds)
        self.probed += 1

    def asked(self) -> Asked:
        return ASKED
