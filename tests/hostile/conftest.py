"""A house whose desk is attacked: one process for a file's tests, and what was tried forgotten after each."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.house import House


@pytest.fixture(scope="module")
def open_house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    made = House(folder)
    yield made
    made.desk.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(open_house: House) -> Iterator[House]:
    yield open_house
    open_house.forgive()
