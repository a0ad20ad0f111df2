"""A copy of everything that is kept of one person, for the person themselves: for machines to read, and what the sheet
for people is made of (`ui.person_sheet`).

Which columns are theirs stands in `kiosk.retention_rules`; names and numbers of the staff stay out of it, but for the
account of whoever looked. Must not import Flask, a device library or a connector.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from config.settings import Settings
from hisbridge.identity import person_key
from kiosk.clock import moment
from kiosk.legal_basis import GROUNDS
from kiosk.persons import NAMED, SEEN, WARDS, Found, find
from kiosk.retention_rules import RULES, rule_of
from wire import chain, sqlite
from wire.codec import Record, from_json, to_json
from wire.database import transaction
from wire.errors import MalformedMessage

MOST_SEEN = 100_000

_VISITS = f"SELECT id FROM visits WHERE {NAMED} = ?"  # noqa: S608 - our own words, here and below
_OF_VISIT = "visit_id IN (SELECT value FROM json_each(:visits))"
_TICKETS = f"SELECT id FROM tickets WHERE {_OF_VISIT}"  # noqa: S608
# Which rows of a table are a person's. Tables that are told of in a field of their own (`Copy`) are not told twice.
_THEIRS: dict[str, str] = {
    "visits": "id IN (SELECT value FROM json_each(:visits))",
    "sought": _OF_VISIT,
    "deliveries": "person_key = :key OR record_id IN (SELECT value FROM json_each(:visits))",
    "hospital_answers": _OF_VISIT,
    "open_questions": _OF_VISIT,
    "late_answers": _OF_VISIT,
    "arrivals": f"{_OF_VISIT} OR ticket_id IN ({_TICKETS})",
    "tickets": _OF_VISIT,
    "moves": f"ticket_id IN ({_TICKETS})",
    "reprints": f"ticket_id IN ({_TICKETS})",
    "visit_views": _OF_VISIT,
    "bridge_audit": "instr(selection, :key)",
    "consents": f"person = :person OR {_OF_VISIT}",
    "person_requests": "person = :person",
    "erased": "person = :person",
    "audit": "about = :person",
}
# A number that was typed wrong stands in the check-in of whom it was corrected to: of that one nothing is told.
_CORRECTIONS = f"""
SELECT visit_id, at, field, reason, before, after FROM corrections WHERE {_OF_VISIT}
UNION ALL SELECT '', at, field, reason, iif(before = :quoted, before, NULL), iif(after = :quoted, after, NULL)
FROM corrections WHERE NOT {_OF_VISIT} AND :quoted IN (before, after) ORDER BY at
"""  # noqa: S608
_RECORDS = f"SELECT record FROM visits WHERE {_THEIRS['visits']} ORDER BY created_at"  # noqa: S608
_ANSWERS = f"SELECT destination, answered_at, answer FROM visit_answers WHERE {_OF_VISIT} ORDER BY destination"  # noqa: S608
_TOLD_OTHERWISE = {"visits": {"record"}, "audit": {"mac"}}  # in `records`; a seal is nothing of a person


class Copy(Record, frozen=True, kw_only=True):
    """Everything that is kept of a person, for themselves, in a form that machines read (`version`).

    `as_guardian`: what stands of them in check-ins of those they came with, and nothing of those; `rows`: by table what
    is in none of the other fields, JSON within as plain data.
    """

    version: str
    made_at: str
    facility: str
    found: Found
    records: tuple[dict[str, Any], ...]
    as_guardian: tuple[dict[str, Any], ...]
    corrections: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]
    seen_by: tuple[dict[str, str], ...]
    purposes: tuple[dict[str, str], ...]
    rows: dict[str, tuple[dict[str, Any], ...]]


def export(connection: sqlite.Connection, settings: Settings, number: str, by: str, now: datetime) -> Copy:
    """Everything that is kept, for the person themselves; that it was made is written down first."""
    with transaction(connection):
        chain.note(connection, "person.exported", by, chain.reference(connection, number), now)
    found = find(connection, number)
    wards = connection.execute(WARDS, {"number": number}).fetchall()
    theirs = {
        "visits": to_json([row["id"] for row in connection.execute(_VISITS, (number,))]).decode(),
        "key": person_key(number),
        "person": found.reference,
        "quoted": f'"{number}"',
    }
    records = connection.execute(_RECORDS, theirs)
    seen = (one for one in chain.entries(connection, MOST_SEEN, about=found.reference) if one.act in SEEN)
    return Copy(
        version="tiepdon.person_copy/1",
        made_at=moment(now),
        facility=settings.site.facility_name,
        found=found,
        records=tuple(_plain(row["record"]) for row in records),
        as_guardian=tuple({"at": row["created_at"], "guardian": _plain(row["guardian"])} for row in wards),
        corrections=tuple(
            {**dict(row), "before": _plain(row["before"]), "after": _plain(row["after"])}
            for row in connection.execute(_CORRECTIONS, theirs)
        ),
        answers=tuple(
            {"destination": one["destination"], "at": one["answered_at"], "answer": _plain(one["answer"])}
            for one in connection.execute(_ANSWERS, theirs)
        ),
        seen_by=tuple({"at": one.at, "by": one.who, "act": one.act} for one in seen),
        purposes=_purposes(),
        rows={table: rows for table in _THEIRS if (rows := tuple(_rows(connection, table, theirs)))},
    )


def _rows(connection: sqlite.Connection, table: str, theirs: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The person's rows of one table: what is theirs, what leads to them, and what is nobody's."""
    rule = rule_of(table)
    told = " ".join((rule.persons, rule.references, rule.plain)).split()
    columns = [one for one in told if one not in _TOLD_OTHERWISE.get(table, ())]
    statement = f"SELECT {', '.join(columns)} FROM {table} WHERE {_THEIRS[table]}"  # noqa: S608
    inside = {"payload", "answer", "receipt", "known", "question", "coverage", "data", "before", "selection"}
    for row in connection.execute(statement, theirs):
        yield {name: _inside(row[name]) if name in inside else row[name] for name in columns}


def _inside(text: Any) -> Any:
    """JSON as plain data where it is that; what is a word by itself stays one."""
    return _plain(text) if isinstance(text, str) and text[:1] in ("{", "[", '"') else text


def _plain(text: str | None) -> Any:
    """JSON as plain data; what is damaged is told as text, for it is the person's all the same."""
    if text is None:
        return None
    try:
        return from_json(text, Any)
    except MalformedMessage:
        return {"damaged": text}


def _purposes() -> tuple[dict[str, str], ...]:
    terms = {rule.purpose: rule.term.value for rule in RULES if rule.persons}
    return tuple(
        {
            "purpose": purpose.value,
            "basis": ground.basis.value,
            "source": ground.source,
            "kept": terms.get(purpose, ""),
        }
        for purpose, ground in GROUNDS.items()
        if purpose in terms
    )
