"""Keys pressed and released, into the signs a US keyboard types with them. Pure; must not import evdev.

Beyond plain keys it knows the ways in which scanners type letters that no US key has, so that diacritics do survive
where a scanner offers one: Alt with a number on the keypad, and Ctrl+Shift+U with a hexadecimal number. A sign that
cannot be known becomes U+FFFD, so that nobody takes what is left for the whole.
"""

from collections.abc import Iterable

from reader.scanner.keymap import (
    ALT,
    BACKSPACE,
    CAPS_LOCK,
    CONTROL,
    DELETE,
    ENTER,
    ESCAPE,
    KEYPAD,
    KEYPAD_ENTER,
    LETTER_U,
    META,
    MODIFIERS,
    SHIFT,
    SIGNS,
    SPACE,
)

UNKNOWN = "\ufffd"
RELEASED, PRESSED = 0, 1  # 2: held, the kernel's own repeating

_LONGEST_NUMBER = 8  # signs; U+10FFFF is 1114111, with a zero before it
_HEX = frozenset("0123456789abcdef")


class Keystrokes:
    """One keyboard. `held` are the codes that are down now, `caps_lock` whether its lamp is on."""

    def __init__(self, held: Iterable[int] = (), caps_lock: bool = False) -> None:
        self._held = MODIFIERS.intersection(held)
        self._caps_lock = caps_lock
        self._alt_number = ""
        self._hex_number: str | None = None  # None: none is being typed

    def key(self, code: int, value: int) -> str:
        """The sign that this event types, empty for none. "\\b" takes the last one back, "\\x1b" all of them."""
        if value not in (RELEASED, PRESSED):
            return ""
        if code in MODIFIERS:
            return self._modifier(code, value)
        if value == RELEASED:
            return ""
        if code == CAPS_LOCK:
            self._caps_lock = not self._caps_lock
            return ""
        if self._hex_number is not None:
            return self._hex_key(code, self._hex_number)
        return self._plain_key(code)

    def _modifier(self, code: int, value: int) -> str:
        if value == PRESSED:
            if code in ALT:
                self._alt_number = ""
            self._held |= {code}
            return ""
        self._held -= {code}
        if code in ALT:
            number, self._alt_number = self._alt_number, ""
            return _by_number(number) if number else ""
        if code in SHIFT | CONTROL and self._hex_number:
            return self._hex_end()
        return ""

    def _plain_key(self, code: int) -> str:
        if self._held & ALT:
            return self._alt_key(code)
        if code in KEYPAD:
            return KEYPAD[code]
        if code not in SIGNS or self._held & META:
            return ""
        plain, shifted = SIGNS[code]
        if self._held & CONTROL:
            if code == LETTER_U and self._held & SHIFT:
                self._hex_number = ""
                return ""
            return _control(plain)
        return shifted if bool(self._held & SHIFT) ^ (self._caps_lock and plain.isalpha()) else plain

    def _alt_key(self, code: int) -> str:
        sign = KEYPAD.get(code, "")
        if self._alt_number[:1] == "+":
            sign = sign or SIGNS.get(code, ("",))[0]
            allowed = sign in _HEX
        else:
            allowed = sign.isdigit() or (sign == "+" and not self._alt_number)
        if sign and allowed:
            self._alt_number = (self._alt_number + sign)[: _LONGEST_NUMBER + 1]
            return ""
        return UNKNOWN if code in SIGNS else ""

    def _hex_key(self, code: int, number: str) -> str:
        sign = KEYPAD.get(code) or SIGNS.get(code, ("",))[0]
        if sign and sign in _HEX:
            self._hex_number = (number + sign)[: _LONGEST_NUMBER + 1]
            return ""
        if code in (SPACE, ENTER, KEYPAD_ENTER):
            return self._hex_end()
        if code in (BACKSPACE, DELETE):
            self._hex_number = number[:-1]
            return ""
        self._hex_number = None
        return "" if code == ESCAPE else UNKNOWN + self._plain_key(code)

    def _hex_end(self) -> str:
        number, self._hex_number = self._hex_number, None
        return _by_hex(number or "")


def as_meant(text: str) -> str:
    """UTF-8 that was typed byte by byte with Alt numbers of the old PC code page; any other text as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("cp437").decode()
    except UnicodeError:
        return text


def _by_number(number: str) -> str:
    """What Windows types for Alt and this number: `nnn` of the PC code page, `0nnn` of Windows-1252, the larger ones
    and `+hhhh` of Unicode."""
    if number[0] == "+":
        return _by_hex(number[1:])
    if len(number) > _LONGEST_NUMBER:
        return UNKNOWN
    value = int(number)
    if not 0x80 <= value <= 0xFF:
        return _code_point(value)
    if number[0] != "0":
        return bytes([value]).decode("cp437")
    try:
        return bytes([value]).decode("cp1252")
    except UnicodeDecodeError:  # unassigned: stands for itself, and so as Windows has it
        return chr(value)


def _by_hex(number: str) -> str:
    return _code_point(int(number, 16)) if 0 < len(number) <= _LONGEST_NUMBER else UNKNOWN


def _code_point(value: int) -> str:
    return UNKNOWN if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF else chr(value)


def _control(plain: str) -> str:
    """What a terminal takes Ctrl and a key for: scanners type CR, TAB or GS so."""
    upper = plain.upper()
    return chr(ord(upper) & 0x1F) if "A" <= upper <= "]" else ""
