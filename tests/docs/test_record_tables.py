"""docs/integration/record.md: every field of XML0 and XML1 is spoken for, and every field it names exists."""

import re
from pathlib import Path
from typing import Any

from hisbridge.questions import Coverage
from hisbridge.records import Arrival, Patient, Site

PAGE = (Path(__file__).parents[2] / "docs" / "integration" / "record.md").read_text("utf-8")
# Decision 4750, in the order of its tables (services.md 3.2, 3.3).
XML0 = [
    "MA_LK",
    "STT",
    "MA_BN",
    "HO_TEN",
    "SO_CCCD",
    "NGAY_SINH",
    "GIOI_TINH",
    "MA_THE_BHYT",
    "MA_DKBD",
    "GT_THE_TU",
    "GT_THE_DEN",
    "MA_DOITUONG_KCB",
    "NGAY_VAO",
    "NGAY_VAO_NOI_TRU",
    "LY_DO_VNT",
    "MA_LY_DO_VNT",
    "MA_LOAI_KCB",
    "MA_CSKCB",
    "MA_DICH_VU",
    "TEN_DICH_VU",
    "MA_THUOC",
    "TEN_THUOC",
    "MA_VAT_TU",
    "TEN_VAT_TU",
    "NGAY_YL",
    "DU_PHONG",
]
XML1 = [
    "MA_LK",
    "STT",
    "MA_BN",
    "HO_TEN",
    "SO_CCCD",
    "NGAY_SINH",
    "GIOI_TINH",
    "NHOM_MAU",
    "MA_QUOCTICH",
    "MA_DANTOC",
    "MA_NGHE_NGHIEP",
    "DIA_CHI",
    "MATINH_CU_TRU",
    "MAHUYEN_CU_TRU",
    "MAXA_CU_TRU",
    "DIEN_THOAI",
    "MA_THE_BHYT",
    "MA_DKBD",
    "GT_THE_TU",
    "GT_THE_DEN",
    "NGAY_MIEN_CCT",
    "LY_DO_VV",
    "LY_DO_VNT",
    "MA_LY_DO_VNT",
    "CHAN_DOAN_VAO",
    "CHAN_DOAN_RV",
    "MA_BENH_CHINH",
    "MA_BENH_KT",
    "MA_BENH_YHCT",
    "MA_PTTT_QT",
    "MA_DOITUONG_KCB",
    "MA_NOI_DI",
    "MA_NOI_DEN",
    "MA_TAI_NAN",
    "NGAY_VAO",
    "NGAY_VAO_NOI_TRU",
    "NGAY_RA",
    "GIAY_CHUYEN_TUYEN",
    "SO_NGAY_DTRI",
    "PP_DIEU_TRI",
    "KET_QUA_DTRI",
    "MA_LOAI_RV",
    "GHI_CHU",
    "NGAY_TTOAN",
    "T_THUOC",
    "T_VTYT",
    "T_TONGCHI_BV",
    "T_TONGCHI_BH",
    "T_BNTT",
    "T_BNCCT",
    "T_BHTT",
    "T_NGUONKHAC",
    "T_BHTT_GDV",
    "NAM_QT",
    "THANG_QT",
    "MA_LOAI_KCB",
    "MA_KHOA",
    "MA_CSKCB",
    "MA_KHUVUC",
    "CAN_NANG",
    "CAN_NANG_CON",
    "NAM_NAM_LIEN_TUC",
    "NGAY_TAI_KHAM",
    "MA_HSBA",
    "MA_TTDV",
    "DU_PHONG",
]
PARTS: dict[str, Any] = {"patient": Patient, "visit": Arrival, "coverage": Coverage, "site": Site}


def fields_of(title: str) -> list[str]:
    """The fields in the first column of a section's table."""
    section = PAGE.partition(f"## {title}")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ") and "---" not in line]
    return [name.strip() for row in rows[1:] for name in row.split(",")]


def test_every_field_of_both_tables_is_spoken_for_once() -> None:
    assert len(XML0) == 26
    assert len(XML1) == 66
    for title, fields in (("XML0", XML0), ("XML1", XML1)):
        assert sorted(fields_of(title)) == sorted(fields)


def test_every_field_of_the_record_that_is_named_exists() -> None:
    named = set(re.findall(r"`(patient|visit|coverage|site)\.(\w+)", PAGE))
    assert len(named) > 20
    missing = [f"{part}.{name}" for part, name in named if name not in PARTS[part].__struct_fields__]
    assert missing == []
