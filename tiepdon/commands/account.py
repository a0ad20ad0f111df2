"""`tiepdon account`: the staff's accounts. A new or reset one gets a code, told once, to choose a PIN with at /secret;
no PIN or password is ever an argument, where every process of the machine could read it.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from config.settings import Settings, load
from tiepdon.commands.asking import add_answering, printed_as_json, words_of
from wire.codec import to_plain

BY = "command"
ACTS = {
    "disable": "end its sessions and let it sign in no more",
    "enable": "let it sign in again",
    "reset": "forget its PIN; prints a code to choose another",
    "remove": "forget the person; nobody gets the name again",
}


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("account", help="the staff's accounts", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make an account; prints a code to choose a PIN with")
    add.add_argument("name", help="small letters and digits, by which somebody signs in")
    add.add_argument("full_name", help="as the pages show it")
    roles = ["receptionist", "supervisor", "technician"]
    add.add_argument("--role", required=True, choices=roles, help="what somebody is there for")
    add.add_argument("--officer-id", default="", help="twelve digits, told to the insurance portal")
    _common(add)
    add.set_defaults(run=run_add)
    shown = actions.add_parser("list", help="every account")
    _common(shown)
    shown.set_defaults(run=run_list)
    for name, help_text in ACTS.items():
        act = actions.add_parser(name, help=help_text)
        act.add_argument("name", help="by which the person signs in")
        _common(act)
        act.set_defaults(run=run_act, act=name)


def run_add(options: argparse.Namespace) -> int:
    """Make an account. Raises AccountUnusable, NameTaken."""
    from kiosk.accounts import Role, clean_name

    settings = load(options.config)
    code = _accounts(settings).add(options.name, options.full_name, Role(options.role), options.officer_id, BY)
    _tell_code(options, settings, clean_name(options.name), code)
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Every account, without anything of its secret."""
    settings = load(options.config)
    accounts = _accounts(settings).all()
    if printed_as_json({"accounts": to_plain(accounts)}, options):
        return 0
    words = words_of(options, settings)
    for one in accounts:
        state = "ready" if one.enabled and one.ready else "waiting" if one.enabled else "disabled"
        told = words.get(f"account.state.{state}")
        sys.stdout.write(f"{one.name:<20} {one.role.value:<13} {told:<24} {one.full_name}\n")
    return 0


def run_act(options: argparse.Namespace) -> int:
    """Do it. Raises NoSuchAccount, LastSupervisor."""
    settings = load(options.config)
    accounts = _accounts(settings)
    if options.act == "reset":
        _tell_code(options, settings, options.name, accounts.reset(options.name, BY))
        return 0
    {"disable": accounts.disable, "enable": accounts.enable, "remove": accounts.remove}[options.act](options.name, BY)
    if not printed_as_json({"account": options.name, "done": options.act}, options):
        sys.stdout.write(words_of(options, settings).get(f"account.done.{options.act}", name=options.name) + "\n")
    return 0


def _tell_code(options: argparse.Namespace, settings: Settings, name: str, code: str) -> None:
    from kiosk.accounts import CODE_SECONDS
    from ui.desk.hosts import address_of

    link = f"{address_of(settings.staff)}/secret#{code}" if settings.staff.listen else ""
    if printed_as_json({"account": name, "code": code, "link": link}, options):
        return
    told = words_of(options, settings).get("account.code", name=name, code=code, hours=CODE_SECONDS // 3600)
    sys.stdout.write(f"{told}\n{link}\n" if link else f"{told}\n")


def _accounts(settings: Settings) -> Any:
    from kiosk.accounts import open_accounts
    from kiosk.clock import SystemClock

    return open_accounts(settings, SystemClock())


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(parser)
