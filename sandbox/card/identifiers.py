"""Object identifiers of the protocols in a card image (ICAO Doc 9303-11, 9.2, from BSI TR-03110-3, A.1.1)."""

from sandbox.card.image import CipherName, Pace

BSI = "0.4.0.127.0.7.2.2"
PUBLIC_KEY_DH, PUBLIC_KEY_ECDH = f"{BSI}.1.1", f"{BSI}.1.2"  # ChipAuthenticationPublicKeyInfo
_CIPHERS: dict[CipherName, int] = {"3DES": 1, "AES-128": 2, "AES-192": 3, "AES-256": 4}
_MAPPINGS = {("DH", "GM"): 1, ("ECDH", "GM"): 2, ("DH", "IM"): 3, ("ECDH", "IM"): 4, ("ECDH", "CAM"): 6}


def agreement(parameters: int) -> str:
    """`DH` or `ECDH`, by the number of the standardised domain parameters."""
    return "DH" if parameters <= 2 else "ECDH"


def pace(offer: Pace) -> str:
    """`id-PACE-...`, dotted. Raises KeyError for what the standard has not (CAM over DH)."""
    return f"{BSI}.4.{_MAPPINGS[agreement(offer.parameters), offer.mapping]}.{_CIPHERS[offer.cipher]}"


def chip_authentication(group: str, cipher: CipherName) -> str:
    """`id-CA-...`, dotted, for a key in this group."""
    return f"{BSI}.3.{1 if group.startswith('modp') else 2}.{_CIPHERS[cipher]}"


def public_key(group: str) -> str:
    """`id-PK-...`, dotted, for a key in this group."""
    return PUBLIC_KEY_DH if group.startswith("modp") else PUBLIC_KEY_ECDH
