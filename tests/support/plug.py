"""A real pcscd whose USB readers a test plugs and unplugs (plug.c), beside its two virtual slots."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.pcscd import DRIVER_FOLDER, Pcscd

SOURCE = Path(__file__).with_name("plug.c")
MODEL = "ACS ACR1252 Dual Reader"
CONTACTLESS_ATR = bytes.fromhex("3B80800101")
BANK_ATR = bytes.fromhex("3B6800000073C84012009000")
INFO = f"""<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>CFBundleExecutable</key><string>libplug.so</string>
<key>CFBundleName</key><string>PLUG</string>
<key>ifdVendorID</key><array><string>0x072F</string></array>
<key>ifdProductID</key><array><string>0x223B</string></array>
<key>ifdFriendlyName</key><array><string>{MODEL}</string></array>
</dict></plist>
"""


class UsbReaders:
    """Readers of model ACR1252, by a digit; the driver carries short APDUs only (see plug.c)."""

    def __init__(self, daemon: Pcscd) -> None:
        self.daemon = daemon
        self._place = daemon.drivers / "plug"

    def plug(self, number: int, interface: str) -> None:
        """Plug a reader in: pcscd calls it `name_of(interface, ...)`."""
        (self._place / f"name{number}").write_text(interface)
        self._tell(f"+{number}")

    def unplug(self, number: int) -> None:
        """Pull it out."""
        self._tell(f"-{number}")

    def insert(self, number: int, atr: bytes, icc_type: int | None = None) -> None:
        """Put a card in; without an ATR it is mute. `icc_type` is what the driver tells of it."""
        if icc_type is not None:
            (self._place / f"type{number}").write_bytes(bytes([icc_type]))
        # In one step: pcscd must not see it before it is whole.
        whole = self._place / "coming"
        whole.write_bytes(atr)
        whole.rename(self._place / f"card{number}")

    def remove(self, number: int) -> None:
        """Take the card out."""
        (self._place / f"card{number}").unlink()

    def clear(self) -> None:
        """Take every card out and pull every reader."""
        for number in range(10):
            (self._place / f"card{number}").unlink(missing_ok=True)
            (self._place / f"type{number}").unlink(missing_ok=True)
            self.unplug(number)

    def _tell(self, message: str) -> None:
        pipe = os.open(self._place / "pipe", os.O_WRONLY)
        try:
            os.write(pipe, message.encode())
        finally:
            os.close(pipe)


def name_of(interface: str, reader: int = 0, slot: int = 0) -> str:
    """What pcscd calls a plugged reader; readers are numbered by when they came, in hexadecimal."""
    return f"{MODEL} [{interface}] {reader:02X} {slot:02X}"


@contextmanager
def usb_readers(daemon: Pcscd) -> Iterator[UsbReaders]:
    """Restarts a pcscd as one that knows such readers, none plugged in yet; afterwards it is as before.

    No second pcscd: the client library keeps the socket it used first for as long as a process lives.
    """
    bundle, place, inside = daemon.drivers / "plug.bundle", daemon.drivers / "plug", DRIVER_FOLDER.parent
    (bundle / "Contents" / "Linux").mkdir(parents=True)
    (bundle / "Contents" / "Info.plist").write_text(INFO)
    place.mkdir()
    os.mkfifo(place / "pipe")
    _compile(bundle / "Contents" / "Linux" / "libplug.so")
    _compile(place / "libudev.so", "-DUDEV")
    daemon.stop()
    daemon.variables["LD_PRELOAD"] = str(inside / "plug" / "libudev.so")
    try:
        assert daemon.start(), "pcscd did not come up with the test's USB readers"
        yield UsbReaders(daemon)
    finally:
        daemon.stop()
        del daemon.variables["LD_PRELOAD"]
        shutil.rmtree(bundle)
        shutil.rmtree(place)
        assert daemon.start(), "pcscd did not come up again"


def _compile(library: Path, *options: str) -> None:
    asked = ["pkg-config", "--cflags", "libpcsclite"]
    include = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    place = f'-DPLACE="{DRIVER_FOLDER.parent}/plug"'
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", place, *options, *include, "-o", library, SOURCE], check=True)
