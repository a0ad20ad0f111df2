"""QR codes as issuers print them: which segments, which error correction and which version are the caller's choice.

The encoder in zxing-cpp chooses all three itself and the tests' segno is no part of the product, hence this one. By
ISO/IEC 18004:2015, up to version 20. Pure; must not import a decoder, which it is there to judge.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from sandbox.paper.errors import CodeTooLong

Matrix = npt.NDArray[np.bool_]
"""Rows x columns without the quiet zone; True is dark."""

Segments = Literal["byte", "mixed", "eci"]
Correction = Literal["L", "M", "Q", "H"]

QUIET = 4  # modules (6.3.8)
MAX_VERSION = 20
_NUMERIC, _BYTE, _ECI, _UTF_8 = 0b0001, 0b0100, 0b0111, 26
_LEVEL_BITS = {"L": 0b01, "M": 0b00, "Q": 0b11, "H": 0b10}  # table 12
_FORMAT_MASK = 0b101010000010010
_FORMAT_GENERATOR, _VERSION_GENERATOR = 0b10100110111, 0b1111100100101  # annexes C and D
_FIELD = 0b100011101  # 7.5.2: the polynomial of GF(256)
_LONG_NUMBER = re.compile(r"(\d{8,})", re.ASCII)  # shorter ones cost more to switch to than they save

# Table 9, versions 1 to 20: error correction codewords of each block, and number of blocks.
_CHECK_WORDS = {
    "L": (7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28),
    "M": (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26),
    "Q": (13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30),
    "H": (17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28),
}
_BLOCKS = {
    "L": (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8),
    "M": (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16),
    "Q": (1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20),
    "H": (1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25),
}


@dataclass(frozen=True)
class Style:
    """How a text is encoded.

    `segments`: one of bytes; `mixed` long numbers as digits and the rest as bytes, as libqrencode does; `eci` bytes
    after an announcement of UTF-8. `version`: at least this one; the smallest that holds the text when it is larger.
    """

    segments: Segments = "byte"
    correction: Correction = "M"
    version: int = 1
    mask: int | None = None


def encode(text: str, style: Style | None = None) -> Matrix:
    """The code of a text, UTF-8. Raises CodeTooLong."""
    style = style or Style()
    for version in range(style.version, MAX_VERSION + 1):
        bits = _bits(text, style.segments, version)
        room = 8 * _data_words(version, style.correction)
        if len(bits) <= room:
            words = _interleaved(_filled(bits, room), version, style.correction)
            return _placed(words, version, style)
    raise CodeTooLong


def side(version: int) -> int:
    """Modules along one side."""
    return 17 + 4 * version


def _bits(text: str, segments: Segments, version: int) -> str:
    parts = _LONG_NUMBER.split(text) if segments == "mixed" else [text]
    head = f"{_ECI:04b}{_UTF_8:08b}" if segments == "eci" else ""
    pieces = [_numeric(part, version) if index % 2 else _bytes(part, version) for index, part in enumerate(parts)]
    return head + "".join(pieces)


def _numeric(digits: str, version: int) -> str:
    groups = (digits[start : start + 3] for start in range(0, len(digits), 3))
    length = 10 if version < 10 else 12  # table 3
    return f"{_NUMERIC:04b}{len(digits):0{length}b}" + "".join(f"{int(g):0{(4, 7, 10)[len(g) - 1]}b}" for g in groups)


def _bytes(text: str, version: int) -> str:
    octets = text.encode()
    length = 8 if version < 10 else 16
    if not octets:
        return ""
    return f"{_BYTE:04b}{len(octets):0{length}b}" + "".join(f"{octet:08b}" for octet in octets)


def _filled(bits: str, room: int) -> bytes:
    """Terminator, zeros to a whole byte, pad codewords (7.4.9, 7.4.10)."""
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))
    missing = room // 8 - len(words)
    return words + (b"\xec\x11" * (missing // 2 + 1))[:missing]


@cache
def _data_words(version: int, correction: str) -> int:
    checks = _CHECK_WORDS[correction][version - 1] * _BLOCKS[correction][version - 1]
    return int(np.count_nonzero(~_frame(version)[1])) // 8 - checks


def _interleaved(words: bytes, version: int, correction: str) -> bytes:
    """Blocks and their check words, a word of each in turn (7.6)."""
    count, checks = _BLOCKS[correction][version - 1], _CHECK_WORDS[correction][version - 1]
    short, longer = divmod(len(words), count)
    blocks, start = [], 0
    for index in range(count):
        size = short + (index >= count - longer)
        blocks.append(words[start : start + size])
        start += size
    data = [block[at] for at in range(short + 1) for block in blocks if at < len(block)]
    correction_words = [_check_words(block, checks) for block in blocks]
    return bytes(data) + bytes(block[at] for at in range(checks) for block in correction_words)


@cache
def _powers() -> tuple[list[int], list[int]]:
    """Powers of 2 in the field, twice over, and their logarithms."""
    powers, logarithms, value = [0] * 510, [0] * 256, 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logarithms[value] = exponent
        value = value << 1 ^ (_FIELD if value & 0x80 else 0)
    return powers, logarithms


@cache
def _generator(degree: int) -> list[int]:
    """Logarithms of the generator polynomial's coefficients, the leading 1 left out (annex A)."""
    powers, logarithms = _powers()
    polynomial = [1]
    for root in range(degree):
        shifted = [*polynomial, 0]
        for at, coefficient in enumerate(polynomial):
            shifted[at + 1] ^= powers[logarithms[coefficient] + root] if coefficient else 0
        polynomial = shifted
    return [logarithms[coefficient] for coefficient in polynomial[1:]]


