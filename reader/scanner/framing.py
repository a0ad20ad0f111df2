"""Where a payload ends in the bytes of a scanner. Pure; must not import pyserial.

Most scanners end a payload with a line end; some put line ends between its fields as well (card.md 1.5), so a line
without any separator may be the first field of a longer payload and ends only with silence.
"""

import re
from typing import NamedTuple

_LINE_END = re.compile(rb"[\r\n]")
_SEPARATORS = (b"|", b";")


class Framed(NamedTuple):
    """Payloads that are complete, and the bytes that may be the beginning of the next one."""

    payloads: tuple[bytes, ...]
    rest: bytes


def take_payloads(buffer: bytes) -> Framed:
    """Cut off every payload that is surely complete; blank lines are nothing."""
    payloads: list[bytes] = []
    taken = line_begin = 0
    for end in _LINE_END.finditer(buffer):
        line = buffer[line_begin : end.start()]
        if any(separator in line for separator in _SEPARATORS):
            payloads += [buffer[taken:line_begin].strip(b"\r\n"), line]
            taken = end.end()
        line_begin = end.end()
    return Framed(tuple(whole for whole in payloads if whole.strip()), buffer[taken:].lstrip(b"\r\n"))
