"""What a desk does, decided beforehand by the seed: who comes, whose visit changes, whose is taken back. Pure.

Every step makes exactly one record, so that the number of records is known before anything runs. All persons are
synthetic: the last six digits of their ID numbers begin with 9000 (sandbox/people.py).
"""

import random
from dataclasses import dataclass
from enum import StrEnum

PERSONS = 400  # so many share the visits: each comes several times
YEARS = 20
CHANGED = 0.30  # share of the steps that change a visit
TAKEN_BACK = 0.10
RECENT = 40  # whose visit changes is among the last so many


class Kind(StrEnum):
    """What happens to a visit in a step."""

    ARRIVED = "arrived"
    UPDATED = "updated"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Step:
    """`visit` counts the desk's visits; `revision` is that of the record this step makes."""

    kind: Kind
    visit: int
    person: str
    revision: int


def personal_id(number: int) -> str:
    """One of the synthetic persons (female, born 2000 to 2019), twelve digits."""
    return f"0013{number % YEARS:02}9000{number // YEARS % 100:02}"


def script(seed: int, desk: str, records: int) -> list[Step]:
    """The desk's steps, `records` of them; the same seed gives the same ones."""
    chance = random.Random(f"{seed}-{desk}")  # noqa: S311  # a plan, not a secret
    steps: list[Step] = []
    latest: dict[int, Step] = {}  # of the visits that still may change
    visits = 0
    while len(steps) < records:
        drawn = chance.random()
        if latest and drawn < CHANGED + TAKEN_BACK:
            before = latest[chance.choice(list(latest)[-RECENT:])]
            kind = Kind.UPDATED if drawn < CHANGED else Kind.CANCELLED
            step = Step(kind, before.visit, before.person, before.revision + 1)
        else:
            step = Step(Kind.ARRIVED, visits, personal_id(chance.randrange(PERSONS)), 0)
            visits += 1
        steps.append(step)
        latest[step.visit] = step
        if step.kind is Kind.CANCELLED:
            del latest[step.visit]
        elif len(latest) > RECENT:
            del latest[next(iter(latest))]
    return steps
