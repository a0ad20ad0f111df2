"""What an identity provider signs: who it says somebody is counts only where every check holds."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.identity_provider import CLIENT_ID, IdentityProvider, signed
from tests.ui.oidc_house import NOW, PEOPLE, House
from ui.desk import oidc
from ui.desk.id_token import (
    LONGEST_TOKEN,
    OLDEST_SECONDS,
    SKEW_SECONDS,
    Expected,
    IdTokenUntrusted,
    UnknownKey,
    keys_of,
    verified,
)


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
