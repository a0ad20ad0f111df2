"""What holds whatever happens in whatever order: found by hypothesis, not by imagination."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from hisbridge.questions import Coverage
from kiosk.events import (
    Confirmed,
    ConsentGiven,
    CoverageAnswered,
    DevicesChanged,
    DigitsTyped,
    PayloadRead,
    PresenceChanged,
    PrinterTold,
    Tick,
)
from kiosk.policy import Policy
from kiosk.states import AskConsent, AskInsurance, ChooseService, Consent, Devices, OutOfOrder, Start
from tests.kiosk.any_order import ANSWERS, CODES, AnyOrder
from tests.kiosk.people import by_qr, unlinked

WHOLE = Policy(
    offered=("KB", "XN"),
    without_identity=frozenset({"THUOC"}),
    consent_version="1",
    required=frozenset({"scanner", "printer"}),
    printer=True,
    answer_wait_seconds=3.0,
)


class AtTheInsuranceQuestion(AnyOrder):
    """The same, begun where the insurer knows nothing of the ID number, and back there whenever it ended."""

    @initialize()
    def asked(self) -> None:
        self.ask()

    @rule()
    @precondition(lambda self: isinstance(self.session.state, Start) and not self.session.card_present)
    def the_next_one_is_asked(self) -> None:
        self.now += self.policy.again_seconds + 1
        self.tell(Tick())
        self.ask()

    @rule(code=CODES)
    @precondition(lambda self: isinstance(self.session.state, AskInsurance))
    def a_code_at_the_question(self, code: object) -> None:
        self.tell(PayloadRead(code))

    @rule(digits=st.sampled_from(["0130390001", "0130390002", "0130390003"]), answer=ANSWERS)
    @precondition(lambda self: isinstance(self.session.state, AskInsurance))
    def ten_digits_and_an_answer(self, digits: str, answer: Coverage) -> None:
        self.tell(DigitsTyped(digits))
        self.tell(CoverageAnswered(self.session.presentation, answer, self.session.question))

    def ask(self) -> None:
        self.tell(PayloadRead(by_qr()))
        self.tell(CoverageAnswered(self.session.presentation, unlinked(), self.session.question), Confirmed())


class TheWholeVisit(AnyOrder):
    """The same where a site asks for consent, offers several services, prints, and requires devices."""

    policy = WHOLE

    @initialize()
    def everything_is_there(self) -> None:
        self.tell(PresenceChanged(True, False), DevicesChanged(Devices(True, True, True)), PrinterTold(None))

    @rule()
    @precondition(lambda self: isinstance(self.session.state, OutOfOrder))
    def it_is_there_again(self) -> None:
        self.tell(DevicesChanged(Devices(True, True, True)), PrinterTold(None))

    @rule()
    @precondition(lambda self: isinstance(self.session.state, Start))
    def somebody_agrees_and_says_yes(self) -> None:
        self.now += self.policy.again_seconds + 1
        self.tell(Tick(), PayloadRead(by_qr()))
        if isinstance(self.session.state, AskConsent):
            self.tell(ConsentGiven(Consent("1", "vi")), Confirmed())
            assert isinstance(self.session.state, ChooseService)


TestTheWholeVisit = TheWholeVisit.TestCase
TestTheWholeVisit.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

TestAtTheInsuranceQuestion = AtTheInsuranceQuestion.TestCase
TestAtTheInsuranceQuestion.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)

TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
