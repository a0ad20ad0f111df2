"""Reading elementary files in as few commands as the card allows (ICAO Doc 9303-10, 3.11; chip.md 3.5 and 3.6).

First block by short file identifier, its header tells the length, the rest by offset. Whatever the card refuses is
tried the next plainer way, remembered for the following files, and never more often than there are ways. Must not
know what stands in the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from reader.chip import apdu, tlv
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.errors import CardBroken

HEADER_MAX = 6  # two bytes of tag, four of length
SECURE_LE = (
    223,
    192,
    160,
    128,
    112,
    64,
    32,
)  # largest answer that fits a short APDU under AES, downwards (chip.md 3.5)
PLAIN_LE = (256, *SECURE_LE)
SIZE_COMPLAINTS = {apdu.WRONG_LENGTH}
# The card has no such file or does not give it out; asking in another way changes nothing.
ABSENT = {apdu.FILE_NOT_FOUND, apdu.SECURITY_STATUS_NOT_SATISFIED, 0x6983, 0x6A83, 0x6A88}


@dataclass(frozen=True)
class ElementaryFile:
    """One file of the LDS1 application: identifiers, tag of its only data object, most bytes we accept."""

    name: str
    file_id: int
    tag: int
    limit: int

    @property
    def short_id(self) -> int:
        """Five low bits of the file identifier (Doc 9303-10, table 38)."""
        return self.file_id & 0x1F


CARD_ACCESS = ElementaryFile("card_access", 0x011C, 0x31, 4 << 10)
COM = ElementaryFile("com", 0x011E, 0x60, 1 << 10)
SOD = ElementaryFile("sod", 0x011D, 0x77, 256 << 10)
DG1 = ElementaryFile("dg1", 0x0101, 0x61, 1 << 10)
DG2 = ElementaryFile("dg2", 0x0102, 0x75, 1 << 20)
DG13 = ElementaryFile("dg13", 0x010D, 0x6D, 64 << 10)
DG14 = ElementaryFile("dg14", 0x010E, 0x6E, 64 << 10)
DG15 = ElementaryFile("dg15", 0x010F, 0x6F, 64 << 10)


@dataclass(frozen=True)
class Plan:
    """How to read: by short identifiers or by SELECT, and the lengths to ask for, best first (never empty)."""

    sizes: tuple[int, ...]
    short_ids: bool = True

    def smaller(self) -> "Plan | None":
        """The same with the next smaller block; None when there is none."""
        return replace(self, sizes=self.sizes[1:]) if len(self.sizes) > 1 else None

    def selecting(self) -> "Plan | None":
        """The same without short identifiers; None when that is what it does already."""
        return replace(self, short_ids=False) if self.short_ids else None

    def at_most(self, size: int) -> "Plan":
        """The same with no block larger than `size`, the card's own word."""
        return replace(self, sizes=(size, *(smaller for smaller in self.sizes if smaller < size)))


class NotReadable(Exception):
    """The card has no such file or does not give it out; `sw` says why. Stays inside the chip package."""

    def __init__(self, file: ElementaryFile, sw: int) -> None:
        super().__init__(f"{file.name} {sw:04X}")
        self.file = file
        self.sw = sw


class SessionLost(Exception):
    """The card left secure messaging while `file` was read. `plan` is the next plainer way, None when there is none."""

    def __init__(self, file: ElementaryFile, plan: Plan | None, cause: LeftSecureMessaging) -> None:
        super().__init__(f"{file.name} {cause.sw:04X}")
        self.file = file
        self.plan = plan
        self.cause = cause


