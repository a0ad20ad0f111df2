"""Sign-in through an identity provider: who it says somebody is counts only where every check holds."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask.testing import FlaskClient

from config.front import OidcSettings
from config.settings import ConfigWrongType, load
from kiosk.accounts import Role
from kiosk.machines import Scope
from sandbox.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, signed
from sandbox.portal_tls import Certificates
from tests.support.waiting import BUSY_SECONDS
from tests.ui.desk_tls import certificate
from tests.ui.people_site import PeopleSite
from ui.desk import oidc
from ui.desk.id_token import (
    LONGEST_TOKEN,
    OLDEST_SECONDS,
    SKEW_SECONDS,
    Expected,
    IdTokenUntrusted,
    Person,
    UnknownKey,
    keys_of,
    verified,
)
from ui.desk.oidc import Begun, OidcGone, OidcRefused, OidcSetup, OidcUnavailable, Provider
from wire.errors import TiepDonError
from wire.server import Request, Response, json_response

NOW = 1_795_300_000.0
BACK = "http://127.0.0.1:8090/sign-in/provider/back"
PEOPLE = {"mai": {"email": "mai@example.invalid"}, "nobody-here": {}}


class Hands:
    """Seconds moved by hand; what a real wait costs is added."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class House:
    """Our side of a provider, and the browser of whoever signs in."""

    def __init__(self, world: IdentityProvider, folder: Path, **differences: Any) -> None:
        file = folder / "secret"
        file.write_text(CLIENT_SECRET + "\n")
        usual = OidcSettings(
            enabled=True, issuer=world.issuer, client_id=CLIENT_ID, client_secret_file=str(file), **differences
        )
        self.world = world
        self.settings = usual
        self.hands = Hands()
        self.provider = Provider(usual, lambda: NOW, self.hands)

    def begin(self) -> Begun:
        return self.provider.begin(BACK)

    def returned(self, begun: Begun, login: str = "mai", **differences: str | None) -> dict[str, str]:
        """The query with which the provider sends the browser back."""
        address = self.world.sent_back(asked_of(begun), login)
        told: dict[str, str | None] = {**dict(parse_qsl(urlsplit(address).query)), **differences}
        return {name: value for name, value in told.items() if value is not None}

    def sign_in(self, login: str = "mai", **differences: str | None) -> Person:
        begun = self.begin()
        return self.provider.finish(self.returned(begun, login, **differences), begun.browser)

    def refused(self, kind: type[TiepDonError], **differences: str | None) -> TiepDonError:
        with pytest.raises(kind) as caught:
            self.sign_in(**differences)
        return caught.value


def asked_of(begun: Begun) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(begun.address).query).items()}


@pytest.fixture
def world() -> Iterator[IdentityProvider]:
    made = IdentityProvider(PEOPLE, now=lambda: NOW)
    with made.serving():
        yield made


@pytest.fixture
def house(world: IdentityProvider, tmp_path: Path) -> House:
    return House(world, tmp_path)


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


# --- what the provider signs


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://elsewhere.invalid"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": [CLIENT_ID, "another"]}, "audience"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "audience"),
        ({"azp": "another"}, "audience"),
        ({"aud": {CLIENT_ID: 1}}, "audience"),
        ({"exp": NOW - SKEW_SECONDS}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "9999999999"}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": NOW + SKEW_SECONDS + 1}, "issued_at"),
        ({"iat": NOW - OLDEST_SECONDS}, "issued_at"),
        ({"iat": None}, "issued_at"),
        ({"nbf": NOW + SKEW_SECONDS + 1}, "not_yet_valid"),
        ({"nbf": "soon"}, "not_yet_valid"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"nonce": "\ud800"}, "nonce"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "x" * 256}, "subject"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(house: House, claims: dict[str, Any], why: str) -> None:
    house.world.claims = claims
    assert house.refused(IdTokenUntrusted).data == {"why": why}


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - SKEW_SECONDS + 1},
        {"iat": NOW + SKEW_SECONDS},
        {"iat": NOW - OLDEST_SECONDS + 1},
        {"nbf": NOW + SKEW_SECONDS},
        {"aud": [CLIENT_ID]},
        {"aud": ["another", CLIENT_ID], "azp": CLIENT_ID},
    ],
)
def test_clocks_may_differ_a_little_and_audiences_be_a_list(house: House, claims: dict[str, Any]) -> None:
    house.world.claims = claims
    assert house.sign_in().name("preferred_username") == "mai"


