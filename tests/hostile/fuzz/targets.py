"""What a fuzzer may throw bytes at: every function of the reader that takes apart what a card, a reader's driver, a
file of trust or a person's code says. One function per target, in `TARGETS`; none may raise anything.

Whatever is refused is refused by `CardBroken` or the other words of the function's own documentation; everything else
goes up, and so is a finding. No atheris here: `tests/hostile/test_corpus.py` runs the same functions without it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from reader import tlv
from reader.chip import (
    access_keys,
    active_authentication,
    bac,
    chip_authentication,
    features,
    files,
    groups,
    judgement,
    pace,
    plan,
    secure_messaging,
    security_infos,
)
from reader.chip.apdu import Command, Response, parse_response
from reader.chip.channel import Meter, PlainChannel
from reader.chip.files import FileReader, NotReadable, SessionLost
from reader.chip.groups import Unsupported
from reader.chip.key_derivation import CAN_REFERENCE, Cipher, Password
from reader.chip.secure_messaging import SecureChannel
from reader.errors import CardBroken, KeyMalformed, ReaderError
from reader.lds import com, dg1, dg2, dg7, dg11, dg12, dg13, holder, portrait
from reader.payload import parse_payload
from reader.pki import certificates, master_list, passive_authentication, revocation, signatures, trust_files
from reader.pki.trust import Anchor, Trust
from reader.reading import Holder
from tests.reader.lds.vectors import MRZ

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
CHALLENGE = bytes(range(8))
ENOUGH_APDUS = 200  # of a conversation; the reader's own bound is higher, and a fuzzer is in a hurry
REFERENCE = dg1.parse_zone(MRZ["A"])
PRINTED = Holder(personal_id="001303900017", full_name="Trần Thị Mẫu", birth_date="2003-02-14")


@dataclass(frozen=True)
class Target:
    """One function to attack, the most bytes that make sense for it, and whether those are data objects (BER-TLV)."""

    run: Callable[[bytes], object]
    longest: int = 4096
    shaped: bool = True


# How a target reads several things out of one input


def objects(data: bytes) -> Iterator[bytes]:
    """The data objects at the front, one after the other; what is none comes last."""
    while data:
        try:
            header = tlv.read_header(data, "input")
        except CardBroken:
            yield data
            return
        yield data[: header.size + header.length]
        data = data[header.size + header.length :]


def replies(data: bytes) -> Iterator[bytes]:
    """Answers of a card: a length of one byte, or two where the first is F0 or more, then so many bytes."""
    while data:
        size, data = data[0], data[1:]
        if size >= 0xF0:
            size, data = (size & 0x0F) << 8 | (data[0] if data else 0), data[1:]
        yield data[:size]
        data = data[size:]


def framed(*answers: bytes) -> bytes:
    """The reverse of `replies`."""
    return b"".join(
        bytes([len(one)]) + one if len(one) < 0xF0 else bytes([0xF0 | len(one) >> 8, len(one) & 0xFF]) + one
        for one in answers
    )


class Scripted:
    """A card that answers by heart, and refuses when it has no more to say. Also a plain channel of that."""

    def __init__(self, data: bytes) -> None:
        self._answers = replies(data)
        self.apdus = 0

    def transmit(self, _command: bytes) -> bytes:
        self.apdus += 1
        if self.apdus > ENOUGH_APDUS:
            raise CardBroken(where="apdu.endless")
        return next(self._answers, b"\x6a\x82")

    def send(self, command: Command) -> Response:
        return PlainChannel(self, Meter(lambda: 0.0, 1.0)).send(command)  # type: ignore[arg-type]


# Files


def walk(data: bytes) -> None:
    with suppress(CardBroken):
        for node in tlv.walk(tlv.read_all(data, "t"), "t"):
            tlv.encode(node.tag, node.value)


def infos(data: bytes) -> None:
    """SecurityInfos and everything that is chosen from them."""
    with suppress(CardBroken):
        found = security_infos.parse(data, "t")
        with suppress(ReaderError):
            _ = pace.choose(found).name
        offer = chip_authentication.choose(found)
        chip_authentication.why_not(found)
        if offer is not None:
            _agree(offer.group, offer.public_key)
            _ = offer.name


def zone(data: bytes) -> None:
    """DG1, and the zone as text."""
    for parsed in (lambda: dg1.parse(data), lambda: dg1.parse_text(data.decode("latin-1"))):
        with suppress(CardBroken):
            mrz = parsed()
            holder.merge(mrz, None, None, None, TODAY)
            holder.agree_with_printed(holder.from_mrz(mrz, TODAY), mrz, PRINTED)
            _ = mrz.document


def details(data: bytes) -> None:
    """DG11 or DG12, and what becomes of it beside a zone."""
    with suppress(CardBroken):
        holder.merge(REFERENCE, None, dg11.parse(data), None, TODAY)
    with suppress(CardBroken):
        holder.merge(REFERENCE, None, None, dg12.parse(data), TODAY)


def citizen(data: bytes) -> None:
    """DG13, and what becomes of it beside a zone and a scanned code."""
    with suppress(CardBroken):
        said = dg13.parse(data)
        holder.from_dg13(said)
        merged = holder.merge(REFERENCE, said, None, None, TODAY)
        holder.agree_with_printed(merged.holder, REFERENCE, PRINTED)
        with suppress(KeyMalformed):
            access_keys.from_holder(merged.holder)


def identity(data: bytes) -> None:
    """Several data groups of one card, told apart by their tags."""
    tags = {file.tag: file.name for file in files.LDS}
    contents = {tags[one[0]]: one for one in objects(data) if one and one[0] in tags}
    judgement.early_holder(contents)
    warnings: list[str] = []
    judgement.portraits(contents, warnings)
    judgement.look_over(contents, warnings)
    with suppress(CardBroken):
        judgement.identify(contents, NOW, PRINTED)


def faces(data: bytes) -> None:
    with suppress(CardBroken):
        _ = dg2.parse(data).image
    with suppress(CardBroken):
        dg7.parse(data)


def image(data: bytes) -> None:
    with suppress(CardBroken):
        portrait.look(data, "t")


def common(data: bytes) -> None:
    with suppress(CardBroken):
        com.parse(data)


# Signatures and keys


def proof(data: bytes) -> None:
    """EF.SOD or EF.CardSecurity, then what the site trusts: certificates and revocation lists."""
    first, *rest = list(objects(data)) or [b""]
    trust = Trust(tuple(_each(Anchor.of, rest)), tuple(_each(revocation.parse, rest)))
    with suppress(CardBroken):
        if first[:1] == b"\x77":
            signed = passive_authentication.parse(first)
        else:
            passive_authentication.check_card_security(first, trust, NOW)
            return
        # What was taken apart is judged, not refused.
        _as_finding(lambda: passive_authentication.check(signed, {1: b"\x61\x00"}, trust, NOW))


def certificate(data: bytes) -> None:
    for one in objects(data):
        with suppress(CardBroken):
            parsed = certificates.parse(one, "t")
            parsed.subject.text()
            parsed.fingerprint()
            with suppress(signatures.Unsupported, ValueError):
                signatures.public_key(parsed.key_info)


def lists(data: bytes) -> None:
    """Files of trust: whatever they hold, and what is in that."""
    with suppress(trust_files.Unreadable):
        contents = trust_files.take_apart(data)
        _each(Anchor.of, [*contents.certificates, *contents.exported])
        _each(revocation.parse, contents.revocations)
        for listed in _each(master_list.parse, contents.lists):
            _as_finding(lambda listed=listed: master_list.intact(listed))
            _each(Anchor.of, listed.certificates)


def revoked(data: bytes) -> None:
    with suppress(CardBroken):
        revocation.parse(data).stale(NOW)


def group(data: bytes) -> None:
    with suppress(CardBroken, Unsupported):
        _agree(*groups.from_public_key_info(data, "t"))
    with suppress(CardBroken, Unsupported):
        groups.from_algorithm(data, "t")


def signature(data: bytes) -> None:
    """A key, an algorithm, a signature, one after the other."""
    found = [*objects(data), b"", b"", b""]
    with suppress(signatures.Unsupported, ValueError):
        key = signatures.public_key(found[0])
        signatures.algorithm_name(found[1])
        with suppress(signatures.InvalidSignature):
            signatures.verify(key, found[1], "sha256", found[2], b"message")


def active(data: bytes) -> None:
    """DG15, DG14 or nothing, then the answer to the challenge."""
    found = [*objects(data), b"", b"", b""]
    told = security_infos.SecurityInfos()
    with suppress(CardBroken):
        told = security_infos.parse(tlv.read_one(found[1], 0x6E, "t"), "t")
    answer = found[2] if told != security_infos.SecurityInfos() else b"".join(found[1:])
    with suppress(CardBroken):
        active_authentication.check(_Answering(answer), found[0], told, CHALLENGE)


# Conversations


def messaging(data: bytes) -> None:
    """One answer under secure messaging: as it is, and with a status and a right checksum put behind it.

    The first byte says which cipher.
    """
    kind, rest = data[:1] or b"\0", data[1:]
    cipher = list(Cipher)[kind[0] % 4]
    size = {Cipher.TDES: 16, Cipher.AES128: 16, Cipher.AES192: 24, Cipher.AES256: 32}[cipher]
    keys = secure_messaging.suite(cipher, bytes(range(size)), bytes(range(size)))
    covered = rest + b"\x99\x02\x90\x00"
    counter = (2).to_bytes(keys.block_size, "big")
    checksum = keys.checksum(secure_messaging.pad(counter + covered, keys.block_size))
    for answer in (rest, covered + b"\x8e\x08" + checksum + b"\x90\x00"):
        with suppress(CardBroken):
            SecureChannel(_Answering(answer, whole=True), keys).send(Command(0, 0xB0, 0, 0, b"", 256))


def agreement(data: bytes) -> None:
    """PACE with a card that answers anything; the first byte says which protocol."""
    kind, rest = data[:1] or b"\0", data[1:]
    protocol = _PROTOCOLS[kind[0] % len(_PROTOCOLS)]
    card = Scripted(rest)
    with suppress(ReaderError):
        pace.establish(card, protocol, Password(CAN_REFERENCE, b"900017"), lambda order: min(5, order - 1))


def basic_access(data: bytes) -> None:
    with suppress(ReaderError):
        bac.establish(Scripted(data), "L898902C<369080619406236", lambda size: bytes(size))


def reading(data: bytes) -> None:
    """Files over a plain channel; the first byte says which plan and which file comes first."""
    kind, rest = (data[:1] or b"\0")[0], data[1:]
    begun = plan.PLAIN if kind & 1 else plan.protected(16, 16000, bool(kind & 2))
    card = Scripted(rest)
    reader = FileReader(PlainChannel(card, Meter(lambda: 0.0, 1.0), bool(kind & 2)), begun)  # type: ignore[arg-type]
    at = kind >> 2
    with suppress(SessionLost, CardBroken):
        for file in (*files.LDS[at % len(files.LDS) :], files.CARD_ACCESS):
            with suppress(NotReadable):
                whole = reader.read(file)
                assert len(whole) <= file.limit
                assert tlv.read_header(whole, "t").tag == file.tag


def response(data: bytes) -> None:
    with suppress(CardBroken):
        _ = parse_response(data).attempts_left


# What people and drivers say


def mrz_text(data: bytes) -> None:
    with suppress(KeyMalformed):
        keys = access_keys.from_mrz_text(data.decode("utf-8", "replace"))
        assert len(keys.mrz) <= access_keys.MAX_MRZ


def payload(data: bytes) -> None:
    for text in (data, data.decode("utf-8", "replace")):
        found = parse_payload(text).holder
        if found is not None:
            with suppress(KeyMalformed):
                access_keys.from_holder(found)


def driver(data: bytes) -> None:
    features.ask(lambda _code, _sent: data)
    features.parse(data)


class _Answering:
    """A sender with one answer: data with 9000, or a `whole` response."""

    def __init__(self, answer: bytes, *, whole: bool = False) -> None:
        self._response = (lambda: parse_response(answer)) if whole else (lambda: Response(answer, 0x9000))

    def send(self, _command: Command) -> Response:
        return self._response()


def _protocols() -> list[pace.Protocol]:
    """One of each mapping, cipher and kind of group."""
    offered = [(0x22, 13), (0x41, 13), (0x64, 12), (0x12, 0), (0x31, 0), (0x24, 14), (0x21, 8)]
    found = []
    for arcs, number in offered:
        oid = security_infos.ID_PACE + bytes([arcs >> 4, arcs & 0x0F])
        told = security_infos.SecurityInfos(pace=(security_infos.PaceInfo(oid, 2, number),))
        found.append(pace.choose(told))
    return found


def _agree(with_group: groups.Group, peer: bytes) -> None:
    with suppress(CardBroken):
        with_group.shared_secret(5, peer, "t")


def _each(parse: Callable[[bytes], object], parts: Iterator[bytes] | list[bytes] | tuple[bytes, ...]) -> list:
    found = []
    for part in parts:
        with suppress(CardBroken):
            found.append(parse(part))
    return found


def _as_finding(step: Callable[[], object]) -> None:
    """Run what must not even raise CardBroken."""
    try:
        step()
    except CardBroken as broken:
        raise AssertionError(f"{broken.data}") from broken


_PROTOCOLS = _protocols()

TARGETS: Mapping[str, Target] = {
    "tlv": Target(walk),
    "security_infos": Target(infos, 8192),
    "dg1": Target(zone, 256, shaped=False),
    "dg2": Target(faces, 8192),
    "dg11": Target(details),
    "dg13": Target(citizen),
    "identity": Target(identity, 8192),
    "com": Target(common, 256),
    "portrait": Target(image, shaped=False),
    "passive_authentication": Target(proof, 16384),
    "certificates": Target(certificate, 8192),
    "trust_files": Target(lists, 16384),
    "revocation": Target(revoked),
    "groups": Target(group),
    "signatures": Target(signature),
    "active_authentication": Target(active),
    "secure_messaging": Target(messaging, shaped=False),
    "pace": Target(agreement, shaped=False),
    "bac": Target(basic_access, 1024, shaped=False),
    "files": Target(reading, 8192, shaped=False),
    "response": Target(response, 64, shaped=False),
    "access_keys": Target(mrz_text, 512, shaped=False),
    "payload": Target(payload, 1024, shaped=False),
    "features": Target(driver, 256, shaped=False),
}
