"""Whose insurance is not linked to the card, and who has no card: everybody leaves with a ticket that says what is
known, through reader, kiosk, bridge and the pretend portal, and the counter finds the same with its own question."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sandbox.insurance_card import insurance_text
from sandbox.people import find
from tests.endtoend.conftest import World
from tests.support.checkin import say_yes
from tests.support.screen import Screen, Shown
from tests.support.waiting import wait_until
from ui.words import Words

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
TODAY = date.today()  # noqa: DTZ011 - the sandbox's own day


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.remove()
    world.take_down()
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.touch("cancel")


def says_yes(world: World, screen: Screen, person: str) -> None:
    """Hold the card's code up, wait for the insurance answer, and say that it is me."""
    mark = len(screen.seen())
    world.show_qr(person)
    screen.wait_for("confirm", after=mark)
    say_yes(screen)


def record(world: World, ticket: Shown) -> dict[str, Any]:
    with world.database() as connection:
        joined = "SELECT record FROM visits JOIN tickets ON visit_id = visits.id WHERE number = ?"
        ((told,),) = connection.execute(joined, (ticket.ticket_number,)).fetchall()
    plain: dict[str, Any] = json.loads(told)
    return plain


def at_the_counter(world: World, *options: str) -> dict[str, Any]:
    done = world.run_command("lookup", "coverage", "--config", str(world.settings), "--json", *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def who(person: str) -> tuple[str, ...]:
    known = find(person)
    return ("--name", known.full_name, "--birth", known.birth_date, "--sex", known.sex)


def test_a_card_changed_from_the_old_id_is_found_by_the_old_number(world: World, screen: Screen) -> None:
    says_yes(world, screen, "so-cu")
    ticket = screen.wait_for("ticket")
    assert ticket.line("coverage") == WORDS.get("coverage.valid")
    coverage = record(world, ticket)["coverage"]
    assert (coverage["found_by"], coverage["act"]) == ("previous_id", "none")
    asked = at_the_counter(world, "--previous-id", find("so-cu").previous_id or "", *who("so-cu"))
    assert asked["verdict"] == "valid"


def test_an_insurance_that_the_card_does_not_know_is_asked_for_unasked_and_found_by_ten_digits(
    world: World, screen: Screen
) -> None:
    says_yes(world, screen, "so-bao-hiem")
    asks = screen.wait_for("ask_insurance")
    assert WORDS.get("ask_insurance.none") in asks.text
    number = find("so-bao-hiem").insurance.social_security_number or ""
    screen.touch("digits", number)
    ticket = screen.wait_for("ticket")
    assert ticket.line("coverage") == WORDS.get("coverage.valid")
    assert record(world, ticket)["coverage"]["found_by"] == "social_security_number"
    asked = at_the_counter(world, "--insurance-number", number, *who("so-bao-hiem"))
    assert (asked["verdict"], asked["found_by"]) == ("valid", "social_security_number")


def test_a_childs_temporary_card_is_found_by_its_code_and_another_persons_is_not_taken(
    world: World, screen: Screen
) -> None:
    says_yes(world, screen, "tre-the-tam")
    screen.wait_for("ask_insurance")
    world.desk("POST", "/scanner/show", {"text": insurance_text(find("mau"), TODAY)})
    screen.wait_for("ask_insurance", holding=WORDS.get("ask_insurance.other"))
    text = insurance_text(find("tre-the-tam"), TODAY)
    world.desk("POST", "/scanner/show", {"text": text})
    ticket = screen.wait_for("ticket")
    assert record(world, ticket)["coverage"]["card_number"] == find("tre-the-tam").insurance.card_number


def test_a_child_without_a_card_goes_on_without(world: World, screen: Screen) -> None:
    says_yes(world, screen, "tre-khong-the")
    screen.wait_for("ask_insurance")
    screen.touch("confirm")
    ticket = screen.wait_for("ticket")
    assert ticket.line("counter")
    coverage = record(world, ticket)["coverage"]
    assert (coverage["verdict"], coverage["act"]) == ("child_temporary", "temporary_card")


@pytest.mark.parametrize(
    ("person", "verdict", "act"),
    [
        ("quan-nhan", "manual_check", "inspect_papers"),
        ("cong-an", "manual_check", "inspect_papers"),
        ("bh-chi-nam", "valid", "none"),
        ("dat-dau", "valid", "none"),
        ("hai-the", "valid_new_card", "use_new_card"),
        ("khac-gioi", "mismatch", "compare_person"),
    ],
)
def test_everybody_leaves_with_a_ticket_and_the_counter_with_an_act(
    world: World, screen: Screen, person: str, verdict: str, act: str
) -> None:
    says_yes(world, screen, person)
    ticket = screen.wait_for("ticket")
    coverage = record(world, ticket)["coverage"]
    assert (coverage["verdict"], coverage["act"]) == (verdict, act)
    assert bool(ticket.line("counter")) == (verdict not in ("valid", "valid_new_card"))


@pytest.mark.parametrize("reason", ["child", "newborn", "forces", "no_card"])
def test_whoever_has_no_card_gets_a_number_and_the_counter_the_reason(
    world: World, screen: Screen, reason: str
) -> None:
    screen.touch("path", "no_card")
    screen.wait_for("no_card")
    screen.touch("counter_ticket", reason)
    ticket = screen.wait_for("ticket")
    assert ticket.line("counter")
    with world.database() as connection:
        found = connection.execute("SELECT reason FROM tickets WHERE number = ?", (ticket.ticket_number,)).fetchall()
    assert [row[0] for row in found] == [reason]


@pytest.mark.parametrize(
    ("language", "person"),  # each with people of their own: a code held up again within three seconds counts once
    [
        *(("vi", person) for person in ("khong-bao-hiem", "quoc-phong", "the-het-han", "so-bao-hiem")),
        *(("en", person) for person in ("tre-khong-the", "quan-nhan", "khac-ten", "tre-the-tam")),
    ],
)
def test_nobody_reads_not_found_on_the_ticket_and_everybody_reads_where_to_go(
    world: World, screen: Screen, person: str, language: str
) -> None:
    screen.touch("language", language)
    says_yes(world, screen, person)
    if screen.wait_for("ask_insurance", "ticket").name == "ask_insurance":
        screen.touch("confirm")
    ticket = screen.wait_for("ticket")
    words = Words(language)
    assert ticket.line("counter") == words.get("ticket.counter").replace("\xa0", " ")
    assert ticket.line("coverage")
    for never in ("không tìm thấy", "chưa thấy", "not found", "no insurance"):
        assert never not in ticket.text.casefold()


def test_ten_wrong_digits_twice_still_end_with_a_ticket(world: World, screen: Screen) -> None:
    says_yes(world, screen, "khong-bao-hiem")
    screen.wait_for("ask_insurance")
    screen.touch("digits", "0000000991")
    screen.wait_for("ask_insurance", holding=WORDS.get("ask_insurance.again"))
    screen.touch("digits", "0000000992")
    assert screen.wait_for("ticket").line("counter")


def test_the_citizen_card_held_up_where_the_insurance_card_is_asked_for_is_said_to_be_that(
    world: World, screen: Screen
) -> None:
    says_yes(world, screen, "so-bao-hiem")
    screen.wait_for("ask_insurance")
    world.show_qr("mau")
    screen.wait_for("ask_insurance", holding=WORDS.get("ask_insurance.other"))
    screen.touch("help")
    ticket = screen.wait_for("ticket")
    assert record(world, ticket)["patient"]["personal_id"] == find("so-bao-hiem").personal_id


def test_an_insurance_card_shown_first_is_asked_with_at_once(world: World, screen: Screen) -> None:
    world.desk("POST", "/scanner/show", {"text": insurance_text(find("tre-the-tam"), TODAY)})
    screen.wait_for("ask_qr")
    says_yes(world, screen, "tre-the-tam")
    ticket = screen.wait_for("ticket")
    assert record(world, ticket)["coverage"]["card_number"] == find("tre-the-tam").insurance.card_number


def test_a_small_child_with_nothing_but_an_insurance_card_gets_a_number(world: World, screen: Screen) -> None:
    world.desk("POST", "/scanner/show", {"text": insurance_text(find("nhi"), TODAY)})
    asked = screen.wait_for("ask_qr")
    assert "no_card" in asked.paths
    screen.touch("path", "no_card")
    screen.wait_for("no_card")
    screen.touch("counter_ticket", "child")
    assert screen.wait_for("ticket").line("counter")


def test_another_persons_insurance_card_beside_the_question_who_you_are_is_refused(
    world: World, screen: Screen
) -> None:
    world.show_qr("dat-dau")
    screen.wait_for("confirm")
    world.desk("POST", "/scanner/show", {"text": insurance_text(find("thu"), TODAY)})
    shown = screen.wait_for("confirm", holding=WORDS.get("confirm.insurance_other"))
    assert shown.line("coverage") == WORDS.get("confirm.insurance_other")
    say_yes(screen)
    assert screen.wait_for("ticket").line("coverage") == WORDS.get("coverage.valid")


def test_a_card_lifted_for_reading_its_digits_is_read_when_it_is_back(world: World, screen: Screen) -> None:
    world.place("mau")
    screen.wait_for("ask_key")
    screen.touch("path", "card_number")
    screen.wait_for("keypad")
    world.remove()
    wait_until(lambda: world.reader_sees(card=False), what="the card is lifted")
    screen.touch("digits", find("mau").can)
    screen.wait_for("keypad", holding=WORDS.error("checkin.card_awaited").title)
    world.place("mau")
    screen.wait_for("confirm")
    say_yes(screen)
    screen.wait_for("ticket")


@pytest.mark.browser
def test_the_insurance_is_asked_for_by_touch_on_a_seven_inch_screen(
    world: World, screen: Screen, browser_page: Callable[[str], Page], pictures: Path
) -> None:
    page = browser_page(world.touchscreen)
    says_yes(world, screen, "so-bao-hiem")
    question = page.locator('[data-screen="ask_insurance"]')
    expect(question).to_be_visible()
    page.screenshot(path=pictures / "ask-insurance.png")
    for digit in find("so-bao-hiem").insurance.social_security_number or "":
        page.locator(f'[data-digit="{digit}"]').tap()
    page.locator('[data-action="digits"]').tap()
    expect(page.locator('[data-screen="ticket"]')).to_be_visible()
    expect(page.locator('[data-line="coverage"]')).to_contain_text(WORDS.get("coverage.valid"))
    page.screenshot(path=pictures / "ticket-insurance.png")
