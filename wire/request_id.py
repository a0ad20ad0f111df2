"""The name of the request under way: made where a person's press came in, carried wherever it leads, in every log line.

It says nothing of a person; random, so that nobody guesses another's. Threads begin without one: whoever hands work to
another thread and wants it known by the same name runs it in a copy of its context (`carried`).
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

HEADER = "X-Request-ID"

P = ParamSpec("P")
R = TypeVar("R")

_OURS = re.compile(r"[0-9a-f]{16}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def new_id() -> str:
    """A name nobody has had: 64 random bits."""
    return secrets.token_hex(8)


def taken(told: str | None) -> str:
    """The name that came with a request, where it is one of ours; else a new one. Nothing else gets into a log."""
    return told if told is not None and _OURS.fullmatch(told) else new_id()


def current() -> str:
    """The name of the request this thread works for; empty where it works for none."""
    return _current.get()


def begin(name: str) -> None:
    """This thread works for that request from now on; empty: for none."""
    _current.set(name)


@contextmanager
def working_for(name: str) -> Iterator[None]:
    """This thread works for that request while the context lasts."""
    before = _current.set(name)
    try:
        yield
    finally:
        _current.reset(before)


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """`work` for another thread, under the name of the request that asks for it now."""
    return partial(copy_context().run, work)
