"""Which records are on offer, for how long, and who took them. One event loop calls it; it waits for nobody.

A record is not personal until it is taken: whoever is told of an offer learns a ticket number and nothing else.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from config.destinations import LocalAgentDestination
from hisbridge.agent import waiting
from hisbridge.agent.errors import AgentNoOffer
from hisbridge.agent.waiting import Waiting
from hisbridge.records import PatientRecord
from wire import sqlite
from wire.codec import Record

MOST_OPEN = 50
NOT_TOLD = "not told"  # receipt of a record whose event this feed does not know


class WaitingTicket(Record, frozen=True, kw_only=True):
    """One record that waits, as staff choose it: no personal data."""

    delivery: int
    event: str
    ticket_number: str
    service_name: str
    arrived_at: str


class OfferTold(Record, frozen=True, kw_only=True):
    """One record on offer: `seconds` are left to take it."""

    event: str = "offer"
    offer: str
    ticket_number: str
    service_name: str
    arrived_at: str
    seconds: float


class Closed(Record, frozen=True, kw_only=True):
    """An offer that is over: `why` is taken or over."""

    event: str = "closed"
    offer: str
    why: str


class Waits(Record, frozen=True, kw_only=True):
    """How many records wait now."""

    event: str = "waiting"
    count: int


Told = OfferTold | Closed | Waits


@dataclass(frozen=True)
class Offer:
    """A record on offer until `until` (monotonic seconds)."""

    offer_id: str
    waiting: Waiting
    until: float

    @property
    def record(self) -> PatientRecord:
        """What is handed over."""
        return self.waiting.record


@dataclass(frozen=True)
class _Taken:
    by: str
    attempt: str
    record: PatientRecord


class Offers:
    """The offers of one destination."""

    def __init__(
        self,
        destination: LocalAgentDestination,
        connection: sqlite.Connection,
        now: Callable[[], datetime],
        concerns: Callable[[PatientRecord], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._destination = destination
        self._connection = connection
        self._now = now
        self._concerns_feed = concerns
        self._monotonic = monotonic
        self._open: dict[str, Offer] = {}
        self._taken: dict[str, _Taken] = {}
        self._shown: set[int] = set()  # offered once by themselves; offered again only when staff ask
        self._count = -1
        self._followers: set[asyncio.Queue[Told]] = set()
        self.last_taken: datetime | None = None

    def follow(self) -> "asyncio.Queue[Told]":
        """A mailbox that hears of everything from now on, beginning with how it stands."""
        mailbox: asyncio.Queue[Told] = asyncio.Queue(256)
        mailbox.put_nowait(Waits(count=max(self._count, 0)))
        for offer in self.open():
            mailbox.put_nowait(self._told(offer))
        self._followers.add(mailbox)
        return mailbox

    def unfollow(self, mailbox: "asyncio.Queue[Told]") -> None:
        """Tell it nothing more."""
        self._followers.discard(mailbox)

    def open(self) -> list[Offer]:
        """What is on offer now, oldest first."""
        now = self._monotonic()
        return [offer for offer in self._open.values() if offer.until > now]

    def told(self) -> list[OfferTold]:
        """What is on offer now, as pages are told of it."""
        return [self._told(offer) for offer in self.open()]

    def look(self) -> list[WaitingTicket]:
        """See what waits, give up what nobody took, end what is over, and offer the next where that needs no click.

        Raises sqlite.Error, wire.database.DatabaseUnavailable.
        """
        now = self._now()
        waiting.give_up(self._connection, self._destination.name, now, self._destination.wait_hours)
        found = [one for one in waiting.waiting(self._connection, self._destination.name, now) if self._concerns(one)]
        numbers = {one.delivery_id for one in found}
        clock = self._monotonic()
        for offer in list(self._open.values()):
            if offer.until <= clock or offer.waiting.delivery_id not in numbers:
                self._close(offer, "over")
        if len(found) != self._count:
            self._count = len(found)
            self._publish(Waits(count=self._count))
        if self._destination.offer == "at_once" and not self._open:
            fresh = next((one for one in found if one.delivery_id not in self._shown), None)
            if fresh is not None:
                self._shown = (self._shown & numbers) | {fresh.delivery_id}
                self._offered(fresh)
        return [_ticket(one) for one in found]

    def offer(self, number: int) -> OfferTold:
        """Offer this record: somebody of the staff chose it. Raises AgentNoOffer when it does not wait any more."""
        for standing in self.open():
            if standing.waiting.delivery_id == number:
                return self._told(standing)
        found = waiting.one_waiting(self._connection, self._destination.name, number, self._now())
        if found is None or len(self._open) >= MOST_OPEN or not self._concerns(found):
            raise AgentNoOffer()
        return self._told(self._offered(found))

    def take(self, offer_id: str, by: str, attempt: str = "") -> PatientRecord:
        """The record, once. The same caller may repeat the same named attempt: its first answer may have been lost.

        `by`: who takes it, for the receipt; no personal data. Raises AgentNoOffer.
        """
        before = self._taken.get(offer_id)
        if before is not None:
            if attempt and (before.by, before.attempt) == (by, attempt):
                return before.record
            raise AgentNoOffer()
        offer = self._open.get(offer_id)
        if offer is None or offer.until <= self._monotonic():
            raise AgentNoOffer()
        number = offer.waiting.delivery_id
        receipt = f"taken {by or 'by a program'}"
        if not waiting.take(self._connection, self._destination.name, number, self._now(), receipt):
            self._close(offer, "over")
            raise AgentNoOffer()
        self.last_taken = self._now()
        self._close(offer, "taken")
        if attempt:
            self._taken[offer_id] = _Taken(by, attempt, offer.record)
        return offer.record

    def forget(self, offer_id: str) -> None:
        """Keep the answer of a repeated attempt no longer."""
        self._taken.pop(offer_id, None)

    def _concerns(self, one: Waiting) -> bool:
        """Whether the feed knows such an event; what it does not know is settled: nobody is to wait for it."""
        if self._concerns_feed(one.record):
            return True
        waiting.take(self._connection, self._destination.name, one.delivery_id, self._now(), NOT_TOLD)
        return False

    def _offered(self, found: Waiting) -> Offer:
        until = self._monotonic() + self._destination.offer_seconds
        offer = Offer(secrets.token_urlsafe(16), found, until)
        self._open[offer.offer_id] = offer
        self._publish(self._told(offer))
        return offer

    def _close(self, offer: Offer, why: str) -> None:
        if self._open.pop(offer.offer_id, None) is not None:
            self._publish(Closed(offer=offer.offer_id, why=why))

    def _told(self, offer: Offer) -> OfferTold:
        visit = offer.record.visit
        return OfferTold(
            offer=offer.offer_id,
            ticket_number=visit.ticket_number,
            service_name=visit.service_name,
            arrived_at=visit.arrived_at,
            seconds=round(max(0.0, offer.until - self._monotonic()), 1),
        )

    def _publish(self, told: Told) -> None:
        for mailbox in self._followers:
            with suppress(asyncio.QueueFull):  # who does not read has no use for old offers
                mailbox.put_nowait(told)


def _ticket(one: Waiting) -> WaitingTicket:
    visit = one.record.visit
    return WaitingTicket(
        delivery=one.delivery_id,
        event=one.record.event.value,
        ticket_number=visit.ticket_number,
        service_name=visit.service_name,
        arrived_at=visit.arrived_at,
    )
