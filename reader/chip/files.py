"""Reading elementary files in as few commands as card and reader allow (ICAO Doc 9303-10, 3.11; chip.md 3.5 and 3.6).

First block by short file identifier, its header tells the length, the rest by offset, no byte twice: what was read
before a session was lost is kept. Whatever is refused is tried the next plainer way, remembered for the following
files, and never more often than there are ways. Must not know what stands in the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from reader import tlv
from reader.chip import apdu
from reader.chip.apdu import Command, Response
from reader.chip.channel import Sender
from reader.chip.plan import Plan
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.transport import NotTransmitted
from reader.errors import CardBroken

HEADER_MAX = 6  # two bytes of tag, four of length
SESSION_ENDED = {0x6987, 0x6988}  # secure messaging objects missing or wrong: the card no longer knows the session
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


# Under the master file.
CARD_ACCESS = ElementaryFile("card_access", 0x011C, 0x31, 4 << 10)
CARD_SECURITY = ElementaryFile("card_security", 0x011D, 0x30, 64 << 10)
# Under the LDS1 application. DG3 and DG4 (fingers, iris) are never asked for: they need the right of a state.
COM = ElementaryFile("com", 0x011E, 0x60, 1 << 10)
SOD = ElementaryFile("sod", 0x011D, 0x77, 256 << 10)
DG1 = ElementaryFile("dg1", 0x0101, 0x61, 1 << 10)
DG2 = ElementaryFile("dg2", 0x0102, 0x75, 1 << 20)
DG7 = ElementaryFile("dg7", 0x0107, 0x67, 256 << 10)
DG11 = ElementaryFile("dg11", 0x010B, 0x6B, 64 << 10)
DG12 = ElementaryFile("dg12", 0x010C, 0x6C, 64 << 10)
DG13 = ElementaryFile("dg13", 0x010D, 0x6D, 64 << 10)
DG14 = ElementaryFile("dg14", 0x010E, 0x6E, 64 << 10)
DG15 = ElementaryFile("dg15", 0x010F, 0x6F, 64 << 10)
LDS = (COM, SOD, DG1, DG2, DG7, DG11, DG12, DG13, DG14, DG15)
GROUP_NUMBERS = {file.name: file.file_id & 0xFF for file in LDS if file.name.startswith("dg")}


class NotReadable(Exception):
    """The card has no such file or does not give it out; `sw` says why. Stays inside the chip package."""

    def __init__(self, file: ElementaryFile, sw: int) -> None:
        super().__init__(f"{file.name} {sw:04X}")
        self.file = file
        self.sw = sw


class SessionLost(Exception):
    """The session ended while `file` was read: the card left secure messaging, or the reader could not carry it.

    `plan` is the next plainer way, None when there is none. `cause` is what happened.
    """

    def __init__(self, file: ElementaryFile, plan: Plan | None, cause: LeftSecureMessaging | NotTransmitted) -> None:
        super().__init__(f"{file.name} {cause}")
        self.file = file
        self.plan = plan
        self.cause = cause


@dataclass
class Bag:
    """What a reading has read so far, over every session: whole files, and beginnings of files, by name."""

    whole: dict[str, bytes] = field(default_factory=dict)
    begun: dict[str, bytearray] = field(default_factory=dict)


class FileReader:
    """Reads files over one channel into a bag; `plan` is what card and reader have accepted so far.

    `protected`: the channel is under secure messaging, so that there is a session to lose.
    """

    def __init__(self, channel: Sender, plan: Plan, bag: Bag | None = None, *, protected: bool = True) -> None:
        self._channel = channel
        self._bag = bag if bag is not None else Bag()
        self._protected = protected
        self.plan = plan

    def read(self, file: ElementaryFile) -> bytes:
        """The whole file: exactly the bytes its header announces.

        Raises NotReadable, SessionLost, CardBroken (wrong tag, too large, ends early, never ends), and what the
        channel raises.
        """
        if file.name in self._bag.whole:
            return self._bag.whole[file.name]
        data = self._bag.begun.get(file.name)
        if data:
            self._select(file)  # the file is the current one again, and reading goes on where it ended
        else:
            data = self._begin(file)
        header = self._header(file, data)
        if header.tag != file.tag:
            raise CardBroken(where=f"{file.name}.tag")
        total = header.size + header.length
        if total > file.limit:
            raise CardBroken(where=f"{file.name}.length")
        while len(data) < total:
            data += self._block(file, len(data), total - len(data))
        self._bag.begun.pop(file.name, None)
        self._bag.whole[file.name] = bytes(data[:total])
        return self._bag.whole[file.name]

    def _begin(self, file: ElementaryFile) -> bytearray:
        accepted = self.plan
        try:
            data = bytearray(self._first_block(file))
        except NotReadable:
            self.plan = accepted  # what it tried on a file that is not there says nothing about the others
            raise
        self._bag.begun[file.name] = data
        return data

    def _header(self, file: ElementaryFile, data: bytearray) -> tlv.Header:
        """Tag and length; a card that gives a few bytes at a time is asked until they are there."""
        while len(data) < HEADER_MAX:
            try:
                return tlv.read_header(bytes(data), file.name)
            except CardBroken:
                data += self._block(file, len(data), HEADER_MAX - len(data))
        return tlv.read_header(bytes(data[:HEADER_MAX]), file.name)

    def _first_block(self, file: ElementaryFile) -> bytes:
        if self.plan.short_ids:
            response = self._sized(
                file, lambda size: apdu.read_by_short_id(file.short_id, size), apdu.EXTENDED_LE_MAX, by_short_id=True
            )
            if response.data:
                return response.data
            if response.sw != apdu.FILE_NOT_FOUND:
                self.plan = self.plan.selecting() or self.plan
        self._select(file)
        return self._block(file, 0, apdu.EXTENDED_LE_MAX)

    def _select(self, file: ElementaryFile) -> None:
        selected = self._send(file, apdu.select_file(file.file_id), None)
        if selected.sw != apdu.OK:
            raise NotReadable(file, selected.sw)

    def _block(self, file: ElementaryFile, offset: int, wanted: int) -> bytes:
        """Some bytes of the current file from `offset`, at least one. A file without a first byte is NotReadable."""
        odd = offset > 0x7FFF
        # The odd instruction wraps its answer in a data object of up to four bytes of header.
        most = wanted + 4 if odd else wanted
        response = self._sized(file, lambda size: apdu.read_current(offset, size), most, by_short_id=False)
        if not response.data:
            if offset == 0:
                raise NotReadable(file, response.sw)
            raise CardBroken(where=f"{file.name}.truncated", sw=f"{response.sw:04X}")
        data = _discretionary_data(response.data, file) if odd else response.data
        if not data:
            raise CardBroken(where=f"{file.name}.truncated")
        return data

    def _sized(
        self, file: ElementaryFile, command: Callable[[int], Command], most: int, *, by_short_id: bool
    ) -> Response:
        """Send with ever smaller Le until the card gives data, refuses for another reason, or no smaller is left.

        Without data the response is a refusal. The size that worked stays in the plan, and grows where there is more.
        """
        while True:
            asked = min(self.plan.size, most)
            response = self._send(file, command(asked), self.plan.after_refusal(asked))
            if response.sw >> 8 == 0x6C and response.sw & 0xFF:
                exact = response.sw & 0xFF
                response = self._send(file, command(min(exact, most)), self.plan.smaller())
                if exact < most < apdu.EXTENDED_LE_MAX and (response.data or exact < self.plan.size):
                    # More than that is known to be there, so it is the card's limit and not the file's end. Without
                    # data the size must shrink by it, or a card that always says 6CFF would be asked for ever.
                    self.plan = self.plan.at_most(exact)
            if response.data and response.sw in (apdu.OK, apdu.END_OF_FILE):
                if len(response.data) >= asked:
                    self.plan = self.plan.grown(asked)
                return response
            if not self._about_size(response, asked, by_short_id):
                return Response(b"", response.sw)
            smaller = self.plan.smaller()
            if smaller is None:
                return Response(b"", response.sw)
            self.plan = smaller

    @staticmethod
    def _about_size(response: Response, asked: int, by_short_id: bool) -> bool:
        """Whether asking for less may help: the card says so, gives nothing, or dislikes a long command."""
        if not response.data and response.sw == apdu.OK:
            return True
        if is_size_complaint(response.sw):
            return True
        return asked > apdu.SHORT_LE_MAX and not by_short_id and response.sw not in ABSENT

    def _send(self, file: ElementaryFile, command: Command, smaller: Plan | None) -> Response:
        try:
            response = self._channel.send(command)
            if self._protected and response.sw in SESSION_ENDED:  # told with the last of the keys
                raise LeftSecureMessaging(response.sw)
            return response
        except NotTransmitted as failed:
            raise SessionLost(file, self.plan.after_transmission_failed(), failed) from None
        except LeftSecureMessaging as left:
            # After a file was read by short identifier, a lost session is no word about short identifiers.
            by_short_id = command.ins == 0xB0 and bool(command.p1 & 0x80)
            if is_size_complaint(left.sw):
                plainer = smaller
            elif by_short_id and not (left.sw in SESSION_ENDED and self._bag.whole):
                plainer = self.plan.selecting()
            else:
                plainer = None if left.sw in ABSENT or left.sw in SESSION_ENDED else smaller
            raise SessionLost(file, plainer, left) from None


def is_size_complaint(sw: int) -> bool:
    """6700 and 6Cxx: the length is what the card does not like."""
    return sw == apdu.WRONG_LENGTH or sw >> 8 == 0x6C


def _discretionary_data(answer: bytes, file: ElementaryFile) -> bytes:
    """What the odd READ BINARY wraps its bytes in (ISO/IEC 7816-4, 7.2.3)."""
    return tlv.read_one(answer, 0x53, f"{file.name}.block")
