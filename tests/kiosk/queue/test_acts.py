"""What the staff do with the queue, on a real database: each act once, at its own counter, and back again."""

from pathlib import Path

import pytest

from config.front import RECEPTION
from kiosk.queue.errors import NoSuchCounter, NoSuchQueue, NoSuchTicket, NothingToUndo, NotPossible
from kiosk.queue.model import Act, MoveKind, Priority, PriorityBy, Standing
from tests.kiosk.people import uninsured
from tests.kiosk.queue.hall import COUNTERS, Hall, hospital, opened

EVERYWHERE = ("recall", "begin", "hold", "finish", "miss", "return_to_queue", "transfer", "prioritise")


def standing(hall: Hall, ticket: str) -> tuple[str, str, str | None]:
    row = hall.row(ticket)
    return str(row["standing"]), str(row["queue"]), row["counter"]  # type: ignore[return-value]


def people(hall: Hall, how_many: int, service: str = "KB") -> list[str]:
    """So many come, a minute after each other."""
    found = []
    for _ in range(how_many):
        found.append(hall.arrive(service))
        hall.later(minutes=1)
    return found


def do_anything(hall: Hall, what: str, ticket: str, counter: str) -> None:
    more = {"transfer": ("XN",), "prioritise": (Priority.AGED, True, "")}.get(what, ())
    hall.do(what, ticket, *more, counter=counter)


def test_next_calls_in_the_order_of_arrival_and_finishes_whom_the_counter_had(hall: Hall) -> None:
    first, second = people(hall, 2)
    assert hall.next() == first
    assert standing(hall, first) == ("called", "KB", "2")
    assert hall.next() == second
    assert standing(hall, first) == ("done", "KB", None)
    assert hall.next() is None
    assert standing(hall, second) == ("done", "KB", None)


def test_a_press_that_is_sent_twice_calls_one_person_and_tells_both_times_whom(hall: Hall) -> None:
    first, second = people(hall, 2)
    press = hall.act()
    with hall.queue.acting() as acts:
        assert acts.call_next(press) == acts.call_next(press)
    hall.do("begin", first)
    with hall.queue.acting() as acts:
        again = acts.call_next(press)
        assert acts.absent(press) == []
    assert again is not None
    assert (again.ticket_id, again.place.standing) == (first, Standing.SERVED)
    assert standing(hall, second)[0] == "waiting"


def test_every_act_sent_twice_is_done_once(hall: Hall) -> None:
    (first,) = people(hall, 1)
    hall.next()
    press = hall.act()
    with hall.queue.acting() as acts:
        calls = [acts.recall(press, first).place.calls for _ in range(3)]
    assert calls == [2, 2, 2]
    hall.undo()
    assert hall.row(first)["calls"] == 1
    undo = Act("undo", "2", "a")
    with hall.queue.acting() as acts:
        assert [entry.place.standing for entry in acts.undo(undo)] == ["waiting"]
        assert [entry.ticket_id for entry in acts.undo(undo)] == [first]


@pytest.mark.parametrize("what", [name for name in EVERYWHERE if name != "prioritise"])
def test_whom_one_counter_has_another_does_not_touch(hall: Hall, what: str) -> None:
    (first,) = people(hall, 1)
    hall.next("2")
    before = hall.row(first)
    with pytest.raises(NotPossible) as refused:
        do_anything(hall, what, first, "3")
    assert refused.value.data == {"standing": "called"}
    with pytest.raises(NotPossible):
        hall.do("call", first, counter="3")
    assert hall.row(first) == before


@pytest.mark.parametrize("what", ["recall", "begin", "hold", "finish", "miss", "return_to_queue"])
def test_an_act_that_begins_elsewhere_is_refused_and_writes_nothing(hall: Hall, what: str) -> None:
    (first,) = people(hall, 1)
    with pytest.raises(NotPossible) as refused:
        hall.do(what, first)
    assert refused.value.data == {"standing": "waiting"}
    assert hall.rows("SELECT * FROM moves") == []


def test_whom_a_counter_had_that_the_settings_no_longer_know_anybody_may_take(hall: Hall, tmp_path: Path) -> None:
    (first,) = people(hall, 1)
    hall.next("2")
    with opened(hospital(tmp_path, counters=COUNTERS[2:])) as other:
        assert other.do("finish", first, counter="3").place.standing is Standing.DONE


def test_unknown_counters_queues_and_tickets_are_named(hall: Hall) -> None:
    (first,) = people(hall, 1)
    with pytest.raises(NoSuchCounter):
        hall.next("99")
    with pytest.raises(NoSuchCounter):
        hall.sees("99")
    with pytest.raises(NoSuchCounter):
        hall.do("transfer", first, "KB", "99")
    with pytest.raises(NoSuchQueue):
        hall.do("transfer", first, "PHYSIO")
    with pytest.raises(NoSuchQueue):
        hall.do("transfer", first, "XN", "2")
    for what in EVERYWHERE:
        with pytest.raises(NoSuchTicket):
            do_anything(hall, what, "nobody's", "2")


