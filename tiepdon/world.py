"""The sandbox world around the product: which programs to start, and the settings that point the product at them.

Planning only: no process is started here.
"""

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from tiepdon.errors import AddressInUse
from tiepdon.supervisor import Program

HOST = "127.0.0.1"
STAFF = {  # name: full name and role; made for the sandbox alone, each with the same PIN
    "mai": ("Mẫu Thị Mai", "receptionist"),
    "lan": ("Mẫu Thị Lan", "receptionist"),
    "hoa": ("Mẫu Thị Hoa", "supervisor"),
    "tuan": ("Mẫu Văn Tuấn", "technician"),
}
STAFF_PIN = "270594"
USUAL_PORTS = {"touchscreen": 8080, "desk": 8081, "staff": 8090}


@dataclass(frozen=True)
class Ports:
    """Loopback TCP ports of one sandbox run."""

    touchscreen: int
    desk: int
    portal: int
    hospital: int
    population: int = 0  # 0: the product asks no population register
    portal_tls: int = 0  # the portal over https; 0: the product asks it without
    rest: int = 0  # the hospital systems besides the one over MLLP; 0: no record goes there
    fhir: int = 0
    printer: int = 0  # 0: the kiosk has none
    staff: int = 0  # 0: there are no pages for the staff


@dataclass(frozen=True)
class Places:
    """Folders and files of one sandbox run."""

    state: Path  # database, keys, settings
    run: Path  # Unix sockets, the camera's among them, and the scanner's pseudo-terminal

    @property
    def settings(self) -> Path:
        """The settings file made for this run."""
        return self.state / "tiepdon.toml"

    @property
    def portal_password(self) -> Path:
        """File with the sandbox portal's password."""
        return self.state / "portal-password"

    @property
    def portal_ca(self) -> Path:
        """The authority that signs for the sandbox portal's https port (sandbox/portal_tls.py)."""
        return self.state / "portal-tls" / "ca.pem"

    @property
    def population_secret(self) -> Path:
        """File with the secret of the sandbox's population register."""
        return self.state / "population-secret"

    @property
    def rest_password(self) -> Path:
        """File with the password of the sandbox's hospital system over HTTP."""
        return self.state / "rest-password"

    @property
    def files(self) -> Path:
        """Folder where records lie for a hospital system without an interface."""
        return self.state / "his-files"

    @property
    def trust(self) -> Path:
        """Folder where the sandbox puts its country signing certificate."""
        return self.state / "trust"

    @property
    def card_socket(self) -> Path:
        """Where the card inside the reader process takes commands, on a machine without PC/SC."""
        return self.run / "card.sock"


def choose_ports(asked: Mapping[str, int]) -> Ports:
    """The ports of a run: the ones asked for (by the names of Ports), else the usual ones where they are free, else
    free ones.

    Raises AddressInUse when a port that was asked for is taken.
    """
    with ExitStack() as held:
        # All are held until all are chosen, so that none is chosen twice; what was asked for comes first.
        for number, port in enumerate(asked.values()):
            if port in list(asked.values())[:number]:
                raise AddressInUse(address=f"{HOST}:{port}", why="asked for twice")
            held.enter_context(hold(HOST, port))

        def free(name: str) -> int:
            try:
                return held.enter_context(hold(HOST, USUAL_PORTS.get(name, 0)))
            except AddressInUse:
                return held.enter_context(hold(HOST, 0))

        return Ports(**{one.name: asked.get(one.name) or free(one.name) for one in fields(Ports)})


@contextmanager
def hold(host: str, port: int) -> Iterator[int]:
    """Listen there while the context lasts; yields the port (0: a free one). Raises AddressInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise AddressInUse(address=f"{host}:{port}", why=error.strerror) from None
    with listening:
        yield int(listening.getsockname()[1])


def sandbox_settings(places: Places, ports: Ports, reader_name: str) -> str:
    """The settings file of a sandbox run, as TOML text."""
    quoted = {name: _quoted(value) for name, value in vars(_Paths.of(places)).items()}
    return f"""\
# Made by `tiepdon run` for the sandbox world; every record made with it is marked as synthetic.
{_staff(ports)}{_population(places, ports)}
[site]
facility_code = "99999"
facility_name = "Bệnh viện Mẫu"
kiosk_id = "sandbox-1"
synthetic = true

[paths]
state = {quoted["state"]}
run = {quoted["run"]}

[reader]
pcsc_reader = {json.dumps(reader_name)}
trust_folder = {quoted["trust"]}
camera.device = {quoted["camera"]}

[reader.scanner]
device = {quoted["scanner"]}

[kiosk]
listen = "{HOST}:{ports.touchscreen}"
{_printer(ports)}
{_SERVICES if ports.staff else ""}
[portal]
enabled = true
{_portal_address(places, ports)}
username = "99999_BV"
password_file = {quoted["portal_password"]}
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"

[facility]
level = "basic"
points = 45
former_level = "district"

[lookups]  # who mends a line at the desk wants to see the answer arrive
retry_offline_seconds = 1.0
ask_again_seconds = 2.0
ask_again_most_seconds = 10.0

[bridge]
retry_max_seconds = 5.0  # who mends the hospital's line at the desk wants to see the record arrive

