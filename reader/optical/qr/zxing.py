"""QR codes through zxing-cpp. Its only importer.

QR codes alone: looking for every symbology costs ten times as much and reads nothing more of what is on the cards
(vision.md 2). `Barcode.bytes` rather than its text: zxing would guess a character set where none is declared.
"""

import zxingcpp

from reader.optical.pictures import Box, Found, GreyImage
from reader.payload.text import as_text

# Not `QRCode`: that takes in Micro QR, whose two to four check codewords let noise through as digits now and then.
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
# ISO/IEC 15424, 4.12: the code declares its character set; the one that needs no declaring.
_WITH_ECI = b"]Q2".hex(" ").upper()
_UTF8 = b"]Q2\\000026".hex(" ").upper()


def read(picture: GreyImage) -> list[Found]:
    """Every QR code in a grey picture that can be read, dark on light."""
    return _read(picture, thoroughly=False)


def read_thoroughly(picture: GreyImage) -> list[Found]:
    """The same with all that zxing-cpp can do besides: light on dark, smaller sizes."""
    return _read(picture, thoroughly=True)


def _read(picture: GreyImage, thoroughly: bool) -> list[Found]:
    codes = _codes(picture, thoroughly, zxingcpp.TextMode.HexECI)
    declared = [_declares_another(code) for code in codes]
    if any(declared):
        # Only now, because it is rare: zxing's own text, which knows the declared character set.
        codes = _codes(picture, thoroughly, zxingcpp.TextMode.Plain)
    return [
        Found(code.text if known else as_text(code.bytes), _box(code.position))
        for code, known in zip(codes, declared, strict=True)
    ]


def _codes(picture: GreyImage, thoroughly: bool, mode: zxingcpp.TextMode) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(picture, formats=_QR, try_invert=thoroughly, try_downscale=thoroughly, text_mode=mode)


def _declares_another(code: zxingcpp.Barcode) -> bool:
    """Whether the code declares a character set other than UTF-8, and is not UTF-8 all the same."""
    declares = code.text.startswith(_WITH_ECI) and not code.text.startswith(_UTF8)
    return declares and any("\ud800" <= sign <= "\udfff" for sign in as_text(code.bytes))


def _box(place: zxingcpp.Position) -> Box:
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
