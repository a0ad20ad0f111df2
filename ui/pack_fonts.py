"""A content pack's own font, for letters that none of ours draws: which file, which licence, how high its lines are.

The file is judged before any browser sees it (`ui/font_letters.py`) and kept as it was then. Must not import Flask.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from ui.font_letters import letters_in
from ui.pack_files import PackFont, PackFontLicence, PackUnreadable, size_of
from wire.codec import Record

REGULAR, BOLD = 400, 700
MOST_FONT, MOST_LICENCE = 2 << 20, 64 << 10  # bytes

FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}\.ttf\Z")]


class OwnFont(Record, frozen=True, kw_only=True):
    """`[font]` of pack.toml. `bold`: another file, without which the browser thickens the one there is; `line_height`:
    of the letters' size, for stacked marks."""

    file: FileName
    bold: FileName | None = None
    licence_file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")]
    line_height: Annotated[float, Meta(ge=1.4, le=2.0)] = 1.6


@dataclass(frozen=True)
class FontFile:
    """One file as it was when it was judged. `digest` is its name on the pages."""

    file: Path
    data: bytes
    digest: str
    letters: frozenset[int]


Fonts = Mapping[int, FontFile]  # by weight


def read_fonts(folder: Path, own: OwnFont) -> Fonts:
    """The pack's fonts by weight. Raises PackFont, PackFontLicence, PackOutside, PackTooLarge, PackUnreadable."""
    licence = folder / own.licence_file
    if not licence.is_symlink() and not licence.exists():
        raise PackFontLicence(pack=folder.name, file=own.licence_file)
    if not size_of(folder, licence, MOST_LICENCE):
        raise PackFontLicence(pack=folder.name, file=own.licence_file, why="is empty")
    named = {REGULAR: own.file, BOLD: own.bold}
    return {weight: _font(folder, name) for weight, name in named.items() if name}


def _font(folder: Path, name: str) -> FontFile:
    file = folder / name
    if not file.is_symlink() and not file.exists():
        raise PackFont(pack=folder.name, file=name, why="is not there")
    size_of(folder, file, MOST_FONT)
    try:
        data = file.read_bytes()
        letters = letters_in(data)
    except OSError:
        raise PackUnreadable(pack=folder.name, file=name) from None
    except ValueError as error:
        raise PackFont(pack=folder.name, file=name, why=str(error)) from None
    return FontFile(file, data, hashlib.blake2s(data, digest_size=16).hexdigest(), letters)
