"""Sign-in through an identity provider: authorisation code with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1).

Everything the provider sends is judged here; who they are here is the accounts' affair. It is asked through the house's
one HTTP door, with a deadline over everything, and never from more than a few requests at once: where it hangs, the
people who sign in with a PIN must not notice. Must not import Flask.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from config.front import OidcSettings
from hisbridge.errors import PortalCaFile, PortalCertificate, PortalError, PortalTimeout, PortalTooLarge
from hisbridge.http import Answer, Post, Question, poster
from hisbridge.trust import trust
from ui.desk.id_token import Expected, IdTokenUntrusted, Key, Person, UnknownKey, keys_of, verified
from wire.errors import TiepDonError

MAX_ANSWER = 128 * 1024  # bytes; keys with their certificates are some 20 kB
DEADLINE_SECONDS = 6.0  # for everything that one request of a browser asks of the provider
KEPT_SECONDS = 3600.0  # discovery and keys; a new key is asked for when it is met
ASK_AGAIN_SECONDS = 10.0  # keys, at most so often: anybody can send a token with a made-up key
BEGUN_SECONDS = 600.0  # to sign in at the provider
MOST_BEGUN = 200  # beyond it the oldest is over
AT_ONCE = 3  # requests that may wait for the provider at the same time
SCOPE = "openid profile email"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcUnavailable(TiepDonError):
    """The identity provider gives no usable answer (`why`); signing in with a PIN goes on."""

    code = "oidc.unavailable"
    retriable = True


class OidcSetup(TiepDonError):
    """The settings of `[staff.oidc]` cannot work (`key`, `why`)."""

    code = "oidc.setup"


class OidcRefused(TiepDonError):
    """The identity provider did not let this person in, or they turned back (`why`: its word of the standard's)."""

    code = "oidc.refused"


class OidcGone(TiepDonError):
    """This sign-in was not begun in this browser, took too long, or was used already."""

    code = "oidc.gone"
    retriable = True


@dataclass(frozen=True, repr=False)
class Begun:
    """A sign-in on its way. `address`: where the browser goes; `browser`: what it keeps, so that nobody else's answer
    can be slipped to it."""

    address: str
    browser: str


@dataclass(frozen=True, repr=False)
class _Waiting:
    """What is remembered of it."""

    browser: str
    nonce: str
    verifier: str
    redirect: str
    until: float


@dataclass(frozen=True, repr=False)
class _Discovered:
    """What the provider says of itself (OpenID Connect Discovery 1.0, 3)."""

    authorization: str
    token: str
    keys: str
    by_post: bool  # it takes the client's secret in the body alone
    names_itself: bool  # it tells who it is when it sends somebody back (RFC 9207)
    until: float


class Provider:
    """One identity provider. Every method may be called from any thread."""

    def __init__(
        self,
        settings: OidcSettings,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        post: Post | None = None,
    ) -> None:
        """`now`: seconds since the epoch, by which tokens are judged. Raises OidcSetup."""
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._issuer = settings.issuer
        check_settings(settings)
        try:
            self._post = post or poster(MAX_ANSWER, trust(settings.ca_file) if settings.ca_file else None, monotonic)
        except PortalCaFile:
            raise OidcSetup(key="ca_file", why="unusable") from None
        self._begun: OrderedDict[str, _Waiting] = OrderedDict()
        self._discovered: _Discovered | None = None
        self._keys: tuple[Key, ...] = ()
        self._keys_until = self._keys_again = 0.0
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def begin(self, redirect: str) -> Begun:
        """Send somebody there; `redirect` is where they come back to. Raises OidcUnavailable, OidcSetup."""
        with self._asking() as deadline:
            found = self._discover(deadline)
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        waiting = _Waiting(_digest(browser), nonce, verifier, redirect, self._monotonic() + BEGUN_SECONDS)
        with self._lock:
            self._begun[_digest(state)] = waiting
            while len(self._begun) > MOST_BEGUN:
                self._begun.popitem(last=False)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
            .rstrip(b"=")
            .decode(),
            "code_challenge_method": "S256",
            # Counters are shared: whoever sits down next must not get in with the last one's session there.
            "prompt": "login",
        }
        joint = "&" if urlsplit(found.authorization).query else "?"
        return Begun(found.authorization + joint + urlencode(asked, quote_via=quote), browser)

    def finish(self, told: Mapping[str, str], browser: str) -> Person:
        """Who came back. `told`: the query they came with; `browser`: what theirs kept.

        Raises OidcGone, OidcRefused, OidcUnavailable, OidcSetup, IdTokenUntrusted.
        """
        waiting = self._taken(told.get("state", ""), browser)
        with self._asking() as deadline:
            found = self._discover(deadline)
            # Also beside an error: it may come from another provider (mix-up, RFC 9207, 2.4).
            if told.get("iss", "" if found.names_itself else self._issuer) != self._issuer:
                raise IdTokenUntrusted(why="issuer")
            if "error" in told:
                raise OidcRefused(why=_word(told["error"]))
            if not told.get("code"):
                raise OidcRefused(why="no_code")
            token = self._exchange(found, told["code"], waiting, deadline)
            expected = Expected(self._issuer, self._settings.client_id, waiting.nonce, self._now())
            try:
                return verified(token, self._known_keys(found, deadline), expected)
            except UnknownKey:
                return verified(token, self._known_keys(found, deadline, anew=True), expected)

    def _taken(self, state: str, browser: str) -> _Waiting:
        """What was begun under this state, once."""
        with self._lock:
            waiting = self._begun.get(_digest(state))
            # Another browser's state stays theirs: a link that somebody was lured to must not end their sign-in.
            if waiting is None or not hmac.compare_digest(waiting.browser, _digest(browser)):
                raise OidcGone
            del self._begun[_digest(state)]
        if self._monotonic() >= waiting.until:
            raise OidcGone
        return waiting

    def _exchange(self, found: _Discovered, code: str, waiting: _Waiting, deadline: float) -> str:
        """The ID token for a code (Core 3.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": waiting.redirect,
            "code_verifier": waiting.verifier,
        }
        headers = {}
        secret = self._secret()
        if secret and not found.by_post:
            pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = self._settings.client_id
            if secret:
                form["client_secret"] = secret
        body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        # A code is good for one use: asking twice would end what the first answer gave.
        answer = self._ask(Question(found.token, body, kind, {}, headers=headers, repeatable=False), deadline)
        told = _document(answer, refusals=True)
        if answer.status != 200:
            raise OidcRefused(why=_word(told.get("error")))
        token = told.get("id_token")
        if not isinstance(token, str):
            raise IdTokenUntrusted(why="missing")
        return token

    def _discover(self, deadline: float) -> _Discovered:
        known = self._discovered
        if known is not None and self._monotonic() < known.until:
            return known
        address = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        told = _document(self._ask(Question(address, b"", "", {}, method="GET"), deadline))
        if told.get("issuer") != self._issuer:
            raise OidcUnavailable(why="issuer")
        authorization, token, keys = (_endpoint(told, name, self._issuer) for name in _ENDPOINTS)
        challenges = told.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(challenges, list) or "S256" not in challenges:
            raise OidcUnavailable(why="no_pkce")
        ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self._discovered = _Discovered(
            authorization,
            token,
            keys,
            by_post=isinstance(ways, list) and "client_secret_basic" not in ways,
            names_itself=told.get("authorization_response_iss_parameter_supported") is True,
            until=self._monotonic() + KEPT_SECONDS,
        )
        return self._discovered

    def _known_keys(self, found: _Discovered, deadline: float, anew: bool = False) -> tuple[Key, ...]:
        now = self._monotonic()
        if now < (self._keys_again if anew else self._keys_until):
            return self._keys
        told = _document(self._ask(Question(found.keys, b"", "", {}, method="GET"), deadline))
        self._keys = keys_of(told)
        self._keys_until, self._keys_again = now + KEPT_SECONDS, now + ASK_AGAIN_SECONDS
        return self._keys

    def _ask(self, question: Question, deadline: float) -> Answer:
        why = "unreachable"
        try:
            return self._post(question, deadline)
        except PortalCertificate:
            why = "certificate"
        except PortalTimeout:
            why = "timeout"
        except PortalTooLarge:
            why = "too_large"
        except PortalError:
            pass
        raise OidcUnavailable(why=why)

    def _secret(self) -> str:
        """The client's secret, read each time: it may be changed. Raises OidcSetup."""
        file = self._settings.client_secret_file
        if not file:
            return ""
        try:
            secret = Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError):
            raise OidcSetup(key="client_secret_file", why="unusable") from None
        if not secret:
            raise OidcSetup(key="client_secret_file", why="empty")
        return secret

    def _asking(self) -> "_Place":
        return _Place(self._places, self._monotonic() + DEADLINE_SECONDS)


