"""Whole check-ins at the touchscreen, each way in; every one ends with the ticket on the screen."""

from tests.support.screen import Screen, Shown
from tests.support.world import World


def by_number(screen: Screen, personal_id: str) -> Shown:
    """Twelve digits typed."""
    screen.touch("path", "personal_id")
    screen.wait_for("keypad")
    screen.touch("digits", personal_id)
    screen.wait_for("confirm")
    say_yes(screen)
    return screen.wait_for("ticket")


def by_code(world: World, screen: Screen, person: str) -> Shown:
    """The code on the card held to the scanner."""
    world.show_qr(person)
    screen.wait_for("confirm")
    say_yes(screen)
    return screen.wait_for("ticket")


def by_card(world: World, screen: Screen, person: str) -> Shown:
    """The card on the reader, opened by six digits, read to its end, and taken away."""
    open_card(world, screen, person)
    screen.wait_for("confirm")
    say_yes(screen)
    ticket = screen.wait_for("ticket")
    world.remove()
    return ticket


def open_card(world: World, screen: Screen, person: str, **quirks: object) -> None:
    """The card on the reader and its six digits typed: the chip is being read."""
    world.place(person, **quirks)
    screen.wait_for("ask_key")
    screen.touch("path", "card_number")
    screen.wait_for("keypad")
    screen.touch("digits", world.person(person)["can"])


def say_yes(screen: Screen, service: str = "KB") -> None:
    """This is me, and for that service I came: the sandbox offers several."""
    screen.touch("confirm")
    screen.wait_for("choose_service")
    screen.touch("service", service)


def leave(screen: Screen) -> None:
    """The ticket is taken; the next person may come."""
    screen.touch("done")
    screen.wait_for("goodbye")
    screen.touch("done")
    screen.wait_for("start")
