"""JPEG from outside, as far as it must be understood before a decoder may see it: how large a picture says it is, and
where in a stream one ends. Pure; must not import OpenCV.

The marker syntax is that of ITU-T T.81, Annex B.
"""

import re

MAX_BYTES = 8 << 20  # of one picture; 1080p at the best quality has 2 MB
MAX_SIDE = 4096
_MAX_SEGMENTS = 64  # before the picture's size; cameras write five to ten

BEGIN = b"\xff\xd8"  # SOI
END = b"\xff\xd9"  # EOI
_SCAN = 0xDA  # SOS: coded data follow
_NO_SIZES = (0xC4, 0xC8, 0xCC)  # DHT, JPG and DAC lie among the frame headers' markers C0 to CF
_ALONE = (0x01, *range(0xD0, 0xD8))  # TEM, RST0 to RST7: markers without a segment
# In coded data a byte FF is followed by 00 (stuffing), by another FF (filling) or is a restart marker; B.1.1.5.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def size_of(picture: bytes) -> tuple[int, int] | None:
    """Width and height that the picture says of itself; None when its head is damaged.

    A decoder sets aside memory by these numbers alone, so they are looked at first (`is_reasonable`).
    """
    if not picture.startswith(BEGIN):
        return None
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while picture[at : at + 2] == b"\xff\xff":
            at += 1
        head = picture[at : at + 9]
        if len(head) < 9 or head[0] != 0xFF:
            return None
        kind, length = head[1], int.from_bytes(head[2:4])
        if 0xC0 <= kind <= 0xCF and kind not in _NO_SIZES:
            return int.from_bytes(head[7:9]), int.from_bytes(head[5:7])
        if kind == _SCAN or length < 2:
            return None
        at += 2 if kind in _ALONE else 2 + length
    return None


def is_reasonable(picture: bytes) -> bool:
    """Whether the picture may be given to a decoder."""
    size = size_of(picture)
    return size is not None and 0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE


class Splitter:
    """Cuts a stream of bytes into JPEG pictures. What lies between them (the parts of an AVI file, the heads of a
    multipart answer, the rest of a torn picture) is passed over; never holds more than MAX_BYTES.
    """

    def __init__(self) -> None:
        self._held = bytearray()  # begins with a picture as soon as `_at` is not 0
        self._at = 0  # so far it is understood
        self._coded = False  # and lies in coded data there

    def feed(self, data: bytes) -> list[bytes]:
        """The pictures that these bytes complete, in order."""
        self._held += data
        pictures = []
        while end := self._end():
            pictures.append(bytes(self._held[:end]))
            self._begin_at(end)
        if len(self._held) > MAX_BYTES:
            self._begin_at(len(self._held))
        return pictures

    def _begin_at(self, position: int) -> None:
        """Forget what lies before; a picture is looked for from there."""
        del self._held[:position]
        self._at, self._coded = 0, False

    def _end(self) -> int:
        """Where the first picture ends; 0 when it is not complete. Goes on where it stopped the last time."""
        while True:
            if self._at == 0 and not self._found_begin():
                return 0
            if self._coded:
                marker = self._next_marker()
                if marker < 0:
                    return 0
                self._at, self._coded = marker, False
            head = self._held[self._at : self._at + 4]
            if len(head) < 2:
                return 0
            if head[0] != 0xFF:
                self._begin_at(2)  # no picture after all
            elif head[1] == 0xFF:
                self._at += 1
            elif head[1] == END[1]:
                return self._at + 2
            elif head[1] == BEGIN[1]:
                self._begin_at(self._at)  # the one before was torn
            elif head[1] in _ALONE:
                self._at += 2
            elif len(head) < 4:
                return 0
            elif (length := int.from_bytes(head[2:])) < 2:
                self._begin_at(2)
            elif self._at + 2 + length > len(self._held):
                return 0
            else:
                self._at += 2 + length
                self._coded = head[1] == _SCAN

    def _found_begin(self) -> bool:
        begin = self._held.find(BEGIN + b"\xff")
        if begin < 0:
            del self._held[:-2]
            return False
        del self._held[:begin]
        self._at = 2
        return True

    def _next_marker(self) -> int:
        found = _MARKER.search(self._held, self._at)
        if found is not None:
            return found.start()
        self._at = max(self._at, len(self._held) - 1)
        return -1
