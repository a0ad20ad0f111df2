"""`tiepdon lookup address`: for people, for programs, and its exit codes."""

import argparse

import pytest

from hisbridge.addresses import Address
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
