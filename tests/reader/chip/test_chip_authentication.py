"""Chip authentication with chips whose half of it is written in the tests, and with chips that cheat."""

import hashlib
from collections.abc import Callable

import pytest

from reader import curves
from reader.chip import dh
from reader.chip.apdu import Command
from reader.chip.chip_authentication import Refused, authenticate, choose
from reader.chip.key_derivation import Cipher
from reader.chip.secure_messaging import LeftSecureMessaging, SecureChannel, suite
from reader.errors import CardBroken
from tests.reader.chip.chip_keys import (
    PRIVATE_OF_CHIP,
    Side,
    chosen,
    explicit,
    info,
    infos,
    integer,
    key,
    modulo,
    numbered,
    on_curve,
)
from tests.reader.chip.chip_side import (
    Answer,
    Chip,
    Clone,
    Keys,
    Plain,
    agreed_on_curve,
    plain_channel,
    public_on_curve,
    unwrapped,
)

PRIVATE_OF_READER = 0x0102030405060708090A0B0C0D0E0F101112131415161718
CIPHERS = {1: Cipher.TDES, 2: Cipher.AES128, 3: Cipher.AES192, 4: Cipher.AES256}
SELECT_DG1 = Command(0x00, 0xA4, 0x02, 0x0C, b"\x01\x01")
OLD_KEYS = (bytes(range(16)), bytes(range(16, 32)))


EXPLICIT_BRAINPOOL = Side(
    explicit(curves.BRAINPOOL_P256R1, public_on_curve(curves.BRAINPOOL_P256R1, PRIVATE_OF_CHIP)),
    lambda peer: agreed_on_curve(curves.BRAINPOOL_P256R1, PRIVATE_OF_CHIP, peer),
)
SIDES = {
    "P-256": (2, on_curve(12)),
    "P-521": (2, on_curve(18)),
    "brainpoolP256r1, explicit": (2, EXPLICIT_BRAINPOOL),
    "brainpoolP320r1": (2, on_curve(14)),
    "DH 1024": (1, modulo(0)),
    "DH 2048": (1, modulo(2)),
}


def derived(cipher: Cipher, secret: bytes) -> Keys:
    """KDF(K, 1) and KDF(K, 2) of Doc 9303-11, 9.7.1; parity left as it falls, no cipher looks at it."""
    name, size = {
        Cipher.TDES: ("sha1", 16),
        Cipher.AES128: ("sha1", 16),
        Cipher.AES192: ("sha256", 24),
        Cipher.AES256: ("sha256", 32),
    }[cipher]
    encryption, checksum = (hashlib.new(name, secret + bytes((0, 0, 0, n))).digest()[:size] for n in (1, 2))
    return Keys(cipher is not Cipher.TDES, encryption, checksum)


class Application:
    """Chip authentication on the chip's side, as 6.2.4 tells it."""

    def __init__(self, side: Side, cipher: Cipher) -> None:
        self.side = side
        self.cipher = cipher
        self.refusals: dict[tuple[int, int, int], int] = {}
        self.dynamic_data = b"\x7c\x00"
        self.left = False

    def __call__(self, command: Plain) -> Answer:
        step = (command.ins, command.p1, command.p2)
        if self.left:
            return Answer(sw=0x6985, in_clear=True)
        if step in self.refusals:
            return Answer(sw=self.refusals[step])
        if step == (0x22, 0x41, 0xA6):
            public = next(value for tag, value, _ in unwrapped(command.data) if tag == 0x91)
            return Answer(keys=derived(self.cipher, self.side.agree(public)))
        if step == (0x86, 0x00, 0x00):
            ((tag, inner, _),) = unwrapped(command.data)
            ((inner_tag, public, _),) = unwrapped(inner)
            assert (tag, inner_tag, command.le) == (0x7C, 0x80, 256)
            return Answer(self.dynamic_data, keys=derived(self.cipher, self.side.agree(public)))
        return Answer(b"" if command.ins == 0x22 else b"as asked")


KAT, SET_AT, GENERAL_AUTHENTICATE = (0x22, 0x41, 0xA6), (0x22, 0x41, 0xA4), (0x86, 0x00, 0x00)


def session(application: Callable[[Plain], Answer], extended: bool = True) -> tuple[Chip, SecureChannel]:
    chip = Chip(Keys(True, *OLD_KEYS), application, extended)
    return chip, SecureChannel(plain_channel(chip, extended), suite(Cipher.AES128, *OLD_KEYS))


