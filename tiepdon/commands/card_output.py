"""What `tiepdon card` gives out: the JSON object, a person's summary, and private files.

Words come from the catalogues; a value of the card goes to standard output or a file the person named, nowhere else.
"""

import os
import stat
from pathlib import Path
from typing import IO, Any

from reader.chip.task import CardRead
from reader.lds.portrait import Picture, for_file
from reader.reading import Check, Checks, Holder, Outcome
from wire.codec import to_plain
from wire.errors import TiepDonError

CHECKS = tuple(Checks.__struct_fields__)
_PHASES = ("connecting", "access", "identity", "proof", "portrait")
_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_DONE: "–"}


class OutputUnwritable(TiepDonError):
    """A file that was asked for cannot be written (`file`, `why`)."""

    code = "card.output_unwritable"


def answer(result: CardRead) -> dict[str, Any]:
    """The result as the one JSON object that `--json` prints."""
    return {
        "holder": to_plain(result.reading.holder),
        "document": to_plain(result.reading.document),
        "evidence": to_plain(result.reading.evidence),
        "warnings": list(result.reading.warnings),
        "timings_ms": result.timings_ms,
        "apdus": result.apdus,
        "apdus_to_name": result.apdus_to_name,
        "apdus_to_proof": result.apdus_to_proof,
        "bytes": result.bytes_sent + result.bytes_received,
        "bytes_sent": result.bytes_sent,
        "bytes_received": result.bytes_received,
        "files": {name: {"length": length, "sha256": digest} for name, (length, digest) in result.files.items()},
    }


def failed_checks(result: CardRead) -> tuple[str, ...]:
    """Names of the checks that failed: the card is not genuine, or not the one it is said to be."""
    checks = result.reading.evidence.checks
    return tuple(name for name in CHECKS if getattr(checks, name).result is Outcome.FAILED)


def summary(result: CardRead, language: str) -> str:
    """Who, what was proven and by which means, what is odd, how long each phase took."""
    from ui.words import Words

    words = Words(language)
    reading = result.reading
    lines = [words.get("card.holder")]
    rows = [(words.get(f"card.field.{name}"), value) for name, value in _fields(reading.holder, words)]
    if reading.document is not None:
        document = reading.document
        shown = " ".join(part for part in (document.type, document.issuing_state, document.number) if part)
        rows.append((words.get("card.field.document"), shown))
    lines += _aligned(rows)
    checks = reading.evidence.checks
    if checks is not None:
        lines += ["", words.get("card.checks")]
        lines += _aligned([(words.get(f"check.{name}"), _check(getattr(checks, name), words)) for name in CHECKS])
    if reading.warnings:
        lines += ["", words.get("card.warnings")]
        lines += [f"  {_reason(code, words)}" for code in reading.warnings]
    if result.apdus:
        lines += ["", words.get("card.cost"), *_cost(result, words)]
    return "\n".join(lines) + "\n"


def _fields(holder: Holder, words: Any) -> list[tuple[str, str]]:
    """What is known of the holder, coded values in words."""
    return [
        (name, words.get(f"card.value.{name}.{value}") if f"card.value.{name}.{value}" in words else str(value))
        for name, value in to_plain(holder).items()
        if value is not None
    ]


def _check(check: Check, words: Any) -> str:
    parts = [_MARKS[check.result], words.get(f"outcome.{check.result}")]
    means = check.algorithm or check.protocol
    if means:
        parts.append(f"({means})")
    shown = " ".join(parts)
    return shown if check.reason is None else f"{shown}: {_reason(check.reason, words)}"


def _reason(code: str, words: Any) -> str:
    """A reason or warning in words, its code behind; a file that is absent or malformed in general words."""
    file, _, what = code.rpartition(".")
    for key in (f"reason.{code}", f"reason.any.{what}"):
        if key in words:
            return f"{words.get(key, file=file.upper())} [{code}]"
    return f"[{code}]"


def _cost(result: CardRead, words: Any) -> list[str]:
    timings = result.timings_ms
    rows = [
        (words.get(f"reading.phase.{name}").rstrip("…."), f"{timings[name]:.0f} ms")
        for name in _PHASES
        if name in timings
    ]
    rows.append((words.get("card.total"), f"{timings['total']:.0f} ms"))
    total = result.bytes_sent + result.bytes_received
    rows.append((words.get("card.exchange"), words.get("card.exchange.value", apdus=result.apdus, bytes=total)))
    return _aligned(rows)


def _aligned(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name.ljust(width)}  {value}" for name, value in rows]


def write_portrait(path: Path, portrait: Picture) -> None:
    """The image for its owner's eyes only: as JPEG or PNG where the name asks for that, else as the card encodes it.

    Raises OutputUnwritable, CardBroken (an image that cannot be decoded within its limits); no file is left then.
    """
    image = for_file(portrait.image, path.name)
    with private_file(path) as file:
        file.write(image)


def private_file(path: Path) -> IO[bytes]:
    """A file for its owner's eyes only, also where it existed before. Raises OutputUnwritable."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_TRUNC, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise OutputUnwritable(file=path.name, why=error.strerror or "unwritable") from None
    return os.fdopen(descriptor, "wb", buffering=0)
