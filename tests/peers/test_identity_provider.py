"""Sign-in through an identity provider that this project did not write: oidc-provider, in a browser."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from config.front import OidcSettings
from kiosk.accounts import Role
from tests.peers.fhir_peer import ROOT, node
from tests.ui.browsing import opened_page, served
from tests.ui.people_site import PeopleSite
from ui.touchscreen.stream import Streams

MODULE = ROOT / "node_modules" / "oidc-provider"
SECRET = "a secret: with / signs & spaces"

pytestmark = [
    pytest.mark.peer,
    pytest.mark.browser,
    pytest.mark.skipif(not MODULE.exists(), reason="oidc-provider is not installed (npm)"),
]


@contextmanager
def provider() -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Its port, and the process that waits to be told where people come back to."""
    with subprocess.Popen(
        [node(), str(Path(__file__).with_name("identity_provider_peer.mjs"))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.mark.parametrize(("algorithm", "claim"), [("ES256", "preferred_username"), ("RS256", "sub")])
def test_somebody_signs_in_through_a_provider_of_others(
    chromium: Browser, tmp_path: Path, algorithm: str, claim: str
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    with provider() as (port, process):
        oidc = OidcSettings(
            enabled=True,
            issuer=f"http://127.0.0.1:{port}",
            client_id="tiepdon-desk",
            client_secret_file=str(tmp_path / "secret"),
            name_claim=claim,
        )
        with closing(PeopleSite(tmp_path, oidc)) as desk, served(desk.app, Streams()) as address:
            desk.clock.wall = datetime.now(UTC)
            desk.account(Role.SUPERVISOR)
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{algorithm} {address}/sign-in/oidc/back\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            with opened_page(chromium, address, {}, [""]) as page:  # its pages complain of what they like
                page.goto(f"{address}/sign-in")
                page.click('a[href="/sign-in/oidc"]')
                page.fill('[name="login"]', "hoa")
                page.fill('[name="password"]', "anything")
                page.press('[name="password"]', "Enter")
                page.wait_for_url(lambda told: told.startswith(address) and urlsplit(told).path in ("/", "/counter"))
                page.goto(f"{address}/probe")
                assert '"account":"hoa"' in page.content()
