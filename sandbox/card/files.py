"""All files of one card: from what is known about the person and the kind of card to the bytes in the chip."""

from collections.abc import Mapping
from datetime import UTC, datetime, time

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox import portrait as pictures
from sandbox.card import certificates, der, details, dg13, face, groups, image, mrz, public_keys, security_files, seeds
from sandbox.card.image import CardImage, ChipKey
from sandbox.card.spec import CITIZEN, ChipKeySpec, EcdsaProof, Kind, Layout, Portraits, RsaProof, Signature
from sandbox.card.trust import Authority
from sandbox.people import Person
from sandbox.portrait import HEIGHT, WIDTH

LDS_VERSION, UNICODE_VERSION = b"0107", b"040000"
GROUP_TAGS = {
    image.DG1: 0x61,
    image.DG2: 0x75,
    image.DG3: 0x63,
    image.DG7: 0x67,
    image.DG11: 0x6B,
    image.DG12: 0x6C,
    image.DG13: 0x6D,
    image.DG15: 0x6F,  # before DG14, as on real cards (card.md 4)
    image.DG14: 0x6E,
}
FINGERS = der.tlv(0x63, der.tlv(0x7F61, der.integer(0)))  # present, and never shown (9303-10, 4.7.3.1)
APPLICATION = bytes.fromhex("A0000002471001")
_CRL_ADDRESS = "http://crl.sandbox.invalid/"
_MOST_TRIES = 100
_FEATURES = 10  # the field of DG13 that grows when the group has to have a certain size


def build(person: Person, portrait: bytes | None, authority: Authority, kind: Kind = CITIZEN) -> CardImage:
    """The card of a person; `portrait` is a JPEG of the painter's size, None leaves DG2 out.

    Raises ValueError when a file cannot have the size that the kind wants, TrustUnusable when it wants a signer of its
    own and the authority cannot certify one any more.
    """
    zone, layout = mrz_zone(person, kind.layout), kind.layout
    keys = _chip_keys(kind, person, authority)
    proof, proof_information = _active_authentication(kind, person, authority)
    contents = {image.DG1: dg1(zone), **_personal_groups(person, kind)}
    if keys:
        contents[image.DG14] = security_files.dg14(_dg14_infos(kind, keys))
    if proof_information is not None:
        contents[image.DG15] = security_files.dg15(proof_information)
    if portrait is not None and kind.portraits is not None:
        contents[image.DG2] = dg2(portrait, kind.portraits, person.sex)
    issued = datetime.combine(datetime.fromisoformat(person.issue_date), time(8), UTC)
    signer = authority if kind.signature.scheme is None else authority.reissued(kind.signature.scheme)
    hashed = {file & 0xFF: content for file, content in contents.items()}
    return CardImage(
        files={**contents, image.COM: com(contents), image.SOD: sod(hashed, signer, issued, kind.signature)},
        master_files=_master_files(kind, keys, signer, issued),
        can=person.can if layout.can else None,
        mrz_information=zone.information,
        access=kind.access,
        # The chip answers the mapping with its first key on the curve: that must be the one EF.CardSecurity tells.
        chip_authentication=tuple(key for key, spec in sorted(keys, key=lambda pair: not pair[1].in_card_security)),
        active_authentication=proof,
    )


def com(present: Mapping[int, bytes]) -> bytes:
    """EF.COM: versions and the list of data groups, in the order of GROUP_TAGS."""
    tags = bytes(tag for file, tag in GROUP_TAGS.items() if file in present)
    return der.tlv(0x60, der.tlv(0x5F01, LDS_VERSION) + der.tlv(0x5F36, UNICODE_VERSION) + der.tlv(0x5C, tags))


def dg1(zone: mrz.Zone) -> bytes:
    """DG1: the MRZ (9303-10, 4.7.1.2)."""
    return der.tlv(0x61, der.tlv(0x5F1F, zone.text().encode("ascii")))


