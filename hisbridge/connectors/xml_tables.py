"""The field tables of the hospital data standard as data, and a validator that names field and rule. Pure.

XML0 (check-in) and XML1 (summary) of decision 4750/QĐ-BYT as amended by 3176/QĐ-BYT: element order, type, size, what
is required (services.md 3.1 to 3.3). Of XML1 the rules of the administrative part alone are here; the rest is the
hospital system's, and named only for its place in the order. Sizes are those of the decision; MA_DOITUONG_KCB takes
the five characters of the portal's own sheet, which the codes of decision 3276 need.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

TEXT: Final = 4000  # characters: what the tables call `n`

_MOMENT = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9]")
_BORN = re.compile(r"[0-9]{4}(0000|(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01]))([01][0-9]|2[0-3])[0-5][0-9]")
_DAY = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_DAYS = re.compile(rf"{_DAY.pattern}(;{_DAY.pattern})*")
_SEX = re.compile(r"[123]")
_AREA = re.compile(r"K[123]")
_NUMBER = re.compile(r"[0-9]+")
# XML 1.0, 2.2, and of the controls it allows none either: they only ever come from damage.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Field:
    """One element: its name, largest size in characters, whether it must have a value, and which form it takes."""

    name: str
    size: int
    required: bool = False
    form: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Problem:
    """A field that breaks a rule: `required`, `too_long`, `form`, `unfit` (a character), `order` or `unknown`."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}:{self.rule}"


Table = Sequence[Field]

CHECK_IN: Final[Table] = (  # XML0, TRANG_THAI_KCB: 26 fields (services.md 3.2)
    Field("MA_LK", 100, required=True),
    Field("STT", 10, required=True, form=_NUMBER),
    Field("MA_BN", 100, required=True),
    Field("HO_TEN", 255, required=True),
    Field("SO_CCCD", 15),
    Field("NGAY_SINH", 12, required=True, form=_BORN),
    Field("GIOI_TINH", 1, required=True, form=_SEX),
    Field("MA_THE_BHYT", 15),
    Field("MA_DKBD", 5),
    Field("GT_THE_TU", 8, form=_DAY),
    Field("GT_THE_DEN", 8, form=_DAY),
    Field("MA_DOITUONG_KCB", 5, required=True),
    Field("NGAY_VAO", 12, required=True, form=_MOMENT),
    Field("NGAY_VAO_NOI_TRU", 12, form=_MOMENT),
    Field("LY_DO_VNT", TEXT),
    Field("MA_LY_DO_VNT", 5),
    Field("MA_LOAI_KCB", 2, required=True),
    Field("MA_CSKCB", 5, required=True),
    Field("MA_DICH_VU", 50),
    Field("TEN_DICH_VU", 1024),
    Field("MA_THUOC", 255),
    Field("TEN_THUOC", 1024),
    Field("MA_VAT_TU", 255),
    Field("TEN_VAT_TU", 1024),
    Field("NGAY_YL", 12, required=True, form=_MOMENT),
    Field("DU_PHONG", TEXT),
)

