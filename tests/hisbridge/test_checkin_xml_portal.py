"""A check-in file is submitted once it is complete, its receipt is kept, and every other answer has an outcome."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from hisbridge.connectors.checkin_xml import CheckinXmlConnector
from hisbridge.connectors.checkin_xml_portal import succeeded
from hisbridge.connectors.contract import Outcome, Sending
from hisbridge.connectors.file_drop_errors import DropFolderMissing
from hisbridge.connectors.xml_documents import unmarked
from hisbridge.errors import DeliveryError, DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer
from hisbridge.records import Event
from tests.hisbridge.checkin_xml_asking import lying, only, portal, rendered, settled, submitting, told, visits
from tests.hisbridge.making import record
from wire.server import Request, Response, json_response, serving

WORDS = ("thành công", "success")
OK = {"maKetQua": "200", "maGiaoDich": "GD-SYN-0001", "thoiGianTiepNhan": "20261121075301", "thongDiep": "Thành công"}
PATHS = ("/api/qd130/checkInKcbQd4750", "/api/qd130/checkInKcbQd3176")


@contextmanager
def answering(
    folder: Path, answer: Callable[[Request], Response], **differences: Any
) -> Iterator[tuple[CheckinXmlConnector, list[Request]]]:
    """A portal that gives tokens and answers every submission so; it records what it was sent."""
    folder.mkdir(exist_ok=True)
    seen: list[Request] = []
    tokens = iter(range(1, 100))

    def take(request: Request) -> Response:
        number = next(tokens)
        key = {"access_token": f"A{number}", "id_token": f"I{number}", "expires_in": "2099-01-01T00:00:00Z"}
        return json_response({"maKetQua": "200", "APIKey": key})

    def submit(request: Request) -> Response:
        seen.append(request)
        return answer(request)

    routes = {("POST", "/api/token/take"): take, **{("POST", path): submit for path in PATHS}}
    with serving(("127.0.0.1", 0), routes) as address:
        assert isinstance(address, tuple)
        connector = CheckinXmlConnector(submitting(folder, address[1], **differences))
        try:
            yield connector, seen
        finally:
            connector.close()


def always(told_: dict[str, Any] | bytes, status: int = 200) -> Callable[[Request], Response]:
    body = told_ if isinstance(told_, bytes) else json.dumps(told_).encode()
    return lambda _: Response(status, body)


def test_a_complete_check_in_is_taken_and_its_receipt_is_kept(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        receipt = told(to, settled())
        assert receipt.outcome is Outcome.ACKNOWLEDGED
        (taken,) = sand.check_ins.taken()
        assert taken.fields == only(rendered(to, settled()))
        assert receipt.text.startswith(f"maGiaoDich {taken.receipt} 20")
        assert lying(tmp_path / "drafts") == []
        to.probe()
        assert sand.counts()["tokens"] == 1


def test_headers_and_body_are_those_of_the_document(tmp_path: Path) -> None:
    with answering(tmp_path / "drafts", always(OK)) as (to, seen):
        receipt = told(to, settled())
        assert receipt.text == "maGiaoDich GD-SYN-0001 20261121075301"
        (request,) = seen
        assert request.path == PATHS[0]
        assert request.query == {}
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert (request.headers["accesstoken"], request.headers["tokenid"]) == ("A1", "I1")
        assert len(request.headers["passwordhash"]) == 32
        form = parse_qs(request.body.decode(), strict_parsing=True)
        file = base64.b64decode(form.pop("fileHSBase64")[0])
        assert form == {"username": ["99999_BV"], "loaiHoSo": ["0"], "maTinh": ["01"], "maCSKCB": ["01028"]}
        assert file == unmarked(rendered(to, settled()))
        assert b"tiepdon" not in file
        assert visits(file)


def test_the_path_follows_the_decision_in_force(tmp_path: Path) -> None:
    with answering(tmp_path / "drafts", always(OK), path=PATHS[1]) as (to, seen):
        told(to, settled())
        assert [request.path for request in seen] == [PATHS[1]]


def test_an_incomplete_draft_is_never_submitted_and_the_later_record_is(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        receipt = told(to, record())
        assert receipt.outcome is Outcome.ACKNOWLEDGED
        assert receipt.text.endswith("(open MA_DOITUONG_KCB:required)")
        assert sand.check_ins.calls() == 0
        assert [Path(name).suffix for name in lying(tmp_path / "drafts")] == [".incomplete"]
        told(to, settled(event=Event.UPDATED, revision=1))
        assert len(sand.check_ins.taken()) == 1
        assert lying(tmp_path / "drafts") == []


@pytest.mark.parametrize(
    ("sent", "why", "differences"),
    [
        (settled(), "synthetic", {"submit_synthetic": False}),
        (settled("9"), "no insurance visit", {}),
        (settled(event=Event.CANCELLED), "cancelled", {}),
    ],
)
def test_what_is_no_business_of_the_insurer_stays_here(
    tmp_path: Path, sent: Any, why: str, differences: dict[str, Any]
) -> None:
    with portal(tmp_path / "drafts", **differences) as (sand, to):
        receipt = told(to, sent)
        assert receipt.text.endswith(f"({why})")
        assert sand.check_ins.calls() == 0
        assert len(lying(tmp_path / "drafts")) == 1


def test_a_resend_repeats_the_same_file_under_the_same_visit(tmp_path: Path) -> None:
    with answering(tmp_path / "drafts", always(OK)) as (to, seen):
        told(to, settled(), 1)
        told(to, settled(), 2)
        assert seen[0].body == seen[1].body


def test_a_token_that_is_refused_is_renewed_once(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        told(to, settled())
        sand.set_fault("portal.token_expired", "once")
        later = msgspec.structs.replace(settled().visit, visit_id="visit-2")
        assert told(to, settled(visit=later)).outcome is Outcome.ACKNOWLEDGED
        assert sand.counts()["tokens"] == 2
        assert len(sand.check_ins.taken()) == 2


@pytest.mark.parametrize(
    "refusal",
    [always({**OK, "maKetQua": "401"}), always({**OK, "maKetQua": "403"}), always(b"", 401), always(b"", 403)],
)
def test_an_account_that_may_not_submit_stops_the_destination_after_one_fresh_token(
    tmp_path: Path, refusal: Callable[[Request], Response]
) -> None:
    with answering(tmp_path / "drafts", refusal) as (to, seen):
        assert told(to, settled()).outcome is Outcome.MISCONFIGURED
        assert [request.headers["accesstoken"] for request in seen] == ["A1", "A2"]


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (always({**OK, "thongDiep": ""}), Outcome.ACKNOWLEDGED, "maGiaoDich GD-SYN-0001 20261121075301"),
        (always({**OK, "thongDiep": "MA_THE_BHYT sai"}), Outcome.REJECTED, "200 with an error text GD-SYN-0001"),
        (always({**OK, "maGiaoDich": ""}), Outcome.REJECTED, "200 without maGiaoDich"),
        (always({**OK, "maKetQua": "201"}), Outcome.REJECTED, "201"),
        (always({**OK, "maKetQua": "202"}), Outcome.REJECTED, "202"),
        (always({**OK, "maKetQua": "500"}), Outcome.TRY_LATER, "500"),
        (always(b"", 500), Outcome.TRY_LATER, "HTTP 500"),
        (always(b"", 400), Outcome.REJECTED, "HTTP 400"),
        (always(b"", 404), Outcome.MISCONFIGURED, "HTTP 404"),
        (always(b"", 302), Outcome.MISCONFIGURED, "HTTP 302"),
    ],
)
def test_every_answer_has_an_outcome(
    tmp_path: Path, answer: Callable[[Request], Response], outcome: Outcome, text: str
) -> None:
    with answering(tmp_path / "drafts", answer) as (to, _):
        receipt = told(to, settled())
        assert (receipt.outcome, receipt.text) == (outcome, text)


@pytest.mark.parametrize(
    ("text", "well"),
    [
        ("", True),
        ("Thành công", True),
        ("Tiếp nhận hồ sơ THÀNH CÔNG.", True),
        ("Success", True),
        ("Gửi hồ sơ không thành công", False),
        ("Chưa thành công", False),
        ("Unsuccessful", False),
        ("Thành công, 1 lỗi", False),
        ("Đã tiếp nhận", False),
    ],
)
def test_the_text_beside_200_is_read_as_a_person_would(text: str, well: bool) -> None:
    assert succeeded(text, WORDS) is well


def test_a_portals_own_wording_of_success_can_be_told_in_the_settings() -> None:
    assert succeeded("Đã tiếp nhận, không có lỗi", ("Đã tiếp nhận, không có lỗi",))


def test_a_portal_that_is_down_for_maintenance_uses_up_nobodys_tries(tmp_path: Path) -> None:
    with answering(tmp_path / "drafts", always(b"", 503)) as (to, _):
        for attempt in (1, 2, 3):
            with pytest.raises(DestinationUnreachable):
                told(to, settled(), attempt)


FAULTS = [
    ("portal.down", "on", DestinationUnreachable),
    ("portal.html", "on", DeliveryError),
    ("portal.500", "on", DeliveryError),
    ("portal.maintenance", "503", DestinationUnreachable),
    ("portal.maintenance", "200", DeliveryError),
    ("portal.reset", "on", NoAnswer),
    ("portal.half", "body", GarbledAnswer),
    ("portal.half", "length", NoAnswer),
    ("portal.empty", "on", GarbledAnswer),
    ("portal.garbage", "on", GarbledAnswer),
    ("portal.slow_checkin", "30", NoAnswer),
    ("portal.drip", "30", NoAnswer),
]


@pytest.mark.parametrize(("fault", "value", "kind"), FAULTS)
@pytest.mark.parametrize("held", [False, True], ids=["without a token", "with a token"])
def test_whatever_the_line_does_the_outcome_is_unknown_and_the_next_attempt_passes(
    tmp_path: Path, fault: str, value: str, kind: type[DeliveryError], held: bool
) -> None:
    with portal(tmp_path / "drafts", timeout_seconds=1.0) as (sand, to):
        if held:
            to.probe()
        sand.set_fault(fault, value)
        if fault == "portal.500" and held:  # an answer to the submission itself
            assert told(to, settled()).outcome is Outcome.TRY_LATER
        else:
            with pytest.raises(kind):
                told(to, settled())
        sand.set_fault(fault, None)
        assert told(to, settled(), 2).outcome is Outcome.ACKNOWLEDGED
        # The portal sees the same MA_LK again where the first one had arrived: it has no other key of ours.
        assert {taken.fields["MA_LK"] for taken in sand.check_ins.taken()} == {"visit-1"}


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("error_text", Outcome.REJECTED),
        ("no_receipt", Outcome.REJECTED),
        ("refused", Outcome.REJECTED),
        ("server_error", Outcome.TRY_LATER),
        ("403", Outcome.MISCONFIGURED),
    ],
)
def test_the_sandbox_plays_every_answer_of_a_submission(tmp_path: Path, value: str, outcome: Outcome) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        sand.set_fault("portal.checkin", value)
        assert told(to, settled()).outcome is outcome
        assert sand.check_ins.taken() == ()


@pytest.mark.parametrize(
    ("differences", "why"),
    [
        ({"password_file": "/nowhere"}, "portal.password_missing"),
        ({"username": ""}, "portal.not_configured"),
        ({"base_url": ""}, "portal.not_configured"),
        ({"ca_file": "/nowhere"}, "portal.ca_file_unusable"),
    ],
)
def test_a_setting_that_makes_every_attempt_vain_is_named(
    tmp_path: Path, differences: dict[str, Any], why: str
) -> None:
    with portal(tmp_path / "drafts", **differences) as (_, to):
        for attempt in (lambda: told(to, settled()), to.probe):
            with pytest.raises(DestinationSetup) as told_:
                attempt()
            assert told_.value.data["why"] == why


def test_what_was_submitted_is_acknowledged_though_the_folder_is_away(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        (tmp_path / "drafts").rmdir()
        assert told(to, settled(event=Event.UPDATED, revision=1)).outcome is Outcome.ACKNOWLEDGED
        assert len(sand.check_ins.taken()) == 1
        with pytest.raises(DropFolderMissing):
            told(to, record(event=Event.UPDATED, revision=2))


def test_a_wrong_password_stops_the_destination(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        sand.set_fault("portal.bad_account", "on")
        with pytest.raises(DestinationSetup):
            told(to, settled())


def test_a_portal_that_is_away_is_unreachable_for_the_probe_too(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        sand.set_fault("portal.down", "on")
        with pytest.raises(DestinationUnreachable):
            to.probe()


def test_neither_person_nor_secret_is_in_a_receipt_an_error_or_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told_ = {**OK, "maGiaoDich": "GD 1\n<b>", "thongDiep": "Lỗi của Nguyễn Thị Hoài Thử 001303900017"}
    with answering(tmp_path / "drafts", always(told_)) as (to, seen):
        receipt = told(to, settled())
    assert receipt.text == "200 with an error text GD1b"
    spoken = caplog.text + receipt.text
    for secret in ("001303900017", "Hoài", "A1", seen[0].headers["passwordhash"], "mật khẩu"):
        assert secret not in spoken


def test_a_message_that_is_none_of_ours_is_submitted_nowhere(tmp_path: Path) -> None:
    with portal(tmp_path / "drafts") as (sand, to):
        with pytest.raises(GarbledAnswer):
            to.send(b"<x/>", Sending("KEY", 1))
        assert sand.check_ins.calls() == 0
