"""`tiepdon scan text`: a line in, a line of JSON out."""

import io
import json
import subprocess
import sys
from datetime import date
from typing import get_args

import pytest

from reader.payload.parse import Kind
from reader.reading import Holder, InsuranceCard
from tiepdon.commands.scan_text import run_text

Q1 = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
B1 = "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|$"
COMMAND = [sys.executable, "-m", "tiepdon.main", "scan", "text"]


def scan(data: bytes) -> list[bytes]:
    out = io.BytesIO()
    assert run_text(io.BytesIO(data), out, date(2026, 7, 1)) == 0
    return out.getvalue().splitlines()


def test_a_citizen_card_is_one_object_with_every_field_named() -> None:
    (line,) = scan(Q1.encode() + b"\n")
    told = json.loads(line)
    assert list(told) == ["kind", "holder", "insurance", "document", "tail", "warnings", "reason"]
    assert list(told["holder"]) == list(Holder.__struct_fields__)
    assert told == {
        "kind": "citizen_card",
        "holder": {
            "personal_id": "001303900017",
            "full_name": "Trần Thị Mẫu",
            "birth_date": "2003-02-14",
            "sex": "female",
            "residence": "Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
            "issue_date": "2021-05-20",
            "expiry_date": None,
            "previous_id": "012345678",
            "ethnicity": None,
            "nationality": None,
            "place_of_origin": None,
        },
        "insurance": None,
        "document": None,
        "tail": [],
        "warnings": [],
        "reason": None,
    }


def test_an_insurance_card_is_told_by_its_own_fields() -> None:
    told = json.loads(scan(B1.encode())[0])
    assert (told["kind"], told["holder"]) == ("insurance_card", None)
    assert list(told["insurance"]) == list(InsuranceCard.__struct_fields__)
    assert told["insurance"]["full_name"] == "Trần Thị Mẫu"


def test_vietnamese_letters_stand_in_the_output_as_they_are() -> None:
    assert "Trần Thị Mẫu".encode() in scan(Q1.encode())[0]


def test_every_line_is_answered_in_order() -> None:
    lines = scan(b"\n" + Q1.encode() + b"\r\n\xff\xc3(\n" + B1.encode() + b"\n \n" + b"x" * 100_000 + b"\nlast")
    told = [json.loads(line) for line in lines]
    assert [(each["kind"], each["reason"]) for each in told] == [
        ("unknown", "payload.empty"),
        ("citizen_card", None),
        ("unknown", "payload.damaged"),
        ("insurance_card", None),
        ("unknown", "payload.empty"),
        ("unknown", "payload.too_long"),
        ("unknown", "payload.unrecognised"),
    ]


def test_nothing_in_gives_nothing_out() -> None:
    assert scan(b"") == []


def test_who_gives_no_standard_input_gets_no_answer_and_no_complaint() -> None:
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_longest_payload_is_still_one_line() -> None:
    for length in range(4090, 4105):
        assert len(scan(b"x" * length + b"\n" + Q1.encode() + b"\n")) == 2


def test_each_line_is_answered_before_the_next_is_sent() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for payload in (Q1, B1):
            process.stdin.write(payload.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["kind"] != "unknown"
        process.stdin.close()
        assert process.wait(30) == 0


def test_no_device_library_is_loaded() -> None:
    code = (
        "import sys\n"
        "from tiepdon.main import main\n"
        "main(['scan', 'text', '--json'])\n"
        "print(sorted({'cv2', 'numpy', 'pyzbar', 'serial', 'smartcard', 'flask'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, check=True, timeout=60)
    assert done.stdout.strip() == b"[]"


ZONE = ("IDVNM3039000177001303900017<<8", "0302140F2802149VNM<<<<<<<<<<<2", "TRAN<<THI<MAU<<<<<<<<<<<<<<<<<")


@pytest.mark.parametrize("between", ["", " ", "\r"], ids=["nothing", "a blank", "CR"])
def test_a_machine_readable_zone_stands_on_one_line(between: str) -> None:
    (line,) = scan(between.join(ZONE).encode() + b"\r\n")
    told = json.loads(line)
    assert (told["kind"], told["holder"]["personal_id"]) == ("mrz", "001303900017")
    assert (told["document"]["number"], told["holder"]["birth_date"]) == ("303900017", "2003-02-14")


def test_numbers_alone_are_told_by_their_length() -> None:
    told = [json.loads(line) for line in scan(b"001303900017\n012345678\n0199900017\n12345\n")]
    kinds = ["personal_id", "previous_id", "insurance_number", "unknown"]
    assert [each["kind"] for each in told] == kinds
    assert told[0]["holder"]["personal_id"] == "001303900017"
    assert told[1]["holder"]["previous_id"] == "012345678"
    assert told[2]["insurance"]["card_number"] == "0199900017"


def test_help_names_every_kind() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, check=True, timeout=60)
    assert set(get_args(Kind)) <= set(done.stdout.decode().split())


def test_payloads_ended_by_cr_alone_are_answered_one_by_one() -> None:
    first, second = map(json.loads, scan(Q1.encode() + b"\r" + B1.encode() + b"\r\n"))
    assert (first["kind"], second["kind"]) == ("citizen_card", "insurance_card")
