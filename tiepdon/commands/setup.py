"""`tiepdon setup`: five questions, or one file or address that answers them, and the machine is ready: settings and
secrets, database, the first account, services started, and a look at everything.
"""

import argparse
import getpass
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.settings import INSTALLED, ConfigError
from tiepdon.commands.asking import LANGUAGES
from tiepdon.setup.answers import Answers, Supervisor
from ui.words import Words
from wire.codec import to_json
from wire.errors import TiepDonError

EXIT_FAILED = 1
SCAN_SECONDS = 120.0


class SetupGivenUp(TiepDonError):
    """Nobody answered the questions; nothing was changed."""

    code = "setup.given_up"


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("setup", help="make this machine ready", description=__doc__)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE|https://…#TOKEN",
        help="take the answers from there; - reads an address that is typed or scanned (tiepdon setup-code makes one)",
    )
    parser.add_argument("--found", action="store_true", help="take tiepdon.toml of the boot partition or of a stick")
    parser.add_argument("--scan", action="store_true", help="read the address from a scanner or camera plugged in")
    parser.add_argument("--ca", default="", metavar="FILE", help="authority (PEM) that the address is trusted by")
    parser.add_argument(
        "--into", type=Path, default=INSTALLED, metavar="FILE", help=f"the settings to write (default: {INSTALLED})"
    )
    parser.add_argument("--language", choices=LANGUAGES, default="vi", help="of the questions (default: vi)")
    parser.add_argument("--no-start", action="store_true", help="start no services")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 when nothing fails in the end. Raises what the steps raise; until the settings are written nothing changed."""
    from tiepdon.checks.upkeep import running_version
    from tiepdon.doctor import report
    from tiepdon.setup.sources import forget
    from tiepdon.setup.starting import House, StepFailed, runs_systemd
    from tiepdon.setup.terminal import GaveUp
    from tiepdon.setup.writing import write

    words = Words(options.language)
    try:
        answers, boot_file = _answers(options, words)
    except (GaveUp, KeyboardInterrupt):
        raise SetupGivenUp from None
    written = write(options.into, answers)
    house = House(options.into, runs_systemd() and options.into == INSTALLED)
    house.database()
    told: dict[str, Any] = {"settings": str(options.into), "kept": written.kept and str(written.kept)}
    if not options.json:
        sys.stdout.write(words.get("setup.written", file=options.into) + "\n")
    if written.settings.staff.listen and not house.accounts():
        try:
            told |= _first_account(options, answers, house, words)
        except (GaveUp, KeyboardInterrupt):
            raise StepFailed(step="account", why="nobody answered who signs in first") from None
    if boot_file is not None:
        with suppress(OSError):
            forget(boot_file)
            told["removed"] = str(boot_file)
    if house.systemd:
        house.let_in(answers.clients)
    late = house.start(written.settings) if house.systemd and not options.no_start else ()
    made = report(options.into, running_version())
    told |= {"late": list(late), "ok": made.ok and not late, "report": made}
    _tell(options, told, words)
    return 0 if told["ok"] else EXIT_FAILED


def _answers(options: argparse.Namespace, words: Words) -> tuple[Answers, Path | None]:
    from tiepdon.checks.machine import Machine
    from tiepdon.setup import sources
    from tiepdon.setup.devices import look

    terminal = _terminal(words)
    waiting = sources.found()
    if options.found:
        if waiting is None:
            raise sources.NothingFound
        options.source = str(waiting)
    elif (
        options.source is None
        and waiting is not None
        and sys.stdin.isatty()
        and terminal.yes("setup.use_found", True, file=waiting)
    ):
        options.source = str(waiting)
    if options.scan:
        terminal.say("setup.hold_up")
        options.source = sources.from_devices(look(Machine()), SCAN_SECONDS)
    if options.source == "-":
        options.source = terminal.read(words.get("setup.scan") + ": ")
    if options.source is not None:
        if "://" in options.source:
            source = sources.from_address(options.source, options.ca)
        else:
            source = sources.from_file(Path(options.source))
        return source.answers, source.boot_file
    return _asked(terminal, options.into), None


def _asked(terminal: Any, config: Path) -> Answers:
    """The five questions, and once more where the answers contradict each other: by then each is proposed. Raises
    GaveUp, ConfigError of settings that were broken before."""
    from tiepdon.checks.machine import Machine
    from tiepdon.setup.devices import look
    from tiepdon.setup.questions import ask_all
    from tiepdon.setup.terminal import MOST_TRIES, GaveUp
    from tiepdon.setup.writing import judge, present, secrets_folder

    before = present(config) or {}
    folder = secrets_folder(config)
    there = frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
    found, answers = look(Machine()), Answers({})
    terminal.say("setup.intro")
    for _ in range(MOST_TRIES):
        asked = ask_all(terminal, before, found, there | answers.secrets.keys(), answers.settings)
        answers = replace(asked, secrets={**answers.secrets, **asked.secrets}, without=answers.without | asked.without)
        try:
            judge(config, answers)
        except ConfigError as error:
            terminal.say_error("setup.contradiction", key=error.data.get("key"), why=error.data.get("why"))
        else:
            return answers
    raise GaveUp


def _first_account(options: argparse.Namespace, answers: Answers, house: Any, words: Words) -> dict[str, str]:
    from kiosk.accounts import CODE_SECONDS
    from tiepdon.setup.questions import ask_supervisor

    who: Supervisor | None = answers.supervisor
    if who is None and (options.source is not None or options.json):
        return {}  # nobody is there to say who; doctor tells that there is no account
    who = who or ask_supervisor(_terminal(words))
    code, link = house.add_supervisor(who)
    if not options.json:
        hours = CODE_SECONDS // 3600
        sys.stdout.write("\n" + words.get("setup.account", name=who.name, code=code, hours=hours) + f"\n  {link}\n\n")
    return {"account": who.name, "code": code, "link": link}


def _tell(options: argparse.Namespace, told: dict[str, Any], words: Words) -> None:
    from tiepdon.commands.doctor import told as line_of
    from wire.findings import Status

    if options.json:
        sys.stdout.write(to_json(told).decode() + "\n")
        return
    for finding in told["report"].findings:
        if finding.status is not Status.OK:
            sys.stdout.write(line_of(finding, words))
    if "removed" in told:
        sys.stdout.write(words.get("setup.removed", file=told["removed"]) + "\n")
    sys.stdout.write(words.get("setup.ready" if told["ok"] else "setup.not_ready") + "\n")


def _terminal(words: Words) -> Any:
    from tiepdon.setup.terminal import Terminal

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return Terminal(input, getpass.getpass, write, words)
