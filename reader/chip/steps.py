"""The steps of a reading on one powered card, each of which knows what an earlier session did already.

Identity, proof, is the chip the original, the rest, portrait. Must not know how a card is powered or opened.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256

from reader.chip import active_authentication, files, genuineness, judgement
from reader.chip.access import Opened, Randomness
from reader.chip.apdu import SHORT_LE_MAX, select_file
from reader.chip.channel import Between, InsideTrace, Meter, Sender
from reader.chip.files import Bag, ElementaryFile, FileReader, NotReadable
from reader.chip.genuineness import FirstUse
from reader.chip.judgement import Identity, Proof
from reader.chip.plan import Plan
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.errors import CardBroken
from reader.phases import Phase
from reader.pki.passive_authentication import Verdicts
from reader.reading import Check, Checks, Holder, Outcome, Reading

_DETAILS = (files.DG11, files.DG12)  # what a document without DG13 says of its holder and its issue
_NOT_NEEDED = Check(reason="active_authentication.not_needed")
_REST = (files.COM, files.DG7, *_DETAILS, files.DG15)


class Reconnect(Exception):
    """The session is gone and there is more to do: power the card again."""


@dataclass
class Progress:
    """How far a reading is, over every session."""

    reading_id: str
    bag: Bag = field(default_factory=Bag)
    absent: set[str] = field(default_factory=set)  # files not to be asked for again
    warnings: list[str] = field(default_factory=list)
    chip_authentication: Check | None = None
    active_authentication: Check | None = None
    identity_told: bool = False
    proof_told: bool = False
    apdus_to_name: int = 0
    apdus_to_proof: int = 0
    phase: Phase = Phase.CONNECTING
    phase_began: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    rebuilt: bool = False

    def may_rebuild(self) -> bool:
        """Whether a session that died for no reason that we know is rebuilt: the first one is."""
        first, self.rebuilt = not self.rebuilt, True
        return first

    def enter(self, phase: Phase, now_ms: float) -> None:
        """A phase begins; the time of the one before is noted."""
        if phase is not self.phase:
            name = self.phase.name.lower()
            self.timings[name] = round(self.timings.get(name, 0.0) + now_ms - self.phase_began, 1)
            self.phase, self.phase_began = phase, now_ms


@dataclass(frozen=True)
class Errand:
    """What one reading works with in every session; `thinker` computes beside the card."""

    world: Surroundings
    wanted: Wanted
    listener: Listener
    meter: Meter
    random: Randomness
    thinker: ThreadPoolExecutor


class Steps:
    """One session's work. `plan` is what the card accepted so far."""

    def __init__(self, errand: Errand, progress: Progress, opened: Opened) -> None:
        self._world, self._wanted, self._listener = errand.world, errand.wanted, errand.listener
        self._meter, self._random, self._thinker = errand.meter, errand.random, errand.thinker
        self._progress = progress
        self._opened = opened
        self._now = errand.world.utc_now()
        self._access = Check(result=Outcome.PASSED, protocol=opened.protocol, algorithm=opened.algorithm)
        self._channel: Sender = InsideTrace(opened.channel, errand.meter)
        self._reader = FileReader(self._channel, opened.plan, progress.bag)
        self._unproven: FirstUse | None = None
        self._judged: Future[Verdicts] | None = None

    @property
    def plan(self) -> Plan:
        """How this card likes to be read."""
        return self._reader.plan

    @property
    def _contents(self) -> dict[str, bytes]:
        return self._progress.bag.whole

    def run(self) -> CardRead:
        """Everything that is wanted and not done yet. Raises SessionLost, Reconnect, CopiedChip, reader errors."""
        identity = self._identity()
        self._enter(Phase.PROOF)
        proof = judgement.take_proof(self._optional(files.SOD))
        self._progress.apdus_to_proof = self._progress.apdus_to_proof or self._meter.apdus
        self._judged = self._thinker.submit(judgement.judge, proof, dict(self._contents), self._world.trust, self._now)
        identity = self._details(proof, identity)
        self._chip(proof)
        if self._wanted.everything:
            for file in _REST:
                if file is files.COM or proof.lists(file):
                    self._optional(file)
            judgement.look_over(self._contents, self._progress.warnings)
        self._portrait(proof, identity)
        return self._result(proof, identity)

    # Identity

    def _identity(self) -> Identity:
        self._enter(Phase.IDENTITY)
        self._optional(files.DG13)
        early = judgement.early_holder(self._contents)
        if early is not None:
            self._tell_identity(early, ())
        self._required(files.DG1)
        identity = judgement.identify(self._contents, self._now, self._wanted.printed)
        if not identity.foreign_layout:
            self._tell_identity(identity.holder, identity.warnings)
        return identity

    def _details(self, proof: Proof, identity: Identity) -> Identity:
        """DG11 and DG12 of a document that has no DG13; a signed list says whether they are there."""
        wanted = [file for file in _DETAILS if proof.listed is not None and proof.lists(file)]
        if not wanted or (files.DG13.name in self._contents and not self._wanted.everything):
            return identity
        for file in wanted:
            self._optional(file)
        return judgement.identify(self._contents, self._now, self._wanted.printed)

    # Is the chip the original?

    def _chip(self, proof: Proof) -> None:
        progress = self._progress
        if proof.lists(files.DG14):
            self._optional(files.DG14)
        self._opened.plain.extended = self.plan.extended  # what reading has shown, authentication need not find out
        if progress.chip_authentication is None:
            mapping = genuineness.check_mapping(self._opened, proof.signed_object, self._world.trust, self._now)
            if mapping is not None and mapping.result is not Outcome.NOT_DONE:
                progress.chip_authentication = mapping
        if progress.chip_authentication is None:
            self._authenticate_chip(proof)
        if not genuineness.access_as_signed(self._opened, self._contents.get(files.DG14.name), proof.listed):
            progress.warnings.append("access.not_as_signed")
        # Passed holds until the first answer under the new keys (see FirstUse); a copy gets here once more.
        proven = progress.chip_authentication is not None and progress.chip_authentication.result is Outcome.PASSED
        if progress.active_authentication is None and (self._wanted.everything or not proven):
            self._challenge_chip(proof)

    def _authenticate_chip(self, proof: Proof) -> None:
        progress = self._progress
        try:
            attempt = genuineness.authenticate(
                self._opened.channel, self._contents.get(files.DG14.name), proof.listed, self._random
            )
        except LeftSecureMessaging as left:
            if not (left.sw in files.SESSION_ENDED and progress.may_rebuild()):
                progress.chip_authentication = genuineness.ended()
            raise Reconnect from None
        except CardBroken:
            progress.chip_authentication = genuineness.broken()
            raise Reconnect from None
        progress.chip_authentication = attempt.check
        if attempt.channel is not None:
            self._unproven = FirstUse(InsideTrace(attempt.channel, self._meter))
            self._channel = self._unproven
            self._reader = FileReader(self._channel, self._reader.plan, progress.bag)

    def _challenge_chip(self, proof: Proof) -> None:
        progress = self._progress
        key = self._optional(files.DG15) if proof.listed is not None and proof.lists(files.DG15) else None
        if key is None:
            progress.active_authentication = Check(reason="active_authentication.not_offered")
            return
        try:
            progress.active_authentication = genuineness.challenge(
                self._channel, key, self._contents.get(files.DG14.name), proof.listed, self._random, self._longest()
            )
        except LeftSecureMessaging as left:
            if not (left.sw in files.SESSION_ENDED and progress.may_rebuild()):
                progress.active_authentication = active_authentication.lost(key, left)
            raise Reconnect from None

    def _longest(self) -> int:
        """The most bytes to ask for in an answer that cannot be had in pieces."""
        return self.plan.size if self.plan.extended else SHORT_LE_MAX

    def _confirm_new_keys(self) -> None:
        """Without anything more to read, a SELECT is the first command under the keys of chip authentication."""
        if self._unproven is not None and not self._unproven.proven:
            self._unproven.send(select_file(files.DG1.file_id))

    # Portrait and result

    def _portrait(self, proof: Proof, identity: Identity) -> None:
        sod = self._contents.get(files.SOD.name, b"")
        wanted = self._wanted.portrait or self._wanted.everything
        listed = proof.lists(files.DG2)
        if wanted and not listed:
            self._progress.warnings.append("dg2.absent")
        if not wanted or not listed or self._wanted.has_portrait(sha256(sod).digest()):
            self._confirm_new_keys()
            return
        if self._unproven is None or self._unproven.proven:
            self._tell_if_judged(proof, identity)
        self._enter(Phase.PORTRAIT)
        # The card need not wait for the proof to be worked out: whenever it answered, what is done is told.
        between = Between(self._channel, lambda: self._tell_if_judged(proof, identity))
        self._reader = FileReader(between, self._reader.plan, self._progress.bag)
        self._optional(files.DG2)

    def _tell_if_judged(self, proof: Proof, identity: Identity) -> None:
        if self._judged is not None and self._judged.done():
            self._tell_proven(proof, identity)

    def _tell_proven(self, proof: Proof, identity: Identity) -> None:
        if not self._progress.proof_told:
            self._progress.proof_told = True
            reading = self._judged_reading(proof, identity)
            self._progress.timings["proven"] = round(self._meter.elapsed_ms(), 1)
            self._listener.proven(reading)

    def _judged_reading(self, proof: Proof, identity: Identity) -> Reading:
        assert self._judged is not None  # noqa: S101
        verdicts = judgement.with_hashes_of(self._judged.result(), proof, self._contents)
        judgement.require_understood(identity, verdicts)
        self._tell_identity(identity.holder, identity.warnings)
        checks = Checks(
            access=self._access,
            hashes=verdicts.hashes,
            signature=verdicts.signature,
            chain=verdicts.chain,
            chip_authentication=self._progress.chip_authentication or Check(),
            active_authentication=self._progress.active_authentication or _NOT_NEEDED,
            agreement=identity.agreement,
        )
        warnings = (*self._progress.warnings, *identity.warnings, *verdicts.warnings)
        return judgement.reading(
            self._progress.reading_id, identity.holder, identity.document, checks, warnings, self._now
        )

    def _result(self, proof: Proof, identity: Identity) -> CardRead:
        portraits = judgement.portraits(self._contents, self._progress.warnings)
        self._tell_proven(proof, identity)
        reading = self._judged_reading(proof, identity)
        self._enter(Phase.DONE)
        progress, meter = self._progress, self._meter
        return CardRead(
            reading=reading,
            portraits=portraits,
            contents=dict(self._contents),
            apdus=meter.apdus,
            bytes_sent=meter.bytes_sent,
            bytes_received=meter.bytes_received,
            apdus_to_name=progress.apdus_to_name,
            apdus_to_proof=progress.apdus_to_proof,
            timings_ms={**progress.timings, "total": round(meter.elapsed_ms(), 1)},
        )

    # Helpers

    def _enter(self, phase: Phase) -> None:
        self._progress.enter(phase, self._meter.elapsed_ms())
        self._listener.phase(phase)

    def _required(self, file: ElementaryFile) -> bytes:
        try:
            return self._reader.read(file)
        except NotReadable as refused:
            raise CardBroken(where=f"{file.name}.absent", sw=f"{refused.sw:04X}") from None

    def _optional(self, file: ElementaryFile) -> bytes | None:
        """The file, or None with a warning when the card has none or keeps it to itself."""
        if file.name not in self._progress.absent:
            try:
                return self._reader.read(file)
            except NotReadable:
                self._progress.absent.add(file.name)
        self._progress.warnings.append(f"{file.name}.absent")
        return None

    def _tell_identity(self, known: Holder, warnings: tuple[str, ...]) -> None:
        progress = self._progress
        if progress.identity_told:
            return
        progress.identity_told = True
        progress.apdus_to_name = self._meter.apdus
        progress.timings["name"] = round(self._meter.elapsed_ms(), 1)
        checks = Checks(access=self._access)
        self._listener.identity(judgement.reading(progress.reading_id, known, None, checks, warnings, self._now))
