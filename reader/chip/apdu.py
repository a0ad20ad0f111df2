"""Command and response APDUs (ISO/IEC 7816-4, 5.1), short and extended, and the status words by name.

Pure data: must not import a transport or know about secure messaging.
"""

from dataclasses import dataclass, replace

from reader.errors import CardBroken

SHORT_LC_MAX = 255
SHORT_LE_MAX = 256
EXTENDED_LE_MAX = 65536
CHAINING = 0x10  # class bit: not the last command of a chain (ISO/IEC 7816-4, 5.3.3)

OK = 0x9000
END_OF_FILE = 0x6282
WRONG_LENGTH = 0x6700
SECURITY_STATUS_NOT_SATISFIED = 0x6982
CONDITIONS_NOT_SATISFIED = 0x6985
FILE_NOT_FOUND = 0x6A82

STATUS_NAMES = {
    0x9000: "ok",
    0x6281: "data_may_be_corrupted",
    0x6282: "end_of_file_before_le",
    0x6300: "authentication_failed",
    0x6700: "wrong_length",
    0x6881: "channel_not_supported",
    0x6882: "secure_messaging_not_supported",
    0x6883: "last_command_of_chain_expected",
    0x6884: "chaining_not_supported",
    0x6982: "security_status_not_satisfied",
    0x6983: "authentication_blocked",
    0x6984: "reference_data_not_usable",
    0x6985: "conditions_not_satisfied",
    0x6986: "no_current_file",
    0x6987: "secure_messaging_objects_missing",
    0x6988: "secure_messaging_objects_wrong",
    0x6A80: "wrong_data",
    0x6A81: "function_not_supported",
    0x6A82: "file_not_found",
    0x6A86: "wrong_p1_p2",
    0x6A88: "reference_not_found",
    0x6B00: "offset_outside_file",
    0x6D00: "instruction_not_supported",
    0x6E00: "class_not_supported",
    0x6F00: "unknown_error",
}


def status_name(sw: int) -> str:
    """The name of a status word, for logs of technicians (ISO/IEC 7816-4, 5.1.3)."""
    if sw >> 8 == 0x61:
        return "more_data_available"
    if sw >> 8 == 0x6C:
        return "wrong_le"
    if sw & 0xFFF0 == 0x63C0:
        return "attempts_left"
    return STATUS_NAMES.get(sw, "unnamed")


@dataclass(frozen=True)
class Command:
    """One command. `le` is the number of bytes wanted (256 and 65536: all there are), None: none wanted."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    @property
    def header(self) -> bytes:
        """CLA, INS, P1, P2."""
        return bytes([self.cla, self.ins, self.p1, self.p2])

    def with_le(self, le: int) -> "Command":
        """The same command with another length wanted."""
        return replace(self, le=le)

    def encode(self) -> bytes:
        """The bytes of the command: short form where both lengths fit, else extended (ISO/IEC 7816-4, 5.1)."""
        if len(self.data) <= SHORT_LC_MAX and (self.le or 0) <= SHORT_LE_MAX:
            lc = bytes([len(self.data)]) if self.data else b""
            le = b"" if self.le is None else bytes([self.le & 0xFF])
            return self.header + lc + self.data + le
        if len(self.data) > 0xFFFF or (self.le or 0) > EXTENDED_LE_MAX:
            raise ValueError("command APDU too long")
        lc = b"\0" + len(self.data).to_bytes(2, "big") if self.data else b""
        if self.le is None:
            return self.header + lc + self.data
        le = (self.le & 0xFFFF).to_bytes(2, "big")
        return self.header + lc + self.data + (le if lc else b"\0" + le)


@dataclass(frozen=True)
class Response:
    """One response: data and status word."""

    data: bytes
    sw: int

    @property
    def attempts_left(self) -> int | None:
        """Tries that remain, when the card tells (63Cx)."""
        return self.sw & 0x0F if self.sw & 0xFFF0 == 0x63C0 else None


def parse_response(raw: bytes) -> Response:
    """Split a response APDU. Raises CardBroken when it has no status word or is longer than any APDU may be."""
    if not 2 <= len(raw) <= EXTENDED_LE_MAX + 2:
        raise CardBroken(where="apdu.response")
    return Response(bytes(raw[:-2]), int.from_bytes(raw[-2:], "big"))


def chained(command: Command, size: int = SHORT_LC_MAX) -> list[Command]:
    """The command as a chain that needs no extended length (ISO/IEC 7816-4, 5.3.3): `size` bytes of data in each.

    All but the last carry the chaining bit and want no answer; the last is the command itself with what is left of
    the data. A command that is short enough is its own chain. Under secure messaging the parts are protected one by
    one: cut first, then protect.
    """
    wanted = None if command.le is None else min(command.le, SHORT_LE_MAX)
    cuts = range(0, max(len(command.data) - size, 0), size)
    parts = [replace(command, cla=command.cla | CHAINING, data=command.data[at : at + size], le=None) for at in cuts]
    return [*parts, replace(command, data=command.data[len(parts) * size :], le=wanted)]


def select_applet(aid: bytes) -> Command:
    """SELECT by application identifier, no answer wanted: some documents refuse a Le here (chip.md 3.6)."""
    return Command(0x00, 0xA4, 0x04, 0x0C, aid)


def select_master_file() -> Command:
    """SELECT the master file, no answer wanted; many cards know no such command (card.md 7)."""
    return Command(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")


def select_file(file_id: int) -> Command:
    """SELECT an elementary file under the current application, no answer wanted."""
    return Command(0x00, 0xA4, 0x02, 0x0C, file_id.to_bytes(2, "big"))


def read_by_short_id(short_id: int, le: int) -> Command:
    """READ BINARY from offset 0 of the file with this short identifier, which becomes the current file."""
    return Command(0x00, 0xB0, 0x80 | short_id, 0x00, b"", le)


def read_current(offset: int, le: int) -> Command:
    """READ BINARY of the current file; beyond 15 bits of offset the odd instruction with its offset data object."""
    if offset <= 0x7FFF:
        return Command(0x00, 0xB0, offset >> 8, offset & 0xFF, b"", le)
    digits = offset.to_bytes(3 if offset > 0xFFFF else 2, "big")
    return Command(0x00, 0xB1, 0x00, 0x00, bytes([0x54, len(digits)]) + digits, le)
