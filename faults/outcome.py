"""What a fault run found: its figures, and every claim that did not hold."""

from dataclasses import dataclass

from benchmarks.table import Table


@dataclass(frozen=True)
class Outcome:
    """Tables to print, and the claims that failed, each in one line; none: all held."""

    tables: tuple[Table, ...]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """How much is done: records put in, processes killed, connections cut, moments at which the power fails."""

    seed: int
    records: int = 20_000
    kills: int = 200
    cuts: int = 200
    frozen: int = 6  # lines that fall silent and stay open; each costs a time-out
    power_cuts: int = 600
    power_records: int = 1_500
    every: int = 3  # check-ins of which each write meets each kind of cut
    tickets: int = 20  # seen before a trouble and after it
    kills_each: int = 500  # of each process, where each has its share
    a_second: float = 5.0  # check-ins meanwhile
    jumps: int = 6  # of the clock, a day each
    flaps: int = 60  # of the network; with the pauses an hour compressed to some ten minutes
    together: int = 40  # times that all processes die at once
    stops: int = 10  # times that each process stands still for a while
    starts: int = 10  # of each process, measured
    moments: int = 400  # of a migration; those of a check-in are all tried
    deaths: int = 40  # of devices
    days: int = 30
    visits_a_day: int = 150

    @classmethod
    def short(cls, seed: int) -> "Size":
        """So much as shows in seconds that a run does what it says."""
        return cls(
            seed, records=120, kills=6, cuts=9, frozen=1, power_cuts=24, power_records=60, every=1, tickets=2,
            kills_each=2, together=2, stops=1, starts=2, moments=10, jumps=2, flaps=3, deaths=2, days=6, visits_a_day=6,
        )  # fmt: skip


def failures_of(claims: dict[str, int]) -> tuple[str, ...]:
    """The claims whose count is not zero, in words."""
    return tuple(f"{claim}: {count}" for claim, count in claims.items() if count)
