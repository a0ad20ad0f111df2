"""How a request to the population register is let in: X-Road with a hash per request, an LGSP with a token.

Every variant of services.md 4.3 (authentication) is one class here; a province's own differences are settings and
the secret's file. Secrets are read anew for every request, so that a changed one needs no restart.
"""

import base64
import codecs
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import msgspec

from config.settings import PopulationSettings
from hisbridge.errors import LookupOffline, PortalCertificate, PortalError, PortalTimeout, PortalTooLarge
from hisbridge.http import Answer, Post, Question
from hisbridge.lookups.population_errors import (
    PopulationBadAccount,
    PopulationCertificate,
    PopulationError,
    PopulationNotAllowed,
    PopulationNotConfigured,
    PopulationPasswordMissing,
    PopulationRequestRefused,
    PopulationServerError,
    PopulationTimeout,
    PopulationTokenFailed,
    PopulationTooLarge,
    PopulationUnreachable,
)
from hisbridge.site_time import SiteTime
from wire.codec import to_json

MAX_ANSWER = 1 << 18  # bytes; an answer of the register is about 4 kB
MAX_SECRET = 1 << 14  # bytes of the secret's file
REFRESH_EARLY = 30.0  # seconds before its end a token is not used any more
LIFETIME_WHEN_UNTOLD = 300.0  # seconds; RFC 6749 5.1 only recommends to tell it
LONGEST_LIFETIME = 24 * 3600.0

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*")  # RFC 6750, 2.1
_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
_PASSING = frozenset({408, 425, 429})  # client errors that mean: later


class Access(Protocol):
    """Sends a body to the register's address, let in by whatever this transport wants."""

    def send(self, body: bytes, content_type: str, headers: Mapping[str, str], deadline: float) -> Answer:
        """The answer of the register's gateway, of any status but 401 and 403. Raises a PopulationError."""
        ...


class XRoadAccess:
    """HTTP Basic with a hash made for each request, and who asks in X-Road-Client."""

    def __init__(self, settings: PopulationSettings, post: Post, time: SiteTime) -> None:
        self._settings = settings
        self._post = post
        self._time = time

    def send(self, body: bytes, content_type: str, headers: Mapping[str, str], deadline: float) -> Answer:
        answer = sent(self._post, self._signed(body, content_type, headers), deadline)
        if answer.status in (401, 403):
            raise PopulationNotAllowed(status=answer.status)
        return answer

    def _signed(self, body: bytes, content_type: str, headers: Mapping[str, str]) -> Question:
        """The request with the hash of this moment."""
        settings = self._settings
        url = address(settings, "path")
        user = settings.username
        if not user or ":" in user:  # RFC 7617, 2: the first colon ends the name
            raise PopulationNotConfigured(key="population.username")
        stamp = str(int(self._time.now().timestamp() * 1000))
        hashed = hashlib.sha256(f"{url}{user}{stamp}{secret(settings)}".encode()).hexdigest()
        own = {"Authorization": basic(user, hashed), "Timestamp": stamp}
        if settings.client:
            own["X-Road-Client"] = header(settings.client, "population.client")
        return Question(
            url=url,
            body=body,
            content_type=content_type,
            query={},
            headers={**headers, **api_key(settings), **own},
            anew=lambda: self._signed(body, content_type, headers),
        )


class LgspAccess:
    """A bearer token that all threads share, taken anew once where the gateway refuses it."""

    def __init__(self, settings: PopulationSettings, post: Post, time: SiteTime, *, with_pass: bool) -> None:
        self._settings = settings
        self._post = post
        self._with_pass = with_pass
        self._tokens = _Tokens(lambda deadline: _take_token(settings, post, time, deadline), time.monotonic)

    def send(self, body: bytes, content_type: str, headers: Mapping[str, str], deadline: float) -> Answer:
        token = self._tokens.current(deadline, None)
        answer = self._send_with(token, body, content_type, headers, deadline)
        if answer.status in (401, 403):
            token = self._tokens.current(deadline, token)
            answer = self._send_with(token, body, content_type, headers, deadline)
        if answer.status in (401, 403):
            raise PopulationNotAllowed(status=answer.status)
        return answer

    def _send_with(
        self, token: "_Token", body: bytes, content_type: str, headers: Mapping[str, str], deadline: float
    ) -> Answer:
        own = {**api_key(self._settings), "Authorization": f"Bearer {token.text}"}
        if self._with_pass:
            own["lgspaccesstoken"] = lgsp_pass(self._settings)
        url = address(self._settings, "path")
        question = Question(url=url, body=body, content_type=content_type, query={}, headers={**headers, **own})
        return sent(self._post, question, deadline)


def refuse_status(status: int) -> None:
    """Raise what an HTTP status means; 200 passes."""
    if status == 200:
        return
    if 300 <= status < 500 and status not in _PASSING:
        raise PopulationRequestRefused(status=status)
    raise PopulationServerError(status=status)


def sent(post: Post, question: Question, deadline: float) -> Answer:
    """POST, with the door's errors in this look-up's words."""
    try:
        return post(question, deadline)
    except PortalTimeout:
        raise PopulationTimeout from None
    except PortalTooLarge:
        raise PopulationTooLarge from None
    except PortalCertificate as error:
        raise PopulationCertificate(why=error.data.get("why")) from None
    except LookupOffline:
        raise  # nobody was asked: the bridge's own word, the same for every system outside
    except PortalError:
        raise PopulationUnreachable from None


