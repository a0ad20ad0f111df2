"""What a card brings as proof: EF.SOD, the keys of DG14 and DG15, its answers to chip and active authentication."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

import msgspec
from asn1crypto import keys

from reader.chip.dh import MODP_1024_160, MODP_2048_256
from reader.curves import BRAINPOOL_P256R1, BRAINPOOL_P320R1
from sandbox.card import der, image, kinds, security_files, trust
from sandbox.card.apdu import Command, Reply
from sandbox.card.chip import Chip
from sandbox.people import find
from tests.hostile.attack import Attack
from tests.hostile.attacks.access import EC_PUBLIC_KEY, garbage_curve, points
from tests.hostile.chips import (
    Insider,
    authority,
    genuine,
    holding,
    honest,
    instead,
    plays,
    portrait,
    with_master_files,
)
from tests.reader.chip.cards import NOW
from tests.reader.pki.proofs import Proof, Scheme, certificate, ec_key, public_info, security_object

OVER_CURVES, OVER_PRIMES = (
    bytes.fromhex("04007F00070202030202"),
    bytes.fromhex("04007F00070202030102"),
)  # id-CA, AES-128
CURVE_KEY, PRIME_KEY = bytes.fromhex("04007F000702020102"), bytes.fromhex("04007F000702020101")  # id-PK
RSA, PKCS3, X942 = (bytes.fromhex(oid) for oid in ("2A864886F70D010101", "2A864886F70D010301", "2A8648CE3E0201"))
NAMED_CURVE = der.tlv(0x06, bytes.fromhex("2B2403030208010107"))  # brainpoolP256r1
GIANT = b"\x2a" + b"\xff" * 60_000 + b"\x01"  # an object identifier whose last number has 420,000 bits
SIGNED_DATA = bytes.fromhex("06092A864886F70D010702")
DSA_LIKE = b"\4" + bytes(64)
DEEP = b"\x30\x82\xff\x00" * 10_000


def attacks() -> Iterator[Attack]:
    yield from _security_objects()
    yield from _card_security()
    yield from _chip_keys()
    yield from _chip_answers()
    yield from _active_authentication()


# EF.SOD


@cache
def _good() -> Proof:
    """The genuine card's files, signed by the keys that cost most to verify."""
    key, root, scheme = ec_key(BRAINPOOL_P320R1), ec_key(BRAINPOOL_P320R1), Scheme("ecdsa", "sha512")
    signer = certificate("Signer", public_info(key), "Root", root, scheme, issuer_id=b"R" * 20)
    groups = {number & 0xFF: data for number, data in genuine().files.items() if 0x0101 <= number <= 0x0110}
    return Proof(security_object(groups), key, signer, scheme)


def _security_objects() -> Iterator[Attack]:
    contents: dict[str, Callable[[], bytes]] = {
        "5,000 certificates": lambda: replace(_good(), others=(_good().signer,) * 5000).encode(),
        "90 certificates": lambda: replace(_good(), others=(_good().signer,) * 90).encode(),
        "150 signers": lambda: der.tlv(0x77, _good().bare(*[replace(_good(), carried=False)] * 150)),
        "5,000 hashes": lambda: replace(_good(), content=_hashes(5000)).encode(),
        "250 hashes": lambda: replace(_good(), content=_hashes(250)).encode(),
        "an identifier of 60 kB": lambda: der.tlv(0x77, der.tlv(0x30, der.tlv(0x06, GIANT))),
        "a content type of 60 kB": lambda: _enveloped(der.tlv(0x06, GIANT)),
        "a number of 60 kB": lambda: _enveloped(der.tlv(0x02, b"\x7f" * 60_000)),
        "objects nested 15,000 deep": lambda: der.tlv(0x77, b"\x30\x80" * 15_000),
        "octets nested 15,000 deep": lambda: _enveloped(b"\x24\x80" * 15_000),
        "octets in 30,000 pieces": lambda: _enveloped(der.tlv(0x24, b"\x04\x00" * 30_000)),
        "200 kB of zeros": lambda: der.tlv(0x77, bytes(200_000)),
        "nothing": lambda: der.tlv(0x77, b""),
        "all the signers and links there may be": _crowded,
        "a good signature by somebody unknown": lambda: _good().encode(),
    }
    for name, make in contents.items():
        yield Attack(f"EF.SOD holds {name}", partial(_with_sod, make))
    for name, info in public_keys().items():
        yield Attack(f"EF.SOD is signed by {name}", partial(_with_sod, partial(_by, info, None)))
        yield Attack(f"EF.SOD is signed by {name}, unnamed", partial(_with_sod, partial(_by, info, b"?" * 20)))


