"""Which ward, district and province of one place the mentions make together; the best win, equals stay equal."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import product
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
    """What every reading is weighed against; `least`: the sum of parts below which none is worth a look."""

    words: Words
    longer: dict[tuple[int, str], Mention]
    marked_district: bool
    least: float


def readings(words: Words, mentions: Iterable[Mention]) -> list[Reading]:
    """All readings worth a look, best first, one for each ward (or district, or province) meant."""
    mentions = list(mentions)
    groups = _groups(mentions)
    longer = _longest(mentions)
    marked_district = words.announces_district()
    promise = {group: sum(found[0].score for found in levels if found) for group, levels in groups.items()}
    best: dict[tuple[object, ...], Reading] = {}
    top = 0.0
    for group in sorted(promise, key=lambda group: (-promise[group], group))[:GROUPS]:
        if promise[group] + BONUS < top - WORTH:
            break
        scene = Scene(words, longer, marked_district, top - WORTH - BONUS)
        for reading in _within(scene, group, groups[group]):
            unit = reading.unit
            key = (group, type(unit), unit and unit.code)
            if key not in best or reading.score > best[key].score:
                best[key] = reading
                top = max(top, reading.score)
    return sorted(best.values(), key=lambda reading: -reading.score)


def _longest(mentions: Iterable[Mention]) -> dict[tuple[int, str], Mention]:
    """The longest name of a ward that begins at each word, by today's province."""
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


def _groups(mentions: Iterable[Mention]) -> dict[Group, Levels]:
    """The mentions by province; a province's name of one era also speaks for those of the other that lie in it."""
    known = places()
    inside: dict[str, list[str]] = defaultdict(list)
    for old in known.old_provinces.values():
        inside[old.new_code].append(old.code)
    found: dict[Group, Levels] = defaultdict(lambda: ([], [], []))
    for mention in mentions:
        era, province = mention.name.era, mention.name.province
        found[era, province][mention.name.level].append(mention)
        if mention.name.level == 1:
            found[Era.NEW, known.old_provinces[province].new_code][1].append(
                mention._replace(score=mention.score - ITS_DISTRICT)
            )
        elif mention.name.level == 2:
            others = inside[province] if era is Era.NEW else [known.old_provinces[province].new_code]
            other_era = Era.OLD if era is Era.NEW else Era.NEW
            for other in others:
                unit = known.province(other_era, other)
                if unit and unit.name != mention.name.unit.name:
                    found[other_era, other][2].append(mention._replace(score=mention.score - OTHER_ERA))
    return {group: _kept(levels) for group, levels in found.items()}


def _kept(levels: Levels) -> Levels:
    """The best of each level; wards of one name that lie in the districts mentioned before the others."""
    wards, districts, provinces = (_few(level) for level in levels)
    inside = {mention.name.unit.code for mention in districts[: KEPT[1]]}
    wards.sort(
        key=lambda m: -m.score - (NEAR if isinstance(m.name.unit, Ward) and m.name.unit.district in inside else 0)
    )
    return wards[: KEPT[0]], districts[: KEPT[1]], provinces[: KEPT[2]]


def _few(level: list[Mention]) -> list[Mention]:
    """Best first, the same name not more than thrice: a text may repeat it without end."""
    seen: dict[str, int] = defaultdict(int)
    found = []
    for mention in sorted(level, key=lambda mention: -mention.score):
        key = mention.name.unit.code + mention.name.written
        seen[key] += 1
        if seen[key] <= TIMES:
            found.append(mention)
    return found


def _within(scene: Scene, group: Group, found: Levels) -> Iterable[Reading]:
    words = scene.words
    era, province = group
    for ward, district, named in product((*found[0], None), (*found[1], None), (*found[2], None)):
        parts = [part for part in (ward, district, named) if part]
        score = sum(part.score for part in parts)
        if not parts or score < scene.least or not _fit(era, ward, district) or _overlap(parts):
            continue
        mixed = any(part.name.era is not era for part in parts)
        order = [part.first for part in parts]
        if order == sorted(order, reverse=True) and len(order) > 1:
            score -= 0.1
        elif order != sorted(order):
            score -= 0.4
        same = [m for m in found[2] if named and m.name.province == named.name.province and not _city_within(m)]
        if named and _city_within(named) and same:
            continue
        score -= _swallowed(scene, ward) if ward else 0
        gap, tail = _unexplained(words, parts, [*parts, *same])
        score -= min(0.5 * gap, 1.5) + min(0.1 * tail, 0.5)
        score += 0.15 if named else 0
        if era is Era.NEW:
            score += -0.2 if gap else 0.1 if named else 0
            score -= 0.6 if scene.marked_district and not district else 0
        yield Reading(score, era, province, ward, district, named, gap, mixed)


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
    other = scene.longer.get((ward.first, _today(ward)))
    if other is None or other.last <= ward.last or other.how > ward.how:
        return 0
    return 1 if other.marked else 0.5


def _overlap(parts: list[Mention]) -> bool:
    return any(one.begin < two.last and two.begin < one.last for at, one in enumerate(parts) for two in parts[at + 1 :])


def _unexplained(words: Words, parts: list[Mention], explaining: list[Mention]) -> tuple[int, int]:
    """How many words between the parts, and behind the last, belong to none of them."""
    first, last = min(part.first for part in parts), max(part.last for part in parts)
    covered: set[int] = set()
    for part in explaining:
        covered.update(range(part.begin, part.last))
    gap = last - first - sum(first <= at < last for at in covered)
    # Written the large first, what stands behind is the street.
    reversed_order = len(parts) > 1 and parts[0].first > parts[-1].first
    behind = range(last, len(words.words))
    tail = sum(1 for at in behind if at not in covered and words.words[at].key not in _TAIL)
    return gap, 0 if reversed_order else tail


def province_of(reading: Reading) -> Province:
    """The province of the reading's era."""
    found = places().province(reading.era, reading.province)
    if found is None:
        raise LookupError(reading.province)
    return found
