"""Put before a run's own modules by test_nothing_leaks.py: every process tells all it can, and breaks when told to.

Loaded by the interpreter at its start (site, "sitecustomize"); the folder in WATCHING holds the switches as files.
"""

import faulthandler
import hashlib
import logging
import os
import secrets
from pathlib import Path
from typing import Any

switches = Path(os.environ["WATCHING"])
_set_up, _md5, _token = logging.basicConfig, hashlib.md5, secrets.token_urlsafe

faulthandler.enable()  # a process that is told to abort shows where each of its threads is


class Whole(logging.Formatter):
    """A process's own lines, what each was given, and the same once more in the other format."""

    def __init__(self, own: logging.Formatter) -> None:
        super().__init__()
        self._own = own

    def format(self, record: logging.LogRecord) -> str:
        from wire.log import JsonLines, TextLines  # wire is not to be imported before the process begins

        other = TextLines() if isinstance(self._own, JsonLines) else JsonLines("watched")
        return f"{self._own.format(record)} {record.args}\n{other.format(record)}"


def everything(**options: Any) -> None:
    """Debug level for every logger, with what each was given."""
    for handler in options.get("handlers", ()):
        handler.setFormatter(Whole(handler.formatter))
    _set_up(**{**options, "level": 1})


def password_hash(content: bytes = b"", **options: Any) -> Any:
    """An error nobody foresaw, at the moment when the portal's password is in hand and its text quotes it."""
    if (switches / "leak").exists():
        logging.getLogger("planted").debug("asking with %s", content.decode())
    if (switches / "break").exists():
        raise LookupError(content.decode())
    return _md5(content, **options)


def token(size: int | None = None) -> str:
    """A token that is known again wherever it stands."""
    return f"{os.environ['MARK']}{_token(size)}"


logging.basicConfig = everything  # type: ignore[assignment]
hashlib.md5 = password_hash
secrets.token_urlsafe = token
