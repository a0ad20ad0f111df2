"""How a line of the log is written, the same in every process: text for people, JSON for machines (`settings.log`).

A line says when, how serious, who, for which request, and the code of the error it tells. It never holds a query string
or a person: whoever logs sees to that, and tests/endtoend/test_nothing_leaks.py to them. Must not import Flask.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from wire.errors import TiepDonError
from wire.request_id import current

# syslog(3) levels, which systemd reads from the beginning of a line (sd-daemon(3), "SD_ERR" and others).
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7


class Wanted(Protocol):
    """`settings.log`."""

    @property
    def format(self) -> str: ...

    @property
    def level(self) -> str: ...


def set_up(
    wanted: Wanted, process: str, stream: TextIO | None = None, environment: Mapping[str, str] | None = None
) -> None:
    """Write this process's log to `stream` (default: standard error) as the settings want it."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    in_journal = is_journal(stream, os.environ if environment is None else environment)
    plain: logging.Formatter = JsonLines(process) if wanted.format == "json" else TextLines(in_journal)
    handler.setFormatter(Prioritised(plain) if in_journal else plain)
    logging.basicConfig(level=wanted.level.upper(), handlers=[handler])


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream is the journal's own (systemd.exec(5), JOURNAL_STREAM: device and inode)."""
    told = environment.get("JOURNAL_STREAM", "")
    try:
        here = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return told == f"{here.st_dev}:{here.st_ino}"


class TextLines(logging.Formatter):
    """`2026-11-23T06:15:47.123Z WARNING kiosk.store: [request] message`; the journal, which knows the time, has it
    without."""

    def __init__(self, timeless: bool = False) -> None:
        super().__init__()
        self._timeless = timeless

    def format(self, record: logging.LogRecord) -> str:
        """One line, and those of a traceback behind it."""
        request = f"[{name}] " if (name := current()) else ""
        when = "" if self._timeless else f"{_moment(record)} "
        lines = f"{when}{record.levelname} {record.name}: {request}{one_line(record.getMessage())}"
        trace = _trace(self, record)
        return f"{lines}\n{trace}" if trace else lines


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, process, message; request_id, code and trace where there are any."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        told: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": record.getMessage(),
        }
        optional = {"request_id": current(), "code": code_of(record), "trace": _trace(self, record)}
        told |= {name: text for name, text in optional.items() if text}
        return json.dumps(told, ensure_ascii=False)


class Prioritised(logging.Formatter):
    """Another's lines, each begun as the journal wants them, so that `journalctl -p err` finds them."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        """Every line of it: a line without a priority would be the journal's own default, not the record's."""
        mark = f"<{priority(record.levelno)}>"
        return "\n".join(mark + line for line in self._lines.format(record).split("\n"))


def priority(level: int) -> int:
    """A level of Python's as one of syslog's (RFC 5424, 6.2.1)."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def code_of(record: logging.LogRecord) -> str:
    """The code of the error a record tells of: as an argument, as what was raised, or by name; empty where none."""
    told = getattr(record, "code", None)
    if isinstance(told, str):
        return told
    given = record.args if isinstance(record.args, tuple) else ()
    raised = record.exc_info[1] if record.exc_info else None
    return next((one.code for one in (*given, raised) if isinstance(one, TiepDonError)), "")


def one_line(text: str) -> str:
    """No message of somebody else's making begins a line of its own (CWE-117)."""
    return "".join(letter if letter.isprintable() else " " for letter in text) if not text.isprintable() else text


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
