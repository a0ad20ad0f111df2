"""The whole reading of a card, in the order that puts the name on the screen first (chip.md 3.5).

A card or reader that refuses a shorter way is powered again and read a plainer way, a bounded number of times; what
was read before is kept. Must not import any device library or keep anything after it returns, but how this kind of
card likes to be read.
"""

from concurrent.futures import ThreadPoolExecutor

from reader.chip import files, genuineness, plan, readers
from reader.chip.access import Announced, OldSession, Opener, Randomness, TryNextKey
from reader.chip.access_keys import AccessKeys
from reader.chip.apdu import SHORT_LE_MAX
from reader.chip.channel import Meter, PlainChannel
from reader.chip.files import SessionLost
from reader.chip.genuineness import CopiedChip
from reader.chip.plan import Plan
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.steps import Errand, Progress, Reconnect, Steps
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.chip.transport import NotTransmitted, Slot, Transport
from reader.errors import CardBroken, CardRemoved, NoCard, ReaderError
from reader.phases import Phase

MAX_CONNECTIONS = 12  # every plainer way and every key once, and room
_OPTIONAL = {file.name for file in (*files.LDS, files.CARD_SECURITY)} - {files.DG1.name}


def read_card(
    slot: Slot,
    keys: AccessKeys,
    surroundings: Surroundings,
    timeout_seconds: float,
    wanted: Wanted | None = None,
    listener: Listener | None = None,
) -> CardRead:
    """Read the card on the reader: DG13, DG1, SOD, DG14 and what `wanted` asks for besides.

    Raises the errors of reader.errors; each carries the number of the phase it happened in (`phase`).
    """
    run = _Run(keys, surroundings, timeout_seconds, wanted or Wanted(), listener or Listener())
    try:
        return run.read(slot)
    except ReaderError as error:
        error.data.setdefault("phase", int(run.progress.phase))
        raise
    finally:
        run.close()


