"""What a person says besides who they are: consent, service, priority, how the screen shall look."""

from dataclasses import replace

import pytest

from kiosk.events import (
    AdjustAsked,
    AskCoverage,
    Cancelled,
    Commit,
    Committed,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    CounterTicketAsked,
    CoverageAnswered,
    HelpAsked,
    IdentityRead,
    LanguageChosen,
    PathChosen,
    PayloadRead,
    PriorityAsked,
    PriorityChosen,
    ReadingFailed,
    ReadingFinished,
    ServiceChosen,
    StopChip,
    Touched,
    ViewChosen,
)
from kiosk.policy import Policy
from kiosk.queue.model import Priority
from kiosk.states import (
    NO_CHOICE,
    Adjust,
    AskConsent,
    AskKey,
    Choice,
    ChoosePriority,
    ChooseService,
    Confirm,
    Consent,
    Failed,
    Finishing,
    Help,
    NextPath,
    NoCard,
    Start,
    Theme,
    TicketShown,
    View,
)
from tests.kiosk.machine import CARD, NO_CARD, TICKET, Kiosk, holds_nothing, past_the_ticket, reading_by_number
from tests.kiosk.people import MINH, by_chip, by_qr, covered

AGREES = Consent("1", "vi")
CHOICES = Policy(offered=("KB", "XN"), without_identity=frozenset({"THUOC"}))
ASKS = replace(CHOICES, consent_version="1")
LARGE = View(theme=Theme.CONTRAST, muted=True)


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk(CHOICES)


@pytest.fixture
def asking() -> Kiosk:
    return Kiosk(ASKS)


# Consent.


def test_consent_is_asked_for_before_anybody_is_asked_about_the_person(asking: Kiosk) -> None:
    assert asking.tell(PayloadRead(by_qr())) == ()
    assert asking.state == AskConsent(by_qr(), complete=True)
    assert asking.tell(ConsentGiven(AGREES)) == (AskCoverage(asking.name, by_qr()),)
    assert asking.state == Confirm(by_qr(), complete=True)
    asking.tell(CoverageAnswered(asking.name, covered()), Confirmed())
    (commit,) = asking.tell(ServiceChosen("XN"))
    assert isinstance(commit, Commit)
    assert commit.choice == Choice("XN", consent=AGREES)


def test_agreeing_to_another_text_is_no_consent(asking: Kiosk) -> None:
    asking.tell(PayloadRead(by_qr()))
    assert asking.tell(ConsentGiven(Consent("0", "vi"))) == ()
    assert asking.tell(Confirmed()) == ()
    assert isinstance(asking.state, AskConsent)


def test_whoever_does_not_agree_gets_a_number_for_the_counter_and_nothing_else(asking: Kiosk) -> None:
    reading_by_number(asking)
    asking.tell(IdentityRead(asking.name, by_chip()))
    name = asking.name
    stop, commit = asking.tell(ConsentRefused())
    assert stop == StopChip(name)
    assert isinstance(commit, Commit)
    assert (commit.reading, commit.coverage, commit.choice) == (None, None, NO_CHOICE)


def test_the_proof_goes_on_while_consent_is_asked_for(asking: Kiosk) -> None:
    reading_by_number(asking)
    asking.tell(IdentityRead(asking.name, by_chip()))
    assert asking.state == AskConsent(by_chip(), complete=False)
    entered = asking.session.entered
    asking.now += 1
    assert asking.tell(ReadingFinished(asking.name, by_chip())) == ()
    assert asking.state == AskConsent(by_chip(), complete=True)
    assert asking.session.entered == entered


def test_a_consent_counts_for_whoever_gave_it_alone(asking: Kiosk) -> None:
    reading_by_number(asking)
    asking.tell(IdentityRead(asking.name, by_chip()), ConsentGiven(AGREES))
    asking.tell(ReadingFailed(asking.name, "reader.card_broken"))
    assert isinstance(asking.state, Failed)
    asking.tell(PayloadRead(by_qr(MINH)))
    asking.tell(ReadingFailed(asking.name, "reader.card_broken"))
    assert asking.state == AskConsent(by_qr(MINH), complete=True)


