"""QR codes in a grey picture, through zbar in binary mode. The only importer of pyzbar.

Binary mode, because zbar's text mode tries Shift-JIS, Latin-1 and Big5 before UTF-8 and mangles Vietnamese names
(vision.md 3: a third of short texts wrong; none wrong in binary mode). pyzbar's own `decode` cannot switch it on,
its ctypes prototypes can.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_void_p, string_at
from typing import Any

import numpy as np
import numpy.typing as npt
from pyzbar import wrapper as zbar

from reader.payload.errors import DecoderMissing

_EVERY_SYMBOLOGY = 0
_ENABLE = 0  # ZBAR_CFG_ENABLE
_BINARY = 4  # ZBAR_CFG_BINARY, zbar 0.23.1; pyzbar 0.1.9 calls this number CFG_NUM
_QR = 64  # ZBAR_QRCODE
_GREY = int.from_bytes(b"Y800", "little")
MAX_CODES = 8  # more than that in one picture is no card

GreyImage = npt.NDArray[np.uint8]


def decode(image: GreyImage) -> list[bytes]:
    """The exact bytes of each QR code in a grey picture (rows x columns, 8 bits).

    Raises ValueError for another kind of picture, DecoderMissing when zbar is too old for binary mode.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError("a grey picture of 8 bits is needed")
    height, width = image.shape
    if not image.size:
        return []
    pixels = np.ascontiguousarray(image)
    with _scanner() as scanner, _picture() as picture:
        zbar.zbar_image_set_format(picture, _GREY)
        zbar.zbar_image_set_size(picture, width, height)
        # No copy is made: `pixels` must outlive the picture.
        zbar.zbar_image_set_data(picture, pixels.ctypes.data_as(c_void_p), pixels.nbytes, None)
        zbar.zbar_scan_image(scanner, picture)
        return list(_found(picture))


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


def _found(picture: Any) -> Iterator[bytes]:
    symbol = zbar.zbar_image_first_symbol(picture)
    for _ in range(MAX_CODES):
        if not symbol:
            return
        if symbol.contents.type == _QR:
            yield string_at(zbar.zbar_symbol_get_data(symbol), zbar.zbar_symbol_get_data_length(symbol))
        symbol = zbar.zbar_symbol_next(symbol)
