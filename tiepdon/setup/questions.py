"""The five questions of a set-up, asked on a terminal: house, machine, insurance portal, hospital system, devices.

What is there already is proposed and stays on an empty line. What contradicts another answer is not asked for, or told
at once (`tiepdon.setup.writing.judge` has the last word).
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tiepdon.setup.answers import Answers, Supervisor
from tiepdon.setup.certificates import pair_problem
from tiepdon.setup.devices import Found
from tiepdon.setup.terminal import MOST_TRIES, GaveUp, Terminal
from tiepdon.setup.writing import merged

_FACILITY = re.compile(r"[0-9A-Z]{5}").fullmatch
_NAME = re.compile(r".{1,255}").fullmatch
_FULL_NAME = re.compile(r".{1,100}").fullmatch
_KIOSK = re.compile(r"[A-Za-z0-9_.-]{1,32}").fullmatch
_PREFIX = re.compile(r"[A-Z0-9-]{0,4}").fullmatch
_OWN_PREFIX = re.compile(r"[A-Z0-9-]{1,4}").fullmatch
_OFFICER = re.compile(r"[0-9]{12}").fullmatch
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:/@]{1,253}):([0-9]{1,5})")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}").fullmatch
_ANY = re.compile(r".{1,500}").fullmatch
_PATH = re.compile(r"/.{1,400}").fullmatch
_MAY_BE_EMPTY = re.compile(r".{0,400}").fullmatch
# What a machine may be. `server`: the staff's pages alone, nobody checks in there.
ROLES, SYSTEMS = ("both", "kiosk", "desk", "server"), ("none", "hl7v2", "fhir", "file_drop")


@dataclass
class _Asking:
    """One set-up under way. `before`: the settings' file as it stands, with what was answered in an earlier round;
    `there`: the names of the secrets that are."""

    terminal: Terminal
    before: Mapping[str, Any]
    found: Found
    there: frozenset[str]
    devices: Mapping[str, str]  # of the settings' file, whatever was answered since
    tree: dict[str, Any] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    clients: tuple[str, ...] = ()
    role: str = ROLES[0]

    def table(self, name: str) -> Mapping[str, Any]:
        """A table of the settings as they stand."""
        told = self.before.get(name, {})
        return told if isinstance(told, Mapping) else {}

    def destinations(self, *, desk: bool) -> list[Mapping[str, Any]]:
        """Those there are now: the desk of the hall, or all the others."""
        return [one for one in self.before.get("destinations", ()) if (one.get("connector") == "desk") is desk]


def ask_all(
    terminal: Terminal,
    before: Mapping[str, Any],
    found: Found,
    secrets: frozenset[str],
    answered: Mapping[str, Any] | None = None,
) -> Answers:
    """All five. `before`: the settings' file as it stands; `secrets`: the names of those that are there; `answered`:
    the settings of an earlier round, proposed instead.

    Raises GaveUp.
    """
    asking = _Asking(terminal, merged(before, answered or {}), found, secrets, _chosen(before))
    for question in (_house, _machine, _portal, _hospital, _devices):
        question(asking)
    return Answers(asking.tree, asking.given, None, asking.clients, frozenset(asking.without))


def ask_supervisor(terminal: Terminal) -> Supervisor:
    """Who signs in first. Raises GaveUp."""
    terminal.heading("setup.supervisor")
    return Supervisor(
        terminal.ask("setup.supervisor.name", _ACCOUNT), terminal.ask("setup.supervisor.full_name", _FULL_NAME)
    )


def _house(asking: _Asking) -> None:
    terminal, site = asking.terminal, asking.table("site")
    terminal.heading("setup.house")
    asking.tree["site"] = {
        "facility_code": terminal.ask("setup.house.code", _FACILITY, site.get("facility_code", "")),
        "facility_name": terminal.ask("setup.house.name", _NAME, site.get("facility_name", "")),
    }


def _machine(asking: _Asking) -> None:
    terminal, tree = asking.terminal, asking.tree
    kiosk, staff, halls = asking.table("kiosk"), asking.table("staff"), asking.destinations(desk=True)
    terminal.heading("setup.machine")
    now = 4 if kiosk.get("touchscreen") is False else 2 if halls else 3 if staff.get("certificate_file") else 1
    roles = [terminal.words.get(f"setup.role.{one}") for one in ROLES]
    role = asking.role = ROLES[terminal.choose("setup.machine.role", roles, now)]
    usual = "desk-1" if role == "server" else "kiosk-1"
    tree["site"]["kiosk_id"] = terminal.ask("setup.machine.id", _KIOSK, asking.table("site").get("kiosk_id", usual))
    prefix = kiosk.get("ticket_prefix", "")
    if role == "kiosk":  # two machines of one hall that give the same numbers would call two people at once
        prefix = terminal.ask("setup.machine.own_prefix", _OWN_PREFIX, prefix)
    else:
        prefix = terminal.ask("setup.machine.prefix", _PREFIX, prefix)
    tree["kiosk"] = {"ticket_prefix": prefix, "touchscreen": role != "server"}
    if role == "server" and "required_devices" in kiosk:
        tree["kiosk"]["required_devices"] = [one for one in kiosk["required_devices"] if one == "printer"]
    if role == "kiosk":
        _hall(asking, halls[0] if halls else {})
        return
    asking.without |= {str(one.get("name")) for one in halls}
    if role == "both":
        tree["staff"] = {"listen": "127.0.0.1:8090", "certificate_file": "", "key_file": ""}
    else:
        _staff_for_the_house(asking)


def _hall(asking: _Asking, hall: Mapping[str, Any]) -> None:
    """This kiosk's line to the desk of its hall, its only destination."""
    terminal = asking.terminal
    asking.tree["staff"] = {"listen": "", "certificate_file": "", "key_file": ""}
    told: dict[str, Any] = {
        "name": hall.get("name", "desk"),
        "connector": "desk",
        "base_url": terminal.ask("setup.desk.url", _is_https, hall.get("base_url", "")),
        "token_file": _keep(asking, "setup.desk.token", "desk-token"),
    }
    if _take_file(asking, "setup.file.desk-ca.pem", "desk-ca.pem", needed=False):
        told["ca_file"] = "desk-ca.pem"
    if others := [str(one.get("name")) for one in asking.destinations(desk=False)]:
        terminal.write("  " + terminal.words.get("setup.desk.others", names=", ".join(others)) + "\n")
        asking.without |= set(others)
    asking.tree["destinations"] = [told]


