"""Which letters and signs a card can have printed on it, and the traces that damaged letters leave.

Cards are printed in Latin letters, also for ethnic minorities: a Chinese letter or `áº` inside is a decoder's doing.
Pure; knows no card and no repair.
"""

import re
import unicodedata

APOSTROPHES = "'’‘ʼ`´"
_NAME_SIGNS = frozenset(APOSTROPHES)  # one of them is a letter in Unicode
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
# In names: also the b with a stroke of Ê Đê, and carons where somebody had no key for the breve.
_OF_NAMES = _OF_VIETNAM | frozenset("ƀɃǎǍěĚǐǏǒǑǓ\u030c")

_UNSEEN = "\u034f"  # combining grapheme joiner
_MOST_MARKS = 2  # beside what NFC puts into a letter: `ơ̆` with a tone
_PILED_UP = re.compile(rf"{_UNSEEN}|[\u0300-\u036f]{{4}}")

# What is left of Vietnamese written in a code page of its own and read in a Western one, where each letter by itself
# is Vietnamese again. TCVN3: capitals with marks in the middle of words (`TrÇn`). VNI: the mark is a letter behind its
# vowel (`Traàn`, `Vaên`, `Leâ`, `Vuõ`). Code page 1258: so are the tones (`Thaòch`, `Meìt`). `oà`, `oò`, `uì` and
# `giò` are left out, being Vietnamese (`Hoà`, `Voòng`, `Huình`), and `aê` at the end of a word, being Ê Đê.
_CAPITAL_INSIDE = re.compile("[a-z][ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝÑ]")
_MARK_BEHIND_VOWEL = re.compile(
    r"a[àáâãèéêú](?:ng|[cmnptuy])\b"
    r"|e[àáâã]|oâ|[aeyô][ùõ]|(?<!q)u[òùõ]|où|oõ(?!ng)"
    r"|[aăâãeêôõý][ìò]|(?<!g)i[ìò]"
)


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
    if _PILED_UP.search(text):
        return False
    return all(sign.isascii() or sign in _SIGNS or is_latin(sign) for sign in set(text))


def is_of_old_code_page(name: str) -> bool:
    """Whether letters of a name (NFC) are not those of Vietnam's peoples, or stand as no people there writes them.

    Names of citizens are in Vietnamese or another language of Vietnam (Civil Code 2015, Article 26), so an `Ç` or `Þ`
    is what TCVN3, VNI, VISCII or code page 1258 left when read in a Western one.
    """
    if name.isascii():
        return False
    if has_foreign_letters(name):
        return True
    marks = 0
    for sign in name:
        marks = marks + 1 if unicodedata.combining(sign) or sign == _UNSEEN else 0
        if marks > _MOST_MARKS or (marks and sign not in _OF_NAMES):
            return True
    return bool(_CAPITAL_INSIDE.search(name) or _MARK_BEHIND_VOWEL.search(name.lower()))


def has_foreign_letters(text: str) -> bool:
    """Whether letters with marks are there that no people of Vietnam writes."""
    return any(sign.isalpha() and not sign.isascii() and sign not in _OF_NAMES | _NAME_SIGNS for sign in text)


def is_vietnamese(text: str) -> bool:
    """Whether all letters are of Vietnam's peoples: what a text must be that was made by undoing damage."""
    return is_printable(text) and all(sign.isascii() or sign in _SIGNS or sign in _OF_VIETNAM for sign in set(text))
