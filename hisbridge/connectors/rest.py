"""A hospital system's registration interface with a token and no idempotency key (bridge.md 3.1).

A record is created only after a search by ID number found none, and again only after a further search: whatever was
made by a call whose answer was lost is found by it. A booking is found by our order number where the interface can;
where it cannot, a booking in doubt goes to a person (`when_unknown`).
"""

from collections import OrderedDict

from config.destinations import RestDestination
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.doubts import MOST, Doubts
from hisbridge.connectors.http_caller import JSON, HttpCaller
from hisbridge.connectors.rest_api import Object, Refused, RestApi, names_of, read
from hisbridge.connectors.rest_fields import Plan, Who, plan, put, searches, who_is
from hisbridge.connectors.rest_people import match
from hisbridge.errors import (
    DeliveryError,
    DestinationSetup,
    DestinationUnreachable,
    GarbledAnswer,
    NoAnswer,
    PersonAmbiguous,
)
from hisbridge.identity import idempotency_key
from hisbridge.records import Event, HospitalAnswer, PatientRecord
from hisbridge.told import bounded
from wire.codec import from_json, to_json

# Of a receipt: what a person has to look at.
AMBIGUOUS = "person_ambiguous"
BOOKING_UNKNOWN = "booking_unknown"  # it may be made, and this interface cannot be asked
CANCEL_UNKNOWN = "cancel_unknown"  # which booking it was is not known here any more


