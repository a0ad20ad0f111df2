"""The reader process: the service on its Unix socket, a thread for the slot, the devices and each source, and a sign of
life to who started it.

Must not import a device library: slot, sources and lines are handed in.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from config.settings import ReaderSettings
from reader.chip.task import Surroundings
from reader.chip.transport import Slot
from reader.search import Lines
from reader.service import PayloadSource, ReaderService
from wire.health_routes import LIVE
from wire.server import serving
from wire.systemd import Attendance, Manager, answers


def serve(
    slot: Slot,
    settings: ReaderSettings,
    socket_path: Path,
    sources: Sequence[PayloadSource],
    surroundings: Surroundings,
    stop: threading.Event,
    lines: Lines | None = None,
    manager: Manager | None = None,
) -> None:
    """Run the reader process until `stop` is set. The caller ends the slot's watch. Raises OSError (socket taken).

    `lines`: what finds the machine-readable lines in the frames of the cameras among `sources`. `manager`: who started
    the process, and may hold its socket.
    """
    manager = manager or Manager()
    service = ReaderService(slot, settings, sources, surroundings, lines)
    failure: list[BaseException] = []

    def watch() -> None:
        try:
            service.watch(stop)
        except BaseException as error:
            failure.append(error)
            stop.set()

    threads = [
        threading.Thread(target=watch, name="presence", daemon=True),
        threading.Thread(target=service.mind_the_devices, args=(stop,), name="devices", daemon=True),
    ]
    threads += [
        threading.Thread(target=service.listen, args=(source, stop), name=source.name, daemon=True)
        for source in sources
    ]
    with serving(manager.sockets.get("reader", socket_path), service.routes()) as address:
        for thread in threads:
            thread.start()

        def alive() -> bool:
            return service.minding() and answers(Path(str(address)), LIVE)

        Attendance(manager, alive, surroundings.clock).until(stop)
        service.close()
    if failure:
        # Without presence the process is blind; ended, it is started again.
        raise failure[0]
