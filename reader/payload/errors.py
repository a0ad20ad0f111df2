"""Why a payload was refused, and what is wrong with the device it came by. Each class is one stable code; the words
for it are made in `ui/`.

Data never holds what stood in the payload: it is personal.
"""

from wire.errors import TiepDonError


class PayloadRefused(TiepDonError):
    """A code held up to a device, or digits typed, cannot be used; holding it up again may help."""

    code = "payload.refused"
    retriable = True


class PayloadEmpty(PayloadRefused):
    """Nothing but white space arrived."""

    code = "payload.empty"


class PayloadTooLong(PayloadRefused):
    """More than a QR code can hold arrived."""

    code = "payload.too_long"


class PayloadDamaged(PayloadRefused):
    """Letters were damaged on the way in a manner that cannot be undone safely."""

    code = "payload.damaged"


class PayloadUnrecognised(PayloadRefused):
    """Neither a citizen card nor an insurance card (for example a web address or an app's session code)."""

    code = "payload.unrecognised"


class TooFewFields(PayloadRefused):
    """It begins like a card but fields are missing: a partial read, or empty fields were dropped on the way."""

    code = "payload.too_few_fields"


class PersonalIdInvalid(PayloadRefused):
    """The personal ID number is not twelve ASCII digits."""

    code = "payload.personal_id"


class PreviousIdInvalid(PayloadRefused):
    """The old identity number is neither nine nor twelve digits, where it is to be written into a QR code."""

    code = "payload.previous_id"


class NameInvalid(PayloadRefused):
    """The name is empty or holds what no name holds."""

    code = "payload.name"


class BirthDateInvalid(PayloadRefused):
    """The birth date is not a day of the calendar (or a month, or a year)."""

    code = "payload.birth_date"


class SexInvalid(PayloadRefused):
    """The sex is not one of the values that card uses, where it is to be written into a QR code."""

    code = "payload.sex"


class IssueDateInvalid(PayloadRefused):
    """The issue date lies before the birth date, or is no day where it is to be written into a QR code."""

    code = "payload.issue_date"


class CardNumberInvalid(PayloadRefused):
    """The insurance card number is neither ten digits nor two letters and thirteen digits."""

    code = "payload.card_number"


class ValidityInvalid(PayloadRefused):
    """The insurance cover ends before it begins."""

    code = "payload.validity"


class ScannerMissing(TiepDonError):
    """The scanner is not plugged in, is not a serial device, or another program holds it."""

    code = "scanner.missing"
    retriable = True


class ScannerNotAllowed(TiepDonError):
    """This user may not open the scanner (group `dialout` or a udev rule is missing)."""

    code = "scanner.not_allowed"


class CameraMissing(TiepDonError):
    """The camera is not plugged in, gives no pictures, or another program holds it."""

    code = "camera.missing"
    retriable = True


class CameraNotAllowed(TiepDonError):
    """This user may not open the camera (group `video` or a udev rule is missing)."""

    code = "camera.not_allowed"


class DecoderMissing(TiepDonError):
    """The library that reads QR codes (zbar, 0.23.1 or newer) or the one that takes pictures is not installed."""

    code = "camera.decoder_missing"
