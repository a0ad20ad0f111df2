"""What technicians may see and do, from the socket and from the command line alike; everything that matters is audited.

Works on the database alone, beside the running bridge or without it. Its records are the socket's own contract
(docs/architecture.md, "bridge"). Must not import a courier.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from config.destinations import DestinationSettings
from config.settings import Settings
from hisbridge import audit, connectors, outbox_desk
from hisbridge.agent.codes import PairCode, PairRequest, agent_of, give_code
from hisbridge.connectors.contract import Known
from hisbridge.connectors.hl7errors import DestinationCertificate
from hisbridge.desk_errors import MessageUnrenderable, NameMissing, NothingChosen
from hisbridge.desk_records import Delivery, DeskAct, Selection, Told
from hisbridge.enrichment import enriched
from hisbridge.errors import DeliveryError, DestinationSetup, UnknownDestination
from hisbridge.identity import person_key
from hisbridge.masking import masked, masked_known
from hisbridge.outbox import State, moment
from hisbridge.preparing import prepared
from hisbridge.records import HospitalAnswer, PatientRecord
from hisbridge.schema import MIGRATIONS
from hisbridge.values import PersonalId
from wire import sqlite
from wire.codec import Record, from_json, to_plain
from wire.database import DatabaseFile, DatabaseUnavailable, open_existing, transaction
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

Name = Annotated[str, Meta(max_length=audit.MAX_NAME)]
Numbers = Annotated[tuple[int, ...], Meta(max_length=outbox_desk.MAX_NUMBERS)]


class DeliveryList(Record, frozen=True, kw_only=True):
    """The answer of `GET /v1/deliveries`, newest first."""

    deliveries: tuple[Delivery, ...]


class DeliveryDetail(Record, frozen=True, kw_only=True):
    """The answer of `GET /v1/delivery`: one, and what its receiver told back."""

    delivery: Delivery
    answer: HospitalAnswer | None = None


class AnswerList(Record, frozen=True, kw_only=True):
    """The answer of `GET /v1/answers`, in the order in which they came."""

    answers: tuple[Told, ...]


class MessageRequest(Record, frozen=True, kw_only=True):
    """`POST /v1/delivery/message`: what is sent for a delivery, with the person hidden unless `whole`."""

    number: int
    whole: bool = False
    by: Name = ""


class Message(Record, frozen=True, kw_only=True):
    """A message as it is sent, as text."""

    content_type: str
    body: str
    masked: bool


class ActRequest(Record, frozen=True, kw_only=True):
    """`POST /v1/deliveries/act` and `/count`. Every part given narrows the selection; moments are RFC 3339 and bound
    the making of the delivery, `until` excluded. An empty part is one that is not given."""

    act: DeskAct
    by: Name = ""
    numbers: Numbers = ()
    destination: str | None = None
    states: tuple[State, ...] = ()
    since: str | None = None
    until: str | None = None
    personal_id: PersonalId | None = None
    record_id: str | None = None
    open_work: bool = False


class SwitchRequest(Record, frozen=True, kw_only=True):
    """`POST /v1/destinations/pause`, `/resume` and `/probe`."""

    destination: str
    why: Name = ""
    by: Name = ""


class Changed(Record, frozen=True, kw_only=True):
    """How many deliveries an act changed, or would."""

    changed: int


class Done(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a switch or a probe; `code` is an error's where it is not `ok`, `detail` the setting to mend or
    what is wrong with a certificate."""

    ok: bool
    code: str | None = None
    detail: str | None = None


class AuditList(Record, frozen=True, kw_only=True):
    """The answer of `/v1/audit`: newest first."""

    entries: tuple[audit.Entry, ...]


def open_outbox(where: Path | DatabaseFile) -> sqlite.Connection:
    """The database, if it is there and fits this version. Raises as wire.database.open_existing does."""
    return open_existing(where, MIGRATIONS)


