"""Debian's emulator of a passport (`vicc --type ePass`) as a card: `/usr/bin/python3 card.py FOLDER PORT`.

What FOLDER holds stands in tests/peers/card_process.py; `card.json` may give the 24 characters of the MRZ information
(`mrz`), `short_ids` and `leaves_at` (file, offset). Cipher, checksum, key derivation, basic access control, secure
messaging and file system are the emulator's own. It was never run on Python 3 with this kind of card: `repair` mends
at run time what stands in the way (chip.md 2.2). Imports nothing of product or sandbox.
"""

import json
import logging
import os
import socket
import sys
from pathlib import Path

PLACES = ("/usr/lib/python3/site-packages/virtualsmartcard", "/usr/lib/python3/dist-packages")
APPLET = bytes.fromhex("A0000002471001")
LEFT = 0  # exit code of a card that left the reader, as it was told to


def find_packages() -> None:
    """Debian keeps the emulator where Python does not look, and its library under another name."""
    sys.path[:0] = PLACES
    import Cryptodome
    import Cryptodome.Cipher
    import Cryptodome.Hash

    sys.modules["Crypto"] = Cryptodome
    sys.modules["Crypto.Cipher"] = Cryptodome.Cipher
    sys.modules["Crypto.Hash"] = Cryptodome.Hash


find_packages()

from virtualsmartcard import CryptoUtils, SEutils, TLVutils, utils  # noqa: E402
from virtualsmartcard import VirtualSmartcard as emulator  # noqa: E402
from virtualsmartcard.cards.ePass import PassportSAM  # noqa: E402
from virtualsmartcard.SmartcardFilesystem import DF, MF, TransparentStructureEF  # noqa: E402


def repair() -> None:
    """Everything that keeps the emulator from running, mended; what it computes stays its own."""
    in_text = CryptoUtils.strip_padding
    to_number = SEutils.stringtoint
    to_octets = CryptoUtils.inttostring
    # Exclusive or of two byte strings: wants characters.
    CryptoUtils.operation_on_string = lambda one, other, operation: bytes(map(operation, one, other))
    # The send sequence counter loses its leading zeros: with one card in 256 nothing would fit.
    CryptoUtils.inttostring = lambda number: to_octets(number, 8)
    # Data objects are put together as text.
    TLVutils.pack = SEutils.pack = SEutils.bertlv_pack = pack
    # Reading a protected command: pieces are joined as text, so give it text, and take text for bytes afterwards.
    SEutils.vsCrypto.strip_padding = lambda *given: in_text(*given).decode("latin-1")
    SEutils.stringtoint = lambda data: data if isinstance(data, int) else to_number(data)
    utils.C_APDU.data = property(utils.C_APDU._getdata, set_data)
    # Protecting an answer: mixes text and bytes, leaves the status word out, and the checksum where it is not 9000.
    SEutils.Security_Environment.protect_response = protect_response
    # Dumps that nobody asked for cost more than the cryptography.
    for module in (emulator, utils, sys.modules["virtualsmartcard.SmartcardSAM"]):
        module.hexdump = lambda *_args, **_options: ""


def pack(objects, recalculate_length=False):
    """Data objects (tag, length, value or further objects) in BER."""
    packed = b""
    for tag, _, value, *_ in objects:
        content = value if isinstance(value, bytes) else pack(value, recalculate_length)
        size, wide = len(content), (len(content).bit_length() + 7) // 8
        length = bytes([size]) if size < 0x80 else bytes([0x80 | wide]) + size.to_bytes(wide, "big")
        packed += tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length + content
    return packed


def set_data(command, value) -> None:
    """The data of a command: octets as text, as numbers or as they are."""
    command._data = value.encode("latin-1") if isinstance(value, str) else bytes(value)
    command.Lc = len(command._data)


