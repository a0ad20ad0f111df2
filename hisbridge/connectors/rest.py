"""A hospital system's registration interface with a token and no idempotency key (bridge.md 3.1).

A record is created only after a search by ID number found none, and again only after a further search: whatever was
made by a call whose answer was lost is found by it. Whoever has no number cannot be sought: their record is made once,
and where that is in doubt a person looks. A booking is found by our order number where the interface can;
where it cannot, a booking in doubt goes to a person (`when_unknown`).
"""

from config.destinations import RestDestination
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
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
from hisbridge.records import Event, HospitalAnswer, PatientRecord
from hisbridge.told import bounded
from wire.codec import from_json, to_json

# Of a receipt: what a person has to look at.
AMBIGUOUS = "person_ambiguous"
PERSON_UNKNOWN = "person_unknown"  # their record may be made, and somebody without a number cannot be sought
BOOKING_UNKNOWN = "booking_unknown"  # it may be made, and this interface cannot be asked
CANCEL_UNKNOWN = "cancel_unknown"  # which booking it was this interface never told


class RestConnector:
    """A destination with such an interface."""

    content_type = JSON
    stale_answers = 0

    def __init__(self, destination: RestDestination, caller: HttpCaller | None = None) -> None:
        self._destination = destination
        self._names = names_of(destination)
        self._caller = caller or HttpCaller(destination)
        self._api = RestApi(destination, self._names, self._caller)

    def identify(self, record: PatientRecord) -> Known:
        """Search by ID number. Raises PersonAmbiguous, DestinationSetup and the errors of HttpCaller.call."""
        if record.event not in (Event.ARRIVED, Event.UPDATED):
            return Known()
        self._check()
        who = who_is(record.patient)
        try:
            if not searches(who, self._names):
                return Known()
            number = self._sought(who)
        except Refused as refused:
            if refused.outcome is Outcome.MISCONFIGURED:
                raise DestinationSetup(key="search", why=refused.text) from None
            failure = NoAnswer(why=refused.text)
            failure.retry_after_seconds = refused.later
            raise failure from None
        return Known(number, none_told=number is None)

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The bodies of the calls; see rest_fields.Plan."""
        wanted = plan(record, known, self._destination, self._names)
        return None if wanted is None else to_json(wanted)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Make the calls. Raises DestinationSetup and the errors of HttpCaller.call."""
        self._check()
        wanted = from_json(message, Plan)
        try:
            if wanted.event is Event.CANCELLED:
                return self._cancelled(wanted)
            if wanted.record_number is None and not wanted.searches:
                return self._unnumbered(wanted, sending)
            try:
                number = self._person(wanted, sending)
            except DeliveryError as error:
                error.doubtful = False  # a person is sought before one is made again, and no booking was begun
                raise
            if wanted.booking is None:
                return Receipt(Outcome.ACKNOWLEDGED, "saved", bounded(HospitalAnswer(record_number=number)))
            return self._booked(wanted, sending, number)
        except Refused as refused:
            return Receipt(refused.outcome, refused.text, retry_after_seconds=refused.later)
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
            # An earlier attempt may have made the record, and since then anybody else may have.
            number = self._sought(wanted.who)
        body = wanted.save or {}
        if number is None:
            return self._created(body, wanted.who)
        if wanted.event is Event.UPDATED or self._destination.update_known:
            self._api.save(put(body, {self._names.fields["record_number"]: number}))
        return number

    def _unnumbered(self, wanted: Plan, sending: Sending) -> Receipt:
        """Somebody whom no search finds: made once, and by no attempt after one whose outcome is not known."""
        if sending.doubtful:
            # Whoever looked and lets it go out again wants it sent.
            return Receipt(Outcome.REJECTED, PERSON_UNKNOWN, doubtful=False)
        try:
            number = self._api.save(wanted.save or {})
        except Refused as refused:
            doubtful = True if refused.doubtful else None
            return Receipt(refused.outcome, refused.text, doubtful=doubtful, retry_after_seconds=refused.later)
        if number is None:
            return Receipt(Outcome.REJECTED, "save_no_number", doubtful=False)
        told = bounded(HospitalAnswer(record_number=number))
        if wanted.booking is None:
            return Receipt(Outcome.ACKNOWLEDGED, "saved", told)
        try:
            receipt = self._booked(wanted, sending, number)
        except (DeliveryError, Refused) as failure:
            why = failure.text if isinstance(failure, Refused) else BOOKING_UNKNOWN
            receipt = Receipt(Outcome.REJECTED, why, doubtful=False)
        if receipt.outcome is Outcome.ACKNOWLEDGED:
            return receipt
        # The number is kept with the delivery: a further try books for them, and makes nobody a second time.
        return Receipt(Outcome.REJECTED, receipt.text, told, doubtful=False)

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
        if sending.doubtful and self._names.paths["find_booking"]:
            if (told := self._api.booked(order, number)) is not None:
                return self._confirmed(number, told)
        elif sending.doubtful and self._destination.when_unknown == "staff":
            # Whoever looked and lets it go out again wants it sent.
            answer = bounded(HospitalAnswer(record_number=number))
            return Receipt(Outcome.REJECTED, BOOKING_UNKNOWN, answer, doubtful=False)
        body = put(wanted.booking or {}, {self._names.booking_fields["record_number"]: number})
        try:
            return self._confirmed(number, self._api.book(body))
        except (NoAnswer, GarbledAnswer):
            if (made := self._booked_after(order, number)) is None:
                raise
        except Refused as refused:
            if not refused.doubtful:
                raise
            if (made := self._booked_after(order, number)) is None:
                return Receipt(refused.outcome, refused.text, doubtful=True, retry_after_seconds=refused.later)
        return self._confirmed(number, made)

    def _booked_after(self, order: str, number: str) -> Object | None:
        """Whether a call whose outcome is not known made the booking after all."""
        if not self._names.paths["find_booking"]:
            return None
        try:
            return self._api.booked(order, number)
        except (DeliveryError, Refused):
            return None

    def _confirmed(self, number: str, told: Object) -> Receipt:
        answers = self._names.answers
        booking = read(told, answers.get("booking_id", ""))
        queue = read(told, answers.get("queue_number", ""))
        if booking is None and queue is None:
            return Receipt(Outcome.REJECTED, "booking_no_number", doubtful=False)
        answer = HospitalAnswer(
            record_number=number,
            visit_number=booking,
            queue_number=queue,
            room=read(told, answers.get("room", "")),
        )
        return Receipt(Outcome.ACKNOWLEDGED, "booked", bounded(answer))

    def _cancelled(self, wanted: Plan) -> Receipt:
        booking = wanted.booking_id
        if booking is None and self._names.paths["find_booking"]:
            told = self._api.booked(wanted.order_id, wanted.record_number or "")
            if told is None:
                return Receipt(Outcome.ACKNOWLEDGED, "no_booking")
            booking = read(told, self._names.answers.get("booking_id", ""))
        if booking is None:
            return Receipt(Outcome.REJECTED, CANCEL_UNKNOWN)
        there = self._api.cancel(booking)
        return Receipt(Outcome.ACKNOWLEDGED, "cancelled" if there else "no_booking")


_NOBODY = Who(personal_id="000099999999")  # nobody's number (services.md 0.3)
