"""What is in a card: its files, its secrets and the protocols it offers, as one record for another process.

Building it needs the signing authority and the portrait painter; playing it (`chip.py`) needs only this. Object
identifiers of the protocols named here stand in `identifiers.py`, numbers of the groups in `parameters.py`.
"""

from typing import Literal

from msgspec import field

from wire.codec import Record

CARD_ACCESS, COM, SOD = 0x011C, 0x011E, 0x011D
CARD_SECURITY = 0x011D  # the same identifier as EF.SOD, under the master file (9303-10, 3.11)
MASTER_FILE, DIR, ATR_INFO = 0x3F00, 0x2F00, 0x2F01
DG1, DG2, DG3, DG7, DG11, DG12, DG13 = 0x0101, 0x0102, 0x0103, 0x0107, 0x010B, 0x010C, 0x010D
DG14, DG15 = 0x010E, 0x010F

# Contactless pseudo ATR (PC/SC part 3, 3.1.3.2.3.1): T=1, no historical bytes that tell one card from another.
ATR = bytes.fromhex("3B888001000000000000000009")

CipherName = Literal["3DES", "AES-128", "AES-192", "AES-256"]
HashName = Literal["SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]


class Pace(Record, frozen=True, kw_only=True):
    """One PACEInfo that the card accepts.

    `parameters` is the number of the standardised domain parameters (9303-11, 9.5.1): 0 to 2 DH, 8 to 18 ECDH.
    The chip authentication mapping (CAM) needs ECDH, AES and a ChipKey on the same curve.
    """

    mapping: Literal["GM", "IM", "CAM"] = "GM"
    cipher: CipherName = "AES-128"
    parameters: int = 13


class Access(Record, frozen=True, kw_only=True):
    """What opens the card. No `pace`: a card that offers BAC only; then EF.CardAccess should be missing too."""

    pace: tuple[Pace, ...] = (Pace(),)
    bac: bool = True


class ChipKey(Record, frozen=True, kw_only=True):
    """A static key pair of chip authentication: the private half, its public half stands in DG14 or EF.CardSecurity.

    `group`: `secp256r1`, `brainpoolP320r1`, ... or `modp1024-160`, `modp2048-224`, `modp2048-256` (RFC 5114).
    `ciphers`: the ChipAuthenticationInfos; none makes it a key for PACE with chip authentication mapping alone, which
    that mapping takes before any other on its curve.
    `key_id`: demanded in the command when the card has several keys with the same cipher and agreement.
    """

    group: str = "brainpoolP256r1"
    private: bytes
    ciphers: tuple[CipherName, ...] = ("AES-128",)
    key_id: int | None = None


class RsaKey(Record, frozen=True, kw_only=True, tag="RSA", tag_field="algorithm"):
    """Active authentication with RSA (ISO/IEC 9796-2 scheme 1). The primes are big-endian."""

    p: bytes
    q: bytes
    exponent: int = 65537
    hash: HashName = "SHA-1"


class EcdsaKey(Record, frozen=True, kw_only=True, tag="ECDSA", tag_field="algorithm"):
    """Active authentication with ECDSA; `encoded` makes the signature a DER sequence, not r and s side by side."""

    curve: str = "secp256r1"
    private: bytes
    hash: HashName = "SHA-256"
    encoded: bool = False


class CardImage(Record, frozen=True, kw_only=True):
    """One card: `master_files` (EF.CardAccess, EF.CardSecurity, EF.ATR/INFO, EF.DIR) and `files` of the application.

    Both map file identifiers to contents. `can` is the card access number, None when the card has none;
    `mrz_information` the MRZ's document number, birth and expiry with check digits (BAC and PACE).
    """

    files: dict[int, bytes]
    master_files: dict[int, bytes] = field(default_factory=dict)
    can: str | None = None
    mrz_information: str
    access: Access = Access()
    chip_authentication: tuple[ChipKey, ...] = ()
    active_authentication: RsaKey | EcdsaKey | None = None
    atr: bytes = ATR
