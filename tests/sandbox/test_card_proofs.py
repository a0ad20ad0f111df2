"""How the sandbox card proves itself: chip authentication in every form, active authentication with RSA and ECDSA."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox.card import files, groups, image
from sandbox.card.chip import Chip
from sandbox.card.image import ChipKey, EcdsaKey, Pace
from sandbox.card.parameters import NAMES
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.people import find
from tests.sandbox.bare_cards import CAN, COM, by_bac, card, opened, rsa_key
from tests.sandbox.plain_groups import group_named
from tests.sandbox.terminals import AnyTerminal, can
from tests.support.terminal import Refused, Terminal, can_key, point, unwrapped

PRIVATE = 0xC0FFEE1234567890
CHALLENGE = b"challeng"
CIPHERS = ("3DES", "AES-128", "AES-192", "AES-256")
HASHES = {"SHA-1": 1, "SHA-224": 2, "SHA-256": 2, "SHA-384": 2, "SHA-512": 2}
TRAILERS = {"SHA-1": "BC", "SHA-224": "38CC", "SHA-256": "34CC", "SHA-384": "36CC", "SHA-512": "35CC"}


def chip_key(group: str = "brainpoolP256r1", **fields: Any) -> ChipKey:
    return ChipKey(group=group, private=PRIVATE.to_bytes(8, "big"), **fields)


def public(group: str, private: int = PRIVATE) -> bytes:
    slow = group_named(group)
    return slow.octets(slow.times(private % slow.order, slow.base))


def still_opens(terminal: AnyTerminal) -> bool:
    return terminal.read(image.COM) == COM


# Chip authentication


@pytest.mark.parametrize("group", NAMES.values())
def test_chip_authentication_agrees_in_every_group(group: str) -> None:
    terminal = opened(card(chip_authentication=(chip_key(group),)))
    before = terminal.mac_key
    terminal.chip_authentication(public(group), group, "AES-128")
    assert terminal.mac_key != before
    assert still_opens(terminal)


@pytest.mark.parametrize("group", ["secp256r1", "modp1024-160"])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_chip_authentication_may_change_the_cipher(group: str, cipher: str) -> None:
    made = card(chip_authentication=(chip_key(group, ciphers=CIPHERS),))
    for terminal in (opened(made), by_bac(made)):
        terminal.chip_authentication(public(group), group, cipher)
        assert still_opens(terminal)


@pytest.mark.parametrize("group", ["brainpoolP320r1", "modp2048-256"])
def test_the_older_form_agrees_in_one_command(group: str) -> None:
    terminal = by_bac(card(chip_authentication=(chip_key(group, ciphers=("3DES",)),)))
    terminal.key_agreement(public(group), group)
    assert still_opens(terminal)


def test_of_several_keys_the_terminal_names_one() -> None:
    made = card(
        chip_authentication=(
            chip_key("secp256r1", key_id=1, ciphers=("3DES", "AES-128")),
            ChipKey(group="secp256r1", private=b"\x07", key_id=2, ciphers=("3DES", "AES-128")),
            chip_key("brainpoolP384r1", key_id=3, ciphers=("AES-256",)),
        )
    )
    terminal = opened(made)
    with pytest.raises(Refused, match="6A88"):
        terminal.chip_authentication(public("secp256r1"), "secp256r1", "AES-128")
    with pytest.raises(Refused, match="6A88"):
        terminal.chip_authentication(public("secp256r1"), "secp256r1", "AES-128", key_id=3)
    terminal.chip_authentication(public("secp256r1", 7), "secp256r1", "AES-128", key_id=2)
    terminal.chip_authentication(public("brainpoolP384r1"), "brainpoolP384r1", "AES-256")
    terminal.key_agreement(public("secp256r1"), "secp256r1", key_id=1)
    assert still_opens(terminal)


def test_a_protocol_that_the_card_has_not_is_refused_and_the_session_goes_on() -> None:
    terminal = opened(card(chip_authentication=(chip_key("secp256r1"),)))
    for group, cipher in (("secp256r1", "AES-256"), ("modp1024-160", "AES-128")):
        with pytest.raises(Refused, match="6A80"):
            terminal.chip_authentication(public(group), group, cipher)
    with pytest.raises(Refused, match="6A80"):
        terminal.key_agreement(public("secp256r1"), "secp256r1")
    assert still_opens(terminal)


@pytest.mark.parametrize("data", [b"", b"\x7c\x00", b"\x7c\x03\x80\x01\x04", b"\x7c\x04\x81\x02\x04\x04", b"\x30\x00"])
def test_a_broken_key_is_refused_and_the_session_goes_on(data: bytes) -> None:
    terminal = opened(card(chip_authentication=(chip_key(),)))
    terminal.secured(b"\x0c\x22\x41\xa4", b"\x80\x0a" + bytes.fromhex("04007F00070202030202"))
    with pytest.raises(Refused, match="6A80"):
        terminal.secured(b"\x0c\x86\x00\x00", data, 256)
    with pytest.raises(Refused, match="6985"):
        terminal.secured(b"\x0c\x86\x00\x00", data, 256)
    with pytest.raises(Refused, match="6A80"):
        terminal.secured(b"\x0c\x22\x41\xa6", b"\x91\x01\x04")
    assert still_opens(terminal)


def test_chip_authentication_comes_after_access() -> None:
    terminal = AnyTerminal(Chip(card(chip_authentication=(chip_key(),))).transmit)
    with pytest.raises(Refused, match="6982"):
        terminal.plain("002241A40C800A04007F00070202030202")


def test_chip_authentication_works_before_the_application_is_selected() -> None:
    terminal = AnyTerminal(Chip(card(chip_authentication=(chip_key(),))).transmit)
    terminal.pace(can(CAN))
    terminal.chip_authentication(public("brainpoolP256r1"), "brainpoolP256r1", "AES-128")
    terminal.select_applet()
    assert still_opens(terminal)


def test_chip_authentication_mapping_takes_the_key_that_is_there_for_it_alone() -> None:
    both = (ChipKey(private=b"\x07"), chip_key(ciphers=()))
    terminal = AnyTerminal(Chip(card(Pace(mapping="CAM"), chip_authentication=both)).transmit)
    mapping_key = terminal.pace(can(CAN), "CAM")
    group = group_named("brainpoolP256r1")
    static = group.element(public("brainpoolP256r1"))
    assert group.octets(group.times(terminal.chip_authentication_data, static)) == mapping_key


def test_a_clone_agrees_on_other_keys() -> None:
    terminal = opened(card(chip_authentication=(chip_key(),)), Quirks(cloned_chip_key=True))
    terminal.chip_authentication(public("brainpoolP256r1"), "brainpoolP256r1", "AES-128")
    with pytest.raises(Refused, match="6988"):
        still_opens(terminal)


def test_a_clone_fails_chip_authentication_mapping() -> None:
    key = chip_key(ciphers=())
    group = group_named("brainpoolP256r1")
    static = group.element(groups.by_name("brainpoolP256r1").private(PRIVATE).public)
    for quirks, genuine in ((Quirks(), True), (Quirks(cloned_chip_key=True), False)):
        terminal = AnyTerminal(Chip(card(Pace(mapping="CAM"), chip_authentication=(key,)), quirks).transmit)
        mapping_key = terminal.pace(can(CAN), "CAM")
        told = group.octets(group.times(terminal.chip_authentication_data, static))
        assert (told == mapping_key) is genuine


# Active authentication


def recovered(modulus: int, exponent: int, signature: bytes, challenge: bytes) -> bool:
    """ISO/IEC 9796-2 scheme 1 as a terminal checks it (9303-11, appendix F)."""
    size = (modulus.bit_length() + 7) // 8
    assert len(signature) == size
    message = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    for name, trailer in TRAILERS.items():
        ending = bytes.fromhex(trailer)
        if message[:1] != b"\x6a" or not message.endswith(ending):
            continue
        count = hashlib.new(name.replace("-", "")).digest_size
        own, digest = message[1 : -count - len(ending)], message[-count - len(ending) : -len(ending)]
        return hashlib.new(name.replace("-", ""), own + challenge).digest() == digest
    return False


@pytest.mark.parametrize(("bits", "digest"), [(1024, "SHA-1"), (1280, "SHA-256"), (2048, "SHA-512"), (3072, "SHA-384")])
def test_an_rsa_key_signs_with_message_recovery(bits: int, digest: str) -> None:
    key, modulus = rsa_key(bits, hash=digest)
    terminal = opened(card(active_authentication=key))
    signatures = [terminal.secured(b"\x0c\x88\x00\x00", CHALLENGE, 65536) for _ in range(2)]
    assert signatures[0] != signatures[1]  # the card's own nonce is in it
    for signature in signatures:
        assert recovered(modulus, 65537, signature, CHALLENGE)
        assert not recovered(modulus, 65537, signature, b"another.")


def test_every_hash_and_small_exponents_are_possible() -> None:
    for digest in TRAILERS:
        key, modulus = rsa_key(1024, 3, hash=digest)
        assert recovered(
            modulus, 3, opened(card(active_authentication=key)).secured(AUTHENTICATE, CHALLENGE, 256), CHALLENGE
        )


AUTHENTICATE = b"\x0c\x88\x00\x00"


def test_a_long_signature_comes_in_parts_to_a_terminal_with_short_commands() -> None:
    key, modulus = rsa_key(2048, hash="SHA-256")
    for terminal in (opened(card(active_authentication=key)), by_bac(card(active_authentication=key))):
        assert recovered(modulus, 65537, terminal.secured(AUTHENTICATE, CHALLENGE, 256), CHALLENGE)
        assert still_opens(terminal)


def test_a_card_may_insist_on_an_extended_reply() -> None:
    key, modulus = rsa_key(2048)
    terminal = opened(card(active_authentication=key), Quirks(long_reply_refused=0x6700))
    with pytest.raises(Refused, match="6700"):
        terminal.secured(AUTHENTICATE, CHALLENGE, 256)
    assert recovered(modulus, 65537, terminal.secured(AUTHENTICATE, CHALLENGE, 65536), CHALLENGE)


CURVES = {
    "secp224r1": ec.SECP224R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("digest", ["SHA-224", "SHA-256", "SHA-384", "SHA-512"])
def test_an_elliptic_key_signs_the_challenge(curve: str, digest: str) -> None:
    key = EcdsaKey(curve=curve, private=PRIVATE.to_bytes(8, "big"), hash=digest)
    signature = opened(card(active_authentication=key)).secured(AUTHENTICATE, CHALLENGE, 256)
    half = len(signature) // 2
    numbers = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    verifier = ec.derive_private_key(PRIVATE, CURVES[curve]).public_key()
    assert half == (CURVES[curve].key_size + 7) // 8
    algorithm = ec.ECDSA(getattr(hashes, digest.replace("-", ""))())
    verifier.verify(encode_dss_signature(*numbers), CHALLENGE, algorithm)


def test_a_card_may_encode_its_signature() -> None:
    key = EcdsaKey(private=PRIVATE.to_bytes(8, "big"), encoded=True)
    signature = opened(card(active_authentication=key)).secured(AUTHENTICATE, CHALLENGE, 256)
    verifier = ec.derive_private_key(PRIVATE, ec.SECP256R1()).public_key()
    verifier.verify(signature, CHALLENGE, ec.ECDSA(hashes.SHA256()))


def test_a_clone_signs_with_another_key() -> None:
    key, modulus = rsa_key(1024)
    terminal = opened(card(active_authentication=key), Quirks(cloned_active_key=True))
    assert not recovered(modulus, 65537, terminal.secured(AUTHENTICATE, CHALLENGE, 256), CHALLENGE)
    own = EcdsaKey(private=PRIVATE.to_bytes(8, "big"), encoded=True)
    signature = opened(card(active_authentication=own), Quirks(cloned_active_key=True)).secured(
        AUTHENTICATE, CHALLENGE, 256
    )
    clone = ec.derive_private_key(PRIVATE + 1, ec.SECP256R1()).public_key()
    clone.verify(signature, CHALLENGE, ec.ECDSA(hashes.SHA256()))


def test_active_authentication_needs_access_a_key_and_eight_bytes() -> None:
    key = EcdsaKey(private=b"\x07")
    chip = Chip(card(active_authentication=key))
    with pytest.raises(Refused, match="6982"):
        AnyTerminal(chip.transmit).plain(b"\x00\x88\x00\x00\x08" + CHALLENGE + b"\x00")
    with pytest.raises(Refused, match="6D00"):
        opened(card()).secured(AUTHENTICATE, CHALLENGE, 256)
    for size in (0, 7, 9):
        with pytest.raises(Refused, match="6700"):
            opened(card(active_authentication=key)).secured(AUTHENTICATE, bytes(size), 256)


# A person's card


def test_a_persons_card_proves_itself_with_the_keys_in_its_files(authority: Authority) -> None:
    made = files.build(find("mau"), None, authority)
    terminal = Terminal(Chip(made).transmit)
    terminal.pace(can_key(made.can))
    terminal.select_applet()
    dg14 = terminal.read(image.DG14)
    start = dg14.index(b"\x03\x42\x00\x04") + 3
    assert point(dg14[start : start + 65]) is not None
    terminal.chip_authentication(dg14[start : start + 65])
    key = load_der_public_key(unwrapped(terminal.read(image.DG15), 0x6F))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = terminal.secured(AUTHENTICATE, CHALLENGE, 256)
    numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(*numbers), CHALLENGE, ec.ECDSA(hashes.SHA256()))
