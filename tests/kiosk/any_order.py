"""Events in any order told to the machine, and what must hold after each (`test_checkin_properties.py` runs it)."""

from dataclasses import fields

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.records import HospitalAnswer
from kiosk.checkin import step
from kiosk.events import (
    AdjustAsked,
    AskCoverage,
    Cancelled,
    Commit,
    CommitFailed,
    Committed,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    CounterTicketAsked,
    CoverageAnswered,
    CoverageCameLate,
    Denied,
    DevicesChanged,
    DigitsTyped,
    Effect,
    Event,
    HelpAnswered,
    HelpAsked,
    HelpCalled,
    HospitalAnswered,
    IdentityRead,
    LanguageChosen,
    LookForLines,
    MrzFailed,
    OpenChip,
    PathChosen,
    PayloadRead,
    PayloadRefused,
    PhaseReached,
    PresenceChanged,
    PrintAgainAsked,
    PrintEnded,
    PrinterTold,
    PrintTicket,
    PriorityAsked,
    PriorityChosen,
    ReadingFailed,
    ReadingFinished,
    ServiceChosen,
    StopChip,
    StopLooking,
    StoreLost,
    StoreRecovered,
    Tick,
    Touched,
    ViewChosen,
)
from kiosk.person import known
from kiosk.policy import Policy
from kiosk.queue.model import Priority
from kiosk.states import (
    NO_CHOICE,
    Adjust,
    AskConsent,
    AskInsurance,
    AskMrz,
    AskQr,
    AwaitAnswer,
    ChoosePriority,
    ChooseService,
    Confirm,
    Consent,
    Devices,
    Failed,
    Finishing,
    Goodbye,
    Keypad,
    NextPath,
    NoCard,
    OutOfOrder,
    ReadingChip,
    Session,
    Start,
    Theme,
    Ticket,
    TicketShown,
    View,
)
from kiosk.timing import wake_at
from reader.reading import Source
from tests.kiosk.people import (
    LAN,
    MINH,
    by_chip,
    by_insurance_card,
    by_lines,
    by_qr,
    covered,
    passport,
    uninsured,
    unlinked,
)

POLICY = Policy()
TICKET = Ticket(ticket_id="t", number="0001", service_code="KB", issued_at="2026-11-21T07:45:00+07:00", visit_id="v")

CHIPS = st.sampled_from(
    [by_chip(), by_chip(reading_id="chip-2", full_name="LAN"), by_chip(MINH), by_chip("12345"), passport()]
)
CODES = st.sampled_from(
    [
        by_qr(),
        by_qr(reading_id="qr-2", full_name="LAN"),
        by_qr(MINH),
        by_qr(full_name=None),
        by_qr(""),
        by_lines(),
        by_insurance_card(),
        by_insurance_card(full_name="NGUYỄN THỊ HOA"),
    ]
)
LINES = st.sampled_from([by_lines(), by_lines(MINH), by_lines(expiry_date="none"), passport("mrz-1")])
DEVICES = st.sampled_from([Devices(), Devices(scanner=True), Devices(camera=True), Devices(True, True, True)])
DIGITS = st.sampled_from(["900017", "0130390001", "900024", "111111", "222222", LAN, MINH, "999999900017", "12", "x"])
FAILURES = st.sampled_from(
    [
        "reader.wrong_key",
        "reader.card_removed",
        "reader.no_card",
        "reader.card_broken",
        "reader.too_slow",
        "reader.busy",
        "reader.not_an_id_card",
        "reader.mrz_needed",
        "wire.unreachable",
        "never.heard.of",
    ]
)
ANSWERS = st.sampled_from(
    [
        covered(),
        uninsured(),
        unlinked(),
        Coverage(verdict=Verdict.UNVERIFIED),
        Coverage(verdict=Verdict.MISMATCH, result_code="060", act=Act.COMPARE_PERSON),
        Coverage(verdict=Verdict.NOT_INSURED, result_code="121", act=Act.ASK_RENEWED_CARD),
        Coverage(verdict=Verdict.CHILD_TEMPORARY, result_code="130", act=Act.TEMPORARY_CARD),
    ]
)
BUTTONS = st.sampled_from(
    [
        Touched(),
        Confirmed(),
        Denied(),
        HelpAsked(),
        CounterTicketAsked(),
        Cancelled(),
        LanguageChosen("en"),
        LanguageChosen("xx"),
        Tick(),
    ]
)
SERVICES = st.sampled_from(["KB", "XN", "THUOC", "nothing of ours"])
VIEWS = st.sampled_from([ViewChosen(View(theme=Theme.CONTRAST)), AdjustAsked(), PrintAgainAsked(), ConsentRefused()])
HAS_TICKET = TicketShown | AwaitAnswer
AT_REST = Start | Adjust | Goodbye
PRESENCES = st.sampled_from([(True, True), (True, False), (False, False), (False, True)])


