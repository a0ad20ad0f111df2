"""Active authentication and what cards say instead of a signature, or send of a long one."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reader.chip.active_authentication import NO_ANSWER, REFUSED, TOO_LONG, check, lost
from reader.chip.key_derivation import Cipher
from reader.chip.secure_messaging import LeftSecureMessaging, SecureChannel, suite
from reader.errors import CardBroken
from reader.reading import Outcome
from tests.reader.chip.chip_side import Answer, Chip, Keys, Plain, plain_channel
from tests.reader.chip.test_active_authentication import (
    CHALLENGE,
    answered,
    dg15_of,
    ec_key,
    failed,
    judged,
    not_done,
    representative,
    rsa_key,
    signed,
)

KEYS = (bytes(range(16)), bytes(range(16, 32)))


def test_saying_yes_without_a_signature_fails() -> None:
    assert judged(b"", dg15_of(rsa_key(1024))) == failed(NO_ANSWER)


@pytest.mark.parametrize("sw", [0x6982, 0x6985, 0x6A80, 0x6D00, 0x6700, 0x6300])
def test_a_card_that_refuses_is_not_called_forged(sw: int) -> None:
    for dg15 in (dg15_of(rsa_key(1024)), dg15_of(ec_key(12))):
        assert check(answered(b"", sw), dg15, None, CHALLENGE) == not_done(REFUSED)
    assert check(answered(b"", 0x6D00), dg15_of(rsa_key(2048)), None, CHALLENGE) == not_done(REFUSED)


def test_a_right_signature_with_a_wrong_word_is_none() -> None:
    key = rsa_key(1024)
    signature = signed(key, representative(128, "sha1", b"\xbc", CHALLENGE))
    assert check(answered(signature, 0x6300), dg15_of(key), None, CHALLENGE) == not_done(REFUSED)


# Long signatures


def chip_signing(key: rsa.RSAPrivateKey, trailer: bytes = b"\x34\xcc") -> Callable[[Plain], Answer]:
    def application(command: Plain) -> Answer:
        assert (command.ins, command.p1, command.p2, command.data) == (0x88, 0, 0, CHALLENGE)
        return Answer(signed(key, representative(key.key_size // 8, "sha256", trailer, command.data)))

    return application


def secured(chip: object, cipher: Cipher = Cipher.AES128, extended: bool = True) -> SecureChannel:
    return SecureChannel(plain_channel(chip, extended), suite(cipher, *KEYS))


@pytest.mark.parametrize("cipher", [Cipher.AES128, Cipher.TDES])
@pytest.mark.parametrize("bits", [1024, 1536, 2048, 4096])
def test_the_whole_signature_comes_through_secure_messaging(bits: int, cipher: Cipher) -> None:
    key = rsa_key(bits)
    chip = Chip(Keys(cipher is not Cipher.TDES, *KEYS), chip_signing(key))
    assert check(secured(chip, cipher), dg15_of(key), None, CHALLENGE, le=1000).result is Outcome.PASSED
    assert chip.seen[0].le == (256 if bits < 2048 else 1000)
    assert len(chip.raw) == 1


def test_without_extended_length_a_card_may_answer_in_pieces() -> None:
    key = rsa_key(2048)
    chip = Chip(Keys(True, *KEYS), chip_signing(key), extended=False)
    assert check(secured(chip, extended=False), dg15_of(key), None, CHALLENGE).result is Outcome.PASSED
    assert len(chip.raw) == 2


@pytest.mark.parametrize("sw", [0x6700, 0x6C00, 0x6F00])
def test_a_card_that_cannot_send_so_much_is_not_called_forged(sw: int) -> None:
    dg15 = dg15_of(rsa_key(2048))
    assert check(answered(b"", sw), dg15, None, CHALLENGE) == not_done(TOO_LONG)
    chip = Chip(Keys(True, *KEYS), lambda _command: Answer(sw=sw, in_clear=True))
    with pytest.raises(LeftSecureMessaging) as caught:
        check(secured(chip), dg15, None, CHALLENGE)
    assert lost(dg15, caught.value) == not_done(TOO_LONG)


@pytest.mark.parametrize("length", [0, 223, 255])
def test_a_signature_that_was_cut_off_was_too_long(length: int) -> None:
    assert judged(bytes(length), dg15_of(rsa_key(2048))) == not_done(TOO_LONG)


@pytest.mark.parametrize("length", [1, 20, 100])
def test_a_few_bytes_where_a_long_signature_belongs_are_a_copys_answer(length: int) -> None:
    assert judged(bytes(length), dg15_of(rsa_key(2048))).reason == "active_authentication.wrong_signature"


def test_a_protected_answer_that_was_cut_off_was_too_long() -> None:
    key = rsa_key(2048)
    chip = Chip(Keys(True, *KEYS), chip_signing(key))

    class Cutting:
        def transmit(self, command: bytes) -> bytes:
            return chip.transmit(command)[:256] + b"\x90\x00"

    dg15 = dg15_of(key)
    with pytest.raises(LeftSecureMessaging) as caught:
        check(secured(Cutting()), dg15, None, CHALLENGE, le=1000)
    assert lost(dg15, caught.value) == not_done(TOO_LONG)


def test_a_card_that_leaves_for_another_reason_has_refused() -> None:
    for dg15, sw in ((dg15_of(rsa_key(2048)), 0x6988), (dg15_of(ec_key(12)), 0x6700), (b"", 0x6700)):
        assert lost(dg15, LeftSecureMessaging(sw)) == not_done(REFUSED)


def test_a_wrong_checksum_is_not_taken_for_length() -> None:
    key = rsa_key(2048)
    chip = Chip(Keys(True, *KEYS), chip_signing(key))

    class Garbling:
        def transmit(self, command: bytes) -> bytes:
            answer = bytearray(chip.transmit(command))
            answer[20] ^= 1
            return bytes(answer)

    with pytest.raises(CardBroken) as caught:
        check(secured(Garbling()), dg15_of(key), None, CHALLENGE, le=1000)
    assert caught.value.data["where"] == "secure_messaging.checksum"


def test_an_answer_that_never_ends_is_ended() -> None:
    class Endless:
        def transmit(self, _command: bytes) -> bytes:
            return bytes(256) + b"\x61\x00"

    with pytest.raises(CardBroken) as caught:
        check(secured(Endless()), dg15_of(rsa_key(2048)), None, CHALLENGE)
    assert caught.value.data["where"] == "apdu.endless"
