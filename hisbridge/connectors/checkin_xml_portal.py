"""Submission of a check-in file to the insurance portal (letter 1245/BHXH-CNTT; services.md 1.6).

Token, its renewal and the account's troubles are those of `lookups/portal_session.py`. The portal has no idempotency
key but MA_LK, which every resend repeats. Its free text (thongDiep) is compared and never kept.
"""

import base64
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from config.destinations.files import CheckinXmlDestination
from config.settings import PortalSettings
from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.connectors.http_caller import later
from hisbridge.errors import (
    DestinationSetup,
    DestinationUnreachable,
    GarbledAnswer,
    NoAnswer,
    PortalCertificate,
    PortalError,
    PortalGarbled,
    PortalIncomplete,
    PortalSetup,
    PortalTooLarge,
)
from hisbridge.http import Answer, Poster, Question, poster
from hisbridge.lookups.portal_json import read_object, result_code, text_of
from hisbridge.lookups.portal_session import Clocks, PortalSession, Token
from hisbridge.trust import trust
from hisbridge.xml import read

MAX_ANSWER: Final = 64 * 1024  # bytes; the documented answer has four short fields
DOSSIER_KIND: Final = "0"  # loaiHoSo of a check-in file
DONE: Final = "200"
THEIRS: Final = ("408", "500")  # maKetQua: an error of the portal's own, worth another try
ACCOUNT: Final = ("401", "403")
# HTTP: as good as no connection. Announced maintenance lasts for hours; it uses up no record's tries (services.md 1.1).
NOT_UP: Final = (408, 425, 429, 502, 503, 504)
SETUP: Final = (401, 403, 404, 405, 407, 410, 501)  # HTTP: wrong for every record
LONGEST_RECEIPT: Final = 64

# Beside a word of success these make it the opposite; letters without their marks.
_NEGATION = re.compile(r"\b(khong|chua|loi|that bai|not|fail\w*|error\w*|unsuccess\w*)\b")


class CheckinPortal:
    """One account that submits. Used from one thread."""

    def __init__(self, destination: CheckinXmlDestination, clocks: Clocks | None = None) -> None:
        self._destination = destination
        self._clocks = clocks or Clocks()
        self._poster: Poster | None = None
        self._session: PortalSession | None = None

    def submit(self, document: bytes) -> Receipt:
        """Submit one file once, with a fresh token once more where ours is refused.

        Raises DestinationUnreachable (nobody read it), NoAnswer or GarbledAnswer (outcome unknown), DestinationSetup.
        """
        answer = self._submitted(document, self._deadline())
        return _judged(answer, self._destination.success_texts)

    def probe(self) -> None:
        """Take a token, or see that ours still holds. Raises DestinationUnreachable, DestinationSetup."""
        self._token(self._deadline())

    def close(self) -> None:
        """Drop the connections; the next call makes new ones."""
        if self._poster is not None:
            self._poster.close()
        self._poster = self._session = None

    def _deadline(self) -> float:
        return self._clocks.monotonic() + self._destination.timeout_seconds

    def _connected(self) -> tuple[PortalSession, Poster]:
        if self._poster is None or self._session is None:
            self._poster = poster(MAX_ANSWER, trust(self._destination.ca_file), self._clocks.monotonic)
            self._session = PortalSession(_account(self._destination), self._poster, self._clocks)
        return self._session, self._poster

    def _token(self, deadline: float, refused: Token | None = None) -> Token:
        try:
            session, _ = self._connected()
            return session.token(deadline, refused)
        except PortalCertificate as error:
            # As with every other destination: a renewed certificate mends it without us.
            raise DestinationUnreachable(why=f"tls_{error.data.get('why')}") from None
        except PortalSetup as error:
            key = str(error.data.get("key", "")).removeprefix("portal.")
            raise DestinationSetup(key=key, why=error.code) from None
        except PortalError as error:  # whatever it was, no record has been sent
            raise DestinationUnreachable(why=error.code) from None

    def _submitted(self, document: bytes, deadline: float) -> Answer:
        token = self._token(deadline)
        answer = self._sent(document, token, deadline)
        if _code(answer) not in ACCOUNT:
            return answer
        return self._sent(document, self._token(deadline, refused=token), deadline)

    def _sent(self, document: bytes, token: Token, deadline: float) -> Answer:
        _, post = self._connected()
        try:
            return post(self._question(document, token), deadline)
        except PortalCertificate as error:
            raise DestinationUnreachable(why=f"tls_{error.data.get('why')}") from None
        except PortalTooLarge as error:
            raise GarbledAnswer(why=error.code) from None
        except PortalError as error:
            raise (NoAnswer if post.sent else DestinationUnreachable)(why=error.code) from None

    def _question(self, document: bytes, token: Token) -> Question:
        facility = next((node.text for node in read(document).walk() if node.name == "ma_cskcb"), "")
        form = {
            "username": self._destination.username,
            "loaiHoSo": DOSSIER_KIND,
            "maTinh": facility[:2],  # a facility's code begins with its province (services.md 2.3)
            "maCSKCB": facility,
            "fileHSBase64": base64.b64encode(document).decode(),
        }
        return Question(
            url=f"{self._destination.base_url.rstrip('/')}/{self._destination.path.lstrip('/')}",
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            query={},
            headers={"accessToken": token.access, "tokenId": token.identity, "passwordHash": token.password},
            repeatable=False,
        )


