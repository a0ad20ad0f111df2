"""DG7, DG11 and DG12: what other countries' documents add: a signature, more about the person, about the document.

ICAO Doc 9303-10, 4.7.7, 4.7.11 and 4.7.12. The citizen card has none of them (card.md 4). Every field is optional;
what is None is left out of the group and of its tag list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.card import der

_LIST, _COUNT, _OTHERS = 0x5C, 0x02, 0xA0


@dataclass(frozen=True)
class PersonalDetails:
    """DG11. Names and places divide their parts by fillers as the MRZ does; dates are `yyyymmdd`."""

    full_name: str | None = None  # in the holder's own letters, `SURNAME<<GIVEN<NAMES`
    other_names: Sequence[str] = ()
    personal_number: str | None = None
    birth_date: str | None = None
    place_of_birth: Sequence[str] | None = None
    address: Sequence[str] | None = None
    telephone: str | None = None
    profession: str | None = None
    title: str | None = None
    summary: str | None = None
    proof_of_citizenship: bytes | None = None  # an image
    other_documents: Sequence[str] | None = None
    custody: str | None = None
    packed_dates: bool = False  # BCD, as some states write them, in place of digits


@dataclass(frozen=True)
class DocumentDetails:
    """DG12. Dates are `yyyymmdd`, the time of personalisation `yyyymmddhhmmss`."""

    authority: str | None = None
    issue_date: str | None = None
    others: Sequence[str] = ()
    observations: str | None = None
    tax_requirements: str | None = None
    front: bytes | None = None  # images of the document
    rear: bytes | None = None
    personalised: str | None = None
    system_serial: str | None = None
    packed_dates: bool = False


def dg7(images: Sequence[bytes]) -> bytes:
    """DG7: images of the usual mark or signature, JPEG or JPEG 2000."""
    return der.tlv(0x67, der.integer(len(images)) + b"".join(der.tlv(0x5F43, image) for image in images))


def dg11(details: PersonalDetails) -> bytes:
    """DG11: a list of tags, then the fields in that order."""
    packed = details.packed_dates
    fields = [
        (0x5F0E, _text(details.full_name)),
        (0x5F0F, _repeated(0x5F0F, details.other_names)),
        (0x5F10, _text(details.personal_number)),
        (0x5F2B, _digits(details.birth_date, packed=packed)),
        (0x5F11, _parts(details.place_of_birth)),
        (0x5F42, _parts(details.address)),
        (0x5F12, _text(details.telephone)),
        (0x5F13, _text(details.profession)),
        (0x5F14, _text(details.title)),
        (0x5F15, _text(details.summary)),
        (0x5F16, details.proof_of_citizenship),
        (0x5F17, _parts(details.other_documents)),
        (0x5F18, _text(details.custody)),
    ]
    return _group(0x6B, fields, repeated=0x5F0F)


def dg12(details: DocumentDetails) -> bytes:
    """DG12: a list of tags, then the fields in that order."""
    packed = details.packed_dates
    fields = [
        (0x5F19, _text(details.authority)),
        (0x5F26, _digits(details.issue_date, packed=packed)),
        (0x5F1A, _repeated(0x5F1A, details.others)),
        (0x5F1B, _text(details.observations)),
        (0x5F1C, _text(details.tax_requirements)),
        (0x5F1D, details.front),
        (0x5F1E, details.rear),
        (0x5F55, _digits(details.personalised, packed=packed)),
        (0x5F56, _text(details.system_serial)),
    ]
    return _group(0x6C, fields, repeated=0x5F1A)


def _group(tag: int, fields: Sequence[tuple[int, bytes | None]], repeated: int) -> bytes:
    present = [(number, value) for number, value in fields if value is not None]
    tags = b"".join(number.to_bytes(2, "big") for number, _ in present)
    # Names of others stand in a template of their own, and the list names their tag, not the template's.
    body = b"".join(value if number == repeated else der.tlv(number, value) for number, value in present)
    return der.tlv(tag, der.tlv(_LIST, tags) + body)


def _repeated(tag: int, values: Sequence[str]) -> bytes | None:
    if not values:
        return None
    count = der.tlv(_COUNT, bytes([len(values)]))
    return der.tlv(_OTHERS, count + b"".join(der.tlv(tag, value.encode()) for value in values))


def _text(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _parts(parts: Sequence[str] | None) -> bytes | None:
    return None if parts is None else "<".join(parts).encode()


def _digits(digits: str | None, *, packed: bool) -> bytes | None:
    if digits is None:
        return None
    return bytes.fromhex(digits) if packed else digits.encode("ascii")
