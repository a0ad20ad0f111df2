"""Texts that a card holds, made fit to be shown and compared: control characters out, one way of composing letters.

Bounded, because a card may put anything there. Must not know files.
"""

import unicodedata

MAX_TEXT = 1000  # characters; the longest address seen has 159 bytes


def tidy(raw: str) -> str:
    """The text in NFC up to its first NUL, single spaces, without what has no place in a name or an address.

    Those are the characters of Unicode's categories C: control, format, unassigned.
    """
    head = raw.split("\0", 1)[0]
    clean = head if head.isprintable() else "".join(c if unicodedata.category(c)[0] != "C" else " " for c in head)
    return " ".join(unicodedata.normalize("NFC", clean).split())


def utf8(raw: bytes) -> str | None:
    """A text of the card, None when it is no UTF-8, empty, or without measure."""
    if len(raw) > 4 * MAX_TEXT:
        return None
    try:
        text = tidy(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= MAX_TEXT else None


def without_fillers(text: str) -> str:
    """A name as the machine-readable zone writes it, its fillers as spaces: `SMITH<<JOHN` is `SMITH JOHN`."""
    return " ".join(part for part in text.replace("<", " ").split())