def test_another_signers_token_is_refused(house: House) -> None:
    house.world.signer = ec.generate_private_key(ec.SECP256R1())
    assert house.refused(IdTokenUntrusted).data == {"why": "signature"}


def test_a_key_that_was_never_published_is_asked_for_at_most_every_few_seconds(house: House) -> None:
    house.sign_in()
    house.world.header = {"kid": "made up"}
    house.hands.ahead += oidc.ASK_AGAIN_SECONDS
    for _ in range(4):
        assert house.refused(IdTokenUntrusted).data == {"why": "key"}
    assert house.world.asked.count("/keys") == 2


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "PS256", "ES384", "RS256", "", None, 7])
def test_no_other_algorithm_is_believed(house: House, algorithm: object) -> None:
    house.world.header = {"alg": algorithm}
    assert house.refused(IdTokenUntrusted).data["why"] in ("algorithm", "shape", "key")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}, {"crit": ["b64"], "b64": False}])
def test_a_header_that_changes_the_rules_is_refused(house: House, header: dict[str, Any]) -> None:
    house.world.header = header
    assert house.refused(IdTokenUntrusted).data["why"] in ("header", "shape")


def test_a_key_that_comes_with_the_token_counts_for_nothing(house: House) -> None:
    own = IdentityProvider({}, now=lambda: NOW)
    house.world.signer = own.key
    house.world.header = {"jwk": own.published()[0], "jku": "https://elsewhere.invalid/keys", "x5c": ["MA=="]}
    assert house.refused(IdTokenUntrusted).data == {"why": "signature"}


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d", "...", "e30.e30.", "x" * (LONGEST_TOKEN + 1), "ế.b.c", "W10.W10.AA"],
)
def test_what_is_no_token_is_refused(house: House, token: str) -> None:
    keys = tuple(house.world.published())
    with pytest.raises(IdTokenUntrusted):
        verified(token, keys, Expected(house.world.issuer, CLIENT_ID, "nonce", NOW))


@pytest.mark.parametrize("payload", ["[]", "null", "7", '{"exp": NaN}', "[" * 3000, '"text"', ""])
def test_claims_that_are_no_claims_are_refused(house: House, payload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Text(dict[str, Any]):
        pass

    monkeypatch.setattr("sandbox.identity_provider.json", _Dumps(payload))
    token = signed({"alg": "ES256"}, Text(), house.world.key)  # type: ignore[arg-type]
    with pytest.raises(IdTokenUntrusted) as caught:
        verified(token, house.world.published(), Expected(house.world.issuer, CLIENT_ID, "nonce", NOW))
    assert caught.value.data == {"why": "claims"}


class _Dumps:
    """`json` of the sandbox, that writes this payload after an honest header."""

    def __init__(self, payload: str) -> None:
        self._payload = payload

    def dumps(self, part: dict[str, Any]) -> str:
        return json.dumps(part) if part else self._payload


def test_a_weak_or_secret_key_is_no_key(house: House) -> None:
    weak = IdentityProvider(PEOPLE, now=lambda: NOW, algorithm="RS256")
    weak.key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    token = signed({"alg": "RS256"}, {"sub": "x"}, weak.key)
    expected = Expected("", CLIENT_ID, "", NOW)
    with pytest.raises(IdTokenUntrusted) as caught:
        verified(token, weak.published(), expected)
    assert caught.value.data == {"why": "signature"}
    told = {"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256"}, {**weak.published()[0], "d": "AAAA"}, "x", {}]}
    assert keys_of(told) == ()
    with pytest.raises(UnknownKey):
        verified(token, keys_of(told), expected)


