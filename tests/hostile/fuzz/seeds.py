"""What the fuzzers begin with: genuine inputs of every target, made from the sandbox's kinds of cards.

Synthetic throughout, and made anew each time: keys and signatures differ from run to run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from reader import tlv
from reader.payload import CardForm, format_citizen_card, format_insurance_card
from reader.reading import Holder, InsuranceCard, Sex
from sandbox.card import image, kinds, trust
from sandbox.card.image import CardImage
from sandbox.card.trust import Authority
from sandbox.people import find
from sandbox.portrait import jpeg, jpeg2000
from tests.hostile.fuzz.targets import framed
from tests.reader.lds.vectors import (
    DG13_A,
    DG13_B,
    DG13_C,
    DG13_D,
    GERMAN_PASSPORT,
    MRZ,
    PASSPORT,
    TD1,
    TD1_LONG,
    TD2,
    TD2_LONG,
    dg1_of,
)

PORTRAIT_KEPT = 700  # bytes of an image: its headers are all that the reader looks at
ISSUED = datetime(2022, 1, 1, tzinfo=UTC)
CARD_KINDS = (
    "citizen", "pace_cam", "pace_dh", "pace_many", "ca_dh", "ca_dh_pkcs3", "ca_many", "ca_brainpoolp320r1", "aa_rsa",
    "aa_rsa_sha256", "aa_ecdsa_384", "aa_ecdsa_der", "sod_rsa_sha256", "sod_rsa_bare", "sod_pss_sha256",
    "sod_ecdsa_sha224", "sod_key_identifier", "sod_version_1", "passport", "passport_packed", "identity_td2",
    "child_2024", "portraits_record", "portrait_7f2e", "portraits_none",
)  # fmt: skip


def make() -> dict[str, list[bytes]]:
    """Seeds for every target that has any of its own; the others begin with what the reader's mutations find."""
    authority = trust.create()
    face = jpeg(find("mau"))[:PORTRAIT_KEPT]
    cards = [kinds.build(name, find("mau"), jpeg(find("mau")), authority) for name in CARD_KINDS]
    found: dict[str, list[bytes]] = {
        "dg1": [dg1_of(zone) for zone in _ZONES] + [zone.encode() for zone in _ZONES],
        "dg13": [DG13_A, DG13_B, DG13_C, DG13_D],
        "portrait": [face, jpeg2000(jpeg(find("mau")))[:PORTRAIT_KEPT]],
        "access_keys": [zone.encode() for zone in _ZONES]
        + [b"L898902C<369080619406236", b"d23145890734934071279507122"],
        "payload": list(_payloads()),
        "features": [bytes.fromhex("12044233001206044233003113"), bytes.fromhex("0A0400000100")],
        "response": [b"\x90\x00", b"\x63\xc2", b"data\x6c\x10"],
        "secure_messaging": [bytes([kind]) + body for kind in range(4) for body in _MESSAGES],
        "bac": [framed(bytes(8) + b"\x90\x00", bytes(40) + b"\x90\x00"), framed(bytes(8) + b"\x90\x00", b"\x63\x00")],
        "pace": [bytes([kind]) + script for kind in range(7) for script in _conversations()],
        "trust_files": list(_trust_files(authority)),
        "revocation": [authority._country().revocation_list([5, 7, 1 << 60], ISSUED, ISSUED)],
        "certificates": [authority.authority_certificate, authority.signer_certificate],
    }
    for card in cards:
        for name, seed in _of(card, authority):
            found.setdefault(name, []).append(seed)
    found["tlv"] = [*found["dg13"], *found["security_infos"][:4], *found["dg1"][:2]]
    return {name: list(dict.fromkeys(made)) for name, made in found.items()}


_ZONES = (*MRZ.values(), PASSPORT, TD1, TD1_LONG, TD2, TD2_LONG, GERMAN_PASSPORT)
_MESSAGES = (b"", tlv.encode(0x87, b"\x01" + bytes(16)), tlv.encode(0x85, bytes(32)), tlv.encode(0x87, b"\x01" * 33))


