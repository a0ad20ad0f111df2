"""What an identity provider says of somebody, believed only when every check holds (OpenID Connect Core 1.0, 3.1.3.7).

The only door to PyJWT, for signatures alone: which key, which algorithm, which claims and what time it is are decided
here, with the clock as an argument. Must not import Flask.
"""

import hmac
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from wire.errors import TiepDonError

ALGORITHMS: Final = ("RS256", "ES256")
_KEY_TYPES: Final = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}
SKEW_SECONDS = 60  # by which two clocks may differ
OLDEST_SECONDS = 600  # a token is asked for and used at once
LONGEST_TOKEN = 16 * 1024
MOST_KEYS = 32
LONGEST_CLAIM = 255

Key = Mapping[str, Any]  # a JSON Web Key (RFC 7517), as the provider publishes it


class IdTokenUntrusted(TiepDonError):
    """What the identity provider sent proves nothing (`why`: which check failed)."""

    code = "oidc.untrusted"


class UnknownKey(IdTokenUntrusted):
    """It is signed with a key that the provider does not publish, or not yet: its keys are asked for once more."""


@dataclass(frozen=True, repr=False)
class Expected:
    """What an ID token has to say. `now`: seconds since the epoch."""

    issuer: str
    client_id: str
    nonce: str
    now: float


@dataclass(frozen=True, repr=False)
class Person:
    """Who the provider says it is. `subject` is its own name for them and never another's."""

    subject: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def name(self, claim: str) -> str:
        """The claim that says which account. Raises IdTokenUntrusted (`why`: `name`, `email_not_verified`)."""
        # An address that nobody checked is what somebody typed of themselves (Core 5.1).
        if claim == "email" and self.claims.get("email_verified") is not True:
            raise IdTokenUntrusted(why="email_not_verified")
        told = self.claims.get(claim)
        if not isinstance(told, str) or not 0 < len(told) <= LONGEST_CLAIM or not told.isprintable():
            raise IdTokenUntrusted(why="name")
        return told


def verified(token: str, keys: Sequence[Key], expected: Expected) -> Person:
    """The person of a token that was signed by the provider, for us, for this sign-in, now.

    Raises UnknownKey, IdTokenUntrusted.
    """
    claims = _claims(_payload(token, keys))
    _check(claims, expected)
    return Person(claims["sub"], claims)


def keys_of(document: object) -> tuple[Key, ...]:
    """The keys for signatures in a JSON Web Key Set; none of it counts where it is not one."""
    told = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(told, list):
        raise IdTokenUntrusted(why="keys")
    # A `k` or a `d` would be a secret: a key that everybody can read proves nothing.
    usable = (one for one in told[:MOST_KEYS] if isinstance(one, dict) and one.get("use", "sig") == "sig")
    return tuple(one for one in usable if one.get("kty") in ("RSA", "EC") and not one.keys() & {"d", "k"})


def _payload(token: str, keys: Sequence[Key]) -> bytes:
    """What was signed, after the signature. Raises UnknownKey, IdTokenUntrusted."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise IdTokenUntrusted(why="shape")
    judge = PyJWS(algorithms=list(ALGORITHMS), options={"enforce_minimum_key_length": True})
    try:
        header = judge.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError):
        raise IdTokenUntrusted(why="shape") from None
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise IdTokenUntrusted(why="algorithm")
    if header.keys() & {"crit", "b64"}:
        raise IdTokenUntrusted(why="header")
    fitting = _fitting(header.get("kid"), algorithm, keys)
    if not fitting:
        raise UnknownKey(why="key")
    for key in fitting:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                told: bytes = judge.decode_complete(token, PyJWK(dict(key), algorithm), [algorithm])["payload"]
        except (PyJWTError, ValueError, TypeError, Warning):
            continue
        return told
    raise IdTokenUntrusted(why="signature")


def _fitting(name: object, algorithm: str, keys: Sequence[Key]) -> list[Key]:
    """The keys that may have signed: of the algorithm's own kind, and of that name where one is told."""
    kind, curve = _KEY_TYPES[algorithm]
    return [
        key
        for key in keys
        if key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("alg", algorithm) == algorithm
        and (name is None or key.get("kid") == name)
    ]


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise IdTokenUntrusted(why="claims") from None
    if not isinstance(claims, dict):
        raise IdTokenUntrusted(why="claims")
    return claims


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which no comparison ever finds too old


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise IdTokenUntrusted(why="issuer")
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in meant:
        raise IdTokenUntrusted(why="audience")
    # For several, the one it was made for must be us (Core 3.1.3.7, 3 to 5).
    if (len(meant) > 1 or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise IdTokenUntrusted(why="audience")
    ends, made, begins = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if ends is None or ends <= expected.now - SKEW_SECONDS:
        raise IdTokenUntrusted(why="expired")
    if made is None or not expected.now - OLDEST_SECONDS < made <= expected.now + SKEW_SECONDS:
        raise IdTokenUntrusted(why="issued_at")
    if "nbf" in claims and (begins is None or begins > expected.now + SKEW_SECONDS):
        raise IdTokenUntrusted(why="not_yet_valid")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode()):
        raise IdTokenUntrusted(why="nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_CLAIM:
        raise IdTokenUntrusted(why="subject")


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    told = claims.get(name)
    return told if isinstance(told, int | float) and not isinstance(told, bool) else None
