"""Readers of QR codes behind one call, so that they can be measured side by side on one thread. Each gives the texts of
the QR codes it found; what it found of other kinds does not count."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import zxingcpp

from reader.optical.decode import decode
from reader.optical.pictures import GreyImage
from reader.optical.qr import zbar

Read = Callable[[GreyImage], list[str]]


@dataclass(frozen=True)
class CodeReader:
    """`every`: it sees each so manieth picture, because it is slow; 1 is all of them. `texts`: how many clean codes of
    each form it sees in the test of its letters."""

    name: str
    read: Read
    every: int = 1
    texts: int = 3000


def all_readers() -> tuple[CodeReader, ...]:
    """Ours first, then its peers."""
    return (
        CodeReader("ours", decode),
        CodeReader("zxing-cpp, QR only, no invert", zxing),
        CodeReader("zxing-cpp as it comes, all formats", zxing_all_formats, every=3, texts=500),
        CodeReader("zbar in binary mode", zbar_binary, texts=1000),
        CodeReader("pyzbar as it comes, grey", pyzbar_text, texts=1000),
        CodeReader("OpenCV QRCodeDetector", OpenCv(), every=3, texts=100),
    )


def zxing(picture: GreyImage) -> list[str]:
    """zxing-cpp for QR codes alone."""
    kinds = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(picture, formats=kinds, try_invert=False)
    return [code.text for code in found]


def zxing_all_formats(picture: GreyImage) -> list[str]:
    """zxing-cpp with nothing said."""
    return [code.text for code in zxingcpp.read_barcodes(picture) if code.format == zxingcpp.BarcodeFormat.QRCode]


def zbar_binary(picture: GreyImage) -> list[str]:
    """zbar's bytes taken for UTF-8."""
    return [found.text for found in zbar.read(picture)]


def pyzbar_text(picture: GreyImage) -> list[str]:
    """pyzbar's own `decode`: all symbologies, and zbar's guess at the letters."""
    from pyzbar import pyzbar

    return [found.data.decode("utf-8", "replace") for found in pyzbar.decode(picture) if found.type == "QRCODE"]


class OpenCv:
    """OpenCV's detector, made once."""

    def __init__(self) -> None:
        self._detector = cv2.QRCodeDetector()

    def __call__(self, picture: GreyImage) -> list[str]:
        text, _, _ = self._detector.detectAndDecode(picture)
        return [text] if text else []
