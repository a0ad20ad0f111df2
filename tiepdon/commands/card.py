"""`tiepdon card read`: read the card on the reader, for technicians and integrators.

Always ends by itself, whatever the card does; the exit code says which part failed.
"""

import argparse
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.settings import ReaderSettings, load
from reader.chip.key_derivation import Password, can_password
from reader.chip.session import EVERYTHING, PORTRAIT, CardRead, Listener, Surroundings, read_card
from reader.chip.supervision import Supervised
from reader.chip.trace import LineTrace, NoTrace, Trace
from reader.chip.transport import Slot
from reader.chip.trust import TrustUnusable
from reader.errors import (
    Busy,
    CardRemoved,
    CardShared,
    KeyMalformed,
    NoCard,
    NoReader,
    NotAllowed,
    ServiceDown,
    WrongKey,
)
from reader.payload import parse_payload
from reader.phases import Phase
from wire.codec import to_json, to_plain
from wire.errors import TiepDonError

EXIT_READ = 0
EXIT_WRONG_KEY = 2
EXIT_NO_CARD = 3
EXIT_NO_READER = 4
EXIT_BROKEN_CARD = 5
LONGEST_SECONDS = 18.0  # with start and clean-up the command ends within twenty


class OutputUnwritable(TiepDonError):
    """The file for portrait or trace cannot be written (`why`)."""

    code = "card.output_unwritable"


_EXITS: tuple[tuple[tuple[type[TiepDonError], ...], int], ...] = (
    ((WrongKey, KeyMalformed, TrustUnusable, OutputUnwritable), EXIT_WRONG_KEY),
    ((NoCard, CardRemoved), EXIT_NO_CARD),
    ((NoReader, ServiceDown, NotAllowed, CardShared, Busy), EXIT_NO_READER),
)