def reader_key(order: int) -> int:
    return PRIVATE_OF_READER % order


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("name", SIDES)
def test_reader_and_chip_come_to_the_same_keys(name: str, cipher: int) -> None:
    agreement, side = SIDES[name]
    offer = chosen(info(agreement, cipher), key(agreement, side.key_info))
    chip, old = session(Application(side, CIPHERS[cipher]))
    new = authenticate(old, offer, reader_key)
    assert new is not old
    assert new.send(SELECT_DG1).data == b"as asked"
    assert new.send(SELECT_DG1).sw == 0x9000
    assert chip.keys.counter == 4  # from zero, up at each command and each answer


def test_triple_des_takes_one_command() -> None:
    side = on_curve(12)
    chip, old = session(Application(side, Cipher.TDES))
    authenticate(old, chosen(info(2, 1, key_id=5), key(2, side.key_info, 5)), reader_key)
    (command,) = chip.seen
    public = public_on_curve(curves.SECP256R1, PRIVATE_OF_READER)
    assert command == Plain(0x22, 0x41, 0xA6, b"\x91\x41" + public + b"\x84\x01\x05", None)


def test_aes_takes_two_commands() -> None:
    side = on_curve(13)
    chip, old = session(Application(side, Cipher.AES256))
    authenticate(old, chosen(info(2, 4, key_id=0xC3), key(2, side.key_info, 0xC3)), reader_key)
    public = public_on_curve(curves.BRAINPOOL_P256R1, PRIVATE_OF_READER)
    assert chip.seen == [
        Plain(0x22, 0x41, 0xA4, bytes.fromhex("800A04007F000702020302048401C3"), None),
        Plain(0x86, 0x00, 0x00, b"\x7c\x43\x80\x41" + public, 256),
    ]


def test_a_chip_with_one_key_is_not_told_which() -> None:
    side = on_curve(13)
    chip, old = session(Application(side, Cipher.AES128))
    authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key)
    assert chip.seen[0].data == bytes.fromhex("800A04007F00070202030202")


@pytest.mark.parametrize("cipher", [1, 2])
@pytest.mark.parametrize("extended", [True, False], ids=["extended length", "command chaining"])
def test_a_long_public_key_arrives_whole(cipher: int, extended: bool) -> None:
    side = modulo(2)
    chip, old = session(Application(side, CIPHERS[cipher]), extended)
    new = authenticate(old, chosen(info(1, cipher), key(1, side.key_info)), reader_key)
    assert new.send(SELECT_DG1).sw == 0x9000
    assert len(chip.seen[-2].data) >= 260
    assert extended == (max(len(raw) for raw in chip.raw) > 261)


@pytest.mark.parametrize("dynamic_data", [b"", b"\x7c\x00"])
def test_an_empty_answer_will_do_in_either_form(dynamic_data: bytes) -> None:
    side = on_curve(12)
    application = Application(side, Cipher.AES128)
    application.dynamic_data = dynamic_data
    _, old = session(application)
    assert authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key).send(SELECT_DG1).sw == 0x9000


@pytest.mark.parametrize(
    "dynamic_data", [b"\x7c", b"\x7c\x84\xff\xff\xff\xff", b"\x30\x00", b"\x7c\x02\x81\x00", bytes(60000)]
)
def test_an_answer_that_is_none_of_version_1_is_refused(dynamic_data: bytes) -> None:
    side = on_curve(12)
    application = Application(side, Cipher.AES128)
    application.dynamic_data = dynamic_data
    _, old = session(application)
    with pytest.raises(CardBroken) as caught:
        authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key)
    assert caught.value.data["where"] == "chip_authentication.answer"


@pytest.mark.parametrize(("step", "sw"), [(SET_AT, 0x6A80), (GENERAL_AUTHENTICATE, 0x6300)])
def test_after_a_refusal_the_old_session_goes_on(step: tuple[int, int, int], sw: int) -> None:
    side = on_curve(12)
    application = Application(side, Cipher.AES128)
    application.refusals[step] = sw
    _, old = session(application)
    with pytest.raises(Refused) as caught:
        authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key)
    assert caught.value.sw == sw
    assert old.send(SELECT_DG1).sw == 0x9000


def test_where_3des_in_one_command_is_refused_the_two_commands_are_tried() -> None:
    side = on_curve(12)
    application = Application(side, Cipher.TDES)
    application.refusals[KAT] = 0x6A86
    chip, old = session(application)
    new = authenticate(old, chosen(info(2, 1), key(2, side.key_info)), reader_key)
    assert [(command.ins, command.p1, command.p2) for command in chip.seen] == [KAT, SET_AT, GENERAL_AUTHENTICATE]
    assert new.send(SELECT_DG1).sw == 0x9000


