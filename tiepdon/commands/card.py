"""`tiepdon card`: read the card on the reader, or judge a folder of files, for technicians and integrators.

Always ends by itself, whatever the card does; the exit code says which part failed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import ReaderSettings, load
from reader.chip.access_keys import AccessKeys, from_can, from_holder, from_mrz_text, from_personal_id
from reader.chip.session import read_card
from reader.chip.supervision import Supervised
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.chip.trace import LineTrace, NoTrace, Trace, UnsafeTrace
from reader.chip.transport import Slot
from reader.errors import (
    Busy,
    CardRemoved,
    CardShared,
    Forged,
    KeyMalformed,
    MrzNeeded,
    NoCard,
    NoReader,
    NotAllowed,
    ServiceDown,
    WrongKey,
)
from reader.payload import parse_payload
from reader.phases import Phase
from reader.pki.trust import TrustUnusable
from reader.reading import Holder
from tiepdon.commands import card_files
from tiepdon.commands.card_output import (
    OutputUnwritable,
    answer,
    failed_checks,
    private_file,
    summary,
    write_portrait,
)
from wire.codec import to_json
from wire.errors import TiepDonError

EXIT_READ = 0
EXIT_WRONG_KEY = 2
EXIT_NO_CARD = 3
EXIT_NO_READER = 4
EXIT_BROKEN_CARD = 5
LONGEST_SECONDS = 18.0  # with start and clean-up the command ends within twenty

_EXITS: tuple[tuple[tuple[type[TiepDonError], ...], int], ...] = (
    (
        (WrongKey, KeyMalformed, MrzNeeded, TrustUnusable, OutputUnwritable, card_files.FolderUnusable),
        EXIT_WRONG_KEY,
    ),
    ((NoCard, CardRemoved), EXIT_NO_CARD),
    ((NoReader, ServiceDown, NotAllowed, CardShared, Busy), EXIT_NO_READER),
)

_READ = """\
Read the chip card on the reader and say who it belongs to and what was proven.

A citizen card opens with its card access number (CAN): the last six digits of the ID number, which --id and --qr give
as well. Older cards and passports open with --mrz: the lines of the machine-readable zone, or its 24 characters of
document number, birth date and expiry date, each with its check digit. --qr and --id are compared with the chip too.

Read are DG13 and DG1 (the holder), SOD and DG14 (the proof), DG11 and DG12 where there is no DG13; --portrait adds
DG2, --everything adds every file that needs no special right. Each check of the chip is reported on its own as
passed, failed or not_done.

A card whose check failed is not genuine: it is read all the same, the check says so, and without --json
so does standard error.

Exit code: 0 read, 2 wrong key or wrong usage, 3 no card, 4 no reader, 5 broken, hostile or unreadable card."""

_CHECK = """\
Judge files of a card that were read before: hashes, signature, signer and whether they tell the same story. DIR holds
one file per elementary file, named by its identifier: 0101.bin (DG1), 010D.bin (DG13), 011D.bin (SOD) and so on.