_DESCRIPTION = """\
Read the citizen card on the reader. Its chip opens with the card access number (CAN): the last six digits of the
ID number, which --id and --qr give as well.

Read are DG13 and DG1 (the holder), SOD and DG14 (the proof); --portrait adds DG2, --everything adds EF.COM, DG15
and DG2. Each check of the chip is reported on its own as passed, failed or not_done.

Exit code: 0 read, 2 wrong key or wrong usage, 3 no card, 4 no reader, 5 broken, hostile or unreadable card."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `card` and its own commands."""
    card = subparsers.add_parser("card", help="read a citizen card's chip")
    commands = card.add_subparsers(metavar="COMMAND", required=True)
    read = commands.add_parser(
        "read",
        help="read the card on the reader",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    key = read.add_mutually_exclusive_group(required=True)
    key.add_argument("--can", metavar="N", help="six digits: the last six of the ID number")
    key.add_argument("--id", metavar="N", help="the whole ID number, twelve digits")
    key.add_argument("--qr", metavar="TEXT", help="the text of the card's QR code")
    read.add_argument("--reader", metavar="NAME", help="part of the PC/SC reader's name")
    read.add_argument("--portrait", type=Path, metavar="FILE", help="read the portrait too and write it there")
    read.add_argument("--everything", action="store_true", help="read every file that needs no special right")
    read.add_argument("--trace", type=Path, metavar="FILE", help="write the APDU log without data, safe to send")
    read.add_argument("--trust", type=Path, metavar="DIR", help="folder of country signing certificates")
    read.add_argument("--config", type=Path, metavar="FILE", help="the site's settings file")
    read.add_argument("--json", action="store_true", help="print one JSON object")
    read.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from reader.chip.pcsc import PcscSlot
    from reader.chip.world import real_surroundings

    settings = load(options.config).reader
    try:
        password = key_from(options)
        surroundings = real_surroundings(str(options.trust or settings.trust_folder))
    except TiepDonError as error:
        return _report(error, options)
    slot = PcscSlot(settings.pcsc_reader if options.reader is None else options.reader)
    return run_read(options, settings, slot, password, surroundings)


def run_read(
    options: argparse.Namespace, settings: ReaderSettings, slot: Slot, password: Password, surroundings: Surroundings
) -> int:
    """Read the card in `slot` and print what was found or what went wrong; returns the exit code."""
    seconds = min(settings.timeout_seconds, LONGEST_SECONDS)
    supervised = Supervised[CardRead]()
    try:
        with _trace(options.trace) as trace:
            listener = Listener(phase=_progress(options), check=supervised.check, trace=trace)
            result = supervised.run(
                lambda: read_card(slot, password, surroundings, seconds, _extra(options, settings), listener), seconds
            )
        if options.portrait is not None and result.portrait is not None:
            with _private(options.portrait) as file:
                file.write(result.portrait)
    except TiepDonError as error:
        return _report(error, options)
    if options.json:
        sys.stdout.write(to_json(answer(result)).decode() + "\n")
    else:
        sys.stdout.write(_summary(result))
    return EXIT_READ


def key_from(options: argparse.Namespace) -> Password:
    """The card's password from whichever way it was given. Raises KeyMalformed."""
    if options.can is not None:
        number, what, size = options.can, "can", 6
    elif options.id is not None:
        number, what, size = options.id, "id", 12
    else:
        holder = parse_payload(options.qr).holder
        number, what, size = holder.personal_id if holder else "", "qr", 12
    if len(number) != size or not (number.isascii() and number.isdigit()):
        raise KeyMalformed(what=what)
    return can_password(number[-6:])


def answer(result: CardRead) -> dict[str, Any]:
    """The result as the one JSON object that `--json` prints."""
    return {
        "holder": to_plain(result.reading.holder),
        "evidence": to_plain(result.reading.evidence),
        "warnings": list(result.reading.warnings),
        "timings_ms": result.timings_ms,
        "apdus": result.apdus,
        "apdus_to_name": result.apdus_to_name,
        "bytes": result.bytes_sent + result.bytes_received,
        "bytes_sent": result.bytes_sent,
        "bytes_received": result.bytes_received,
        "files": {name: {"length": length, "sha256": digest} for name, (length, digest) in result.files.items()},
    }


def exit_code(error: TiepDonError) -> int:
    """The exit code of an error."""
    return next((code for kinds, code in _EXITS if isinstance(error, kinds)), EXIT_BROKEN_CARD)


def _extra(options: argparse.Namespace, settings: ReaderSettings) -> tuple[Any, ...]:
    if options.everything:
        return EVERYTHING
    return PORTRAIT if options.portrait is not None or settings.portrait else ()


def _report(error: TiepDonError, options: argparse.Namespace) -> int:
    if options.json:
        told = {"error": {"code": error.code, "retriable": error.retriable, "data": error.data}}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        from ui.words import error_line

        sys.stderr.write(f"tiepdon: {error_line(error)}\n")
    return exit_code(error)


def _progress(options: argparse.Namespace) -> Callable[[Phase], None]:
    if options.json:
        return lambda _phase: None
    return lambda phase: _say(phase.name.lower())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _summary(result: CardRead) -> str:
    lines = [f"{name}: {value}" for name, value in to_plain(result.reading.holder).items() if value is not None]
    checks = to_plain(result.reading.evidence)["checks"]
    lines += [
        " ".join(part for part in (f"{name}: {check['result']}", check["reason"], check["protocol"]) if part)
        for name, check in checks.items()
    ]
    lines += [f"warning: {code}" for code in result.reading.warnings]
    total = result.bytes_sent + result.bytes_received
    lines.append(f"{result.apdus} APDUs, {total} bytes, {result.timings_ms['total']:.0f} ms")
    return "\n".join(lines) + "\n"


@contextmanager
def _trace(path: Path | None) -> Iterator[Trace]:
    if path is None:
        yield NoTrace()
        return
    with _private(path) as file:

        def write(line: str) -> None:
            # After a reading was given up its thread may still come back; the file is closed by then.
            if not file.closed:
                file.write(line.encode())

        yield LineTrace(write)


def _private(path: Path) -> Any:
    """A file for its owner's eyes only, also where it existed before. Raises OutputUnwritable."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_TRUNC, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise OutputUnwritable(file=path.name, why=error.strerror or "unwritable") from None
    return os.fdopen(descriptor, "wb", buffering=0)
