"""CPU of one HL7 message and of one FHIR bundle, beside libraries others wrote that build the very same thing.

Each library is given the values ready and builds its own objects from them; that all give the same message, field by
field, is asserted before anything is measured. CPU time of this thread, in turn, so that a busy machine hits all.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import hl7
import msgspec
from fhir.resources.R4B.bundle import Bundle
from hl7apy.core import Message

from benchmarks.patient_records import patient_record
from benchmarks.table import Table
from config.destinations import FhirDestination, Hl7v2Destination
from hisbridge.connectors import fhir_bundle, hl7v2
from hisbridge.enrichment import enriched
from hisbridge.records import PatientRecord

ROUNDS = 300
WARMING = 10
BAR = 10.0  # our rate over hl7apy's
HL7 = Hl7v2Destination(name="his", host="127.0.0.1", port=2575)
FHIR = FhirDestination(name="his", base_url="https://his.example.org/fhir")
GROUPS = {"IN1": "ADT_A01_INSURANCE"}  # segments that stand in a group of the message's structure

Values = list[list[str]]  # per segment its name and its fields, escaped, components and repetitions within
Tree = list[list[list[list[list[str]]]]]  # the same down to the component


def measure() -> list[Table]:
    """Microseconds of CPU for each, and how many times ours it is."""
    return [hl7_table(ROUNDS), fhir_table(ROUNDS)]


def hl7_table(rounds: int) -> Table:
    """One ADT^A04, by us, by python-hl7 and by hl7apy."""
    record = patient_record(17)
    values = _values(hl7v2.render(record, HL7).decode())
    tree = _tree(values)
    assert by_python_hl7(tree) == by_hl7apy(values) == hl7v2.render(record, HL7).decode()
    spent = _microseconds(
        rounds,
        {
            "ours, from the record": lambda: hl7v2.render(record, HL7),
            "ours, and the codes of its address first": lambda: hl7v2.render(enriched(record), HL7),
            "python-hl7, from the components": lambda: by_python_hl7(tree),
            "hl7apy, from the fields": lambda: by_hl7apy(values),
        },
    )
    notes = (f"{rounds} rounds in turn, all give the same bytes; bar: at least {BAR:g} times hl7apy's rate",)
    return _table("One HL7 v2.5 message, ADT^A04", spent, notes)


def fhir_table(rounds: int) -> Table:
    """One transaction Bundle as JSON, by us and by fhir.resources."""
    record = patient_record(17)
    ready = json.loads(_bundle(record))
    assert json.loads(by_fhir_resources(ready)) == ready
    spent = _microseconds(
        rounds,
        {
            "ours, from the record": lambda: _bundle(record),
            "ours, and the codes of its address first": lambda: _bundle(enriched(record)),
            "fhir.resources, from plain data": lambda: by_fhir_resources(ready),
            "msgspec alone, from plain data": lambda: msgspec.json.encode(ready),
        },
    )
    notes = (
        f"{rounds} rounds in turn, {len(_bundle(record))} bytes; fhir.resources validates every value it is given",
    )
    return _table(f"One FHIR transaction Bundle of {len(ready['entry'])} resources", spent, notes)


def by_python_hl7(tree: Tree) -> str:
    """The message built of python-hl7's containers."""
    segments = [
        hl7.Segment(
            "|",
            [
                hl7.Field("~", [hl7.Repetition("^", [hl7.Component("&", part) for part in again]) for again in one])
                for one in fields
            ],
        )
        for fields in tree
    ]
    return str(hl7.Message("\r", segments))


def by_hl7apy(values: Values) -> str:
    """The message built of hl7apy's elements, each field given as it is written."""
    message = Message("ADT_A01", version="2.5")
    for name, *fields in values:
        group = GROUPS.get(name)
        parent = message if group is None else message.add_group(group)
        if name == "MSH":
            # It is there from the beginning, with its separators.
            for number, value in enumerate(fields[1:], 3):
                setattr(message.msh, f"msh_{number}", value)
            continue
        segment = parent.add_segment(name)
        for number, value in enumerate(fields, 1):
            for again in value.split("~") if value else ():
                segment.add_field(f"{name}_{number}").value = again
    return str(message.to_er7()).rstrip("\r") + "\r"


def by_fhir_resources(ready: dict[str, Any]) -> str:
    """The Bundle built of fhir.resources' models and written again."""
    return str(Bundle.model_validate(ready).model_dump_json())


def _bundle(record: PatientRecord) -> bytes:
    told = fhir_bundle.render(record, FHIR)
    assert told is not None
    return told


def _values(message: str) -> Values:
    return [line.split("|") for line in message.rstrip("\r").split("\r")]


def _tree(values: Values) -> Tree:
    header, *others = values
    # python-hl7 counts the field separator as MSH-1; the encoding characters are no components.
    first = [[[["MSH"]]], [[["|"]]], [[[header[1]]]], *[_parts(field) for field in header[2:]]]
    return [first, *[[_parts(field) for field in fields] for fields in others]]


def _parts(field: str) -> list[list[list[str]]]:
    return [[part.split("&") for part in again.split("^")] for again in field.split("~")]


def _microseconds(rounds: int, makers: dict[str, Callable[[], object]]) -> dict[str, float]:
    spent = dict.fromkeys(makers, 0)
    for number in range(rounds + WARMING):
        for name, make in makers.items():
            begun = time.thread_time_ns()
            make()
            if number >= WARMING:
                spent[name] += time.thread_time_ns() - begun
    return {name: nanoseconds / rounds / 1000 for name, nanoseconds in spent.items()}


def _table(title: str, spent: dict[str, float], notes: tuple[str, ...]) -> Table:
    ours = next(iter(spent.values()))
    rows = tuple((name, microseconds, microseconds / ours) for name, microseconds in spent.items())
    return Table(title, ("", "CPU (us)", "times ours"), rows, notes)