def address(settings: PopulationSettings, key: str) -> str:
    """The full address of `path` or `token_path`. Raises PopulationNotConfigured."""
    base = settings.base_url.rstrip("/")
    try:
        usable = urlsplit(base).scheme in ("http", "https") and bool(urlsplit(base).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise PopulationNotConfigured(key="population.base_url")
    path: str = getattr(settings, key)
    return f"{base}/{path.lstrip('/')}" if path else base


def header(text: str, key: str) -> str:
    """A setting as the value of a header. Raises PopulationNotConfigured."""
    if not _HEADER.fullmatch(text):
        raise PopulationNotConfigured(key=key)
    return text


def basic(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def api_key(settings: PopulationSettings) -> Mapping[str, str]:
    """The header ApiKey where one was issued. Raises PopulationPasswordMissing, PopulationNotConfigured."""
    if not settings.api_key_file:
        return {}
    return {"ApiKey": header(_secret_in(settings.api_key_file), "population.api_key_file")}


def secret(settings: PopulationSettings) -> str:
    """The account's secret. Raises PopulationPasswordMissing."""
    return _secret_in(settings.password_file)


def _secret_in(name: str) -> str:
    if not name:
        raise PopulationPasswordMissing
    try:
        with Path(name).open("rb") as file:
            text = file.read(MAX_SECRET).decode("utf-8-sig").strip("\r\n")
    except (OSError, ValueError):
        raise PopulationPasswordMissing from None
    if not text:
        raise PopulationPasswordMissing
    return text


def lgsp_fields(settings: PopulationSettings) -> dict[str, str]:
    """What the province issued for `lgspaccesstoken`: AccessKey, SecretKey, AppName and whatever it adds.

    The secret's file holds the JSON object as issued (PartnerCode, PartnerCodeCus and AuthHash differ by province and
    are secrets themselves), or the SecretKey alone; then username and client are the other two (services.md 4.3).
    """
    text = secret(settings)
    if not text.lstrip().startswith("{"):
        return {"AccessKey": settings.username, "SecretKey": text, "AppName": settings.client}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        raise PopulationNotConfigured(key="population.password_file") from None


def lgsp_pass(settings: PopulationSettings) -> str:
    """The value of the header `lgspaccesstoken`."""
    return base64.b64encode(to_json(lgsp_fields(settings))).decode()


@dataclass(frozen=True, repr=False)
class _Token:
    text: str
    good_until: float  # monotonic seconds


class _Taking:
    """One request for a token that several threads wait for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.token: _Token | None = None
        self.error: PopulationError | None = None


class _Tokens:
    """Holds one token. However many threads wait for a new one, it is asked for once, and they share a refusal."""

    def __init__(self, take: Callable[[float], _Token], monotonic: Callable[[], float]) -> None:
        self._take = take
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: _Token | None = None
        self._taking: _Taking | None = None

    def current(self, deadline: float, refused: _Token | None) -> _Token:
        """The token in use, or a new one where it is spent or was `refused`. Raises a PopulationError."""
        while True:
            with self._lock:
                held = self._held
                if held is not None and held is not refused and self._monotonic() < held.good_until:
                    return held
                taking, mine = self._taking, self._taking is None
                if taking is None:
                    taking = self._taking = _Taking()
            if mine:
                self._fetch(taking, deadline)
            elif not taking.done.wait(max(0.0, deadline - self._monotonic())):
                raise PopulationTimeout
            if taking.token is not None:
                return taking.token
            if not mine and isinstance(taking.error, PopulationTimeout):
                continue  # whoever asked had less time than this thread has
            # A new error for each waiter: one exception object must not be raised in several threads.
            error = taking.error or PopulationTokenFailed()
            raise type(error)(**error.data)

    def _fetch(self, taking: _Taking, deadline: float) -> None:
        try:
            taking.token = self._take(deadline)
        except PopulationError as error:
            taking.error = error
        finally:
            with self._lock:
                self._held = taking.token
                self._taking = None
            taking.done.set()


def _take_token(settings: PopulationSettings, post: Post, time: SiteTime, deadline: float) -> _Token:
    """Client credentials (RFC 6749, 4.4). Raises a PopulationError."""
    user = settings.username
    if not user or ":" in user:
        raise PopulationNotConfigured(key="population.username")
    key = lgsp_fields(settings).get("SecretKey")
    if not key:
        raise PopulationNotConfigured(key="population.password_file")
    begun = time.monotonic()
    question = Question(
        url=address(settings, "token_path"),
        body=urlencode({"grant_type": "client_credentials"}).encode(),
        content_type="application/x-www-form-urlencoded",
        query={},
        headers={"Authorization": basic(user, key), "Accept": "application/json"},
    )
    answer = sent(post, question, deadline)
    if answer.status in (400, 401, 403):  # RFC 6749, 5.2
        raise PopulationBadAccount(status=answer.status)
    refuse_status(answer.status)
    try:
        told = msgspec.json.decode(answer.body.removeprefix(codecs.BOM_UTF8), type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PopulationTokenFailed from None
    text = _inside(told, settings.token_field)
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise PopulationTokenFailed
    return _Token(text, begun + _lifetime(_inside(told, settings.lifetime_field)))


def _inside(told: Mapping[str, object], path: str) -> object:
    """What stands at `a.b`: b inside a."""
    found: object = told
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _lifetime(told: object) -> float:
    """Seconds a token is used; some gateways say the number as text."""
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return LIFETIME_WHEN_UNTOLD
    try:
        seconds = float(told)
    except (ValueError, OverflowError):
        return LIFETIME_WHEN_UNTOLD
    if not seconds > 0:  # not a number compares false too
        return LIFETIME_WHEN_UNTOLD
    # A short-lived one keeps half of its time rather than none.
    seconds = min(seconds, LONGEST_LIFETIME)
    return max(seconds - REFRESH_EARLY, seconds / 2)
