"""What the keys of a US keyboard type, by the kernel's key codes (linux/input-event-codes.h). Data only.

Scanners that act as a keyboard send a US one's keys unless they are told otherwise (kiosk.md 3.2). Keypad digits are
digits whatever Num Lock says: nobody steers a cursor here, and Linux starts with it off.
"""

ESCAPE, BACKSPACE, DELETE, CLEAR = 1, 14, 111, 355
LETTER_U, SPACE, ENTER, KEYPAD_ENTER = 22, 57, 28, 96
CAPS_LOCK, CAPS_LOCK_LED = 58, 1
SHIFT = frozenset({42, 54})
CONTROL = frozenset({29, 97})
ALT = frozenset({56, 100})
META = frozenset({125, 126})
MODIFIERS = SHIFT | CONTROL | ALT | META

_ROWS = (  # first code, without shift, with shift
    (2, "1234567890-=\b\t", "!@#$%^&*()_+\b\t"),
    (16, "qwertyuiop[]\n", "QWERTYUIOP{}\n"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (SPACE, " ", " "),
    (86, "<", ">"),  # the key that only European keyboards have
)
SIGNS = {
    first + at: (plain, shifted)
    for first, plains, shifteds in _ROWS
    for at, (plain, shifted) in enumerate(zip(plains, shifteds, strict=True))
}
"""What a key types without and with shift."""

_KEYPAD = {55: "*", 98: "/", 117: "=", 121: ",", 179: "(", 180: ")", KEYPAD_ENTER: "\n"}
KEYPAD = {
    **{71 + at: sign for at, sign in enumerate("789-456+1230.")},
    **{512 + at: sign for at, sign in enumerate("0123456789*#")},  # the keys of a telephone
    **_KEYPAD,
    **{ESCAPE: "\x1b", CLEAR: "\x1b", DELETE: "\b"},
}
"""What a key types whatever modifiers say: the keypad, and the keys that undo."""

DIGITS = (frozenset(range(2, 12)), frozenset({71, 72, 73, 75, 76, 77, 79, 80, 81, 82}), frozenset(range(512, 522)))
"""The codes of the ten digits in every place where a keyboard may have them."""

LETTERS = frozenset(code for code, (plain, _) in SIGNS.items() if plain.isalpha())
