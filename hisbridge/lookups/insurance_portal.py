"""The national insurance portal (BHXH): is this person covered on the day of the visit (services.md 1.2 to 1.4).

One question is one deadline over everything: token, look-up, second try. It always ends in a Coverage; no failure of
the portal reaches the check-in as an exception. Token, password hash and person appear in no log and no error.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from config.settings import PortalSettings, SiteSettings
from hisbridge.errors import (
    PortalBadAccount,
    PortalError,
    PortalGarbled,
    PortalIncomplete,
    PortalNotAllowed,
    PortalNotConfigured,
    PortalPasswordMissing,
    PortalServerError,
    PortalSetup,
    PortalTimeout,
    PortalTokenFailed,
)
from hisbridge.http import Answer, Post, Question
from hisbridge.lookups.persons import iso_day, other_accent_placement, tidy
from hisbridge.lookups.portal_answer import Asked, coverage, read_object, result_code, unanswered
from hisbridge.lookups.result_codes import ACCEPTED, ACCOUNT_REFUSED, BIRTH_DATE_WRONG, NAME_NEARLY_RIGHT
from hisbridge.records import Coverage, CoverageQuestion, Verdict
from wire.codec import to_json

DISABLED = "portal.disabled"
NAME_NEEDED = "portal.name_needed"

MAX_ANSWER = 1 << 20  # bytes; the longest visit history is far below
REFRESH_EARLY = 60.0  # seconds before its end a token is not used any more
LIFETIME_WHEN_UNTOLD = 50 * 60.0  # what clients of the portal use in practice
LONGEST_LIFETIME = 24 * 3600.0  # no token is believed longer, whatever the clocks say


@dataclass(frozen=True)
class Clocks:
    """Wall clock (aware) for what is said, monotonic seconds for what is waited."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, repr=False)
class _Token:
    access: str
    identity: str
    good_until: float  # monotonic seconds
    password: str  # the MD5 that was used; as good as the password itself


