"""Sign-in through an identity provider: the way there and back, and answers that are none."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from config.front import OidcSettings
from config.settings import ConfigWrongType, load
from sandbox.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from sandbox.portal_tls import Certificates
from tests.support.waiting import BUSY_SECONDS
from tests.ui.oidc_house import NOW, PEOPLE, House, asked_of
from ui.desk import oidc
from ui.desk.id_token import (
    IdTokenUntrusted,
)
from ui.desk.oidc import OidcGone, OidcRefused, OidcSetup, OidcUnavailable, Provider
from wire.server import Request, Response, json_response

# --- the way it should go


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_whoever_signs_in_there_is_known_here(algorithm: str, tmp_path: Path) -> None:
    world = IdentityProvider(PEOPLE, now=lambda: NOW, algorithm=algorithm)
    with world.serving():
        person = House(world, tmp_path).sign_in()
    assert person.name("preferred_username") == "mai"


def test_nothing_secret_goes_through_the_browser(house: House) -> None:
    begun = house.begin()
    asked = asked_of(begun)
    assert asked["code_challenge_method"] == "S256"
    assert asked["prompt"] == "login"
    assert CLIENT_SECRET not in begun.address
    assert begun.browser not in begun.address
    assert len({asked["state"], asked["nonce"], asked["code_challenge"], begun.browser}) == 4


def test_what_the_provider_says_of_itself_is_asked_once(house: House) -> None:
    house.sign_in()
    house.sign_in()
    asked = house.world.asked
    assert [asked.count(path) for path in ("/.well-known/openid-configuration", "/keys", "/token")] == [1, 1, 2]
    house.hands.ahead += oidc.KEPT_SECONDS
    house.sign_in()
    assert asked.count("/.well-known/openid-configuration") == 2


def test_a_provider_that_changed_its_key_is_asked_for_it(house: House) -> None:
    house.sign_in()
    house.world.renew()
    house.hands.ahead += oidc.ASK_AGAIN_SECONDS
    assert house.sign_in().name("preferred_username") == "mai"


def test_a_client_without_a_secret_proves_itself_by_pkce_alone(tmp_path: Path) -> None:
    world = IdentityProvider(PEOPLE, now=lambda: NOW)
    forms: list[dict[str, list[str]]] = []

    def token(request: Request) -> Response:
        assert "authorization" not in request.headers
        forms.append(parse_qs(request.body.decode()))
        return json_response({"error": "invalid_client"}, 401)

    world.instead["/token"] = token
    with world.serving():
        house = House(world, tmp_path)
        open_client = msgspec.structs.replace(house.settings, client_secret_file="")
        house.provider = Provider(open_client, lambda: NOW)
        assert house.refused(OidcRefused).data == {"why": "invalid_client"}
    assert forms[0]["client_id"] == [CLIENT_ID]
    assert len(forms[0]["code_verifier"][0]) >= 43  # RFC 7636, 4.1
    assert "client_secret" not in forms[0]


def test_the_secret_is_told_to_the_token_endpoint_as_it_asks_for_it(house: House) -> None:
    house.world.instead["/.well-known/openid-configuration"] = lambda _: json_response(
        {**house.world.configuration(), "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    )
    forms: list[dict[str, list[str]]] = []

    def token(request: Request) -> Response:
        forms.append(parse_qs(request.body.decode()))
        return json_response({"error": "invalid_grant"}, 400)

    house.world.instead["/token"] = token
    house.refused(OidcRefused)
    assert forms[0]["client_secret"] == [CLIENT_SECRET]


# --- somebody else's answer in this browser


def test_an_answer_counts_once(house: House) -> None:
    begun = house.begin()
    told = house.returned(begun)
    house.provider.finish(told, begun.browser)
    with pytest.raises(OidcGone):
        house.provider.finish(told, begun.browser)


def test_an_answer_counts_in_the_browser_that_began_alone(house: House) -> None:
    begun, other = house.begin(), house.begin()
    told = house.returned(begun)
    for browser in (other.browser, "", "x"):
        with pytest.raises(OidcGone):
            house.provider.finish(told, browser)
    assert house.provider.finish(told, begun.browser).name("preferred_username") == "mai"


@pytest.mark.parametrize("state", [None, "", "made up", "x" * 50_000, "\ud800"])
def test_an_answer_nobody_asked_for_is_none(house: House, state: str | None) -> None:
    house.refused(OidcGone, state=state)
    assert "/token" not in house.world.asked


def test_a_sign_in_that_takes_too_long_is_over(house: House) -> None:
    begun = house.begin()
    house.hands.ahead += oidc.BEGUN_SECONDS
    with pytest.raises(OidcGone):
        house.provider.finish(house.returned(begun), begun.browser)


def test_many_that_are_begun_and_never_finished_cost_no_more_than_their_bound(house: House) -> None:
    first = house.begin()
    last = [house.begin() for _ in range(oidc.MOST_BEGUN)][-1]
    with pytest.raises(OidcGone):
        house.provider.finish(house.returned(first), first.browser)
    assert house.provider.finish(house.returned(last), last.browser)


def test_a_code_of_another_sign_in_is_refused_by_its_nonce_and_verifier(house: House) -> None:
    mine, theirs = house.begin(), house.begin()
    code = house.returned(theirs)["code"]
    with pytest.raises(OidcRefused) as caught:
        house.provider.finish(house.returned(mine, code=code), mine.browser)
    assert caught.value.data == {"why": "invalid_grant"}


@pytest.mark.parametrize("issuer", [None, "https://elsewhere.invalid", ""])
def test_an_answer_of_another_provider_goes_to_none(house: House, issuer: str | None) -> None:
    assert house.refused(IdTokenUntrusted, iss=issuer).data == {"why": "issuer"}
    assert "/token" not in house.world.asked


def test_a_person_who_turns_back_is_told_so(house: House) -> None:
    begun = house.begin()
    with pytest.raises(OidcRefused) as caught:
        house.provider.finish(house.returned(begun, "stranger"), begun.browser)
    assert caught.value.data == {"why": "access_denied"}


@pytest.mark.parametrize("word", ["<script>", "a" * 41, "nữa", "a b", ""])
def test_a_providers_words_are_not_repeated(house: House, word: str) -> None:
    assert house.refused(OidcRefused, code=None, error=word).data == {"why": "unknown"}


# --- answers that are none


def redirect(_: Request) -> Response:
    return Response(status=302, headers={"Location": "https://elsewhere.invalid/"})


def text(body: bytes, status: int = 200) -> Callable[[Request], Response]:
    return lambda _: Response(status=status, body=body)


PATHS = ("/.well-known/openid-configuration", "/token", "/keys")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (redirect, "http_302"),
        (text(b"", 500), "http_500"),
        (text(b"{}", 204), "http_204"),
        (text(b"<html>"), "garbled"),
        (text(b"[]"), "garbled"),
        (text(b"[" * 100_000), "garbled"),
        (text(b"\xff\xfe{"), "garbled"),
        (text(b" " * (oidc.MAX_ANSWER + 1)), "too_large"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be_none(
    house: House, path: str, answer: Callable[[Request], Response], why: str
) -> None:
    house.world.instead[path] = answer
    assert house.refused(OidcUnavailable).data == {"why": why}


@pytest.mark.parametrize(
    ("differences", "why"),
    [
        ({"issuer": "https://elsewhere.invalid"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": "http://elsewhere.invalid/token"}, "token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"token_endpoint": "https://user@elsewhere.invalid/"}, "token_endpoint"),
        ({"token_endpoint": 7}, "token_endpoint"),
        ({"jwks_uri": "http://[bad"}, "jwks_uri"),
        ({"jwks_uri": "ftp://127.0.0.1/"}, "jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"authorization_endpoint": "http://127.0.0.1/\r\nSet-Cookie: a=b"}, "authorization_endpoint"),
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "no_pkce"),
    ],
)
def test_a_provider_that_leads_elsewhere_is_not_followed(house: House, differences: dict[str, Any], why: str) -> None:
    house.world.instead[PATHS[0]] = lambda _: json_response({**house.world.configuration(), **differences})
    with pytest.raises(OidcUnavailable) as caught:
        house.begin()
    assert caught.value.data == {"why": why}


@pytest.mark.parametrize("keys", [{}, {"keys": {}}, {"keys": None}])
def test_keys_that_are_none_are_said_to_be_none(house: House, keys: object) -> None:
    house.world.instead["/keys"] = lambda _: json_response(keys)
    assert house.refused(IdTokenUntrusted).data == {"why": "keys"}


@pytest.mark.parametrize("told", [{}, {"id_token": None}, {"id_token": ["a"]}])
def test_an_answer_without_a_token_lets_nobody_in(house: House, told: object) -> None:
    house.world.instead["/token"] = lambda _: json_response(told)
    assert house.refused(IdTokenUntrusted).data == {"why": "missing"}


def test_a_provider_that_is_away_is_said_to_be_away_and_found_when_it_is_back(tmp_path: Path) -> None:
    world = IdentityProvider(PEOPLE, now=lambda: NOW)
    with world.serving() as issuer:
        house = House(world, tmp_path)
    port = urlsplit(issuer).port or 0
    with pytest.raises(OidcUnavailable) as caught:
        house.begin()
    assert caught.value.data == {"why": "unreachable"}
    with world.serving(port):
        assert house.sign_in().name("preferred_username") == "mai"


@contextmanager
def dripping(world: IdentityProvider, path: str) -> Iterator[threading.Event]:
    """The answer of this path comes byte by byte, and never ends."""
    over, begun = threading.Event(), threading.Event()

    def drip() -> Iterator[bytes]:
        while not over.wait(0.05):
            begun.set()
            yield b" "

    world.instead[path] = lambda _: Response(stream=drip())
    try:
        yield begun
    finally:
        over.set()


def test_an_answer_that_never_ends_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "DEADLINE_SECONDS", 0.4)
    with dripping(house.world, PATHS[0]):
        begun = time.monotonic()
        with pytest.raises(OidcUnavailable) as caught:
            house.begin()
        assert time.monotonic() - begun < BUSY_SECONDS
    assert caught.value.data == {"why": "timeout"}


def test_a_provider_that_hangs_holds_few_requests_and_the_others_are_told_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def ask() -> None:
        with pytest.raises(OidcUnavailable) as caught:
            house.begin()
        told.append(caught.value.data["why"])

    monkeypatch.setattr(oidc, "DEADLINE_SECONDS", 2.0)
    with dripping(house.world, PATHS[0]):
        asking = [threading.Thread(target=ask) for _ in range(oidc.AT_ONCE + 4)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
    assert sorted(map(str, told)) == ["busy"] * 4 + ["timeout"] * oidc.AT_ONCE
    del house.world.instead[PATHS[0]]
    assert house.sign_in()


# --- settings


def test_a_certificate_nobody_vouches_for_is_refused_and_a_private_authority_is_trusted(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    world = IdentityProvider(PEOPLE, now=lambda: NOW)
    with world.serving(tls=lambda: certificates.context(None)):
        with pytest.raises(OidcUnavailable) as caught:
            House(world, tmp_path).begin()
        assert caught.value.data == {"why": "certificate"}
        assert House(world, tmp_path, ca_file=str(certificates.ca)).sign_in().name("preferred_username") == "mai"
    with world.serving(tls=lambda: certificates.context("expired")), pytest.raises(OidcUnavailable):
        House(world, tmp_path, ca_file=str(certificates.ca)).begin()


@pytest.mark.parametrize(
    ("differences", "key"),
    [
        ({"issuer": ""}, "issuer"),
        ({"issuer": "http://sso.example.invalid"}, "issuer"),
        ({"issuer": "https://sso.example.invalid?x=1"}, "issuer"),
        ({"issuer": "https://sso.example.invalid#x"}, "issuer"),
        ({"client_id": ""}, "client_id"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file"),
    ],
)
def test_settings_that_cannot_work_are_said_at_the_start(differences: dict[str, str], key: str) -> None:
    usual = OidcSettings(issuer="https://sso.example.invalid", client_id=CLIENT_ID)
    with pytest.raises(OidcSetup) as caught:
        Provider(msgspec.structs.replace(usual, **differences), lambda: NOW)
    assert caught.value.data["key"] == key


@pytest.mark.parametrize("missing", ["issuer", "client_id"])
def test_a_settings_file_that_names_no_provider_is_refused(tmp_path: Path, missing: str) -> None:
    told = {"issuer": "https://sso.example.invalid", "client_id": CLIENT_ID}
    del told[missing]
    lines = [f'{key} = "{value}"' for key, value in told.items()]
    (tmp_path / "site.toml").write_text("\n".join(["[staff.oidc]", "enabled = true", *lines]), "utf-8")
    with pytest.raises(ConfigWrongType) as caught:
        load(tmp_path / "site.toml")
    assert caught.value.data["key"] == f"staff.oidc.{missing}"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_a_secret_that_cannot_be_read_is_said(house: House, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "secret").unlink() if content is None else (tmp_path / "secret").write_bytes(content)
    assert house.refused(OidcSetup).data["key"] == "client_secret_file"


def test_no_error_holds_a_word_of_what_was_said(house: House) -> None:
    house.world.claims = {"iss": "secret-word"}
    error = house.refused(IdTokenUntrusted)
    assert "secret-word" not in str(error)
    assert urlencode({"a": "secret"}) not in str(error)
