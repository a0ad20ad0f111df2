"""Content packs that a test makes, and what reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest

import config.settings
from config.settings import Settings
from ui.pack_files import PackError
from ui.pack_reading import read_pack
from wire.codec import from_plain, to_plain

SEVEN = {"km", "tyz", "hmn", "rad", "jra", "bdq", "sed"}
OPUS = b"OggS" + bytes(24) + b"OpusHead" + bytes(300)
ABOUT = """format = 1
language = "rad"
name = "Êđê"
[words]
reviewed_by = "a speaker"
[voice]
speakers = "one adult"
consent = "written, kept by the site"
licence = "CC-BY-4.0"
"""
CONFIRM = '\nmsgid "confirm.born"\nmsgstr "{year} x"\n'

NOTO = Path("/usr/share/fonts/truetype/noto")  # Debian's fonts-noto-core
TAI_VIET, PAHAWH = "NotoSansTaiViet-Regular.ttf", "NotoSansPahawhHmong-Regular.ttf"
FONT = """[font]
file = "own.ttf"
licence_file = "OFL.txt"
"""

Make = Callable[..., Path]


def po(**texts: str) -> str:
    """A words.po; a double underscore stands for the dot of a key."""
    return "".join(f'msgid "{key.replace("__", ".")}"\nmsgstr "{text}"\n\n' for key, text in texts.items())


def refused(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return caught.value


def with_packs(folder: Path, *languages: str) -> Settings:
    plain = to_plain(config.settings.load())
    plain["kiosk"]["display"].update(packs_folder=str(folder), languages=languages)
    return from_plain(plain, Settings)


def with_font(folder: Path, data: bytes | None = None, name: str = TAI_VIET) -> Path:
    (folder / "own.ttf").write_bytes((NOTO / name).read_bytes() if data is None else data)
    (folder / "OFL.txt").write_text("SIL Open Font License, Version 1.1")
    return folder
