"""What a receiver got beside what it was owed. A resend is judged by its identity: its first appearance counts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from faults.receiver import Arrival
from hisbridge.identity import idempotency_key
from hisbridge.records import PatientRecord
from wire import sqlite
from wire.codec import from_json


@dataclass(frozen=True)
class Owed:
    """A record the database owes or owed a destination, by `idempotency_key`, in the order it was put in."""

    key: str
    person: str
    visit_id: str
    revision: int
    state: str


@dataclass(frozen=True)
class Verdict:
    """What a receiver got, beside what it was owed. All but `distinct` and `resent` should be zero."""

    distinct: int
    resent: int
    lost: int
    duplicated: int
    changed: int  # a resend that was another message
    disordered: int  # first appearances out of a person's order
    older: int  # any message, resends included, behind a newer one of the same person


def all_owed(connection: sqlite.Connection, destination: str) -> list[Owed]:
    """What a destination was ever owed, in the order it was put in."""
    query = "SELECT idempotency_key, payload, state FROM deliveries WHERE destination = ? ORDER BY id"
    found = []
    for key, payload, state in connection.execute(query, (destination,)):
        record = from_json(payload, PatientRecord)
        visit = record.visit.visit_id
        # Computed again, not believed: two rows under one identity would hide a record.
        assert key == idempotency_key(destination, visit, record.revision)
        found.append(Owed(key, record.patient.personal_id or "", visit, record.revision, state))
    return found


def judged(owed: Sequence[Owed], arrivals: Sequence[Arrival]) -> Verdict:
    """Compare what arrived with what was owed. Order is that of the database, by person."""
    place = {one.key: number for number, one in enumerate(owed)}
    person_of = {one.key: one.person for one in owed}
    digests: dict[str, str] = {}
    firsts: dict[str, list[int]] = defaultdict(list)
    newest: dict[str, int] = {}
    changed = older = strangers = 0
    for arrival in arrivals:
        at = place.get(arrival.key)
        if at is None:
            strangers += 1
            continue
        person = person_of[arrival.key]
        changed += digests.setdefault(arrival.key, arrival.digest) != arrival.digest
        if arrival.first:
            firsts[person].append(at)
        older += at < newest.get(person, -1)
        newest[person] = max(at, newest.get(person, -1))
    disordered = sum(a > b for numbers in firsts.values() for a, b in pairwise(numbers))
    first_times = sum(map(len, firsts.values()))
    # A visit's revision that arrived under two identities was done twice: an identity nobody owes is one of those.
    duplicated = strangers + (first_times - len(digests))
    lost = sum(one.key not in digests or one.state != "acknowledged" for one in owed)
    return Verdict(len(digests), len(arrivals) - first_times, lost, duplicated, changed, disordered, older)
