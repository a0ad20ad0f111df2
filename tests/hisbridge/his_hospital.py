"""A hospital system that asks the portal for others, and checks every signature by itself."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from config.settings import HisProxySettings, load
from hisbridge.http import Answer, Question, poster
from hisbridge.lookups.his_proxy import MAX_ANSWER, HisProxy
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.questions import Coverage, CoverageQuestion
from tests.hisbridge.making import MOMENT, FakeClock
from wire.codec import to_json
from wire.server import Request, Response, json_response, serving

USUAL = load()
SITE = msgspec.structs.replace(USUAL.site, facility_code="99999")
DOOR = poster(MAX_ANSWER)
KEY = "khóa thử 0123456789"
MERCHANT = "TIEPDON-99999"
CARD: dict[str, Any] = {
    "MA_KQ": "000",
    "TEN_KQ": "(free text)",
    "MA_THE_BHYT": "GD4000000000000",
    "MA_DKBD": "99999",
    "GT_THE_TU": "2026-01-01",
    "GT_THE_DEN": "2026-12-31",
    "PHAN_TUYEN": "1",
    "TIEP_NHAN_BHYT": 1,
}
ALL_ANSWERS = {
    "full_name": "HO_TEN",
    "birth_date": "NGAY_SINH",
    "sex": "GIOI_TINH",
    "new_card_number": "MA_THE_MOI",
    "new_valid_from": "GT_THE_TU_MOI",
    "new_valid_to": "GT_THE_DEN_MOI",
    "new_registered_facility": "MA_DKBD_MOI",
    "social_security_number": "MA_SO_BHXH",
    "living_area": "MA_KV",
    "five_year_date": "NGAY_DU_5_NAM",
}


def question(**differences: Any) -> CoverageQuestion:
    usual: dict[str, Any] = {
        "personal_id": "000099999999",
        "full_name": "Nguyễn Văn Thử",
        "birth_date": "1999-01-02",
        "sex": "male",
        "visit_date": "2026-11-21",
    }
    return CoverageQuestion(**{**usual, **differences})


def settings(
    folder: Path, port: int = 9, answers: Mapping[str, str] | None = None, **differences: Any
) -> HisProxySettings:
    key = folder / "his-proxy-key"
    if not key.exists():
        key.write_text(KEY + "\r\n", "utf-8")
        key.chmod(0o600)
    usual = USUAL.his_proxy
    ours: dict[str, Any] = {
        "enabled": True,
        "base_url": f"http://127.0.0.1:{port}/his/",
        "merchant_id": MERCHANT,
        "secret_file": str(key),
        "answers": {**usual.answers, **(answers or {})},
        "timeout_seconds": 5.0,
    }
    return msgspec.structs.replace(usual, **{**ours, **differences})


def own_hmac(key: bytes, text: bytes) -> str:
    """HMAC-SHA256 by RFC 2104, section 2, written out."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


class Hospital:
    """The other side. It verifies merchant, clock and signature itself; `answers` gives data by number, else 404."""

    signed = ("SO_GTTT", "HO_TEN", "NGAY_SINH", "GIOI_TINH")

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = {"000099999999": CARD} if answers is None else answers
        self.now: Callable[[], datetime] = lambda: MOMENT
        self.asked: list[dict[str, Any]] = []
        self.stamps: list[str] = []

    def handle(self, request: Request) -> Response:
        told: dict[str, Any] = dict(request.query) if request.method == "GET" else json.loads(request.body)
        stamp = request.headers.get("x-timestamp", "")
        text = "|".join([*(told.get(name) or "" for name in self.signed), stamp])
        rightly = (
            request.headers.get("x-merchant-id") == MERCHANT
            and abs(int(stamp) / 1000 - self.now().timestamp()) < 300
            and request.headers.get("x-sign") == own_hmac(KEY.encode(), text.encode())
        )
        if not rightly:
            return json_response({"code": "999", "message": f"bad signature for {told}", "data": None}, 401)
        self.asked.append(told)
        self.stamps.append(stamp)
        found = self.answers.get(told["SO_GTTT"])
        if isinstance(found, Response):
            return found
        envelope = {"code": "404", "message": "none", "data": None} if found is None else {"code": "000", "data": found}
        return json_response(envelope)

    @contextmanager
    def serving(self) -> Iterator[int]:
        with serving(("127.0.0.1", 0), {(way, "/his/bhyt"): self.handle for way in ("GET", "POST")}) as address:
            assert isinstance(address, tuple)
            yield address[1]


def client(chosen: HisProxySettings, now: Callable[[], datetime] | None = None) -> HisProxy:
    return HisProxy(chosen, SITE, DOOR, Clocks(now=now or FakeClock()))


def asking(folder: Path, hospital: Hospital, asked: CoverageQuestion | None = None, **differences: Any) -> Coverage:
    with hospital.serving() as port:
        return client(settings(folder, port, **differences)).ask(asked or question())


def told(folder: Path, data: Any, asked: CoverageQuestion | None = None, **differences: Any) -> Coverage:
    """What becomes of this `data`, without a network in between."""

    def post(_question: Question, _deadline: float) -> Answer:
        return Answer(200, to_json({"code": "000", "message": "", "data": data}), "application/json")

    return HisProxy(settings(folder, **differences), SITE, post, Clocks(now=FakeClock())).ask(asked or question())
