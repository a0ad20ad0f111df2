"""Which letters and signs a card can have printed on it, and the traces that damaged letters leave.

Cards are printed in Latin letters, also for ethnic minorities: a Chinese letter or `áº` inside is a decoder's doing.
Pure; knows no card and no repair.
"""

import re
import unicodedata

APOSTROPHES = "'’‘ʼ`´"
# Beside letters, digits and ASCII: what word processors put into an address by themselves.
_SIGNS = frozenset(
    APOSTROPHES + "‐‑‒–—―“”„…•·°²³½¼¾×№\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
)

# UTF-8 read in a Western code page, where a part was lost on the way and the whole cannot be undone: two bytes begin
# with Ã Ä Å Æ Ì (Ă in code page 1258), three with `áº`, `á»` or `â€`. No people of Vietnam writes Ä Å Æ. Of what may
# follow Ã, quotes and dashes are left out, because a text in capitals has words that end in it. A capital Ã inside a
# word in small letters is `à` or `í` whose second byte, a no-break space or a soft hyphen, was taken for white space.
_MOJIBAKE_LEFT = re.compile(
    "á[º»]|â€"
    "|Ă[\u0080-\u00bf‘’“”•–—…]"
    "|[ÃĂ][€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™š›œžŸ]"
    "|Ã[\u0080-\u00bf]"
    "|Ì[€\u0081ƒ†‡ˆ‰£]"
    "|[a-z]Ã|[A-Z]Ã(?=[a-z])|[ÄÅÆ]"
)

# The letters of Vietnamese, and those that Ê Đê, Gia Rai, Ba Na, Cơ Ho, M'Nông and others write beside them; in NFD
# they are letters and marks.
_MARKS = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
_PEOPLES = "ăâđêôơưƀñčĕĭŏŭǔɓɗ"


def _letters_of_vietnam() -> frozenset[str]:
    """Each vowel with each tone, composed, and all else that `_PEOPLES` write; small and capital."""
    toned = [
        unicodedata.normalize("NFC", vowel + tone)
        for vowel in "aăâeêioôơuưy"
        for tone in "\u0300\u0301\u0303\u0309\u0323"
    ]
    small = "".join(toned) + _PEOPLES
    return frozenset(small + small.upper() + _MARKS)


_OF_VIETNAM = _letters_of_vietnam()


def is_latin(sign: str) -> bool:
    """Whether this is a letter of the Latin script in normal width, or a mark upon one."""
    return "\u0300" <= sign <= "\u036f" or (sign.isalpha() and unicodedata.name(sign, "").startswith("LATIN "))


def is_printable(text: str) -> bool:
    """Whether a card can say this: no other scripts, no lost characters, no C1 controls, no traces of mojibake.

    ASCII passes whole, its controls too: those are for the caller to judge.
    """
    if text.isascii():
        return True
    if _MOJIBAKE_LEFT.search(text):
        return False
    return all(sign.isascii() or sign in _SIGNS or is_latin(sign) for sign in set(text))


def is_vietnamese(text: str) -> bool:
    """Whether all letters are of Vietnam's peoples: what a text must be that was made by undoing damage."""
    return is_printable(text) and all(sign.isascii() or sign in _SIGNS or sign in _OF_VIETNAM for sign in set(text))
