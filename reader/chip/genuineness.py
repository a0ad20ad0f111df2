"""Is the chip the original? Chip authentication, its form inside PACE, and active authentication, each run so that a
card which cannot do it costs nothing but that answer (ICAO Doc 9303-11, 4.4.3.5, 6.1, 6.2).

A proof counts only with a key that the signed list vouches for: a clone may bring a key of its own. Must not know how
files are read.
"""

from dataclasses import dataclass
from datetime import datetime

from reader import tlv
from reader.chip import active_authentication, chip_authentication, files, security_infos
from reader.chip.access import Opened, Randomness
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.secure_messaging import LeftSecureMessaging, SecureChannel
from reader.chip.security_infos import SecurityInfos
from reader.errors import CardBroken
from reader.pki import passive_authentication
from reader.pki.passive_authentication import CardSecurity, SecurityObject, SignedObject
from reader.pki.trust import Trust
from reader.reading import Check, Outcome

_DG14 = files.GROUP_NUMBERS[files.DG14.name]
CHALLENGE_SIZE = 8  # bytes (Doc 9303-11, 6.1.2.1)


class CopiedChip(Exception):
    """The card accepted chip authentication and then did not know the new keys: it lacks the chip's secret.

    `told`: it only said that the session is over, which a genuine chip may do once, at a bad moment.
    """

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.told = told


@dataclass(frozen=True)
class Attempt:
    """How chip authentication went. `channel`: the one under the new keys; None where the old one goes on.

    With a channel `check` holds once that channel's first answer came (see FirstUse).
    """

    check: Check
    channel: SecureChannel | None = None


class FirstUse:
    """A channel under the keys of chip authentication: its first answer is the proof (Doc 9303-11, 6.2.4)."""

    def __init__(self, channel: Sender) -> None:
        self._channel = channel
        self.proven = False

    def send(self, command: Command) -> Response:
        """See Sender. Raises CopiedChip when the first answer is not under the new keys."""
        if self.proven:
            return self._channel.send(command)
        try:
            response = self._channel.send(command)
        except CardBroken as broken:  # wrong checksum, or the card left secure messaging
            raise CopiedChip(isinstance(broken, LeftSecureMessaging)) from None
        self.proven = True
        return response


def vouched(listed: SecurityObject | None, number: int, content: bytes) -> bool:
    """Whether the signed list holds exactly this file."""
    if listed is None:
        return False
    return passive_authentication.check_hashes(listed, {number: content}).result is Outcome.PASSED


def infos_of(dg14: bytes | None) -> SecurityInfos | None:
    """The SecurityInfos of DG14 (Doc 9303-10, 4.7.14); None when there are none to be understood."""
    if dg14 is None:
        return None
    try:
        return security_infos.parse(tlv.read_one(dg14, files.DG14.tag, files.DG14.name), files.DG14.name)
    except CardBroken:
        return None


def access_as_signed(opened: Opened, dg14: bytes | None, listed: SecurityObject | None) -> bool:
    """Whether the signed DG14 offers the access protocols that the unsigned EF.CardAccess announced.

    Otherwise somebody between card and reader may have talked both into a weaker one (Doc 9303-11, 4.4.2). A DG14 that
    says nothing of PACE cannot disagree.
    """
    signed = infos_of(dg14)
    if dg14 is None or signed is None or not signed.pace or not vouched(listed, _DG14, dg14):
        return True
    return opened.announced is not None and set(opened.announced.pace) == set(signed.pace)


def check_mapping(opened: Opened, signed_object: SignedObject | None, trust: Trust, now: datetime) -> Check | None:
    """What PACE-CAM proved, with the key of the signed EF.CardSecurity; None when another protocol opened the chip.

    Anybody can sign a file: its signer must be trusted, or be the one who signed the data groups.
    """
    if opened.mapped is None:
        return None
    if opened.card_security is None:
        return Check(reason="chip_authentication.no_key")
    try:
        security = passive_authentication.check_card_security(opened.card_security, trust, now)
        infos = security_infos.parse(security.content, files.CARD_SECURITY.name)
        genuine = chip_authentication.verify_mapping(opened.mapped, infos)
    except CardBroken:
        return _failed("chip_authentication.malformed", opened.protocol)
    if security.signature.result is not Outcome.PASSED or not _known_signer(security, signed_object):
        return Check(reason="chip_authentication.key_not_signed", protocol=opened.protocol)
    if not genuine:
        return _failed("chip_authentication.wrong_keys", opened.protocol)
    return Check(result=Outcome.PASSED, protocol=opened.protocol, algorithm=opened.algorithm)


def _known_signer(security: CardSecurity, signed_object: SignedObject | None) -> bool:
    if security.chain.result is Outcome.PASSED:
        return True
    signer = passive_authentication.signer_of(signed_object) if signed_object is not None else None
    return signer is not None and security.signer is not None and signer.der == security.signer.der


def authenticate(
    channel: SecureChannel, dg14: bytes | None, listed: SecurityObject | None, random: Randomness
) -> Attempt:
    """Run chip authentication with the key of DG14.

    Raises LeftSecureMessaging, CardBroken (the key or the answer is malformed; the session is over), and what the
    channel raises.
    """
    infos = infos_of(dg14)
    offer = chip_authentication.choose(infos) if infos is not None else None
    if dg14 is None or infos is None or offer is None:
        reason = chip_authentication.why_not(infos) if infos is not None else "chip_authentication.not_offered"
        return Attempt(Check(reason=reason))
    if not vouched(listed, _DG14, dg14):
        return Attempt(Check(reason="chip_authentication.key_not_signed"))
    try:
        fresh = chip_authentication.authenticate(channel, offer, random.scalar)
    except chip_authentication.Refused:
        return Attempt(Check(reason="chip_authentication.refused", protocol="CA"))
    return Attempt(Check(result=Outcome.PASSED, protocol="CA", algorithm=offer.name), fresh)


def copied() -> Check:
    """Chip authentication of a card without the chip's secret."""
    return _failed("chip_authentication.wrong_keys", "CA")


def broken() -> Check:
    """Chip authentication whose key or answer was malformed."""
    return _failed("chip_authentication.malformed", "CA")


def ended() -> Check:
    """Chip authentication that ended the session before the card accepted it (card.md 7)."""
    return Check(reason="chip_authentication.refused", protocol="CA")


def challenge(
    channel: Sender, dg15: bytes, dg14: bytes | None, listed: SecurityObject | None, random: Randomness, le: int
) -> Check:
    """Run active authentication with the key of DG15; `le`: the most bytes one answer may have.

    Raises LeftSecureMessaging and what the channel raises.
    """
    if not vouched(listed, files.GROUP_NUMBERS[files.DG15.name], dg15):
        return Check(reason="active_authentication.key_not_signed")
    return active_authentication.check(channel, dg15, infos_of(dg14), random.octets(CHALLENGE_SIZE), le)


def _failed(reason: str, protocol: str) -> Check:
    return Check(result=Outcome.FAILED, reason=reason, protocol=protocol)