@pytest.mark.parametrize("name", [None, "", 7, ["mai"], "x" * 256, "mai\n"])
def test_a_name_that_is_none_is_nobodys(house: House, name: object) -> None:
    house.world.claims = {"preferred_username": name}
    with pytest.raises(IdTokenUntrusted) as caught:
        house.sign_in().name("preferred_username")
    assert caught.value.data == {"why": "name"}


@pytest.mark.parametrize("checked", [None, False, "true", 1])
def test_an_address_that_the_provider_did_not_check_names_nobody(house: House, checked: object) -> None:
    house.world.claims = {"email_verified": checked}
    with pytest.raises(IdTokenUntrusted) as caught:
        house.sign_in().name("email")
    assert caught.value.data == {"why": "email_not_verified"}
    house.world.claims = {"email_verified": True}
    assert house.sign_in().name("email") == "mai@example.invalid"


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


# --- whose account it is


@contextmanager
def pages(world: IdentityProvider, folder: Path, **staff: str) -> Iterator[PeopleSite]:
    (folder / "secret").write_text(CLIENT_SECRET)
    oidc = OidcSettings(
        enabled=True, issuer=world.issuer, client_id=CLIENT_ID, client_secret_file=str(folder / "secret")
    )
    with closing(PeopleSite(folder, oidc, **staff)) as site:
        world.now = lambda: site.clock.now().timestamp()
        site.account(Role.SUPERVISOR)
        yield site


def come_back(
    site: PeopleSite, world: IdentityProvider, login: str, at: str = "http://localhost"
) -> tuple[int, FlaskClient, str]:
    """A browser that went to the provider as `login` and came back: status, browser, page."""
    browser = site.app.test_client()
    sent = browser.get("/sign-in/oidc", base_url=at).headers["Location"]
    back = world.sent_back(dict(parse_qsl(urlsplit(sent).query)), login)
    answer = browser.get(
        "/sign-in/oidc/back?" + urlsplit(back).query, base_url=at, headers={"Sec-Fetch-Site": "cross-site"}
    )
    return answer.status_code, browser, answer.get_data(as_text=True)


@pytest.mark.parametrize("login", ["hoa", "HOA"])
def test_an_existing_account_is_signed_in(tmp_path: Path, login: str) -> None:
    world = IdentityProvider({login: {}})
    with world.serving(), pages(world, tmp_path) as site:
        status, browser, _ = come_back(site, world, login)
        assert status == 200
        assert (browser.get("/probe").json or {})["account"] == "hoa"