class _Place:
    """One of the few requests that may wait for the provider; yields their deadline (monotonic seconds)."""

    def __init__(self, places: threading.BoundedSemaphore, deadline: float) -> None:
        self._places = places
        self._deadline = deadline

    def __enter__(self) -> float:
        if not self._places.acquire(blocking=False):
            raise OidcUnavailable(why="busy")
        return self._deadline

    def __exit__(self, *_: object) -> None:
        self._places.release()


def check_settings(settings: OidcSettings) -> None:
    """Raises OidcSetup where the settings cannot work, whatever the provider says."""
    if not settings.client_id:
        raise OidcSetup(key="client_id", why="missing")
    if not _may_be_asked(settings.issuer, settings.issuer) or urlsplit(settings.issuer).query:
        raise OidcSetup(key="issuer", why="not an https address")


def _endpoint(told: Mapping[str, Any], name: str, issuer: str) -> str:
    address = told.get(name)
    if not isinstance(address, str) or not _may_be_asked(address, issuer):
        raise OidcUnavailable(why=name)
    return address


def _may_be_asked(address: str, issuer: str) -> bool:
    """An https address; http on this very machine alone, where the issuer is there too (the sandbox)."""
    try:
        parts, own = urlsplit(address), urlsplit(issuer)
        named = parts.hostname and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    if not named or not address.isascii() or not address.isprintable() or " " in address:
        return False
    here = parts.hostname in _LOOPBACK and own.hostname in _LOOPBACK
    return parts.scheme == "https" or (parts.scheme == "http" and own.scheme == "http" and here)


def _document(answer: Answer, refusals: bool = False) -> dict[str, Any]:
    """A JSON object of a 200, or of a 400 or 401 where those tell why. No redirect is followed."""
    if answer.status != 200 and not (refusals and answer.status in (400, 401)):
        raise OidcUnavailable(why=f"http_{answer.status}")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise OidcUnavailable(why="garbled") from None
    if not isinstance(told, dict):
        raise OidcUnavailable(why="garbled")
    return told


def _word(told: object) -> str:
    """An error's word as the standards write it (RFC 6749, 4.1.2.1); anything else is not repeated."""
    fits = isinstance(told, str) and len(told) <= 40 and told.isascii() and told.replace("_", "").isalpha()
    return str(told) if fits else "unknown"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
