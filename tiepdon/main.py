"""`tiepdon`: finds the command, loads only the module it needs, turns errors into one line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from config.settings import default_path
from wire.codec import to_json
from wire.errors import TiepDonError

# command: (module, one line of help). A module has `register(subparsers)` and sets `run` on its parser: it takes the
# parsed arguments and returns the exit code.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": (
        "tiepdon.commands.run",
        "start everything in the foreground, on the sandbox world unless --config says more",
    ),
    "config": ("tiepdon.commands.config", "check or show the settings"),
    "setup": ("tiepdon.commands.setup", "make this machine ready: five questions, a file, or a one-time address"),
    "setup-code": ("tiepdon.commands.setup_code", "the one-time code by which a new machine is set up"),
    "doctor": ("tiepdon.commands.doctor", "look at every part and say what is wrong and how to mend it"),
    "support-bundle": ("tiepdon.commands.support_bundle", "one file for whoever helps from afar, no personal data"),
    "card": ("tiepdon.commands.card", "read a citizen card's chip"),
    "trust": ("tiepdon.commands.trust", "the authorities whose chips are proven genuine: import, list"),
    "scan": ("tiepdon.commands.scan", "read payloads of QR codes"),
    "record": ("tiepdon.commands.record", "the PatientRecord's schema"),
    "lookup": ("tiepdon.commands.lookup", "ask insurance, population register, lists of places"),
    "bridge": ("tiepdon.commands.bridge", "the bridge to hospital systems: serve, render, deliveries"),
    "agent": ("tiepdon.commands.agent", "the local agent: pair a page, type for a clerk"),
    "reader": ("tiepdon.commands.reader", "the reader process"),
    "kiosk": ("tiepdon.commands.kiosk", "the kiosk process"),
    "desk": ("tiepdon.commands.desk", "the desk process: the staff's own pages"),
    "screen": ("tiepdon.commands.screen", "the touchscreen's browser session"),
    "account": ("tiepdon.commands.account", "the staff's accounts: add, list, disable, enable, reset, remove"),
    "pack": ("tiepdon.commands.pack", "content packs, further languages: check, list"),
    "voice": ("tiepdon.commands.voice", "the clips of a site's own words: make"),
    "machine": ("tiepdon.commands.machine", "boards, kiosks and other systems at the staff's address"),
    "printer": ("tiepdon.commands.printer", "the ticket printer: ask it, try it"),
    "update": ("tiepdon.commands.update", "take a signed release, prove it, go back where it is not well"),
    "metrics": ("tiepdon.commands.metrics", "the site's figures for Prometheus"),
    "statistics": ("tiepdon.commands.statistics", "what happened how often, without persons: close, show, export"),
    "purge": ("tiepdon.commands.purge", "remove what served its purpose, by the rules of retention"),
    "audit": ("tiepdon.commands.audit", "who did what: verify, list, head"),
    "person": ("tiepdon.commands.person", "what is kept of one person: find, export, erase, requests"),
    "incident": ("tiepdon.commands.incident", "whose data, which and when, after a leak"),
    "database": ("tiepdon.commands.database", "make the database ready, and keep it well"),
    "backup": ("tiepdon.commands.backup", "copies of the database: make, list, verify, restore, snapshot"),
    "sandbox": ("tiepdon.commands.sandbox", "the pretend outside world"),
}

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 done, 1 failed, 2 wrong usage or settings, others by command)."""
    for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - lasts as long as the process
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser(arguments).parse_args(arguments)
    if getattr(options, "config", "") is None:
        options.config = default_path(os.environ)
    try:
        try:
            code: int = options.run(options)
        except TiepDonError as error:
            code = _report(error, getattr(options, "language", None), as_json=getattr(options, "json", False))
        sys.stdout.flush()  # here, where a reader that left can still be met
    except BrokenPipeError:
        # The reader of our output left (`tiepdon ... | head`); that is its right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tiepdon", description="Check-in with the citizen's chip ID card.")
    parser.add_argument("--version", action="version", version=f"tiepdon {version('tiepdon')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, summary) in COMMANDS.items():
        if name == wanted:
            importlib.import_module(module).register(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _report(error: TiepDonError, language: str | None, as_json: bool) -> int:
    """One line that names what is wrong and its cure, in the language asked for; as JSON where a program asked."""
    if as_json:
        told = {"error": {"code": error.code, "retriable": error.retriable, "data": error.data}}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        from ui.words import FALLBACK, LANGUAGES, error_line

        sys.stderr.write(f"tiepdon: {error_line(error, language if language in LANGUAGES else FALLBACK)}\n")
    return EXIT_USAGE if error.code.startswith("config.") else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
