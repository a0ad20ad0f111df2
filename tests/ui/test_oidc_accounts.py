"""Whose account it is that comes back from an identity provider, on the real pages: an existing one, or nobody's."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from config.front import OidcSettings
from kiosk.accounts import Role
from kiosk.machines import Scope
from sandbox.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.ui.desk_tls import certificate
from tests.ui.people_site import PeopleSite


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
