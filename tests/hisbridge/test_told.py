"""What a receiver tells is bounded before it is kept, and a shorter answer forgets nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hisbridge.records import MAX_FEES, MAX_TOLD, FeeLine, HospitalAnswer
from hisbridge.told import bounded, renewed
from wire.codec import from_json, to_json

texts = st.none() | st.text(max_size=300)
fees = st.lists(st.builds(FeeLine, name=st.text(max_size=250), amount=texts, insured=st.none() | st.booleans())).map(
    tuple
)
answers = st.builds(HospitalAnswer, record_number=texts, visit_number=texts, queue_number=texts, room=texts, fees=fees)


@settings(max_examples=100, deadline=None)
@given(answer=answers)
def test_whatever_is_told_can_be_kept_and_read_back(answer: HospitalAnswer) -> None:
    kept = bounded(answer)
    if kept is not None:
        assert from_json(to_json(kept), HospitalAnswer) == kept
        assert bounded(kept) == kept
        for text in (kept.record_number, kept.visit_number, kept.queue_number, kept.room):
            assert text is None or text.isprintable()


def test_nothing_told_is_no_answer() -> None:
    assert bounded(None) is None
    assert bounded(HospitalAnswer()) is None
    assert bounded(HospitalAnswer(room=" \x00\u200b\n", fees=(FeeLine(name="\t"),))) is None


def test_long_and_many_things_are_cut() -> None:
    kept = bounded(HospitalAnswer(room="ễ" * 10_000, fees=tuple(FeeLine(name="x" * 300) for _ in range(300))))
    assert kept is not None
    assert kept.room == "ễ" * MAX_TOLD
    assert (len(kept.fees), len(kept.fees[0].name)) == (MAX_FEES, MAX_TOLD)


def test_the_newest_of_each_field_holds() -> None:
    older = HospitalAnswer(record_number="1", room="2", fees=(FeeLine(name="a"),))
    newer = HospitalAnswer(room="3", queue_number="4")
    assert renewed(None, newer) == newer
    assert renewed(older, newer) == HospitalAnswer(record_number="1", room="3", queue_number="4", fees=older.fees)
