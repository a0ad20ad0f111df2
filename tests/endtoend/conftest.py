"""The whole product as a person meets it: `tiepdon run` as a process, the sandbox desk, real Chromium."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
START_SECONDS = 60


class World:
    """A running `tiepdon run` and its desk."""

    def __init__(self, state: Path, *options: str) -> None:
        self.log = state.with_name(state.name + ".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tiepdon.main", "run", "--state", str(state), "--json", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.facts = self._first_line()
        self.touchscreen: str = self.facts["touchscreen"]
        self.settings = Path(self.facts["settings"])
        self.environment = {**os.environ, **self.facts["environment"]}
        self.pids: dict[str, int] = self.facts["pids"]

    def _first_line(self) -> dict[str, Any]:
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        timer.cancel()
        assert line, f"tiepdon run did not start:\n{self.log.read_text('utf-8')[-4000:]}"
        facts: dict[str, Any] = json.loads(line)
        return facts

    def desk(self, method: str, path: str, body: Any = None) -> Any:
        host = self.facts["desk"].removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            data = json.dumps(body) if body is not None else None
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            response = connection.getresponse()
            text = response.read()
            assert response.status < 300, (response.status, text)
            return json.loads(text) if text else None
        finally:
            connection.close()

    def place(self, person: str) -> None:
        self.desk("POST", "/card/place", {"person": person})

    def remove(self) -> None:
        self.desk("POST", "/card/remove", {})

    def show_qr(self, person: str) -> None:
        self.desk("POST", "/scanner/show", {"person": person})

    def fault(self, name: str, value: Any = True) -> None:
        self.desk("POST", "/faults", {"name": name, "value": value})

    def touch(self, action: str) -> None:
        """A touch without a page, to clear up after a test."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        connection = http.client.HTTPConnection(self.touchscreen.removeprefix("http://").rstrip("/"), timeout=10)
        try:
            connection.request("POST", "/touchscreen/act", f"action={action}", headers)
            assert connection.getresponse().status == 204
        finally:
            connection.close()

    def received(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.desk("GET", "/his/messages")
        return messages

    def person(self, key: str) -> dict[str, Any]:
        people: list[dict[str, Any]] = self.desk("GET", "/people")
        return next(person for person in people if person["key"] == key)

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tiepdon.main", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("world") / "state")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser_page() -> Iterator[Callable[[str], Page]]:
    """Open a page on a 7-inch touchscreen (1024 x 600) in Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        contexts = []

        def open_page(address: str) -> Page:
            context = browser.new_context(viewport={"width": 1024, "height": 600}, has_touch=True, locale="vi-VN")
            contexts.append(context)
            page = context.new_page()
            page.goto(address)
            return page

        yield open_page
        for context in contexts:
            context.close()
        browser.close()