def _of(card: CardImage, authority: Authority) -> Iterator[tuple[str, bytes]]:
    """What one card gives to each target."""
    held = card.files
    yield "passive_authentication", held[image.SOD] + authority.authority_certificate
    if image.CARD_SECURITY in card.master_files:
        yield "passive_authentication", card.master_files[image.CARD_SECURITY] + authority.authority_certificate
    if image.CARD_ACCESS in card.master_files:
        yield "security_infos", card.master_files[image.CARD_ACCESS]
    dg14 = tlv.read_one(held[image.DG14], 0x6E, "seed") if image.DG14 in held else b""
    if dg14:
        yield "security_infos", dg14
        for info in tlv.read_all(tlv.read_one(dg14, 0x31, "seed"), "seed"):
            yield from (("groups", part.encoded) for part in tlv.children(info, "seed") if part.tag == 0x30)
    if image.DG15 in held:
        key = tlv.read_one(held[image.DG15], 0x6F, "seed")
        yield "groups", key
        yield "active_authentication", held[image.DG15] + held.get(image.DG14, b"") + bytes(64)
        yield "active_authentication", held[image.DG15] + bytes(256)
        yield "signatures", key + bytes.fromhex("300A06082A8648CE3D040302") + bytes(64)
        yield "signatures", key + bytes.fromhex("300D06092A864886F70D01010B0500") + bytes(256)
    yield "dg2", _short_faces(held.get(image.DG2, b""))
    for file, name in ((image.DG11, "dg11"), (image.DG12, "dg11"), (image.DG7, "dg2"), (image.COM, "com")):
        if file in held:
            yield name, held[file][:PORTRAIT_KEPT]
    texts = (image.DG1, image.DG11, image.DG12, image.DG13, image.COM)
    yield "identity", b"".join(held[file] for file in texts if file in held)
    yield "files", b"\1" + framed(*(held[file][:300] + b"\x90\x00" for file in texts if file in held))
    yield "files", b"\0" + framed(b"\x6c\x10", held[image.DG1][:16] + b"\x90\x00", held[image.DG1] + b"\x62\x82")


def _short_faces(group: bytes) -> bytes:
    """DG2 with its first image cut short, and the lengths around it made to fit."""
    if not group:
        return group
    outer = tlv.read_one(group, 0x75, "seed")
    templates = tlv.read_one(outer, 0x7F61, "seed")
    kept = []
    for node in tlv.read_all(templates, "seed"):
        if node.tag != 0x7F60:
            kept.append(node.encoded)
            continue
        parts = [
            tlv.encode(part.tag, part.value[:PORTRAIT_KEPT]) if part.tag in (0x5F2E, 0x7F2E) else part.encoded
            for part in tlv.children(node, "seed")
        ]
        kept.append(tlv.encode(0x7F60, b"".join(parts)))
    return tlv.encode(0x75, tlv.encode(0x7F61, b"".join(kept)))


def _payloads() -> Iterator[bytes]:
    holder = Holder(
        personal_id="001303900017",
        full_name="Trần Thị Mẫu",
        birth_date="2003-02-14",
        sex=Sex.FEMALE,
        residence="Số 1 Đường Mẫu",
        issue_date="2021-05-20",
        previous_id="012345678",
    )
    for form in CardForm:
        yield format_citizen_card(holder, form).encode()
    card = format_citizen_card(holder)
    yield from (card.encode().decode(codec).encode() for codec in ("latin-1", "cp437", "mac_roman"))
    yield format_insurance_card(
        InsuranceCard(card_number="HS4010199900024", full_name="Mẫu", birth_date="2010")
    ).encode()
    yield from (zone.encode() for zone in _ZONES)
    yield from (
        b"001 303 900 017",
        b"]C10199900017",
        b"hs 4 01 01 999 00024",
        b"vneid://x",
        "\ufeffx".encode("utf-16-be"),
    )


def _trust_files(authority: Authority) -> Iterator[bytes]:
    country = authority._country()
    yield authority.authority_certificate
    yield country.revocation_list([1, 2], ISSUED, ISSUED)
    yield country.master_list([authority.authority_certificate], ISSUED)


def _conversations() -> Iterator[bytes]:
    """PACE as far as it goes when both sides draw the number 5: the nonce, two keys, a token that is wrong."""
    nonce = tlv.encode(0x7C, tlv.encode(0x80, bytes(16)))
    long_nonce = tlv.encode(0x7C, tlv.encode(0x80, bytes(32)))
    token = tlv.encode(0x7C, tlv.encode(0x86, bytes(8)) + tlv.encode(0x8A, bytes(48)))
    point = bytes.fromhex("04") + bytes(64)
    for first in (nonce, long_nonce):
        keys = [tlv.encode(0x7C, tlv.encode(tag, point)) for tag in (0x82, 0x84)]
        yield framed(*(answer + b"\x90\x00" for answer in (b"", first, *keys, token)))
