"""OAuth 2 client credentials (RFC 6749, 4.4): one token, kept until shortly before it ends."""

import base64
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from hisbridge.connectors.contract import Outcome
from hisbridge.connectors.http_caller import HttpCaller, outcome_of, secret
from hisbridge.errors import DestinationSetup, GarbledAnswer, NoAnswer
from hisbridge.http import Question
from wire.codec import from_json
from wire.errors import MalformedMessage

FORM = "application/x-www-form-urlencoded"
USUAL_SECONDS = 300.0  # of a token whose server tells no lifetime
EARLY = 0.1  # share of its lifetime by which a token is renewed before it ends
MOST_SECONDS = 86400.0
MAX_TOKEN = 16_384  # characters


class Account(Protocol):
    """What of a destination's settings names the account."""

    @property
    def token_url(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def client_secret_file(self) -> str: ...

    @property
    def scope(self) -> str: ...


class ClientToken:
    """The bearer token of one account, used from one thread."""

    def __init__(self, account: Account, caller: HttpCaller, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._account = account
        self._caller = caller
        self._monotonic = monotonic
        self._token = ""
        self._until = 0.0

    @property
    def wanted(self) -> bool:
        """Whether the destination asks for a token at all."""
        return bool(self._account.token_url)

    def headers(self) -> dict[str, str]:
        """The Authorization header; empty where no token is wanted.

        Raises DestinationSetup (account refused, secret missing), DestinationUnreachable, NoAnswer, GarbledAnswer.
        """
        if not self.wanted:
            return {}
        if not self._token or self._monotonic() >= self._until:
            self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def drop(self) -> None:
        """The server did not accept it."""
        self._token = ""

    def _renew(self) -> None:
        asked = self._monotonic()
        answer = self._caller.call(self._question())
        if answer.status != 200:
            # RFC 6749, 5.2: 400 or 401 with an error code; `invalid_client` and its kin are no record's fault.
            if outcome_of(answer.status) is Outcome.TRY_LATER:
                raise NoAnswer(why="token", status=answer.status)
            raise DestinationSetup(key="client_id", why="token_refused", status=answer.status)
        try:
            told = from_json(answer.body, dict[str, Any])
        except MalformedMessage:
            raise GarbledAnswer(why="token") from None
        token = told.get("access_token")
        # Only what may stand in a header (RFC 6750, 2.1).
        if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN or not token.isascii() or not _visible(token):
            raise GarbledAnswer(why="token")
        seconds = told.get("expires_in")
        usable = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
        lifetime = min(float(seconds), MOST_SECONDS) if usable and seconds is not None else USUAL_SECONDS
        self._token, self._until = token, asked + lifetime * (1 - EARLY)

    def _question(self) -> Question:
        wanted = self._account
        password = secret(wanted.client_secret_file, "client_secret_file").decode("utf-8", "replace")
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(wanted.client_id)}:{quote_plus(password)}"
        form = {"grant_type": "client_credentials", **({"scope": wanted.scope} if wanted.scope else {})}
        return Question(
            url=wanted.token_url,
            body=urlencode(form).encode(),
            content_type=FORM,
            query={},
            headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
        )


def _visible(token: str) -> bool:
    return all("!" <= letter <= "~" for letter in token)
