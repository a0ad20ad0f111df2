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


class InputMethodMangled(PayloadRefused):
    """A scanner typed through a Vietnamese input method or keyboard layout, which changed letters or digits."""

    code = "payload.input_method"


class VneidCode(PayloadRefused):
    """A code of the VNeID app that only the ministry's partners can read."""

    code = "payload.vneid"


class MrzIncomplete(PayloadRefused):
    """It looks like a machine-readable zone, but has too many or too few characters for one."""

    code = "payload.mrz_incomplete"


class MrzCheckDigit(PayloadRefused):
    """A machine-readable zone was misread: not every check digit agrees."""

    code = "payload.mrz_check_digit"


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
    """The scanner is not plugged in; its kinds: it cannot be used now."""

    code = "scanner.missing"
    retriable = True


class ScannerHeld(ScannerMissing):
    """Another program has the scanner open."""

    code = "scanner.held"


class ScannerNotSerial(ScannerMissing):
    """What is plugged in or written in the settings is no serial device."""

    code = "scanner.not_serial"


class ScannerNotAllowed(TiepDonError):
    """This user may not open the scanner (group `dialout` or a udev rule is missing)."""

    code = "scanner.not_allowed"


class KeyboardMissing(TiepDonError):
    """The scanner or keypad that acts as a keyboard is not plugged in; its kinds: it cannot be used now."""

    code = "keyboard.missing"
    retriable = True


class KeyboardHeld(KeyboardMissing):
    """Another program has the keyboard for itself, so its keys would go there."""

    code = "keyboard.held"


class NotAKeyboard(KeyboardMissing):
    """What is plugged in or written in the settings has no keys to type a number with."""

    code = "keyboard.not_a_keyboard"


class KeyboardNotAllowed(KeyboardMissing):
    """This user may not open the keyboard (group `input` or a udev rule is missing)."""

    code = "keyboard.not_allowed"
    retriable = False


class KeyboardLibraryMissing(KeyboardMissing):
    """The library that reads keyboards (evdev) is not installed."""

    code = "keyboard.library_missing"
    retriable = False


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