def _judged(answer: Answer, success_texts: Sequence[str]) -> Receipt:
    if answer.status in NOT_UP:
        away = DestinationUnreachable(why=f"HTTP {answer.status}")
        away.retry_after_seconds = later(answer)
        raise away
    if answer.status in SETUP or 300 <= answer.status < 400:  # no redirect is followed
        return Receipt(Outcome.MISCONFIGURED, f"HTTP {answer.status}")
    if answer.status >= 500:
        return Receipt(Outcome.TRY_LATER, f"HTTP {answer.status}", retry_after_seconds=later(answer))
    if answer.status != 200:
        return Receipt(Outcome.REJECTED, f"HTTP {answer.status}")
    try:
        told = read_object(answer.body)
        code = result_code(told)
        if code == DONE:
            return _taken(told, success_texts)
    except (PortalGarbled, PortalIncomplete) as error:
        raise GarbledAnswer(why=error.code) from None
    if code in ACCOUNT:
        return Receipt(Outcome.MISCONFIGURED, code)
    return Receipt(Outcome.TRY_LATER if code in THEIRS else Outcome.REJECTED, code)


def _taken(told: Mapping[str, Any], success_texts: Sequence[str]) -> Receipt:
    """`200` counts only with a receipt number and without an error in its text (services.md 1.6)."""
    number, when = _short(text_of(told, "magiaodich")), _short(text_of(told, "thoigiantiepnhan"))
    if not succeeded(text_of(told, "thongdiep"), success_texts):
        return Receipt(Outcome.REJECTED, f"{DONE} with an error text {number}".rstrip())
    if not number:
        return Receipt(Outcome.REJECTED, f"{DONE} without maGiaoDich")
    return Receipt(Outcome.ACKNOWLEDGED, f"maGiaoDich {number} {when}".rstrip())


def succeeded(text: str, words: Sequence[str]) -> bool:
    """Whether the portal's text beside `200` tells of success.

    It does where there is none, where it is one of `words`, or where it holds one and nothing that negates it.
    """
    plain, known = _folded(text), [_folded(word) for word in words]
    if not plain or plain in known:
        return True
    return any(word in plain for word in known) and not _NEGATION.search(plain)


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).strip()


def _short(text: str) -> str:
    """A number of theirs as a receipt may hold it."""
    return "".join(sign for sign in text if sign.isascii() and (sign.isalnum() or sign in "-_./"))[:LONGEST_RECEIPT]


def _code(answer: Answer) -> str:
    if answer.status != 200:
        return str(answer.status)
    try:
        return result_code(read_object(answer.body))
    except PortalError:
        return ""


def _account(destination: CheckinXmlDestination) -> PortalSettings:
    """The destination's account as the portal's session takes it; it looks nobody up."""
    return PortalSettings(
        enabled=True,
        base_url=destination.base_url,
        token_path=destination.token_path,
        lookup_path=destination.path,
        username=destination.username,
        password_file=destination.password_file,
        officer_name="",
        officer_id="",
        ca_file=destination.ca_file,
        year_only_retry=False,
        timeout_seconds=destination.timeout_seconds,
    )