def _check_words(block: bytes, count: int) -> bytes:
    """The remainder of the Reed-Solomon division (7.5.2)."""
    powers, logarithms = _powers()
    generator = _generator(count)
    remainder = [0] * count
    for word in block:
        lead = word ^ remainder[0]
        remainder = [*remainder[1:], 0]
        if lead:
            log = logarithms[lead]
            remainder = [value ^ powers[log + term] for value, term in zip(remainder, generator, strict=True)]
    return bytes(remainder)


@cache
def _frame(version: int) -> tuple[Matrix, Matrix]:
    """The function patterns, and where they and the format and version information stand (6.3)."""
    size = side(version)
    dark, taken = np.zeros((size, size), np.bool_), np.zeros((size, size), np.bool_)
    dark[6, ::2] = dark[::2, 6] = True
    taken[6, :] = taken[:, 6] = True
    for row, column in ((0, 0), (0, size - 7), (size - 7, 0)):
        _stamp(dark, row, column, 7)
        taken[max(0, row - 1) : row + 8, max(0, column - 1) : column + 8] = True
    dark[7, :8] = dark[:8, 7] = dark[7, -8:] = dark[:8, -8] = dark[-8, :8] = dark[-8:, 7] = False
    for row in _alignments(version):
        for column in _alignments(version):
            if (row, column) not in ((6, 6), (6, size - 7), (size - 7, 6)):
                _stamp(dark, row - 2, column - 2, 5)
                taken[row - 2 : row + 3, column - 2 : column + 3] = True
    taken[8, :9] = taken[:9, 8] = taken[8, -8:] = taken[-8:, 8] = True
    dark[-8, 8] = True
    if version >= 7:
        taken[:6, -11:-8] = taken[-11:-8, :6] = True
        _write_version(dark, version)
    return dark, taken


def _stamp(dark: Matrix, row: int, column: int, size: int) -> None:
    """A square ring around a square."""
    dark[row : row + size, column : column + size] = True
    dark[row + 1 : row + size - 1, column + 1 : column + size - 1] = False
    dark[row + 2 : row + size - 2, column + 2 : column + size - 2] = True


