"""From what each letter of a machine-readable zone may be to the one text whose check digits all agree.

A camera's letters are never sure, but a zone says much twice: check digits (7-3-1), the composite digit, and on the
Vietnamese card the document number inside the twelve-digit number. The likeliest text that keeps all of these is
taken, and only when every other such text is far less likely. Pure numpy; must not import OpenCV.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reader.errors import CardBroken
from reader.lds.dg1 import VIETNAM, Mrz, check_digit, parse_zone
from reader.reading import Sex

Chances = npt.NDArray[np.float32]
"""Letters of one line x the 37 of LETTERS: the natural logarithm of the chance that the letter is that one."""

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
FILLER = LETTERS.index("<")
_PLACE = {letter: place for place, letter in enumerate(LETTERS)}

# Nats. A letter read with certainty stands some 8 above the next; measured in docs/optical.md.
MOST_EXCESS = 12.0  # how much less likely than the letters alone a corrected text may be
MOST_BOLD = 5.0  # the same of one letter: what is read clearly stands there, and if it is wrong the zone is wrong
GUESS = -1.6  # a letter less likely than that was not seen, but concluded from the check digits
MOST_GUESSED = 1  # two that are five off (1 and 6, 2 and 7) keep every check digit there is
LEAST_MARGIN = 4.0  # how much likelier than the next text that keeps every check
LEAST_SURE = -25.0  # how unlikely the checked letters may be in all
_ODD = 3.0  # how much less likely a text is that contradicts itself twice where no check digit stands

_NOTHING = 1e-3  # nats; what remains of zero after adding and subtracting
_ALTERNATIVES = 10  # of one letter: all digits, so that none is left out of the comparison
_SPELLINGS = 160  # of one field while it is spelled
_KEPT = 24  # of one field that keeps its own check
_TRIES = 600  # whole texts

_DIGITS = LETTERS[:10]
_ALPHA = LETTERS[10:36]
_KINDS = "ACIPV"
# ISO 3166-1 alpha-3, and the codes of Doc 9303-3, section 5, that are not states; UTO is the standard's specimen.
STATES = tuple(
    """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR
    BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP
    CZE D<< DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP
    GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR
    JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL
    MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK
    PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR
    SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA
    UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
    EUE GBD GBN GBO GBP GBS RKS UNA UNK UNO UTO XBA XCC XCE XCO XEC XES XIM XMP XOM XPO XXA XXB XXC XXX
    """.split()  # noqa: SIM905 - a list of 260 would be 40 lines
)


class Spelling(NamedTuple):
    """A text for one field, and how much less likely it is than the likeliest letters there."""

    excess: float
    text: str


class Corrected(NamedTuple):
    """The lines of one zone, and in nats: `excess` over the likeliest letters in all and `boldest` for one letter,
    `margin` to the next text, `sure`: the chance of all letters but the name's. `guessed`: how many of these were
    hardly seen at all.
    """

    lines: tuple[str, ...]
    excess: float
    boldest: float
    guessed: int
    margin: float
    sure: float

    @property
    def accepted(self) -> bool:
        """Whether it is beyond reasonable doubt."""
        corrected = self.excess <= MOST_EXCESS and self.boldest <= MOST_BOLD and self.guessed <= MOST_GUESSED
        return corrected and self.margin >= LEAST_MARGIN and self.sure >= LEAST_SURE


def correct(lines: Sequence[Chances]) -> Corrected | None:
    """The likeliest text with every check digit right, with a name as read; None when there is none.

    `lines`: three of 30 letters, or two of 36 or 44 (Doc 9303-5, -6, -4).
    """
    shape = tuple(len(line) for line in lines)
    checked = lines[:2] if len(lines) == 3 else (*(line[:5] for line in lines[:1]), *lines[1:])
    if sum(float(line.max(axis=1).sum()) for line in checked) < LEAST_SURE:
        return None  # no text could be accepted
    if shape == (30, 30, 30):
        # A Vietnamese card says more of itself than the standard asks (card.md 3.1): that comes first.
        vietnamese = _best(_vietnamese(lines), lines, _join_vietnamese)
        if vietnamese is not None and vietnamese.accepted:
            return vietnamese
        standard = _best(_standard(lines), lines, _join_standard)
        if standard is None or standard.lines[0][2:5] != VIETNAM:
            return standard
        return vietnamese if standard.excess > _NOTHING else standard
    if shape in {(36, 36), (44, 44)}:
        return _best(_two_lines(lines), lines, _join_two_lines)
    return None


def _vietnamese(lines: Sequence[Chances]) -> list[list[Spelling]]:
    first, second, _ = lines
    number = np.concatenate([first[15:18], first[5:14] + first[18:27], first[14:15], first[27:30]])
    return [
        _spelled(first[:5], list("ID" + VIETNAM)),
        # Three digits, the nine that stand twice, their check digit, `<<`, the check digit of the twelve.
        _spelled(number, [_DIGITS] * 13 + ["<", "<", _DIGITS], _is_vietnamese_number),
        _spelled(second[:7], [_DIGITS] * 2 + [_DIGITS + "<"] * 4 + [_DIGITS], _is_birth),
        _spelled(second[7:8], ["MF<"]),
        _spelled(second[8:15], [_DIGITS] * 7, _is_expiry),
        _spelled(second[15:18], list(VIETNAM)),
        _spelled(second[18:29], ["<"] * 11),
        _spelled(second[29:30], [_DIGITS]),
    ]


def _is_vietnamese_number(text: str) -> bool:
    return check_digit(text[3:12]) == text[12] and check_digit(text[:12]) == text[15]


def _join_vietnamese(parts: Sequence[str]) -> tuple[str, ...]:
    head, number, *rest = parts
    return head + number[3:13] + number[:12] + number[13:], "".join(rest)


def _standard(lines: Sequence[Chances]) -> list[list[Spelling]]:
    first, second, _ = lines
    return [
        _head(first[:5], _KINDS, STATES),
        _spelled(first[5:15], [LETTERS] * 9 + [_DIGITS + "<"], _is_number),
        _spelled(first[15:30], [LETTERS] * 15),
        _spelled(second[:7], [_DIGITS + "<"] * 6 + [_DIGITS], _is_birth),
        _spelled(second[7:8], ["MF<"]),
        _spelled(second[8:15], [_DIGITS] * 7, _is_expiry),
        _state(second[15:18], STATES),
        _spelled(second[18:29], [LETTERS] * 11),
        _spelled(second[29:30], [_DIGITS]),
    ]


def _join_standard(parts: Sequence[str]) -> tuple[str, ...]:
    return "".join(parts[:3]), "".join(parts[3:])


def _two_lines(lines: Sequence[Chances]) -> list[list[Spelling]]:
    first, second = lines
    return [
        _head(first[:5], _KINDS, STATES),
        _spelled(second[:10], [LETTERS] * 9 + [_DIGITS + "<"], _is_number),
        _state(second[10:13], STATES),
        _spelled(second[13:20], [_DIGITS + "<"] * 6 + [_DIGITS], _is_birth),
        _spelled(second[20:21], ["MF<"]),
        _spelled(second[21:28], [_DIGITS] * 7, _is_expiry),
        _spelled(second[28:-1], [LETTERS] * (len(second) - 30) + [_DIGITS + "<" if len(second) == 44 else LETTERS]),
        _spelled(second[-1:], [_DIGITS]),
    ]


def _join_two_lines(parts: Sequence[str]) -> tuple[str, ...]:
    return parts[0], "".join(parts[1:])


def _best(
    fields: Sequence[list[Spelling]], lines: Sequence[Chances], join: Callable[[Sequence[str]], tuple[str, ...]]
) -> Corrected | None:
    """The likeliest of all combinations that keeps every check of its size, and the distance to the next."""
    name = name_as_read(lines[2] if len(lines) == 3 else lines[0][5:])
    kept: list[Spelling] = []
    seen_to = 0.0  # nothing less unlikely is left
    for excess, parts in itertools.islice(_combinations(fields), _TRIES):
        seen_to = excess
        if excess > (kept[0].excess + 2 * LEAST_MARGIN if kept else MOST_EXCESS) + _ODD:
            break
        checked = join(parts)
        zone = _checked((*checked, name) if len(lines) == 3 else (checked[0] + name, checked[1]))
        if zone is not None:
            kept.append(Spelling(excess + _oddness(zone), "\n".join(zone.lines)))
    if not kept:
        return None
    found, *others = sorted(kept)
    margin = min([other.excess for other in others] + [seen_to]) - found.excess
    texts = tuple(found.text.split("\n"))
    chances, likeliest = zip(*_checked_letters(texts, lines), strict=True)
    return Corrected(
        texts,
        found.excess,
        boldest=max(best - chance for chance, best in zip(chances, likeliest, strict=True)),
        guessed=sum(chance < GUESS for chance in _seen_twice(texts, chances)),
        margin=margin,
        sure=sum(chances),
    )


def _checked_letters(texts: Sequence[str], lines: Sequence[Chances]) -> Iterator[tuple[float, float]]:
    """Of each letter but the name's: its chance, and that of the likeliest letter there."""
    for row, (text, line) in enumerate(zip(texts, lines, strict=True)):
        if len(texts) == 3 and row == 2:
            return
        known = 5 if len(texts) == 2 and row == 0 else len(text)
        for place in range(known):
            yield float(line[place, _PLACE[text[place]]]), float(line[place].max())


