"""What came of a press on the pages of accounts and machines, with what is handed over once: code, link, picture.

Must not keep any of it.
"""

from dataclasses import dataclass

import segno


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`done`: which act; `about`: whom or what it was done to; `code`, `link`, `picture`: what its owner is given."""

    done: str
    about: str
    code: str = ""
    link: str = ""
    picture: str = ""


def picture_of(link: str) -> str:
    """A QR code as SVG that stands in a page; black on white with its quiet zone (ISO/IEC 18004, 9.1)."""
    return segno.make(link, error="m", micro=False).svg_inline(border=4, light="#fff", omitsize=True, svgclass="qr")