def test_a_site_that_asks_for_none_never_shows_the_question(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    assert isinstance(kiosk.state, Confirm)


# The service.


def said_yes(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()))
    kiosk.tell(CoverageAnswered(kiosk.name, covered()))
    kiosk.tell(Confirmed())
    assert kiosk.state == ChooseService(by_qr(), complete=True, coverage=covered())


def test_where_several_services_are_offered_one_is_chosen_after_the_yes(kiosk: Kiosk) -> None:
    said_yes(kiosk)
    assert kiosk.tell(ServiceChosen("THUOC")) == ()  # is not offered here
    assert kiosk.tell(ServiceChosen("XN")) == (Commit(kiosk.name, by_qr(), covered(), choice=Choice("XN")),)


def test_a_single_service_is_nobodys_choice() -> None:
    kiosk = Kiosk(Policy(offered=("KB",)))
    kiosk.tell(PayloadRead(by_qr()))
    kiosk.tell(CoverageAnswered(kiosk.name, covered()))
    assert kiosk.tell(Confirmed()) == (Commit(kiosk.name, by_qr(), covered(), choice=Choice("KB")),)


def test_the_insurance_may_answer_while_the_service_is_chosen(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), Confirmed())
    assert kiosk.state == ChooseService(by_qr(), complete=True)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()))
    assert kiosk.state == ChooseService(by_qr(), complete=True, coverage=covered())


def test_a_deadline_that_passed_while_choosing_is_not_waited_for_again(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), Confirmed())
    kiosk.now += kiosk.policy.coverage_deadline_seconds
    (commit,) = kiosk.tell(ServiceChosen("KB"))
    assert isinstance(commit, Commit)


def test_the_proof_is_waited_for_after_the_service_was_chosen(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), CoverageAnswered(kiosk.name, covered()), Confirmed())
    assert kiosk.tell(ServiceChosen("KB")) == ()
    assert kiosk.state == Finishing(by_chip(), complete=False, coverage=covered())
    assert isinstance(kiosk.tell(ReadingFinished(kiosk.name, by_chip()))[0], Commit)


def test_whoever_walks_away_without_choosing_leaves_nothing_behind(kiosk: Kiosk) -> None:
    said_yes(kiosk)
    kiosk.wait(kiosk.policy.idle_seconds)
    assert kiosk.session.warned
    assert kiosk.wait(kiosk.policy.warning_seconds) == ()
    assert isinstance(kiosk.state, Start)
    assert holds_nothing(kiosk.session)


def test_a_service_that_asks_for_no_identity_gives_its_number_at_once(kiosk: Kiosk) -> None:
    kiosk.tell(PathChosen(NextPath.NO_CARD))
    assert kiosk.tell(ServiceChosen("KB")) == ()
    assert isinstance(kiosk.state, NoCard)
    assert kiosk.tell(ServiceChosen("THUOC")) == (Commit(kiosk.name, None, None, choice=Choice("THUOC")),)


def test_a_number_for_the_counter_is_for_no_service(kiosk: Kiosk) -> None:
    said_yes(kiosk)
    (commit,) = kiosk.tell(CounterTicketAsked())
    assert isinstance(commit, Commit)
    assert commit.choice == NO_CHOICE


# Priority.


def test_a_priority_is_declared_above_the_question_and_leads_back_to_it(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), PriorityAsked())
    assert kiosk.state == ChoosePriority(Confirm(by_qr(), complete=True))
    kiosk.tell(CoverageAnswered(kiosk.name, covered()))
    kiosk.tell(PriorityChosen(Priority.PREGNANT))
    assert kiosk.state == Confirm(by_qr(), complete=True, coverage=covered())
    kiosk.tell(Confirmed())
    assert kiosk.tell(ServiceChosen("KB")) == (
        Commit(kiosk.name, by_qr(), covered(), choice=Choice("KB", Priority.PREGNANT)),
    )