def _seen_twice(texts: Sequence[str], chances: Sequence[float]) -> list[float]:
    """The chances, but where a Vietnamese card says a digit twice, the better of the two."""
    if len(texts) != 3 or texts[0][2:5] != VIETNAM or texts[0][5:14] != texts[0][18:27]:
        return list(chances)
    better = [max(pair) for pair in zip(chances[5:14], chances[18:27], strict=True)]
    return [*chances[:5], *better, *chances[14:18], *chances[27:]]


def _oddness(zone: Mrz) -> float:
    """How unusual it is that a Vietnamese number disagrees with its holder's sex or birth year: both can be corrected
    by law while the number stays (card.md 2), so it is only less likely.
    """
    number = zone.personal_id
    if number is None:
        return 0.0
    sexes = {Sex.MALE: 0, Sex.FEMALE: 1, Sex.UNKNOWN: int(number[3]) % 2}
    return _ODD / 2 * ((number[4:6] != zone.birth[:2]) + (sexes[zone.sex] != int(number[3]) % 2))


def _combinations(fields: Sequence[list[Spelling]]) -> Iterator[tuple[float, list[str]]]:
    """One spelling of each field, the likeliest first."""
    if not all(fields):
        return
    start = (0,) * len(fields)
    todo = [(sum(field[0].excess for field in fields), start)]
    seen = {start}
    while todo:
        excess, chosen = heapq.heappop(todo)
        yield excess, [field[n].text for field, n in zip(fields, chosen, strict=True)]
        for at, n in enumerate(chosen):
            following = (*chosen[:at], n + 1, *chosen[at + 1 :])
            if n + 1 < len(fields[at]) and following not in seen:
                seen.add(following)
                step = fields[at][n + 1].excess - fields[at][n].excess
                heapq.heappush(todo, (excess + step, following))


