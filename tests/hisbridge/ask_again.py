"""A process that asks the open questions again: `ask_again.py DATABASE HOW`. Prints each visit before it is answered.

`HOW` is `answer`, or `hang`: then the first question is never answered. Started and killed by `test_pending_killed.py`.
"""

import sys
import threading
from pathlib import Path

from hisbridge.asking_again import AskingAgain
from hisbridge.lookups.portal_answer import Asked
from hisbridge.pacing import Backoff
from hisbridge.questions import Coverage, CoverageQuestion
from hisbridge.site_time import SiteTime
from tests.hisbridge.insurer import ASKED
from tests.hisbridge.making import FakeClock, coverage
from wire.database import open_database


class Telling:
    """Says whom it is asked about, then answers with that person's own card."""

    def __init__(self, hangs: bool) -> None:
        self._hangs = hangs

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:  # noqa: ARG002
        print(question.personal_id, flush=True)
        if self._hangs:
            threading.Event().wait()
        return coverage(card_number=f"GD400{(question.personal_id or '')[-10:]}")

    def probe(self, seconds: float | None = None) -> None:
        """Nothing."""

    def asked(self) -> Asked:
        return ASKED


def main(path: str, how: str) -> None:
    # Every question is due at once, so that no attempt that was killed waits for its pause.
    backoff = Backoff(first_seconds=0.0, longest_seconds=0.0, draw=lambda: 0.0)
    worker = AskingAgain(Telling(how == "hang"), lambda: open_database(Path(path)), backoff, SiteTime(420, FakeClock()))
    worker.run(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
