"""The troubles any HTTP system has, by name: what stands in front of its answer, and what becomes of it on the way."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.faults import ON, Check, Faults, Takes, one_of, seconds, switch
from sandbox.web import HOST, Spoilt, Switchboard, Tls
from wire.server import Response, Routes

SLOW_SECONDS = 30.0
DRIP_SECONDS = 0.2
GARBAGE_BYTES = 1_000_000

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body>Please log in.</body></html>"
MAINTENANCE_PAGE = (
    "<!DOCTYPE html><html lang='vi'><head><title>Bảo trì</title></head>"
    "<body><h1>Hệ thống đang bảo trì</h1></body></html>"
).encode()
HTML = "text/html; charset=utf-8"

COMMON: Mapping[str, Check] = {
    "down": switch,  # nobody listens
    "slow": seconds,  # every call is answered after so many seconds
    "html": switch,  # a login page instead of an answer
    "500": switch,  # HTTP 500
    "maintenance": one_of("503", "200"),  # the announced page, with either status
    "empty": switch,  # 200 and nothing
    "half": one_of("body", "length"),  # cut in the middle: the message, or the promise of its length
    "content_type": one_of("text/html", "text/plain", "application/octet-stream"),  # a right answer, wrongly named
    "garbage": switch,  # a megabyte of nonsense
    "drip": seconds,  # a byte each so many seconds
    "reset": switch,  # the connection is torn in the middle of the answer
}


def number(most: int) -> Takes:
    """A fault that takes a whole number from 1 to `most`, or `on` for 1."""
    return Takes(
        f"{ON}, a number from 1 to {most}",
        lambda value: value == ON or (re.fullmatch(r"[0-9]{1,6}", value) is not None and 1 <= int(value) <= most),
    )


class Troubled:
    """The base of a pretend HTTP system: its faults under one prefix, and its place on the network."""

    def __init__(self, prefix: str, own: Mapping[str, Check]) -> None:
        self._prefix = prefix
        self._faults = Faults({f"{prefix}.{name}": check for name, check in {**COMMON, **own}.items()})
        self._boards: list[Switchboard] = []

    def routes(self) -> Routes:
        """The calls."""
        raise NotImplementedError

    def set_fault(self, name: str, value: object) -> None:
        """Switch one of its faults on or off. Raises sandbox.errors.UnknownFault."""
        self._faults.set(name, value)
        for board in self._boards:
            board.follow(down=self._fault("down") is not None)
            if name == f"{self._prefix}.tls":
                board.greet_anew()

    def faults(self) -> dict[str, str | None]:
        """Every fault with its value, None when off."""
        return self._faults.now()

    def takes(self) -> dict[str, str]:
        """Every fault with the values it takes, for people."""
        return self._faults.takes()

    @contextmanager
    def serving(self, port: int = 0, tls: Tls | None = None) -> Iterator[tuple[str, int]]:
        """Listen on loopback while the context lasts; yields the address (with the real port where 0 was asked)."""
        board = Switchboard(self.routes(), port, tls)
        self._boards.append(board)
        board.follow(down=self._fault("down") is not None)
        try:
            yield HOST, board.port
        finally:
            self._boards.remove(board)
            if not self._boards:
                self._faults.clear()  # whoever waits for a slow answer need not
            board.follow(down=True)

    def _fault(self, name: str) -> str | None:
        return self._faults.get(f"{self._prefix}.{name}")

    def _wait(self, name: str) -> None:
        if slow := self._fault(name):
            usual = SLOW_SECONDS if slow == ON else float(slow)
            self._faults.wait_until_off(f"{self._prefix}.{name}", usual)

    def _instead(self) -> Response | None:
        """What is answered instead of anything, whatever was asked."""
        self._wait("slow")
        if self._fault("500"):
            return Response(status=500, body=LOGIN_PAGE, content_type="text/html")
        if status := self._fault("maintenance"):
            return Response(status=200 if status == "200" else 503, body=MAINTENANCE_PAGE, content_type=HTML)
        if self._fault("html"):
            return Response(body=LOGIN_PAGE, content_type=HTML)
        return None

    def _on_the_way(self, answer: Response) -> Response:
        """What becomes of a right answer before it arrives."""
        body = answer.body
        middle = len(body) // 2
        if kind := self._fault("content_type"):
            answer = Response(answer.status, body, "text/html" if kind == ON else kind)
        if self._fault("empty"):
            return Response(answer.status, b"", answer.content_type)
        if self._fault("garbage"):
            noise = random.Random(0).randbytes(GARBAGE_BYTES)  # noqa: S311  # the same nonsense each time
            return Response(answer.status, noise, answer.content_type)
        if half := self._fault("half"):
            told = len(body) if half == "length" else middle
            return Spoilt(answer.status, body[:middle], answer.content_type, length=told)
        if self._fault("reset"):
            return Spoilt(answer.status, body[:middle], answer.content_type, length=len(body), reset=True)
        if pause := self._fault("drip"):
            drops = self._dripping(body, pause)
            return Spoilt(answer.status, b"", answer.content_type, stream=drops, length=len(body))
        return answer

    def _dripping(self, body: bytes, pause: str) -> Iterator[bytes]:
        for place in range(len(body)):
            yield body[place : place + 1]
            self._faults.wait_until_off(f"{self._prefix}.drip", DRIP_SECONDS if pause == ON else float(pause))


def respelt(value: Any, key: Callable[[str], str], text: Callable[[str], Any]) -> Any:
    """A JSON value with every key and every text put through these."""
    if isinstance(value, dict):
        return {key(name): respelt(inner, key, text) for name, inner in value.items()}
    if isinstance(value, list):
        return [respelt(inner, key, text) for inner in value]
    return text(value) if isinstance(value, str) else value


def as_number(text: str) -> Any:
    """Digits as a number, their leading zeros lost, as careless gateways send them."""
    return int(text) if re.fullmatch(r"[0-9]+", text) else text


def json_answer(value: Any, status: int = 200) -> Response:
    """JSON as UTF-8, the letters themselves."""
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8")
