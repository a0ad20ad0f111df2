"""SELECT and READ BINARY: which file may be touched when, what a read gives (ISO/IEC 7816-4; ICAO Doc 9303-10, 3)."""

from sandbox.card import apdu, der, image
from sandbox.card.apdu import Command, Reply
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.session import InTheClear, Session

APPLET = bytes.fromhex("A0000002471001")
SENSITIVE = frozenset({0x0103, 0x0104})  # fingers and iris: terminal authentication only (9303-11, 7)
ALWAYS_READABLE = frozenset({image.CARD_ACCESS, image.ATR_INFO, image.DIR})
_SHORT_IDS_OF_MASTER = {0x01: image.ATR_INFO, 0x1E: image.DIR}  # 9303-10, 3.11


class Filing:
    """The files of one card."""

    def __init__(self, card: CardImage, quirks: Quirks) -> None:
        self._card = card
        self._quirks = quirks

    def select(self, command: Command, session: Session) -> Reply:
        """SELECT by application name, by file identifier, or of the master file."""
        if self._quirks.no_le_on_select and command.expected:
            return Reply(apdu.WRONG_LENGTH)
        match command.p1:
            case 0x04:
                if command.data != APPLET:
                    return Reply(apdu.FILE_NOT_FOUND)
                session.applet, session.current = True, None
                return Reply(apdu.OK)
            case 0x02:
                return self._select_file(command, session)
            case 0x00:
                return self._select_master(command, session)
        return Reply(apdu.WRONG_P1_P2)

    def read_binary(self, command: Command, session: Session) -> Reply:
        """READ BINARY with even instruction: from the current file, or from the first 256 bytes by short file id."""
        quirks = self._quirks
        if not command.p1 & 0x80:
            return self._read(command, session, session.current, command.p1p2)
        if quirks.no_short_file_ids is not None:
            if quirks.short_file_ids_refused_protected:
                return Reply(quirks.no_short_file_ids)
            raise InTheClear(quirks.no_short_file_ids)
        if command.p1 & 0x60:
            return Reply(apdu.WRONG_P1_P2)
        limit = quirks.short_file_id_offset_limit
        if limit is not None and command.p2 > limit:
            return Reply(apdu.WRONG_OFFSET)
        short = command.p1 & 0x1F
        file = _SHORT_IDS_OF_MASTER.get(short) if not session.applet else None
        return self._read(command, session, file or 0x0100 | short, command.p2)

    def read_binary_far(self, command: Command, session: Session) -> Reply:
        """READ BINARY with odd instruction: the offset stands in DO'54', the answer in DO'53' (7816-4, 11.2.3)."""
        try:
            ((tag, offset),) = der.split(command.data)
        except (ValueError, IndexError):
            return Reply(apdu.WRONG_DATA)
        if tag != 0x54 or not 1 <= len(offset) <= 4:
            return Reply(apdu.WRONG_DATA)
        file = session.current if command.p1p2 == 0 else command.p1p2
        session.room -= 2 if session.room < 0x80 else 3 if session.room <= 0x102 else 4
        reply = self._read(command, session, file, int.from_bytes(offset, "big"))
        return Reply(reply.status, der.tlv(0x53, reply.data)) if reply.data else reply

    # Selecting

    def _select_file(self, command: Command, session: Session) -> Reply:
        if len(command.data) != 2:
            return Reply(apdu.WRONG_LENGTH)
        file = int.from_bytes(command.data, "big")
        refused = self._refusal(file, session)
        if refused is None:
            self._make_current(file, session)
        return Reply(refused or apdu.OK)

    def _select_master(self, command: Command, session: Session) -> Reply:
        # Seen on these cards: SELECT of the master file is not known (card.md 7).
        quirks = self._quirks
        allowed = quirks.card_access_needs_master_file is not None or quirks.select_master_file == apdu.OK
        if not allowed:
            return Reply(quirks.select_master_file)
        if command.data not in (b"", image.MASTER_FILE.to_bytes(2, "big")):
            return Reply(apdu.FILE_NOT_FOUND)
        session.applet, session.current, session.master_selected = False, None, True
        return Reply(apdu.OK)

    def _refusal(self, file: int, session: Session) -> int | None:
        """Why this file may not be touched now, as a status word; None when it may."""
        if file == image.CARD_ACCESS:
            refused = self._card_access_refusal(session)
            if refused is not None:
                return refused
        if self._in_master(file, session):
            if file == image.CARD_SECURITY and session.channel is None:
                return apdu.SECURITY_STATUS if file in self._card.master_files else apdu.FILE_NOT_FOUND
            return None if file in self._card.master_files else apdu.FILE_NOT_FOUND
        if file in SENSITIVE and session.channel is not None and self._quirks.sensitive_refusal_ends_session:
            raise InTheClear(apdu.SECURITY_STATUS, ends=True)
        if session.channel is None or file in SENSITIVE:
            return apdu.SECURITY_STATUS
        return None if file in self._card.files else apdu.FILE_NOT_FOUND

    def _card_access_refusal(self, session: Session) -> int | None:
        quirks = self._quirks
        if quirks.card_access_refused_before_applet is not None and not session.applet:
            return quirks.card_access_refused_before_applet
        if not session.master_selected and quirks.card_access_needs_master_file is not None:
            return quirks.card_access_needs_master_file
        return quirks.card_access_refused

    def _in_master(self, file: int, session: Session) -> bool:
        # EF.CardAccess is found from inside the application too (NFCPassportReader #219).
        return not session.applet or file == image.CARD_ACCESS

    def _make_current(self, file: int, session: Session) -> None:
        session.current, session.current_in_master = file, self._in_master(file, session)

    # Reading

    def _read(self, command: Command, session: Session, file: int | None, offset: int) -> Reply:
        if file is None:
            return Reply(apdu.NO_CURRENT_FILE)
        refused = self._refusal(file, session)
        if refused is not None:
            return Reply(refused)
        self._make_current(file, session)
        quirks = self._quirks
        if quirks.endless_61xx:
            return Reply(0x61FF)
        if quirks.max_le is not None and command.expected > quirks.max_le and not command.whole:
            status = 0x6C00 | quirks.max_le & 0xFF if quirks.exact_le else apdu.WRONG_LENGTH
            if quirks.max_le_in_clear:
                raise InTheClear(status)
            return Reply(status)
        if quirks.zero_bytes_for_big_le is not None and command.expected > quirks.zero_bytes_for_big_le:
            return Reply(apdu.OK)
        if not command.expected:
            return Reply(apdu.WRONG_LENGTH)
        return self._content(file, 0 if quirks.repeats_first_block else offset, command, session)

    def _content(self, file: int, offset: int, command: Command, session: Session) -> Reply:
        quirks = self._quirks
        wanted = min(command.expected, quirks.most_bytes_per_reply or command.expected, session.room)
        wanted += quirks.extra_bytes_per_reply
        content = (self._card.master_files if session.current_in_master else self._card.files)[file]
        octets = self._false_length(file)
        if octets is not None:
            content = _with_length(content, octets)
        endless = octets is not None or quirks.never_ends
        if offset > len(content) and not endless:
            return Reply(apdu.WRONG_OFFSET)
        piece = content[offset : offset + wanted]
        if endless or quirks.extra_bytes_per_reply:
            return Reply(apdu.OK, piece + bytes(wanted - len(piece)))
        ended = len(piece) < wanted and not command.whole and not quirks.silent_end
        return Reply(apdu.END_OF_FILE if ended else apdu.OK, piece)

    def _false_length(self, file: int) -> bytes | None:
        claimed = self._quirks.claimed_lengths.get(file)
        if claimed is not None:
            return b"\x84" + claimed.to_bytes(4, "big")
        return self._quirks.length_octets.get(file)


def _with_length(content: bytes, octets: bytes) -> bytes:
    """The file with these bytes where its length stands."""
    tag = 2 if content[0] & 0x1F == 0x1F else 1
    return content[:tag] + octets + content[len(content) - len(der.split(content)[0][1]) :]