SUMMARY: Final[Table] = (  # XML1, TONG_HOP: 66 fields (services.md 3.3)
    Field("MA_LK", 100, required=True),
    Field("STT", 10, form=_NUMBER),
    Field("MA_BN", 100, required=True),
    Field("HO_TEN", 255, required=True),
    Field("SO_CCCD", 15),
    Field("NGAY_SINH", 12, required=True, form=_BORN),
    Field("GIOI_TINH", 1, required=True, form=_SEX),
    Field("NHOM_MAU", 5),
    Field("MA_QUOCTICH", 3, required=True),
    Field("MA_DANTOC", 2, required=True),
    Field("MA_NGHE_NGHIEP", 5, required=True),
    Field("DIA_CHI", 1024, required=True),
    Field("MATINH_CU_TRU", 3, required=True),
    Field("MAHUYEN_CU_TRU", 3),
    Field("MAXA_CU_TRU", 5, required=True),
    Field("DIEN_THOAI", 15),
    Field("MA_THE_BHYT", TEXT),
    Field("MA_DKBD", TEXT),
    Field("GT_THE_TU", TEXT, form=_DAYS),
    Field("GT_THE_DEN", TEXT, form=_DAYS),
    Field("NGAY_MIEN_CCT", 12),
    Field("LY_DO_VV", TEXT, required=True),
    Field("LY_DO_VNT", TEXT),
    Field("MA_LY_DO_VNT", 5),
    Field("CHAN_DOAN_VAO", TEXT),
    Field("CHAN_DOAN_RV", TEXT),
    Field("MA_BENH_CHINH", 7),
    Field("MA_BENH_KT", 100),
    Field("MA_BENH_YHCT", 255),
    Field("MA_PTTT_QT", 125),
    Field("MA_DOITUONG_KCB", 5, required=True),
    Field("MA_NOI_DI", 5),
    Field("MA_NOI_DEN", 5),
    Field("MA_TAI_NAN", 1),
    Field("NGAY_VAO", 12, required=True, form=_MOMENT),
    Field("NGAY_VAO_NOI_TRU", 12),
    Field("NGAY_RA", 12),
    Field("GIAY_CHUYEN_TUYEN", 50),
    Field("SO_NGAY_DTRI", 3),
    Field("PP_DIEU_TRI", TEXT),
    Field("KET_QUA_DTRI", 1),
    Field("MA_LOAI_RV", 1),
    Field("GHI_CHU", TEXT),
    Field("NGAY_TTOAN", 12),
    Field("T_THUOC", 15),
    Field("T_VTYT", 15),
    Field("T_TONGCHI_BV", 15),
    Field("T_TONGCHI_BH", 15),
    Field("T_BNTT", 15),
    Field("T_BNCCT", 15),
    Field("T_BHTT", 15),
    Field("T_NGUONKHAC", 15),
    Field("T_BHTT_GDV", 15),
    Field("NAM_QT", 4),
    Field("THANG_QT", 2),
    Field("MA_LOAI_KCB", 2, required=True),
    Field("MA_KHOA", 50),
    Field("MA_CSKCB", 5, required=True),
    Field("MA_KHUVUC", 2, form=_AREA),
    Field("CAN_NANG", 6),
    Field("CAN_NANG_CON", 100),
    Field("NAM_NAM_LIEN_TUC", 8, form=_DAY),
    Field("NGAY_TAI_KHAM", 50),
    Field("MA_HSBA", 100),
    Field("MA_TTDV", 10),
    Field("DU_PHONG", TEXT),
)

_FIRST_COST = ("MA_DICH_VU", "MA_THUOC", "MA_VAT_TU")  # one of them has to be named
_TOGETHER = {  # the second is required where the first has a value
    "MA_DICH_VU": "TEN_DICH_VU",
    "MA_THUOC": "TEN_THUOC",
    "MA_VAT_TU": "TEN_VAT_TU",
    "NGAY_VAO_NOI_TRU": "LY_DO_VNT",
}


def problems(table: Table, values: Mapping[str, str]) -> tuple[Problem, ...]:
    """Every rule of the table that the values break, in the table's order."""
    found = [problem for field in table if (problem := _problem(field, values.get(field.name, "")))]
    known = {field.name for field in table}
    return (*found, *(Problem(name, "unknown") for name in values if name not in known))


def check_in_problems(values: Mapping[str, str]) -> tuple[Problem, ...]:
    """As `problems`, with the rules of the check-in table that join two fields (services.md 3.2)."""
    found = list(problems(CHECK_IN, values))
    if not any(values.get(name) for name in _FIRST_COST):
        found += [Problem(_FIRST_COST[0], "required")]
    found += [
        Problem(second, "required")
        for first, second in _TOGETHER.items()
        if values.get(first) and not values.get(second)
    ]
    broken = {problem.field for problem in found}
    for later in ("NGAY_VAO_NOI_TRU", "NGAY_YL"):
        moments = values.get("NGAY_VAO", ""), values.get(later, "")
        if all(moments) and not {"NGAY_VAO", later} & broken and moments[1] < moments[0]:
            found.append(Problem(later, "order"))
    return tuple(found)


def fitted(table: Table, values: Mapping[str, str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The values the table can hold, in its order, and why others were left out: nothing is cut or bent to fit."""
    broken = {problem.field: problem for problem in problems(table, values) if problem.rule != "required"}
    kept = {field.name: "" if field.name in broken else values.get(field.name, "") for field in table}
    return kept, tuple(broken.values())


def _length(value: str) -> int:
    """As receivers on .NET and Java count, the JDK's own validator among them: in UTF-16 units."""
    return len(value) + sum(sign > "\uffff" for sign in value)


def _problem(field: Field, value: str) -> Problem | None:
    if not value:
        return Problem(field.name, "required") if field.required else None
    if _length(value) > field.size:
        return Problem(field.name, "too_long")
    if _UNFIT.search(value):
        return Problem(field.name, "unfit")
    if field.form is not None and not field.form.fullmatch(value):
        return Problem(field.name, "form")
    return None