def _staff_for_the_house(asking: _Asking) -> None:
    """The staff's address for other machines: its certificate, and who may reach it."""
    for _ in range(MOST_TRIES):
        for name in ("desk.pem", "desk.key"):
            _take_file(asking, f"setup.file.{name}", name, needed=True)
        if not asking.given.keys() & {"desk.pem", "desk.key"}:
            break
        problem = pair_problem(asking.given.get("desk.pem"), asking.given.get("desk.key"))
        if problem is None:
            break
        asking.terminal.say_error(problem)
        for name in ("desk.pem", "desk.key"):
            asking.given.pop(name, None)
    else:
        raise GaveUp
    asking.tree["staff"] = {"listen": "0.0.0.0:8443", "certificate_file": "desk.pem", "key_file": "desk.key"}
    told = asking.terminal.ask("setup.desk.clients", _are_networks, " ".join(asking.found.networks))
    asking.clients = tuple(told.split())


def _portal(asking: _Asking) -> None:
    terminal, told = asking.terminal, asking.table("portal")
    terminal.heading("setup.portal")
    proxy = bool(asking.table("his_proxy").get("enabled"))
    if proxy:
        terminal.write("  " + terminal.words.get("setup.portal.proxy") + "\n")
    if not terminal.yes("setup.portal.wanted", not proxy and bool(told.get("enabled", True))):
        asking.tree["portal"] = {"enabled": False}
        return
    if proxy:
        asking.tree["his_proxy"] = {"enabled": False}
    asking.tree["portal"] = {
        "enabled": True,
        "base_url": terminal.ask("setup.portal.url", _is_http, told.get("base_url", "")),
        "username": terminal.ask("setup.portal.username", _ANY, told.get("username", "")),
        "password_file": _keep(asking, "setup.portal.password", "portal-password"),
        "officer_name": terminal.ask("setup.portal.officer", _ANY, told.get("officer_name", "")),
        "officer_id": terminal.ask("setup.portal.officer_id", _OFFICER, told.get("officer_id", "")),
    }


