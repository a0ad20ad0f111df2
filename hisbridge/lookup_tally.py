"""How often outside systems answered in time, and how long they were away, for the site's statistics: counts without
any person, kept by `wire.tally`.

Must not import reader, kiosk or ui.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from config.settings import Settings, database_file
from hisbridge.connectivity import Breaker
from hisbridge.lookups.openness import NEVER_ASKED
from wire.database import open_database
from wire.tally import FLUSH_SECONDS, Tally

LOOKUP, OFFLINE_MINUTES, WENT_OFFLINE = "lookup", "offline_minutes", "went_offline"  # kinds of the tally
ANSWERED = "answered"
_NOBODY_ASKED = NEVER_ASKED | {"population.disabled"}


class LookupTally:
    """Counts the bridge's answers, and looks once a minute whether each line is up. May be used from any thread."""

    def __init__(self, settings: Settings, now: Callable[[], datetime], lines: Sequence[Breaker]) -> None:
        site = settings.site
        opened = partial(open_database, database_file(settings))
        self._tally = Tally(opened, now, site.utc_offset_minutes, site.kiosk_id)
        self._lines = lines
        self._away: set[str] = set()
        self.end = self._tally.end

    def begin(self) -> None:
        """Look and write every minute from now on."""
        self._tally.begin(self.look, FLUSH_SECONDS)

    def count(self, system: str, answered: bool, reason: str | None) -> None:
        """One question ended, with an answer in time or with the code of why there is none."""
        if answered or reason not in _NOBODY_ASKED:
            self._tally.add(LOOKUP, f"{system}:{ANSWERED if answered else reason}")

    def look(self) -> None:
        """Another minute: which lines are away."""
        away = {line.name for line in self._lines if not line.online()}
        for name in away:
            self._tally.add(OFFLINE_MINUTES, name)
        for name in away - self._away:
            self._tally.add(WENT_OFFLINE, name)
        self._away = away
