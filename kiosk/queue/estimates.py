"""How long it may take, from how the queue moved lately. Pure; always a range, never a promise.

What is counted is a gap: the time between two calls of the same queue, whoever called. That holds the number of open
counters and their pace in one figure. Until there are some, the catalogue's own minutes stand in.
"""

import math
from collections.abc import Sequence

from kiosk.queue.model import Wait

PRIOR_GAPS = 3  # as many gaps as the catalogue's own figure counts for
LONGEST_GAP = 3.0  # a gap so many times the usual one is a pause of the house, not somebody's turn
MOST_OVERTAKING = 0.6
STEP_MINUTES = 5
# Standard deviations below and above; rounded outwards, that holds more than three waits in four. Not the same, because
# whatever the gaps do not know (who has not come back, who goes first, a pause) makes a wait longer, never shorter.
SPREAD_BELOW, SPREAD_ABOVE = 0.5, 1.25


def expected(
    ahead: int, gaps: Sequence[float], usual_seconds: float, quiet_seconds: float = 0.0, overtaking: float = 0.0
) -> Wait:
    """The wait of whom so many are called before.

    `gaps`: seconds, the last ones of this queue, in any order; `usual_seconds`: what one takes by the catalogue;
    `quiet_seconds`: since the one that runs now began; `overtaking`: share of calls that go to people who come later
    and are called first (0 to 1). They are in the upper end alone, because they may not come.
    """
    stalls = bool(gaps) and quiet_seconds > max(gaps)  # nobody was called for longer than ever lately
    mean, deviation = _pace([*gaps, quiet_seconds] if stalls else gaps, usual_seconds)
    most = (ahead + 1) / (1 - min(overtaking, MOST_OVERTAKING))
    gone = min(quiet_seconds, mean)
    # Gaps differ from each other, and the mean of the few that are known is not known well either.
    known = len(gaps) + PRIOR_GAPS
    low = (ahead + 1) * mean - gone - SPREAD_BELOW * deviation * math.sqrt(ahead + 1 + (ahead + 1) ** 2 / known)
    high = most * mean - gone + SPREAD_ABOVE * deviation * math.sqrt(most + most**2 / known)
    least = _floor(low / 60)
    return Wait(ahead, least, max(_ceiling(high / 60), least + STEP_MINUTES))


def _pace(gaps: Sequence[float], usual_seconds: float) -> tuple[float, float]:
    """Mean and standard deviation of one gap, seconds."""
    middling = sorted(gaps)[len(gaps) // 2] if gaps else usual_seconds
    longest = LONGEST_GAP * max(middling, usual_seconds)
    known = [min(gap, longest) for gap in gaps]
    count = len(known) + PRIOR_GAPS
    mean = (sum(known) + PRIOR_GAPS * usual_seconds) / count
    # The prior is as uncertain as a gap is long.
    variance = (sum((gap - mean) ** 2 for gap in known) + PRIOR_GAPS * usual_seconds**2 / 2) / count
    return mean, math.sqrt(variance)


def _floor(minutes: float) -> int:
    return max(int(minutes // STEP_MINUTES) * STEP_MINUTES, 0)


def _ceiling(minutes: float) -> int:
    return math.ceil(minutes / STEP_MINUTES) * STEP_MINUTES