def test_a_priority_may_be_declared_where_the_service_is_chosen_and_taken_back(kiosk: Kiosk) -> None:
    said_yes(kiosk)
    kiosk.tell(PriorityAsked(), PriorityChosen(Priority.MERIT), PriorityAsked(), PriorityChosen(Priority.NONE))
    assert isinstance(kiosk.state, ChooseService)
    assert kiosk.session.choice == NO_CHOICE


@pytest.mark.parametrize("priority", [Priority.EMERGENCY, Priority.AGED, Priority.UNDER_SIX])
def test_what_a_birth_date_or_the_staff_tell_nobody_declares(kiosk: Kiosk, priority: Priority) -> None:
    kiosk.tell(PayloadRead(by_qr()), PriorityAsked(), PriorityChosen(priority))
    assert isinstance(kiosk.state, ChoosePriority)
    assert kiosk.session.choice == NO_CHOICE


def test_a_better_reading_takes_its_place_below_the_question(kiosk: Kiosk) -> None:
    reading_by_number(kiosk)
    kiosk.tell(IdentityRead(kiosk.name, by_chip()), PriorityAsked(), ReadingFinished(kiosk.name, by_chip()))
    assert kiosk.state == ChoosePriority(Confirm(by_chip(), complete=True))


def test_help_above_the_question_drops_what_was_read(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), PriorityAsked(), PriorityChosen(Priority.MERIT), HelpAsked())
    assert kiosk.state == Help()
    assert kiosk.session.choice == NO_CHOICE


# The screen as somebody wants it.


def test_the_screen_is_adjusted_before_the_card_and_stays_so_for_the_whole_visit(kiosk: Kiosk) -> None:
    kiosk.tell(AdjustAsked())
    assert kiosk.state == Adjust()
    kiosk.tell(ViewChosen(LARGE), LanguageChosen("en"), Cancelled())
    assert kiosk.state == Start()
    kiosk.tell(CARD)
    assert kiosk.state == AskKey()
    assert (kiosk.session.view, kiosk.session.language) == (LARGE, "en")
    kiosk.tell(Cancelled())
    assert (kiosk.session.view, kiosk.session.language) == (View(), "vi")


def test_a_card_or_a_code_may_come_while_the_screen_is_adjusted(kiosk: Kiosk) -> None:
    kiosk.tell(AdjustAsked(), ViewChosen(LARGE), PayloadRead(by_qr()))
    assert isinstance(kiosk.state, Confirm)
    assert kiosk.session.view == LARGE


def test_a_view_nobody_uses_goes_after_a_while(kiosk: Kiosk) -> None:
    kiosk.tell(ViewChosen(LARGE))
    kiosk.wait(kiosk.policy.idle_seconds)
    assert kiosk.session.view == View()
    kiosk.tell(AdjustAsked(), ViewChosen(LARGE))
    kiosk.wait(kiosk.policy.idle_seconds)
    kiosk.wait(kiosk.policy.warning_seconds)
    assert kiosk.state == Start()
    assert kiosk.session.view == View()


def test_a_view_goes_with_the_ticket(kiosk: Kiosk) -> None:
    kiosk.tell(ViewChosen(LARGE), CounterTicketAsked(), Committed("run-1", TICKET, True))
    assert isinstance(kiosk.state, TicketShown)
    past_the_ticket(kiosk)
    assert kiosk.session.view == View()


def test_the_view_is_not_the_next_persons_whose_card_lies_there(kiosk: Kiosk) -> None:
    kiosk.tell(ViewChosen(LARGE), LanguageChosen("en"), CounterTicketAsked(), Committed("run-1", TICKET, True), CARD)
    kiosk.wait(kiosk.policy.ticket_least_seconds)
    assert kiosk.state == AskKey()
    assert (kiosk.session.view, kiosk.session.language) == (View(), "vi")


def test_nobody_adjusts_the_screen_above_somebodys_data(kiosk: Kiosk) -> None:
    kiosk.tell(PayloadRead(by_qr()), AdjustAsked(), Touched(), NO_CARD)
    assert isinstance(kiosk.state, Confirm)
