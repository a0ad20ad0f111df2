"""Bad input on the whole product: card pulled away, pcscd, portal and hospital gone or lying; nothing lost or twice."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load, socket_path
from tests.support.checkin import by_card, by_code, by_number, leave, open_card, say_yes
from tests.support.processes import born
from tests.support.screen import Screen, Shown
from tests.support.waiting import wait_until
from tests.support.world import World, site_settings
from ui.words import Words
from wire import sqlite
from wire.client import Client

pytestmark = pytest.mark.pcsc

DEADLINE = 4.0  # kiosk.coverage_deadline_seconds
MARGIN = 4.0  # for a busy machine; without the deadline it would be the bridge's own time-out, at ten seconds
FIRST, SECOND, THIRD = "001303900017", "079200900024", "048155900031"  # personal ID numbers of three of the people
WORDS = Words("vi")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    started = World(tmp_path_factory.mktemp("faults") / "state")
    yield started
    started.stop()


@pytest.fixture
def world(running: World) -> Iterator[World]:
    """Nothing on the reader, nothing broken, nothing owed, and after the test the books are right."""
    running.mend()
    running.remove()
    wait_until(lambda: not owed(running), 20, "nothing is owed any more")
    yield running
    books_are_right(running)


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    with Screen(world.touchscreen) as followed:
        followed.touch("cancel")
        # The reader sees a card leave a moment after it left; until then the start screen speaks of it.
        wait_until(lambda: followed.now.name == "start" and followed.now.notice is None, what="a plain start screen")
        yield followed


def rows(world: World, query: str, *values: object) -> list[sqlite.Row]:
    with world.database() as connection:
        return connection.execute(query, values).fetchall()


def owed(world: World) -> list[sqlite.Row]:
    return rows(world, "SELECT * FROM deliveries WHERE state IN ('queued', 'sending')")


def owed_to_his(world: World) -> list[sqlite.Row]:
    """What the hospital system over MLLP has not got; the faults of this file are its own."""
    return [row for row in owed(world) if row["destination"] == "sandbox-his"]


def delivery(world: World, ticket: Shown) -> dict[str, Any]:
    """The delivery to the hospital system over MLLP of the visit that has this ticket."""
    found = rows(
        world,
        "SELECT deliveries.* FROM deliveries JOIN tickets ON visit_id = record_id "
        "WHERE destination = 'sandbox-his' AND number = ?",
        ticket.ticket_number,
    )
    assert len(found) == 1
    return dict(found[0])


def state_of(world: World, ticket: Shown) -> str:
    return str(delivery(world, ticket)["state"])


def books_are_right(world: World) -> None:
    """No half visit: each has one ticket and one delivery to each destination; no number was given twice in a day."""
    visits, tickets, deliveries = world.count()
    assert visits == tickets == deliveries
    assert not rows(world, "SELECT id FROM visits WHERE id NOT IN (SELECT record_id FROM deliveries)")
    assert not rows(
        world, "SELECT id FROM visits WHERE id NOT IN (SELECT visit_id FROM tickets WHERE visit_id NOTNULL)"
    )
    assert not rows(world, "SELECT number FROM tickets GROUP BY day, number HAVING count(*) > 1")


def arrived(world: World, *tickets: Shown) -> list[dict[str, Any]]:
    """What the hospital has of these tickets, in the order it came."""
    numbers = {ticket.ticket_number for ticket in tickets}
    return [message for message in world.received() if message["ticket_number"] in numbers]


def verdict_of(world: World, ticket: Shown) -> str | None:
    """The insurance answer in the visit of this ticket, as it stands in the database now."""
    joined = "SELECT verdict FROM visits JOIN tickets ON visit_id = visits.id WHERE number = ?"
    found = rows(world, joined, ticket.ticket_number)
    return found[0]["verdict"] if found else None


def bridge_health(world: World) -> dict[str, Any]:
    told = Client(socket_path(load(world.settings), "bridge")).get("/v1/health", dict[str, Any])
    destination: dict[str, Any] = told["destinations"][0]
    return destination


# The card.


def test_a_card_pulled_away_after_any_command_leads_on_and_leaves_nothing(world: World, screen: Screen) -> None:
    before, phases = world.count(), set()
    for apdus in range(100):
        mark = len(screen.seen())
        open_card(world, screen, "mau", remove_after_apdus=apdus)
        ended = screen.wait_for("start", "failed", "confirm", after=mark + 3, seconds=10)
        if ended.name == "confirm":
            screen.touch("confirm")
            ended = screen.wait_for("start", "failed", "choose_service", seconds=10)
        if ended.name == "choose_service":
            screen.touch("service", "KB")
            ended = screen.wait_for("start", "failed", "ticket", seconds=10)
        phases |= {shown.html.partition('class="phase"')[2].partition("<")[0] for shown in screen.seen()[mark:]}
        if ended.name == "ticket":
            break
        # The first time the card may be laid there again; soon afterwards the other ways are offered.
        assert ended.name == "start" or (apdus and ended.name == "failed")
        assert " ".join(WORDS.error("reader.card_removed").title.split()) in ended.text
        assert world.count() == before
        world.remove()
    assert ended.name == "ticket"
    assert apdus >= 13  # every command of a whole reading had its turn
    assert len(phases - {""}) >= 3
    assert world.count() == tuple(number + 1 for number in before)


@pytest.mark.parametrize(
    ("person", "apdus", "screen_then", "holding"),
    [
        ("nie", 5, "start", "data-notice"),  # nothing was known yet
        ("vi-du", 12, "confirm", WORDS.get("proof.qr")),  # the chip's proof is missing, the code's word is left
    ],
)
def test_a_card_pulled_away_that_its_code_opened_leaves_no_more_than_the_code(
    world: World, screen: Screen, person: str, apdus: int, screen_then: str, holding: str
) -> None:
    world.place(person, remove_after_apdus=apdus)
    screen.wait_for("ask_key")
    world.show_qr(person)
    screen.wait_for(screen_then, holding=holding)


def test_a_slow_card_pulled_away_while_it_is_read_is_noticed_at_once(world: World, screen: Screen) -> None:
    open_card(world, screen, "mau", delay_seconds=1.0)
    screen.wait_for("reading")
    world.remove()
    assert screen.wait_for("start", seconds=5).notice == WORDS.error("reader.card_removed").title


@pytest.mark.parametrize("quirk", [{"endless_61xx": True}, {"wrong_mac_from": 1}, {"claimed_lengths": {0x010D: 65535}}])
def test_a_hostile_card_ends_on_a_screen_with_other_ways(world: World, screen: Screen, quirk: dict[str, Any]) -> None:
    open_card(world, screen, "mau", **quirk)
    ended = screen.wait_for("failed", "confirm")
    if ended.name == "confirm":  # a file that is only proof may be missing
        say_yes(screen)
        ended = screen.wait_for("ticket", "failed")
    assert ended.name == "ticket" or "staff" in ended.paths


def test_a_card_that_hangs_is_given_up_when_its_time_is_over(world: World, tmp_path: Path) -> None:
    settings = site_settings(world, tmp_path / "site.toml", device="")
    text = settings.read_text("utf-8").replace("[reader]", "[reader]\ntimeout_seconds = 1.5", 1)
    settings.write_text(text, "utf-8")
    site = World(tmp_path / "site", "--config", str(settings), environment=world.facts["environment"])
    try:
        with Screen(site.touchscreen) as screen:
            world.place("mau", delay_seconds=4.0)  # the site's reader process looks at the same reader
            screen.wait_for("ask_key")
            screen.touch("path", "card_number")
            screen.wait_for("keypad")
            screen.touch("digits", world.person("mau")["can"])
            begun = screen.wait_for("reading")
            ended = screen.wait_for("failed", seconds=10)
    finally:
        site.stop()
    assert ended.at - begun.at < 1.5 + MARGIN
    assert {"qr", "personal_id", "staff"} <= set(ended.paths)


def test_a_card_taken_from_the_question_whether_it_is_you_does_not_undo_what_was_read(
    world: World, screen: Screen
) -> None:
    open_card(world, screen, "mau")
    screen.wait_for("confirm", holding=WORDS.get("proof.verified"))
    world.remove()
    screen.wait_for("confirm", holding="data-screen-warning")
    say_yes(screen)
    screen.wait_for("ticket")


# pcscd.


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_pcscd_that_ends_is_found_again_by_the_same_reader_process(
    world: World, screen: Screen, number: signal.Signals
) -> None:
    reader, pcscd = world.pid("reader"), world.pid("pcscd")
    assert reader is not None
    assert pcscd is not None
    birth = born(reader)
    os.kill(pcscd, number)
    away = screen.wait_for("start", holding='data-line="reader"')
    assert away.line("reader") == WORDS.get("start.preparing")
    assert {"qr", "personal_id"} <= set(away.paths)
    back = screen.wait_for("start", after=len(screen.seen()))
    assert back.line("reader") is None
    assert world.pid("pcscd") != pcscd
    assert (world.pid("reader"), born(reader)) == (reader, birth)
    by_card(world, screen, "mau")


def test_a_pcscd_that_ends_under_a_card_offers_the_other_ways_and_asks_for_the_card_again(
    world: World, screen: Screen
) -> None:
    world.place("mau")
    screen.wait_for("ask_key")
    pcscd = world.pid("pcscd")
    assert pcscd is not None
    os.kill(pcscd, signal.SIGKILL)
    assert {"qr", "personal_id", "staff"} <= set(screen.wait_for("failed").paths)
    screen.wait_for("ask_key")  # the card lies there still


@pytest.mark.parametrize(("process", "ways"), [("pcscd", {"qr", "personal_id"}), ("reader", {"personal_id"})])
def test_a_process_that_dies_while_the_chip_is_read_leads_to_the_other_ways(
    world: World, screen: Screen, process: str, ways: set[str]
) -> None:
    open_card(world, screen, "mau", delay_seconds=0.5)
    screen.wait_for("reading")
    pid = world.pid(process)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert ways <= set(screen.wait_for("failed", seconds=10).paths)
    screen.wait_for("ask_key")  # it is back, and the card lies there still
    world.remove()
    screen.wait_for("start", "ask_qr")  # lifted to show its code, where one can be seen again
    screen.touch("cancel")
    screen.wait_for("start")
    by_card(world, screen, "mau")


# The hospital.


def test_what_was_checked_in_while_the_hospital_was_down_arrives_once_and_in_order(
    world: World, screen: Screen
) -> None:
    world.fault("his.down")
    tickets = []
    for personal_id in (FIRST, SECOND, FIRST, THIRD, SECOND):
        tickets.append(by_number(screen, personal_id))
        leave(screen)
    wait_until(lambda: any(row["attempts"] for row in owed_to_his(world)), what="the bridge tried")
    assert len(owed_to_his(world)) == len(tickets)
    assert arrived(world, *tickets) == []
    world.mend()
    wait_until(lambda: not owed(world), 20, "all is acknowledged")
    messages = arrived(world, *tickets)
    assert [message["ticket_number"] for message in messages] == [ticket.ticket_number for ticket in tickets]
    assert [message["personal_id"] for message in messages] == [FIRST, SECOND, FIRST, THIRD, SECOND]
    assert {message["copies"] for message in messages} == {1}
    assert len({message["control_id"] for message in messages}) == len(tickets)


def test_a_refused_record_is_kept_visible_and_holds_nobody_up(world: World, screen: Screen) -> None:
    world.fault("his.ae")
    refused = by_number(screen, FIRST)
    leave(screen)
    wait_until(lambda: state_of(world, refused) == "rejected", 10, "rejected")
    world.mend()
    taken = by_number(screen, FIRST)
    wait_until(lambda: state_of(world, taken) == "acknowledged", 10, "the next one is acknowledged")
    assert arrived(world, refused) == []
    told = world.deliveries("--state", "rejected", "--destination", "sandbox-his")[0]
    assert told["record_id"] == delivery(world, refused)["record_id"]
    assert (told["last_error"], told["receipt"]) == ("delivery.rejected", "AE 101 PID^1")
    assert told["record_id"] in world.run_command("bridge", "deliveries", "--config", str(world.settings)).stdout


def test_a_hospital_that_says_later_gets_it_later(world: World, screen: Screen) -> None:
    world.fault("his.ar")
    ticket = by_number(screen, FIRST)
    wait_until(lambda: delivery(world, ticket)["last_error"] == "delivery.try_later", 10, "the hospital said later")
    assert state_of(world, ticket) == "queued"
    world.mend()
    wait_until(lambda: state_of(world, ticket) == "acknowledged", 20, "acknowledged")
    assert [message["copies"] for message in arrived(world, ticket)] == [1]


def test_a_hospital_that_refuses_the_kind_of_message_stops_it_and_a_restart_delivers_everything(
    world: World, screen: Screen
) -> None:
    world.fault("his.ar", "201")
    first = by_number(screen, FIRST)
    leave(screen)
    wait_until(lambda: bridge_health(world)["condition"] == "stopped", 10, "the destination stops")
    second = by_number(screen, FIRST)
    leave(screen)
    assert world.deliveries("--destination", "sandbox-his")[1]["last_error"] == "delivery.misconfigured"
    world.mend()
    bridge = world.pid("bridge")
    assert bridge is not None
    os.kill(bridge, signal.SIGTERM)
    wait_until(lambda: not owed(world), 20, "all is acknowledged")
    assert [message["ticket_number"] for message in arrived(world, first, second)] == [
        first.ticket_number,
        second.ticket_number,
    ]


@pytest.mark.parametrize("moment", ["mid_message", "before_ack"])
def test_a_hospital_that_hangs_up_gets_the_same_message_again_under_the_same_identity(
    world: World, screen: Screen, moment: str
) -> None:
    world.fault("his.cut", moment)
    ticket = by_number(screen, FIRST)
    wait_until(lambda: delivery(world, ticket)["last_error"] == "delivery.no_answer", 10, "an attempt without answer")
    world.mend()
    wait_until(lambda: state_of(world, ticket) == "acknowledged", 20, "acknowledged")
    messages = arrived(world, ticket)
    assert [message["control_id"] for message in messages] == [delivery(world, ticket)["idempotency_key"]]
    assert (messages[0]["copies"] > 1) == (moment == "before_ack")


# The insurance portal.


@pytest.mark.parametrize(
    ("fault", "value", "people", "reasons"),
    [  # each with people of its own: a code held up again within three seconds counts once
        ("portal.down", True, ("mau", "thu"), {"portal.unreachable"}),
        ("portal.html", True, ("nhi", "vi-du"), {"portal.garbled_answer"}),
        ("portal.500", True, ("eban", "nie"), {"portal.server_error"}),
        ("portal.slow", 30, ("dia-chi-dai", "het-han"), {"portal.timeout", "checkin.deadline"}),
    ],
)
def test_a_portal_in_trouble_costs_no_more_than_the_deadline_and_the_ticket_says_so(
    world: World, screen: Screen, fault: str, value: Any, people: tuple[str, str], reasons: set[str]
) -> None:
    world.fault(fault, value)
    mark = len(screen.seen())
    ticket = by_code(world, screen, people[0])
    asked = next(shown for shown in screen.seen()[mark:] if shown.name == "confirm")
    assert ticket.at - asked.at < DEADLINE + MARGIN
    assert ticket.line("coverage") == WORDS.get("coverage.unverified")
    assert ticket.line("counter") == WORDS.get("ticket.counter").replace("\xa0", " ")
    coverage = json.loads(delivery(world, ticket)["payload"])["coverage"]
    assert coverage["verdict"] == "unverified"
    # A portal that failed a moment ago is not waited for.
    assert coverage["reason"] in reasons | {"lookup.offline"}
    leave(screen)
    world.mend()
    # The question left open is asked again in the background, and the visit knows its answer.
    wait_until(lambda: verdict_of(world, ticket) == "valid", 30, "the late answer in the visit")
    assert by_code(world, screen, people[1]).line("coverage") == WORDS.get("coverage.valid")


def test_a_bridge_that_hangs_costs_no_more_than_the_deadline(world: World, screen: Screen) -> None:
    bridge = world.pid("bridge")
    assert bridge is not None
    os.kill(bridge, signal.SIGSTOP)
    try:
        mark = len(screen.seen())
        ticket = by_code(world, screen, "nam-sinh")
        asked = next(shown for shown in screen.seen()[mark:] if shown.name == "confirm")
        assert ticket.at - asked.at < DEADLINE + MARGIN
        assert ticket.line("coverage") == WORDS.get("coverage.unverified")
    finally:
        os.kill(bridge, signal.SIGCONT)
    wait_until(lambda: state_of(world, ticket) == "acknowledged", 20, "acknowledged")
