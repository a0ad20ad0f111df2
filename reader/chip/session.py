"""The whole reading of a card: access, identity, proof, and what else was asked for, in the order that puts the name
on the screen first (chip.md 3.5).

A card that refuses a shorter way is powered again and read a plainer way, a bounded number of times. Must not import
any device library or keep anything after it returns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from hashlib import sha256
from typing import TypeVar

from reader.chip import apdu, com, dg1, dg2, dg13, files, holder, pace, passive_authentication
from reader.chip.channel import Clock, Meter, PlainChannel, Sender
from reader.chip.files import ElementaryFile, FileReader, NotReadable, Plan, SessionLost
from reader.chip.key_derivation import Password
from reader.chip.passive_authentication import SignedObject, Verdicts
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.security_infos import parse_pace_infos
from reader.chip.trace import NoTrace, Trace
from reader.chip.transport import Slot, Transport
from reader.chip.trust import Anchor
from reader.errors import CardBroken, CardRemoved, NoCard, NotAnIdCard, ReaderError, UnsupportedAccess
from reader.phases import Phase
from reader.reading import Check, Checks, Evidence, Holder, Outcome, Reading, Source

T = TypeVar("T")
APPLET = bytes.fromhex("A0000002471001")
MAX_CONNECTIONS = 10  # every plainer way once, and room
PORTRAIT = (files.DG2,)
EVERYTHING = (files.COM, files.DG14, files.DG15, files.DG2)
VIETNAM = timezone(timedelta(hours=7))

_NUMBERS = {"dg1": 1, "dg2": 2, "dg13": 13, "dg14": 14, "dg15": 15}
_OPTIONAL = {"dg13", "sod", "com", "dg2", "dg14", "dg15"}
_OLD_SESSION = {apdu.SECURITY_STATUS_NOT_SATISFIED, 0x6987, 0x6988}


@dataclass(frozen=True)
class Surroundings:
    """The world a reading takes place in: monotonic seconds, UTC now, identities, private keys, trust."""

    clock: Clock
    utc_now: Callable[[], datetime]
    new_id: Callable[[], str]
    random: pace.RandomScalar = pace.random_scalar
    anchors: Sequence[Anchor] = ()


@dataclass(frozen=True)
class Listener:
    """Who wants to hear about a reading while it runs. `check` is asked before each APDU and may raise to stop it."""

    phase: Callable[[Phase], None] = lambda _phase: None
    identity: Callable[[Reading], None] = lambda _reading: None
    check: Callable[[], None] = lambda: None
    trace: Trace = field(default_factory=NoTrace)


@dataclass(frozen=True)
class CardRead:
    """What came out, and what it cost. `files`: length and SHA-256 of each file read, by name."""

    reading: Reading
    portrait: bytes | None
    apdus: int
    bytes_sent: int
    bytes_received: int
    apdus_to_name: int
    timings_ms: dict[str, float]
    files: dict[str, tuple[int, str]]


def read_card(
    slot: Slot,
    password: Password,
    surroundings: Surroundings,
    timeout_seconds: float,
    extra: Sequence[ElementaryFile] = (),
    listener: Listener | None = None,
) -> CardRead:
    """Read the card on the reader: PACE, DG13, DG1, SOD, DG14 where it is signed, then the `extra` files.

    Raises the errors of reader.errors; each carries the number of the phase it happened in (`phase`).
    """
    run = _Run(password, surroundings, timeout_seconds, tuple(extra), listener or Listener())
    try:
        return run.read(slot)
    except ReaderError as error:
        error.data.setdefault("phase", int(run.phase))
        raise


class _PowerAgain(Exception):
    """Somebody left a session open in the card; only cutting its power ends that."""


class _Run:
    """One reading over as many connections as it takes."""

    def __init__(
        self,
        password: Password,
        surroundings: Surroundings,
        timeout_seconds: float,
        extra: tuple[ElementaryFile, ...],
        listener: Listener,
    ) -> None:
        self._password = password
        self._world = surroundings
        self._extra = extra
        self._listener = listener
        deadline = surroundings.clock() + timeout_seconds
        self._meter = Meter(surroundings.clock, deadline, listener.check, listener.trace)
        self._plan = Plan(files.SECURE_LE)
        self._skip: frozenset[str] = frozenset()
        self._repowered = False
        self._reading_id = surroundings.new_id()
        self._identity_told = False
        self._apdus_to_name = 0
        self._timings: dict[str, float] = {}
        self._phase_began = 0.0
        self.phase = Phase.CONNECTING

    def read(self, slot: Slot) -> CardRead:
        for connection in range(MAX_CONNECTIONS):
            self._enter(Phase.CONNECTING)
            try:
                with slot.connect() as transport:
                    return self._read_powered(transport)
            except SessionLost as lost:
                self._learn(lost)
            except _PowerAgain:
                continue
            except NoCard:
                if connection == 0:
                    raise
                raise CardRemoved() from None
        raise CardBroken(where="session.restarts")

    def _learn(self, lost: SessionLost) -> None:
        """What to do differently after the card dropped the session. Raises CardBroken when nothing is left."""
        if lost.plan is not None:
            self._plan = lost.plan
        elif lost.cause.sw in files.ABSENT and lost.file.name in _OPTIONAL:
            self._skip |= {lost.file.name}
        else:
            raise lost.cause

    def _enter(self, phase: Phase) -> None:
        """A phase begins; the time of the one before is noted."""
        now = self._meter.elapsed_ms()
        if phase is not self.phase:
            name = self.phase.name.lower()
            self._timings[name] = round(self._timings.get(name, 0.0) + now - self._phase_began, 1)
            self._phase_began = now
        self.phase = phase
        self._listener.phase(phase)

    def _read_powered(self, transport: Transport) -> CardRead:
        plain = PlainChannel(transport, self._meter)
        self._enter(Phase.ACCESS)
        secure, protocol = self._open(plain)
        reader = FileReader(secure, self._plan)
        contents: dict[str, bytes] = {}
        warnings: list[str] = []
        access = Check(result=Outcome.PASSED, protocol=protocol)

        self._enter(Phase.IDENTITY)
        said = self._optional(reader, files.DG13, contents, warnings)
        dg13_fields = _quietly(dg13.parse, said, "dg13", warnings)
        foreign_layout = said is not None and dg13_fields is None
        early = holder.from_dg13(dg13_fields) if dg13_fields is not None else None
        if early is not None:
            self._tell_identity(early, access)
        mrz = dg1.parse(self._required(reader, files.DG1, contents))
        merged = holder.merge(mrz, dg13_fields, self._today())
        warnings += merged.warnings
        if not foreign_layout:
            self._tell_identity(merged.holder, access)

        self._enter(Phase.PROOF)
        signed_object = self._read_proof(reader, contents, warnings)
        for file in self._extra:
            if file is not files.DG2:
                self._optional(reader, file, contents, warnings)
        _quietly(com.parse, contents.get("com"), "com", warnings)
        portrait = None
        if files.DG2 in self._extra:
            self._enter(Phase.PORTRAIT)
            face = self._optional(reader, files.DG2, contents, warnings)
            portrait = _quietly(dg2.parse, face, "dg2", warnings)

        verdicts = self._judge(signed_object, contents)
        if foreign_layout and verdicts.hashes.result is not Outcome.PASSED:
            raise CardBroken(where=dg13.WHERE)  # not another layout but damage: DG13 is not as it was signed
        self._tell_identity(merged.holder, access)
        checks = Checks(
            access=access,
            hashes=verdicts.hashes,
            signature=verdicts.signature,
            chain=verdicts.chain,
            agreement=merged.agreement,
        )
        self._enter(Phase.DONE)
        return CardRead(
            reading=self._reading(merged.holder, checks, (*warnings, *verdicts.warnings)),
            portrait=portrait.image if portrait is not None else None,
            apdus=self._meter.apdus,
            bytes_sent=self._meter.bytes_sent,
            bytes_received=self._meter.bytes_received,
            apdus_to_name=self._apdus_to_name,
            timings_ms={**self._timings, "total": round(self._meter.elapsed_ms(), 1)},
            files={name: (len(data), sha256(data).hexdigest()) for name, data in contents.items()},
        )

    def _open(self, plain: PlainChannel) -> tuple[Sender, str]:
        """EF.CardAccess before the application is selected (card.md 0.3), PACE, then SELECT under protection."""
        try:
            card_access = FileReader(plain, Plan(files.PLAIN_LE)).read(files.CARD_ACCESS)
        except NotReadable as refused:
            raise self._no_access(plain, refused.sw) from None
        protocol = pace.choose(parse_pace_infos(card_access))
        secure = pace.establish(plain, protocol, self._password, self._world.random)
        try:
            selected = secure.send(apdu.select_applet(APPLET))
        except LeftSecureMessaging as left:
            if left.sw == apdu.FILE_NOT_FOUND:
                raise NotAnIdCard(sw=f"{left.sw:04X}") from None
            raise
        if selected.sw != apdu.OK:
            raise NotAnIdCard(sw=f"{selected.sw:04X}")
        return secure, protocol.name

    def _no_access(self, plain: PlainChannel, sw: int) -> Exception:
        """Why EF.CardAccess could not be read: a session left in the card, another access protocol, no document."""
        if sw in _OLD_SESSION and not self._repowered:
            self._repowered = True
            return _PowerAgain()
        if sw == apdu.OK:
            return CardBroken(where=f"{files.CARD_ACCESS.name}.empty")
        if plain.send(apdu.select_applet(APPLET)).sw == apdu.OK:
            return UnsupportedAccess(sw=f"{sw:04X}")
        return NotAnIdCard(sw=f"{sw:04X}")

    def _required(self, reader: FileReader, file: ElementaryFile, contents: dict[str, bytes]) -> bytes:
        try:
            contents[file.name] = self._read_file(reader, file)
        except NotReadable as refused:
            raise CardBroken(where=f"{file.name}.absent", sw=f"{refused.sw:04X}") from None
        return contents[file.name]

    def _optional(
        self, reader: FileReader, file: ElementaryFile, contents: dict[str, bytes], warnings: list[str]
    ) -> bytes | None:
        """The file, or None with a warning when the card has none or keeps it to itself."""
        if file.name in contents:
            return contents[file.name]
        if file.name not in self._skip:
            try:
                contents[file.name] = self._read_file(reader, file)
            except NotReadable:
                pass
            else:
                return contents[file.name]
        warnings.append(f"{file.name}.absent")
        return None

    def _read_file(self, reader: FileReader, file: ElementaryFile) -> bytes:
        data = reader.read(file)
        self._plan = reader.plan  # what this card accepts holds after a reconnection too
        return data

    def _read_proof(
        self, reader: FileReader, contents: dict[str, bytes], warnings: list[str]
    ) -> SignedObject | Verdicts:
        """EF.SOD, and DG14 where it is signed: it says which chip authentication the card has."""
        sod = self._optional(reader, files.SOD, contents, warnings)
        if sod is None:
            return passive_authentication.ABSENT
        try:
            signed_object = passive_authentication.parse(sod)
        except CardBroken:
            return passive_authentication.MALFORMED
        if _NUMBERS["dg14"] in signed_object.listed.hashes:
            self._optional(reader, files.DG14, contents, warnings)
        return signed_object

    def _judge(self, proof: SignedObject | Verdicts, contents: dict[str, bytes]) -> Verdicts:
        if isinstance(proof, Verdicts):
            return proof
        groups = {_NUMBERS[name]: data for name, data in contents.items() if name in _NUMBERS}
        return passive_authentication.check(proof, groups, self._world.anchors, self._world.utc_now())

    def _tell_identity(self, known: Holder, access: Check) -> None:
        if self._identity_told:
            return
        self._identity_told = True
        self._apdus_to_name = self._meter.apdus
        self._timings["name"] = round(self._meter.elapsed_ms(), 1)
        self._listener.identity(self._reading(known, Checks(access=access), ()))

    def _reading(self, known: Holder, checks: Checks, warnings: Sequence[str]) -> Reading:
        moment = self._world.utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        evidence = Evidence(source=Source.CHIP, read_at=moment, checks=checks)
        return Reading(
            reading_id=self._reading_id, holder=known, evidence=evidence, warnings=tuple(dict.fromkeys(warnings))
        )

    def _today(self) -> date:
        return self._world.utc_now().astimezone(VIETNAM).date()


def _quietly(parse: Callable[[bytes], T], data: bytes | None, name: str, warnings: list[str]) -> T | None:
    """Parse a file that decides nothing: malformed, it is a warning and not the end of the reading."""
    if data is None:
        return None
    try:
        return parse(data)
    except CardBroken:
        warnings.append(f"{name}.malformed")
        return None
