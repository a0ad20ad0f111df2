"""The kinds of cards that the sandbox can make, each to show one thing that a reader has to know.

`build` makes a card of any kind; `KINDS` are those with a name. Further ones are a `dataclasses.replace` away.
Foreign documents are those of a state that does not exist (UTO and D<< of ICAO's specimens, "Utopia").
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from sandbox.card import files
from sandbox.card.image import Access, CardImage, CipherName, HashName, Pace
from sandbox.card.parameters import NAMES
from sandbox.card.signing import Ecdsa, Rsa
from sandbox.card.spec import (
    CITIZEN,
    ChipKeySpec,
    EcdsaProof,
    Kind,
    Layout,
    Portraits,
    RsaProof,
    Signature,
)
from sandbox.card.trust import Authority
from sandbox.people import Person

BENCHMARK_SIZES = {"dg2": 15_085, "dg13": 479, "sod": 1_648}  # bytes, those of the figures (chip.md 3.1)
_CHILDS_FIELDS = frozenset({1, 2, 3, 4, 5, 12, 13})


def build(kind: Kind | str, person: Person, portrait: bytes | None, authority: Authority) -> CardImage:
    """A card of this kind (or of this name in `KINDS`) for a person; `portrait` is a JPEG of the painter's size.

    Raises KeyError for an unknown name, ValueError when a file cannot have the size that the kind wants, TrustUnusable
    when the kind wants a document signer of its own and the authority came from a folder.
    """
    return files.build(person, portrait, authority, KINDS[kind] if isinstance(kind, str) else kind)


def with_pace(mapping: Literal["GM", "IM", "CAM"], cipher: CipherName = "AES-128", parameters: int = 13) -> Kind:
    """The citizen card with another PACE. `parameters`: 0 to 2 and 8 to 18 (9303-11, 9.5.1); CAM takes curves only."""
    offer = Pace(mapping=mapping, cipher=cipher, parameters=parameters)
    name = f"pace_{mapping}_{cipher}_{NAMES[parameters]}".lower().replace("-", "")
    about = f"PACE {mapping} {cipher} on {NAMES[parameters]}"
    if mapping != "CAM":
        return replace(CITIZEN, name=name, about=about, access=Access(pace=(offer,)))
    # A card with this mapping offers another one as well (9303-11, 4.4.1).
    access = Access(pace=(offer, _generic(offer)))
    return replace(CITIZEN, name=name, about=about, access=access, chip_keys=(ChipKeySpec(), _mapping_key(parameters)))


def with_chip_key(*keys: ChipKeySpec, name: str, about: str) -> Kind:
    """The citizen card with other keys for chip authentication."""
    return replace(CITIZEN, name=name, about=about, chip_keys=keys)


def with_signature(name: str, about: str, signature: Signature) -> Kind:
    """The citizen card with its SOD signed in another way."""
    return replace(CITIZEN, name=name, about=about, signature=signature)


def with_portraits(name: str, about: str, portraits: Portraits | None) -> Kind:
    """The citizen card with another DG2."""
    return replace(CITIZEN, name=name, about=about, portraits=portraits)


def _generic(offer: Pace) -> Pace:
    return Pace(mapping="GM", cipher=offer.cipher, parameters=offer.parameters)


def _mapping_key(parameters: int) -> ChipKeySpec:
    return ChipKeySpec(NAMES[parameters], ciphers=(), form="standardised", in_card_security=True)


def _access_kinds() -> list[Kind]:
    no_pace = Access(pace=())
    return [
        replace(
            CITIZEN,
            name="bac_only",
            about="an older card: BAC alone, RSA active authentication, no chip authentication",
            access=no_pace,
            chip_keys=(),
            active=RsaProof(),
            layout=Layout(can=False),
        ),
        replace(CITIZEN, name="bac_and_pace", about="BAC beside PACE: the citizen card, said explicitly"),
        replace(CITIZEN, name="pace_only", about="PACE, and BAC is refused", access=Access(bac=False)),
        replace(with_pace("IM"), name="pace_im"),
        replace(with_pace("CAM"), name="pace_cam"),
        replace(with_pace("GM", "AES-128", 2), name="pace_dh"),
        replace(with_pace("IM", "AES-128", 2), name="pace_dh_im"),
        replace(with_pace("GM", "3DES", 13), name="pace_3des"),
        replace(with_pace("GM", "AES-256", 17), name="pace_aes256_brainpoolp512r1"),
        replace(with_pace("GM", "AES-256", 18), name="pace_aes256_secp521r1"),
        *(replace(with_pace("GM", parameters=number), name=f"pace_parameters_{number}") for number in NAMES),
        replace(
            CITIZEN,
            name="pace_many",
            about="several PACE protocols, the weakest first",
            access=Access(
                pace=(
                    Pace(cipher="3DES", parameters=0),
                    Pace(cipher="3DES", parameters=12),
                    Pace(mapping="IM", parameters=13),
                    Pace(cipher="AES-256", parameters=16),
                )
            ),
        ),
    ]


def _proof_kinds() -> list[Kind]:
    ecdsa384 = EcdsaProof("brainpoolP384r1", "SHA-384", form="explicit")
    return [
        with_chip_key(
            ChipKeySpec("modp2048-256", form="x942"), name="ca_dh", about="chip authentication over DH (X9.42)"
        ),
        with_chip_key(
            ChipKeySpec("modp1024-160", ("3DES",), form="pkcs3"),
            name="ca_dh_pkcs3",
            about="chip authentication over DH with 3DES, its group in the form of PKCS #3",
        ),
        with_chip_key(
            ChipKeySpec(ciphers=("3DES",), form="named"), name="ca_3des", about="chip authentication with 3DES"
        ),
        with_chip_key(
            ChipKeySpec("secp521r1", ("AES-256",), form="named"),
            name="ca_aes256",
            about="chip authentication with AES-256 on secp521r1",
        ),
        with_chip_key(
            ChipKeySpec("brainpoolP320r1", ("AES-192",)),
            name="ca_brainpoolp320r1",
            about="chip authentication on a curve that few libraries know, parameters written out",
        ),
        with_chip_key(
            ChipKeySpec(ciphers=("3DES",), key_id=1),
            ChipKeySpec("secp256r1", ("AES-128", "AES-256"), key_id=2, form="named"),
            name="ca_many",
            about="two chip authentication keys with their numbers",
        ),
        with_chip_key(name="ca_none", about="no chip authentication, and no DG14"),
        replace(CITIZEN, name="aa_rsa", about="active authentication with RSA-2048 and SHA-1", active=RsaProof()),
        replace(
            CITIZEN,
            name="aa_rsa_sha256",
            about="active authentication with RSA-1024 and SHA-256",
            active=RsaProof(1024, "SHA-256"),
        ),
        replace(CITIZEN, name="aa_ecdsa_384", about="active authentication on brainpoolP384r1", active=ecdsa384),
        replace(
            CITIZEN,
            name="aa_ecdsa_der",
            about="active authentication whose signature is a DER sequence, its hash not told",
            active=EcdsaProof(encoded=True, told=False),
        ),
        replace(CITIZEN, name="aa_none", about="no active authentication", active=None),
    ]


def _signature_kinds() -> list[Kind]:
    def rsa(bits: int, digest: HashName, padding: Literal["pkcs1", "pss"], *, bare: bool = False) -> Signature:
        return Signature(Rsa(bits, digest, padding, bare), digest)

    def ecdsa(curve: str, digest: HashName, form: Literal["explicit", "named"] = "explicit") -> Signature:
        return Signature(Ecdsa(curve, digest, form), digest)

    ways = {
        "sod_rsa_sha1": rsa(2048, "SHA-1", "pkcs1"),
        "sod_rsa_sha256": rsa(2048, "SHA-256", "pkcs1"),
        "sod_rsa_bare": rsa(3072, "SHA-256", "pkcs1", bare=True),
        "sod_rsa_sha512": rsa(4096, "SHA-512", "pkcs1"),
        "sod_pss_sha1": rsa(2048, "SHA-1", "pss"),
        "sod_pss_sha256": rsa(3072, "SHA-256", "pss"),
        "sod_pss_sha384": rsa(2048, "SHA-384", "pss"),
        "sod_pss_sha512": rsa(4096, "SHA-512", "pss"),
        "sod_ecdsa_sha1": ecdsa("secp256r1", "SHA-1", "named"),
        "sod_ecdsa_sha224": ecdsa("secp224r1", "SHA-224", "named"),
        "sod_ecdsa_p256": ecdsa("secp256r1", "SHA-256", "named"),
        "sod_ecdsa_p384": ecdsa("secp384r1", "SHA-384", "named"),
        "sod_ecdsa_p521_explicit": ecdsa("secp521r1", "SHA-512"),
        "sod_ecdsa_brainpool384_explicit": ecdsa("brainpoolP384r1", "SHA-384"),
        "sod_mixed_hashes": Signature(Ecdsa("secp384r1", "SHA-384", "named"), "SHA-256"),
        "sod_key_identifier": Signature(identified_by="key_identifier"),
        "sod_version_1": Signature(version=1),
    }
    return [with_signature(name, f"the SOD in the way its name says ({name[4:]})", way) for name, way in ways.items()]


def _document_kinds() -> list[Kind]:
    passport = Kind(
        "passport",
        "a passport of Utopia: PACE and BAC by its MRZ, DG7, DG11, DG12, a portrait in JPEG 2000, no DG13",
        layout=Layout("TD3", code="P", state="UTO", can=False, details=True),
        portraits=Portraits("JPEG 2000"),
        longest_apdus=(1000, 4096),
    )
    return [
        passport,
        replace(
            passport,
            name="passport_packed",
            about="the passport of a state of one letter, BAC only, dates in BCD",
            access=Access(pace=()),
            layout=replace(passport.layout, state="D", packed_dates=True),
            longest_apdus=None,
        ),
        replace(
            passport,
            name="identity_td2",
            about="a card of the size TD2 with a CAN",
            layout=Layout("TD2", code="I", state="UTO", details=True),
            portraits=Portraits(),
        ),
        replace(
            passport,
            name="identity_td1",
            about="another country's identity card, without details",
            layout=Layout("TD1", code="I", state="UTO"),
            portraits=Portraits(),
        ),
        replace(
            CITIZEN,
            name="child_2024",
            about="a child's card of 2024: no portrait in the chip, few fields",
            layout=Layout(fields=_CHILDS_FIELDS),
            portraits=None,
        ),
    ]


def _portrait_kinds() -> list[Kind]:
    return [
        with_portraits("portrait_25k", "a portrait file of 25 kB", Portraits(size=25_000)),
        with_portraits("portrait_60k", "a portrait file of 60 kB", Portraits(size=60_000)),
        with_portraits("portrait_jpeg2000", "a portrait in JPEG 2000", Portraits("JPEG 2000")),
        with_portraits("portraits_templates", "three portraits, each in its template", Portraits(copies=3)),
        with_portraits("portraits_record", "three portraits in one record", Portraits(copies=3, nesting="record")),
        with_portraits("portrait_7f2e", "the record under the constructed tag", Portraits(constructed=True)),
        with_portraits("portraits_none", "a DG2 that says it holds none", Portraits(copies=0)),
        replace(
            CITIZEN,
            name="benchmark",
            about="the card of the published figures: DG2, SOD and DG13 of their sizes (chip.md 3.1)",
            layout=Layout(dg13_size=BENCHMARK_SIZES["dg13"]),
            portraits=Portraits(size=BENCHMARK_SIZES["dg2"]),
            signature=Signature(size=BENCHMARK_SIZES["sod"]),
            chip_keys=(ChipKeySpec(form="named"),),
        ),
    ]


def _catalogue() -> dict[str, Kind]:
    parts = (_access_kinds(), _proof_kinds(), _signature_kinds(), _document_kinds(), _portrait_kinds())
    return {kind.name: kind for kind in [CITIZEN, *(kind for part in parts for kind in part)]}


KINDS: Mapping[str, Kind] = MappingProxyType(_catalogue())
