"""PACE, card side: ECDH with generic mapping on brainpoolP256r1, AES-128 (ICAO Doc 9303-11, 4.4).

The password is the CAN or the MRZ; a wrong one shows only at the last step, as the standard wants.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.card import apdu, curve, der, keys
from sandbox.card.apdu import Reply
from sandbox.card.secure_messaging import Channel

OID = der.oid("0.4.0.127.0.7.2.2.4.2.2")  # id-PACE-ECDH-GM-AES-CBC-CMAC-128
PARAMETERS = 13  # brainpoolP256r1 (9303-11, 9.5.1)
MRZ, CAN = 1, 2  # password references (9303-11, 4.4.4.1)

Random = Callable[[int], bytes]


class PaceFailed(Exception):
    """The exchange is over. `status` is the card's answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(frozen=True)
class _Ephemeral:
    """What the second step leaves for the third: the mapped generator; then what the third leaves for the fourth."""

    generator: curve.Point
    own: curve.Point | None = None
    theirs: curve.Point | None = None
    secret: bytes = b""


class Exchange:
    """One run: four GENERAL AUTHENTICATE commands, in order, each answered by `step`."""

    def __init__(self, password_key: bytes, random: Random, wrong_key_status: int) -> None:
        self._key = password_key
        self._random = random
        self._wrong_key_status = wrong_key_status
        self._nonce = b""
        self._state: _Ephemeral | None = None
        self._expected: Callable[[int | None, bytes], bytes] = self._encrypted_nonce
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
        return Reply(apdu.OK, der.tlv(0x7C, self._expected(kind, value)))

    def _encrypted_nonce(self, kind: int | None, _: bytes) -> bytes:
        if kind is not None:
            raise PaceFailed(apdu.WRONG_DATA)
        self._nonce = self._random(keys.BLOCK)
        self._expected = self._mapping
        return der.tlv(0x80, keys.encrypt(self._key, bytes(keys.BLOCK), self._nonce))

    def _mapping(self, kind: int | None, value: bytes) -> bytes:
        """Generic mapping: G' = s G + H, with H from an anonymous key agreement (9303-11, 4.4.3.3.1)."""
        theirs = _point(kind, 0x81, value)
        scalar = self._scalar()
        own = curve.multiply(scalar, curve.GENERATOR)
        try:
            shared = curve.multiply(scalar, theirs)
            mapped = curve.add(curve.multiply(int.from_bytes(self._nonce, "big"), curve.GENERATOR), shared)
        except curve.BadPoint:
            raise PaceFailed(apdu.WRONG_DATA) from None
        self._state = _Ephemeral(mapped)
        self._expected = self._key_agreement
        return der.tlv(0x82, own.encoded())

    def _key_agreement(self, kind: int | None, value: bytes) -> bytes:
        theirs = _point(kind, 0x83, value)
        if self._state is None:
            raise PaceFailed(apdu.CONDITIONS_NOT_SATISFIED)
        scalar = self._scalar()
        own = curve.multiply(scalar, self._state.generator)
        if own == theirs:
            raise PaceFailed(apdu.WRONG_DATA)  # keys must differ (9303-11, 4.4.1, step 3.d)
        secret = curve.multiply(scalar, theirs).x.to_bytes(curve.SIZE, "big")
        self._state = _Ephemeral(self._state.generator, own, theirs, secret)
        self._expected = self._authentication
        return der.tlv(0x84, own.encoded())

    def _authentication(self, kind: int | None, value: bytes) -> bytes:
        state = self._state
        if kind != 0x85 or state is None or state.own is None or state.theirs is None:
            raise PaceFailed(apdu.WRONG_DATA)
        mac_key = keys.derive(state.secret, keys.FOR_MAC)
        if not hmac.compare_digest(value, _token(mac_key, state.own)):
            raise PaceFailed(self._wrong_key_status)
        self.channel = Channel(keys.derive(state.secret, keys.FOR_ENCRYPTION), mac_key)
        return der.tlv(0x86, _token(mac_key, state.theirs))

    def _scalar(self) -> int:
        return int.from_bytes(self._random(curve.SIZE + 8), "big") % (curve.N - 1) + 1


def _point(kind: int | None, wanted: int, value: bytes) -> curve.Point:
    if kind != wanted:
        raise PaceFailed(apdu.WRONG_DATA)
    try:
        return curve.decode(value)
    except curve.BadPoint:
        raise PaceFailed(apdu.WRONG_DATA) from None


def _token(mac_key: bytes, public: curve.Point) -> bytes:
    """Authentication token over the other side's ephemeral public key (9303-11, 4.4.3.4)."""
    return keys.mac(mac_key, der.tlv(0x7F49, OID + der.tlv(0x86, public.encoded())))
