"""The desk's own process with the people of a house, for whoever attacks it over its own sockets."""

import http.client
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from config.settings import Settings, database_path, load
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines
from tests.ui.test_desk_server import PRESS, Desk
from ui.desk import csrf
from wire import sqlite

EVIL = '"><img src=x onerror=alert(1)>{{7*7}}'
BOARD = f"""
[[queue.counters]]
code = "1"
name_vi = 'Quầy 1 {EVIL}'
name_en = 'Counter 1 {EVIL}'
queues = ["RECEPTION", "KB"]
[[kiosk.services]]
code = "KB"
name_vi = 'Khám {EVIL}'
name_en = 'Examination {EVIL}'
[[queue.boards]]
name = "hall"
languages = ["vi"]
title_vi = '{EVIL}'
"""


@dataclass(frozen=True)
class Told:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class House:
    """The process with a receptionist, a supervisor and a technician, and whoever else comes by."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = Desk(folder, BOARD)
        self.settings: Settings = load(self.desk.settings)
        self.mai = self.desk.somebody("mai", "receptionist")
        self.hoa = self.desk.somebody("hoa", "supervisor")
        self.tuan = self.desk.somebody("tuan", "technician")
        self.hoas_place = self.desk.post("/place", self.hoa, place="1").status
        self._begun = self.rows("SELECT session FROM sessions")

    def ask(
        self,
        method: str,
        path: str,
        cookie: str = "",
        body: bytes | str | None = None,
        source: str = "127.0.0.1",
        **headers: str,
    ) -> Told:
        """One request; `headers` with _ for -. No header of our pages comes by itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.desk.port, timeout=20, source_address=(source, 0))
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            told["Cookie"] = f"tiepdon={cookie}"
        with closing(connection):
            connection.request(method, path, body, told)
            answer = connection.getresponse()
            return Told(answer.status, answer.headers, answer.read())

    def press(self, path: str, cookie: str = "", source: str = "127.0.0.1", **form: str) -> Told:
        """As our own pages press."""
        more = {csrf.HEADER: csrf.token_for(cookie)} if cookie else {}
        return self.ask("POST", path, cookie, urlencode(form), source, **{**PRESS, **more})

    def stream(self, path: str, cookie: str = "", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.desk.port, timeout=20)
        connection.request("GET", path, headers={"Cookie": f"tiepdon={cookie}"} if cookie else headers)
        return connection.getresponse()

    def raw(self, sent: bytes) -> bytes:
        """Bytes that no client of ours would send."""
        with socket.create_connection(("127.0.0.1", self.desk.port), timeout=20) as connection:
            connection.sendall(sent)
            told = b""
            try:
                while piece := connection.recv(65536):
                    told += piece
            except ConnectionResetError:  # what was not read any more
                pass
            return told

    def bearer(self, *scopes: Scope, name: str = "machine") -> str:
        with closing(open_machines(self.settings, SystemClock())) as machines:
            return machines.enrol(machines.new_code(name, scopes, "hoa")).token

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite.connect(database_path(self.settings))) as connection:
            return connection.execute(query, values).fetchall()

    def forgive(self) -> None:
        """Forget what was tried, and end the sessions that were begun meanwhile: as if a day had passed."""
        with closing(sqlite.connect(database_path(self.settings))) as connection, connection:
            connection.execute("DELETE FROM sign_in_tries WHERE whom NOT LIKE 'known:%'")
            begun = ", ".join(f"'{session}'" for (session,) in self._begun)
            connection.execute(f"DELETE FROM sessions WHERE session NOT IN ({begun})")  # noqa: S608 - hex digits

    def log(self) -> str:
        return self.desk.log.read_text("utf-8")
