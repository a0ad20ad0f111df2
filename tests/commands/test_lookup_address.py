"""`tiepdon lookup address`: for people, for programs, and its exit codes."""

import argparse
import io

import pytest

from hisbridge.addresses import Address, Reason
from tiepdon.commands import lookup_address
from wire.codec import from_json


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    lookup_address.register(parser.add_subparsers())
    options = parser.parse_args(["address", *arguments])
    code = options.run(options)
    assert isinstance(code, int)
    return code


def test_it_prints_codes_of_then_and_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("Ấp 3,", "Xã Mỹ Yên, Bến Lức, Long An") == 0
    told = capsys.readouterr().out
    assert "28018 Xã Mỹ Yên" in told
    assert "high (found)" in told


def test_a_split_ward_lists_what_it_may_be_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("P4, Q3, TPHCM") == 1
    told = capsys.readouterr().out
    assert "low (split)" in told
    assert told.count("may be:") == 2


def test_json_is_the_whole_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "không rõ") == 1
    assert from_json(capsys.readouterr().out, Address).reason == "nothing_found"


def test_today_s_ward_and_the_reason_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("Phường Hiệp Phú, Quận 9, TP HCM") == 0
    told = capsys.readouterr().out
    assert "26842 Phường Tăng Nhơn Phú" in told
    assert "choose or check" in told


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    assert lookup_address._WHY[reason]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_address_is_wrong_usage_and_says_so(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(text) == 2
    said = capsys.readouterr()
    assert "empty" in said.err
    assert said.out == ""


def test_signs_that_a_terminal_obeys_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("12\x1b[31m Lê Lợi\x07\r🏠, Phường Cửa Nam, Hoàn Kiếm, Hà Nội") == 1
    told = capsys.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in told)
    assert "🏠" in told


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_bytes_that_are_no_text_and_2000_characters_are_answered(
    form: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*form, "Phường Ba Đình, Hà Nội \udcff") == 0
    assert run(*form, "Ngõ 5, " * 300 + "Phường Ba Đình, Hà Nội") == 0
    assert "00004" in capsys.readouterr().out


def test_lines_of_the_standard_input_are_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = "Phường Ba Đình, Hà Nội\n\nP4, Q3, TPHCM\n\udcff".encode("utf-8", "surrogateescape")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(written)))
    assert run("--json", "-") == 1
    answers = [from_json(line, Address) for line in capsys.readouterr().out.splitlines()]
    assert [answer.reason for answer in answers] == [Reason.FOUND, Reason.SPLIT, Reason.NOTHING_FOUND]