class AnyOrder(RuleBasedStateMachine):
    """Events in any order, most of them for the presentation on the screen, some for one long gone."""

    policy = POLICY

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.session = Session(run="run", language=self.policy.language)
        self.committed: list[str] = []
        self.names: list[str] = []
        self.agreed: str | None = None  # whose data may be handed over, where consent is asked for
        self.confirmed: str | None = None  # whose identity the person said yes to
        self.looking: str | None = None  # the presentation that the camera was told to look in

    def tell(self, *events: Event) -> None:
        for event in events:
            self.tell_one(event)

    def tell_one(self, event: Event) -> None:
        before = self.session
        if isinstance(event, Confirmed) and isinstance(before.state, Confirm):
            self.confirmed = before.state.reading.holder.personal_id
        if isinstance(event, ConsentGiven) and isinstance(before.state, AskConsent):
            self.agreed = before.state.reading.holder.personal_id
        self.session, effects = step(before, event, self.now, self.policy)
        for effect in effects:
            self.note(effect)
        was, is_now = before.state, self.session.state
        if isinstance(event, CoverageCameLate) and not (isinstance(was, HAS_TICKET) and event.visit_id == "v"):
            assert self.session == before, "a late answer on somebody else's screen"
        if isinstance(event, CoverageAnswered) and (
            event.presentation != before.presentation or event.question not in ("", before.question)
        ):
            assert self.session == before, "the answer to another question"
        if isinstance(was, AskInsurance) and not isinstance(event, Cancelled):
            kept = isinstance(is_now, AskInsurance | Finishing)
            assert kept or isinstance(event, CounterTicketAsked), "the visit of somebody who said yes was dropped"
        if isinstance(was, Finishing) and was.committing and not isinstance(event, Committed | CommitFailed):
            assert is_now == was
        if isinstance(is_now, TicketShown) and not isinstance(was, TicketShown):
            assert isinstance(was, AwaitAnswer) or isinstance(event, Committed), "a ticket that nobody committed"
        if isinstance(was, AwaitAnswer):
            assert isinstance(is_now, HAS_TICKET), "a committed ticket that nobody was shown"
        if isinstance(was, TicketShown) and isinstance(event, Tick) and not isinstance(is_now, TicketShown):
            stood = self.now - before.entered
            next_one = before.card_waiting or before.code_waiting is not None
            assert stood >= (self.policy.ticket_least_seconds if next_one else self.policy.ticket_seconds)
        if isinstance(event, Tick) and before.warned and not self.session.warned:
            assert self.now - before.warned_at >= 20, "a warning shorter than anybody can heed"
        if isinstance(is_now, OutOfOrder) and not isinstance(was, OutOfOrder):
            noticed = isinstance(event, StoreLost | DevicesChanged | PrinterTold | PrintEnded)
            assert isinstance(was, AT_REST) or not noticed, "somebody's check-in was broken off"
        if not self.session.chip_running and before.chip_running:
            assert isinstance(event, IdentityRead | ReadingFinished | ReadingFailed | PresenceChanged) or any(
                isinstance(effect, StopChip) for effect in effects
            )

    def note(self, effect: Effect) -> None:
        if isinstance(effect, Commit):
            assert not self.session.chip_running
            if effect.reading is not None:
                assert effect.reading.holder.personal_id == self.confirmed
                assert len(self.policy.offered) < 2 or effect.choice.service_code in self.policy.offered
                assert effect.choice.consent is not None or not self.policy.consent_version
                assert self.agreed == self.confirmed or not self.policy.consent_version
                card, name = effect.reading.insurance, effect.reading.holder.full_name
                assert card is None or name is None or card.full_name != "NGUYỄN THỊ HOA"
            else:
                assert effect.choice.consent is None
                assert effect.choice.service_code in ("", *self.policy.without_identity)
            self.committed.append(effect.presentation)
        if isinstance(effect, AskCoverage):
            assert self.session.choice.consent is not None or not self.policy.consent_version
        if isinstance(effect, PrintTicket):
            assert self.policy.printer
            assert isinstance(self.session.state, HAS_TICKET), "printed before it was committed"
        if isinstance(effect, OpenChip):
            assert self.session.card_present
            assert effect.presentation not in self.names, "two attempts of one name"
            self.names.append(effect.presentation)
        if isinstance(effect, LookForLines):
            assert self.looking is None, "told to look twice"
            assert self.session.devices.camera
            self.looking = effect.presentation
        if isinstance(effect, StopLooking):
            assert self.looking == effect.presentation
            self.looking = None

    def name(self, stale: bool) -> str:
        return "run-0" if stale else self.session.presentation

    @rule(presence=PRESENCES)
    def presence(self, presence: tuple[bool, bool]) -> None:
        self.tell(PresenceChanged(*presence))

    @rule(stale=st.booleans(), phase=st.integers(-5, 99), progress=st.integers(-5, 999))
    def phase(self, stale: bool, phase: int, progress: int) -> None:
        self.tell(PhaseReached(self.name(stale), phase, progress))

    @rule(stale=st.booleans(), reading=CHIPS, whole=st.booleans())
    def chip(self, stale: bool, reading: object, whole: bool) -> None:
        kind = ReadingFinished if whole else IdentityRead
        self.tell(kind(self.name(stale), reading))

    @rule(reading=CHIPS)
    @precondition(lambda self: self.session.chip_running)
    def identity_then_proof(self, reading: object) -> None:
        self.tell(IdentityRead(self.session.presentation, reading))
        self.tell(ReadingFinished(self.session.presentation, reading))

    @rule(stale=st.booleans(), code=FAILURES)
    def chip_fails(self, stale: bool, code: str) -> None:
        self.tell(ReadingFailed(self.name(stale), code))

    @rule(reading=CODES)
    def code_shown(self, reading: object) -> None:
        self.tell(PayloadRead(reading))

    @rule(devices=DEVICES)
    def devices(self, devices: Devices) -> None:
        self.tell(DevicesChanged(devices))

    @rule(worn=st.booleans())
    def the_lines_are_asked_for(self, worn: bool) -> None:
        self.tell(DevicesChanged(Devices(camera=True)), PathChosen(NextPath.QR))
        self.now += self.policy.mrz_offer_seconds
        self.tell(PayloadRefused("payload.damaged") if worn else Tick(), PathChosen(NextPath.MRZ))

    @rule(stale=st.booleans(), reading=LINES)
    def lines_read(self, stale: bool, reading: object) -> None:
        self.tell(PayloadRead(reading, self.name(stale) or "run-0"))

    @rule(stale=st.booleans())
    def lines_not_found(self, stale: bool) -> None:
        self.tell(MrzFailed(self.name(stale), "mrz.not_found"))

    @rule()
    def code_refused(self) -> None:
        self.tell(PayloadRefused("payload.unknown"))

    @rule(stale=st.booleans(), coverage=ANSWERS, of=st.sampled_from(["", "qr-1", "chip-1", "other"]))
    def insurance(self, stale: bool, coverage: Coverage, of: str) -> None:
        self.tell(CoverageAnswered(self.name(stale), coverage, of))

    @rule(coverage=ANSWERS)
    def insurance_answers_what_was_asked_last(self, coverage: Coverage) -> None:
        self.tell(CoverageAnswered(self.session.presentation, coverage, self.session.question))

    @rule(ours=st.booleans(), coverage=ANSWERS)
    def insurance_comes_late(self, ours: bool, coverage: Coverage) -> None:
        self.tell(CoverageCameLate("v" if ours else "another visit", coverage, True))

    @rule(answer=ANSWERS)
    @precondition(lambda self: isinstance(self.session.state, Confirm))
    def yes_with_an_answer(self, answer: Coverage) -> None:
        self.tell(CoverageAnswered(self.session.presentation, answer, self.session.question), Confirmed())

    @rule(stale=st.booleans(), fails=st.booleans())
    def store(self, stale: bool, fails: bool) -> None:
        name = self.name(stale)
        self.tell(CommitFailed(name, "database.unavailable") if fails else Committed(name, TICKET, True))

    @rule()
    def store_lost(self) -> None:
        self.tell(StoreLost("database.unavailable"))

    @rule()
    @precondition(lambda self: isinstance(self.session.state, OutOfOrder))
    def store_back(self) -> None:
        self.tell(StoreRecovered())

    @rule(digits=DIGITS)
    def card_and_digits(self, digits: str) -> None:
        self.tell(PresenceChanged(reader_ready=True, card_present=True))
        self.tell(PathChosen(NextPath.CARD_NUMBER if len(digits) < 12 else NextPath.PERSONAL_ID))
        self.tell(DigitsTyped(digits, "typed-1", "2026-11-21T00:45:00Z"))

    @rule(code=FAILURES)
    @precondition(lambda self: self.session.chip_running)
    def running_chip_fails(self, code: str) -> None:
        self.tell(ReadingFailed(self.session.presentation, code))

    @rule(path=st.sampled_from(list(NextPath)))
    @precondition(lambda self: isinstance(self.session.state, Failed))
    def path_after_failure(self, path: NextPath) -> None:
        self.tell(PathChosen(path))

    @rule()
    @precondition(lambda self: isinstance(self.session.state, Confirm))
    def yes(self) -> None:
        self.tell(Confirmed())

    @rule(digits=DIGITS)
    def digits(self, digits: str) -> None:
        self.tell(DigitsTyped(digits, "typed-1", "2026-11-21T00:45:00Z"))

    @rule(digits=DIGITS)
    @precondition(lambda self: isinstance(self.session.state, Keypad))
    def digits_on_the_keypad(self, digits: str) -> None:
        self.tell(DigitsTyped(digits, "typed-1", "2026-11-21T00:45:00Z"))

    @rule(path=st.sampled_from(list(NextPath)))
    def path(self, path: NextPath) -> None:
        self.tell(PathChosen(path))

    @rule(event=BUTTONS)
    def button(self, event: Event) -> None:
        self.tell(event)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0, 5.0, 20.0, 25.0, 60.0, 1000.0]))
    def time(self, seconds: float) -> None:
        self.now += seconds
        self.tell(Tick())

    @rule(presence=st.booleans())
    @precondition(lambda self: isinstance(self.session.state, AskConsent))
    def agrees(self, presence: bool) -> None:
        self.tell(ConsentGiven(Consent(self.policy.consent_version if presence else "other", "vi")))

    @rule(code=SERVICES)
    def service(self, code: str) -> None:
        self.tell(ServiceChosen(code))

    @rule(code=SERVICES)
    @precondition(lambda self: isinstance(self.session.state, ChooseService | NoCard))
    def service_where_it_is_asked(self, code: str) -> None:
        self.tell(ServiceChosen(code))

    @rule(priority=st.sampled_from(list(Priority)), asks=st.booleans())
    def priority(self, priority: Priority, asks: bool) -> None:
        self.tell(*((PriorityAsked(),) if asks else ()), PriorityChosen(priority))

    @rule(event=VIEWS)
    def view(self, event: Event) -> None:
        self.tell(event)

    @rule(ours=st.booleans(), code=st.sampled_from([None, "printer.paper_out"]))
    def printer(self, ours: bool, code: str | None) -> None:
        self.tell(PrintEnded("t", code) if ours else PrinterTold(code))

    @rule(call_id=st.sampled_from([None, 1, 2]), answered=st.booleans())
    def help(self, call_id: int | None, answered: bool) -> None:
        self.tell(HelpAnswered(call_id) if answered and call_id is not None else HelpCalled(call_id))

    @rule(answer=st.sampled_from([HospitalAnswer(room="12"), HospitalAnswer(record_number="7")]))
    def hospital(self, answer: HospitalAnswer) -> None:
        self.tell(HospitalAnswered("v", answer, "his"))

    @invariant()
    def the_start_knows_nobody(self) -> None:
        session = self.session
        if isinstance(session.state, Start | Adjust | Goodbye | OutOfOrder):
            assert session.choice == NO_CHOICE
            assert not session.card_taken
            kept = (session.entry, session.key, session.presentation, session.question, session.failed_keys)
            assert not any((session.asked_with, session.questions, session.insurance_asked))
            assert not any((*kept, session.insurance, session.code_waiting, session.attempt, session.mrz_needed))
            assert not session.chip_running
            everything = repr([getattr(session, field.name) for field in fields(session)])
            assert LAN not in everything
            assert MINH not in everything
            assert "NGUY" not in everything
            assert "0130390001" not in everything

    @invariant()
    def one_commit_for_a_presentation(self) -> None:
        assert len(self.committed) == len(set(self.committed))
        assert "" not in self.committed

    @invariant()
    def a_failure_has_a_way_on(self) -> None:
        if isinstance(self.session.state, Failed):
            assert self.session.state.paths
            assert NextPath.STAFF in self.session.state.paths

    @invariant()
    def whoever_waits_for_the_chip_waits_for_one_that_runs(self) -> None:
        shown = known(self.session)
        waits = isinstance(self.session.state, ReadingChip) or (shown is not None and not shown.complete)
        assert waits == self.session.chip_running

    @invariant()
    def the_camera_looks_for_lines_exactly_while_the_screen_asks_for_them(self) -> None:
        assert (self.looking is not None) == isinstance(self.session.state, AskMrz)
        assert self.looking in (None, self.session.presentation)

    @invariant()
    def nothing_is_offered_that_no_device_can_see(self) -> None:
        state, devices = self.session.state, self.session.devices
        if isinstance(state, AskMrz) or (isinstance(state, AskQr) and state.mrz):
            assert devices.camera

    @invariant()
    def what_is_shown_is_of_one_person(self) -> None:
        state, entry = self.session.state, self.session.entry
        if isinstance(state, Confirm) and entry is not None and entry.evidence.source is not Source.TYPED:
            assert state.reading.holder.personal_id == entry.holder.personal_id

    @invariant()
    def time_leads_to_the_start(self) -> None:
        """Left alone, every screen comes to rest: a commit when the store answers, an outage when it is over."""
        session, now = self.session, self.now
        for _ in range(16):
            due = wake_at(session, self.policy)
            state = session.state
            if isinstance(state, Finishing) and state.committing:
                assert due is None
                event: Event = Committed(session.presentation, TICKET, True)
            elif isinstance(state, OutOfOrder) and due is None:
                session = self.all_there(session, now)
                continue
            elif due is None:
                break
            else:
                now, event = max(now, due), Tick()
            moved, _ = step(session, event, now, self.policy)
            assert moved != session, "a limit that is over and does nothing would keep the clock busy"
            session = moved
        assert isinstance(session.state, Start)
        assert session.language == self.policy.language
        assert session.view == View()

    def all_there(self, session: Session, now: float) -> Session:
        """Store and devices are back: nobody must do anything."""
        whole = Devices(scanner=True, camera=True)
        for event in (StoreRecovered(), PresenceChanged(True, False), DevicesChanged(whole), PrinterTold(None)):
            session, _ = step(session, event, now, self.policy)
        assert isinstance(session.state, Start)
        return session

    @invariant()
    def a_button_leads_to_the_start(self) -> None:
        state = self.session.state
        if isinstance(state, OutOfOrder) or (isinstance(state, Finishing) and state.committing):
            return
        next_one = self.session.card_waiting or self.session.code_waiting is not None
        if isinstance(state, HAS_TICKET) and next_one:
            return
        session = self.session
        while isinstance(session.state, HAS_TICKET | ChoosePriority):
            session, _ = step(session, Cancelled(), self.now, self.policy)
        session, _ = step(session, Cancelled(), self.now, self.policy)
        assert isinstance(session.state, Start | OutOfOrder)
