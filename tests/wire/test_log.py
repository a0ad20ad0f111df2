"""A line of the log: readable, or one JSON object; named by its request; in the journal with its priority."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wire.client import Client
from wire.database import DatabaseUnavailable
from wire.log import JsonLines, Prioritised, TextLines, is_journal
from wire.request_id import HEADER, begin, carried, current, new_id, taken, working_for
from wire.server import Request, Response, json_response, serving


def record(message: str, *args: object, level: int = logging.WARNING, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("kiosk.store", level, __file__, 1, message, args, more.pop("exc_info", None))
    made.__dict__.update(more)
    return made


def test_a_line_of_text_says_when_how_serious_who_and_for_which_request() -> None:
    with working_for("0123456789abcdef"):
        line = TextLines().format(record("late answers: %s", "x"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING kiosk\.store: \[0123456789abcdef\] late answers: x", line
    )
    assert TextLines(timeless=True).format(record("x")) == "WARNING kiosk.store: x"


def test_a_line_of_json_is_one_object_with_the_code_of_the_error_it_tells() -> None:
    with working_for("0123456789abcdef"):
        line = JsonLines("kiosk").format(record("commit: %s", DatabaseUnavailable(why="disk I/O")))
    told = json.loads(line)
    assert "\n" not in line
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "warning",
        "logger": "kiosk.store",
        "process": "kiosk",
        "message": "commit: database.unavailable why=disk I/O",
        "request_id": "0123456789abcdef",
        "code": "database.unavailable",
    }
    assert json.loads(JsonLines("kiosk").format(record("x", code="a.b")))["code"] == "a.b"


def test_what_was_raised_is_told_with_its_trace_and_its_code() -> None:
    try:
        raise DatabaseUnavailable(why="x")
    except DatabaseUnavailable:
        told = json.loads(JsonLines("desk").format(record("failed", exc_info=sys.exc_info())))
    assert told["code"] == "database.unavailable"
    assert told["trace"].startswith("Traceback")


@pytest.mark.parametrize("text", ["a\nERROR kiosk.store: forged", "a\r\n<0>b", "a\x1b[2Jb", "a\u2028b", "a\x00b"])
def test_no_message_begins_a_line_of_its_own_or_steers_a_terminal(text: str) -> None:
    line = TextLines(timeless=True).format(record("%s", text))
    assert line.isprintable()
    assert len(JsonLines("x").format(record("%s", text)).splitlines()) == 1 or "\u2028" in text


def test_in_the_journal_every_line_begins_with_its_priority() -> None:
    try:
        raise ValueError("x")
    except ValueError:
        lines = Prioritised(TextLines(timeless=True)).format(record("failed", level=40, exc_info=sys.exc_info()))
    assert len(lines.split("\n")) > 3
    assert all(line.startswith("<3>") for line in lines.split("\n"))
    for level, mark in ((50, "<2>"), (30, "<4>"), (20, "<6>"), (10, "<7>")):
        assert Prioritised(TextLines()).format(record("x", level=level)).startswith(mark)


def test_the_journal_is_known_by_its_own_stream(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        told = os.fstat(stream.fileno())
        assert is_journal(stream, {"JOURNAL_STREAM": f"{told.st_dev}:{told.st_ino}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{told.st_dev}:{told.st_ino + 1}"})  # redirected since
        assert not is_journal(stream, {})
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_process_writes_as_its_settings_want(tmp_path: Path, format_: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[log]\nformat = "{format_}"\nlevel = "warning"\n', "utf-8")
    script = (
        "import logging, sys, pathlib; from config.settings import load; from wire.log import set_up\n"
        "set_up(load(pathlib.Path(sys.argv[1])).log, 'bridge')\n"
        "logging.getLogger('a').info('not told'); logging.getLogger('a').warning('told')"
    )
    done = subprocess.run([sys.executable, "-c", script, site], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    if format_ == "json":
        assert json.loads(line)["message"] == "told"
    else:
        assert line.endswith(" WARNING a: told")


def test_a_request_keeps_its_name_over_sockets_and_threads(run_dir: Path) -> None:
    names: list[str] = []

    def answer(_: Request) -> Response:
        thread = threading.Thread(target=carried(lambda: names.append(current())))
        thread.start()
        thread.join()
        names.append(current())
        return json_response({})

    with serving(run_dir / "a.sock", {("GET", "/x"): answer}):
        with working_for("0123456789abcdef"):
            Client(run_dir / "a.sock").get("/x", dict[str, Any])
        assert names == ["0123456789abcdef"] * 2
        Client(run_dir / "a.sock").get("/x", dict[str, Any])  # of nobody's request: a name of its own
    assert names[2] == names[3] != "0123456789abcdef"
    assert re.fullmatch("[0-9a-f]{16}", names[2])


@pytest.mark.parametrize(
    "told", [None, "", "x", "0123456789ABCDEF", "0123456789abcdef\n", "0" * 17, "Nguyễn Văn An...."]
)
def test_a_name_that_is_not_ours_is_not_taken(told: str | None) -> None:
    assert taken(told) != told
    assert taken("0123456789abcdef") == "0123456789abcdef"
    assert len({new_id() for _ in range(1000)}) == 1000
    assert HEADER == "X-Request-ID"


def test_a_thread_begins_without_a_name() -> None:
    begin("0123456789abcdef")
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(current()))
    thread.start()
    thread.join()
    begin("")
    assert names == [""]
