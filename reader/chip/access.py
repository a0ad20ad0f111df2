"""Opening a chip: EF.CardAccess before the application is selected, PACE where it is announced, else BAC.

Every key gets one attempt, and after a wrong one the card is powered again (card.md 3.3, 7). At most one CAN and three
MRZ keys are ever tried; there is no loop over keys that nobody gave. Must not read the application's files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from reader.chip import apdu, bac, files, pace, plan, security_infos
from reader.chip.access_keys import AccessKeys
from reader.chip.channel import PlainChannel
from reader.chip.files import Bag, FileReader, NotReadable
from reader.chip.key_derivation import Password, can_password, mrz_password
from reader.chip.plan import Plan
from reader.chip.secure_messaging import LeftSecureMessaging, SecureChannel
from reader.chip.security_infos import SecurityInfos
from reader.chip.transport import NotTransmitted
from reader.errors import CardBroken, MrzNeeded, NotAnIdCard, UnsupportedAccess, WrongKey

APPLET = bytes.fromhex("A0000002471001")
BAC = "BAC"
_OLD_SESSION = {apdu.SECURITY_STATUS_NOT_SATISFIED, *files.SESSION_ENDED}


@dataclass(frozen=True)
class Randomness:
    """Where secrets come from: a private key below a group's order, and bytes."""

    scalar: Callable[[int], int]
    octets: Callable[[int], bytes]


@dataclass(frozen=True)
class Opened:
    """A chip under secure messaging with its application selected.

    `protocol` is `PACE-GM`, `PACE-IM`, `PACE-CAM` or `BAC`, `algorithm` its whole name. `mapped` and `card_security`
    are there after PACE-CAM, whose proof they hold. `plan` is how to read on, `plain` the channel under all others,
    `announced` what EF.CardAccess offered.
    """

    channel: SecureChannel
    plain: PlainChannel
    protocol: str
    algorithm: str
    plan: Plan
    announced: SecurityInfos | None
    mapped: pace.Mapped | None = None
    card_security: bytes | None = None


@dataclass(frozen=True)
class Announced:
    """What EF.CardAccess said: `infos` is None where it cannot be read. `kind` tells kinds of cards apart."""

    infos: SecurityInfos | None
    kind: bytes


class OldSession(Exception):
    """Somebody left a session open in the card; only cutting its power ends that."""


class TryNextKey(Exception):
    """This key was wrong and another is left: power the card again."""