def _checked(lines: tuple[str, ...]) -> Mrz | None:
    try:
        zone = parse_zone("".join(lines))
    except CardBroken:
        return None
    return None if zone.faults else zone


def _spelled(chances: Chances, allowed: Sequence[str], keeps: Callable[[str], bool] | None = None) -> list[Spelling]:
    """The likeliest texts of a field whose letters are all allowed in their place, and which it keeps."""
    spellings = [Spelling(0.0, "")]
    for row, letters in zip(chances.tolist(), allowed, strict=True):
        likeliest = max(row)
        options = sorted((likeliest - row[_PLACE[letter]], letter) for letter in letters)[:_ALTERNATIVES]
        longer = [
            Spelling(before + excess, text + letter)
            for before, text in spellings
            for excess, letter in options
            if before + excess <= MOST_EXCESS + LEAST_MARGIN
        ]
        spellings = sorted(longer)[:_SPELLINGS]
    return [spelling for spelling in spellings if keeps is None or keeps(spelling.text)][:_KEPT]


def _head(chances: Chances, kinds: Sequence[str], states: Sequence[str]) -> list[Spelling]:
    """Kind of document and issuing state."""
    kind = _spelled(chances[:2], ["".join(kinds), _ALPHA + "<"])
    pairs = itertools.product(kind, _state(chances[2:], states))
    return sorted(Spelling(a.excess + b.excess, a.text + b.text) for a, b in pairs)[:_KEPT]


def _state(chances: Chances, states: Sequence[str]) -> list[Spelling]:
    least = float(chances.max(axis=1).sum())
    rows = range(3)
    spellings = (
        Spelling(least - sum(float(chances[n, LETTERS.index(state[n])]) for n in rows), state) for state in states
    )
    return sorted(s for s in spellings if s.excess <= MOST_EXCESS + LEAST_MARGIN)[:_KEPT]


def _is_number(text: str) -> bool:
    """A number that runs on in the optional data has a filler here, and its check digit there (Doc 9303-5, note j)."""
    return text[9] == "<" or check_digit(text[:9]) == text[9]


def _is_birth(text: str) -> bool:
    """Month and day, or the day, may be unknown (Doc 9303-3, 4.8)."""
    known = text[:6].rstrip("<")
    if check_digit(text[:6]) != text[6] or len(known) not in {0, 2, 4, 6} or "<" in known:
        return False
    return len(known) < 4 or _is_date((known + "01")[:6])


def _is_expiry(text: str) -> bool:
    return check_digit(text[:6]) == text[6] and _is_date(text[:6])


def _is_date(digits: str) -> bool:
    try:
        date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return False
    return True


def name_as_read(chances: Chances) -> str:
    """The likeliest name of the form `PRIMARY<<SECONDARY<...` with fillers up to the end.

    No check digit covers it: nothing may be concluded from it. Letters and single fillers take turns, one double
    filler may stand between the two parts, and after any third filler come fillers only (Doc 9303-3, 4.6).
    """
    letters = chances[:, 10:36].max(axis=1)
    fillers = chances[:, FILLER]
    # 0 primary, 1 filler in it, 2 second filler, 3 secondary, 4 filler in it, 5 the end.
    before = {0: (0, 1), 1: (0,), 2: (1,), 3: (2, 3, 4), 4: (3,), 5: (2, 4, 5, 1)}
    score = [0.0, *[-np.inf] * 5]
    score[0] = float(letters[0])
    came: list[list[int]] = []
    for place in range(1, len(chances)):
        source = [max(before[state], key=score.__getitem__) for state in range(6)]
        score = [
            score[source[state]] + float(letters[place] if state in {0, 3} else fillers[place]) for state in range(6)
        ]
        came.append(source)
    state = int(np.argmax(score))
    states = [state]
    for source in reversed(came):
        states.append(source[states[-1]])
    likeliest = chances[:, 10:36].argmax(axis=1)
    kept = zip(reversed(states), likeliest, strict=True)
    return "".join(_ALPHA[int(letter)] if at in {0, 3} else "<" for at, letter in kept)
