"""Command APDUs as a card sees them (ISO/IEC 7816-3, 12.1: all seven cases), and the status words it answers with."""

from dataclasses import dataclass, replace

OK = 0x9000
END_OF_FILE = 0x6282
WRONG_LENGTH = 0x6700
CHAINING_NOT_SUPPORTED = 0x6884
SECURITY_STATUS = 0x6982
BLOCKED = 0x6983
CONDITIONS_NOT_SATISFIED = 0x6985
NO_CURRENT_FILE = 0x6986
SM_OBJECTS_MISSING = 0x6987
SM_OBJECTS_WRONG = 0x6988
WRONG_DATA = 0x6A80
FILE_NOT_FOUND = 0x6A82
WRONG_P1_P2 = 0x6A86
REFERENCE_NOT_FOUND = 0x6A88
WRONG_OFFSET = 0x6B00
INS_NOT_SUPPORTED = 0x6D00
CLA_NOT_SUPPORTED = 0x6E00


class BadCommand(ValueError):
    """Bytes that are no command APDU."""


@dataclass(frozen=True)
class Command:
    """One command. `expected` is Ne in bytes, 0 when no Le was sent; `whole` marks an Le of all zeros."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int = 0
    whole: bool = False
    extended: bool = False

    @property
    def header(self) -> bytes:
        return bytes([self.cla, self.ins, self.p1, self.p2])

    @property
    def p1p2(self) -> int:
        return self.p1 << 8 | self.p2


@dataclass(frozen=True)
class Reply:
    """What the card answers: data and status word."""

    status: int
    data: bytes = b""

    def encoded(self) -> bytes:
        return self.data + self.status.to_bytes(2, "big")


def parse(raw: bytes) -> Command:
    """Take a command APDU apart. Raises BadCommand when its lengths do not add up."""
    if len(raw) < 4:
        raise BadCommand("shorter than a header")
    cla, ins, p1, p2 = raw[:4]
    body = raw[4:]
    if not body:
        return Command(cla, ins, p1, p2)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, expected=body[0] or 256, whole=body[0] == 0)
    if body[0]:
        return _short(Command(cla, ins, p1, p2), body)
    return _extended(Command(cla, ins, p1, p2, extended=True), body)


def _short(head: Command, body: bytes) -> Command:
    count = body[0]
    data, rest = body[1 : 1 + count], body[1 + count :]
    if len(data) != count or len(rest) > 1:
        raise BadCommand("Lc does not fit")
    expected = (rest[0] or 256) if rest else 0
    return replace(head, data=data, expected=expected, whole=rest == b"\x00")


def _extended(head: Command, body: bytes) -> Command:
    if len(body) < 3:
        raise BadCommand("extended length cut off")
    number = int.from_bytes(body[1:3], "big")
    if len(body) == 3:
        return replace(head, expected=number or 65536, whole=number == 0)
    data, rest = body[3 : 3 + number], body[3 + number :]
    if not number or len(data) != number or len(rest) not in (0, 2):
        raise BadCommand("extended Lc does not fit")
    wanted = int.from_bytes(rest, "big")
    expected = (wanted or 65536) if rest else 0
    return replace(head, data=data, expected=expected, whole=bool(rest) and wanted == 0)
