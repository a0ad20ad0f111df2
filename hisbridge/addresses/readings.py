"""Which ward, district and province of one place the mentions make together; the best win, equals stay equal."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from config.codelists.places import GONE, District, Era, Province, Ward, places
from hisbridge.addresses.mentions import Mention
from hisbridge.addresses.words import Words

NEAR = 0.3  # what it is worth to a ward that its district is mentioned, when few are kept
TIMES = 3
KEPT = (40, 4, 3)  # mentions of wards, districts and provinces weighed together in one province
GROUPS = 64
WORTH = 0.5  # a reading that is worse than the best by more is of no use to anyone
BONUS = 0.3  # more than what a reading can gain beyond the sum of its parts
OTHER_ERA = 0.25  # what a province's name of the other era is worth less
ITS_DISTRICT = 0.4  # and a district before a ward that was made in it; before an old ward it is worth more
MARGIN = 0.04  # readings this near to each other are equally good
_TAIL = ("viet", "nam", "vn", "vietnam")

Group = tuple[Era, str]
Levels = tuple[list[Mention], list[Mention], list[Mention]]


class Reading(NamedTuple):
    """One way to understand the text. `gap`: words between its parts that it leaves unexplained; `mixed`: its province
    is named by the other era's name, or its new ward under the district it was made in."""

    score: float
    era: Era
    province: str
    ward: Mention | None
    district: Mention | None
    named: Mention | None
    gap: int
    mixed: bool

    @property
    def unit(self) -> Ward | District | None:
        """The smallest unit that knows what it is today."""
        for mention in (self.ward, self.district):
            if mention and isinstance(mention.name.unit, Ward | District):
                return mention.name.unit
        return None


class Scene(NamedTuple):
    """What every reading is weighed against; `told`: a bit for each word that says something behind the last name;
    `least`: the sum of parts below which none is worth a look."""

    told: int
    longer: dict[tuple[int, str], Mention]
    marked_district: bool
    least: float


def readings(words: Words, mentions: Sequence[Mention]) -> list[Reading]:
    """All readings worth a look, best first, one for each ward (or district, or province) meant."""
    groups = _groups(mentions)
    promise = {group: _promise(found) for group, found in groups.items()}
    told = sum([1 << at for at, word in enumerate(words.words) if word.key not in _TAIL])
    longer, marked_district = _longest(mentions), words.announces_district()
    ranked: list[Reading] = []
    top = 0.0
    for group in sorted(promise, key=lambda group: (-promise[group], group))[:GROUPS]:
        if promise[group] + BONUS < top - WORTH:
            break
        best = _within(Scene(told, longer, marked_district, top - WORTH - BONUS), group, _kept(groups[group]))
        ranked += best
        top = max([top, *[reading.score for reading in best]])
    return sorted(ranked, key=lambda reading: -reading.score)


def _longest(mentions: Iterable[Mention]) -> dict[tuple[int, str], Mention]:
    """The longest name of a ward that begins at each word, by today's province; empty where none is longer."""
    ends = {(mention.first, mention.last) for mention in mentions if mention.name.level == 0}
    if len({first for first, _ in ends}) == len(ends):
        return {}
    found: dict[tuple[int, str], Mention] = {}
    for mention in mentions:
        if mention.name.level == 0:
            key = (mention.first, _today(mention))
            if key not in found or mention.last > found[key].last:
                found[key] = mention
    return found


def _today(mention: Mention) -> str:
    province = places().province(mention.name.era, mention.name.province)
    return province.new_code if province else ""


def _groups(mentions: Iterable[Mention]) -> dict[Group, list[Mention]]:
    """The mentions by province; a province's name of one era also speaks for those of the other that lie in it."""
    others = _other_names()
    found: dict[Group, list[Mention]] = defaultdict(list)
    for mention in mentions:
        level, era, province, *_ = mention.name
        found[era, province].append(mention)
        if level == 1:
            today = (Era.NEW, places().old_provinces[province].new_code)
            found[today].append(mention._replace(score=mention.score - ITS_DISTRICT))
        elif level == 2:
            for other in others[era, province]:
                found[other].append(mention._replace(score=mention.score - OTHER_ERA))
    return found


@cache
def _other_names() -> dict[Group, list[Group]]:
    """Each province to those of the other era that lie in it, or that it lies in, under another name."""
    known = places()
    found: dict[Group, list[Group]] = {(Era.NEW, code): [] for code in known.new_provinces}
    for old in known.old_provinces.values():
        other = known.new_provinces[old.new_code].name != old.name
        found[Era.OLD, old.code] = [(Era.NEW, old.new_code)] if other else []
        found[Era.NEW, old.new_code] += [(Era.OLD, old.code)] if other else []
    return found


def _promise(mentions: list[Mention]) -> float:
    """What the first mentions of each level are worth together."""
    if len(mentions) == 1:
        return mentions[0].score
    return sum([level[0].score for level in _kept(mentions) if level])


def _kept(mentions: list[Mention]) -> Levels:
    """The best of each level; wards of one name that lie in the districts mentioned before the others."""
    levels: Levels = ([], [], [])
    for mention in mentions:
        levels[mention.name.level].append(mention)
    if max(map(len, levels)) == 1:
        return levels
    wards, districts, provinces = map(_few, levels)
    if districts and len(wards) > 1:
        inside = {mention.name.unit.code for mention in districts[: KEPT[1]]}
        wards.sort(
            key=lambda m: -m.score - (NEAR if isinstance(m.name.unit, Ward) and m.name.unit.district in inside else 0)
        )
    return wards[: KEPT[0]], districts[: KEPT[1]], provinces[: KEPT[2]]


