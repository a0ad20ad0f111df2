"""What several files of these tests stand on: an identity provider, the touchscreen's pages, content packs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sandbox.identity_provider import IdentityProvider
from tests.ui.content_packs import ABOUT, Make
from tests.ui.oidc_house import NOW, PEOPLE, House
from tests.ui.scripted import ScriptedController, many_services
from ui.app import create_app


@pytest.fixture
def world() -> Iterator[IdentityProvider]:
    made = IdentityProvider(PEOPLE, now=lambda: NOW)
    with made.serving():
        yield made


@pytest.fixture
def house(world: IdentityProvider, tmp_path: Path) -> House:
    return House(world, tmp_path)


@pytest.fixture(scope="module")
def script() -> ScriptedController:
    return ScriptedController()


@pytest.fixture(scope="module")
def app(script: ScriptedController) -> Flask:
    return create_app(many_services(), script)


@pytest.fixture
def controller(script: ScriptedController) -> ScriptedController:
    script.show(ScriptedController().peek()[1])
    script.events.clear()
    return script


@pytest.fixture
def client(app: Flask, controller: ScriptedController) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(about=..., words=..., voice={...})` makes a pack's folder."""

    def made(
        about: str | bytes = ABOUT, words: str | bytes | None = None, voice: dict[str, bytes] | None = None
    ) -> Path:
        folder = tmp_path / "packs" / "rad"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pack.toml").write_bytes(about.encode() if isinstance(about, str) else about)
        if words is not None:
            (folder / "words.po").write_bytes(words.encode() if isinstance(words, str) else words)
        if voice is not None:
            (folder / "voice").mkdir(exist_ok=True)
            for name, sound in voice.items():
                (folder / "voice" / name).write_bytes(sound)
        return folder

    return made
