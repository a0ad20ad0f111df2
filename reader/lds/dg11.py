"""DG11: additional personal details (ICAO Doc 9303-10, 4.7.11), on documents that have no Vietnamese DG13.

Only what a reception can use is taken out: profession, title, personal summary, custody and copies of other documents
stay where they are. Every field is optional and every oddity a warning. Must not know other files.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken
from reader.lds.dates import lds_date
from reader.lds.text import utf8, without_fillers

WHERE = "dg11"
MAX_OTHER_NAMES = 99  # 4.7.11: 01 to 99

_GROUP, _BIRTH_DATE, _OTHER_NAMES, _OTHER_NAME = 0x6B, 0x5F2B, 0xA0, 0x5F0F


@dataclass(frozen=True)
class Dg11:
    """What DG11 says; every field may be absent. `full_name` is in national letters, family name first."""

    full_name: str | None = None
    other_names: tuple[str, ...] = ()
    personal_number: str | None = None
    birth_date: str | None = None
    place_of_birth: str | None = None
    address: str | None = None
    telephone: str | None = None
    warnings: tuple[str, ...] = ()


def parse(data: bytes) -> Dg11:
    """Parse the whole file. Raises CardBroken when it is no data group 11 or its structure is not BER."""
    nodes = tlv.read_all(tlv.read_one(data, _GROUP, WHERE), WHERE)
    oddities: list[str] = []

    def text(tag: int, name: str) -> str | None:
        raw = next((node.value for node in nodes if node.tag == tag), b"")
        return _text(raw, name, oddities)

    birth = next((node.value for node in nodes if node.tag == _BIRTH_DATE), b"")
    birth_date = lds_date(birth)
    if birth and birth_date is None:
        oddities.append("dg11.birth_date")
    return Dg11(
        full_name=text(0x5F0E, "full_name"),
        other_names=_other_names(nodes, oddities),
        personal_number=text(0x5F10, "personal_number"),
        birth_date=birth_date,
        place_of_birth=text(0x5F11, "place_of_birth"),
        address=text(0x5F42, "address"),
        telephone=text(0x5F12, "telephone"),
        warnings=tuple(dict.fromkeys(oddities)),
    )


def _other_names(nodes: list[tlv.Node], oddities: list[str]) -> tuple[str, ...]:
    """The names in their own class (4.7.11); some documents put them beside the other fields."""
    beside = [node for node in nodes if node.tag == _OTHER_NAME]
    try:
        inside = [
            inner
            for node in nodes
            if node.tag == _OTHER_NAMES
            for inner in tlv.children(node, WHERE)
            if inner.tag == _OTHER_NAME
        ]
    except CardBroken:
        oddities.append("dg11.other_names")
        inside = []
    found = (inside + beside)[:MAX_OTHER_NAMES]
    names = [_text(node.value, "other_names", oddities) for node in found]
    return tuple(name for name in names if name is not None)


def _text(raw: bytes, name: str, oddities: list[str]) -> str | None:
    """A text, its fillers as spaces; one that cannot be read is named, an absent or empty one is not."""
    text = utf8(raw)
    if text is None and raw.strip(b" \0"):
        oddities.append(f"dg11.{name}")
    return without_fillers(text) or None if text is not None else None
