"""QR codes through zbar in binary mode, where no zxing-cpp wheel exists. The only importer of pyzbar.

Binary mode, because zbar's text mode tries Shift-JIS, Latin-1 and Big5 before UTF-8 and mangles Vietnamese names
(vision.md 3: a third of short texts wrong; none wrong in binary mode). pyzbar's own `decode` cannot switch it on,
its ctypes prototypes can.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_void_p, string_at
from typing import Any

import numpy as np
from pyzbar import wrapper as zbar

from reader.optical.pictures import Box, Found, GreyImage
from reader.payload.errors import DecoderMissing
from reader.payload.text import as_text

_EVERY_SYMBOLOGY = 0
_ENABLE = 0  # ZBAR_CFG_ENABLE
_BINARY = 4  # ZBAR_CFG_BINARY, zbar 0.23.1; pyzbar 0.1.9 calls this number CFG_NUM
_QR = 64  # ZBAR_QRCODE
_GREY = int.from_bytes(b"Y800", "little")
MAX_CODES = 8  # more than that in one picture is no card


def read(picture: GreyImage) -> list[Found]:
    """Every QR code in a grey picture that can be read. Raises DecoderMissing when zbar is too old for binary mode."""
    height, width = picture.shape
    if not picture.size:
        return []
    pixels = np.ascontiguousarray(picture)
    with _scanner() as scanner, _picture() as held:
        zbar.zbar_image_set_format(held, _GREY)
        zbar.zbar_image_set_size(held, width, height)
        # No copy is made: `pixels` must outlive the picture.
        zbar.zbar_image_set_data(held, pixels.ctypes.data_as(c_void_p), pixels.nbytes, None)
        zbar.zbar_scan_image(scanner, held)
        return list(_found(held))


def read_thoroughly(picture: GreyImage) -> list[Found]:
    """Light on dark; zbar has no more to offer."""
    return read(255 - picture)


@contextmanager
def _scanner() -> Iterator[Any]:
    scanner = zbar.zbar_image_scanner_create()
    try:
        zbar.zbar_image_scanner_set_config(scanner, _EVERY_SYMBOLOGY, _ENABLE, 0)
        zbar.zbar_image_scanner_set_config(scanner, _QR, _ENABLE, 1)
        if zbar.zbar_image_scanner_set_config(scanner, _QR, _BINARY, 1) != 0:
            raise DecoderMissing
        yield scanner
    finally:
        zbar.zbar_image_scanner_destroy(scanner)


@contextmanager
def _picture() -> Iterator[Any]:
    picture = zbar.zbar_image_create()
    try:
        yield picture
    finally:
        zbar.zbar_image_destroy(picture)


def _found(picture: Any) -> Iterator[Found]:
    symbol = zbar.zbar_image_first_symbol(picture)
    for _ in range(MAX_CODES):
        if not symbol:
            return
        if symbol.contents.type == _QR:
            raw = string_at(zbar.zbar_symbol_get_data(symbol), zbar.zbar_symbol_get_data_length(symbol))
            yield Found(as_text(raw), _box(symbol))
        symbol = zbar.zbar_symbol_next(symbol)


def _box(symbol: Any) -> Box:
    corners = range(zbar.zbar_symbol_get_loc_size(symbol))
    xs = [zbar.zbar_symbol_get_loc_x(symbol, corner) for corner in corners] or [0]
    ys = [zbar.zbar_symbol_get_loc_y(symbol, corner) for corner in corners] or [0]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