class Desk:
    """The calls. All raise DatabaseUnavailable and DatabaseOutdated; may be used from several threads."""

    def __init__(
        self, settings: Settings, open_connection: Callable[[], sqlite.Connection], now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._open_connection = open_connection
        self._now = now

    def deliveries(self, selection: Selection, limit: int) -> DeliveryList:
        """Deliveries, newest first, without personal data."""
        with self._connected() as connection:
            return DeliveryList(deliveries=tuple(outbox_desk.list_deliveries(connection, selection, limit)))

    def delivery(self, number: int) -> DeliveryDetail:
        """One delivery. Raises UnknownDelivery."""
        with self._connected() as connection:
            delivery, _, _ = outbox_desk.payload_of(connection, number)
            return DeliveryDetail(delivery=delivery, answer=outbox_desk.answer_to(connection, number))

    def answers(self, since_seq: int, limit: int) -> AnswerList:
        """What receivers told back since."""
        with self._connected() as connection:
            return AnswerList(answers=tuple(outbox_desk.answers(connection, since_seq, limit)))

    def message(self, asked: MessageRequest) -> Message:
        """The message of a delivery. Who asks for the `whole` of it is written down before anything is answered.

        Raises UnknownDelivery, UnknownDestination, NameMissing, MessageUnrenderable.
        """
        with self._connected() as connection:
            delivery, payload, known = outbox_desk.payload_of(connection, asked.number)
            settings = self._destination(delivery.destination)
            if outbox_desk.is_dangerous(connection, asked.number):
                raise MessageUnrenderable()
            if asked.whole:
                if not asked.by.strip():
                    raise NameMissing()
                with transaction(connection):
                    audit.note(connection, asked.by, "message.whole", self._now(), delivery_id=asked.number,
                               destination=delivery.destination)  # fmt: skip
        return _message(settings, payload, known, asked.whole)

    def act(self, asked: ActRequest) -> Changed:
        """Do it, and write down who did. Raises NothingChosen, MalformedMessage."""
        selection = _selection(asked)
        row: int | None = None
        with self._connected() as connection:

            def note(some: int) -> None:
                nonlocal row
                if row is not None:
                    audit.count_up(connection, row, some)
                    return
                row = audit.note(connection, asked.by, asked.act, self._now(), destination=asked.destination,
                                 selection=_plain(asked), changed=some)  # fmt: skip

            changed = outbox_desk.perform(connection, asked.act, selection, self._now(), note)
        log.info("%s by a technician: %d deliveries", asked.act, changed)
        return Changed(changed=changed)

    def count(self, asked: ActRequest) -> Changed:
        """How many deliveries the act would change now; changes nothing. Raises NothingChosen, MalformedMessage."""
        selection = _selection(asked)
        with self._connected() as connection:
            return Changed(changed=outbox_desk.count(connection, asked.act, selection))

    def audit(self, since: datetime | None, limit: int) -> AuditList:
        """Who did what at the desk, and who asked to see a person's message."""
        with self._connected() as connection:
            return AuditList(entries=tuple(audit.entries(connection, limit, since)))

    def pair(self, asked: PairRequest) -> PairCode:
        """A code that pairs one page with a local agent. Raises NoAgent, UnknownDestination, NameMissing."""
        destination = agent_of(self._settings, asked.destination)
        if not asked.by.strip():
            raise NameMissing()
        with self._connected() as connection:
            return give_code(connection, destination, asked.by, self._now())

    def pause(self, asked: SwitchRequest) -> Done:
        """Send nothing more there, also after a restart. Raises UnknownDestination."""
        self._destination(asked.destination)
        with self._connected() as connection, transaction(connection):
            outbox_desk.pause(connection, asked.destination, self._now(), asked.why)
            audit.note(connection, asked.by, "pause", self._now(), destination=asked.destination)
        log.warning("%s: paused by a technician", asked.destination)
        return Done(ok=True)

    def resume(self, asked: SwitchRequest) -> Done:
        """Go on there. Raises UnknownDestination."""
        self._destination(asked.destination)
        with self._connected() as connection, transaction(connection):
            outbox_desk.resume(connection, asked.destination)
            audit.note(connection, asked.by, "resume", self._now(), destination=asked.destination)
        log.warning("%s: resumed by a technician", asked.destination)
        return Done(ok=True)

    def probe(self, asked: SwitchRequest) -> Done:
        """Reach the destination without sending anything. Raises UnknownDestination."""
        settings = self._destination(asked.destination)
        try:
            connector = connectors.make(settings)
            try:
                connector.probe()
            finally:
                connector.close()
        except TiepDonError as error:
            log.info("%s: probed (%s)", asked.destination, error)
            return Done(ok=False, code=error.code, detail=_detail(error))
        except Exception as error:
            # The type only: the text of an unexpected error may quote an address with its secrets.
            log.error("%s: the probe failed with %s", asked.destination, type(error).__name__)
            return Done(ok=False, code=DeliveryError.code)
        return Done(ok=True)

    def seconds(self, destination: str) -> float:
        """How long a probe may take. Raises UnknownDestination."""
        return self._destination(destination).timeout_seconds

    def _destination(self, name: str) -> DestinationSettings:
        for one in self._settings.destinations:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self._settings.destinations)
        raise UnknownDestination(name=name[:50], known=known or None)

    @contextmanager
    def _connected(self) -> Iterator[sqlite.Connection]:
        """A connection for one call; SQLite's own errors become DatabaseUnavailable."""
        try:
            with closing(self._open_connection()) as connection:
                yield connection
        except sqlite.Error as error:
            raise DatabaseUnavailable(why=str(error)) from None


