"""The five questions of a set-up, asked on a terminal: house, machine, insurance portal, hospital system, devices.

What is there already is proposed and stays on an empty line. Keyboard and screen come in, so that tests type as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiepdon.setup.answers import Answers, Supervisor
from tiepdon.setup.devices import Found
from ui.words import Words

MOST_TRIES = 5
NO, YES = ("n", "no", "k", "khong", "không"), ("y", "yes", "c", "co", "có")
_FACILITY = re.compile(r"[0-9A-Z]{5}")
_NAME = re.compile(r".{1,255}")
_KIOSK = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_PREFIX = re.compile(r"[A-Z0-9-]{0,4}")
_OFFICER = re.compile(r"[0-9]{12}")
_HTTPS = re.compile(r"https://[^\s/]+.*")
_HTTP = re.compile(r"https?://[^\s/]+.*")
_HOST = re.compile(r"[^\s:]{1,253}:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")
_ACCOUNT = re.compile(r"[a-z][a-z0-9._-]{1,31}")
_ANY = re.compile(r".{1,500}")
_PATH = re.compile(r"/.{1,400}")
ROLES, SYSTEMS = ("both", "kiosk", "desk"), ("none", "hl7v2", "fhir", "file_drop")


class GaveUp(Exception):
    """Nobody answers: the line ended, or too many answers were none."""


@dataclass(frozen=True)
class Terminal:
    """`read` shows a prompt and takes a line, `hidden` one that does not show; both raise EOFError."""

    read: Callable[[str], str]
    hidden: Callable[[str], str]
    write: Callable[[str], None]
    words: Words

    def say(self, key: str, **values: object) -> None:
        """One line of words."""
        self.write(self.words.get(key, **values) + "\n")

    def ask(self, key: str, shape: re.Pattern[str], proposed: str = "") -> str:
        """A line of this shape; an empty one takes what is proposed. Raises GaveUp."""
        shown = f" [{proposed}]" if proposed else ""
        for _ in range(MOST_TRIES):
            told = self._line(self.read, f"{self.words.get(key)}{shown}: ").strip() or proposed
            if shape.fullmatch(told):
                return told
            self.say("setup.wrong")
        raise GaveUp

    def secret(self, key: str) -> str:
        """A line that does not show; empty: what is there stays."""
        return self._line(self.hidden, f"{self.words.get(key)}: ").strip()

    def choose(self, key: str, options: Sequence[str], proposed: int = 1) -> int:
        """One of the numbered texts; its place from 0."""
        self.say(key)
        for number, text in enumerate(options, 1):
            self.write(f"  {number}  {text}\n")
        pattern = re.compile("|".join(str(number) for number in range(1, len(options) + 1)))
        return int(self.ask("setup.number", pattern, str(proposed))) - 1

    def yes(self, key: str, proposed: bool, **values: object) -> bool:
        """A yes or a no."""
        self.say(key, **values)
        both = re.compile("|".join((*YES, *NO)), re.IGNORECASE)
        told = self.ask("setup.yes_no", both, self.words.get("setup.yes" if proposed else "setup.no"))
        return told.casefold() in YES

    def _line(self, take: Callable[[str], str], prompt: str) -> str:
        try:
            return take(prompt)
        except (EOFError, OSError):
            raise GaveUp from None


def ask_all(terminal: Terminal, before: Mapping[str, Any], found: Found, secrets: frozenset[str]) -> Answers:
    """All five. `before`: the settings' file as it stands; `secrets`: the names of those that are there.

    Raises GaveUp.
    """
    tree: dict[str, Any] = {}
    given: dict[str, str] = {}
    terminal.say("setup.intro")
    tree["site"] = _house(terminal, before)
    _machine(terminal, before, tree, given, secrets)
    _portal(terminal, before, tree, given, secrets)
    _hospital(terminal, before, tree)
    _devices(terminal, before, tree, found)
    return Answers(tree, given)


def ask_supervisor(terminal: Terminal) -> Supervisor:
    """Who signs in first. Raises GaveUp."""
    terminal.say("setup.supervisor")
    return Supervisor(
        terminal.ask("setup.supervisor.name", _ACCOUNT), terminal.ask("setup.supervisor.full_name", _NAME)
    )


def _house(terminal: Terminal, before: Mapping[str, Any]) -> dict[str, Any]:
    site = before.get("site", {})
    terminal.say("setup.house")
    return {
        "facility_code": terminal.ask("setup.house.code", _FACILITY, site.get("facility_code", "")),
        "facility_name": terminal.ask("setup.house.name", _NAME, site.get("facility_name", "")),
    }


def _machine(
    terminal: Terminal, before: Mapping[str, Any], tree: dict[str, Any], given: dict[str, str], secrets: frozenset[str]
) -> None:
    terminal.say("setup.machine")
    kiosk, staff = before.get("kiosk", {}), before.get("staff", {})
    tree["site"]["kiosk_id"] = terminal.ask(
        "setup.machine.id", _KIOSK, before.get("site", {}).get("kiosk_id", "kiosk-1")
    )
    tree["kiosk"] = {"ticket_prefix": terminal.ask("setup.machine.prefix", _PREFIX, kiosk.get("ticket_prefix", ""))}
    hall: Mapping[str, Any] = next(
        (one for one in before.get("destinations", ()) if one.get("connector") == "desk"), {}
    )
    now = 2 if hall else 3 if staff.get("certificate_file") else 1
    role = ROLES[terminal.choose("setup.machine.role", [terminal.words.get(f"setup.role.{one}") for one in ROLES], now)]
    if role == "both":
        tree["staff"] = {"listen": "127.0.0.1:8090", "certificate_file": "", "key_file": ""}
    elif role == "desk":
        tree["staff"] = {"listen": "0.0.0.0:8443", "certificate_file": "desk.pem", "key_file": "desk.key"}
        for name in ("desk.pem", "desk.key"):
            _take_file(terminal, f"setup.file.{name}", name, given, secrets)
    else:
        tree["staff"] = {"listen": ""}
        tree["destinations"] = [
            {
                "name": hall.get("name", "desk"),
                "connector": "desk",
                "base_url": terminal.ask("setup.desk.url", _HTTPS, hall.get("base_url", "")),
                "token_file": _keep(terminal, "setup.desk.token", "desk-token", given, secrets),
            }
        ]


def _portal(
    terminal: Terminal, before: Mapping[str, Any], tree: dict[str, Any], given: dict[str, str], secrets: frozenset[str]
) -> None:
    told = before.get("portal", {})
    terminal.say("setup.portal")
    if not terminal.yes("setup.portal.wanted", bool(told.get("enabled", True))):
        tree["portal"] = {"enabled": False}
        return
    tree["portal"] = {
        "enabled": True,
        "base_url": terminal.ask("setup.portal.url", _HTTP, told.get("base_url", "")),
        "username": terminal.ask("setup.portal.username", _ANY, told.get("username", "")),
        "password_file": _keep(terminal, "setup.portal.password", "portal-password", given, secrets),
        "officer_name": terminal.ask("setup.portal.officer", _ANY, told.get("officer_name", "")),
        "officer_id": terminal.ask("setup.portal.officer_id", _OFFICER, told.get("officer_id", "")),
    }


def _hospital(terminal: Terminal, before: Mapping[str, Any], tree: dict[str, Any]) -> None:
    if tree.get("destinations"):
        return  # the desk of the hall hands on
    terminal.say("setup.hospital")
    there = before.get("destinations", [])
    if there and terminal.yes("setup.hospital.keep", True, names=", ".join(str(one.get("name")) for one in there)):
        return
    kind = SYSTEMS[
        terminal.choose("setup.hospital.kind", [terminal.words.get(f"setup.system.{one}") for one in SYSTEMS], 2)
    ]
    told: dict[str, Any] = {"name": "his", "connector": kind}
    if kind == "none":
        return
    if kind == "hl7v2":
        host, _, port = terminal.ask("setup.hospital.host", _HOST).rpartition(":")
        told |= {"host": host.strip("[]"), "port": int(port)}
    elif kind == "fhir":
        told["base_url"] = terminal.ask("setup.hospital.url", _HTTP)
    else:
        told["folder"] = terminal.ask("setup.hospital.folder", _PATH, "/srv/tiepdon")
    tree["destinations"] = [told]


def _devices(terminal: Terminal, before: Mapping[str, Any], tree: dict[str, Any], found: Found) -> None:
    terminal.say("setup.devices")
    reader, printer = before.get("reader", {}), before.get("kiosk", {}).get("printer", {})
    kinds = (
        ("pcsc_reader", found.readers, reader.get("pcsc_reader", "")),
        ("scanner", found.scanners, reader.get("scanner", {}).get("device", "")),
        ("keyboard", found.keyboards, reader.get("keyboard", {}).get("device", "")),
        ("camera", found.cameras, reader.get("camera", {}).get("device", "")),
        ("printer", found.printers, printer.get("address", "")),
    )
    chosen: dict[str, str] = {}
    for kind, there, now in kinds:
        known = list(dict.fromkeys(filter(None, (now, *there))))
        if known:
            options = [*known, terminal.words.get("setup.device.none")]
            place = terminal.choose(f"setup.device.{kind}", options)
            chosen[kind] = known[place] if place < len(known) else ""
    tree["reader"] = {kind: {"device": chosen[kind]} for kind in ("scanner", "keyboard", "camera") if kind in chosen}
    if "pcsc_reader" in chosen:
        tree["reader"]["pcsc_reader"] = chosen["pcsc_reader"]
    if "printer" in chosen and chosen["printer"] != printer.get("address", ""):
        tree["kiosk"]["printer"] = {"kind": "usb" if chosen["printer"] else "none", "address": chosen["printer"]}


def _keep(terminal: Terminal, key: str, name: str, given: dict[str, str], secrets: frozenset[str]) -> str:
    """A secret typed, or the one that is there; its name. Raises GaveUp."""
    for _ in range(MOST_TRIES):
        if told := terminal.secret(key):
            given[name] = told
            return name
        if name in secrets:
            return name
        terminal.say("setup.wrong")
    raise GaveUp


def _take_file(terminal: Terminal, key: str, name: str, given: dict[str, str], secrets: frozenset[str]) -> None:
    """The content of a file that somebody names, or the one that is there."""
    for _ in range(MOST_TRIES):
        path = terminal.ask(key, re.compile(r".{0,400}"))
        if not path and name in secrets:
            return
        try:
            given[name] = Path(path).read_text("utf-8")
        except (OSError, ValueError):
            terminal.say("setup.unreadable")
        else:
            return
    raise GaveUp
