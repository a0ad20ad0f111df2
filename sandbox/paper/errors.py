"""What can go wrong when paper is painted. Must not import a picture library."""

from wire.errors import TiepDonError


class FontMissing(TiepDonError):
    """A font of the printed card is not installed (`package`: the Debian package that brings it)."""

    code = "sandbox.font_missing"


class CodeTooLong(TiepDonError):
    """The text does not fit into a QR code of version 20."""

    code = "sandbox.code_too_long"
