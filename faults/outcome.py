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
    power_cuts: int = 600
    power_records: int = 1_500


def failures_of(claims: dict[str, int]) -> tuple[str, ...]:
    """The claims whose count is not zero, in words."""
    return tuple(f"{claim}: {count}" for claim, count in claims.items() if count)
