"""The check-in file (XML0) and the summary element (XML1) as UTF-8 bytes, and the line that says what a file is.

The mark is a comment behind the declaration: importers pass over it, people and this bridge read it. The standard
has no place for it; the submitted file goes without. Pure; written with the escaping of hisbridge/xml.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hisbridge.connectors.xml_tables import CHECK_IN, SUMMARY, Table, fitted
from hisbridge.records import Event
from hisbridge.xml import element, escaped

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_MARK = re.compile(
    re.escape(DECLARATION) + rb"<!-- tiepdon arrived=([0-9]{14}) visit=([A-Z2-7]{20}) revision=([0-9]{1,4})"
    rb" event=([a-z]+) synthetic=(true|false) open=([A-Z0-9_a-z:,]*) -->\n"
)


@dataclass(frozen=True)
class Mark:
    """What a file is: whose visit (its key), which of its records, what happened; `open`: `FIELD:rule` still to do.

    `arrived`: yyyyMMddHHmmss, for file names in order of arrival.
    """

    arrived: str
    visit: str
    revision: int
    event: Event
    synthetic: bool
    open: tuple[str, ...] = ()

    def line(self) -> bytes:
        """The mark as a comment on a line of its own."""
        synthetic = "true" if self.synthetic else "false"
        text = (
            f"<!-- tiepdon arrived={self.arrived} visit={self.visit} revision={self.revision}"
            f" event={self.event.value} synthetic={synthetic} open={','.join(self.open)} -->\n"
        )
        return text.encode()


def check_in(rows: Sequence[Mapping[str, str]]) -> bytes:
    """An XML0 file of these visits, STT counted from 1 (services.md 1.6). Values are those of `check_in_row`."""
    visits = "".join(
        element("TRANG_THAI_KCB", _fields(CHECK_IN, {**row, "STT": str(number)}))
        for number, row in enumerate(rows, start=1)
    )
    listed = element("DSACH_TRANG_THAI_KCB", f"\n{visits}")
    # CHUKYDONVI stays empty: the profile of the facility's signature is not published (services.md 1.7, 9).
    body = element("CHI_TIEU_TRANG_THAI_KCB", f"\n{listed}\n{element('CHUKYDONVI', '')}\n")
    return DECLARATION + body.encode() + b"\n"


def summary_document(values: Mapping[str, str]) -> bytes:
    """XML1's TONG_HOP, all elements in the table's order (services.md 3.3)."""
    return DECLARATION + element("TONG_HOP", _fields(SUMMARY, values)).encode() + b"\n"


def marked(document: bytes, mark: Mark) -> bytes:
    """The document with its mark."""
    return DECLARATION + mark.line() + document.removeprefix(DECLARATION)


def mark_of(message: bytes) -> Mark | None:
    """The mark of a document; None where it has none."""
    found = _MARK.match(message)
    if found is None:
        return None
    arrived, visit, revision, event, synthetic, left = (part.decode() for part in found.groups())
    return Mark(
        arrived=arrived,
        visit=visit,
        revision=int(revision),
        event=Event(event),
        synthetic=synthetic == "true",
        open=tuple(left.split(",")) if left else (),
    )


def unmarked(message: bytes) -> bytes:
    """The document as the standard has it."""
    found = _MARK.match(message)
    return message if found is None else DECLARATION + message[found.end() :]


def _fields(table: Table, values: Mapping[str, str]) -> str:
    kept, _ = fitted(table, values)
    return "\n" + "".join(f"{element(name, escaped(value))}\n" for name, value in kept.items())
