"""`tiepdon run --no-pcscd`: a machine that cannot run pcscd still plays the whole check-in, and says what it lacks."""

from collections.abc import Iterator

import pytest

from tests.support.checkin import by_card, by_code, leave, open_card
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import World
from ui.words import Words

WORDS = Words("vi")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    started = World(tmp_path_factory.mktemp("without") / "state", "--no-pcscd")
    yield started
    started.stop()


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    with Screen(world.touchscreen) as followed:
        world.remove()
        followed.touch("cancel")
        wait_until(lambda: followed.now.name == "start" and followed.now.notice is None, what="a plain start screen")
        yield followed


def test_it_says_that_there_is_no_pcscd_and_why(world: World) -> None:
    said = world.log.read_text("utf-8")
    told = Words("en").error("sandbox.pcscd_not_wanted")
    assert "sandbox.pcscd_not_wanted" in said
    assert told.cause in said
    assert told.cure in said
    assert world.facts["environment"] == {}
    assert "pcscd" not in world.pids


def test_a_card_played_inside_the_reader_goes_the_whole_way_to_the_hospital(world: World, screen: Screen) -> None:
    ticket = by_card(world, screen, "mau")
    assert ticket.line("coverage") == WORDS.get("coverage.valid")
    wait_until(lambda: [m["ticket_number"] for m in world.received()] == [ticket.ticket_number], 10, "it arrived")
    message = world.received()[-1]
    person = world.person("mau")
    assert (message["name"], message["personal_id"]) == (person["full_name"], person["personal_id"])
    leave(screen)


def test_its_proof_is_that_of_a_card_read_through_pcsc(world: World, screen: Screen) -> None:
    open_card(world, screen, "thu")
    assert screen.wait_for("confirm", holding=WORDS.get("proof.verified")).line("proof") == WORDS.get("proof.verified")


def test_a_code_alone_works_too(world: World, screen: Screen) -> None:
    by_code(world, screen, "nhi")
    leave(screen)


@pytest.mark.parametrize("apdus", [0, 5, 10, 13])
def test_its_card_can_be_pulled_away_too(world: World, screen: Screen, apdus: int) -> None:
    before = world.count()
    open_card(world, screen, "mau", remove_after_apdus=apdus)
    assert screen.wait_for("start").notice == WORDS.error("reader.card_removed").title
    assert world.count() == before
