"""What a chip knows between power on and power off, and how its parts answer past secure messaging."""

from dataclasses import dataclass

from sandbox.card import pace
from sandbox.card.image import ChipKey, CipherName
from sandbox.card.secure_messaging import Channel


class InTheClear(Exception):
    """This command is answered with a bare status word, secure messaging or not; `ends` ends the session."""

    def __init__(self, status: int, ends: bool = False) -> None:
        super().__init__(f"{status:04X}")
        self.status = status
        self.ends = ends


@dataclass
class Session:
    """All that the chip forgets when its power is cut."""

    applet: bool = False
    master_selected: bool = False  # by SELECT, not only by power on
    current: int | None = None  # file identifier
    current_in_master: bool = False
    room: int = 0  # most bytes of content that fit the reply under way
    exchange: pace.Exchange | None = None
    channel: Channel | None = None
    chip_key: tuple[ChipKey, CipherName] | None = None  # chosen by MSE:Set AT, the terminal's key awaited
    challenge: bytes | None = None
    sealed: int = 0  # protected replies so far
    collected: bytes = b""  # data of a command that comes in parts
    collecting: int | None = None  # its instruction
    pending: bytes = b""  # the rest of a reply, for GET RESPONSE
    pending_status: int = 0
