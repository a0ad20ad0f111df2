"""What counters pressed becomes figures by queue and hour; what is not accurate is left out, and nobody is named."""

from kiosk.queue.figures import Figure, Measure, as_csv, figures
from tests.kiosk.queue.hall import Hall

DAY = "2026-11-21"


def told(hall: Hall) -> list[Figure]:
    return figures(hall.connection, DAY, DAY, 420)


def test_a_visit_to_a_counter_is_a_wait_a_way_a_service_and_a_turn(hall: Hall) -> None:
    ticket = hall.arrive()
    hall.later(minutes=20)
    hall.next()
    hall.later(minutes=1)
    hall.do("begin", ticket)
    hall.later(minutes=6)
    hall.do("finish", ticket)
    assert told(hall) == [
        Figure(DAY, 7, "KB", Measure.WAIT, 1, 20.0, 20.0),
        Figure(DAY, 8, "KB", Measure.SERVICE, 1, 6.0, 6.0),
        Figure(DAY, 8, "KB", Measure.TURN, 1, 7.0, 7.0),
        Figure(DAY, 8, "KB", Measure.WAY, 1, 1.0, 1.0),
    ]


def test_who_never_came_had_a_wait_and_no_turn(hall: Hall) -> None:
    for _ in range(3):
        hall.arrive()
    for came in (True, True, False, True):
        hall.next(came=came)
        hall.later(minutes=5)
    by_measure = {one.measure: one for one in told(hall)}
    assert (by_measure[Measure.TURN].count, by_measure[Measure.TURN].median) == (2, 5.0)
    assert by_measure[Measure.WAIT].count == 3


def test_what_was_undone_or_forgotten_or_waited_twice_is_left_out(hall: Hall) -> None:
    called_by_mistake, absent, forgotten = hall.arrive(), hall.arrive(), hall.arrive()
    hall.next()
    hall.undo()
    hall.do("call", absent)
    hall.do("miss", absent)
    hall.do("call", absent)
    hall.do("begin", absent)
    hall.do("call", forgotten)
    hall.do("begin", forgotten)
    hall.later(hours=2)
    hall.do("finish", forgotten)
    assert {(one.measure, one.count) for one in told(hall)} == {
        (Measure.WAIT, 2),
        (Measure.WAY, 2),
        (Measure.SERVICE, 1),
        (Measure.TURN, 1),  # of the absent one's second call
    }
    assert hall.row(called_by_mistake)["standing"] == "waiting"


def test_a_clock_set_back_gives_no_negative_figure(hall: Hall) -> None:
    hall.arrive()
    hall.later(minutes=-30)
    hall.next()
    hall.later(minutes=-30)
    hall.next(came=False)
    assert told(hall) == []


def test_the_file_has_a_heading_and_no_names(hall: Hall) -> None:
    hall.arrive()
    hall.next()
    assert as_csv(told(hall)).splitlines() == ["day,hour,queue,measure,count,median,most", f"{DAY},7,KB,wait,1,0.0,0.0"]