def protect_response(environment, status, answer):
    """Cryptogram, status word, checksum (ICAO Doc 9303-11, 9.8.4), by the emulator's own cipher and checksum."""
    body = b""
    if answer:
        cryptogram = b"\x01" + environment.encipher(0x82, 0x80, answer)
        body = pack([(0x87, len(cryptogram), cryptogram)])
    body += pack([(0x99, 2, status.to_bytes(2, "big"))])
    padded = CryptoUtils.append_padding(environment.cct.blocklength, body)
    checksum = environment.compute_cryptographic_checksum(0x8E, 0x80, padded)
    return status, body + pack([(0x8E, len(checksum), checksum)])


class Passport(emulator.Iso7816OS):
    """The emulator's card, made anew from the folder whenever its power comes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.powerUp()

    def powerUp(self) -> None:
        self._life = self._folder / (self._folder / "current").read_text()
        self._settings = json.loads((self._life / "card.json").read_text())
        self._note("power")
        super().__init__(*self._make())
        self._watch()
        super().powerUp()

    reset = powerUp

    def _make(self):
        """File system and security of the card. It has no place for a PACE, an EF.CardAccess or access rights."""
        short_ids = self._settings.get("short_ids", True)
        master = MF()
        application = DF(parent=master, fid=4, dfname=APPLET, bertlv_data=[])
        for path in sorted(self._life.glob("*.bin")):
            number = int(path.stem, 16)
            application.append(
                TransparentStructureEF(
                    parent=application,
                    fid=number,
                    shortfid=number & 0x1F if short_ids else 0,
                    data=path.read_bytes(),
                )
            )
        master.append(application)
        security = PassportSAM(master)
        information = self._settings.get("mrz")
        if information is not None:
            # The emulator takes its keys from the second line of a passport; this document has another form.
            security.mrz2 = f"{information[:10]}<<<{information[10:17]}<{information[17:]}".encode()
            security._PassportSAM__computeKeys()
        return master, security

    def _watch(self) -> None:
        """Note every command on its way to its handler."""
        self._secure = False
        unprotect = self.SAM.parse_SM_CAPDU

        def parse(command, header_authentication):
            self._secure = True
            plain = unprotect(command, header_authentication)
            self._wanted = plain.effective_Le or 0
            return plain

        self.SAM.parse_SM_CAPDU = parse
        self.ins2handler = {ins: self._watched(ins, handler) for ins, handler in self.ins2handler.items()}

    def _watched(self, ins, handler):
        def handle(p1, p2, data):
            how = "secure" if self._secure else "plain"
            octets = data.encode("latin-1") if isinstance(data, str) else bytes(data)
            self._note(f"{how} {bytes([0, ins, p1, p2]).hex()} {octets.hex()} {self._wanted}")
            leaves_at = self._settings.get("leaves_at")
            if leaves_at is not None and ins == 0xB0 and self._reads(p1, p2, *leaves_at):
                os._exit(LEFT)
            return handler(p1, p2, data)

        return handle

    def _reads(self, p1, p2, file, offset) -> bool:
        current = self.mf.currentEF()
        if p1 & 0x80:
            return p1 & 0x1F == file & 0x1F and p2 >= offset
        return current is not None and current.fid == file and p1 << 8 | p2 >= offset

    def execute(self, msg):
        self._secure, self._wanted = False, 0
        return super().execute(msg)

    def _note(self, line: str) -> None:
        with (self._life / "commands").open("a") as notes:
            notes.write(f"{line}\n")


class PromptSocket(socket.socket):
    """Confirms at once what it received: vpcd sends each APDU in two halves, 44 ms apart otherwise (chip.md 2.1)."""

    def recv(self, count: int) -> bytes:
        data = super().recv(count, socket.MSG_WAITALL)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


def connect(host: str, port: int) -> socket.socket:
    connection = PromptSocket(socket.AF_INET, socket.SOCK_STREAM)
    connection.connect((host, port))
    return connection


def main(folder: Path, port: int) -> None:
    repair()
    passport = Passport(folder)
    emulator.CardGenerator.getCard = lambda _generator: (passport.mf, passport.SAM)  # else it asks on the terminal
    emulator.VirtualICC.connectToPort = staticmethod(connect)
    reader = emulator.VirtualICC(None, "ePass", "127.0.0.1", port, logginglevel=logging.CRITICAL)
    reader.os = passport
    reader.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