def test_hold_keeps_somebody_at_the_counter_and_call_takes_them_up_again(hall: Hall) -> None:
    first, second = people(hall, 2)
    hall.next()
    hall.do("hold", first, "paper")
    assert hall.next() == second
    assert [entry.ticket_id for entry in hall.sees().held] == [first]
    hall.do("begin", second)
    hall.do("call", first)
    assert standing(hall, first)[0] == "called"
    assert standing(hall, second)[0] == "done"
    assert hall.sees().held == ()


def test_whoever_is_returned_stands_where_they_stood(hall: Hall) -> None:
    first, second, third = people(hall, 3)
    hall.next()
    hall.do("return_to_queue", first)
    assert hall.waiting() == [first, second, third]
    assert hall.row(first)["calls"] == 0


def test_a_transfer_keeps_the_moment_of_arrival(hall: Hall) -> None:
    (early,) = people(hall, 1)
    (later,) = people(hall, 1, "XN")
    hall.next("2")
    hall.do("begin", early)
    hall.do("transfer", early, "XN", reason="blood test")
    assert hall.waiting("4") == [early, later]
    assert [row["reason"] for row in hall.rows("SELECT reason FROM moves WHERE kind = 'transfer'")] == ["blood test"]


def test_a_transfer_to_one_counter_is_called_and_counted_there_alone(hall: Hall) -> None:
    first, second = people(hall, 2)
    hall.do("transfer", first, "KB", "3")
    assert hall.waiting("2") == [second]
    assert hall.sees("2").waiting == {"KB": 1}
    assert hall.sees("3").waiting == {"KB": 2, "XN": 0}
    assert hall.next("2") == second
    assert hall.next("2") is None
    assert hall.next("3") == first


def test_whoever_is_done_may_be_sent_on(hall: Hall) -> None:
    (first,) = people(hall, 1)
    hall.next()
    hall.do("finish", first)
    hall.do("transfer", first, "XN")
    assert hall.next("4") == first


def test_whoever_does_not_come_waits_behind_some_others_and_then_the_number_is_given_up(hall: Hall) -> None:
    absent, *others = people(hall, 8)
    assert hall.next() == absent
    hall.do("miss", absent)
    assert hall.waiting() == [*others[:5], absent, *others[5:]]
    hall.do("call", absent)
    assert hall.do("miss", absent).place.standing is Standing.MISSED
    assert absent not in hall.waiting()
    assert hall.do("call", absent).place.standing is Standing.CALLED  # they came after all


@pytest.mark.parametrize("way", ["next", "call"])
def test_who_is_called_and_never_begun_is_missed_by_the_next_call_and_comes_back_with_one_undo(
    hall: Hall, way: str
) -> None:
    absent, other, *_ = people(hall, 8)
    hall.next()
    before = hall.row(absent)
    hall.next(came=False) if way == "next" else hall.do("call", other)
    press = Act(hall.last_press, "2", "a")
    assert standing(hall, absent) == ("waiting", "KB", None)
    assert hall.row(absent)["missed"] == 1
    assert hall.waiting().index(absent) == 4  # behind five, the first of whom is called
    with hall.queue.acting() as acts:
        assert [(entry.ticket_id, kind) for entry, kind in acts.absent(press)] == [(absent, MoveKind.REQUEUE)]
    hall.undo()
    assert (hall.row(absent), hall.row(other)["standing"]) == (before, "waiting")


def test_who_never_comes_is_given_up_after_the_calls_of_the_site_and_never_done(hall: Hall) -> None:
    (absent,) = people(hall, 1)
    assert [hall.next(came=False) for _ in range(3)] == [absent, absent, None]
    assert standing(hall, absent)[0] == "missed"
    assert [row["kind"] for row in hall.rows("SELECT kind FROM moves")] == ["call", "requeue", "call", "miss"]


def test_who_did_not_come_waits_behind_those_of_the_counters_other_queues_too(hall: Hall) -> None:
    (absent,) = people(hall, 1, "KB")
    (laboratory,) = people(hall, 1, "XN")
    assert hall.next("3") == absent
    assert hall.next("3", came=False) == laboratory


def test_behind_others_means_behind_all_of_them_where_there_are_few(hall: Hall) -> None:
    first, second = hall.arrive(), hall.arrive()  # in the same second
    hall.next()
    hall.do("miss", first)
    assert hall.waiting() == [second, first]