[[destinations]]
name = "sandbox-his"
connector = "hl7v2"
host = "{HOST}"
port = {ports.hospital}
sending_facility = "99999"
receiving_facility = "99999"
{_further_hospitals(places, ports)}"""


def _further_hospitals(places: Places, ports: Ports) -> str:
    """The hospital systems besides the one over MLLP, each with its own connector, and a folder for one without any.

    Indented: names that other sections have too stand at the start of no line.
    """
    if not (ports.rest and ports.fhir):
        return ""
    return f"""
[[destinations]]
  name = "sandbox-fhir"
  connector = "fhir"
  base_url = "http://{HOST}:{ports.fhir}/fhir"

[[destinations]]
  name = "sandbox-rest"
  connector = "rest"
  base_url = "http://{HOST}:{ports.rest}"
  username = "tiepdon"
  password_file = {_quoted(places.rest_password)}

[[destinations]]
  name = "sandbox-files"
  connector = "file_drop"
  folder = {_quoted(places.files)}
  form = "csv"
  byte_order_mark = true
"""


# Several things to come for, and who calls for them where. Indented like all that may be there or not.
_SERVICES = """
  [[kiosk.services]]
  code = "KB"
  name_vi = "Khám bệnh"
  name_en = "General clinic"
  place_vi = "Phòng khám 1, tầng 1"
  place_en = "Room 1, ground floor"

  [[kiosk.services]]
  code = "NHI"
  name_vi = "Khám nhi"
  name_en = "Children's clinic"
  place_vi = "Phòng khám 2, tầng 1"
  place_en = "Room 2, ground floor"
  number_prefix = "N"

  [[kiosk.services]]
  code = "HEN"
  name_vi = "Khám theo hẹn"
  name_en = "Appointment"
  place_vi = "Phòng khám 1, tầng 1"
  place_en = "Room 1, ground floor"
  number_prefix = "H"
  circumstance = "appointment"

  [[kiosk.services]]
  code = "HOI"
  name_vi = "Hỏi thông tin"
  name_en = "A question"
  place_vi = "Quầy tiếp đón"
  place_en = "Reception"
  number_prefix = "Q"
  identity = false

  [[queue.counters]]
  code = "1"
  name_vi = "Quầy 1"
  name_en = "Counter 1"
  queues = ["RECEPTION", "HOI"]

  [[queue.counters]]
  code = "2"
  name_vi = "Quầy 2"
  name_en = "Counter 2"
  queues = ["RECEPTION", "HOI"]

  [[queue.counters]]
  code = "P1"
  name_vi = "Phòng khám 1"
  name_en = "Room 1"
  queues = ["KB", "HEN"]

  [[queue.counters]]
  code = "P2"
  name_vi = "Phòng khám 2"
  name_en = "Room 2"
  queues = ["NHI"]

  [[queue.boards]]
  name = "sanh"
  names = "masked"
"""


def _staff(ports: Ports) -> str:
    return f'staff.listen = "{HOST}:{ports.staff}"\n' if ports.staff else ""


def _printer(ports: Ports) -> str:
    return f'printer = {{ kind = "network", address = "{HOST}:{ports.printer}" }}\n' if ports.printer else ""


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _portal_address(places: Places, ports: Ports) -> str:
    """Over https where there is a port for it, as in production, so that a wrong certificate can be tried too."""
    if not ports.portal_tls:
        return f'base_url = "http://{HOST}:{ports.portal}"'
    return f'base_url = "https://{HOST}:{ports.portal_tls}"\nca_file = {_quoted(places.portal_ca)}'


def _population(places: Places, ports: Ports) -> str:
    """The population register over X-Road: the pretend service's own account (sandbox/population.py).

    With dotted keys, before every table: names that other sections have too stand at the start of no line.
    """
    if not ports.population:
        return ""
    return f"""
population.transport = "soap_xroad"
population.base_url = "http://{HOST}:{ports.population}"
population.path = "/xroad/dancu"
population.username = "sandbox-kiosk"
population.password_file = {_quoted(places.population_secret)}
population.client = "VN/GOV/99999/KIOSK"
population.officer = "000088888888"
population.agency_code = "H00.00"
population.procedure_code = "0.000000"
"""


@dataclass(frozen=True)
class _Paths:
    state: Path
    run: Path
    trust: Path
    scanner: Path
    camera: Path
    portal_password: Path

    @classmethod
    def of(cls, places: Places) -> "_Paths":
        devices = places.run / "scanner", places.run / "camera"
        return cls(places.state, places.run, places.trust, *devices, places.portal_password)


def tiepdon(*arguments: str | Path) -> list[str]:
    """The command line of one of our own commands, run by this very interpreter."""
    return [sys.executable, "-m", "tiepdon.main", *map(str, arguments)]


def product(settings_file: Path, *reader_options: str | Path, desk: bool = False, reader: bool = True) -> list[Program]:
    """The processes of the product, with one settings file; `desk`: the staff's own among them, `reader`: that of the
    devices at which people check in."""
    staff = [Program("desk", tiepdon("desk", "--config", settings_file))] if desk else []
    devices = [Program("reader", tiepdon("reader", "--config", settings_file, *reader_options))] if reader else []
    return [
        *devices,
        Program("bridge", tiepdon("bridge", "serve", "--config", settings_file)),
        Program("kiosk", tiepdon("kiosk", "--config", settings_file)),
        *staff,
    ]
