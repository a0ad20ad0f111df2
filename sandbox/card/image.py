"""What is in a card: its files and secrets, as one record that can be handed to another process.

Building it needs the signing authority and the portrait painter; playing it (`chip.py`) needs only this.
"""

from wire.codec import Record

CARD_ACCESS, COM, SOD = 0x011C, 0x011E, 0x011D
DG1, DG2, DG3, DG13, DG14, DG15 = 0x0101, 0x0102, 0x0103, 0x010D, 0x010E, 0x010F

# Contactless pseudo ATR (PC/SC part 3, 3.1.3.2.3.1): T=1, no historical bytes that tell one card from another.
ATR = bytes.fromhex("3B888001000000000000000009")


class CardImage(Record, frozen=True, kw_only=True):
    """One card. `files` maps file identifiers to contents; the scalars are the chip's own private keys.

    `can` is the card access number, `mrz_information` the MRZ's document number, birth and expiry with check digits.
    """

    files: dict[int, bytes]
    can: str
    mrz_information: str
    chip_authentication_key: bytes = b""
    active_authentication_key: bytes = b""
    atr: bytes = ATR
