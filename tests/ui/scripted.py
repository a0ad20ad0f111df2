"""A controller whose session the test sets: real states, no machine behind them. And one example of every screen."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from config.settings import Settings, load
from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.records import FeeLine, HospitalAnswer
from kiosk.events import Event, LanguageChosen, Touched, ViewChosen
from kiosk.queue.model import Priority, Wait
from kiosk.states import (
    Adjust,
    AskConsent,
    AskInsurance,
    AskKey,
    AskMrz,
    AskQr,
    AwaitAnswer,
    Choice,
    ChoosePriority,
    ChooseService,
    Confirm,
    Devices,
    Failed,
    Finishing,
    Goodbye,
    Help,
    Keypad,
    KeypadPurpose,
    NextPath,
    NoCard,
    OutOfOrder,
    Paper,
    ReadingChip,
    Session,
    Start,
    State,
    Ticket,
    TicketShown,
)
from reader.phases import Phase
from reader.reading import Check, Checks, Evidence, Holder, InsuranceCard, Outcome, Reading, Sex, Source
from wire.codec import from_plain, to_plain


class ScriptedController:
    """`show` sets the session, `events` are the touches that came."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session or Session(reader_ready=True, devices=BOTH)
        self._version = 1
        self._changed = threading.Condition()
        self.events: list[Event] = []

    def snapshot(self) -> tuple[int, Session]:
        with self._changed:
            return self._version, self._session

    def peek(self) -> tuple[int, Session]:
        return self.snapshot()

    def wait_for_change(self, version: int, timeout: float, over: Callable[[], bool]) -> tuple[int, Session]:
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or over(), timeout)
            return self._version, self._session

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def dispatch(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            session = self._session
        # Those that tests of the page need answered.
        if isinstance(event, LanguageChosen):
            self.show(replace(session, language=event.language))
        elif isinstance(event, Touched) and session.warned:
            self.show(replace(session, warned=False))
        elif isinstance(event, ViewChosen):
            self.show(replace(session, view=event.view))

    def show(self, session: Session) -> None:
        with self._changed:
            self._session = session
            self._version += 1
            self._changed.notify_all()


CONSENT = {
    "enabled": True,
    "version": "2026-1",
    "text_vi": "Bệnh viện cần đọc họ tên, ngày sinh và số căn cước trên thẻ của bạn để đăng ký khám và hỏi thẻ bảo "
    "hiểm y tế. Thông tin được giữ theo quy định và không dùng vào việc khác. Nếu không đồng ý, bạn vẫn được khám: "
    "mời lấy số và gặp nhân viên tại quầy.",
    "text_en": "The hospital needs to read the name, date of birth and ID number on your card to register you and to "
    "ask about your health insurance. They are kept as the law says and used for nothing else. If you do not agree "
    "you will still be seen: please take a number and go to the desk.",
}


def settings_with(kiosk: Mapping[str, Any] | None = None, **site: Any) -> Settings:
    """The defaults, synthetic, with a facility's name."""
    plain = to_plain(load())
    plain["site"].update({"synthetic": True, "facility_name": "Bệnh viện Đa khoa tỉnh Mẫu", **site})
    plain["kiosk"].update(kiosk or {})
    return from_plain(plain, Settings)


def service(code: str, name_vi: str, name_en: str, **more: Any) -> dict[str, Any]:
    """One of a site's services."""
    return {**to_plain(load().kiosk.services[0]), "code": code, "name_vi": name_vi, "name_en": name_en, **more}


SERVICES = [
    service("KB", "Khám bệnh", "Examination"),
    service("TMH", "Tai mũi họng", "Ear, nose and throat"),
    service("MAT", "Khám mắt", "Eyes"),
    service("NOI", "Nội tổng quát", "Internal medicine"),
    service("CTCH", "Chấn thương chỉnh hình", "Trauma and orthopaedics"),
    service("SAN", "Sản phụ khoa", "Obstetrics and gynaecology"),
    service("HOI", "Hỏi thông tin", "Information", identity=False),
]


def many_services() -> Settings:
    """A site that asks for consent and offers more services than a small panel shows at once."""
    return settings_with({"services": SERVICES, "consent": CONSENT})


PASSED = Check(result=Outcome.PASSED)
VERIFIED = Checks(access=PASSED, hashes=PASSED, signature=PASSED, chain=PASSED, chip_authentication=PASSED)


def reading(
    full_name: str | None = "Nguyễn Thị Phương Thảo",
    source: Source = Source.CHIP,
    checks: Checks | None = VERIFIED,
    birth_date: str | None = "1946-03-05",
) -> Reading:
    holder = Holder(personal_id="001146900045", full_name=full_name, birth_date=birth_date, sex=Sex.FEMALE)
    evidence = Evidence(source=source, read_at="2026-11-21T00:45:00Z", checks=checks)
    return Reading(reading_id="r-1", holder=holder, evidence=evidence)


UNLINKED = Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER)
VALID = Coverage(verdict=Verdict.VALID, valid_to="2027-12-31")
TICKET = Ticket(
    ticket_id="t-1", number="0042", service_code="KB", issued_at="2026-11-21T07:45:00+07:00", visit_id="v-1"
)
LONG_TICKET = replace(TICKET, ticket_id="t-2", number="KB12-0042")
TOLD = HospitalAnswer(
    record_number="BN000001", queue_number="45", room="12", fees=(FeeLine(name="Khám bệnh", amount="38700"),)
)
TOLD_LONG = HospitalAnswer(
    record_number="26.001234.5678901",
    queue_number="KNTQ-2-0123-B",
    room="Phòng khám Ngoại chấn thương chỉnh hình 2 - Nhà B, tầng 3",
    fees=(FeeLine(name="Khám bệnh", amount="38700"), FeeLine(name="Siêu âm", amount="1250000")),
)

