"""Our side of a pretend identity provider, and the browser of whoever signs in through it."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from config.front import OidcSettings
from sandbox.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from ui.desk.id_token import (
    Person,
)
from ui.desk.oidc import Begun, Provider
from wire.errors import TiepDonError

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
