"""`tiepdon sandbox`: the pretend outside world in the foreground: card, scanner, camera, outside services, desk."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.care import LogSettings
from tiepdon.stopping import stop_on_signals
from wire.codec import to_json
from wire.log import set_up

if TYPE_CHECKING:
    from sandbox.world import CardPlug


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("sandbox", help="the pretend outside world", description=__doc__)
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, help="folder of sockets and the scanner")
    parser.add_argument("--state", type=Path, required=True, help="folder of the signing keys and the trust folder")
    parser.add_argument("--portal-port", type=int, default=0, help="insurance portal (0: a free port)")
    parser.add_argument("--portal-tls-port", type=int, default=0, help="the same over https (0: a free port)")
    parser.add_argument("--population-port", type=int, default=0, help="population register (0: a free port)")
    parser.add_argument("--his-port", type=int, default=0, help="hospital system, HL7 v2 over MLLP (0: a free port)")
    parser.add_argument("--rest-port", type=int, default=0, help="hospital system over HTTP (0: a free port)")
    parser.add_argument("--fhir-port", type=int, default=0, help="hospital's FHIR R4 server (0: a free port)")
    parser.add_argument("--printer-port", type=int, default=0, help="ticket printer, ESC/POS (0: a free port)")
    parser.add_argument("--desk-port", type=int, default=0, help="the desk's page and API (0: a free port)")
    parser.add_argument(
        "--card",
        type=_card_place,
        default=("vpcd", "35963"),
        metavar="vpcd:PORT|socket:PATH",
        help="where cards are put: vpcd's port, or the reader process's card socket (default: vpcd:35963)",
    )
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON line when all is ready")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the world until told to stop; returns 0."""
    from sandbox.camera import camera
    from sandbox.card import trust
    from sandbox.desk import routes
    from sandbox.fhir import FhirServer
    from sandbox.his import HospitalSystem
    from sandbox.hospital_rest import HospitalRest
    from sandbox.people import all_people, everybody
    from sandbox.population import Population
    from sandbox.portal import Portal
    from sandbox.portal_tls import Certificates
    from sandbox.portrait import jpeg
    from sandbox.printer import ReceiptPrinter
    from sandbox.scanner import scanner
    from sandbox.world import World
    from wire.server import serving

    set_up(LogSettings(), "sandbox")
    stop = stop_on_signals()
    options.run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = trust.load_or_create(options.state / "sandbox-keys")
    certificate = authority.export(options.state / "trust")
    people = all_people()
    portal, population, hospital = Portal(everybody()), Population(everybody()), HospitalSystem()
    rest = HospitalRest(everybody())
    fhir, printer = FhirServer(), ReceiptPrinter()
    certificates = Certificates(options.state / "portal-tls")
    link, eye = options.run_folder / "scanner", options.run_folder / "camera"
    with ExitStack() as open_now:
        plug = _plug(*options.card)
        devices = open_now.enter_context(scanner(link)), open_now.enter_context(camera(eye))
        world = World(people, authority, jpeg, plug, *devices, portal, hospital, population, rest, fhir, printer)
        open_now.callback(world.events.close)
        open_now.callback(_quietly, plug)
        addresses: dict[str, Any] = {
            "portal": _url(open_now.enter_context(portal.serving(options.portal_port))),
            "portal_tls": _url(
                open_now.enter_context(portal.serving(options.portal_tls_port, portal.certificate(certificates))),
                "https",
            ),
            "portal_ca": str(certificates.ca),
            "population": _url(open_now.enter_context(population.serving(options.population_port))),
            "his": "{}:{}".format(*open_now.enter_context(hospital.serving(options.his_port))),
            "rest": _url(open_now.enter_context(rest.serving(options.rest_port))),
            "fhir": _url(open_now.enter_context(fhir.serving(options.fhir_port))) + "/fhir",
            "printer": "{}:{}".format(*open_now.enter_context(printer.serving(options.printer_port))),
            "scanner": str(link),
            "camera": str(eye),
            "card": ":".join(options.card),
            "trust": str(certificate),
        }
        desk = open_now.enter_context(serving(("127.0.0.1", options.desk_port), routes(world, addresses)))
        addresses["desk"] = _url(desk)
        if options.json:
            sys.stdout.write(to_json(addresses).decode() + "\n")
            sys.stdout.flush()
        world.follow(stop)
    return 0


def _card_place(text: str) -> tuple[str, str]:
    kind, _, where = text.partition(":")
    if (kind == "vpcd" and where.isascii() and where.isdigit() and 0 < int(where) < 65536) or (
        kind == "socket" and where
    ):
        return kind, where
    raise argparse.ArgumentTypeError(f"{text!r} is neither vpcd:PORT nor socket:PATH")


def _plug(kind: str, where: str) -> "CardPlug":
    if kind == "vpcd":
        from sandbox.card.vpcd import VirtualReader
        from sandbox.world import VpcdPlug

        return VpcdPlug(VirtualReader(int(where)))
    from sandbox.inprocess import RemoteSlot

    return RemoteSlot(Path(where))


def _quietly(plug: "CardPlug") -> None:
    """Take the card along; whoever holds the reader may be gone already."""
    from wire.errors import TiepDonError

    try:
        plug.remove()
    except TiepDonError:
        return


def _url(address: Any, scheme: str = "http") -> str:
    return f"{scheme}://{address[0]}:{address[1]}"