def test_a_changed_priority_gives_nobody_their_old_place_back_who_waits_again_behind_others(hall: Hall) -> None:
    absent, *others = people(hall, 8)
    hall.next()
    hall.do("miss", absent)
    hall.do("prioritise", absent, Priority.MERIT, True, "card shown")
    assert hall.waiting() == [*others[:5], absent, *others[5:]]


def test_reception_comes_first_where_the_record_must_be_completed_and_then_the_service(hall: Hall) -> None:
    early = hall.arrive("KB", coverage=uninsured())
    hall.later(minutes=1)
    later = hall.arrive("KB")
    hall.later(minutes=5)
    assert (hall.waiting("1"), hall.waiting("2")) == ([early], [later])
    assert hall.next("1") == early
    assert hall.do("finish", early, counter="1").place.queue == "KB"
    assert hall.waiting("2") == [early, later]
    assert hall.next("2") == early
    assert hall.do("finish", early).place.standing is Standing.DONE


@pytest.mark.parametrize("stands", ["waiting", "called", "served"])
def test_whom_a_service_sends_back_to_reception_comes_back_to_it(hall: Hall, stands: str) -> None:
    early, _ = people(hall, 2)
    if stands != "waiting":
        hall.next("2")
    if stands == "served":
        hall.do("begin", early)
    before = hall.row(early)
    hall.do("transfer", early, RECEPTION)
    hall.undo("2")
    assert hall.row(early) == before
    hall.do("transfer", early, RECEPTION)
    assert hall.next("1") == early
    assert hall.do("finish", early, counter="1").place.queue == "KB"
    assert hall.waiting("2")[0] == early


def test_whom_a_service_is_done_with_reception_ends(hall: Hall) -> None:
    patient = hall.arrive("KB", coverage=uninsured())
    hall.next("1")
    hall.next("1")
    hall.next("2")
    hall.do("finish", patient)
    hall.do("transfer", patient, RECEPTION)
    assert hall.next("1") == patient
    assert hall.do("finish", patient, counter="1").place.standing is Standing.DONE


def test_next_at_reception_sends_on_too(hall: Hall) -> None:
    early = hall.arrive("KB", coverage=uninsured())
    hall.next("1")
    assert hall.next("1") is None
    assert hall.waiting("2") == [early]


def test_a_counter_that_does_both_calls_nobody_twice(tmp_path: Path) -> None:
    with opened(hospital(tmp_path, counters=())) as hall:
        ticket = hall.arrive("KB", coverage=uninsured())
        assert hall.next("1") == ticket
        assert hall.do("finish", ticket, counter="1").place.standing is Standing.DONE


def test_an_emergency_is_next_at_every_counter_and_behind_emergencies_only(hall: Hall) -> None:
    first, second, third = people(hall, 3)
    aged = hall.arrive(born="1940-01-01")
    hall.do("prioritise", third, Priority.EMERGENCY, True, "chest pain")
    hall.do("prioritise", second, Priority.EMERGENCY, True, "bleeding")
    assert hall.waiting() == [second, third, aged, first]
    hall.do("prioritise", second, Priority.NONE, True, "a mistake")
    assert hall.waiting() == [third, aged, first, second]


def test_a_declared_priority_counts_at_once_and_staff_confirm_or_refuse_it(hall: Hall) -> None:
    (first,) = people(hall, 1)
    declared = hall.arrive(priority=Priority.PREGNANT)
    assert hall.waiting() == [declared, first]
    assert (hall.row(declared)["priority_by"], hall.row(declared)["confirmed"]) == ("person", 0)
    hall.later(minutes=10)
    confirmed = hall.do("prioritise", declared, Priority.PREGNANT, True, "").place
    assert (confirmed.priority_by, confirmed.confirmed) == (PriorityBy.PERSON, True)
    refused = hall.do("prioritise", declared, Priority.NONE, True, "not so").place
    assert (refused.priority_by, refused.priority) == (PriorityBy.STAFF, Priority.NONE)
    assert hall.waiting() == [first, declared]
    assert hall.row(declared)["since"] == hall.row(declared)["issued_seconds"]  # they wait since they came


def test_nobody_is_overtaken_by_whoever_comes_later_than_the_longest_head_start(hall: Hall) -> None:
    """However many come with a priority: who waits longer than its head start is before all of them."""
    patient = hall.arrive()
    hall.later(minutes=45, seconds=-1)
    with_priority = hall.arrive(born="2022-01-01")
    assert hall.waiting() == [with_priority, patient]
    hall.later(seconds=2)
    for _ in range(5):
        hall.arrive(priority=Priority.MERIT)
    assert hall.waiting()[:2] == [with_priority, patient]


