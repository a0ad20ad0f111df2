"""How many addresses are read right, and what it costs, beside vietnamadminunits 1.0.4 on the same texts.

The texts are generated from the place lists in the spellings below, which know nothing of the parser. `HELD_OUT` was
written at the same time as `USUAL` and not looked at while the parser was made; docs/addresses.md tells the first look.
"""

import gc
import json
import os
import random
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.table import Table, quantile
from config.codelists.places import District, Era, Places, Province, Ward, places

PER_SPELLING = 300
PEER = "TIEPDON_ADDRESS_PEER"  # a Python that has the peer installed

Spelling = Callable[["Text"], str]

_SHORT = {"xã": "X.", "phường": "P.", "thị trấn": "TT.", "đặc khu": "ĐK.", "quận": "Q.", "huyện": "H.",
          "thị xã": "TX.", "thành phố": "TP.", "tỉnh": "T."}  # fmt: skip
_SHORT_BARE = {"xã": "x", "phường": "p", "thị trấn": "tt", "đặc khu": "đk", "quận": "q", "huyện": "h",
               "thị xã": "tx", "thành phố": "tp", "tỉnh": "t"}  # fmt: skip
_PLACED = "òa, óa, ỏa, õa, ọa, òe, óe, ỏe, ũy, ùy, úy, ủy, ụy"
_OTHERWISE = "oà, oá, oả, oã, oạ, oè, oé, oẻ, uỹ, uỳ, uý, uỷ, uỵ"
_DETAILS = (
    "12 Đường Lê Lợi", "Số 5, ngõ 12 Trần Phú", "Tổ 3", "Thôn 2", "Thôn Đông", "Ấp 4", "Khu phố 7", "Xóm Mới", "Bản Nà",
    "45/12A Nguyễn Trãi", "Tổ dân phố số 8", "Buôn Đung", "", "", "123 Quốc lộ 1A", "Căn hộ 1203, Chung cư Mẫu",
    "12 Đường Phường Mẫu", "Đội 6, thôn Thượng", "K12/5 Hùng Vương", "Khóm 2",
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """One address to be spelt: a ward with what stands above it."""

    ward: Ward
    district: District | None
    province: Province
    detail: str

    def units(self) -> list[tuple[str, str]]:
        """(kind, name) from small to large."""
        found = [(self.ward.kind, self.ward.name)]
        found += [(self.district.kind, self.district.name)] if self.district else []
        return [*found, (self.province.kind, self.province.name)]

    def parts(self, render: Callable[[str, str], str]) -> list[str]:
        """The detail and every unit rendered."""
        return [part for part in (self.detail, *(render(*unit) for unit in self.units())) if part]


def full(kind: str, name: str) -> str:
    """'Phường Ba Đình'."""
    return f"{kind.capitalize()} {name}"


def short(kind: str, name: str) -> str:
    """'P. Ba Đình'."""
    return f"{_SHORT[kind]} {name}"


def bare(kind: str, name: str) -> str:
    """'Ba Đình', but 'Phường 4': nobody writes a number alone."""
    return full(kind, name) if name.isdigit() else name


def unaccented(text: str) -> str:
    """Without any accent."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def other_placement(text: str) -> str:
    """Hòa as Hoà, Thủy as Thuỷ and the other way round."""
    for one, two in zip(_PLACED.split(", "), _OTHERWISE.split(", "), strict=True):
        text = text.replace(one, "\0").replace(two, one).replace("\0", two)
    return text


def other_i(text: str) -> str:
    """Mỹ as Mĩ, Lý as Lí, and the other way round."""
    for one, two in zip(["Mỹ", "Lý", "Kỳ", "Sỹ", "Quý", "Quy"], ["Mĩ", "Lí", "Kì", "Sĩ", "Quí", "Qui"], strict=True):
        text = text.replace(one, "\0").replace(two, one).replace("\0", two)
    return text


def _last_bare(text: Text, render: Callable[[str, str], str], sign: str = ", ") -> str:
    *parts, _ = text.parts(render)
    return sign.join([*parts, text.province.name])


# The usual spellings: as cards, insurance papers and clerks write them.
USUAL: dict[str, Spelling] = {
    "as on the card: Xã A, Huyện B, C": lambda t: _last_bare(t, full),
    "in full: Xã A, Huyện B, Tỉnh C": lambda t: ", ".join(t.parts(full)),
    "names alone: A, B, C": lambda t: ", ".join(t.parts(bare)),
    "short kinds: X. A, H. B, T. C": lambda t: ", ".join(t.parts(short)),
    "short, glued: P.A, Q.B, TP.C": lambda t: ", ".join(t.parts(lambda k, n: _SHORT[k] + n)),
    "upper case": lambda t: _last_bare(t, full).upper(),
    "NFD": lambda t: unicodedata.normalize("NFD", _last_bare(t, full)),
    "tones placed otherwise": lambda t: other_placement(_last_bare(t, full)),
    "y and i changed": lambda t: other_i(_last_bare(t, full)),
    "no accents": lambda t: unaccented(_last_bare(t, full)),
    "no commas": lambda t: _last_bare(t, full, " "),
    "hyphens: Xã A - Huyện B - C": lambda t: _last_bare(t, full, " - "),
}

# Not looked at while the parser was made.
HELD_OUT: dict[str, Spelling] = {
    "no commas, no accents": lambda t: unaccented(_last_bare(t, full, " ")),
    "upper case, short kinds, no accents": lambda t: unaccented(", ".join(t.parts(short)).upper()),
    "small letters, bare short kinds: p a, q b": lambda t: ", ".join(
        t.parts(lambda k, n: f"{_SHORT_BARE[k]} {n}")
    ).lower(),
    "commas without blanks": lambda t: ",".join(t.parts(full)),
    "semicolons and line breaks": lambda t: ";\n".join(t.parts(full)),
    "kinds small: xã A, huyện B, tỉnh C": lambda t: ", ".join(t.parts(lambda k, n: f"{k} {n}")),
    "ending in a full stop, Việt Nam behind": lambda t: _last_bare(t, full) + ", Việt Nam.",
    "the large first: C, B, A": lambda t: ", ".join(reversed([full(*unit) for unit in t.units()])),
    "NFD, upper case, tones placed otherwise": lambda t: unicodedata.normalize(
        "NFD", other_placement(", ".join(t.parts(full))).upper()
    ),
    "names alone, hyphens": lambda t: " - ".join(t.parts(bare)),
}


def mistyped(text: Text) -> str:
    """As on the card with one letter of the ward's name doubled, left out or changed."""
    name = text.ward.name
    places_of = [at for at, letter in enumerate(name) if letter.isalpha() and at]
    if len(places_of) < 5:
        return _last_bare(text, full)
    chance = random.Random(text.ward.code)  # noqa: S311 - texts, no secret
    at = chance.choice(places_of)
    name = name[:at] + chance.choice(["", name[at] * 2, chance.choice("nthgcmiaou")]) + name[at + 1 :]
    units = [full(text.ward.kind, name), *(full(*unit) for unit in text.units()[1:])]
    return ", ".join(part for part in (text.detail, *units) if part)


def _today(text: Text) -> str:
    province = places().new_provinces[text.province.new_code]
    return ", ".join([*text.parts(full)[:-1], full(province.kind, province.name)])


# What goes wrong at counters; no bar but that nothing wrong is called sure.
HARDER: dict[str, Spelling] = {
    "one letter of the ward wrong": mistyped,
    "district missing": lambda t: ", ".join(p for p in (t.detail, full(*t.units()[0]), t.province.name) if p),
    "province missing": lambda t: ", ".join(t.parts(full)[:-1]),
    "old ward and district, today's province": _today,
    "names alone, no commas": lambda t: " ".join(t.parts(bare)),
}


SETS = {"usual": USUAL, "held-out": HELD_OUT, "harder": HARDER}


def draw(known: Places, era: Era, seed: int, count: int, split: bool = False) -> list[Text]:
    """Addresses of `era` by chance from `seed`; of old wards those that went to one new ward, or the split ones."""
    chance = random.Random(seed)  # noqa: S311 - texts, no secret
    wards = list((known.new_wards if era is Era.NEW else known.old_wards).values())
    wards = [ward for ward in wards if (len(ward.new_codes) > 1) is split]
    return [text_of(known, ward, chance.choice(_DETAILS)) for ward in (chance.choice(wards) for _ in range(count))]


def text_of(known: Places, ward: Ward, detail: str = "") -> Text:
    """A ward with what stands above it."""
    province = known.province(ward.era, ward.province)
    assert province
    return Text(ward, known.districts.get(ward.district), province, detail)


@dataclass(frozen=True)
class Score:
    """Of `asked` texts: `right` the ward itself or one that is the same today, `asks` several offered and the right one
    among them, `wrong` another ward, `silent` those of them that were called sure and mean another ward today."""

    asked: int
    right: int
    asks: int
    wrong: int
    silent: int

    @property
    def share(self) -> float:
        """Right ones, per cent."""
        return 100 * self.right / self.asked


def judge(texts: list[Text], spelling: Spelling) -> tuple[Score, list[str]]:
    """What the parser makes of them: the score, and the spelt texts of which it named another ward."""
    from hisbridge.addresses import parse_address

    right = asks = silent = 0
    wrong: list[str] = []
    for text in texts:
        spelt = spelling(text)
        found = parse_address(spelt)
        same_today = found.new_ward_code is not None and (found.new_ward_code,) == text.ward.new_codes
        if same_today or (found.era, found.ward_code) == (text.ward.era, text.ward.code):
            right += 1
        elif found.ward_code is None:
            asks += (text.ward.era, text.ward.code) in {(c.era, c.ward_code) for c in found.candidates}
        else:
            wrong.append(spelt)
            silent += found.confidence == "high" and found.new_ward_code not in text.ward.new_codes
    return Score(len(texts), right, asks, len(wrong), silent), wrong


def measure() -> list[Table]:
    """Both sets of spellings, split wards, cost, and the peer where there is one."""
    known = places()
    from benchmarks import addresses_at_counters

    sets = SETS | {"counter": addresses_at_counters.SPELLINGS}
    tables = [_spellings(name, spellings, known) for name, spellings in sets.items()]
    return [*tables, _split(known), addresses_at_counters.gone(known), _cost(known)]


def _spellings(title: str, spellings: dict[str, Spelling], known: Places) -> Table:
    rows: list[tuple[str | int | float | None, ...]] = []
    for name, spelling in spellings.items():
        for era in (Era.OLD, Era.NEW):
            texts = draw(known, era, seed=7, count=PER_SPELLING)
            score = judge(texts, spelling)[0]
            peer = _peer([(spelling(text), text.ward.code, era.value) for text in texts])
            rows.append((f"{name} ({era})", score.share, score.asks, score.wrong, score.silent, peer))
    mean = sum(float(row[1] or 0) for row in rows) / len(rows)
    totals = (sum(int(row[column] or 0) for row in rows) for column in (2, 3, 4))
    rows.append(("all", mean, *totals, _mean(rows)))
    columns = (f"{title} spellings (era)", "right %", "asks", "other ward", "of them called sure", "peer right %")
    notes = (
        f"{PER_SPELLING} addresses of one-to-one wards each; asks: several wards offered, the right one among them;",
        "called sure: with high confidence, and another ward today. The peer is told the era, ours finds it out.",
    )
    return Table(f"Addresses read right, {title} spellings", columns, tuple(rows), notes)


def _mean(rows: list[tuple[str | int | float | None, ...]]) -> float | None:
    peers = [float(row[5]) for row in rows if row[5] is not None]
    return sum(peers) / len(peers) if peers else None


def _split(known: Places) -> Table:
    from hisbridge.addresses import parse_address

    rows: list[tuple[str | int, ...]] = []
    for name, spelling in (USUAL | HELD_OUT).items():
        texts = [text_of(known, ward) for ward in known.old_wards.values() if len(ward.new_codes) > 1]
        found = [(text, parse_address(spelling(text))) for text in texts]
        silent = sum(1 for _, address in found if address.new_ward_code is not None)
        offered = sum(1 for t, a in found if set(t.ward.new_codes) <= {c.new_ward_code for c in a.candidates})
        rows.append((name, len(texts), offered, silent))
    columns = ("spelling", "split wards", "all candidates offered", "one new ward named")
    return Table("Split wards", columns, tuple(rows))


def _cost(known: Places) -> Table:
    from hisbridge.addresses import parse_address

    texts = [USUAL["as on the card: Xã A, Huyện B, C"](text) for text in draw(known, Era.OLD, seed=9, count=500)]
    gc.collect()
    spent = []
    for text in texts:
        begin = time.perf_counter()
        parse_address(text)
        spent.append((time.perf_counter() - begin) * 1000)
    ours = _fresh(sys.executable, "from hisbridge.addresses import parse_address as parse")
    rows: list[tuple[str | float | None, ...]] = [("ours", *ours, quantile(spent, 0.5), quantile(spent, 0.95))]
    if peer := os.environ.get(PEER):
        cost = _fresh(peer, "import vietnamadminunits as v; parse = lambda t: v.parse_address(t, mode='LEGACY')")
        answer = _ask_peer(peer, [(text, "", "old") for text in texts])
        rows.append(("vietnamadminunits 1.0.4", *cost, quantile(answer["ms"], 0.5), quantile(answer["ms"], 0.95)))
    columns = ("parser", "import and first parse ms", "added memory MB", "ms per parse (median)", "ms (p95)")
    return Table("What parsing costs", columns, tuple(rows), ("500 old addresses as on the card",))


_FRESH = """
import json, time
def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
begin, before = time.perf_counter(), megabytes()
{imports}
parse("Phường Cửa Nam, Quận Hoàn Kiếm, Hà Nội")
parse("Phường Cửa Nam, Hoàn Kiếm")
spent = 1000 * (time.perf_counter() - begin)
print(json.dumps([spent, megabytes() - before]))
"""


def _fresh(python: str, imports: str) -> list[float]:
    """Milliseconds and MB of a process that loads and parses for the first time."""
    run = subprocess.run([python, "-c", _FRESH.format(imports=imports)], capture_output=True, text=True, check=True)
    found: list[float] = json.loads(run.stdout)
    return found


_PEER = """
import json, sys, time
from vietnamadminunits import parse_address
right, spent = 0, []
for text, code, era in json.load(sys.stdin):
    begin = time.perf_counter()
    try:
        found = parse_address(text, mode="LEGACY" if era == "old" else "FROM_2025").ward_code
    except Exception:
        found = None
    spent.append((time.perf_counter() - begin) * 1000)
    right += found == code
print(json.dumps({"right": right, "ms": spent}))
"""


def _ask_peer(python: str, cases: list[tuple[str, str, str]]) -> dict[str, Any]:
    run = subprocess.run([python, "-c", _PEER], input=json.dumps(cases), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _peer(cases: list[tuple[str, str, str]]) -> float | None:
    """Per cent that the peer reads right when it is told the era, which ours finds out; None without a peer."""
    python = os.environ.get(PEER)
    return 100 * _ask_peer(python, cases)["right"] / len(cases) if python else None
