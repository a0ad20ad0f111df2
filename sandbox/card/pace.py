"""PACE, card side: generic, integrated and chip authentication mapping over ECDH and DH (ICAO Doc 9303-11, 4.4).

The password is the CAN or the MRZ; a wrong one shows only at the last step, as the standard wants.
"""

import hmac
from collections.abc import Callable

from sandbox.card import apdu, der, groups, identifiers, keys, mapping
from sandbox.card.apdu import Reply
from sandbox.card.groups import BadElement, Private
from sandbox.card.image import Pace
from sandbox.card.secure_messaging import Channel

MRZ, CAN = 1, 2  # password references (9303-11, 4.4.4.1)

Random = Callable[[int], bytes]


class PaceFailed(Exception):
    """The exchange is over. `status` is the card's answer; `wrong_key` tells that the password was not the card's."""

    def __init__(self, status: int, wrong_key: bool = False) -> None:
        super().__init__(f"{status:04X}")
        self.status = status
        self.wrong_key = wrong_key


class Exchange:
    """One run: four GENERAL AUTHENTICATE commands, in order, each answered by `step`.

    `static` is the private key whose public half stands in EF.CardSecurity: chip authentication mapping needs it.
    """

    def __init__(
        self, offer: Pace, password_key: bytes, random: Random, static: int | None = None, wrong_key: int = 0x6300
    ) -> None:
        self.offer = offer
        self._group = groups.by_number(offer.parameters)
        self._identifier = der.oid(identifiers.pace(offer))
        self._key = password_key
        self._random = random
        self._static = static
        self._wrong_key = wrong_key
        self._nonce = self._generator = self._own = self._theirs = self._secret = b""
        self._mapped_with = 0
        self._expected: Callable[[int | None, bytes], bytes] = self._encrypted_nonce
        self.steps = 0
        self.channel: Channel | None = None

    def step(self, data: bytes) -> Reply:
        """Answer one command's dynamic authentication data. Raises PaceFailed; after that the exchange is void."""
        try:
            ((tag, content),) = der.split(data)
            objects = der.split(content)
        except (ValueError, IndexError):
            raise PaceFailed(apdu.WRONG_DATA) from None
        if tag != 0x7C or len(objects) > 1:
            raise PaceFailed(apdu.WRONG_DATA)
        kind, value = objects[0] if objects else (None, b"")
        self.steps += 1
        try:
            return Reply(apdu.OK, der.tlv(0x7C, self._expected(kind, value)))
        except BadElement:
            raise PaceFailed(apdu.WRONG_DATA) from None

    def _encrypted_nonce(self, kind: int | None, _: bytes) -> bytes:
        cipher = self.offer.cipher
        if kind is not None:
            raise PaceFailed(apdu.WRONG_DATA)
        self._nonce = self._random(mapping.nonce_size(cipher))
        self._expected = self._integrated if self.offer.mapping == "IM" else self._generic
        return der.tlv(0x80, keys.encrypt(self._key, bytes(keys.block_size(cipher)), self._nonce, cipher))

    def _generic(self, kind: int | None, value: bytes) -> bytes:
        """G' = s G + H, with H from an anonymous key agreement (9303-11, 4.4.3.3.1)."""
        theirs = self._public(kind, 0x81, value)
        self._mapped_with, mine = self._ephemeral()
        offset = self._group.private(int.from_bytes(self._nonce, "big")).public
        self._generator = self._group.combine(offset, mine.power(theirs))
        self._expected = self._key_agreement
        return der.tlv(0x82, mine.public)

    def _integrated(self, kind: int | None, value: bytes) -> bytes:
        if kind != 0x81 or len(value) != keys.KEY_SIZES[self.offer.cipher]:
            raise PaceFailed(apdu.WRONG_DATA)
        self._generator = mapping.integrated(self._group, self.offer.cipher, self._nonce, value)
        self._expected = self._key_agreement
        return der.tlv(0x82, b"")

    def _key_agreement(self, kind: int | None, value: bytes) -> bytes:
        self._theirs = self._public(kind, 0x83, value)
        _, mine = self._ephemeral()
        self._own = mine.power(self._generator)
        if self._own == self._theirs:
            raise PaceFailed(apdu.WRONG_DATA)  # keys must differ (9303-11, 4.4.1, step 3.d)
        self._secret = mine.secret(self._theirs)
        self._expected = self._authentication
        return der.tlv(0x84, self._own)

    def _authentication(self, kind: int | None, value: bytes) -> bytes:
        if kind != 0x85:
            raise PaceFailed(apdu.WRONG_DATA)
        encryption_key, mac_key = keys.session(self._secret, self.offer.cipher)
        if not hmac.compare_digest(value, self._token(mac_key, self._own)):
            raise PaceFailed(self._wrong_key, wrong_key=True)
        self.channel = Channel(encryption_key, mac_key, self.offer.cipher)
        reply = der.tlv(0x86, self._token(mac_key, self._theirs))
        if self.offer.mapping == "CAM":
            reply += der.tlv(0x8A, self._chip_authentication_data(encryption_key))
        return reply

    def _chip_authentication_data(self, key: bytes) -> bytes:
        """What turns the static public key into the mapping's public key, encrypted (9303-11, 4.4.3.5.1)."""
        order = self._group.order
        if self._static is None:
            raise PaceFailed(apdu.CONDITIONS_NOT_SATISFIED)
        quotient = pow(self._static, -1, order) * self._mapped_with % order
        plain = quotient.to_bytes((order.bit_length() + 7) // 8, "big")
        return keys.encrypt(key, keys.encrypt_block(key, b"\xff" * 16), keys.pad(plain))

    def _public(self, kind: int | None, wanted: int, value: bytes) -> bytes:
        if kind != wanted:
            raise PaceFailed(apdu.WRONG_DATA)
        return self._group.check(value)

    def _ephemeral(self) -> tuple[int, Private]:
        order = self._group.order
        number = int.from_bytes(self._random((order.bit_length() + 7) // 8 + 8), "big") % (order - 1) + 1
        return number, self._group.private(number)

    def _token(self, mac_key: bytes, public: bytes) -> bytes:
        """Authentication token over the other side's ephemeral public key (9303-11, 4.4.3.4)."""
        message = der.tlv(0x7F49, self._identifier + der.tlv(self._group.tag, public))
        return keys.token(mac_key, message, self.offer.cipher)
