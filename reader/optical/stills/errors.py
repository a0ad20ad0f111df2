"""Why an image file shows no code. Each class is one stable code; the words for it are made in `ui/`.

Data never holds the file's name or content: names of pictures are often names of people.
"""

from wire.errors import TiepDonError


class ImageRefused(TiepDonError):
    """A file cannot be looked at."""

    code = "image.refused"


class ImageMissing(ImageRefused):
    """There is no such file."""

    code = "image.missing"


class ImageNotAllowed(ImageRefused):
    """This user may not read the file."""

    code = "image.not_allowed"


class ImageNotAFile(ImageRefused):
    """It is a folder, a device, a pipe or a socket, and no file."""

    code = "image.not_a_file"


class ImageUnreadable(ImageRefused):
    """The file system fails to give the file's bytes (`why`: its word for it)."""

    code = "image.unreadable"


class NotAnImage(ImageRefused):
    """The content is none of the kinds of image that are known, whatever the name says."""

    code = "image.not_an_image"


class ImageEmpty(ImageRefused):
    """The file has no bytes, or its picture no pixels."""

    code = "image.empty"


class ImageTooLarge(ImageRefused):
    """The file or the picture is larger than is looked at, or takes too much memory to decode."""

    code = "image.too_large"


class ImageTooSlow(ImageRefused):
    """To decode the picture and to look for codes takes longer than a file may; what was looked at shows none."""

    code = "image.too_slow"


class ImageDamaged(ImageRefused):
    """The file begins like an image and cannot be decoded, or what is left of it shows no code."""

    code = "image.damaged"
