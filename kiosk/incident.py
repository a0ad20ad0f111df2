"""Whose data, which, when, seen by whom: the facts for the notice that is due within 72 hours of a leak.

From the audit, which outlives the persons, and from what is kept now. Persons are counted and named by their keyed
reference; their numbers only where they are still kept and the list is asked for, which is written down. Decree
356/2025/NĐ-CP, article 29 and its form 08. Must not import Flask, a device library or a connector.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hisbridge.records import PatientRecord
from kiosk.clock import moment
from kiosk.persons import SEEN
from wire import chain, sqlite
from wire.codec import Record, from_json, to_plain
from wire.database import transaction
from wire.errors import MalformedMessage

NOTICE = timedelta(hours=72)
MOST_ROWS = 1_000_000
SENSITIVE = ("coverage", "visit.reason", "visit.service_code", "visit.priority", "patient.blood_group")  # of health

_KEPT = "SELECT id, created_at, record FROM visits ORDER BY created_at"


class Kind(StrEnum):
    """What happened."""

    ACCESS = "access"  # somebody saw what they should not have seen, through an account or a machine's token
    DEVICE = "device"  # the machine, its disk or a copy is gone: everything that is kept on it


class Listed(Record, frozen=True, kw_only=True):
    """A person whom the notice is about, as far as they are still kept."""

    reference: str
    personal_id: str | None
    full_name: str | None
    phone: str | None


class Actor(Record, frozen=True, kw_only=True):
    """An account, machine or command that saw something: how many persons, how often, between when, from where."""

    who: str
    persons: int
    times: int
    first: str
    last: str
    places: tuple[str, ...]


class Incident(Record, frozen=True, kw_only=True):
    """What form 08 asks, as far as this machine knows. `fields`: parts of the record that are filled in any of those
    still kept, empty where none is; `sensitive`: those of them that tell of health; `not_known`: whose record is
    purged already, so that only references are left."""

    kind: Kind
    since: str
    until: str
    found_at: str
    notice_due: str
    persons: int
    references: tuple[str, ...]
    not_known: int
    visits: int
    fields: tuple[str, ...]
    sensitive: tuple[str, ...]
    biometric: bool
    actors: tuple[Actor, ...]
    acts: dict[str, int]
    refused_sign_ins: int
    listed: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What is asked about: moments with their offset; `who`: one account or machine, empty for all."""

    kind: Kind
    since: datetime
    until: datetime
    found_at: datetime
    who: str = ""
    listed: bool = False


def report(connection: sqlite.Connection, asked: Asked, by: str, now: datetime) -> Incident:
    """The facts; that they were asked for is written down first."""
    with transaction(connection):
        told = {"kind": asked.kind.value, "since": moment(asked.since), "until": moment(asked.until),
                "who": asked.who, "listed": asked.listed}  # fmt: skip
        chain.note(connection, "incident.reported", by, "", now, told)
    rows = chain.entries(connection, MOST_ROWS, since=asked.since, until=asked.until, who=asked.who)
    seen = [one for one in rows if one.act in SEEN]
    kept = dict(_kept(connection))
    if asked.kind is Kind.DEVICE:
        touched = {reference for reference, records in kept.items() if records}
    else:
        touched = {one.about for one in seen if one.about}
    affected = [record for reference in touched for record in kept.get(reference, ())]
    fields = sorted({name for record in affected for name in _filled(to_plain(record))})
    return Incident(
        kind=asked.kind,
        since=moment(asked.since),
        until=moment(asked.until),
        found_at=moment(asked.found_at),
        notice_due=moment(asked.found_at + NOTICE),
        persons=len(touched),
        references=tuple(sorted(touched)),
        not_known=sum(reference not in kept for reference in touched),
        visits=len(affected) if asked.kind is Kind.DEVICE else len({one.data.get("visit") for one in seen} - {None}),
        fields=tuple(fields),
        sensitive=tuple(name for name in fields if name.startswith(SENSITIVE)),
        biometric=False,  # no portrait and no fingerprint ever reaches the database (docs/architecture.md)
        actors=tuple(_actors(seen)),
        acts=dict(sorted(Counter(one.act for one in rows).items())),
        refused_sign_ins=sum(one.act == "account.refused" for one in rows),
        listed=tuple(_listed(touched, kept)) if asked.listed else (),
    )


def _kept(connection: sqlite.Connection) -> Iterator[tuple[str, tuple[PatientRecord, ...]]]:
    """Records that are still here, by the person's reference."""
    found: dict[str, list[PatientRecord]] = {}
    for row in connection.execute(_KEPT):
        with suppress(MalformedMessage):
            record = from_json(row["record"], PatientRecord)
            named = record.patient.personal_id or record.patient.local_id or row["id"]
            found.setdefault(chain.reference(connection, named), []).append(record)
    yield from ((reference, tuple(records)) for reference, records in found.items())


def _filled(value: Any, path: str = "") -> Iterator[str]:
    """The paths of a record that hold something, two levels deep: `patient.phone`, `coverage.card_number`."""
    for name, below in value.items():
        if below is None or below in ("", [], {}):
            continue
        if isinstance(below, dict) and not path:
            yield from _filled(below, f"{name}.")
        else:
            yield f"{path}{name}"


def _actors(seen: list[chain.Entry]) -> Iterator[Actor]:
    by_name: dict[str, list[chain.Entry]] = {}
    for one in seen:
        by_name.setdefault(one.who, []).append(one)
    for who, rows in sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0])):
        moments = sorted(one.at for one in rows)
        places = {one.place or str(one.data.get("page", "")) for one in rows} - {""}
        persons = len({one.about for one in rows if one.about})
        yield Actor(
            who=who,
            persons=persons,
            times=len(rows),
            first=moments[0],
            last=moments[-1],
            places=tuple(sorted(places)),
        )


def _listed(touched: set[str], kept: dict[str, tuple[PatientRecord, ...]]) -> Iterator[Listed]:
    for reference in sorted(touched):
        patient = kept[reference][-1].patient if reference in kept else None
        yield Listed(
            reference=reference,
            personal_id=patient.personal_id if patient else None,
            full_name=patient.full_name if patient else None,
            phone=patient.phone if patient else None,
        )