Exit code: 0 judged (see the checks), 2 wrong usage, 5 files that cannot be understood."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `card` and its own commands."""
    card = subparsers.add_parser("card", help="read a citizen card's chip, or judge its files")
    commands = card.add_subparsers(metavar="COMMAND", required=True)
    read = commands.add_parser(
        "read",
        help="read the card on the reader",
        description=_READ,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    key = read.add_mutually_exclusive_group(required=True)
    key.add_argument("--can", metavar="N", help="six digits: the last six of the ID number")
    key.add_argument("--id", metavar="N", help="the whole ID number, twelve digits")
    key.add_argument("--qr", metavar="TEXT", help="the text of the card's QR code")
    key.add_argument("--mrz", metavar="TEXT", help="the machine-readable zone, or its 24-character key")
    read.add_argument("--reader", metavar="NAME", help="part of the PC/SC reader's name")
    read.add_argument("--portrait", type=Path, metavar="FILE", help="read the portrait too and write it there")
    read.add_argument("--everything", action="store_true", help="read every file that needs no special right")
    read.add_argument("--save", type=Path, metavar="DIR", help="write the files there, for `card check`: personal data")
    read.add_argument("--trace", type=Path, metavar="FILE", help="write the APDU log without data, safe to send")
    read.add_argument("--unsafe", action="store_true", help="with --trace: keep all data, personal data and secrets")
    read.add_argument("--max-le", type=_size, metavar="N", help="ask for at most N bytes in one command")
    read.add_argument("--no-extended", action="store_true", help="use short commands only")
    _common(read)
    read.set_defaults(run=_run)
    check = commands.add_parser(
        "check",
        help="judge a folder of a card's files",
        description=_CHECK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("folder", type=Path, metavar="DIR", help="folder of <file identifier>.bin")
    _common(check)
    check.set_defaults(run=_run_check)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust", type=Path, metavar="DIR", help="folder of country signing certificates")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the site's settings file")
    parser.add_argument("--language", choices=("vi", "en"), default="en", help="of the summary (default: en)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _size(text: str) -> int:
    size = int(text)
    if not 1 <= size <= 65536:
        raise argparse.ArgumentTypeError("between 1 and 65536")
    return size


def _run(options: argparse.Namespace) -> int:
    from reader.chip.pcsc import PcscSlot
    from reader.chip.world import real_surroundings

    settings = load(options.config).reader
    try:
        if options.unsafe and options.trace is None:
            raise OutputUnwritable(file="--unsafe", why="there is no --trace to write it to")
        keys, printed = keys_from(options)
        surroundings = real_surroundings(str(options.trust or settings.trust_folder))
    except TiepDonError as error:
        return _report(error, options)
    slot = PcscSlot(settings.pcsc_reader if options.reader is None else options.reader)
    return run_read(options, settings, slot, keys, printed, surroundings)


def run_read(
    options: argparse.Namespace,
    settings: ReaderSettings,
    slot: Slot,
    keys: AccessKeys,
    printed: Holder | None,
    surroundings: Surroundings,
) -> int:
    """Read the card in `slot` and print what was found or what went wrong; returns the exit code."""
    seconds = min(settings.timeout_seconds, LONGEST_SECONDS)
    supervised = Supervised[CardRead]()
    wanted = Wanted(
        portrait=options.portrait is not None or settings.portrait,
        everything=options.everything,
        max_le=options.max_le,
        extended=not options.no_extended,
        printed=printed,
    )
    try:
        with _trace(options) as trace:
            listener = Listener(phase=_progress(options), check=supervised.check, trace=trace)
            result = supervised.run(lambda: read_card(slot, keys, surroundings, seconds, wanted, listener), seconds)
        if options.portrait is not None and result.portraits:
            write_portrait(options.portrait, result.portraits[0])
        if options.save is not None:
            card_files.save(options.save, result.contents)
    except TiepDonError as error:
        return _report(error, options)
    return _print(result, options)


def _run_check(options: argparse.Namespace) -> int:
    from reader.chip.world import real_surroundings

    settings = load(options.config).reader
    try:
        surroundings = real_surroundings(str(options.trust or settings.trust_folder))
        result = card_files.judge(card_files.load(options.folder), surroundings)
    except TiepDonError as error:
        return _report(error, options)
    return _print(result, options)


def keys_from(options: argparse.Namespace) -> tuple[AccessKeys, Holder | None]:
    """The card's keys from whichever way they were given, and what was printed. Raises KeyMalformed."""
    if options.mrz is not None:
        return from_mrz_text(options.mrz), None
    if options.can is not None:
        return from_can(_digits(options.can, 6, "can")), None
    if options.id is not None:
        number = _digits(options.id, 12, "id")
        return from_personal_id(number), Holder(personal_id=number)
    holder = parse_payload(options.qr).holder
    if holder is None:
        raise KeyMalformed(what="qr")
    _digits(holder.personal_id or "", 12, "qr")
    return from_holder(holder), holder


def _digits(number: str, size: int, what: str) -> str:
    if len(number) != size or not (number.isascii() and number.isdigit()):
        raise KeyMalformed(what=what)
    return number


def exit_code(error: TiepDonError) -> int:
    """The exit code of an error."""
    return next((code for kinds, code in _EXITS if isinstance(error, kinds)), EXIT_BROKEN_CARD)


def _print(result: CardRead, options: argparse.Namespace) -> int:
    text = to_json(answer(result)).decode() + "\n" if options.json else summary(result, options.language)
    sys.stdout.write(text)
    failed = failed_checks(result)
    if failed and not options.json:
        from ui.words import error_line

        _say(f"tiepdon: {error_line(Forged(checks=','.join(failed)), options.language)}")
    return EXIT_READ


def _report(error: TiepDonError, options: argparse.Namespace) -> int:
    if options.json:
        told = {"error": {"code": error.code, "retriable": error.retriable, "data": error.data}}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        from ui.words import error_line

        sys.stderr.write(f"tiepdon: {error_line(error, options.language)}\n")
    return exit_code(error)


def _progress(options: argparse.Namespace) -> Callable[[Phase], None]:
    if options.json:
        return lambda _phase: None
    from ui.words import Words

    words = Words(options.language)
    return lambda phase: _say(words.get(f"reading.phase.{phase.name.lower()}"))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def _trace(options: argparse.Namespace) -> Iterator[Trace]:
    if options.trace is None:
        yield NoTrace()
        return
    with private_file(options.trace) as file:

        def write(line: str) -> None:
            # After a reading was given up its thread may still come back; the file is closed by then.
            if not file.closed:
                file.write(line.encode())

        if options.unsafe:
            from ui.words import Words

            _say(Words(options.language).get("card.trace_unsafe", file=options.trace.name))
        yield UnsafeTrace(write) if options.unsafe else LineTrace(write)
