"""Streams sleep until somebody wrote: one look at the database for all of them, and none where nobody listens."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from config.settings import database_path
from kiosk.accounts import Role
from kiosk.clock import SystemClock
from kiosk.connection import SharedConnection, site_database
from kiosk.sessions import open_sessions
from kiosk.store import open_store
from tests.kiosk.world import HandClock
from tests.support.waiting import LONG_SECONDS, wait_until
from tests.ui.counter_desk import CounterDesk
from ui.desk.app import CLOSERS
from ui.desk.gate import cookie_name
from ui.desk.news import GAP_SECONDS, LOOK_SECONDS, News
from ui.desk.parts import desk_of
from ui.desk.streams import MOST_OF_ONE, Leases, Place, TooManyStreams
from wire.database import DatabaseUnavailable


class Listener:
    """Somebody who looks whenever they are told to, in a thread of their own."""

    def __init__(self, news: News, seconds: float = LONG_SECONDS) -> None:
        self.looks = 0
        self._looks = news.looks(seconds)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        for _ in self._looks:
            self.looks += 1

    def asleep(self, looks: int) -> None:
        wait_until(lambda: self.looks >= looks, LONG_SECONDS, f"look {looks}")


class Counted:
    """A version that a test changes, and how often it was asked for."""

    def __init__(self) -> None:
        self.now: object = 1
        self.asked = 0
        self.news = News(self.version)
        self.told: list[int] = []  # after how many looks there was news
        self._wake = self.news.wake
        self.news.wake = self._telling  # type: ignore[method-assign]

    def _telling(self) -> None:
        self.told.append(self.asked)
        self._wake()

    def version(self) -> object:
        self.asked += 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def more_looks(self, count: int) -> None:
        """Waits until the database was asked so many times again."""
        from_here = self.asked
        wait_until(lambda: self.asked >= from_here + count, LONG_SECONDS, "looks at the database")


@pytest.fixture
def counted() -> Iterator[Counted]:
    made = Counted()
    yield made
    made.news.close()


def test_a_stream_sleeps_while_nobody_writes_however_often_the_database_is_asked(counted: Counted) -> None:
    listeners = [Listener(counted.news) for _ in range(25)]
    for one in listeners:
        one.asleep(1)
    counted.more_looks(2)
    rest = [one.looks for one in listeners]
    begun, asked = time.monotonic(), counted.asked
    counted.more_looks(4)
    assert [one.looks for one in listeners] == rest
    # One asks for all of them: with a look of its own each would have asked twenty-five times as often.
    assert counted.asked - asked <= (time.monotonic() - begun) / LOOK_SECONDS + 2


def test_what_somebody_wrote_is_told_to_all_at_once_and_once(counted: Counted) -> None:
    listeners = [Listener(counted.news) for _ in range(5)]
    for one in listeners:
        one.asleep(1)
    wait_until(lambda: counted.asked > GAP_SECONDS / LOOK_SECONDS, LONG_SECONDS, "the first look to be over")
    before = [one.looks for one in listeners]
    counted.now, asked = 2, counted.asked
    wait_until(lambda: all(one.looks > seen for one, seen in zip(listeners, before, strict=True)), LONG_SECONDS, "news")
    assert counted.told[-1] - asked <= 2
    counted.more_looks(4)
    assert [one.looks for one in listeners] == [seen + 1 for seen in before]


def test_a_press_of_our_own_waits_for_no_gap(counted: Counted) -> None:
    listener = Listener(counted.news)
    listener.asleep(1)
    for number in range(2, 30):
        seen, counted.now = listener.looks, number
        asked = counted.asked
        counted.news.hurry()
        wait_until(lambda seen=seen: listener.looks > seen, LONG_SECONDS, "news")  # type: ignore[misc]
        assert counted.told[-1] - asked <= 2


def test_what_was_written_while_a_stream_looked_is_told_by_its_next_look(counted: Counted) -> None:
    looks = counted.news.looks(threading.TIMEOUT_MAX)
    next(looks)
    counted.news.wake()
    next(looks)


def test_where_nobody_listens_nobody_asks_the_database(counted: Counted) -> None:
    listener = Listener(counted.news, seconds=0.0)
    listener.asleep(3)
    looks = counted.news.looks()
    next(looks)
    counted.news.close()
    listener.thread.join(LONG_SECONDS)
    asked = counted.asked
    assert list(looks) == []
    assert counted.asked == asked


def test_a_database_that_goes_away_and_comes_back_is_told_each_time(counted: Counted) -> None:
    listener = Listener(counted.news)
    listener.asleep(1)
    for now in (DatabaseUnavailable(why="test"), 2, DatabaseUnavailable(why="test"), 3):
        seen, counted.now = listener.looks, now
        wait_until(lambda seen=seen: listener.looks > seen, LONG_SECONDS, "news")  # type: ignore[misc]


def test_a_stream_looks_now_and_then_though_nobody_wrote_and_ends_with_the_server(counted: Counted) -> None:
    listener = Listener(counted.news, seconds=0.001)
    listener.asleep(5)
    sleeping = Listener(counted.news)
    counted.news.close()
    for one in (listener, sleeping):
        one.thread.join(LONG_SECONDS)
        assert not one.thread.is_alive()


def sleeping(desk: CounterDesk) -> None:
    """Its streams look when they are woken and never otherwise."""
    news = desk.streams.news
    news.looks = partial(news.looks, threading.TIMEOUT_MAX)  # type: ignore[method-assign]


def test_what_another_process_writes_reaches_a_page_within_a_few_looks(tmp_path: Path) -> None:
    with closing(CounterDesk(tmp_path)) as desk, closing(open_store(desk.settings, HandClock())) as kiosk:
        sleeping(desk)
        answer = desk.client().get("/counter/list/events", buffered=False)
        events = iter(answer.response)
        assert b"event: part" in next(events)  # type: ignore[arg-type]
        threading.Timer(0.05, kiosk.counter_ticket, ("run-1",)).start()
        assert b"A0001" in next(one for one in events if b"part" in one)  # type: ignore[operator]
        answer.close()


def test_a_stream_of_a_session_that_ended_says_so_and_ends_before_it_tells_anything_more(tmp_path: Path) -> None:
    with closing(CounterDesk(tmp_path)) as desk:
        sleeping(desk)
        client = desk.client()
        answer = client.get("/counter/list/events", buffered=False)
        events = iter(answer.response)
        next(events)
        threading.Timer(0.05, client.post, ("/sign-out",)).start()
        assert list(events) == [b"event: over\ndata:\n\n"]
        answer.close()


def test_a_place_that_was_left_is_free_at_once_and_its_thread_is_woken() -> None:
    leases, gone = Leases(most=MOST_OF_ONE + 2), [False]
    woken = Listener(leases.news)
    woken.asleep(1)
    left: Callable[[], bool] = lambda: gone[0]  # noqa: E731
    for _ in range(MOST_OF_ONE):
        leases.take(Place("lan", left))
    leases.take(Place("mai"))
    with pytest.raises(TooManyStreams):
        leases.take(Place("lan"))
    looks, gone[0] = woken.looks, True
    for whose in ("lan", "tuan"):  # also where all places together were taken
        leases.take(Place(whose))
    wait_until(lambda: woken.looks > looks, LONG_SECONDS, "a thread to notice")
    leases.close()


def test_every_kind_of_stream_has_the_same_measure(tmp_path: Path) -> None:
    with closing(CounterDesk(tmp_path)) as desk:
        client = desk.client(Role.SUPERVISOR)
        paths = ("/counter/events", "/counter/list/events", f"/counter/tickets/{desk.visit('run-1')}/events")
        opened = [client.get(paths[number % 2], buffered=False) for number in range(MOST_OF_ONE)]
        assert {one.status_code for one in opened} == {200}
        assert {client.get(path).status_code for path in paths[:2]} == {503}
        for one in opened:
            one.close()
        assert desk.streams.open() == 0


def test_the_desks_own_look_waits_for_nobodys_write(tmp_path: Path) -> None:
    with closing(CounterDesk(tmp_path)) as desk, closing(SharedConnection(site_database(desk.settings))) as other:
        before = desk.streams.news.version()
        with other.using() as connection, desk.site.sessions.connection.using():
            connection.execute("BEGIN IMMEDIATE")
            assert desk.streams.news.version() == before
            connection.execute("ROLLBACK")


def test_a_desk_that_stops_lets_the_database_go_in_every_part(tmp_path: Path) -> None:
    with closing(CounterDesk(tmp_path)) as site:
        app, name = desk_of(site.settings), site.site.account(Role.SUPERVISOR)
    with closing(open_sessions(site.settings, SystemClock())) as sessions:
        token = sessions.begin(name)
    client = app.test_client()
    client.set_cookie(cookie_name(site.settings), token)
    for path in ("/place", "/counter/list", "/api/v1/health", "/people", "/machines"):
        assert client.get(path).status_code == 200, path
    stream = client.get("/board/hall/events", buffered=False)
    assert b"hello" in next(iter(stream.response))  # type: ignore[operator]
    next(iter(stream.response))
    assert held(database_path(site.settings))
    for close in app.extensions[CLOSERS]:
        close()
    wait_until(lambda: not held(database_path(site.settings)), LONG_SECONDS, "a database that nobody holds")
    stream.close()


def held(file: Path) -> list[str]:
    """What this process has open of the database."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += [name for name in [str(one.readlink())] if name.startswith(str(file))]
    return found
