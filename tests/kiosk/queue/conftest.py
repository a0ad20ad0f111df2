"""The hall that most tests of the queue stand in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk.queue.hall import Hall, hospital, opened


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """Reception at counter 1, examination at 2 and 3, laboratory at 3 and 4; a quarter to eight."""
    with opened(hospital(tmp_path), durable=False) as one:
        yield one
