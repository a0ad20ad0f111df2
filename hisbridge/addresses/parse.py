"""Free text of a card to ward and province: the best reading, or all of those that are equally good."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, islice

from config.codelists.places import GONE, MOVED, District, Era, Ward, places
from hisbridge.addresses import mentions
from hisbridge.addresses.mentions import LETTER, Mention
from hisbridge.addresses.readings import MARGIN, Reading, province_of, readings
from hisbridge.addresses.records import Address, Candidate, Reason
from hisbridge.addresses.words import Words, cut

CANDIDATES = 60
DOUBT = 0.45  # how much worse a reading may be to be offered beside a doubtful one
ERAS = 0.2  # readings of two eras this near to each other are told apart by the number of levels alone
WHOLE = 0.8  # a ward mentioned less well is a piece of what is written: Ba Đồn in Xã Ntm Ba Đồn
SURE = 0.9  # a ward mentioned at least this well counts where it fits no district that is written


def parse_address(text: str) -> Address:
    """Read an address of either era as people write it; never raises, whatever the text.

    The ward is named only where one reading is better than all others; today's ward only where the old one went wholly
    to one (services.md 6.1).
    """
    words = cut(text)
    named = mentions.exact(words)
    ranked = readings(words, named)
    if not _complete(ranked):
        ranked = _with_misspelt(words, named, ranked)
    return _address(text, words, ranked, named)


def _complete(ranked: list[Reading]) -> bool:
    if not ranked:
        return False
    best = ranked[0]
    return bool(best.ward and best.ward.score >= WHOLE and best.named and not best.gap)


def _with_misspelt(words: Words, named: list[Mention], ranked: list[Reading]) -> list[Reading]:
    """Look again with names one letter off: first the province, then what lies within those that may be meant."""
    if not ranked or ranked[0].named is None:
        named = [*named, *mentions.misspelt(words, (), 2)]
        again = readings(words, named)
        ranked = again if again and (not ranked or again[0].score > ranked[0].score + MARGIN) else ranked
    if not ranked or _complete(ranked):
        return ranked
    scopes = {(r.era, r.province) for r in ranked[:6] if r.named is not None}
    return readings(words, [*named, *mentions.misspelt(words, scopes, 0)]) if scopes else ranked


def _address(text: str, words: Words, ranked: list[Reading], named: Sequence[Mention]) -> Address:
    if not ranked:
        return Address(
            text=text, era="unknown", detail=words.text[:500].strip(), confidence="none", reason=Reason.NOTHING_FOUND
        )
    best = ranked[0]
    if best.ward and not best.ward.marked and words.announces_ward(best.ward.begin):
        return _without_ward(text, words, best, [best], named)
    equals = [reading for reading in ranked if reading.score >= best.score - MARGIN]
    if not best.ward and not best.district:
        # Whether a province alone is meant by its new or its old bounds, nothing tells.
        alone = [r for r in ranked if not (r.ward or r.district) and r.mixed is best.mixed]
        equals = [reading for reading in alone if reading.score >= best.score - ERAS]
    wards = _wards(equals)
    if best.ward is None:
        return _without_ward(text, words, best, equals, named)
    if best.ward.how == LETTER:
        wards += [ward for ward in _elsewhere(best, named, best.ward.first) if ward not in wards]
    if len(wards) > 1:
        return _several(text, words, equals, wards)
    return _one(text, words, best, ranked)


def _one(text: str, words: Words, best: Reading, ranked: list[Reading]) -> Address:
    ward = best.unit
    if not isinstance(ward, Ward):
        raise TypeError(ward)
    earlier = bool(ward.fate)
    if ward.fate == MOVED:
        ward = places().old_wards[ward.code]
    today = places().successors(ward)
    rivals = _rivals(best, ward, ranked)
    offered: list[Ward] = []
    if ward.fate:
        reason, offered = Reason.EARLIER, [ward, *rivals]
    elif len(today) > 1:
        reason, offered = Reason.SPLIT, list(today)
    elif earlier:
        reason, offered = Reason.EARLIER, [ward, *rivals]
    elif rivals and best.district:
        reason, offered = Reason.BOTH_ERAS, [ward, *(new for rival in rivals for new in places().successors(rival))]
    elif rivals or _may_be_district(best, ranked):
        reason, offered = Reason.BOTH_ERAS, [ward, *rivals]
    else:
        reason = _doubt(best)
        offered = [] if reason is Reason.FOUND else _runners_up(ranked, ward)
    certain = len(today) == 1 and not (rivals and (best.gap or best.district)) and ward.fate != GONE
    district = places().district(ward.district)
    return Address(
        text=text,
        era=ward.era.value,
        **_province(best),
        district_code=district.code if district else None,
        district=_full(district) if district else None,
        ward_code=ward.code if not ward.fate else None,
        ward=_full(ward),
        new_ward_code=today[0].code if certain else None,
        new_province_code=today[0].province,
        detail=_detail(words, best),
        confidence="high" if reason is Reason.FOUND else "low",
        reason=reason,
        candidates=_offer(offered),
    )


def _rivals(best: Reading, ward: Ward, ranked: list[Reading]) -> list[Ward]:
    """Wards of the other era that fit as well but for the number of levels, and lie elsewhere today; with a new ward
    under an old district every old ward of that name in it."""
    if best.district is not None and best.era is Era.OLD:
        return []
    others = [r.unit for r in ranked if r.era is not best.era and r.ward and _rivalling(r, best)]
    return [unit for unit in others if isinstance(unit, Ward) and set(unit.new_codes) != set(ward.new_codes)]


def _rivalling(other: Reading, best: Reading) -> bool:
    if best.district is None:
        return other.score >= best.score - ERAS
    return other.district is not None and other.district.name.unit == best.district.name.unit


def _may_be_district(best: Reading, ranked: list[Reading]) -> bool:
    """Whether 'Hoàng Mai, Hà Nội' may as well be the old district without its ward."""
    if best.era is Era.OLD or best.ward is None or best.ward.marked:
        return False
    return any(r.era is Era.OLD and r.district and not r.ward and r.score >= best.score - ERAS for r in ranked)


def _runners_up(ranked: list[Reading], ward: Ward) -> list[Ward]:
    """Where the best is doubtful: itself and the next ones, unless there are none."""
    units = [r.unit for r in ranked if r.ward and r.score >= ranked[0].score - DOUBT]
    wards = list(dict.fromkeys(unit for unit in units if isinstance(unit, Ward)))
    return wards if any(unit != ward for unit in wards) else []


def _doubt(best: Reading) -> Reason:
    parts = [part for part in (best.ward, best.district, best.named) if part]
    old = best.era is Era.OLD
    checks = (
        (any(part.how >= LETTER for part in parts) or bool(best.ward and best.ward.how > 1), Reason.SPELLING),
        (bool(best.ward and best.ward.score < WHOLE), Reason.SPELLING),
        (best.gap > 0 or _of_a_namesake(best.district), Reason.DISTRICT_UNKNOWN),
        (best.mixed, Reason.MIXED_ERAS),
        (best.named is None, Reason.PROVINCE_MISSING),
        (old and best.district is None, Reason.DISTRICT_MISSING),
        (bool(best.ward and best.ward.marked and best.ward.marked != best.ward.name.unit.kind), Reason.KIND_DIFFERS),
    )
    return next((reason for holds, reason in checks if holds), Reason.FOUND)


def _of_a_namesake(district: Mention | None) -> bool:
    """Whether another district of that name is of the kind that is written: Thị xã Kỳ Anh is not Huyện Kỳ Anh."""
    if district is None or district.marked in ("", district.name.unit.kind):
        return False
    return (district.name.unit.name, district.marked, district.name.province) in _districts()


@cache
def _districts() -> frozenset[tuple[str, str, str]]:
    return frozenset((one.name, one.kind, one.province) for one in places().districts.values())


def _several(text: str, words: Words, equals: list[Reading], wards: list[Ward]) -> Address:
    """Several wards fit; what they have in common is still known."""
    best = equals[0]
    today = {code for ward in wards for code in ward.new_codes}
    new_provinces = {new.province for ward in wards for new in places().successors(ward)}
    eras = {ward.era for ward in wards}
    one_place = len({(reading.era, reading.province) for reading in equals}) == 1
    districts = {ward.district for ward in wards}
    district = places().district(districts.pop()) if len(districts) == 1 else None
    return Address(
        text=text,
        era=eras.pop().value if len(eras) == 1 else "unknown",
        **(_province(best) if one_place else {}),
        district_code=district.code if district else None,
        district=_full(district) if district else None,
        new_ward_code=today.pop() if len(today) == 1 else None,
        new_province_code=new_provinces.pop() if len(new_provinces) == 1 else None,
        detail=_detail(words, best),
        confidence="low",
        reason=Reason.AMBIGUOUS,
        candidates=_offer(wards),
    )


def _without_ward(text: str, words: Words, best: Reading, equals: list[Reading], named: Sequence[Mention]) -> Address:
    districts = {r.unit.code: r.unit for r in equals if isinstance(r.unit, District)}
    provinces = {province_of(reading) for reading in equals}
    today = {province.new_code for province in provinces}
    eras = {reading.era for reading in equals}
    unit = next(iter(districts.values())) if len(districts) == 1 else None
    island = places().successors(unit) if unit else ()
    offered = _elsewhere(best, named) if not island else []
    return Address(
        text=text,
        era=eras.pop().value if len(eras) == 1 and (unit or not best.mixed) else "unknown",
        **(_province(best) if len(provinces) == 1 else {}),
        district_code=unit.code if unit else None,
        district=_full(unit) if unit else None,
        new_ward_code=island[0].code if len(island) == 1 else None,
        new_province_code=today.pop() if len(today) == 1 else None,
        detail=_detail(words, best),
        confidence="high" if island and best.named else "low",
        reason=Reason.FOUND if island and best.named else Reason.WARD_UNKNOWN,
        candidates=_offer(offered),
    )


def _elsewhere(best: Reading, named: Sequence[Mention], first: int | None = None) -> list[Ward]:
    """Wards of exactly the name written (at that word) in the same province, outside the district that is written."""
    found = [
        m.name.unit
        for m in named
        if m.name.level == 0 and m.score >= SURE and (m.name.era, m.name.province) == (best.era, best.province)
        if first in (None, m.first)
    ]
    return list(dict.fromkeys(unit for unit in found if isinstance(unit, Ward)))


def _wards(equals: list[Reading]) -> list[Ward]:
    return list(dict.fromkeys(r.unit for r in equals if r.ward and isinstance(r.unit, Ward)))


def _province(reading: Reading) -> dict[str, str]:
    province = province_of(reading)
    return {"province_code": province.code, "province": f"{province.kind.capitalize()} {province.name}"}


def _offer(wards: Iterable[Ward]) -> tuple[Candidate, ...]:
    """The wards to choose from; in the place of one that is in no list any more, those of today it may be part of."""
    known = places()
    there = (known.successors(ward) if ward.fate else (ward,) for ward in wards)
    return tuple(map(_candidate, islice(dict.fromkeys(chain.from_iterable(there)), CANDIDATES)))


def _candidate(ward: Ward) -> Candidate:
    known = places()
    province = known.province(ward.era, ward.province)
    today = known.successors(ward)
    district = known.districts.get(ward.district)
    return Candidate(
        era=ward.era.value,
        ward_code=ward.code,
        ward=_full(ward),
        district=_full(district) if district else None,
        province_code=ward.province,
        province=f"{province.kind.capitalize()} {province.name}" if province else "",
        new_ward_code=today[0].code if len(today) == 1 else None,
        new_province_code=today[0].province,
    )


def _full(unit: Ward | District) -> str:
    return f"{unit.kind.capitalize()} {unit.name}"


def _detail(words: Words, reading: Reading) -> str:
    """What none of the named units explains, as written: before the first, or behind the last of a reversed one."""
    parts = [part for part in (reading.ward, reading.district, reading.named) if part]
    first, last = min(part.begin for part in parts), max(part.last for part in parts)
    if len(parts) > 1 and parts[0].first > parts[-1].first:
        return words.text[words.words[last - 1].end :].strip(" ,;.-\n\r\t")
    return words.text[: words.words[first].start].strip(" ,;.-\n\r\t")
