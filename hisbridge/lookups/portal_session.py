"""The account with the insurance portal: its token, and one look-up under it (services.md 1.2, 1.3).

One token serves every officer of the account. However many threads need one, a single request fetches it and all
share what became of that request. Token and password hash appear in no log, no error and no repr.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from config.settings import PortalSettings
from hisbridge.errors import (
    PortalBadAccount,
    PortalError,
    PortalNotAllowed,
    PortalNotConfigured,
    PortalPasswordMissing,
    PortalServerError,
    PortalTimeout,
    PortalTokenFailed,
)
from hisbridge.http import Answer, Post, Question
from hisbridge.lookups.portal_json import needed, read_object, result_code
from hisbridge.lookups.result_codes import ACCOUNT_REFUSED
from wire.codec import to_json

REFRESH_EARLY = 60.0  # seconds before its end a token is not used any more
LIFETIME_WHEN_UNTOLD = 50 * 60.0  # what clients of the portal use in practice
LONGEST_LIFETIME = 24 * 3600.0  # no token is believed longer, whatever the clocks say
WORTH_A_TRY = 0.5  # seconds that must be left to fetch a token after somebody shorter of time gave up


@dataclass(frozen=True)
class Clocks:
    """Wall clock (aware) for what is said, monotonic seconds for what is waited."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, repr=False)
class Token:
    """What the portal gave for name and password."""

    access: str
    identity: str
    good_until: float  # monotonic seconds
    password: str  # the MD5 that was used; as good as the password itself


class PortalSession:
    """One account. May be used from several threads. Every deadline is in monotonic seconds."""

    def __init__(self, settings: PortalSettings, post: Post, clocks: Clocks) -> None:
        self._settings = settings
        self._post = post
        self._clocks = clocks
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._fetching: Future[Token] | None = None

    def look_up(self, form: Mapping[str, str], deadline: float) -> dict[str, Any]:
        """One look-up, what reception needs of it; with a fresh token once more where the portal refuses ours.

        Raises a PortalError; PortalNotAllowed where a fresh token is refused by HTTP status as well.
        """
        token = self.token(deadline)
        told = self._look_up(token, form, deadline)
        if not _refused(told):
            return needed(_object(told))
        told = self._look_up(self.token(deadline, refused=token), form, deadline)
        if told.status in (401, 403):
            raise PortalNotAllowed(status=told.status)
        return needed(_object(told))

    def token(self, deadline: float, refused: Token | None = None) -> Token:
        """The token in use, or a new one where it is spent or was `refused`. Raises a PortalError."""
        while True:
            with self._lock:
                held = self._token
                if held is not None and held is not refused and self._clocks.monotonic() < held.good_until:
                    return held
                fetching = self._fetching
                if fetching is None:
                    mine = self._fetching = Future()
                    self._token = None
            if fetching is None:
                return self._fetch(mine, deadline)
            try:
                return fetching.result(self._left(deadline))
            except TimeoutError:
                raise PortalTimeout from None
            except PortalError as error:
                # Whoever fetched had less time than we: their time-out says nothing about ours.
                if not isinstance(error, PortalTimeout) or self._left(deadline) < WORTH_A_TRY:
                    raise type(error)(**error.data) from None

    def _fetch(self, mine: Future[Token], deadline: float) -> Token:
        outcome: PortalError = PortalTokenFailed()
        token: Token | None = None
        try:
            token = self._taken(deadline)
            return token
        except PortalError as error:
            outcome = error
            raise
        finally:
            with self._lock:
                self._token = token
                self._fetching = None
            if token is not None:
                mine.set_result(token)
            else:
                mine.set_exception(outcome)

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._clocks.monotonic())

    def _look_up(self, token: Token, form: Mapping[str, str], deadline: float) -> Answer:
        question = Question(
            url=self._address("lookup_path"),
            body=to_json(dict(form)),
            content_type="application/json; charset=utf-8",
            query={
                "token": token.access,
                "id_token": token.identity,
                "username": self._settings.username,
                "password": token.password,
            },
        )
        return self._post(question, deadline)

    def _taken(self, deadline: float) -> Token:
        password = self._password_hash()
        if not self._settings.username:
            raise PortalNotConfigured(key="portal.username")
        question = Question(
            url=self._address("token_path"),
            body=urlencode({"username": self._settings.username, "password": password}).encode(),
            content_type="application/x-www-form-urlencoded",
            query={},
        )
        begun = self._clocks.monotonic()
        answer = self._post(question, deadline)
        if answer.status == 401:
            raise PortalBadAccount(status=answer.status)
        if answer.status == 403:  # an address that is not on the facility's list (services.md 1.1)
            raise PortalNotAllowed(status=answer.status)
        told = _object(answer)
        code = result_code(told)
        if code == ACCOUNT_REFUSED:
            raise PortalBadAccount
        key = told.get("apikey")
        if code != "200" or not isinstance(key, dict):
            raise PortalTokenFailed
        access, identity = key.get("access_token"), key.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str) or not access:
            raise PortalTokenFailed
        return Token(access, identity, begun + self._lifetime(key.get("expires_in")) - REFRESH_EARLY, password)

    def _lifetime(self, expires: object) -> float:
        """Seconds a token lives; `expires_in` is a date-time in UTC, not a number (services.md 1.2)."""
        try:
            end = datetime.fromisoformat(str(expires).strip())
        except ValueError:
            return LIFETIME_WHEN_UNTOLD
        end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
        seconds = (end - self._clocks.now()).total_seconds()
        if seconds <= REFRESH_EARLY:
            # A token born dead is a clock that is wrong, ours or theirs. A refusal is noticed and cured anyway.
            return LIFETIME_WHEN_UNTOLD
        return min(seconds, LONGEST_LIFETIME)

    def _password_hash(self) -> str:
        """MD5 in upper-case hex, as the portal wants it; read anew, so that a changed password needs no restart."""
        if not self._settings.password_file:
            raise PortalPasswordMissing
        try:
            password = Path(self._settings.password_file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise PortalPasswordMissing from None
        if not password:
            raise PortalPasswordMissing
        return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest().upper()

    def _address(self, key: str) -> str:
        base = self._settings.base_url.rstrip("/")
        try:
            usable = urlsplit(base).scheme in ("http", "https") and bool(urlsplit(base).hostname)
        except ValueError:
            usable = False
        if not usable:
            raise PortalNotConfigured(key="portal.base_url")
        path: str = getattr(self._settings, key)
        return f"{base}/{path.lstrip('/')}"


def _refused(answer: Answer) -> bool:
    """Whether the portal does not accept the token: by HTTP status or by its result code."""
    if answer.status in (401, 403):
        return True
    if answer.status != 200:
        return False
    try:
        return result_code(read_object(answer.body)) == ACCOUNT_REFUSED
    except PortalError:
        return False


def _object(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise PortalServerError(status=answer.status)
    return read_object(answer.body)