class _Run:
    """One reading over as many connections as it takes."""

    def __init__(
        self, keys: AccessKeys, surroundings: Surroundings, timeout_seconds: float, wanted: Wanted, listener: Listener
    ) -> None:
        self._world = surroundings
        self._wanted = wanted
        self._listener = listener
        deadline = surroundings.clock() + timeout_seconds
        self._meter = Meter(surroundings.clock, deadline, listener.check, listener.trace)
        self._random = Randomness(self._scalar, self._octets)
        self._thinker = ThreadPoolExecutor(1, "card-proof")
        self._plan: Plan | None = None
        self._extended = wanted.extended  # until a long command does not get through
        self.progress = Progress(surroundings.new_id())
        self._opener = Opener(keys, self._random, self.progress.bag, self.progress.absent)

    def close(self) -> None:
        """Let go of the thread that computes."""
        self._thinker.shutdown(wait=False, cancel_futures=True)

    def read(self, slot: Slot) -> CardRead:
        for connection in range(MAX_CONNECTIONS):
            self._enter(Phase.CONNECTING)
            try:
                with slot.connect() as transport:
                    return self._read_powered(transport)
            except (TryNextKey, Reconnect, OldSession):
                continue
            except SessionLost as lost:
                self._learn(lost)
            except LeftSecureMessaging as left:
                self._rebuild(left)
            except NotTransmitted as failed:
                self._shorten(failed)
            except CopiedChip as copied:
                again = copied.told and self.progress.may_rebuild()
                self.progress.chip_authentication = None if again else genuineness.copied()
            except NoCard:
                if connection == 0:
                    raise
                raise CardRemoved() from None
        raise CardBroken(where="session.restarts")

    def _learn(self, lost: SessionLost) -> None:
        """What to do differently after a session was lost while a file was read. Raises CardBroken."""
        if lost.plan is not None:
            self._plan = lost.plan
        elif isinstance(lost.cause, NotTransmitted):
            raise CardBroken(where=f"{lost.file.name}.not_transmitted")
        elif lost.cause.sw in files.ABSENT and lost.file.name in _OPTIONAL - self.progress.bag.begun.keys():
            self.progress.absent.add(lost.file.name)
        else:
            self._rebuild(lost.cause)

    def _rebuild(self, left: LeftSecureMessaging) -> None:
        if not self.progress.may_rebuild():
            raise left

    def _shorten(self, failed: NotTransmitted) -> None:
        """A long command of an authentication did not get through the reader: no more of them."""
        if not self._extended:
            raise CardBroken(where="apdu.not_transmitted", pcsc=str(failed))
        self._extended = False
        self._plan = self._plan and (self._plan.short() or self._plan)

    def _read_powered(self, transport: Transport) -> CardRead:
        self._meter.trace.connected(transport.reader, transport.atr, self._meter.elapsed_ms())
        plain = PlainChannel(transport, self._meter, extended=False)
        self._enter(Phase.ACCESS)
        announced = self._opener.announced(plain, transport.atr, self._first_plan())
        plain.extended = self._may_extend(transport, announced)
        opened = self._opener.open(plain, announced, lambda size: self._plan_for(transport, announced, size))
        plain.extended = opened.plan.extended
        errand = Errand(self._world, self._wanted, self._listener, self._meter, self._random, self._thinker)
        steps = Steps(errand, self.progress, opened)
        try:
            return steps.run()
        finally:
            self._plan = steps.plan
            if self.progress.bag.whole and not self._limited:
                self._world.memory.remember(transport.reader, announced.kind, self._plan.settled())

    @property
    def _limited(self) -> bool:
        """Whether the caller's limits, and not card and reader, decide: nothing is to be learnt from that."""
        return self._wanted.max_le is not None or not self._wanted.extended

    def _first_plan(self) -> Plan:
        """How EF.CardAccess is read, before anything is known."""
        ceiling = self._wanted.max_le
        return plan.PLAIN if ceiling is None else plan.PLAIN.at_most(min(ceiling, plan.PLAIN.size))

    def _plan_for(self, transport: Transport, announced: Announced, block_size: int) -> Plan:
        """What this kind of card took on this reader before; else what reader, its quirks and the caller allow."""
        known = self._plan or self._recalled(transport, announced)
        if known is not None:
            return known
        ceiling = plan.MAX_SIZE if self._wanted.max_le is None else self._wanted.max_le
        extended = self._may_extend(transport, announced)
        carried = _carried(transport)
        if extended and carried is not None:
            ceiling = min(ceiling, carried)
        return plan.protected(block_size, ceiling, extended)

    def _recalled(self, transport: Transport, announced: Announced) -> Plan | None:
        remembered = None if self._limited else self._world.memory.recall(transport.reader, announced.kind)
        if remembered is None or self._extended:
            return remembered
        return remembered.short() or remembered

    def _may_extend(self, transport: Transport, announced: Announced) -> bool:
        known = self._plan or self._recalled(transport, announced)
        if known is not None:
            return known.extended
        limits = (self._wanted.max_le, _carried(transport))
        return self._extended and all(limit is None or limit > SHORT_LE_MAX for limit in limits)

    def _enter(self, phase: Phase) -> None:
        self.progress.enter(phase, self._meter.elapsed_ms())
        self._listener.phase(phase)

    def _scalar(self, order: int) -> int:
        drawn = self._world.scalar(order)
        self._meter.trace.drew(drawn.to_bytes((order.bit_length() + 7) // 8, "big"), self._meter.elapsed_ms())
        return drawn

    def _octets(self, count: int) -> bytes:
        drawn = self._world.octets(count)
        self._meter.trace.drew(drawn, self._meter.elapsed_ms())
        return drawn


def _carried(transport: Transport) -> int | None:
    """The most plain bytes that driver and known quirks of this reader let us ask for; None where neither tells."""
    limits = (readers.max_extended(transport.reader), transport.max_apdu_data)
    known = [limit for limit in limits if limit is not None]
    return max(min(known) - plan.PROTECTION, 0) if known else None
