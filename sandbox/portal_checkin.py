"""The pretend portal's other call: a check-in file (XML0) is submitted and gets a receipt (services.md 1.6, 3.2).

Reads the file with a parser of its own and judges it by the document alone; keeps what it took, by MA_LK.
"""

import base64
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from xml.parsers import expat

from wire.codec import Record
from wire.server import Request

PATHS = ("/api/qd130/checkInKcbQd4750", "/api/qd130/checkInKcbQd3176")
MOST_KEPT = 10_000
REQUIRED = (
    *("MA_LK", "STT", "MA_BN", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "MA_DOITUONG_KCB", "NGAY_VAO"),
    *("MA_LOAI_KCB", "MA_CSKCB", "NGAY_YL"),
)
NAMES = (
    *("MA_LK", "STT", "MA_BN", "HO_TEN", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "MA_THE_BHYT", "MA_DKBD", "GT_THE_TU"),
    *("GT_THE_DEN", "MA_DOITUONG_KCB", "NGAY_VAO", "NGAY_VAO_NOI_TRU", "LY_DO_VNT", "MA_LY_DO_VNT", "MA_LOAI_KCB"),
    *("MA_CSKCB", "MA_DICH_VU", "TEN_DICH_VU", "MA_THUOC", "TEN_THUOC", "MA_VAT_TU", "TEN_VAT_TU", "NGAY_YL"),
    "DU_PHONG",
)


class Taken(Record, frozen=True, kw_only=True):
    """One visit the portal took: its receipt, and the fields as they came."""

    receipt: str
    fields: dict[str, str]


class CheckIns:
    """What was submitted. `clock` gives the moment (aware) of the receipt."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: list[Taken] = []
        self._calls = 0

    def taken(self) -> tuple[Taken, ...]:
        """Every visit that was taken, in order; one that came twice is there twice."""
        with self._lock:
            return tuple(self._taken)

    def calls(self) -> int:
        """How many files came, taken or not."""
        with self._lock:
            return self._calls

    def submitted(self, request: Request, account: str) -> dict[str, Any]:
        """The answer to a file that came under this account."""
        with self._lock:
            self._calls += 1
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("username") != account or form.get("loaiHoSo") != "0":
            return self.answer("205", text="Sai tham số")
        try:
            visits = _visits(base64.b64decode(form.get("fileHSBase64", ""), validate=True))
        except ValueError:
            return self.answer("201", text="Sai định dạng XML")
        if not visits:
            return self.answer("204", text="Không có hồ sơ")
        facility = form.get("maCSKCB", "")
        fit = form.get("maTinh") == facility[:2] and all(_complete(fields, facility) for fields in visits)
        if not fit:
            return self.answer("202", text="Sai nội dung")
        with self._lock:
            receipt = f"GD-SANDBOX-{len(self._taken) + 1:06d}"
            self._taken += [Taken(receipt=receipt, fields=fields) for fields in visits]
            del self._taken[:-MOST_KEPT]
        return self.answer("200", receipt, "Thành công")

    def answer(self, code: str, receipt: str = "", text: str = "") -> dict[str, Any]:
        """The documented fields."""
        return {
            "maKetQua": code,
            "maGiaoDich": receipt,
            "thoiGianTiepNhan": self._clock().strftime("%Y%m%d%H%M%S"),
            "thongDiep": text,
        }


def _complete(fields: dict[str, str], facility: str) -> bool:
    cost = any(fields[name] for name in ("MA_DICH_VU", "MA_THUOC", "MA_VAT_TU"))
    return cost and fields["MA_CSKCB"] == facility and all(fields[name] for name in REQUIRED)


def _visits(document: bytes) -> list[dict[str, str]]:
    """Each TRANG_THAI_KCB, its elements those of the table in their order. Raises ValueError."""
    visits: list[dict[str, str]] = []
    path: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        path.append(name)
        if path[:2] != ["CHI_TIEU_TRANG_THAI_KCB", "DSACH_TRANG_THAI_KCB"][: len(path)] and name != "CHUKYDONVI":
            raise ValueError
        if len(path) == 3:
            visits.append({})
        elif len(path) == 4:
            visits[-1][name] = ""

    def text(piece: str) -> None:
        if len(path) == 4:
            visits[-1][path[-1]] += piece

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler = lambda _: path.pop() and None
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise ValueError from None
    if any(tuple(fields) != NAMES for fields in visits):
        raise ValueError
    return visits