class FileReader:
    """Reads files over one channel; `plan` is what the card has accepted so far."""

    def __init__(self, channel: Sender, plan: Plan) -> None:
        self._channel = channel
        self.plan = plan

    def read(self, file: ElementaryFile) -> bytes:
        """The whole file: exactly the bytes its header announces.

        Raises NotReadable, SessionLost, CardBroken (wrong tag, too large, ends early, never ends), and what the
        channel raises.
        """
        accepted = self.plan
        try:
            data = bytearray(self._first_block(file))
        except NotReadable:
            self.plan = accepted  # what it tried on a file that is not there says nothing about the others
            raise
        header = self._header(file, data)
        if header.tag != file.tag:
            raise CardBroken(where=f"{file.name}.tag")
        total = header.size + header.length
        if total > file.limit:
            raise CardBroken(where=f"{file.name}.length")
        while len(data) < total:
            data += self._block(file, len(data), total - len(data))
        return bytes(data[:total])

    def _header(self, file: ElementaryFile, data: bytearray) -> tlv.Header:
        """Tag and length; a card that gives a few bytes at a time is asked until they are there."""
        while len(data) < HEADER_MAX:
            try:
                return tlv.read_header(bytes(data), file.name)
            except CardBroken:
                data += self._block(file, len(data), HEADER_MAX - len(data))
        return tlv.read_header(bytes(data), file.name)

    def _first_block(self, file: ElementaryFile) -> bytes:
        if self.plan.short_ids:
            response = self._sized(file, lambda size: apdu.read_by_short_id(file.short_id, size), apdu.EXTENDED_LE_MAX)
            if response.data:
                return response.data
            if response.sw != apdu.FILE_NOT_FOUND:
                self.plan = replace(self.plan, short_ids=False)
        selected = self._send(file, apdu.select_file(file.file_id), None)
        if selected.sw != apdu.OK:
            raise NotReadable(file, selected.sw)
        return self._block(file, 0, apdu.EXTENDED_LE_MAX)

    def _block(self, file: ElementaryFile, offset: int, wanted: int) -> bytes:
        """Some bytes of the current file from `offset`, at least one. A file without a first byte is NotReadable."""
        odd = offset > 0x7FFF
        # The odd instruction wraps its answer in a data object of up to four bytes of header.
        most = wanted + 4 if odd else wanted
        response = self._sized(file, lambda size: apdu.read_current(offset, size), most)
        if not response.data:
            if offset == 0:
                raise NotReadable(file, response.sw)
            raise CardBroken(where=f"{file.name}.truncated", sw=f"{response.sw:04X}")
        data = _discretionary_data(response.data, file) if odd else response.data
        if not data:
            raise CardBroken(where=f"{file.name}.truncated")
        return data

    def _sized(self, file: ElementaryFile, command: Callable[[int], Command], most: int) -> Response:
        """Send with ever smaller Le until the card gives data, refuses for another reason, or no smaller is left.

        Without data the response is a refusal. The size that worked stays in the plan.
        """
        while True:
            response = self._send(file, command(min(self.plan.sizes[0], most)), self.plan.smaller())
            if response.sw >> 8 == 0x6C and response.sw & 0xFF:
                exact = response.sw & 0xFF
                response = self._send(file, command(min(exact, most)), self.plan.smaller())
                if exact < most < apdu.EXTENDED_LE_MAX:
                    # More than that is known to be there, so it is the card's limit and not the file's end.
                    self.plan = self.plan.at_most(exact)
            if response.data and response.sw in (apdu.OK, apdu.END_OF_FILE):
                return response
            empty = not response.data and response.sw == apdu.OK
            if not empty and response.sw not in SIZE_COMPLAINTS and response.sw >> 8 != 0x6C:
                return Response(b"", response.sw)
            smaller = self.plan.smaller()
            if smaller is None:
                return Response(b"", response.sw)
            self.plan = smaller

    def _send(self, file: ElementaryFile, command: Command, smaller: Plan | None) -> Response:
        try:
            return self._channel.send(command)
        except LeftSecureMessaging as left:
            by_short_id = command.ins == 0xB0 and bool(command.p1 & 0x80)
            about_size = left.sw in SIZE_COMPLAINTS or left.sw >> 8 == 0x6C
            if by_short_id and not about_size:
                plainer = self.plan.selecting()
            else:
                plainer = None if left.sw in ABSENT else smaller
            raise SessionLost(file, plainer, left) from None


def _discretionary_data(answer: bytes, file: ElementaryFile) -> bytes:
    """What the odd READ BINARY wraps its bytes in (ISO/IEC 7816-4, 7.2.3)."""
    return tlv.read_one(answer, 0x53, f"{file.name}.block")
