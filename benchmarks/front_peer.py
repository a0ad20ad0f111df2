"""What the pages are measured beside: a bare Flask page, a bare event stream and a bare page that fetches and shows, on
the same gunicorn with the same number of threads, and nothing behind them.

`python -m benchmarks.front_peer PORT THREADS`
"""

import itertools
import sys
import threading
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, render_template_string
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

HEARTBEAT_SECONDS = 10.0
ROWS = 40  # a page of some kilobytes, as ours are
PAGE = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><title>{{ title }}</title></head>
<body><main id="stage">{{ content|safe }}</main>
<script>
const stage = document.getElementById("stage");
new EventSource("/events").addEventListener("screen", (event) => { stage.innerHTML = event.data; });
stage.addEventListener("click", (event) => {
  if (event.target.closest("[data-action]")) fetch("/act", { method: "POST" });
});
</script></body></html>"""
SCREEN = """<section data-screen="n{{ number }}" id="s-{{ number }}"><h1>{{ number }}</h1>
<button type="button" data-action="next" style="width:20rem;height:8rem">{{ number }}</button>
{% for row in rows %}<p class="row">{{ row }} - {{ title }} - <span>{{ number }}</span></p>{% endfor %}</section>"""


class Board:
    """One number that everybody is shown."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._number = 0
        self.over = False

    def next(self) -> None:
        """Show the next one."""
        with self._changed:
            self._number = next(self._numbers)
            self._changed.notify_all()

    def now(self) -> int:
        """What is shown."""
        return self._number

    def after(self, seen: int) -> int:
        """What is shown once it is another, or for as long as a heartbeat."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != seen or self.over, HEARTBEAT_SECONDS)
            return self._number

    def end(self) -> None:
        """The server is stopping."""
        with self._changed:
            self.over = True
            self._changed.notify_all()


def create(board: Board) -> Flask:
    """Four routes."""
    app = Flask("bare")

    def screen(number: int) -> str:
        with app.app_context():
            return render_template_string(SCREEN, number=number, title="Mẫu", rows=range(ROWS))

    def events() -> Iterator[bytes]:
        seen = -1
        while not board.over:
            number = board.after(seen)
            yield b": alive\n\n" if number == seen else _event(screen(number))
            seen = number

    app.add_url_rule("/", view_func=lambda: render_template_string(PAGE, title="Mẫu", content=screen(board.now())))
    app.add_url_rule("/health", "health", lambda: "ok")
    app.add_url_rule("/events", "events", lambda: Response(events(), mimetype="text/event-stream"))

    @app.post("/act")
    def act() -> tuple[str, int]:
        board.next()
        return "", 204

    return app


def _event(html: str) -> bytes:
    return ("event: screen\n" + "".join(f"data: {line}\n" for line in html.split("\n")) + "\n").encode()


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def handle_exit(self, sig: int, frame: Any) -> None:
        self.app.board.end()
        super().handle_exit(sig, frame)


class _Bare(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, port: int, threads: int) -> None:
        self._port, self._threads = port, threads
        self.board = Board()
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": [f"127.0.0.1:{self._port}"],
            "workers": 1,
            "threads": self._threads,
            "worker_class": _Worker,
            "graceful_timeout": 3,
            "keepalive": 0,
            "loglevel": "warning",
            "control_socket_disable": True,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return create(self.board)


if __name__ == "__main__":
    _Bare(int(sys.argv[1]), int(sys.argv[2])).run()
