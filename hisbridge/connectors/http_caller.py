"""What every connector over HTTP shares: one call with its deadline, its failures in a delivery's own words, secrets.

A call that put no byte on the wire left the receiver untouched; any other that failed may have been carried out
(bridge.md 1.3).
"""

import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from config.destinations import HttpDestination
from hisbridge.connectors.contract import Outcome
from hisbridge.errors import (
    DestinationSetup,
    DestinationUnreachable,
    GarbledAnswer,
    NoAnswer,
    PortalCaFile,
    PortalCertificate,
    PortalError,
    PortalTimeout,
    PortalTooLarge,
)
from hisbridge.http import Answer, Poster, Question
from hisbridge.lookups.patience import wanted_pause
from hisbridge.trust import trust

MAX_ANSWER = 1 << 18  # bytes; whatever a receiver tells of one visit has a few thousand
MAX_SECRET = 1 << 14  # bytes of a secret's file
JSON = "application/json; charset=utf-8"

_LATER = frozenset({408, 423, 425, 429})
_SETUP = frozenset({401, 403, 404, 405, 407, 410, 501})
CONFLICT = 409


class HttpCaller:
    """One destination, called from one thread; its connections are kept. Files of trust that changed are read anew."""

    def __init__(
        self,
        destination: HttpDestination,
        monotonic: Callable[[], float] = time.monotonic,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._destination = destination
        self._monotonic = monotonic
        self._max_answer = max_answer
        self._poster: Poster | None = None
        self._files: tuple[object, ...] = ()

    def call(self, question: Question) -> Answer:
        """The answer, whatever its status, within the destination's time-out.

        Raises DestinationUnreachable (nobody has read the question), NoAnswer, GarbledAnswer (the outcome is not
        known), DestinationSetup.
        """
        poster = self._made()
        try:
            return poster(question, self._monotonic() + self._destination.timeout_seconds)
        except PortalCertificate as error:
            # Nothing was told to it, and a renewed certificate mends it without us.
            failure: Exception = DestinationUnreachable(why=f"tls_{error.data.get('why')}")
        except PortalTooLarge as error:
            failure = GarbledAnswer(why="too_large", status=error.data.get("status"))
        except PortalError as error:
            why = "timeout" if isinstance(error, PortalTimeout) else "connection"
            failure = NoAnswer(why=why) if poster.sent else DestinationUnreachable(why=why)
        raise failure

    def close(self) -> None:
        """Drop the connections that are kept."""
        if self._poster is not None:
            self._poster.close()
        self._poster = None

    def _made(self) -> Poster:
        wanted = self._destination
        names = (wanted.ca_file, wanted.certificate_file, wanted.key_file)
        files = tuple(_age(name) for name in names)
        if self._poster is None or files != self._files:
            self.close()
            try:
                self._poster = Poster(self._max_answer, trust(*names), self._monotonic)
            except PortalCaFile:
                raise DestinationSetup(key="ca_file", why="unusable") from None
            self._files = files
        return self._poster


def joined(base_url: str, path: str) -> str:
    """The address of a path below the base; an empty path is the base itself."""
    return f"{base_url.rstrip('/')}/{path.lstrip('/')}" if path else base_url


def outcome_of(status: int) -> Outcome:
    """What an HTTP status means for a delivery where the receiver tells nothing else (RFC 9110, 15).

    2xx: taken. 408, 423, 425, 429 and 5xx: its own trouble. 401, 403, 404, 405, 407, 410, 501 and every redirect, for
    none is followed: account, secret or address are wrong for every record. Other 4xx: this record is refused.
    """
    if 200 <= status < 300:
        return Outcome.ACKNOWLEDGED
    if status in _SETUP or status < 400:
        return Outcome.MISCONFIGURED
    if status in _LATER or status >= 500:
        return Outcome.TRY_LATER
    return Outcome.REJECTED


def later(answer: Answer) -> float:
    """Seconds for which a receiver in trouble of its own wants to be left alone (Retry-After: RFC 9110, 10.2.3).

    0 where it asks for none, or says nothing usable; unbounded: the courier bounds it.
    """
    return wanted_pause(answer, lambda: datetime.now(UTC)) if outcome_of(answer.status) is Outcome.TRY_LATER else 0.0


def secret(file: str, key: str) -> bytes:
    """A secret's file without its line end, read anew each time, so that a changed one needs no restart.

    Others on the machine may not read it; a group may, as systemd hands credentials out that way. `key` names the
    setting. Raises DestinationSetup.
    """
    why = "missing"
    try:
        with Path(file).open("rb") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o027:
                why = "exposed"
            elif told := opened.read(MAX_SECRET).removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n"):
                return told
    except (OSError, ValueError):
        pass
    raise DestinationSetup(key=key, why=why)


def _age(file: str) -> tuple[int, int, int] | None:
    try:
        told = Path(file).stat() if file else None
    except (OSError, ValueError):
        return None
    return (told.st_mtime_ns, told.st_size, told.st_ino) if told else None
