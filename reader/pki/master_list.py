"""Master lists (ICAO Doc 9303-12, 9): one state's signed list of the country signing certificates of many.

A list is worth as much as the proof of who signed it; here it is only taken apart and its own signature looked at.
Must not decide whom to trust.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken
from reader.pki import certificates, signed_data
from reader.pki.signed_data import SignedData, Verified
from reader.reading import Outcome

WHERE = "master_list"
CONTENT_TYPE = "2.23.136.1.1.2"
MAX_SIZE = (1 << 24) - 1  # bytes of one list; the published ones have less than a million
MAX_CERTIFICATES = 20_000


@dataclass(frozen=True)
class MasterList:
    """The listed certificates (DER, none of them looked at) and the envelope with signer and signature."""

    certificates: tuple[bytes, ...]
    signed: SignedData


def parse(encoded: bytes) -> MasterList:
    """CscaMasterList ::= SEQUENCE { version INTEGER, certList SET OF Certificate }. Raises CardBroken."""
    signed = signed_data.parse(encoded, (CONTENT_TYPE,), MAX_SIZE, WHERE)
    nodes = tlv.read_all(tlv.read_one(signed.content, 0x30, WHERE), WHERE)
    if [node.tag for node in nodes] != [0x02, 0x31]:
        raise CardBroken(where=WHERE)
    return MasterList(tuple(certificates.rows(nodes[1].value, MAX_CERTIFICATES, WHERE)), signed)


def signature(listed: MasterList) -> Verified:
    """Whether the list is signed by a certificate in its envelope, and by which."""
    return signed_data.verify_signers(listed.signed)[0]


def intact(listed: MasterList) -> bool:
    """Whether the list is as some signer made it; says nothing about who that is."""
    return signature(listed).check.result is Outcome.PASSED