def mrz_zone(person: Person, layout: Layout) -> mrz.Zone:
    """What the card prints for machines."""
    if layout.form == "citizen":
        return mrz.zone(person.personal_id, person.full_name, person.birth_date, person.sex, person.expiry_date)
    entries = mrz.Entries(
        code=layout.code,
        state=layout.state,
        number=person.personal_id[-9:],
        full_name=person.full_name,
        nationality=layout.state,
        birth_date=person.birth_date,
        sex=person.sex,
        expiry_date=person.expiry_date,
    )
    return {"TD1": mrz.td1, "TD2": mrz.td2, "TD3": mrz.td3}[layout.form](entries)


def dg2(portrait: bytes, how: Portraits, sex: str) -> bytes:
    """The portrait (JPEG) as the kind of card holds it. Raises ValueError when the file cannot have its size."""
    picture = pictures.jpeg2000(portrait) if how.encoding == "JPEG 2000" else portrait
    group = _faces(picture, how, sex)
    if how.size is not None and len(group) != how.size:
        group = _faces(pictures.padded(picture, len(picture) + how.size - len(group)), how, sex)
        if len(group) != how.size:
            raise ValueError("this size cannot be reached")
    return group


def sod(contents: Mapping[int, bytes], authority: Authority, issued: datetime, how: Signature) -> bytes:
    """EF.SOD over data groups (number: content). Raises ValueError when it cannot have its size."""
    made = _signed(contents, authority, issued, how)
    if how.size is None:
        return made
    # ECDSA signatures differ in length by a few bytes from one to the next: aim, sign, and aim again.
    more = 0
    for _ in range(_MOST_TRIES):
        signer = authority.recertified([certificates.crl_address(_CRL_ADDRESS + "x" * more)])
        made = _signed(contents, signer, issued, how)
        if len(made) == how.size:
            return made
        more = max(more + how.size - len(made), 0)
    raise ValueError("this size cannot be reached")


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


def _signed(contents: Mapping[int, bytes], authority: Authority, issued: datetime, how: Signature) -> bytes:
    return security_files.sod(
        contents, authority, issued, digest=how.digest, identified_by=how.identified_by, version=how.version
    )


def _faces(picture: bytes, how: Portraits, sex: str) -> bytes:
    images = [face.Image(picture, WIDTH, HEIGHT)] * how.copies
    return face.encode_all(images, sex, how.nesting, constructed=how.constructed)


def _personal_groups(person: Person, kind: Kind) -> dict[int, bytes]:
    if kind.layout.form == "citizen":
        return {image.DG3: FINGERS, image.DG13: _dg13(person, kind.layout)}
    if not kind.layout.details:
        return {}
    about_person = details.PersonalDetails(
        full_name=person.full_name.replace(" ", "<<", 1).replace(" ", "<"),
        other_names=("SANDBOX<<SYNTHETIC",),
        personal_number=person.personal_id,
        birth_date=person.birth_date.replace("-", "").ljust(8, "0"),
        place_of_birth=person.place_of_origin.split(", "),
        address=person.residence.split(", "),
        packed_dates=kind.layout.packed_dates,
    )
    about_document = details.DocumentDetails(
        authority="UTOPIA SANDBOX AUTHORITY",
        issue_date=person.issue_date.replace("-", ""),
        observations="SYNTHETIC - NOT FOR CARE",
        personalised=person.issue_date.replace("-", "") + "080000",
        system_serial="SANDBOX-1",
        packed_dates=kind.layout.packed_dates,
    )
    return {
        image.DG7: details.dg7([pictures.signature(person)]),
        image.DG11: details.dg11(about_person),
        image.DG12: details.dg12(about_document),
    }


