"""The next record is made ready while the receiver has the one before, and one that does harm is still found out."""

from pathlib import Path

from hisbridge.connectors.contract import Known, Receipt
from hisbridge.outbox import State
from tests.hisbridge.carrying import OK, Carrying, Scripted, carrying
from wire.database import transaction


def marks_while_out(run: Carrying, connector: Scripted) -> dict[str, str | None]:
    """Which visit's delivery bears the mark while each one is out."""
    visits = dict(run.db.execute("SELECT id, record_id FROM deliveries").fetchall())
    marks: dict[str, str | None] = {}

    def answer(visit: str) -> Receipt:
        marks[visit] = visits.get(int.from_bytes(run.path.with_name(run.name).read_bytes(), "big"))
        return OK

    connector.answer = answer
    run.drain()
    return marks


def test_the_next_record_is_under_its_own_mark_while_it_is_made_ready(tmp_path: Path) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as run:
        run.owe("v1", "v2", "v3")
        assert marks_while_out(run, connector) == {"v1": "v2", "v2": "v3", "v3": None}


def test_a_record_that_may_have_ended_the_process_is_made_ready_for_itself_alone(tmp_path: Path) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as run:
        run.owe("v1", "v2")
        with transaction(run.db):
            run.db.execute("UPDATE deliveries SET suspicion = 1 WHERE record_id = 'v2'")
        assert marks_while_out(run, connector) == {"v1": None, "v2": None}


def test_a_message_made_under_a_wrong_guess_is_made_anew(tmp_path: Path) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as run:
        run.owe("v1", "v2", "v3")

        def answer(visit: str) -> Receipt:
            connector.known = Known("BN2") if visit == "v1" else Known()
            return OK

        connector.answer = answer
        run.drain()
        told = (("v1", None), ("v2", "BN2"), ("v3", None))
        assert connector.messages == [f"{visit} {Known(number)}".encode() for visit, number in told]


def test_a_next_record_that_cannot_be_read_blocks_nobody(tmp_path: Path) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as run:
        run.owe("v1", "v2", "v3")
        with transaction(run.db):
            run.db.execute("UPDATE deliveries SET payload = '{}' WHERE record_id = 'v2'")
        run.drain()
        assert connector.sent == ["v1", "v3"]
        assert (run.state("v2"), run.told("v2").last_error) == (State.QUEUED, "delivery.unrenderable")