class Opener:
    """Opens one card with what is known, over as many connections as there are keys."""

    def __init__(self, keys: AccessKeys, random: Randomness, bag: Bag, absent: set[str]) -> None:
        self._keys = keys
        self._random = random
        self._bag = bag
        self._absent = absent  # files not to be asked for again
        self._repowered = False  # against a session that somebody left open
        self._tried: set[tuple[str, str]] = set()
        self._refused: set[str] = set()  # access protocols the card announced and then would not do
        self._good: tuple[str, str] | None = None

    def announced(self, plain: PlainChannel, atr: bytes, reading: Plan = plan.PLAIN) -> Announced:
        """Read EF.CardAccess (card.md 0.3); any failure leads to BAC where an MRZ is known (chip.md 3.6).

        Raises OldSession once, CardBroken.
        """
        try:
            content = self._card_access(plain, reading)
            return Announced(security_infos.parse(content, files.CARD_ACCESS.name), sha256(atr + content).digest())
        except NotReadable as refused:
            if refused.sw in _OLD_SESSION and not self._repowered:
                self._repowered = True
                raise OldSession from None
            if refused.sw == apdu.OK and not self._keys.mrz:
                raise CardBroken(where="card_access.empty") from None  # says yes to everything and gives nothing
        except CardBroken:
            if not self._keys.mrz:
                raise
        return Announced(None, sha256(atr).digest())

    def _card_access(self, plain: PlainChannel, reading: Plan) -> bytes:
        """EF.CardAccess from where the card stands after power on. Without a key for BAC a card that hides it there is
        asked from the master file and from inside the application too, which some refuse and few need (card.md 7).

        Raises NotReadable, CardBroken.
        """
        try:
            return FileReader(plain, reading, protected=False).read(files.CARD_ACCESS)
        except NotReadable as refused:
            if self._keys.mrz or (refused.sw in _OLD_SESSION and not self._repowered):
                raise
            first = refused
        for way in (apdu.select_master_file(), apdu.select_applet(APPLET)):
            if plain.send(way).sw != apdu.OK:
                continue
            try:
                return FileReader(plain, reading, protected=False).read(files.CARD_ACCESS)
            except NotReadable:
                continue
        raise first

    def open(self, plain: PlainChannel, announced: Announced, plan_for: Callable[[int], Plan]) -> Opened:
        """Come under secure messaging by the best protocol that card and keys allow.

        `plan_for` gives the reading plan under a cipher of this block size. Raises WrongKey, MrzNeeded (only an MRZ
        opens this card), UnsupportedAccess, NotAnIdCard, TryNextKey, NotTransmitted, SessionLost, CardBroken, and what
        the channel raises.
        """
        offered = self._pace_offered(announced.infos)
        if offered is not None:
            return self._open_by_pace(plain, offered, announced, plan_for)
        return self._open_by_bac(plain, announced, plan_for)

    def _pace_offered(self, infos: SecurityInfos | None) -> pace.Protocol | None:
        if infos is None or not infos.pace or "PACE" in self._refused:
            return None
        try:
            return pace.choose(infos)
        except UnsupportedAccess:
            if not self._keys.mrz:
                raise
            return None

    def _open_by_pace(
        self, plain: PlainChannel, protocol: pace.Protocol, announced: Announced, plan_for: Callable[[int], Plan]
    ) -> Opened:
        name, password = self._next(self._pace_keys())
        try:
            established = pace.establish(plain, protocol, password, self._random.scalar)
        except WrongKey as wrong:
            raise self._after_wrong_key(name, wrong, self._pace_keys()) from None
        except (UnsupportedAccess, CardBroken) as refused:
            sw = refused.data.get("sw")
            if sw == f"{apdu.WRONG_LENGTH:04X}" and plain.extended:
                raise NotTransmitted(sw) from None  # the keys of large groups can be sent in parts too
            # Announced and then refused (seen on Vietnamese cards: card.md 7); BAC may still do. A card that breaks
            # the protocol, without such a word, is not followed to another.
            if not self._keys.mrz or refused.data.get("where", "pace.step") != "pace.step":
                raise
            self._refused.add("PACE")
            raise TryNextKey from None
        self._good = name
        reader = FileReader(established.channel, plan_for(established.channel.suite.block_size), self._bag)
        card_security = self._card_security(reader) if established.mapped is not None else None
        _select_under(established.channel)
        return Opened(
            channel=established.channel,
            plain=plain,
            protocol=f"PACE-{protocol.mapping}",
            algorithm=protocol.name,
            plan=reader.plan,
            announced=announced.infos,
            mapped=established.mapped,
            card_security=card_security,
        )

    def _open_by_bac(self, plain: PlainChannel, announced: Announced, plan_for: Callable[[int], Plan]) -> Opened:
        selected = plain.send(apdu.select_applet(APPLET))
        if selected.sw != apdu.OK:
            if selected.sw in _OLD_SESSION and self._repowered:
                raise CardBroken(where="session.old")  # cutting the power did not help
            raise NotAnIdCard(sw=f"{selected.sw:04X}")
        if not self._keys.mrz:
            raise MrzNeeded()
        keys = self._bac_keys()
        name, _ = self._next(keys)
        try:
            channel = bac.establish(plain, name[1], self._random.octets)
        except WrongKey as wrong:
            raise self._after_wrong_key(name, wrong, keys) from None
        self._good = name
        return Opened(
            channel=channel,
            plain=plain,
            protocol=BAC,
            algorithm="BAC-3DES-CBC-CBC",
            plan=plan_for(channel.suite.block_size),
            announced=announced.infos,
        )

    def _card_security(self, reader: FileReader) -> bytes | None:
        """EF.CardSecurity lies beside EF.CardAccess and opens after PACE only (Doc 9303-11, 9.2.11).

        Raises SessionLost.
        """
        name = files.CARD_SECURITY.name
        try:
            return reader.read(files.CARD_SECURITY) if name not in self._absent else None
        except NotReadable:
            self._absent.add(name)
            return None

    def _pace_keys(self) -> list[tuple[tuple[str, str], Password]]:
        """The CAN, then the likeliest MRZ; without a CAN every MRZ there is."""
        can = [(("CAN", self._keys.can), can_password(self._keys.can))] if self._keys.can is not None else []
        mrz = self._keys.mrz[:1] if can else self._keys.mrz
        return [*can, *((("MRZ", text), mrz_password(text)) for text in mrz)]

    def _bac_keys(self) -> list[tuple[tuple[str, str], Password]]:
        return [((BAC, text), mrz_password(text)) for text in self._keys.mrz]

    def _next(self, keys: list[tuple[tuple[str, str], Password]]) -> tuple[tuple[str, str], Password]:
        """The key that opened the card before, else the first not tried yet."""
        for name, password in keys:
            if name == self._good or (self._good is None and name not in self._tried):
                return name, password
        if not keys:
            raise MrzNeeded()
        raise WrongKey(tried=len(self._tried))

    def _after_wrong_key(
        self, name: tuple[str, str], wrong: WrongKey, keys: list[tuple[tuple[str, str], Password]]
    ) -> Exception:
        """Another key while one is left and the card does not count down to its end."""
        self._tried.add(name)
        attempts_left = wrong.data.get("attempts_left")
        may_block = isinstance(attempts_left, int) and attempts_left <= 1
        if may_block or all(other in self._tried for other, _ in keys):
            return WrongKey(**{**wrong.data, "tried": len(self._tried)})
        return TryNextKey()


def _select_under(channel: SecureChannel) -> None:
    """SELECT the LDS1 application under protection. Raises NotAnIdCard, LeftSecureMessaging."""
    try:
        selected = channel.send(apdu.select_applet(APPLET))
    except LeftSecureMessaging as left:
        if left.sw == apdu.FILE_NOT_FOUND:
            raise NotAnIdCard(sw=f"{left.sw:04X}") from None
        raise
    if selected.sw != apdu.OK:
        raise NotAnIdCard(sw=f"{selected.sw:04X}")
