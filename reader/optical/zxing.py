"""QR codes through zxing-cpp. Its only importer.

QR codes alone: looking for every symbology costs ten times as much and reads nothing more of what is on the cards
(vision.md 2). `Barcode.bytes` rather than its text: zxing would guess a character set where none is declared.
"""

import zxingcpp

from reader.optical.pictures import Box, Found, GreyImage
from reader.payload.text import as_text

# Not `QRCode`: that takes in Micro QR, whose two to four check codewords let noise through as digits now and then.
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
_WITH_ECI = b"]Q2".hex(" ").upper()  # ISO/IEC 15424, 4.12: the code declares its character set


def read(picture: GreyImage) -> list[Found]:
    """Every QR code in a grey picture that can be read."""
    codes = _read(picture, zxingcpp.TextMode.HexECI)
    if any(_declares_another(code) for code in codes):
        # Only now, because it is rare: zxing's own text, which knows the declared character set.
        plain = _read(picture, zxingcpp.TextMode.Plain)
        declared = [_declares_another(code) for code in codes]
        return [
            Found(code.text if known else as_text(code.bytes), _box(code.position))
            for code, known in zip(plain, declared, strict=True)
        ]
    return [Found(as_text(code.bytes), _box(code.position)) for code in codes]


def _read(picture: GreyImage, mode: zxingcpp.TextMode) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(picture, formats=_QR, try_invert=False, try_downscale=False, text_mode=mode)


def _declares_another(code: zxingcpp.Barcode) -> bool:
    """Whether the code declares a character set and is not UTF-8 all the same."""
    return code.text.startswith(_WITH_ECI) and any("\ud800" <= sign <= "\udfff" for sign in as_text(code.bytes))


def _box(place: zxingcpp.Position) -> Box:
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
