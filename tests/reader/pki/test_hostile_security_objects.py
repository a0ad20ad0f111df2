"""Security objects made to hurt: whatever they claim, the answer comes soon and costs little memory."""

import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from asn1crypto import keys, x509

from reader import curves
from reader.errors import CardBroken
from reader.pki import passive_authentication
from reader.pki.passive_authentication import Verdicts
from reader.reading import Outcome
from reader.tlv import encode
from tests.reader.pki.proofs import Proof, Scheme, certificate, ec_key, public_info, security_object, trusting

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FILES = {1: b"\x61\x01a"}
SECONDS, BYTES = 2.0, 64 << 20
KEY, ROOT_KEY = ec_key(curves.BRAINPOOL_P320R1), ec_key(curves.BRAINPOOL_P320R1)  # the slowest to verify
SCHEME = Scheme("ecdsa", "sha512")
ROOT = certificate("Root", public_info(ROOT_KEY), "Root", ROOT_KEY, SCHEME, ca=True, own_id=b"R" * 20)
SIGNER = certificate("Signer", public_info(KEY), "Root", ROOT_KEY, SCHEME, issuer_id=b"R" * 20)
GOOD = Proof(security_object(FILES), KEY, SIGNER, SCHEME)
SIGNED_DATA = bytes.fromhex("06092A864886F70D010702")


def judge(sod: bytes) -> Verdicts | None:
    try:
        return passive_authentication.check(passive_authentication.parse(sod), FILES, trusting(ROOT), NOW)
    except CardBroken:
        return None


def judged(sod: bytes) -> Verdicts | None:
    """The verdicts, None for a security object that is not taken apart; the bars of time and memory held."""
    started = time.process_time()
    verdicts = judge(sod)
    assert time.process_time() - started < SECONDS
    tracemalloc.start()
    judge(sod)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < BYTES
    return verdicts


def with_key(info: bytes) -> x509.Certificate:
    made = SIGNER.copy()
    made["tbs_certificate"]["subject_public_key_info"] = keys.PublicKeyInfo.load(info)
    return x509.Certificate.load(made.dump(force=True))


def rsa(modulus: int, exponent: int) -> x509.Certificate:
    numbers = keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return with_key(keys.PublicKeyInfo({"algorithm": {"algorithm": "rsa"}, "public_key": numbers}).dump())


def test_the_good_one_passes_within_the_same_bars():
    verdicts = judged(GOOD.encode())
    assert verdicts is not None
    assert {verdicts.hashes.result, verdicts.signature.result, verdicts.chain.result} == {Outcome.PASSED}


def test_five_thousand_certificates():
    for count in (33, 5000):
        assert judged(replace(GOOD, others=(SIGNER,) * count).encode()) is None


def test_as_many_certificates_signers_and_links_as_are_allowed():
    link = certificate("Root", public_info(ROOT_KEY), "Root", KEY, SCHEME, ca=True, own_id=b"L" * 20)
    lost = replace(GOOD, signer=certificate("Signer", public_info(KEY), "Root", KEY, SCHEME, issuer_id=b"L" * 20))
    sod = encode(0x77, replace(lost, others=(link,) * 25, by_key=b"?").bare(*[replace(lost, by_key=b"?")] * 2))
    verdicts = judged(sod)
    assert verdicts is not None
    assert verdicts.chain.result is not Outcome.PASSED


def test_a_thousand_signers():
    assert judged(encode(0x77, GOOD.bare(*[replace(GOOD, carried=False)] * 100))) is None


@pytest.mark.parametrize(
    "signer",
    [
        rsa((1 << 16383) | 1, 65537),
        rsa((1 << 200_000) | 1, 65537),
        rsa((1 << 8191) | 1, (1 << 8000) | 1),
        rsa((1 << 3071) | 1, (1 << 3000) | 1),
        rsa(-(1 << 2048), 3),
    ],
    ids=["16384 bits", "200000 bits", "huge exponent", "large exponent", "negative"],
)
def test_rsa_keys_that_only_cost_time(signer):
    verdicts = judged(replace(GOOD, signer=signer).encode())
    assert verdicts is None or verdicts.signature.result is not Outcome.PASSED


def test_the_largest_rsa_key_and_exponent_that_are_tried():
    made = replace(GOOD, signer=rsa((1 << 8191) | 1, (1 << 63) | 1))
    scheme = Scheme("rsa", "sha512")
    info = made.bare().replace(SCHEME.algorithm().dump(), scheme.algorithm().dump())
    verdicts = judged(encode(0x77, info))
    assert verdicts is None or verdicts.signature.result is not Outcome.PASSED


def test_object_identifiers_numbers_and_names_without_end():
    giant = encode(0x06, b"\x2a" + b"\xff" * 60_000 + b"\x01")
    number = encode(0x02, b"\x7f" * 60_000)
    for odd in (giant, number, encode(0x30, number), encode(0x30, giant + b"\x05\x00")):
        sod = encode(0x77, encode(0x30, SIGNED_DATA + encode(0xA0, encode(0x30, b"\x02\x01\x03" + odd))))
        assert judged(sod) is None
    name = encode(0x30, encode(0x31, encode(0x30, b"\x06\x03\x55\x04\x03" + encode(0x0C, b"x" * 5000))))
    assert judged(GOOD.encode().replace(SIGNER.subject.dump(), name)) is None


@pytest.mark.parametrize("opening", [b"\x30\x80", b"\xa0\x80", b"\x24\x80", b"\x31\x80", b"\x30\x84\xff\xff\xff\xff"])
def test_nesting_and_lengths_that_lie(opening):
    for inner in (opening * 10_000, opening * 30_000):
        assert judged(encode(0x77, inner)) is None
        assert judged(encode(0x77, encode(0x30, SIGNED_DATA + encode(0xA0, inner)))) is None


def test_a_security_object_larger_than_any():
    assert judged(encode(0x77, bytes(passive_authentication.MAX_SIZE))) is None
    assert judged(b"\x77\x84\xff\xff\xff\xff") is None


def test_a_signed_list_of_thousands():
    entries = b"".join(encode(0x30, b"\x02\x01\x01" + encode(0x04, b"")) for _ in range(5000))
    content = encode(0x30, b"\x02\x01\x00" + encode(0x30, b"\x06\x05\x2b\x0e\x03\x02\x1a") + encode(0x30, entries))
    assert judged(replace(GOOD, content=content).encode()) is None
