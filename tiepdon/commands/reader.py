"""`tiepdon reader`: the reader process."""

import argparse
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiepdon.stopping import stop_on_signals
from wire.log import set_up

if TYPE_CHECKING:
    from reader.optical.lines import LineReader


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("reader", help="the reader process", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument(
        "--card-socket",
        type=Path,
        help="no PC/SC: play the sandbox card inside this process, commanded through this socket",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from config.settings import ReaderSettings, load, socket_path
    from reader.chip.transport import Slot
    from reader.chip.world import real_surroundings
    from reader.process import serve
    from reader.service import PayloadSource
    from wire.systemd import taken_from

    def line_reader(settings: ReaderSettings) -> "LineReader | None":
        if not (settings.camera.device or settings.second_camera.device):
            return None
        from reader.optical.lines import LineReader

        return LineReader(time.monotonic)

    def sources(settings: ReaderSettings, lines: "LineReader | None", open_now: ExitStack) -> list[PayloadSource]:
        found: list[PayloadSource] = []
        if settings.scanner.device:
            from reader.scanner.serial import SerialScanner

            found.append(SerialScanner(settings.scanner.device, settings.scanner.baud_rate, time.monotonic))
        if settings.keyboard.device:
            from reader.scanner.hid import KeyboardScanner

            found.append(KeyboardScanner(settings.keyboard.device, time.monotonic))
        for name, camera in (("camera", settings.camera), ("second_camera", settings.second_camera)):
            if camera.device:
                from reader.optical.camera import CameraSource

                source = CameraSource(camera, name, time.monotonic, tap=lines)
                open_now.callback(source.let_go)
                found.append(source)
        return found

    def slot(settings: ReaderSettings, open_now: ExitStack) -> Slot:
        if options.card_socket is not None:
            from sandbox.inprocess import InProcessSlot

            inside = InProcessSlot()
            open_now.enter_context(inside.serving(options.card_socket))
            open_now.callback(inside.close)
            return inside
        from reader.chip.pcsc import PcscSlot

        real = PcscSlot(settings.pcsc_reader)
        open_now.callback(real.close)
        return real

    settings = load(options.config)
    set_up(settings.log, "reader")
    stop, manager = stop_on_signals(), taken_from(os.environ, os.getpid())
    surroundings = real_surroundings(settings.reader.trust_folder)
    with ExitStack() as open_now:
        place = socket_path(settings, "reader")
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = line_reader(settings.reader)
        devices = sources(settings.reader, lines, open_now)
        serve(slot(settings.reader, open_now), settings.reader, place, devices, surroundings, stop, lines, manager)
    return 0