EVERY_STATE: dict[str, State] = {
    "start": Start(),
    "start-notice": Start("reader.card_removed"),
    "start-forgotten": Start("checkin.card_still_there"),
    "ask_key": AskKey(),
    "ask_key-problem": AskKey("checkin.no_personal_id"),
    "ask_qr": AskQr(),
    "ask_qr-problem": AskQr("checkin.no_personal_id"),
    "ask_qr-insurance": AskQr("checkin.insurance_only", mrz=True),
    "ask_qr-no_card": AskQr("checkin.insurance_only", mrz=True),
    "ask_qr-worn": AskQr(mrz=True),
    "ask_qr-camera": AskQr(),
    "ask_qr-scanner": AskQr(),
    "ask_qr-none": AskQr(),
    "ask_key-camera": AskKey(),
    "ask_key-scanner": AskKey(),
    "ask_key-none": AskKey(),
    "start-none": Start(),
    "start-again": Start("checkin.code_again"),
    "ask_mrz": AskMrz(),
    "keypad-card_key": Keypad(KeypadPurpose.CARD_KEY),
    "keypad-personal_id": Keypad(KeypadPurpose.PERSONAL_ID),
    "keypad-problem": Keypad(KeypadPurpose.CARD_KEY, "reader.wrong_key"),
    "keypad-digits": Keypad(KeypadPurpose.PERSONAL_ID, "checkin.digits_wrong"),
    "reading": ReadingChip(Phase.IDENTITY, 45),
    "confirm": Confirm(reading(), complete=True, coverage=VALID),
    "confirm-running": Confirm(reading(), complete=False),
    "confirm-qr": Confirm(reading(source=Source.CARD_QR, checks=None), True, Coverage(verdict=Verdict.UNVERIFIED)),
    "confirm-typed": Confirm(
        reading(None, Source.TYPED, None, None), True, Coverage(verdict=Verdict.CONFIGURATION_ERROR)
    ),
    **{
        f"confirm-{verdict.value}": Confirm(
            reading(checks=Checks(access=PASSED, hashes=PASSED)), True, Coverage(verdict=verdict)
        )
        for verdict in Verdict
    },
    "confirm-failed": Confirm(
        reading("Y Bhăm Niê Kđăm Êban", checks=Checks(chain=Check(result=Outcome.FAILED))), True, VALID
    ),
    "finishing": Finishing(reading(), complete=True),
    "finishing-proof": Finishing(reading(), complete=False),
    "finishing-commit": Finishing(None, complete=True, committing=True),
    "ask_insurance": AskInsurance(reading(), UNLINKED),
    "ask_insurance-none": AskInsurance(reading(), UNLINKED),
    "ask_insurance-again": AskInsurance(reading(), UNLINKED, "checkin.coverage_not_found"),
    "ask_insurance-other": AskInsurance(reading(), UNLINKED, "checkin.insurance_other"),
    "ask_insurance-mismatch": AskInsurance(reading(), UNLINKED, "checkin.insurance_mismatch"),
    "ask_insurance-wanted": AskInsurance(reading(), UNLINKED, "checkin.insurance_wanted"),
    "ask_insurance-digits": AskInsurance(reading(), UNLINKED, "checkin.digits_wrong"),
    "ask_insurance-unreadable": AskInsurance(reading(), UNLINKED, "payload.damaged"),
    "keypad-awaited": Keypad(KeypadPurpose.CARD_KEY, "checkin.card_awaited"),
    "confirm-other_insurance": Confirm(reading(), complete=True, coverage=VALID, problem="checkin.insurance_other"),
    "confirm-unlinked": Confirm(reading(), complete=True, coverage=UNLINKED),
    "no_card": NoCard(),
    "ticket": TicketShown(TICKET, VALID, needs_counter=False),
    "ticket-counter": TicketShown(TICKET, Coverage(verdict=Verdict.MANUAL_CHECK), needs_counter=True),
    "ticket-unlinked": TicketShown(TICKET, UNLINKED, needs_counter=True),
    "ticket-not_insured": TicketShown(TICKET, Coverage(verdict=Verdict.NOT_INSURED), needs_counter=True),
    "ticket-child": TicketShown(TICKET, Coverage(verdict=Verdict.CHILD_TEMPORARY), needs_counter=True),
    "ticket-long": TicketShown(LONG_TICKET, None, needs_counter=True),
    "finishing-answer": AwaitAnswer(TICKET, VALID),
    "ticket-told": TicketShown(TICKET, VALID, False, TOLD),
    "ticket-told_room": TicketShown(TICKET, VALID, False, HospitalAnswer(room="Phòng khám Nội tổng quát 2, tầng 3")),
    "ticket-told_long": TicketShown(LONG_TICKET, VALID, False, TOLD_LONG),
    "ticket-told_counter": TicketShown(TICKET, None, True, TOLD),
    "failed": Failed("reader.card_removed", (NextPath.CARD_AGAIN, NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF)),
    "failed-key": Failed("reader.wrong_key", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF)),
    "failed-lines": Failed("reader.mrz_needed", (NextPath.QR, NextPath.MRZ, NextPath.PERSONAL_ID, NextPath.STAFF)),
    "failed-not_found": Failed("mrz.not_found", (NextPath.QR, NextPath.PERSONAL_ID, NextPath.STAFF)),
    "failed-staff": Failed("wire.unreachable", (NextPath.STAFF,)),
    "failed-many": Failed(
        "checkin.two_people", tuple(path for path in NextPath if path not in (NextPath.MRZ, NextPath.NO_CARD))
    ),
    "help": Help(),
    "help-called": Help(call_id=7),
    "help-answered": Help(call_id=7, answered=True),
    "out_of_order": OutOfOrder("database.unavailable"),
    "out_of_order-device": OutOfOrder("reader.no_reader", "card_reader"),
    "adjust": Adjust(),
    "ask_consent": AskConsent(reading(), complete=True),
    "confirm-priority": Confirm(reading(), complete=True, coverage=VALID),
    "choose_service": ChooseService(reading(), complete=True, coverage=VALID),
    "choose_service-priority": ChooseService(reading(), complete=True, coverage=VALID),
    "choose_priority": ChoosePriority(Confirm(reading(), complete=True, coverage=VALID)),
    "choose_priority-chosen": ChoosePriority(ChooseService(reading(), complete=True, coverage=VALID)),
    "ticket-wait": TicketShown(TICKET, VALID, False, wait=Wait(12, 10, 20)),
    "ticket-wait_next": TicketShown(TICKET, None, False, wait=Wait(0, 0, 5), paper=Paper.PRINTED),
    "ticket-wait_counter": TicketShown(TICKET, UNLINKED, True, wait=Wait(12, 10, 20), paper=Paper.PRINTING),
    "ticket-wait_long": TicketShown(LONG_TICKET, VALID, False, wait=Wait(112, 100, 150), paper=Paper.PRINTED),
    "ticket-printed": TicketShown(TICKET, VALID, False, TOLD, wait=Wait(1, 5, 10), paper=Paper.PRINTED),
    "ticket-not_printed": TicketShown(TICKET, VALID, False, wait=Wait(3, 5, 10), paper_problem="printer.no_paper"),
    "ticket-not_printed_counter": TicketShown(
        LONG_TICKET, UNLINKED, True, wait=Wait(3, 5, 10), paper_problem="printer.no_paper"
    ),
    "goodbye": Goodbye(needs_counter=False),
    "goodbye-counter": Goodbye(needs_counter=True),
    "goodbye-room": Goodbye(needs_counter=False, room="Phòng khám Nội tổng quát 3"),
}


EYES = {"camera": Devices(camera=True), "scanner": Devices(scanner=True), "none": Devices()}
CHOICES = {
    "confirm-priority": Choice(priority=Priority.PREGNANT),
    "choose_service-priority": Choice(priority=Priority.SEVERE_DISABILITY),
    "choose_priority-chosen": Choice(priority=Priority.MERIT),
}
BOTH = Devices(scanner=True, camera=True)


def session_of(key: str, language: str = "vi", **more: Any) -> Session:
    """The session that shows an example; each example is entered at its own moment."""
    entered = float(list(EVERY_STATE).index(key) + 1)
    card = InsuranceCard(card_number="0130390001") if key == "ask_qr-no_card" else None
    told = {
        "insurance": card,
        "reader_ready": True,
        "devices": EYES.get(key.rpartition("-")[2], BOTH),
        "entered": entered,
        "choice": CHOICES.get(key, Choice()),
    }
    return Session(state=EVERY_STATE[key], language=language, **{**told, **more})
