"""What makes one kind of card differ from another, as data: a kind is one such record, a card is made from it.

Only names and numbers; `files.py` makes the files, `kinds.py` knows the kinds. Defaults are those of the citizen card.
"""

from dataclasses import dataclass
from typing import Literal

from sandbox.card.cms import SignerIdentifier
from sandbox.card.face import Nesting
from sandbox.card.image import Access, CipherName, HashName
from sandbox.card.public_keys import KeyForm
from sandbox.card.signing import Scheme

_PACE_AND_BAC = Access()


@dataclass(frozen=True)
class ChipKeySpec:
    """A chip authentication key and the form of its public half (see image.ChipKey).

    `in_card_security`: told in EF.CardSecurity for the chip authentication mapping, too or alone (no `ciphers`).
    """

    group: str = "brainpoolP256r1"
    ciphers: tuple[CipherName, ...] = ("AES-128",)
    key_id: int | None = None
    form: KeyForm = "explicit"
    in_card_security: bool = False


@dataclass(frozen=True)
class EcdsaProof:
    """Active authentication with ECDSA (see image.EcdsaKey)."""

    curve: str = "secp256r1"
    hash: HashName = "SHA-256"
    encoded: bool = False
    form: KeyForm = "named"
    told: bool = True  # DG14 says which signature it is


@dataclass(frozen=True)
class RsaProof:
    """Active authentication with RSA (see image.RsaKey)."""

    bits: int = 2048
    hash: HashName = "SHA-1"


@dataclass(frozen=True)
class Portraits:
    """How the portrait stands in DG2. `size`: bytes that the whole file is padded to (JPEG only)."""

    encoding: Literal["JPEG", "JPEG 2000"] = "JPEG"
    copies: int = 1
    nesting: Nesting = "templates"
    constructed: bool = False
    size: int | None = None


@dataclass(frozen=True)
class Layout:
    """The document as its holder sees it.

    `form`: `citizen` is Vietnam's card with DG3 and DG13; the others are of another state and have neither, but may
    have `details` (DG7, DG11, DG12). `fields`: the numbers of DG13's fields, None for all.
    """

    form: Literal["citizen", "TD1", "TD2", "TD3"] = "citizen"
    code: str = "ID"
    state: str = "VNM"
    can: bool = True
    details: bool = False
    packed_dates: bool = False
    fields: frozenset[int] | None = None
    dg13_size: int | None = None  # bytes that DG13 is padded to


@dataclass(frozen=True)
class Signature:
    """How the SOD is signed. `scheme` None: by the authority's own signer.

    `size`: bytes that EF.SOD is brought to by the address of a revocation list in the signer's certificate.
    """

    scheme: Scheme | None = None
    digest: HashName = "SHA-256"
    identified_by: SignerIdentifier = "issuer_and_serial"
    version: int = 0
    size: int | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of card; `about` says what it is there to show."""

    name: str
    about: str
    access: Access = _PACE_AND_BAC
    chip_keys: tuple[ChipKeySpec, ...] = (ChipKeySpec(),)
    active: EcdsaProof | RsaProof | None = EcdsaProof()
    layout: Layout = Layout()
    portraits: Portraits | None = Portraits()
    signature: Signature = Signature()
    longest_apdus: tuple[int, int] | None = None  # command and response, told in EF.ATR/INFO


CITIZEN = Kind("citizen", "Vietnam's citizen card: PACE and BAC, chip authentication, active authentication")
