"""A chip reading over the real pcscd: APDUs and bytes until the name is known and until everything is read, beside
the smallest number the standard allows for the same files.

Counts and bytes hold on any machine; the milliseconds are this machine's, with a card that computes in Python.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.table import Cell, Table
from reader.chip.key_derivation import can_password
from reader.chip.pcsc import PcscSlot
from reader.chip.session import EVERYTHING, CardRead, read_card
from reader.chip.world import real_surroundings
from sandbox.card import files, trust
from sandbox.card.chip import Chip
from sandbox.card.vpcd import VirtualReader
from sandbox.pcscd import Pcscd, private
from sandbox.people import find
from sandbox.portrait import jpeg

# SELECT is not needed for EF.CardAccess by short file id: READ BINARY, MSE:Set AT, four GENERAL AUTHENTICATE
# (ICAO Doc 9303-11, 4.4.4), SELECT of the application.
ACCESS_APDUS = 1 + 1 + 4 + 1
SECONDS = 30.0
SHORT_BLOCK = 223  # plain bytes that fit one short response under AES secure messaging (chip.md 3.1)


def measure() -> list[Table]:
    """Counts for the name, for the proven text, and for everything with a portrait of about 15 kB."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-bench-") as folder, private(Path(folder)) as daemon:
        if daemon is None:
            raise SystemExit("no private pcscd can be started on this machine; `make setup` installs it")
        text, everything = _reads(daemon, Path(folder) / "trust")
    rows = (
        (
            "name with diacritics known",
            text.apdus_to_name,
            _short_minimum(text, ("dg13",)),
            ACCESS_APDUS + 1,
            None,
            None,
        ),
        _row("name, number and proof (DG13, DG1, SOD, DG14)", text),
        _row("everything, portrait included", everything),
    )
    columns = ("", "APDUs", "fewest short", "fewest extended", "bytes", "ms")
    notes = (
        "fewest: PACE with one READ BINARY per file (extended) or per 223 bytes (short), every length known beforehand",
        f"portrait file {everything.files['dg2'][0]} bytes, SOD {everything.files['sod'][0]} bytes",
    )
    return [Table("One chip reading, sandbox card over real pcscd and vpcd", columns, rows, notes)]


def _row(name: str, read: CardRead) -> tuple[Cell, ...]:
    count = read.bytes_sent + read.bytes_received
    files = tuple(read.files)
    extended = ACCESS_APDUS + len(files)
    return (name, read.apdus, _short_minimum(read, files), extended, count, read.timings_ms["total"])


def _short_minimum(read: CardRead, files: tuple[str, ...]) -> int:
    return ACCESS_APDUS + sum(-(-read.files[name][0] // SHORT_BLOCK) for name in files)


def _reads(daemon: Pcscd, authority_folder: Path) -> tuple[CardRead, CardRead]:
    """Two readings of the usual person's card: what the kiosk reads, and everything."""
    os.environ.update(daemon.environment())
    person = find("mau")
    authority = trust.create()
    authority.export(authority_folder)
    world = real_surroundings(str(authority_folder))
    card = VirtualReader(daemon.port)
    card.place(Chip(files.build(person, jpeg(person), authority)))
    slot = PcscSlot()
    try:
        next(presence for presence in slot.watch() if presence.card)
        key = can_password(person.can)
        return read_card(slot, key, world, SECONDS), read_card(slot, key, world, SECONDS, EVERYTHING)
    finally:
        card.remove()
        slot.close()
