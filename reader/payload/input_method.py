"""Recognises a payload that went through a Vietnamese input method, or was typed in the keys of one.

A scanner that plays keyboard types into whatever the machine has set up. Telex turns letters into marks (`nguyeenx` is
`nguyễn`), VNI digits behind letters (`nguye64n`); the Vietnamese keyboard layout has letters where digits are. What
comes out can be read in several ways, so nothing is guessed: the payload is refused whole, also where its number or its
name looks untouched, because what stands beside it would be a wrong name or address that looks like one.

True names and addresses must never be taken for such text. One word tells little: `Coor` is a Cơ Tu name and Telex for
`Cổ`, `Lee Soo` a Korean one, `To5` an address in a hurry. So each word has a weight: those that no language writes
(`Binhf`, `Phuwowng`) are certain by themselves, the others are weighed together, and a word that only ever appears
without its marks (`Nguyen`, `Phuong`) says that marks were lost, not typed. Pure.
"""

import re
import unicodedata

_ONSET = r"(?:ngh|nh|ng|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnpqrstvx])?"
_CODA = r"(?:ch|ng|nh|[ckmnpt])?"
# Telex: marks of vowels doubled or with `w`, the tone behind the vowel or the word, or all keys behind the word.
_TELEX = re.compile(rf"(d?){_ONSET}([aeiouyw]{{1,5}})(?:([sfrxj])([aeiouyw]{{0,2}}))?({_CODA})([aeow]?)([sfrxj]?)")
# The vowels of Vietnamese syllables, bare and as Telex writes them: `owe` and `iew` are English.
_VOWELS = re.compile(
    "[aeiouy]|a[iouy]|eo|i[aeu]|o[aei]|u[aeioy]|ye|oa[iyo]|oeo|ua[iy]|uy[aeu]|ieu|yeu|uoi|uou"
    "|aa[uy]?|aw|eeu?|oo[iw]?|ow[i]?|uw[aiu]?|[iy]eeu?|uyee|oaw|uee|uooi?|uaay?|uow[iu]?|uwow[iu]?|w|wow[iu]?"
)
_NEVER_ELSEWHERE = re.compile("uw|uow|iee|yee|uoo|uaa|uee|aay|aau|eeu|oaw|^w")  # as no other language writes vowels
_STOPS = frozenset({"c", "ch", "k", "p", "t"})  # a syllable that ends so has one of two tones, `s` or `j`
# Words that are Telex for something and stand in true names and addresses all the same.
_FOREIGN = re.compile(
    "of|if|chef|leaf|reef|beef|deaf|roof|hoof|goof|thief|taj|raj|haj|max|rex|lux|tex|dex|lex|vox|fox|box|fix|mix|"
    "six|tax|bis|tess|roos|noor|moor|thor|star|door|pear|bear|gear|near|hear|tear|dear|year|air|chair|hair|pair|"
    "tour|four|your|our|hour|boar|roar|coor|ksor|gas|bus|plus|his|its|has|was|as|is|us|or|for|her|sir|car|bar|pax|"
    "cox|nix|hex|wow"
)
# What an address numbers: a digit glued to one of these is its number.
_UNITS = re.compile("to|lo|khu|toa|nha|ap|ngo|hem|thon|xom|so|tang|can|cum|doi|phong|quan|phuong|lau|ngach")
_VNI = re.compile(r"d?9?[a-z]+[0-9][a-z0-9]*")
_VNI_MARKS = re.compile(r"(?=[6-9]{0,2}[1-5]?[6-9]{0,2}\Z)[1-9]{1,3}")
# `Lo3C`, `khu3a`: a house and its letter, which is none that ends a syllable.
_HOUSE = re.compile(r"[A-Za-z]*[a-z][0-9]+[A-Z]|[A-Za-z]+[0-9]+[abd]|[A-Z]+[0-9]+[ABD]")
_SYLLABLE = re.compile(rf"{_ONSET}[aeiouy]{{1,3}}{_CODA}")
# Vietnamese only with marks: iê, yê, uô, ươ.
_MARKS_LOST = re.compile(rf"{_ONSET}(?:u?ye|ie|uo)(?:ch|ng|nh|[cmnpt]|u|i)")
_WORDS = re.compile(r"[^\W\d_][\w'’ʼ`´‘]*")
# `Nữ` in the keys of either: the horn typed as `w`, `]` or `7` (with or without the vowel), the tone as `x` or `4`.
_SEX = re.compile(r"n(?:u?(?:[w\]}7]+[x4]?|[x4][w\]}7]*)|uu?[w7x4]+)", re.IGNORECASE)

_LEAST = 3  # words that weigh anything: two are chance (`Danh Lewis`, `Sky View`)
_SURE = 3.0  # weight of all words together
_SHARE = 0.4  # of the words that can be syllables at all
_CERTAIN = 3.0  # weight of a word that is enough by itself
# What the Vietnamese layout has on its row of digits, letters and marks apart.
_DIGIT_ROW = frozenset("đaeo\u0302\u0306\u0300\u0301\u0303\u0309\u0323")
_HEX = re.compile("[0-9a-f]{8,}")


