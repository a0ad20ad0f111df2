"""A machine that is set up, and whoever sits at its terminal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.setting_up import House, Typing

Sit = Callable[..., Typing]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def sit_down(house: House) -> Iterator[Sit]:
    """`tiepdon setup` with these options on a terminal; ended with the test."""
    with ExitStack() as held:

        def sit(*options: str) -> Typing:
            typing = Typing(house, *options)
            held.callback(typing.end)
            return typing

        yield sit