@pytest.mark.parametrize("what", ["begin", "recall", "hold", "finish", "miss", "return_to_queue", "transfer"])
def test_undo_restores_exactly(hall: Hall, what: str) -> None:
    first, *_ = people(hall, 3)
    hall.next()
    hall.later(seconds=30)
    before = hall.row(first)
    do_anything(hall, what, first, "2")
    assert hall.row(first) != before
    hall.later(seconds=30)
    assert [entry.ticket_id for entry in hall.undo()] == [first]
    assert hall.row(first) == before


def test_undo_of_a_priority_restores_the_place_in_the_queue(hall: Hall) -> None:
    first, second = people(hall, 2)
    before = hall.row(second)
    hall.do("prioritise", second, Priority.EMERGENCY, True, "")
    assert hall.waiting() == [second, first]
    hall.undo()
    assert (hall.row(second), hall.waiting()) == (before, [first, second])


def test_undo_of_next_takes_back_both_the_call_and_the_finish(hall: Hall) -> None:
    first, second = people(hall, 2)
    hall.next()
    hall.do("begin", first)
    before = hall.row(first), hall.row(second)
    hall.next()
    assert {entry.ticket_id for entry in hall.undo()} == {first, second}
    assert (hall.row(first), hall.row(second)) == before


def test_undo_pressed_again_takes_back_the_act_before(hall: Hall) -> None:
    first, second = people(hall, 2)
    hall.next()
    hall.next(came=False)
    hall.undo()
    hall.undo()
    assert hall.waiting() == [first, second]
    with pytest.raises(NothingToUndo):
        hall.undo()


def test_undo_takes_back_nothing_of_another_counter_and_nothing_another_has_built_on(hall: Hall) -> None:
    first, _ = people(hall, 2)
    with pytest.raises(NothingToUndo):
        hall.undo("3")
    hall.next("2")
    hall.do("return_to_queue", first, counter="2")
    assert hall.next("3") == first
    with pytest.raises(NothingToUndo):
        hall.undo("2")
    assert standing(hall, first) == ("called", "KB", "3")
    hall.undo("3")
    hall.undo("2")
    assert standing(hall, first) == ("called", "KB", "2")


def test_undo_comes_too_late_after_a_while(hall: Hall) -> None:
    people(hall, 1)
    hall.next()
    hall.later(seconds=121)
    with pytest.raises(NothingToUndo):
        hall.undo()


def test_what_was_left_over_yesterday_is_called_by_nobody(hall: Hall) -> None:
    left, called = hall.arrive(), hall.arrive()
    hall.do("call", called)
    hall.later(days=1)
    today = hall.arrive()
    assert hall.next() == today
    assert hall.next() is None
    for what in EVERYWHERE:
        with pytest.raises(NoSuchTicket):
            do_anything(hall, what, left, "2")
    with pytest.raises(NoSuchTicket):
        hall.do("call", called)


def test_after_the_clock_was_set_back_the_day_goes_on(hall: Hall) -> None:
    first = hall.arrive()
    hall.later(days=-1)
    second = hall.arrive()
    # The second came, as the clock tells it, a day earlier.
    assert {hall.next(), hall.next("3")} == {first, second}
    hall.undo("3")
    hall.undo("2")
    assert len(hall.waiting()) == 2


def test_a_visit_that_is_taken_back_leaves_the_queue_for_good(hall: Hall) -> None:
    first, second = hall.check_in().ticket, hall.check_in().ticket
    assert hall.next() == first.ticket_id
    hall.store.cancel(str(second.visit_id), "nurse-1", "Nhầm người")
    hall.store.cancel(str(first.visit_id), "nurse-1", "Nhầm người")
    assert standing(hall, first.ticket_id) == ("cancelled", "KB", None)
    assert (hall.sees().current, hall.next()) == (None, None)
    for what in ("call", *EVERYWHERE):
        with pytest.raises(NotPossible):
            do_anything(hall, what, second.ticket_id, "2")
    with pytest.raises(NothingToUndo):
        hall.undo()
    moves = hall.rows("SELECT kind, by, reason FROM moves WHERE ticket_id = ?", second.ticket_id)
    assert [tuple(row) for row in moves] == [("cancel", "nurse-1", "Nhầm người")]


def test_the_queue_named_first_goes_first_of_the_same_moment(hall: Hall) -> None:
    laboratory, examination = hall.arrive("XN"), hall.arrive("KB")
    assert hall.waiting("3") == [examination, laboratory]
    assert hall.sees("3").waiting == {"KB": 1, "XN": 1}


def test_who_is_typed_or_unknown_waits_at_reception(hall: Hall) -> None:
    issued = hall.store.counter_ticket("run-1")
    assert standing(hall, issued.ticket.ticket_id) == ("waiting", RECEPTION, None)
