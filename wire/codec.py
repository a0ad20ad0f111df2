"""Frozen records to JSON and back, strictly: one door to msgspec for all JSON that crosses a border."""

import threading
from typing import Any, TypeVar

import msgspec

from wire.errors import MalformedMessage

T = TypeVar("T")

_known: set[Any] = set()
_learning = threading.Lock()


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record at a border: immutable, and no unknown field is accepted when decoding.

    Neither msgspec (`kw_only`) nor mypy (`frozen`) inherits these, so every record repeats them:
    `class Holder(Record, frozen=True, kw_only=True)`.
    """


def to_json(value: Any) -> bytes:
    """Encode a record (or plain JSON value) as compact UTF-8 JSON."""
    return msgspec.json.encode(value)


def to_plain(value: Any) -> Any:
    """Turn a record into dicts, lists, strings and numbers."""
    return msgspec.to_builtins(value)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """Decode JSON into `kind`.

    Raises MalformedMessage with `where` (the path of the field) and `why`, never with the value itself:
    it may be personal.
    """
    try:
        return msgspec.json.decode(data, type=learnt(kind))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def from_plain(value: Any, kind: type[T]) -> T:
    """Convert dicts, lists, strings and numbers into `kind`; raises MalformedMessage."""
    try:
        return msgspec.convert(value, type=learnt(kind))
    except msgspec.ValidationError as error:
        raise _malformed(error) from None


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record type."""
    return msgspec.json.schema(kind)


def learnt(kind: type[T]) -> type[T]:
    """`kind`, of which msgspec has looked at every part, once, in one thread: for whoever has msgspec decode it.

    Two threads that decode a type, or two that share a part, for the first time at the same moment end the process
    (msgspec 0.22, SIGSEGV): the one sees what the other has only begun to fill in.
    """
    if kind not in _known:
        with _learning:
            msgspec.json.Decoder(kind)
            _known.add(kind)
    return kind


def _malformed(error: Exception) -> MalformedMessage:
    text = str(error)
    why, _, where = text.partition(" - at `")
    # msgspec quotes an invalid enum value; the value came from outside and stays out of logs.
    why = why.split(" '")[0] if why.startswith("Invalid enum value") else why
    return MalformedMessage(why=why, where=where.rstrip("`") or "$")