def _with_sod(make: Callable[[], bytes]) -> Chip:
    return holding({image.SOD: make()}, sign=False)


def _hashes(count: int) -> bytes:
    entries = b"".join(der.tlv(0x30, b"\x02\x01" + bytes([at % 250]) + der.octets(b"")) for at in range(count))
    return der.tlv(0x30, b"\x02\x01\x00" + der.tlv(0x30, b"\x06\x05\x2b\x0e\x03\x02\x1a") + der.tlv(0x30, entries))


def _enveloped(odd: bytes) -> bytes:
    return der.tlv(0x77, der.tlv(0x30, SIGNED_DATA + der.tlv(0xA0, der.tlv(0x30, b"\x02\x01\x03\x31\x00" + odd))))


def _crowded() -> bytes:
    """Three signers that name nobody, and 25 links of the right name that have to be tried, on a slow curve."""
    good, key = _good(), ec_key(BRAINPOOL_P320R1)
    link = certificate("Root", public_info(key), "Root", key, good.scheme, ca=True, own_id=b"L" * 20)
    signer = certificate("Signer", public_info(good.key), "Root", key, good.scheme, issuer_id=b"L" * 20)
    lost = replace(good, signer=signer, by_key=b"?", others=(link,) * 25)
    return der.tlv(0x77, lost.bare(*[replace(lost, others=())] * 2))


def _by(info: bytes, by_key: bytes | None) -> bytes:
    """The good EF.SOD with another key in the signer's certificate; the signature fits no more."""
    good = _good()
    encoded = replace(good, by_key=by_key).encode()
    if RSA in info:
        encoded = _replaced(encoded, good.scheme.algorithm().dump(), Scheme("rsa", "sha512").algorithm().dump())
    return _replaced(encoded, good.signer["tbs_certificate"]["subject_public_key_info"].dump(), info)


def _replaced(encoded: bytes, old: bytes, new: bytes) -> bytes:
    """One data object for another, wherever it stands, with all lengths around it made to fit."""
    out = b""
    for tag, value in der.split(encoded):
        whole = der.tlv(tag, value)
        if whole != old and tag & 0x20 and old in value:
            whole = der.tlv(tag, _replaced(value, old, new))
        out += new if whole == old else whole
    return out