class InsurancePortal:
    """The portal behind one account. May be asked from several threads; they share one token."""

    def __init__(self, settings: PortalSettings, site: SiteSettings, post: Post, clocks: Clocks | None = None) -> None:
        self._settings = settings
        self._site = site
        self._post = post
        self._clocks = clocks or Clocks()
        self._token: _Token | None = None
        self._taking = threading.Lock()

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """Ask for this person's cover, within `seconds` (default: the setting). Never raises for the portal's sake."""
        asked = self.asked()
        if not self._settings.enabled:
            return unanswered(Verdict.UNVERIFIED, DISABLED, asked)
        if not tidy(question.full_name or "") or not question.birth_date:
            return unanswered(Verdict.UNVERIFIED, NAME_NEEDED, asked)
        deadline = self._clocks.monotonic() + min(seconds or self._settings.timeout_seconds, 86400.0)
        try:
            return self._ask(question, asked, deadline)
        except PortalSetup as error:
            return unanswered(Verdict.CONFIGURATION_ERROR, error.code, asked)
        except PortalError as error:
            return unanswered(Verdict.UNVERIFIED, error.code, asked)

    def probe(self, seconds: float | None = None) -> None:
        """Take a token within `seconds` and ask nothing, for diagnosis. Raises the PortalError that says why."""
        self._current_token(self._clocks.monotonic() + (seconds or self._settings.timeout_seconds), None)

    def asked(self) -> Asked:
        """When and by which kiosk, for a Coverage made now."""
        zone = timezone(timedelta(minutes=self._site.utc_offset_minutes))
        return Asked(at=self._clocks.now().astimezone(zone).isoformat(timespec="seconds"), by=self._site.kiosk_id)

    def _ask(self, question: CoverageQuestion, asked: Asked, deadline: float) -> Coverage:
        form = self._form(question)
        answer = self._look_up(form, deadline)
        told = result_code(answer)
        second = _second_form(form, told)
        if second is not None:
            again = self._look_up(second, deadline)
            if result_code(again) in ACCEPTED:
                answer = again
        return coverage(answer, question, asked)

    def _form(self, question: CoverageQuestion) -> dict[str, str]:
        settings = self._settings
        for key in ("officer_name", "officer_id"):
            if not getattr(settings, key):
                raise PortalNotConfigured(key=f"portal.{key}")
        return {
            "maThe": question.personal_id.strip(),
            "hoTen": tidy(question.full_name or ""),
            "ngaySinh": _portal_birth_date(question.birth_date or ""),
            "hoTenCb": tidy(settings.officer_name),
            "cccdCb": settings.officer_id,
        }

    def _look_up(self, form: dict[str, str], deadline: float) -> dict[str, object]:
        """One look-up; with a fresh token once more when the portal does not know the one we hold."""
        token = self._current_token(deadline, None)
        answer = self._look_up_with(token, form, deadline)
        if not _refused(answer):
            return _told(answer)
        answer = self._look_up_with(self._current_token(deadline, token), form, deadline)
        if answer.status in (401, 403):
            raise PortalNotAllowed(status=answer.status)
        return _told(answer)

    def _look_up_with(self, token: _Token, form: dict[str, str], deadline: float) -> Answer:
        query = {
            "token": token.access,
            "id_token": token.identity,
            "username": self._settings.username,
            "password": token.password,
        }
        body = to_json(form)
        return self._post(
            Question(self._address("lookup_path"), body, "application/json; charset=utf-8", query), deadline
        )

    def _current_token(self, deadline: float, refused: _Token | None) -> _Token:
        """The token in use, or a new one when it is spent or was `refused`. One thread takes it, the others wait."""
        if not self._taking.acquire(timeout=max(0.0, deadline - self._clocks.monotonic())):
            raise PortalTimeout
        try:
            held = self._token
            if held is not None and held is not refused and self._clocks.monotonic() < held.good_until:
                return held
            self._token = None
            self._token = self._take_token(deadline)
            return self._token
        finally:
            self._taking.release()

    def _take_token(self, deadline: float) -> _Token:
        password = self._password_hash()
        if not self._settings.username:
            raise PortalNotConfigured(key="portal.username")
        form = urlencode({"username": self._settings.username, "password": password}).encode()
        begun = self._clocks.monotonic()
        answer = self._post(
            Question(self._address("token_path"), form, "application/x-www-form-urlencoded", {}), deadline
        )
        if answer.status in (401, 403):
            raise PortalBadAccount(status=answer.status)
        told = _told(answer)
        code = result_code(told)
        if code == ACCOUNT_REFUSED:
            raise PortalBadAccount
        key = told.get("apikey")
        if code != "200" or not isinstance(key, dict):
            raise PortalTokenFailed
        access, identity = key.get("access_token"), key.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str) or not access:
            raise PortalTokenFailed
        return _Token(access, identity, begun + self._lifetime(key.get("expires_in")) - REFRESH_EARLY, password)

    def _lifetime(self, expires: object) -> float:
        """Seconds a token lives; `expires_in` is a date-time in UTC, not a number (services.md 1.2)."""
        try:
            end = datetime.fromisoformat(str(expires).strip())
        except ValueError:
            return LIFETIME_WHEN_UNTOLD
        end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
        return min((end - self._clocks.now()).total_seconds(), LONGEST_LIFETIME)

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


def _portal_birth_date(text: str) -> str:
    """`dd/MM/yyyy`, or the year alone where the day is not known."""
    parts = iso_day(text)
    if parts is None:
        raise PortalIncomplete
    return f"{parts[2]:02d}/{parts[1]:02d}/{parts[0]:04d}" if len(parts) == 3 else f"{parts[0]:04d}"


def _second_form(form: dict[str, str], code: str) -> dict[str, str] | None:
    """The one other way to put the question that is worth a try after this code (services.md 1.4)."""
    if code == NAME_NEARLY_RIGHT:
        other = other_accent_placement(form["hoTen"])
        return {**form, "hoTen": other} if other != form["hoTen"] else None
    if code == BIRTH_DATE_WRONG and "/" in form["ngaySinh"]:
        return {**form, "ngaySinh": form["ngaySinh"][-4:]}
    return None


def _refused(answer: Answer) -> bool:
    """Whether the portal does not accept the token: by HTTP status or by its result code."""
    if answer.status in (401, 403):
        return True
    if answer.status != 200:
        return False
    try:
        return result_code(read_object(answer.body)) == ACCOUNT_REFUSED
    except (PortalGarbled, PortalIncomplete):
        return False


def _told(answer: Answer) -> dict[str, object]:
    if answer.status != 200:
        raise PortalServerError(status=answer.status)
    return read_object(answer.body)