def test_over_tls_every_cookie_is_bound_to_this_host_and_gone_when_it_is_used(tmp_path: Path) -> None:
    world, at = IdentityProvider({"hoa": {}}), "https://tiepdon.example.test"
    certificate_file, key_file = certificate(tmp_path, "tiepdon.example.test")
    staff = {"certificate_file": str(certificate_file), "key_file": str(key_file)}
    with world.serving(), pages(world, tmp_path, **staff) as site:
        begun = site.app.test_client().get("/sign-in/oidc", base_url=at).headers["Set-Cookie"]
        assert begun.startswith("__Host-tiepdon_provider=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(begun.split("; "))
        status, browser, _ = come_back(site, world, "hoa", at)
        assert status == 200
        assert browser.get_cookie("__Host-tiepdon_provider", "tiepdon.example.test") is None
        session = browser.get_cookie("__Host-tiepdon", "tiepdon.example.test")
        assert session is not None
        assert session.secure
        assert session.http_only
        code = site.machines.new_code("Hall", {Scope.BOARD}, "hoa", "/probe")
        board = site.app.test_client()
        told = board.get(f"/board/enter?code={code}", base_url=at).headers["Set-Cookie"]
        assert told.startswith("__Host-tiepdon_machine=")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(told.split("; "))
        assert "Domain" not in begun + told
        assert board.get("/probe", base_url=at).status_code == 200
        plain = {"Cookie": told.partition(";")[0].removeprefix("__Host-")}  # one that another host could have set
        assert site.app.test_client().get("/probe", base_url=at, headers=plain).status_code == 401


def test_no_word_of_a_provider_stands_on_our_pages(tmp_path: Path) -> None:
    markup = '"><img src=x onerror=alert(1)>{{7*7}}'
    world = IdentityProvider({markup: {}})
    with world.serving(), pages(world, tmp_path) as site:
        status, _, page = come_back(site, world, markup)
        assert (status, "img" in page, "onerror" in page) == (403, False, False)
        answer = {"error": markup, "error_description": markup, "error_uri": "javascript:alert(1)", "state": markup}
        page = site.app.test_client().get("/sign-in/oidc/back?" + urlencode(answer)).get_data(as_text=True)
        assert "onerror" not in page
        assert "javascript:" not in page


@pytest.mark.parametrize("login", ["lan", "ｈｏａ", "ⓗoa", "hoa ", "hoạ", "' OR 1=1 --"])
def test_no_account_is_made_and_no_name_that_resembles_one_opens_it(tmp_path: Path, login: str) -> None:
    world = IdentityProvider({login: {}})
    with world.serving(), pages(world, tmp_path) as site:
        status, browser, _ = come_back(site, world, login)
        assert status == 403
        assert browser.get("/probe").status_code == 401
        assert [one.name for one in site.accounts.all()] == ["hoa"]


def test_an_account_that_is_switched_off_stays_off(tmp_path: Path) -> None:
    world = IdentityProvider({"lan": {}})
    with world.serving(), pages(world, tmp_path) as site:
        site.accounts.add("lan", "Mẫu Thị Lan", Role.RECEPTIONIST)
        site.accounts.disable("lan", "hoa")
        assert come_back(site, world, "lan")[0] == 403


def test_a_name_that_was_given_to_somebody_else_there_opens_nothing_until_the_account_is_reset(tmp_path: Path) -> None:
    world = IdentityProvider({"hoa": {}})
    with world.serving(), pages(world, tmp_path) as site:
        assert come_back(site, world, "hoa")[0] == 200
        world.claims = {"sub": "somebody-else"}
        status, browser, page = come_back(site, world, "hoa")
        assert (status, browser.get("/probe").status_code) == (403, 401)
        assert "người khác" in page
        site.accounts.reset("hoa", "command")
        assert come_back(site, world, "hoa")[0] == 200
        world.claims = {}
        assert come_back(site, world, "hoa")[0] == 403
        assert [one.act for one in site.accounts.acts()].count("bound") == 2


def test_another_site_begins_no_sign_in(tmp_path: Path) -> None:
    world = IdentityProvider({"hoa": {}})
    with world.serving(), pages(world, tmp_path) as site:
        browser = site.app.test_client()
        assert browser.get("/sign-in/oidc", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_settings_that_cannot_work_leave_the_pin(tmp_path: Path) -> None:
    with closing(PeopleSite(tmp_path, OidcSettings(enabled=True))) as site:
        browser = site.app.test_client()
        assert browser.get("/sign-in/oidc").status_code == 500
        assert browser.get("/sign-in").status_code == 200


def test_the_way_back_without_a_beginning_signs_nobody_in(tmp_path: Path) -> None:
    world = IdentityProvider({"hoa": {}})
    with world.serving(), pages(world, tmp_path) as site:
        browser = site.app.test_client()
        assert browser.get("/sign-in/oidc/back?code=x&state=y").status_code == 400
        assert browser.get("/sign-in/oidc/back").status_code == 400


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
