"""The files of a content pack, none of them believed: its errors, and how a file is opened that must not lead out of
the folder, be no ordinary file, or be larger than anything needed. Must not import Flask.
"""

from pathlib import Path

from wire.errors import TiepDonError


class PackError(TiepDonError):
    """A content pack cannot be used. `pack`: its folder; `file`, `key`, `why` say where."""

    code = "pack.invalid"


class PackMissing(PackError):
    """There is no such folder, or no pack.toml in it."""

    code = "pack.missing"


class PackUnreadable(PackError):
    """A file of it may not or cannot be read, or is no ordinary file."""

    code = "pack.unreadable"


class PackOutside(PackError):
    """A link in it leads out of its folder."""

    code = "pack.outside"


class PackTooLarge(PackError):
    """A file of it, or all its recordings, are larger than anything needed."""

    code = "pack.too_large"


class PackEncoding(PackError):
    """A file of it is not UTF-8."""

    code = "pack.encoding"


class PackSyntax(PackError):
    """Its pack.toml is not TOML, or its words.po not PO."""

    code = "pack.syntax"


class PackMarkup(PackError):
    """One of its texts holds markup, an invisible direction mark or a control character."""

    code = "pack.markup"


class PackPlaceholders(PackError):
    """The {placeholders} of one of its texts are not those of the Vietnamese."""

    code = "pack.placeholders"


class PackOwnLanguage(PackError):
    """Vietnamese and English are the product's own: a pack may only bring recordings of them."""

    code = "pack.own_language"


class PackRecording(PackError):
    """A file among its recordings is not Ogg Opus."""

    code = "pack.recording"


class PackFont(PackError):
    """Its own font is not a TrueType font that can be trusted (`why`)."""

    code = "pack.font"


class PackFontLicence(PackError):
    """It brings a font without the licence that lets it be passed on."""

    code = "pack.font_licence"


class PackConsent(PackError):
    """It holds recordings and does not say that the speakers agreed, and under which licence."""

    code = "pack.consent"


def text_of(folder: Path, name: str, most: int) -> str | None:
    """A file of the pack; None where it is not there."""
    file = folder / name
    if not file.exists() and not file.is_symlink():
        return None
    size_of(folder, file, most)
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError:
        raise PackUnreadable(pack=folder.name, file=name) from None
    except UnicodeDecodeError:
        raise PackEncoding(pack=folder.name, file=name) from None


def size_of(folder: Path, file: Path, most: int) -> int:
    """How large an ordinary file within the folder is. Raises PackOutside, PackUnreadable, PackTooLarge."""
    check_inside(folder, file)
    name = file.relative_to(folder).as_posix()
    try:
        if not file.is_file():
            raise PackUnreadable(pack=folder.name, file=name)
        size = file.stat().st_size
    except OSError:
        raise PackUnreadable(pack=folder.name, file=name) from None
    if size > most:
        raise PackTooLarge(pack=folder.name, file=name, most=most)
    return size


def check_inside(folder: Path, file: Path) -> None:
    """Raises PackOutside."""
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        inside = False  # a link that leads to itself
    if not inside:
        raise PackOutside(pack=folder.name, file=file.relative_to(folder).as_posix())