def key_info(algorithm: bytes, parameters: bytes, key: bytes) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280, 4.1.2.7)."""
    return der.tlv(0x30, der.tlv(0x30, der.tlv(0x06, algorithm) + parameters) + der.tlv(0x03, b"\0" + key))


def _rsa(modulus: int, exponent: int) -> bytes:
    numbers = keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return keys.PublicKeyInfo({"algorithm": {"algorithm": "rsa"}, "public_key": numbers}).dump()


def public_keys() -> dict[str, bytes]:
    """Keys that are none, or only cost time."""
    return {
        "an RSA key of 16,384 bits": _rsa((1 << 16383) | 1, 65537),
        "an RSA key of 100,000 bits": _rsa((1 << 99_999) | 1, 65537),
        "an RSA key with an exponent of 2^4096": _rsa((1 << 8191) | 1, 1 << 4096),
        "an RSA key with an exponent of 3,000 bits": _rsa((1 << 3071) | 1, (1 << 2999) | 1),
        "an RSA key of 8,192 bits": _rsa((1 << 8191) | 1, (1 << 63) | 1),
        "an even RSA key": _rsa(1 << 2047, 65537),
        "a negative RSA key": _rsa(-(1 << 2048), 3),
        "an RSA key of 1": _rsa(1, 3),
        "an RSA key without numbers": key_info(RSA, b"\x05\x00", b"\x30\x00"),
        "a key on no curve": key_info(EC_PUBLIC_KEY, b"", DSA_LIKE),
        "a key on the null curve": key_info(EC_PUBLIC_KEY, b"\x05\x00", DSA_LIKE),
        "a key on a garbage curve": key_info(EC_PUBLIC_KEY, garbage_curve(500), DSA_LIKE),
        "a key that is no point": key_info(EC_PUBLIC_KEY, NAMED_CURVE, DSA_LIKE),
        "a key at infinity": key_info(EC_PUBLIC_KEY, NAMED_CURVE, b"\0"),
        "a key of no bytes": key_info(EC_PUBLIC_KEY, NAMED_CURVE, b""),
        "a key with an identifier of 50 kB": key_info(GIANT[:50_000] + b"\1", b"", DSA_LIKE),
        "no key": b"\x30\x00",
        "half a key": b"\x30\x03\x30\x05\x00",
    }


# EF.CardSecurity, which is read after PACE with chip authentication mapping


def _card_security() -> Iterator[Attack]:
    keys = b"".join(
        der.tlv(0x30, der.tlv(0x06, CURVE_KEY) + key_info(EC_PUBLIC_KEY, NAMED_CURVE, point) + der.integer(number))
        for number, point in enumerate(list(points().values()) * 4)
        if len(point) < 1000
    )
    contents: dict[str, Callable[[], bytes]] = {
        "an identifier of 60 kB": lambda: der.tlv(0x30, der.tlv(0x06, GIANT)),
        "objects nested 15,000 deep": lambda: b"\x30\x80" * 15_000,
        "a claim of 4 GB": lambda: b"\x30\x84\xff\xff\xff\xff",
        "60 kB of zeros": lambda: der.tlv(0x30, bytes(60_000)),
        "150 signers": lambda: _good().bare(*[replace(_good(), carried=False)] * 150),
        "hashes": lambda: _good().bare(),
        "44 keys": lambda: _signed_infos(keys),
        "no keys": lambda: _signed_infos(b""),
        "no set": lambda: _signed_infos(b"\x30\x84\xff\xff\xff\xff"),
        "44 keys under a broken signature": lambda: _replaced(
            _signed_infos(keys), der.tlv(0x02, b"\x02"), der.tlv(0x02, b"\x03")
        ),
    }
    for name, make in contents.items():
        yield Attack(f"EF.CardSecurity holds {name}", partial(_with_card_security, make))
    yield Attack("a clone with an EF.CardSecurity of its own", _own_card_security)


def _own_card_security() -> Chip:
    """A clone of the genuine files that announces PACE-CAM and brings a key for it in a file that it signed itself."""
    own = kinds.build("pace_cam", find("mau"), portrait(), trust.create())
    return plays(msgspec.structs.replace(own, files=genuine().files))


def _with_card_security(make: Callable[[], bytes]) -> Chip:
    return with_master_files({image.CARD_SECURITY: make()}, "pace_cam")


def _signed_infos(infos: bytes) -> bytes:
    return security_files.card_security([infos], authority(), NOW)


# DG14


def _chip_keys() -> Iterator[Attack]:
    offer = der.tlv(0x30, der.tlv(0x06, OVER_CURVES) + der.integer(1))
    prime_offer = der.tlv(0x30, der.tlv(0x06, OVER_PRIMES) + der.integer(1))
    base = key_info(EC_PUBLIC_KEY, NAMED_CURVE, BRAINPOOL_P256R1.encode(BRAINPOOL_P256R1.g))
    contents = {
        "4,000 SecurityInfos": offer * 4000,
        "65 SecurityInfos": offer * 65,
        "60 keys": offer + _chip_key(base) * 60,
        "60 numbered keys": offer + b"".join(_chip_key(base, number) for number in range(60)),
        "60 protocols and 3 keys": offer * 60 + _chip_key(base) * 3,
        "objects nested 10,000 deep": DEEP,
        "30,000 empty sequences": b"\x30\x00" * 30_000,
        "a key on a garbage curve": offer + _chip_key(key_info(EC_PUBLIC_KEY, garbage_curve(500), DSA_LIKE)),
        "a key on no curve": offer + _chip_key(key_info(EC_PUBLIC_KEY, b"", DSA_LIKE)),
        "a key with an identifier of 60 kB": offer + _chip_key(key_info(GIANT, b"", b"")),
    }
    for name, point in points().items():
        contents[f"a key that is {name}"] = offer + _chip_key(key_info(EC_PUBLIC_KEY, NAMED_CURVE, point))
    for name, info in _prime_keys().items():
        contents[f"a key over a prime field, {name}"] = prime_offer + der.tlv(0x30, der.tlv(0x06, PRIME_KEY) + info)
    for name, content in contents.items():
        yield Attack(f"DG14 holds {name}", partial(holding, {image.DG14: der.tlv(0x6E, der.tlv(0x31, content))}))


def _chip_key(info: bytes, number: int | None = None) -> bytes:
    return der.tlv(0x30, der.tlv(0x06, CURVE_KEY) + info + (b"" if number is None else der.integer(number)))


def _prime_keys() -> dict[str, bytes]:
    def dh(p: int, g: int, key: int, q: int | None = None) -> bytes:
        numbers = b"".join(der.integer(number) for number in (p, g, q) if number is not None)
        return key_info(PKCS3 if q is None else X942, der.tlv(0x30, numbers), der.integer(key))

    good, composite = MODP_2048_256, (1 << 4095) | 15
    p, g = good.p, good.g
    return {
        "p of 16,384 bits": dh((1 << 16383) | 1, 2, 5),
        "p of 4,096 bits and composite": dh(composite, 2, 5),
        "p of 1": dh(1, 1, 1),
        "p of 0": dh(0, 0, 0),
        "p even": dh(1 << 2048, 2, 5),
        "p of 924 bits": dh(MODP_1024_160.p >> 100, 2, 5),
        "g of 1": dh(p, 1, 5),
        "g of p - 1": dh(p, p - 1, 5),
        "q of 2,000 bits": dh(p, g, 5, (1 << 2000) | 1),
        "q of 1": dh(p, g, 5, 1),
        "q of 0": dh(p, g, 5, 0),
        "q that divides nothing": dh(composite, 2, 5, (1 << 511) | 1),
        "of 0": dh(p, g, 0),
        "of 1": dh(p, g, 1),
        "of p - 1": dh(p, g, p - 1),
        "of p": dh(p, g, p),
        "of 16,384 bits": dh(p, g, 1 << 16383),
        "outside its subgroup": dh(p, g, 2, good.q),
    }


# Answers


def _chip_answers() -> Iterator[Attack]:
    answers = {
        "nothing": b"",
        "an empty template": b"\x7c\x00",
        "a template that claims 4 GB": b"\x7c\x84\xff\xff\xff\xff",
        "more than is due": der.tlv(0x7C, der.tlv(0x81, bytes(200))),
        "60 kB": der.tlv(0x7C, bytes(60_000)),
        "random bytes": bytes(range(100)),
    }
    for name, said in answers.items():
        make = partial(Insider, genuine(), partial(_agreeing, said))
        yield Attack(f"chip authentication answered with {name}", make)
    yield Attack("a clone", partial(honest, cloned_chip_key=True))
    yield Attack("a clone with PACE-CAM", partial(honest, "pace_cam", cloned_chip_key=True))
    for status in (0x6300, 0x6700, 0x6982, 0x6A80, 0x6A88, 0x6F00, 0x6100):
        refused = {"chip_authentication_refused": status}
        yield Attack(f"chip authentication refused with {status:04X}", partial(honest, **refused))
        yield Attack(
            f"chip authentication refused with {status:04X} and the session ended",
            partial(honest, **refused, chip_authentication_ends_session=True),
        )


def _agreeing(said: bytes, sent: Command, reply: Reply) -> Reply:
    """Another answer to GENERAL AUTHENTICATE of chip authentication: it has DO'80' where PACE has others."""
    return Reply(0x9000, said) if sent.ins == 0x86 and sent.data[2:3] == b"\x80" else reply


def _active_authentication() -> Iterator[Attack]:
    contents = {**public_keys(), "nothing": b"", "60 kB of zeros": bytes(60_000), "objects nested 10,000 deep": DEEP}
    for name, content in contents.items():
        yield Attack(f"DG15 holds {name}", partial(holding, {image.DG15: der.tlv(0x6F, content)}))
    answers = {
        "nothing": Reply(0x9000),
        "one byte": Reply(0x9000, b"\0"),
        "64 zeros": Reply(0x9000, bytes(64)),
        "256 zeros": Reply(0x9000, bytes(256)),
        "256 times FF": Reply(0x9000, b"\xff" * 256),
        "60 kB": Reply(0x9000, bytes(60_000)),
        "negative numbers": Reply(0x9000, der.tlv(0x30, b"\x02\x01\xff" * 2)),
        "a sequence that claims 4 GB": Reply(0x9000, b"\x30\x84\xff\xff\xff\xff" + bytes(60)),
        "6100": Reply(0x6100),
        "6F00": Reply(0x6F00),
    }
    for kind in ("citizen", "aa_rsa"):
        for name, reply in answers.items():
            make = partial(_answering, kind, reply)
            yield Attack(f"{kind}: active authentication answered with {name}", make)
        yield Attack(f"{kind}: a clone that signs", partial(honest, kind, cloned_active_key=True))


def _answering(kind: str, reply: Reply) -> Chip:
    return Insider(genuine(kind), instead({0x88}, reply))