def _dg13(person: Person, layout: Layout) -> bytes:
    fields = [field for field in dg13_fields(person) if layout.fields is None or field[0] in layout.fields]
    group = dg13.encode(fields)
    missing = 0 if layout.dg13_size is None else layout.dg13_size - len(group)
    for more in range(missing, max(missing - 8, 0), -1):  # the lengths above may grow by a few bytes
        longer = der.utf8((person.features + " ").ljust(len(person.features) + more, "."))
        group = dg13.encode([(number, longer if number == _FEATURES else value) for number, value in fields])
        if len(group) == layout.dg13_size:
            return group
    if missing:
        raise ValueError("this size cannot be reached")
    return group


def _chip_keys(kind: Kind, person: Person, authority: Authority) -> list[tuple[ChipKey, ChipKeySpec]]:
    return [
        (
            ChipKey(
                group=spec.group,
                private=seeds.scalar(_seed(authority, person, f"chip{number or ''}"), groups.by_name(spec.group).order),
                ciphers=spec.ciphers,
                key_id=spec.key_id,
            ),
            spec,
        )
        for number, spec in enumerate(kind.chip_keys)
    ]


def _active_authentication(
    kind: Kind, person: Person, authority: Authority
) -> tuple[image.EcdsaKey | image.RsaKey | None, bytes | None]:
    """The private key, and the public one for DG15."""
    seed = _seed(authority, person, "active")
    match kind.active:
        case EcdsaProof(curve, digest, encoded, form, _):
            private = seeds.scalar(seed, groups.by_name(curve).order)
            key = image.EcdsaKey(curve=curve, private=private, hash=digest, encoded=encoded)
            return key, public_keys.key_information(curve, private, form)
        case RsaProof(bits, digest):
            p, q = seeds.rsa_primes(seed, bits)
            public = rsa.RSAPublicNumbers(seeds.EXPONENT, int.from_bytes(p, "big") * int.from_bytes(q, "big"))
            information = public.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return image.RsaKey(p=p, q=q, exponent=seeds.EXPONENT, hash=digest), information
    return None, None


def _master_files(
    kind: Kind, keys: list[tuple[ChipKey, ChipKeySpec]], signer: Authority, issued: datetime
) -> dict[int, bytes]:
    """What stands outside the application (9303-10, 3.11)."""
    found = {}
    if kind.longest_apdus is not None:
        found[image.DIR] = der.tlv(0x61, der.tlv(0x4F, APPLICATION))
        found[image.ATR_INFO] = security_files.atr_info(*kind.longest_apdus)
    if not kind.access.pace:
        return found
    offered = _offers(kind, keys)
    found[image.CARD_ACCESS] = der.tlv(0x31, b"".join(offered))
    mapping_keys = [_public(key, spec) for key, spec in keys if spec.in_card_security]
    if mapping_keys:
        found[image.CARD_SECURITY] = security_files.card_security([*offered, *mapping_keys], signer, issued)
    return found


def _dg14_infos(kind: Kind, keys: list[tuple[ChipKey, ChipKeySpec]]) -> list[bytes]:
    infos = [*_offers(kind, keys), *(_public(key, spec) for key, spec in keys if spec.ciphers)]
    if isinstance(kind.active, EcdsaProof) and kind.active.told:
        infos.append(security_files.active_authentication_info(kind.active.hash))
    return infos


def _offers(kind: Kind, keys: list[tuple[ChipKey, ChipKeySpec]]) -> list[bytes]:
    """Terminal authentication where there are fingers, chip authentication, PACE."""
    fingers = [security_files.TERMINAL_AUTHENTICATION_INFO] if kind.layout.form == "citizen" else []
    chip = [info for key, _ in keys for info in security_files.chip_authentication_infos(key)]
    return [*fingers, *chip, *(security_files.pace_info(offer) for offer in kind.access.pace)]


def _public(key: ChipKey, spec: ChipKeySpec) -> bytes:
    information = public_keys.key_information(key.group, key.private, spec.form)
    return security_files.chip_key_info(key.group, information, key.key_id)


def _seed(authority: Authority, person: Person, purpose: str) -> bytes:
    return authority.secret() + purpose.encode() + person.personal_id.encode()