def moment_of(text: str | None, where: str) -> datetime | None:
    """A moment of RFC 3339. Raises MalformedMessage."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise ValueError
        moment(when)
    except (ValueError, OverflowError):
        raise MalformedMessage(why="not a moment with its offset (RFC 3339)", where=where) from None
    return when


def _selection(asked: ActRequest) -> Selection:
    selection = Selection(
        numbers=asked.numbers,
        destination=asked.destination,
        states=asked.states,
        since=moment_of(asked.since, "since"),
        until=moment_of(asked.until, "until"),
        person_key=None if asked.personal_id is None else person_key(asked.personal_id),
        record_id=asked.record_id,
        open_work=asked.open_work,
    )
    if selection.everything:
        raise NothingChosen()
    return selection


def _plain(asked: ActRequest) -> dict[str, object]:
    """The selection as the audit keeps it: only what was given, the person by key."""
    given = {name: value for name, value in to_plain(asked).items() if value and name not in ("act", "by")}
    if asked.personal_id is not None:
        given["personal_id"] = person_key(asked.personal_id)
    return given


def _message(settings: DestinationSettings, payload: str, known: Known, whole: bool) -> Message:
    try:
        record = prepared(payload)
        connector = connectors.make(settings)
        with contextlib.closing(connector):
            hides = isinstance(record, PatientRecord) and not whole  # a number for the counter says nothing of anybody
            shown = enriched(masked(from_json(payload, PatientRecord))) if hides else record
            body = connector.render(shown, known if whole else masked_known(known))
            told = Message(
                content_type=connector.content_type,
                body=(body or b"").decode("utf-8", "replace"),
                masked=not whole,
            )
    except Exception as error:
        # Whatever a record does to the renderer; its text may be personal.
        log.warning("%s: a message cannot be shown (%s)", settings.name, type(error).__name__)
        raise MessageUnrenderable() from None
    return told


def _detail(error: TiepDonError) -> str | None:
    """What the error's own words point to: which setting, or why TLS refused. Words of ours, never the receiver's."""
    why = error.data.get("why")
    if isinstance(error, DestinationSetup):
        return f"{error.data['key']}: {why}" if "key" in error.data else None
    refused = isinstance(error, DestinationCertificate) or str(why).startswith("tls_")  # the latter over HTTP
    return str(why) if refused else None
