"""What hangs in the hall: the last calls of its own counters, each person once, nobody who was called by mistake."""

from pathlib import Path

from config.front import BoardSettings
from kiosk.queue.board import BoardRead
from kiosk.queue.model import Priority
from tests.kiosk.queue.hall import Hall, hospital, opened


def shown(hall: Hall, *counters: str, most: int = 6) -> list[str]:
    return [call.ticket_id for call in hall.queue.calls(counters, most)]


def test_the_newest_calls_of_its_counters_stand_first(hall: Hall) -> None:
    first, second, third = (hall.arrive() for _ in range(3))
    laboratory = hall.arrive("XN")
    hall.next("2")
    hall.next("4")
    hall.next("3")
    hall.next("2")
    assert shown(hall) == [third, second, laboratory, first]
    assert shown(hall, "2") == [third, first]
    assert shown(hall, most=2) == [third, second]


def test_a_recall_is_a_call_of_its_own_number_and_the_ticket_stands_there_once(hall: Hall) -> None:
    first, second = hall.arrive(), hall.arrive(priority=Priority.NONE)
    hall.next("2")
    hall.next("3")
    (before, *_) = hall.queue.calls((), 6)
    hall.do("recall", first, counter="2")
    newest, other = hall.queue.calls((), 6)
    assert (newest.ticket_id, newest.again, other.ticket_id, other.again) == (first, True, second, False)
    assert newest.sequence > before.sequence
    assert (newest.number, newest.counter, newest.full_name) == ("K0001", "2", "NGUYỄN THỊ LAN")
    assert "NGUYỄN" not in repr(newest)


def test_who_was_called_by_mistake_or_waits_again_or_went_home_is_on_no_board(hall: Hall) -> None:
    undone, returned = hall.arrive(), hall.arrive()
    home = hall.check_in().ticket
    hall.do("call", undone)
    assert shown(hall) == [undone]
    hall.undo()
    hall.do("call", returned)
    hall.do("return_to_queue", returned)
    hall.do("call", home.ticket_id)
    hall.store.cancel(str(home.visit_id), "nurse-1", "")
    assert shown(hall) == []


def test_a_quiet_room_is_found_behind_hundreds_of_calls_elsewhere(hall: Hall) -> None:
    quiet = hall.arrive("XN")
    hall.next("4")
    for _ in range(250):
        hall.arrive()
        hall.next("2")
    assert shown(hall, "4") == [quiet]


def test_another_process_sees_that_something_was_called(tmp_path: Path) -> None:
    settings = hospital(tmp_path)
    with opened(settings) as here, opened(settings) as there:
        here.arrive()
        before = here.queue.version(), there.queue.version()
        here.next()
        assert here.queue.version() != before[0]
        assert there.queue.version() != before[1]
        assert there.queue.version() == there.queue.version()


def board(hall: Hall, fresh_seconds: int = 60, **changed: object) -> BoardRead:
    (read,) = hall.queue.boards([BoardSettings(name="hall", **changed)], fresh_seconds)  # type: ignore[arg-type]
    return read


def fresh(hall: Hall, fresh_seconds: int = 60) -> list[str]:
    return [call.ticket_id for call in board(hall, fresh_seconds).fresh]


def test_what_is_still_to_be_spoken_comes_oldest_first_and_grows_old(hall: Hall) -> None:
    first, second = hall.arrive(), hall.arrive()
    hall.next("2")
    hall.later(seconds=40)
    hall.next("3")
    assert fresh(hall) == [first, second]
    hall.later(seconds=30)
    assert fresh(hall) == [second]
    assert fresh(hall, 300) == [first, second]


def test_whoever_came_or_was_called_by_mistake_is_not_to_be_spoken_any_more(hall: Hall) -> None:
    served, done, undone, missed = (hall.arrive() for _ in range(4))
    hall.do("call", served, counter="2")
    hall.do("begin", served, counter="2")
    hall.do("call", done, counter="3")
    hall.do("finish", done, counter="3")
    hall.do("call", undone, counter="3")
    hall.undo("3")
    hall.do("call", missed, counter="3")
    assert fresh(hall) == [missed]
    hall.do("miss", missed, counter="3")
    assert fresh(hall) == ([missed] if hall.row(missed)["standing"] == "missed" else [])


def test_a_repeated_call_is_to_be_spoken_as_the_newer_one(hall: Hall) -> None:
    ticket = hall.arrive()
    hall.next("2")
    (before,) = board(hall).fresh
    hall.do("recall", ticket, counter="2")
    (after,) = board(hall).fresh
    assert after.sequence > before.sequence
    assert after.again


def test_names_are_read_only_for_a_board_that_shows_them(hall: Hall) -> None:
    hall.arrive()
    hall.next("2")
    assert [call.full_name for call in board(hall).calls] == [None]
    assert [call.full_name for call in board(hall, names="masked").calls] == ["NGUYỄN THỊ LAN"]
    assert [call.full_name for call in board(hall, names="masked").fresh] == [None]


def test_a_board_counts_all_who_wait_for_its_counters(hall: Hall) -> None:
    for service in ("KB", "KB", "KB", "XN"):
        hall.arrive(service)
    hall.next("2")
    assert board(hall).waiting == {"RECEPTION": 0, "KB": 2, "XN": 1}
    assert board(hall, counters=("2",), next_up=1).waiting == {"KB": 2}
    assert board(hall, counters=("2",), next_up=1).next_up == ("K0002",)
    assert board(hall).next_up == ()
