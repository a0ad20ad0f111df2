"""The pretend hospital with a registration API, on a port, and a connector to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hisbridge.connectors.rest import RestConnector
from sandbox.hospital_rest import HospitalRest
from tests.hisbridge.rest_making import account_file, settings


@pytest.fixture
def hospital() -> HospitalRest:
    return HospitalRest()


@pytest.fixture
def port(hospital: HospitalRest) -> Iterator[int]:
    with hospital.serving() as (_, number):
        yield number


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return account_file(tmp_path)


@pytest.fixture
def connector(port: int, password: Path) -> Iterator[RestConnector]:
    made = RestConnector(settings(port, password))
    yield made
    made.close()