class RestConnector:
    """A destination with such an interface."""

    content_type = JSON
    stale_answers = 0

    def __init__(self, destination: RestDestination, caller: HttpCaller | None = None) -> None:
        self._destination = destination
        self._names = names_of(destination)
        self._caller = caller or HttpCaller(destination)
        self._api = RestApi(destination, self._names, self._caller)
        self._doubts = Doubts()
        self._bookings: OrderedDict[str, str] = OrderedDict()  # by order id, of this process

    def identify(self, record: PatientRecord) -> Known:
        """Search by ID number. Raises PersonAmbiguous, DestinationSetup and the errors of HttpCaller.call."""
        if record.event not in (Event.ARRIVED, Event.UPDATED):
            return Known()
        self._check()
        who = who_is(record.patient)
        order = idempotency_key(self._destination.name, record.visit.visit_id)
        try:
            number = self._sought(who)
        except Refused as refused:
            self._doubts.untouched(order)
            if refused.outcome is Outcome.MISCONFIGURED:
                raise DestinationSetup(key="search", why=refused.text) from None
            raise NoAnswer(why=refused.text) from None
        except DeliveryError:
            self._doubts.untouched(order)
            raise
        if number is None:
            self._doubts.untouched(order)
        return Known(number)

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The bodies of the calls; see rest_fields.Plan."""
        wanted = plan(record, known, self._destination, self._names)
        return None if wanted is None else to_json(wanted)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Make the calls. Raises DestinationSetup and the errors of HttpCaller.call."""
        self._check()
        wanted = from_json(message, Plan)
        if sending.attempt == 1:
            self._doubts.untouched(wanted.order_id)
        try:
            if wanted.event is Event.CANCELLED:
                return self._cancelled(wanted)
            number = self._person(wanted, sending)
            if wanted.booking is None:
                return Receipt(Outcome.ACKNOWLEDGED, "saved", bounded(HospitalAnswer(record_number=number)))
            return self._booked(wanted, sending, number)
        except Refused as refused:
            return Receipt(refused.outcome, refused.text)
        except PersonAmbiguous:
            return Receipt(Outcome.REJECTED, AMBIGUOUS)

    def probe(self) -> None:
        """Obtain a token; without an account, reach the address. Raises DestinationUnreachable, DestinationSetup."""
        self._check()
        try:
            if self._destination.username:
                self._api.sign_in()
            else:
                self._api.found(searches(_NOBODY, self._names)[0])
        except Refused as refused:
            if refused.outcome is Outcome.MISCONFIGURED:
                key = "username" if self._destination.username else "base_url"
                raise DestinationSetup(key=key, why=refused.text) from None
            raise DestinationUnreachable(why=refused.text) from None

    def close(self) -> None:
        """Drop the connections."""
        self._caller.close()

    def _check(self) -> None:
        for key in ("personal_id", "record_number"):
            if not self._names.fields.get(key):
                raise DestinationSetup(key=f"fields.{key}", why="missing")

    def _sought(self, who: Who) -> str | None:
        form = self._destination.read_date_format or self._destination.date_format
        for body in searches(who, self._names):
            number = match(self._api.found(body), who, self._names.fields, form)
            if number is not None:
                return number
        return None

    def _person(self, wanted: Plan, sending: Sending) -> str:
        """The person's number there, made where there is none."""
        number = wanted.record_number
        if number is None and sending.attempt > 1:
            number = self._sought(wanted.who)
        body = wanted.save or {}
        if number is None:
            return self._created(body, wanted.who)
        if wanted.event is Event.UPDATED or self._destination.update_known:
            self._api.save(put(body, {self._names.fields["record_number"]: number}))
        return number

    def _created(self, body: Object, who: Who) -> str:
        failure: Exception
        try:
            number = self._api.save(body)
            if number is not None:
                return number
            failure = Refused(Outcome.REJECTED, "save_no_number")
        except (NoAnswer, GarbledAnswer) as error:
            failure = error
        except Refused as refused:
            if not refused.doubtful:
                raise
            failure = refused
        number = self._found_after(who)
        if number is None:
            raise failure
        return number

    def _found_after(self, who: Who) -> str | None:
        """Whether a call whose outcome is not known made the record after all."""
        try:
            return self._sought(who)
        except (DeliveryError, Refused):
            return None

    def _booked(self, wanted: Plan, sending: Sending, number: str) -> Receipt:
        order = wanted.order_id
        doubted = self._doubts.of(order, sending.attempt)
        if doubted and self._names.paths["find_booking"]:
            if (told := self._api.booked(order, number)) is not None:
                return self._confirmed(order, number, told)
        elif doubted and self._destination.when_unknown == "staff":
            self._doubts.settled(order)  # whoever looked and lets it go out again wants it sent
            return Receipt(Outcome.REJECTED, BOOKING_UNKNOWN, bounded(HospitalAnswer(record_number=number)))
        body = put(wanted.booking or {}, {self._names.booking_fields["record_number"]: number})
        self._doubts.begun(order)
        made: Object | None
        try:
            made = self._api.book(body)
        except DestinationUnreachable:
            self._doubts.settled(order)
            raise
        except (NoAnswer, GarbledAnswer, Refused) as failure:
            if isinstance(failure, Refused) and not failure.doubtful:
                self._doubts.settled(order)
                raise
            made = self._booked_after(order, number)
            if made is None:
                raise
        return self._confirmed(order, number, made)

    def _booked_after(self, order: str, number: str) -> Object | None:
        """Whether a call whose outcome is not known made the booking after all."""
        if not self._names.paths["find_booking"]:
            return None
        try:
            return self._api.booked(order, number)
        except (DeliveryError, Refused):
            return None

    def _confirmed(self, order: str, number: str, told: Object) -> Receipt:
        answers = self._names.answers
        booking = read(told, answers.get("booking_id", ""))
        queue = read(told, answers.get("queue_number", ""))
        self._doubts.settled(order)
        if booking is None and queue is None:
            raise Refused(Outcome.REJECTED, "booking_no_number")
        if booking is not None:
            self._bookings[order] = booking
            while len(self._bookings) > MOST:
                self._bookings.popitem(last=False)
        answer = HospitalAnswer(
            record_number=number,
            visit_number=booking,
            queue_number=queue,
            room=read(told, answers.get("room", "")),
        )
        return Receipt(Outcome.ACKNOWLEDGED, "booked", bounded(answer))

    def _cancelled(self, wanted: Plan) -> Receipt:
        order = wanted.order_id
        booking = self._bookings.get(order)
        if booking is None and self._names.paths["find_booking"]:
            told = self._api.booked(order, wanted.record_number or "")
            if told is None:
                return Receipt(Outcome.ACKNOWLEDGED, "no_booking")
            booking = read(told, self._names.answers.get("booking_id", ""))
        if booking is None:
            return Receipt(Outcome.REJECTED, CANCEL_UNKNOWN)
        there = self._api.cancel(booking)
        self._bookings.pop(order, None)
        return Receipt(Outcome.ACKNOWLEDGED, "cancelled" if there else "no_booking")


_NOBODY = Who(personal_id="000099999999")  # nobody's number (services.md 0.3)