def wrote_name(name: str) -> bool:
    """Whether a name shows the keys of an input method: digits inside its syllables, or Telex in most of its words."""
    return any(map(_vni_weight, _words(name))) or _show_keys(name)


def wrote_any(name: str, sex: str, residence: str) -> bool:
    """Whether name, printed sex or residence, or all together, show the keys of one. A word typed in keys has no letter
    beyond ASCII; the fields and the words beside it may."""
    if _SEX.fullmatch(sex) or _show_keys(residence):
        return True
    return f"{name}{sex}{residence}".isascii() and sex.lower() != "nu" and _show_keys(f"{name} {residence}")


def perhaps_wrote(field: str) -> bool:
    """Whether a name or address without any letter beyond ASCII has a word that may be keys and may be a word."""
    return field.isascii() and any(_weight(word) >= 1 for word in _words(field))


def wrote_digits(field: str) -> bool:
    """Whether a field that holds digits alone, or hexadecimal ones, came out as letters with marks."""
    if field.isascii() or len(field) < len("yyyy"):
        return False
    apart = unicodedata.normalize("NFD", field.lower())
    if set(apart) <= _DIGIT_ROW | set("0123456789"):
        return True
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign)).replace("đ", "d")
    return bool(_HEX.fullmatch(bare)) or bool(re.fullmatch(r"[a-z]{2}[0-9]{10,13}", bare))


def _show_keys(text: str) -> bool:
    """Whether one word is certain, or the words weigh enough together and enough of them weigh anything."""
    words = _words(text)
    weights = {word: _weight(word) for word in words}
    certain = sum(weight >= _CERTAIN for weight in weights.values())
    if certain > 1:
        return True
    if any(_MARKS_LOST.fullmatch(word.lower()) for word in words):
        return False
    weighty = [weight for weight in weights.values() if weight]
    plain = sum(1 for word, weight in weights.items() if not weight and _SYLLABLE.fullmatch(word.lower()))
    marked = sum(not word.isascii() for word in _WORDS.findall(text))
    together = len(weighty) >= _LEAST and sum(weighty) >= _SURE
    return bool(certain) or (together and len(weighty) >= _SHARE * (len(weighty) + plain + marked))


def _words(text: str) -> list[str]:
    return [word for word in _WORDS.findall(text) if word.isascii() and len(word) > 1]


def _weight(word: str) -> float:
    return _telex_weight(word.lower()) or _vni_weight(word)


def _telex_weight(word: str) -> float:
    """Three where no language writes so; less for what has a look of it: a doubled vowel alone half."""
    match = _TELEX.fullmatch(word)
    if not match:
        return 0
    crossed, vowels, first, rest, coda, behind, last = match.groups()
    vowels = re.sub("w+", "w", vowels + (rest or ""))
    if not _VOWELS.fullmatch(vowels) or (first and last) or (behind and behind != "w" and behind not in vowels):
        return 0
    tone = first or last
    if tone and tone not in "sj" and coda in _STOPS:
        return 0
    if _FOREIGN.fullmatch(word):
        return 0.5
    doubled = any(pair in vowels for pair in ("aa", "ee", "oo"))
    hooked = "w" in vowels or behind == "w"
    if (crossed and word.startswith("dd")) or _NEVER_ELSEWHERE.search(vowels):
        return _CERTAIN
    if tone:
        return _tone_weight(tone, coda, marked=doubled or hooked or bool(behind), inside=bool(first))
    return 1 if hooked else 0.5 if doubled else 0


def _tone_weight(tone: str, coda: str, *, marked: bool, inside: bool) -> float:
    """`f`, `j` and `x` end nothing else, `r` nothing behind another consonant; `s` is a plural of English."""
    if tone in "fjx" or (inside and coda in {"ng", "nh"}) or (not inside and (coda == "nh" or (coda and tone == "r"))):
        return _CERTAIN
    return 2 if (marked and not coda) or (inside and coda == "ch") else 1.5 if marked else 1


def _vni_weight(word: str) -> float:
    """Three for a syllable with the digits of its marks inside, less behind; `To5` and `KP4` are addresses."""
    small = re.sub("^d9(?=[a-z])", "d", word.lower())
    digits = re.sub("[a-z]", "", small)
    bare = re.sub("[0-9]", "", small)
    if not _VNI.fullmatch(small) or len(bare) < 2 or not _SYLLABLE.fullmatch(bare) or not _VNI_MARKS.fullmatch(digits):
        return 0
    if _HOUSE.fullmatch(word):
        return 1 if small[-1] in "aeiouy" and not _UNITS.fullmatch(bare[:-1]) else 0
    if re.search("[0-9][a-z]", small):
        return _CERTAIN
    return 2 if len(digits) > 1 else 0 if _UNITS.fullmatch(bare) else 1
