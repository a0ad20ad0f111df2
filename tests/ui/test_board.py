"""The calling boards over HTTP: for whom, what of a person they show, and one look at the queue for all of them."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.front import BoardSettings
from kiosk.accounts import Role
from kiosk.queue.model import Priority
from tests.ui.board_hall import BOARDS, LABORATORY, PLAIN, BoardHall
from ui.board.stream import Shown, board_events
from ui.desk.access import Scope
from ui.voice import CALLS, Clip, Voice
from wire.database import DatabaseUnavailable

NAME = ("NGUYỄN", "THỊ", "nguyễn")


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[BoardHall]:
    with closing(BoardHall(tmp_path)) as opened:
        yield opened


def told(boards: BoardHall, name: str, client: FlaskClient | None = None) -> dict[str, str]:
    """The first part and the first calls of a board's stream."""
    client = client or boards.site.sign_in(Role.RECEPTIONIST)
    answer = client.get(f"/board/{name}/events", buffered=False)
    assert answer.status_code == 200, answer.text
    found = {}
    for block in islice((block.decode() for block in answer.response), 3):
        kind, *lines = block.strip().split("\n")
        found[kind.removeprefix("event: ")] = "\n".join(line.removeprefix("data: ") for line in lines)
    answer.close()
    return found


@pytest.mark.parametrize("role", list(Role))
def test_every_member_of_the_staff_may_see_a_board(boards: BoardHall, role: Role) -> None:
    client = boards.site.sign_in(role)
    listed = client.get("/board")
    assert all(f'href="/board/{board.name}"' in listed.text for board in BOARDS)
    page = client.get("/board/hall")
    assert page.status_code == 200
    assert "Sảnh chính" in page.text
    assert "Main hall" in page.text


def test_nobody_else_may_but_a_machine_that_shows_boards(boards: BoardHall) -> None:
    for path in ("/board", "/board/hall", "/board/hall/events", "/board/nobody"):
        assert boards.site.stranger().get(path).status_code in (302, 303, 401)
        assert boards.machine(Scope.BOARD).get(path).status_code == (404 if path.endswith("nobody") else 200)
        assert boards.machine(Scope.QUEUE).get(path).status_code == 403


def test_a_board_that_is_not_there_says_so_and_names_those_that_are(boards: BoardHall) -> None:
    answer = boards.site.sign_in(Role.SUPERVISOR).get("/board/nobody")
    assert answer.status_code == 404
    assert "Không có bảng gọi số tên này" in answer.text
    assert 'href="/board/lab"' in answer.text


def test_without_boards_in_the_settings_there_is_one_for_everything(tmp_path: Path) -> None:
    with closing(BoardHall(tmp_path, boards=())) as boards:
        boards.hall.arrive()
        boards.hall.next("2")
        assert "K0001" in told(boards, "hall")["part"]