def _hospital(asking: _Asking) -> None:
    terminal = asking.terminal
    terminal.heading("setup.hospital")
    if asking.role == "kiosk":
        terminal.write("  " + terminal.words.get("setup.hospital.by_desk") + "\n")
        return
    there = [str(one.get("name")) for one in asking.destinations(desk=False)]
    if there and terminal.yes("setup.hospital.keep", True, names=", ".join(there)):
        return
    asking.without |= set(there)
    systems = [terminal.words.get(f"setup.system.{one}") for one in SYSTEMS]
    usual = 1 if "site" in asking.before and not there else 2  # none was said before, or nothing yet
    kind = SYSTEMS[terminal.choose("setup.hospital.kind", systems, usual)]
    told: dict[str, Any] = {"name": "his", "connector": kind}
    if kind == "none":
        return
    if kind == "hl7v2":
        host, _, port = terminal.ask("setup.hospital.host", _is_place).rpartition(":")
        told |= {"host": host.strip("[]"), "port": int(port)}
    elif kind == "fhir":
        told["base_url"] = terminal.ask("setup.hospital.url", _is_http)
    else:
        told["folder"] = terminal.ask("setup.hospital.folder", _PATH, "/srv/tiepdon")
    asking.tree["destinations"] = [told]


def _devices(asking: _Asking) -> None:
    terminal, found = asking.terminal, asking.found
    terminal.heading("setup.devices")
    now = _chosen(asking.before)
    of_the_kiosk = {
        "pcsc_reader": found.readers,
        "scanner": found.scanners,
        "keyboard": found.keyboards,
        "camera": found.cameras,
    }
    kinds = {**(of_the_kiosk if asking.role != "server" else {}), "printer": found.printers}
    chosen: dict[str, str] = {}
    for kind, there in kinds.items():
        known = list(dict.fromkeys(filter(None, (now[kind], *there, asking.devices[kind]))))
        if known:
            shown = [one if one in there else terminal.words.get("setup.device.gone", name=one) for one in known]
            place = terminal.choose(f"setup.device.{kind}", [*shown, terminal.words.get("setup.device.none")])
            chosen[kind] = known[place] if place < len(known) else ""
    if not chosen:
        none = "setup.devices.none_here" if asking.role == "server" else "setup.devices.none"
        terminal.write("  " + terminal.words.get(none) + "\n")
    asking.tree["reader"] = {
        kind: {"device": chosen[kind]} for kind in ("scanner", "keyboard", "camera") if kind in chosen
    }
    if "pcsc_reader" in chosen:
        asking.tree["reader"]["pcsc_reader"] = chosen["pcsc_reader"]
    if "printer" in chosen and chosen["printer"] != asking.devices["printer"]:
        told = {"kind": "usb" if chosen["printer"] else "none", "address": chosen["printer"]}
        asking.tree["kiosk"]["printer"] = told


def _chosen(settings: Mapping[str, Any]) -> dict[str, str]:
    """Each device as these settings name it, empty where they name none."""
    reader, printer = settings.get("reader", {}), settings.get("kiosk", {}).get("printer", {})
    devices = {kind: reader.get(kind, {}).get("device", "") for kind in ("scanner", "keyboard", "camera")}
    return {"pcsc_reader": reader.get("pcsc_reader", ""), **devices, "printer": printer.get("address", "")}


def _keep(asking: _Asking, key: str, name: str) -> str:
    """A secret typed, or the one that is there; its name. Raises GaveUp."""
    told = asking.terminal.secret(key, name in asking.there)
    if told is not None:
        asking.given[name] = told
    return name


def _take_file(asking: _Asking, key: str, name: str, *, needed: bool) -> bool:
    """The content of a file that somebody names, or the one that is there; whether there is one in the end. Raises
    GaveUp."""
    proposed = asking.terminal.words.get("setup.kept") if name in asking.there else ""
    for _ in range(MOST_TRIES):
        path = asking.terminal.ask(key, _MAY_BE_EMPTY, proposed)
        if path == proposed and (proposed or not needed):
            return bool(proposed)
        try:
            asking.given[name] = Path(path).read_text("ascii")
        except (OSError, ValueError):
            asking.terminal.wrong(key)
        else:
            return True
    raise GaveUp


def _is_https(told: str) -> bool:
    return told.startswith("https://") and _is_http(told)


def _is_http(told: str) -> bool:
    """An address with a host, without white space; nobody's name and password in it."""
    try:
        parts = urlsplit(told)
        port = parts.port  # raises where it is none
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and "@" not in parts.netloc and not re.search(r"\s", told)
    return bool(plain and parts.hostname and port != 0)


def _is_place(told: str) -> bool:
    match = _HOST.fullmatch(told)
    return match is not None and 1 <= int(match[2]) <= 65535


def _are_networks(told: str) -> bool:
    """Addresses or networks of machines, an empty space between two."""
    try:
        networks = [ipaddress.ip_network(one) for one in told.split()]
    except ValueError:
        return False
    return bool(networks)
