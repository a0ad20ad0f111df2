"""DG13 of the Vietnamese card: the holder's data with diacritics (card.md 5).

Keyed by the INTEGER in front of each field, never by position or offset: any field may be missing, empty or long.
The layout is known from reports, not from a specification, so every oddity is a warning, not an error.
Bytes that are not BER at all are refused; the session asks the signature whether they are meant so.
Must not know other files.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken
from reader.lds.dates import expiry_date, fold, partial_date
from reader.lds.text import MAX_TEXT, tidy
from reader.reading import Sex

WHERE = "dg13"
FIELDS = range(1, 17)  # card.md 5.2

_SEQUENCE, _INTEGER, _OID = 0x30, 0x02, 0x06
_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "utf-8",
    0x16: "utf-8",
    0x1A: "utf-8",
    0x12: "utf-8",
    0x1E: "utf-16-be",
    0x04: "utf-8",
}


@dataclass(frozen=True)
class Dg13:
    """What DG13 says; every field may be absent. Dates are ISO at the precision known."""

    personal_id: str | None = None
    full_name: str | None = None
    birth_date: str | None = None
    sex: Sex | None = None
    nationality: str | None = None
    ethnicity: str | None = None
    religion: str | None = None
    place_of_origin: str | None = None
    residence: str | None = None
    features: str | None = None
    issue_date: str | None = None
    expiry_date: str | None = None
    father: str | None = None
    mother: str | None = None
    spouse: str | None = None
    previous_id: str | None = None
    serial: str | None = None
    warnings: tuple[str, ...] = ()


def parse(data: bytes) -> Dg13:
    """Parse the whole file. Raises CardBroken when it is no data group 13 or its structure is not BER."""
    oddities: list[str] = []
    fields = _fields(tlv.read_one(data, 0x6D, WHERE), oddities)

    def text(number: int) -> str | None:
        return next((leaf for leaf in fields.get(number, []) if leaf), None)

    def checked(number: int, value: str | None) -> str | None:
        if value is None and text(number) is not None:
            oddities.append(f"dg13.field_{number}")
        return value

    parents = [*fields.get(13, []), None, None]
    personal_id, previous_id = text(1), text(15)
    return Dg13(
        personal_id=checked(1, personal_id if personal_id and _is_personal_id(personal_id) else None),
        full_name=text(2),
        birth_date=checked(3, partial_date(text(3) or "")),
        sex=_sex(text(4)),
        nationality=text(5),
        ethnicity=text(6),
        religion=text(7),
        place_of_origin=text(8),
        residence=text(9),
        features=text(10),
        issue_date=checked(11, _full(partial_date(text(11) or ""))),
        expiry_date=checked(12, expiry_date(text(12) or "")),
        father=parents[0],
        mother=parents[1],
        spouse=text(14),
        previous_id=checked(15, previous_id if previous_id and _is_previous_id(previous_id) else None),
        serial=text(16),
        warnings=tuple(dict.fromkeys(oddities)),
    )


def _fields(content: bytes, oddities: list[str]) -> dict[int, list[str | None]]:
    """Texts of each field by its number. An empty SEQUENCE counts as an absent text, so that positions hold."""
    fields: dict[int, list[str | None]] = {}
    for node in _field_nodes(content):
        inside = _field_parts(node)
        if inside is None:
            oddities.append("dg13.layout")
            continue
        number = int.from_bytes(inside[0].value[:2], "big")
        if number not in FIELDS:
            continue
        if number in fields:
            oddities.append("dg13.field_twice")
            continue
        fields[number] = _leaves(inside[1:], oddities, number)
    return fields


def _field_nodes(content: bytes) -> list[tlv.Node]:
    """The field SEQUENCEs: SEQUENCE { version, OID, SET OF field } by report, with or without the outer frame."""
    nodes = tlv.read_all(content, WHERE)
    for _ in range(tlv.MAX_DEPTH):
        inner = [node for node in nodes if node.constructed]
        # A frame around everything, or the SET behind version and OID.
        if len(inner) == 1 and _field_parts(inner[0]) is None:
            nodes = tlv.children(inner[0], WHERE)
            continue
        return inner
    raise CardBroken(where="dg13.depth")


def _field_parts(node: tlv.Node) -> list[tlv.Node] | None:
    """What a field SEQUENCE holds, its INTEGER first; None when it is none, or the frame, where an OID follows."""
    if node.tag != _SEQUENCE:
        return None
    inside = tlv.children(node, WHERE)
    if not inside or inside[0].tag != _INTEGER or (len(inside) > 1 and inside[1].tag == _OID):
        return None
    return inside


def _leaves(nodes: list[tlv.Node], oddities: list[str], number: int, depth: int = 0) -> list[str | None]:
    if depth > tlv.MAX_DEPTH:
        raise CardBroken(where="dg13.depth")
    texts: list[str | None] = []
    for node in nodes:
        if node.constructed:
            inside = tlv.children(node, WHERE)
            texts += _leaves(inside, oddities, number, depth + 1) if inside else [None]
        elif node.tag in _ENCODINGS:
            texts.append(_text(node, oddities, number))
        else:
            oddities.append(f"dg13.field_{number}")
    return texts


def _text(node: tlv.Node, oddities: list[str], number: int) -> str | None:
    if len(node.value) > 4 * MAX_TEXT:
        oddities.append(f"dg13.field_{number}")
        return None
    try:
        text = tidy(node.value.decode(_ENCODINGS[node.tag]))
    except UnicodeDecodeError:
        oddities.append(f"dg13.field_{number}")
        return None
    if len(text) > MAX_TEXT:
        oddities.append(f"dg13.field_{number}")
        return None
    return text or None


def _is_personal_id(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()


def _is_previous_id(text: str) -> bool:
    """An earlier number: nine digits, or twelve (card.md 5.2)."""
    return len(text) in (9, 12) and text.isascii() and text.isdigit()


def _full(iso: str | None) -> str | None:
    return iso if iso is not None and len(iso) == 10 else None


def _sex(text: str | None) -> Sex | None:
    if text is None:
        return None
    return {"nam": Sex.MALE, "m": Sex.MALE, "nu": Sex.FEMALE, "f": Sex.FEMALE}.get(fold(text), Sex.UNKNOWN)
