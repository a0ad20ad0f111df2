"""The pretend identity provider: OpenID Connect with PKCE, as a province's single sign-on offers it to our desk.

It shares no code with what judges it: its tokens are signed by its own hand. A test, or whoever trains, can spoil what
it says (`claims`, `header`, `signer`) and whole answers (`instead`). Everybody in it is synthetic.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sandbox.web import HOST, Tls, serving
from wire.server import Request, Response, Routes, json_response

CLIENT_ID = "tiepdon-desk"
CLIENT_SECRET = "sandbox client secret"  # noqa: S105 - the sandbox's own
CODE_SECONDS = 60.0
TOKEN_SECONDS = 300
Signer = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_PAGE = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><title>Sandbox: đăng nhập</title></head>
<body><main><h1>Đăng nhập một lần (sandbox)</h1>
<form method="post" action="/login"><input type="hidden" name="asked" value="{asked}">
<label>Tên đăng nhập <input name="login" autofocus required></label> <button>Đăng nhập</button></form>
</main></body></html>"""


@dataclass(frozen=True)
class _Grant:
    """What a code stands for."""

    login: str
    asked: Mapping[str, str]
    until: float


@dataclass
class IdentityProvider:
    """One provider. `people`: login to further claims; `now`: seconds since the epoch, for what it signs."""

    people: Mapping[str, Mapping[str, Any]]
    secret: str = CLIENT_SECRET
    now: Callable[[], float] = time.time
    algorithm: str = "ES256"
    claims: dict[str, Any] = field(default_factory=dict)  # instead of the true ones; None leaves one out
    header: dict[str, Any] = field(default_factory=dict)
    signer: Signer | None = None  # instead of the published key's
    instead: dict[str, Callable[[Request], Response]] = field(default_factory=dict)  # whole answers, by path
    asked: list[str] = field(default_factory=list)  # which paths were asked for
    issuer: str = ""

    def __post_init__(self) -> None:
        self._grants: dict[str, _Grant] = {}
        self._waiting: dict[str, Mapping[str, str]] = {}
        self._lock = threading.Lock()
        self.renew()

    def renew(self) -> None:
        """Another key, as providers change theirs."""
        self.key: Signer = (
            rsa.generate_private_key(65537, 2048)
            if self.algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.key_id = secrets.token_hex(4)

    @contextmanager
    def serving(self, port: int = 0, tls: Tls | None = None) -> Iterator[str]:
        """Serve on loopback while the context lasts; yields the issuer."""
        with serving(self.routes(), port, tls) as found:
            self.issuer = f"{'https' if tls else 'http'}://{'localhost' if tls else HOST}:{found}"
            yield self.issuer

    def routes(self) -> Routes:
        """What it answers."""
        known = {
            ("GET", "/.well-known/openid-configuration"): self._discovery,
            ("GET", "/authorize"): self._authorize,
            ("POST", "/login"): self._login,
            ("POST", "/token"): self._token,
            ("GET", "/keys"): self._keys,
        }
        return {which: self._unless_spoilt(which[1], handler) for which, handler in known.items()}

    def _unless_spoilt(self, path: str, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            self.asked.append(path)
            return self.instead.get(path, handler)(request)

        return answer

    def configuration(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def published(self) -> list[dict[str, str]]:
        """Its public keys (RFC 7517)."""
        public = self.key.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            kind = {"kty": "RSA", "n": _number(numbers.n, 256), "e": _number(numbers.e, 3)}
        else:
            point = public.public_numbers()
            kind = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
        return [{**kind, "kid": self.key_id, "use": "sig", "alg": self.algorithm}]

    def _discovery(self, _: Request) -> Response:
        return json_response(self.configuration())

    def _keys(self, _: Request) -> Response:
        return json_response({"keys": self.published()})

    def _authorize(self, request: Request) -> Response:
        """The page on which somebody says who they are."""
        told = request.query
        needed = ("redirect_uri", "state", "nonce", "code_challenge")
        fits = told.get("client_id") == CLIENT_ID and told.get("response_type") == "code"
        if not fits or not all(told.get(name) for name in needed) or told.get("code_challenge_method") != "S256":
            return Response(status=400, body=b"bad request", content_type="text/plain")
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._waiting[name] = told
        return Response(body=_PAGE.format(asked=html.escape(name)).encode(), content_type="text/html; charset=utf-8")

    def _login(self, request: Request) -> Response:
        form = _form(request.body)
        with self._lock:
            asked = self._waiting.pop(form.get("asked", ""), None)
        if asked is None:
            return Response(status=400, body=b"bad request", content_type="text/plain")
        return _sent_to(self.sent_back(asked, form.get("login", "")))

    def sent_back(self, asked: Mapping[str, str], login: str) -> str:
        """Where the browser of somebody who says they are `login` is sent, as was `asked`."""
        if login not in self.people:
            told = {"error": "access_denied", "state": asked["state"], "iss": self.issuer}
        else:
            code = secrets.token_urlsafe(24)
            with self._lock:
                self._grants[code] = _Grant(login, asked, time.monotonic() + CODE_SECONDS)
            told = {"code": code, "state": asked["state"], "iss": self.issuer}
        return asked["redirect_uri"] + "?" + urlencode(told)

    def _token(self, request: Request) -> Response:
        form = _form(request.body)
        if not self._is_client(request.headers.get("authorization", "")):
            return json_response({"error": "invalid_client"}, 401)
        with self._lock:
            grant = self._grants.pop(form.get("code", ""), None)
        challenge = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        right = (
            grant is not None
            and time.monotonic() < grant.until
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == grant.asked["redirect_uri"]
            and challenge == grant.asked["code_challenge"]
        )
        if grant is None or not right:
            return json_response({"error": "invalid_grant"}, 400)
        told = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return json_response({**told, "id_token": self.id_token(grant.login, grant.asked["nonce"])})

    def id_token(self, login: str, nonce: str) -> str:
        """What it says of somebody, spoilt as was asked."""
        now = int(self.now())
        usual = {
            "iss": self.issuer,
            "sub": hashlib.sha256(login.encode()).hexdigest()[:16],
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": nonce,
            "preferred_username": login,
            **self.people.get(login, {}),
        }
        claims = {name: value for name, value in {**usual, **self.claims}.items() if value is not None}
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.key_id, **self.header}
        return signed(header, claims, self.signer or self.key)

    def _is_client(self, told: str) -> bool:
        kind, _, pair = told.partition(" ")
        try:
            name, _, secret = base64.b64decode(pair).decode().partition(":")
        except ValueError:
            return False
        return kind == "Basic" and (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, self.secret)


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: Signer | None) -> str:
    """A JSON Web Token in its compact form (RFC 7515, 3.1); without a key nothing stands where the signature should."""
    text = ".".join(
        _b64(json.dumps({k: v for k, v in part.items() if v is not None}).encode()) for part in (header, claims)
    )
    return text + "." + (_b64(_signature(key, text.encode())) if key is not None else "")


def _signature(key: Signer, text: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _sent_to(address: str) -> Response:
    return Response(status=303, headers={"Location": address}, content_type="text/plain")


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _number(value: int, size: int) -> str:
    return _b64(value.to_bytes(size))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
