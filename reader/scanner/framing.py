"""Where a payload ends in what a scanner sends. Pure; must not import a device library.

Most scanners end a payload with a sign that can be chosen: CR, LF, both, TAB or ETX; some put line ends or tabs between
its fields as well (card.md 1.5), and the machine-readable zone of a card comes as two or three lines. So a line end
ends a payload only where what stands before it is whole; else the payload ends with silence.
"""

import re
from typing import NamedTuple

SILENCE_SECONDS = 0.15  # scanners send a payload in one go
BARE_SECONDS = 0.6  # a number cut short is another person's number of another kind, so a bare one is waited for longer

_FRAME = b"\r\n\t\x02\x03\x04"
_SIGNS = re.compile(rb"[\r\n\t\x02\x03\x04]")
_BLANK = (b"\r", b"\n")
_START, _ENDS = b"\x02", (b"\x03", b"\x04")
_SEPARATORS = 6  # in the shortest card: a citizen card of 2021, seven fields (card.md 1.1)
_MOST_SIGNS = 64  # line ends and tabs; twice what the longest card has. More is no payload and only costs time
_BARE = re.compile(rb"[0-9A-Za-z]{1,15}")
_ZONE_LINES = {30: 3, 36: 2, 44: 2}  # TD1, TD2, TD3: characters in a line, lines (ICAO Doc 9303-4, -5, -6)
_ZONE_ALONE = (72, 88, 90)  # the same, sent as one line
_ZONE = re.compile(rb"[A-Z][A-Z0-9<]+")
_ZONE_LINE = re.compile(rb"[A-Z0-9<]+")


class Framed(NamedTuple):
    """Payloads that are complete, and the bytes that may be the beginning of the next one."""

    payloads: tuple[bytes, ...]
    rest: bytes


def take_payloads(buffer: bytes) -> Framed:
    """Cut off every payload that is surely complete; signs that begin or end payloads do not belong to them."""
    payloads: list[bytes] = []
    taken = line_begin = signs = 0
    lines: list[bytes] = []  # since `taken`, blank ones left out
    for found in _SIGNS.finditer(buffer):
        sign, line = found.group(), _stripped(buffer[line_begin : found.start()])
        if found.start() == taken and sign in _BLANK:
            taken = line_begin = found.end()
            continue
        signs += 1
        if sign == _START or sign in _ENDS or signs > _MOST_SIGNS:
            complete = [buffer[taken : found.start()]]
        elif _is_whole(line) or (sign != b"\t" and line.count(b"\t") >= _SEPARATORS):
            complete = [buffer[taken:line_begin], line]
        elif sign == b"\t":
            continue  # it stands between fields
        else:
            lines += [line] if line else []
            zone = _zone_at_end(lines)
            complete = [b"\n".join(lines[: len(lines) - len(zone)]), b"\r\n".join(zone)] if zone else []
        line_begin = found.end()
        if complete:
            payloads += map(_stripped, complete)
            taken, signs, lines = line_begin, 0, []
    return Framed(tuple(filter(None, payloads)), buffer[taken:])


def at_silence(rest: bytes) -> bytes:
    """What is a payload because nothing followed; empty when nothing is there but frames and blanks."""
    return _stripped(rest)


def silence_after(rest: bytes) -> float:
    """Seconds of silence that make a payload of `rest`."""
    return BARE_SECONDS if _BARE.fullmatch(rest) else SILENCE_SECONDS


def _is_whole(line: bytes) -> bool:
    """Whether a line is a payload for itself."""
    if line.count(b"|") >= _SEPARATORS or line.count(b";") >= _SEPARATORS:
        return True
    return len(line) in _ZONE_ALONE and _ZONE.fullmatch(line) is not None


def _zone_at_end(lines: list[bytes]) -> list[bytes]:
    """The last lines where they are a whole machine-readable zone, else none."""
    size = len(lines[-1]) if lines else 0
    last = lines[-_ZONE_LINES.get(size, 0) :]
    if len(last) != _ZONE_LINES.get(size) or not _ZONE.fullmatch(last[0]):
        return []
    return last if all(len(line) == size and _ZONE_LINE.fullmatch(line) for line in last) else []


def _stripped(piece: bytes) -> bytes:
    stripped = piece.strip(_FRAME)
    return stripped if stripped.strip() else b""
