"""Signs that keys type: modifiers, locks, and the ways in which scanners type letters without a key."""

import pytest

from reader.payload.text import mend
from reader.scanner.keystrokes import UNKNOWN, Keystrokes, as_meant
from tests.support.keyboards import Key, key, stroke, us_keys

PRINTABLE = "".join(map(chr, range(0x20, 0x7F))) + "\n\t"
VIETNAMESE = "Nguyễn Thị Ưởng, Đắk Lắk"


def typed(keys: list[Key], caps_lock: bool = False) -> str:
    keystrokes = Keystrokes(caps_lock=caps_lock)
    return "".join(keystrokes.key(*pressed) for pressed in keys)


def down(*names: str) -> list[Key]:
    return [Key(key(name), 1) for name in names]


def up(*names: str) -> list[Key]:
    return [Key(key(name), 0) for name in names]


def alt(number: str) -> list[Key]:
    names = {"+": "KPPLUS"}
    digits = [names.get(sign, f"KP{sign}" if sign.isdigit() else sign.upper()) for sign in number]
    return [*down("LEFTALT"), *(part for name in digits for part in stroke(name)), *up("LEFTALT")]


def ctrl_shift_u(number: str, held: bool) -> list[Key]:
    modifiers = ("LEFTCTRL", "LEFTSHIFT")
    digits = [part for sign in number for part in stroke(sign.upper())]
    if held:
        return [*down(*modifiers), *stroke("U"), *digits, *up(*modifiers)]
    return [*down(*modifiers), *stroke("U"), *up(*modifiers), *digits, *stroke("SPACE")]


def test_every_sign_of_a_us_keyboard() -> None:
    assert typed(us_keys(PRINTABLE)) == PRINTABLE


@pytest.mark.parametrize("shift", ["LEFTSHIFT", "RIGHTSHIFT"])
def test_caps_lock_turns_letters_only_and_shift_turns_them_back(shift: str) -> None:
    both = [*us_keys("a1|"), *stroke(shift, "B"), *stroke("CAPSLOCK"), *us_keys("a1")]
    assert typed(both) == "a1|BA1"
    assert typed(both, caps_lock=True) == "A1|ba1"


def test_the_keypad_types_digits_whatever_num_lock_says() -> None:
    keys = [part for digit in "0123456789" for part in stroke(f"KP{digit}")]
    signs = [
        part for name in ("KPMINUS", "KPPLUS", "KPDOT", "KPASTERISK", "KPSLASH", "KPENTER") for part in stroke(name)
    ]
    assert typed([*keys, *stroke("NUMLOCK"), *down("LEFTSHIFT"), *keys, *up("LEFTSHIFT"), *signs]) == (
        "0123456789" * 2 + "-+.*/\n"
    )


@pytest.mark.parametrize("name", ["F1", "LEFT", "HOME", "PAGEDOWN", "INSERT", "MUTE", "NUMLOCK", "LEFTMETA"])
def test_keys_that_type_nothing_type_nothing(name: str) -> None:
    assert typed(stroke(name)) == ""


def test_keys_that_take_back_say_so() -> None:
    assert typed([*stroke("BACKSPACE"), *stroke("DELETE"), *stroke("ESC")]) == "\b\b\x1b"


def test_control_and_a_letter_is_a_control_sign() -> None:
    sent = [stroke("LEFTCTRL", name) for name in ("M", "I", "RIGHTBRACE", "B", "1")]
    assert typed([part for keys in sent for part in keys]) == "\r\t\x1d\x02"


@pytest.mark.parametrize(
    ("number", "sign"),
    [
        ("65", "A"),
        ("065", "A"),
        ("124", "|"),
        ("013", "\r"),
        ("130", "é"),
        ("0233", "é"),
        ("0128", "€"),
        ("0129", "\x81"),
        ("7877", "ễ"),
        ("07877", "ễ"),
        ("+1ec5", "ễ"),
        ("1114112", UNKNOWN),
        ("55296", UNKNOWN),
        ("0000000000065", UNKNOWN),
        ("+", UNKNOWN),
        ("", ""),
    ],
)
def test_alt_and_a_number_is_the_sign_of_that_number(number: str, sign: str) -> None:
    assert typed(alt(number)) == sign


@pytest.mark.parametrize("held", [True, False])
def test_control_shift_u_and_a_number_is_the_letter_of_that_number(held: bool) -> None:
    keys = [part for sign in VIETNAMESE for part in ctrl_shift_u(f"{ord(sign):x}", held)]
    assert typed(keys) == VIETNAMESE


@pytest.mark.parametrize("number", ["", "d800", "110000", "123456789a"])
def test_a_number_of_no_letter_is_unknown(number: str) -> None:
    assert typed(ctrl_shift_u(number, held=False)) == UNKNOWN


def test_a_letter_that_was_begun_and_not_ended_is_unknown_and_the_next_one_stands() -> None:
    begun = [*down("LEFTCTRL", "LEFTSHIFT"), *stroke("U"), *up("LEFTSHIFT", "LEFTCTRL"), *us_keys("1ez")]
    assert typed(begun) == UNKNOWN + "z"


def test_keys_of_another_layout_are_unknown() -> None:
    assert typed(stroke("RIGHTALT", "6")) == UNKNOWN


@pytest.mark.parametrize("zero", ["0", ""])
def test_letters_sent_byte_by_byte_come_back(zero: str) -> None:
    text = typed([part for byte in VIETNAMESE.encode() for part in alt(f"{zero}{byte}")])
    assert mend(as_meant(text)).text == VIETNAMESE


@pytest.mark.parametrize("text", [VIETNAMESE, "abc", "é", "±½", ""])
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert as_meant(text) == text


def test_what_is_held_at_the_beginning_counts() -> None:
    keystrokes = Keystrokes(held=[key("LEFTSHIFT"), key("A")])
    assert keystrokes.key(key("B"), 1) == "B"
    assert keystrokes.key(key("LEFTSHIFT"), 0) == ""
    assert keystrokes.key(key("B"), 1) == "b"