def _few(level: list[Mention]) -> list[Mention]:
    """Best first, the same name not more than thrice: a text may repeat it without end."""
    if len(level) < 2:
        return level
    level.sort(key=lambda mention: -mention.score)
    if len(level) <= TIMES:
        return level
    seen: dict[str, int] = defaultdict(int)
    found = []
    for mention in level:
        key = mention.name.unit.code + mention.name.written
        seen[key] += 1
        if seen[key] <= TIMES:
            found.append(mention)
    return found


def _within(scene: Scene, group: Group, levels: Levels) -> Iterable[Reading]:
    """The best reading of each ward (or district, or the province alone) within one province."""
    era, province = group
    wards, districts, provinces = levels
    districts_there = [(district, _bits([district])) for district in districts]
    provinces_there = list(_speaking(provinces))
    most = max([named.score for named in provinces], default=0)
    best: dict[tuple[int, str], Reading] = {}
    for ward in (*wards, None):
        its_bits, swallowed = (_bits([ward]), _swallowed(scene, ward)) if ward else (0, 0)
        for district, district_bits in (*districts_there, (None, 0)):
            lower = [part for part in (ward, district) if part]
            base = sum([part.score for part in lower])
            if base + most < scene.least or its_bits & district_bits or not _fit(era, ward, district):
                continue
            lower_bits = its_bits | district_bits
            unit = (lower[0].name.level, lower[0].name.unit.code) if lower else (2, "")
            for named, bits, same in (*provinces_there, (None, 0, 0)):
                score = base + named.score if named else base
                known = best.get(unit)
                if score < scene.least or bits & lower_bits or (known and score + BONUS < known.score):
                    continue  # worth nothing, twice the same words, or no better than what is known
                parts = [*lower, named] if named else lower
                if not parts:
                    continue
                firsts = [part.first for part in parts]
                score -= _disorder(firsts)
                score -= swallowed
                last = (lower_bits | bits).bit_length()
                gap, tail = _unexplained(scene, firsts, last, lower_bits | same)
                score -= min(0.5 * gap, 1.5) + min(0.1 * tail, 0.5)
                score += 0.15 if named else 0
                if era is Era.NEW:
                    score += -0.2 if gap else 0.1 if named else 0
                    score -= 0.6 if scene.marked_district and not district else 0
                if known is None or score > known.score:
                    mixed = any(part.name.era is not era for part in parts)
                    best[unit] = Reading(score, era, province, ward, district, named, gap, mixed)
    return best.values()


def _speaking(provinces: list[Mention]) -> Iterator[tuple[Mention, int, int]]:
    """Each mention but that of a province's capital beside the province itself, the bits of its words, and of all words
    that name the same province."""
    for named in provinces:
        same = [m for m in provinces if m.name.province == named.name.province and not _city_within(m)]
        if not (same and _city_within(named)):
            bits = _bits([named])
            yield named, bits, bits | _bits(same)


def _bits(mentions: Iterable[Mention]) -> int:
    """A bit for each word that belongs to one of the mentions."""
    bits = 0
    for mention in mentions:
        bits |= (1 << mention.last) - (1 << mention.begin)
    return bits


def _disorder(firsts: list[int]) -> float:
    """What it costs where the parts do not stand from small to large; less where all stand the other way round."""
    ascending = sorted(firsts)
    return 0 if firsts == ascending else 0.1 if firsts[::-1] == ascending else 0.4


def _unexplained(scene: Scene, firsts: list[int], last: int, explained: int) -> tuple[int, int]:
    """How many words between the parts, and from word `last` on, are not among those of the bits."""
    gap = ((1 << last) - (1 << min(firsts))) & ~explained
    # Written the large first, what stands behind is the street.
    tail = 0 if firsts[0] > firsts[-1] else scene.told & ~explained & -(1 << last)
    return gap.bit_count(), tail.bit_count()


def _city_within(named: Mention) -> bool:
    """'Thành phố Bắc Ninh' is not its province, though it has the name."""
    return named.marked == "thành phố" and named.name.unit.kind == "tỉnh"


def _fit(era: Era, ward: Mention | None, district: Mention | None) -> bool:
    """Whether the ward lies in the district; a new one, whether it was made of wards of that district."""
    if district is None:
        return True
    if ward is None:
        return era is Era.OLD
    unit, code = ward.name.unit, district.name.unit.code
    return isinstance(unit, Ward) and (code in _made_in()[unit.code] if era is Era.NEW else unit.district == code)


@cache
def _made_in() -> dict[str, set[str]]:
    """New ward to the old districts its parts lay in."""
    known = places()
    found: dict[str, set[str]] = defaultdict(set)
    for ward in (*known.old_wards.values(), *known.earlier_wards):
        for new_code in ward.new_codes if ward.fate != GONE else ():
            found[new_code].add(ward.district)
    for district in known.districts.values():
        for new_code in district.new_codes:
            found[new_code].add(district.code)
    return found


def _swallowed(scene: Scene, ward: Mention) -> float:
    """'Phường 1 Bảo Lộc' is one name before it is Phường 1 of Bảo Lộc; less surely so without its kind."""
    other = scene.longer.get((ward.first, _today(ward))) if scene.longer else None
    if other is None or other.last <= ward.last or other.how > ward.how:
        return 0
    return 1 if other.marked else 0.5


def province_of(reading: Reading) -> Province:
    """The province of the reading's era."""
    found = places().province(reading.era, reading.province)
    if found is None:
        raise LookupError(reading.province)
    return found
