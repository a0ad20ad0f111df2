"""Receivers that others wrote, each a process of its own that never dies: what reached them, in order.

`python -m faults.receiver hl7 JOURNAL [HOST]` is python-hl7's own MLLP server; `... hook JOURNAL SECRET_FILE` an HTTP
server whose signatures the Standard Webhooks library checks. Both print their port, and write a line into the journal
before they acknowledge. They know a message that comes again by its identity (MSH-10, webhook-id) and acknowledge it
again.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LONGEST_MESSAGE = 1 << 20  # bytes


@dataclass(frozen=True)
class Arrival:
    """One message as it came: its identity, whose it is, what it tells, and whether the identity was new."""

    key: str
    person: str
    kind: str
    visit_id: str
    digest: str
    first: bool


class Journal:
    """The record of identities, and its file."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._known: set[str] = set()

    def take(self, key: str, person: str, kind: str, visit_id: str, message: bytes) -> None:
        """Note a message."""
        digest = hashlib.sha256(message).hexdigest()[:16]
        line = "\t".join([key, person, kind, visit_id, digest, "copy" if key in self._known else "first"])
        os.write(self._file, f"{line}\n".encode())
        self._known.add(key)


class Reading:
    """A journal that is still being written, read as far as it is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0
        self.arrivals: list[Arrival] = []
        self.distinct = 0

    def renew(self) -> int:
        """Read on; how many identities there are."""
        if self._file.exists():
            with self._file.open("rb") as journal:
                journal.seek(self._at)
                whole, end, _ = journal.read().rpartition(b"\n")
            self._at += len(whole) + len(end)
            for line in whole.decode().splitlines():
                key, person, kind, visit_id, digest, place = line.split("\t")
                self.arrivals.append(Arrival(key, person, kind, visit_id, digest, place == "first"))
                self.distinct += place == "first"
        return self.distinct


async def receive_hl7(journal: Journal, host: str, say_port: Callable[[int], None]) -> None:
    """Serve HL7 v2 over MLLP for ever."""
    from hl7.mllp import start_hl7_server

    async def converse(reader: Any, writer: Any) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                message = await reader.readmessage()
                key, trigger = str(message.segment("MSH")(10)), str(message.segment("EVN")(1))
                person, visit = (
                    str(message.extract_field(name, 1, field)) for name, field in (("PID", 3), ("PV1", 19))
                )
                journal.take(key, person, trigger, visit, str(message).encode())
                writer.writemessage(message.create_ack("AA"))
                await writer.drain()
        writer.close()

    # A handler whose line was cut may complain; that is what is wanted here.
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
    server = await start_hl7_server(converse, host, 0, encoding="utf-8", limit=LONGEST_MESSAGE)
    say_port(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def receive_calls(journal: Journal, secret: str, say_port: Callable[[int], None]) -> None:
    """Serve signed HTTP calls for ever."""
    from standardwebhooks import Webhook, WebhookVerificationError

    judge = Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                judge.verify(body, dict(self.headers.items()))
            except WebhookVerificationError:
                self._say(401)
                return
            told = json.loads(body)
            person, visit = told["patient"]["personal_id"], told["visit"]["visit_id"]
            journal.take(self.headers["webhook-id"], person, told["event"], visit, body)
            self._say(200)

        def _say(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a bridge that is killed resets its connections

    server = Server(("127.0.0.1", 0), Handler)
    say_port(server.server_address[1])
    server.serve_forever()


def main(kind: str, file: str, *more: str) -> None:
    journal = Journal(Path(file))

    def say_port(port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    if kind == "hl7":
        asyncio.run(receive_hl7(journal, more[-1] if more else "127.0.0.1", say_port))
    else:
        receive_calls(journal, Path(more[0]).read_text("utf-8").strip(), say_port)


if __name__ == "__main__":
    main(*sys.argv[1:])
