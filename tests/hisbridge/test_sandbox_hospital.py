"""The pretend hospital as a receiver of everything: the query, both answers, and what became of each event."""

import pytest

from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.hl7errors import QueryFailed
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.errors import NoAnswer, PersonAmbiguous
from hisbridge.identity import idempotency_key
from hisbridge.records import Event, Merge, PatientRecord
from sandbox.his import HospitalSystem
from tests.hisbridge.making import destination, record


def sent(connector: Hl7v2Connector, one: PatientRecord, known: Known | None = None) -> Receipt:
    message = connector.render(one, known or Known())
    assert message is not None
    return connector.send(message, Sending(idempotency_key("his", one.visit.visit_id, one.revision), 1))


@pytest.mark.parametrize("mode", ["original", "enhanced"])
@pytest.mark.parametrize("version", ["2.5", "2.5.1"])
def test_a_person_is_numbered_found_again_and_merged(version: str, mode: str) -> None:
    his = HospitalSystem()
    with his.serving() as (_, port):
        connector = Hl7v2Connector(destination(port, version=version, acknowledgement=mode, query="pdq"))
        assert connector.identify(record()) == Known(none_told=True)
        answer = sent(connector, record()).answer
        assert answer is not None
        assert (answer.record_number, answer.visit_number, answer.queue_number, answer.room) == (
            "BN000001",
            "LK000001",
            "001",
            "P.101",
        )
        known = connector.identify(record("visit-2"))
        assert known == Known("BN000001")
        sent(connector, record("visit-2"), known)
        sent(connector, record("visit-2", event=Event.CANCELLED, revision=1), known)
        merge = Merge(kept="BN7", given_up="BN000001", confirmed_by="x")
        sent(connector, record("visit-2", event=Event.MERGED, revision=2, merge=merge))
        assert connector.identify(record()) == Known("BN7")
        connector.close()
    assert [one["event"] for one in his.messages()] == ["A04", "A04", "A11", "A40"]
    assert [one["record_number"] for one in his.messages()] == ["", "BN000001", "BN000001", "BN7"]


def test_its_troubles_with_the_query_and_the_verdict_are_what_they_say() -> None:
    his = HospitalSystem()
    with his.serving() as (_, port):
        connector = Hl7v2Connector(destination(port, query="pdq", acknowledgement="enhanced", timeout_seconds=0.4))
        his.set_fault("his.pdq", "many")
        with pytest.raises(PersonAmbiguous):
            connector.identify(record())
        his.set_fault("his.pdq", "error")
        with pytest.raises(QueryFailed):
            connector.identify(record())
        his.set_fault("his.no_verdict", "on")
        with pytest.raises(NoAnswer):
            sent(connector, record())
        his.set_fault("his.no_verdict", "off")
        assert sent(connector, record()).outcome is Outcome.ACKNOWLEDGED
        connector.close()
    assert [one["copies"] for one in his.messages()] == [2]


def test_an_older_receiver_answers_in_its_own_version() -> None:
    his = HospitalSystem()
    with his.serving() as (_, port):
        connector = Hl7v2Connector(destination(port, version="2.3.1"))
        his.set_fault("his.ae", "102")
        refused = sent(connector, record())
        assert (refused.outcome, refused.text) == (Outcome.REJECTED, "AE 102 PID^1^5")
        connector.close()
