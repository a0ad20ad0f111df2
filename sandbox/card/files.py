"""All files of one person's card: from what is known about the person to the bytes in the chip."""

from datetime import UTC, datetime, time
from hashlib import shake_256

from sandbox.card import der, dg13, face, image, mrz, security_files
from sandbox.card.curve import N
from sandbox.card.image import CardImage
from sandbox.card.trust import Authority
from sandbox.people import Person
from sandbox.portrait import HEIGHT, WIDTH

LDS_VERSION, UNICODE_VERSION = b"0107", b"040000"
GROUP_TAGS = {0x0101: 0x61, 0x0102: 0x75, 0x0103: 0x63, 0x010D: 0x6D, 0x010F: 0x6F, 0x010E: 0x6E}
FINGERS = der.tlv(0x63, der.tlv(0x7F61, der.integer(0)))  # present, and never shown (9303-10, 4.7.3.1)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def build(person: Person, portrait: bytes | None, authority: Authority) -> CardImage:
    """The card of a person; `portrait` is a JPEG of the painter's size, None leaves DG2 out."""
    zone = mrz.zone(person.personal_id, person.full_name, person.birth_date, person.sex, person.expiry_date)
    chip_key, active_key = _scalar(authority, person, "chip", N), _scalar(authority, person, "active", _P256_ORDER)
    groups = {
        image.DG1: dg1(zone),
        image.DG3: FINGERS,
        image.DG13: dg13.encode(dg13_fields(person)),
        image.DG14: security_files.dg14(chip_key),
        image.DG15: security_files.dg15(active_key),
    }
    if portrait is not None:
        groups[image.DG2] = face.encode(portrait, WIDTH, HEIGHT, person.sex)
    signed_at = datetime.combine(datetime.fromisoformat(person.issue_date), time(8), UTC)
    sod = security_files.sod({file & 0xFF: content for file, content in groups.items()}, authority, signed_at)
    return CardImage(
        files={
            **groups,
            image.CARD_ACCESS: security_files.CARD_ACCESS,
            image.COM: com(groups),
            image.SOD: sod,
        },
        can=person.can,
        mrz_information=zone.information,
        chip_authentication_key=chip_key,
        active_authentication_key=active_key,
    )


def com(groups: "dict[int, bytes]") -> bytes:
    """EF.COM: versions and the list of data groups, DG15 before DG14 as on real cards (card.md 4)."""
    tags = bytes(tag for file, tag in GROUP_TAGS.items() if file in groups)
    return der.tlv(0x60, der.tlv(0x5F01, LDS_VERSION) + der.tlv(0x5F36, UNICODE_VERSION) + der.tlv(0x5C, tags))


def dg1(zone: mrz.Zone) -> bytes:
    """DG1: the MRZ (9303-10, 4.7.1.2)."""
    return der.tlv(0x61, der.tlv(0x5F1F, zone.text().encode("ascii")))


def dg13_fields(person: Person) -> list[dg13.Field]:
    """The sixteen numbered fields (card.md 5.2)."""
    return [
        (1, der.printable(person.personal_id)),
        (2, der.utf8(person.full_name)),
        (3, der.printable(dg13.date(person.birth_date))),
        (4, dg13.sex(person.sex)),
        (5, der.utf8(person.nationality)),
        (6, der.utf8(person.ethnicity)),
        (7, der.utf8(person.religion)),
        (8, der.utf8(person.place_of_origin)),
        (9, der.utf8(person.residence)),
        (10, der.utf8(person.features)),
        (11, der.printable(dg13.date(person.issue_date))),
        (12, dg13.expiry(person.expiry_date)),
        (13, dg13.relatives([person.father, person.mother])),
        (14, dg13.relatives([person.spouse] if person.spouse else [])),
        (15, der.printable(person.previous_id) if person.previous_id else b""),
        (16, der.printable(person.serial)),
    ]


def _scalar(authority: Authority, person: Person, purpose: str, order: int) -> bytes:
    """A private key that stays the same for the same card of the same installation."""
    seed = authority.secret() + purpose.encode() + person.personal_id.encode()
    return (int.from_bytes(shake_256(seed).digest(40), "big") % (order - 1) + 1).to_bytes(32, "big")
