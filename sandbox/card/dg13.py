"""DG13 in the layout of Vietnam's cards: numbered fields in a SET (card.md 5)."""

from collections.abc import Iterable, Sequence

from sandbox.card import der

UTF8_ENCODING = der.oid("1.0.10646.1.0.8")
NO_EXPIRY = "Không thời hạn"

Field = tuple[int, bytes]


def encode(fields: Iterable[Field]) -> bytes:
    """The whole data group from (number, already encoded values); fields stay in the order given."""
    body = b"".join(der.sequence(der.integer(number), value) for number, value in fields)
    return der.tlv(0x6D, der.sequence(der.integer(1), UTF8_ENCODING, der.tlv(0x31, body)))


def relatives(names: Sequence[str]) -> bytes:
    """Sibling sequences of one name each, as parents (13) and spouse (14) are written."""
    return b"".join(der.sequence(der.utf8(name)) for name in names)


def date(iso: str) -> str:
    """`dd/mm/yyyy`, or as much of it as is known."""
    return "/".join(reversed(iso.split("-")))


def expiry(iso: str) -> bytes:
    """Field 12 is text: a date, or the words for none."""
    return der.utf8(NO_EXPIRY if iso == "none" else date(iso))


def sex(word: str) -> bytes:
    """Field 4 as printed on the card."""
    return der.utf8({"male": "Nam", "female": "Nữ"}[word])