def test_an_old_document_that_announces_nothing_is_asked_once() -> None:
    side = on_curve(12)
    application = Application(side, Cipher.TDES)
    application.refusals[KAT] = 0x6A80
    chip, old = session(application)
    with pytest.raises(Refused):
        authenticate(old, chosen(key(2, side.key_info)), reader_key)
    assert len(chip.seen) == 1


def test_a_card_that_leaves_secure_messaging_is_left_alone() -> None:
    side = on_curve(12)
    application = Application(side, Cipher.AES128)
    application.left = True
    chip, old = session(application)
    with pytest.raises(LeftSecureMessaging):
        authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key)
    assert len(chip.raw) == 1


def test_a_clone_says_yes_and_cannot_go_on() -> None:
    """The copy has DG14 and another private key: the first command under the new keys shows it."""
    genuine, other = on_curve(12), on_curve(13)
    application = Application(Side(genuine.key_info, lambda _peer: other.key_info[:32]), Cipher.AES128)
    chip = Chip(Keys(True, *OLD_KEYS), application)
    old = SecureChannel(plain_channel(Clone(chip)), suite(Cipher.AES128, *OLD_KEYS))
    new = authenticate(old, chosen(info(2, 2), key(2, genuine.key_info)), reader_key)
    with pytest.raises(LeftSecureMessaging):
        new.send(SELECT_DG1)


def test_a_clone_that_keeps_its_old_keys_is_found_out_too() -> None:
    side = on_curve(12)
    chip = Chip(Keys(True, *OLD_KEYS), lambda command: Answer(b"\x7c\x00" if command.ins == 0x86 else b""))
    old = SecureChannel(plain_channel(Clone(chip)), suite(Cipher.AES128, *OLD_KEYS))
    new = authenticate(old, chosen(info(2, 2), key(2, side.key_info)), reader_key)
    with pytest.raises(CardBroken):
        new.send(SELECT_DG1)


def broken_keys() -> dict[str, tuple[int, bytes]]:
    p256, group = curves.SECP256R1, dh.MODP_1024_160
    off = b"\x04" + p256.g.x.to_bytes(32, "big") + (p256.g.y + 1).to_bytes(32, "big")
    return {
        "a point beside the curve": (2, numbered(12, off)),
        "the point at infinity": (2, numbered(12, b"\0")),
        "a point of another curve": (2, numbered(13, public_on_curve(p256, 7))),
        "a coordinate above the prime": (2, numbered(12, b"\x04" + b"\xff" * 64)),
        "no point at all": (2, numbered(12, b"")),
        "half a point": (2, numbered(12, public_on_curve(p256, 7)[:33])),
        "zero": (1, numbered(0, integer(0))),
        "one": (1, numbered(0, integer(1))),
        "minus one": (1, numbered(0, integer(group.p - 1))),
        "the prime": (1, numbered(0, integer(group.p))),
        "outside the subgroup": (1, numbered(0, integer(2))),
    }


@pytest.mark.parametrize("name", broken_keys())
def test_a_key_outside_its_group_is_never_answered(name: str) -> None:
    agreement, key_info = broken_keys()[name]
    chip, old = session(lambda _command: Answer())
    offer = choose(infos(info(agreement, 2), key(agreement, key_info)))
    if offer is not None:
        with pytest.raises(CardBroken) as caught:
            authenticate(old, offer, reader_key)
        assert caught.value.data["where"] == "chip_authentication.key"
    assert chip.raw == []


def test_a_chip_that_shows_our_own_key_is_refused() -> None:
    chip, old = session(lambda _command: Answer())
    mirror = numbered(12, public_on_curve(curves.SECP256R1, PRIVATE_OF_READER))
    with pytest.raises(CardBroken) as caught:
        authenticate(old, chosen(info(2, 2), key(2, mirror)), reader_key)
    assert caught.value.data["where"] == "chip_authentication.equal_keys"
    assert chip.raw == []


@pytest.mark.parametrize(("agreement", "name"), [(1, "CA-DH-3DES-CBC-CBC"), (2, "CA-ECDH-3DES-CBC-CBC")])
def test_a_key_alone_means_3des(agreement: int, name: str) -> None:
    side = {1: modulo(0), 2: on_curve(12)}[agreement]
    offer = chosen(key(agreement, side.key_info))
    assert (offer.name, offer.announced) == (name, False)
    _, old = session(Application(side, Cipher.TDES))
    assert authenticate(old, offer, reader_key).send(SELECT_DG1).sw == 0x9000