def _alignments(version: int) -> list[int]:
    """Rows of the alignment patterns' centres (annex E): evenly apart from the last one back, the rest at the first."""
    if version == 1:
        return []
    count, last = version // 7 + 2, side(version) - 7
    step = -(-(last - 6) // (count - 1))
    step += step % 2
    return [6, *[last - step * index for index in range(count - 2, -1, -1)]]


def _remainder(value: int, generator: int) -> int:
    while value.bit_length() >= generator.bit_length():
        value ^= generator << value.bit_length() - generator.bit_length()
    return value


def _write_version(dark: Matrix, version: int) -> None:
    value = version << 12 | _remainder(version << 12, _VERSION_GENERATOR)
    bits = np.array([value >> at & 1 for at in range(18)], np.bool_).reshape(6, 3)
    dark[:6, -11:-8] = bits
    dark[-11:-8, :6] = bits.T


def _write_format(dark: Matrix, correction: str, mask: int) -> None:
    value = _LEVEL_BITS[correction] << 3 | mask
    value = (value << 10 | _remainder(value << 10, _FORMAT_GENERATOR)) ^ _FORMAT_MASK
    bits = [bool(value >> at & 1) for at in range(15)]
    for at in range(6):
        dark[at, 8], dark[8, 5 - at] = bits[at], bits[9 + at]
    dark[7, 8], dark[8, 8], dark[8, 7] = bits[6:9]
    dark[8, -8:] = bits[7::-1]
    dark[-7:, 8] = bits[8:]


@cache
def _order(version: int) -> npt.NDArray[np.intp]:
    """Where the bits go: two columns at a time from the right, up and down in turn, past the timing column (7.7.3)."""
    size, taken = side(version), _frame(version)[1]
    places = []
    for turn, right in enumerate(column if column > 6 else column - 1 for column in range(size - 1, 0, -2)):
        rows = range(size) if turn % 2 else range(size - 1, -1, -1)
        places += [row * size + column for row in rows for column in (right, right - 1) if not taken[row, column]]
    return np.array(places)


@cache
def _masks(version: int) -> list[Matrix]:
    """The eight patterns of table 10, on the data alone."""
    row, column = np.indices((side(version), side(version)))
    product = row * column
    zero = (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        ((row + column) % 2 + product % 3) % 2,
    )
    return [(pattern == 0) & ~_frame(version)[1] for pattern in zero]


def _placed(words: bytes, version: int, style: Style) -> Matrix:
    dark = _frame(version)[0].copy()
    bits = np.unpackbits(np.frombuffer(words, np.uint8)).astype(np.bool_)
    dark.flat[_order(version)[: len(bits)]] = bits  # the remainder bits stay light
    best: tuple[int, Matrix] | None = None
    for number, mask in enumerate(_masks(version)):
        if style.mask is not None and number != style.mask:
            continue
        masked = dark ^ mask
        _write_format(masked, style.correction, number)
        masked[-8, 8] = True
        penalty = 0 if style.mask is not None else _penalty(masked)
        if best is None or penalty < best[0]:
            best = (penalty, masked)
    assert best is not None  # noqa: S101  # there are eight masks, and `mask` names one of them
    return best[1]


def _penalty(dark: Matrix) -> int:
    """How much a mask's result looks like what finders look for (7.8.3)."""
    blocks = dark[1:, 1:] + dark[:-1, 1:].astype(np.int8) + dark[1:, :-1] + dark[:-1, :-1]
    total = 3 * int(np.count_nonzero((blocks == 0) | (blocks == 4)))
    for lines in (dark, dark.T):
        total += _runs(lines) + 40 * _finder_likes(lines)
    return total + 10 * int(abs(20 * np.count_nonzero(dark) / dark.size - 10))


def _runs(lines: Matrix) -> int:
    """3 for five modules alike in a line, 1 for each more."""
    same = lines[:, 1:] == lines[:, :-1]
    fours = same[:, 3:] & same[:, 2:-1] & same[:, 1:-2] & same[:, :-3]  # five modules alike end here
    longer = np.count_nonzero(fours[:, 1:] & fours[:, :-1])
    return 3 * (int(np.count_nonzero(fours)) - int(longer)) + int(longer)


def _finder_likes(lines: Matrix) -> int:
    """1:1:3:1:1 with four light modules before or after it, the light margin counted in."""
    wide = np.pad(lines, ((0, 0), (4, 4))).astype(np.int16)
    count = wide.shape[1] - 10
    windows = sum((wide[:, at : at + count] << at for at in range(11)), np.zeros((1, 1), np.int16))
    return int(np.count_nonzero((windows == 0b1011101 << 4) | (windows == 0b1011101)))