def test_a_board_without_names_holds_none_in_page_stream_or_log(
    boards: BoardHall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    boards.hall.arrive()
    boards.hall.next("2")
    everything = " ".join([*told(boards, "hall").values(), caplog.text])
    assert "K0001" in everything
    assert not [part for part in ("LAN", "Lan", *NAME) if part in everything]
    (read,) = boards.site.queue.boards(BOARDS[:1], 300)
    assert [call.full_name for call in (*read.calls, *read.fresh)] == [None, None]


def test_a_board_with_names_gets_masked_ones_only(boards: BoardHall, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    boards.hall.arrive()
    boards.hall.next("2")
    found = told(boards, "named")
    assert "N. T. LAN" in found["part"]
    assert not [part for part in NAME if part in " ".join([*found.values(), caplog.text])]
    assert "LAN" not in found["calls"] + caplog.text


def test_each_board_shows_its_own_counters_in_its_own_languages(boards: BoardHall) -> None:
    boards.hall.arrive("KB")
    boards.hall.arrive("XN")
    boards.hall.next("2")
    boards.hall.next("4")
    hall, laboratory = told(boards, "hall")["part"], told(boards, "lab")["part"]
    assert "K0001" in hall
    assert "X0001" in hall
    assert '<span lang="vi">Quầy 2</span><span lang="en">Counter 2</span>' in hall
    assert "K0001" not in laboratory
    assert '<span lang="en">Laboratory</span>' in laboratory
    assert 'lang="vi"' not in laboratory


def test_others_understand_who_goes_first_and_nobody_learns_why(boards: BoardHall) -> None:
    boards.hall.arrive(priority=Priority.SEVERE_DISABILITY)
    urgent = boards.hall.arrive()
    boards.hall.do("prioritise", urgent, Priority.EMERGENCY, True, "chest pain", counter="2")
    boards.hall.next("2")
    boards.hall.next("3")
    part = told(boards, "hall")["part"]
    assert 'class="call priority"' in part
    assert 'class="call emergency"' in part
    assert "Cấp cứu" in part
    assert "Ưu tiên theo luật" in part
    assert "severe_disability" not in part
    boards.hall.next("2")
    boards.hall.next("3")


def test_how_many_wait_and_who_is_next_stand_there(boards: BoardHall) -> None:
    for _ in range(4):
        boards.hall.arrive()
    boards.hall.next("2")
    part = told(boards, "named")["part"]
    assert part.count('class="upcoming"') == 3
    assert part.index("K0002") < part.index("K0003") < part.index("K0004")
    assert '<span lang="vi">Khám bệnh</span></span><b>3</b>' in part.replace("</span>\n", "</span>")


def test_a_call_is_told_as_clips_in_each_language_the_oldest_first(tmp_path: Path) -> None:
    recorded = {"voice.place.3": Clip(tmp_path / "none.ogg", "1")}
    with closing(BoardHall(tmp_path, voice=Voice({"vi": recorded, "en": {}}))) as boards:
        boards.hall.arrive()
        boards.hall.arrive()
        boards.hall.next("2")
        boards.hall.next("3")
        found = json.loads(told(boards, "hall")["calls"])
    first, second = found["told"]["calls"]
    assert [one["language"] for one in first["spoken"]] == ["vi", "en"]
    assert first["spoken"][0]["clips"][:3] == ["voice.call", "voice.letter.K", "voice.digit.0"]
    assert first["spoken"][0]["clips"][-2:] == ["voice.to_counter", "voice.digit.2"]
    assert second["spoken"][0]["clips"][-1] == "voice.place.3"
    assert second["spoken"][1]["clips"][-2:] == ["voice.to_counter", "voice.digit.3"]
    assert found["now"] == boards.site.clock.now().timestamp()


@pytest.fixture
def reads(boards: BoardHall) -> list[object]:
    """Each time that the queue is read for a board."""
    counted: list[object] = []
    queue = boards.site.queue
    read = queue.boards

    def reading(*asked: Any) -> Any:
        counted.append(asked)
        return read(*asked)

    queue.boards = reading  # type: ignore[method-assign]
    return counted


def test_the_queue_is_read_once_for_each_change_however_many_look_at_a_board(
    boards: BoardHall, reads: list[object]
) -> None:
    client = boards.site.sign_in(Role.RECEPTIONIST)
    boards.hall.arrive()
    for _ in range(3):
        assert not any("K0001" in told(boards, board.name, client)["part"] for board in (PLAIN, LABORATORY))
    assert len(reads) == 2
    boards.hall.next("2")
    for _ in range(3):
        assert "K0001" in told(boards, PLAIN.name, client)["part"]
        assert "K0001" not in told(boards, LABORATORY.name, client)["part"]
    assert len(reads) == 4


def test_at_midnight_a_board_is_empty_though_nobody_wrote_anything(boards: BoardHall, reads: list[object]) -> None:
    client = boards.machine(Scope.BOARD)
    boards.hall.arrive()
    boards.hall.next("2")
    assert "K0001" in told(boards, "hall", client)["part"]
    boards.site.clock.wall += timedelta(days=1)
    assert "K0001" not in told(boards, "hall", client)["part"]
    assert len(reads) == 2


def test_a_board_that_comes_hours_after_the_last_call_is_told_the_time_of_now(
    boards: BoardHall, reads: list[object]
) -> None:
    client = boards.machine(Scope.BOARD)
    boards.hall.arrive()
    boards.hall.next("2")
    begun = json.loads(told(boards, "hall", client)["calls"])["now"]
    boards.site.clock.wall += timedelta(hours=3)
    assert json.loads(told(boards, "hall", client)["calls"])["now"] == begun + 3 * 3600
    assert len(reads) == 1


def test_a_language_without_words_or_voice_says_nothing_twice(tmp_path: Path) -> None:
    board = BoardSettings(name="hall", languages=("vi", "rad"), counters=("2",))
    clips = {name: Clip(tmp_path / f"{name}.ogg", "1") for name in CALLS}
    with closing(BoardHall(tmp_path, boards=(board,), voice=Voice({"vi": clips, "rad": clips}))) as boards:
        boards.hall.arrive()
        boards.hall.next("2")
        found = told(boards, "hall")
        page = boards.site.sign_in(Role.RECEPTIONIST).get("/board/hall").text
    (call,) = json.loads(found["calls"])["told"]["calls"]
    assert [one["language"] for one in call["spoken"]] == ["vi"]
    assert found["part"].count("Quầy 2") == found["part"].count("Vừa gọi") == page.count("Chưa có tiếng") == 1
    assert 'lang="rad"' not in found["part"] + page


def test_a_database_that_is_away_is_told_and_the_board_goes_on_when_it_is_back() -> None:
    broken = [False, True, False, False]

    def look() -> Shown:
        if broken.pop(0):
            raise DatabaseUnavailable(why="test")
        return Shown("K0001", [], lambda: 7.0)

    events = list(filter(None, board_events([None] * 4, look, "b1")))
    shown = [b"event: part\ndata: K0001\n\n", b'event: calls\ndata: {"now":7.0,"told":[]}\n\n']
    trouble = f"event: trouble\ndata: {DatabaseUnavailable.code}\n\n".encode()
    assert events == [b"event: hello\ndata: b1\n\n", *shown, trouble, *shown]


def test_a_board_where_nothing_happens_is_told_that_the_server_lives() -> None:
    moments = iter(range(0, 100, 6))
    events = list(filter(None, board_events([None] * 6, lambda: Shown("", ""), "b1", lambda: next(moments))))
    assert [event for event in events[3:] if b"event: alive" not in event] == []
    assert len(events) > 4
